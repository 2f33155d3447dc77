//! The floors of the house: a module of this crate imports only from modules above it in the table of `src/lib.rs`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules from the ground up, as the crate's documentation has them.
fn floors() -> Vec<String> {
    let lib = fs::read_to_string("src/lib.rs").unwrap();
    let row = |line: &str| Some(line.strip_prefix("//! | [`")?.split_once('`')?.0.to_string());
    lib.lines().filter_map(row).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The modules that code names by `crate::`; what `lib.rs` takes from `features` counts as that.
fn imports(code: &str) -> Vec<String> {
    let word = |path: &str| path.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let module = |name: String| if name.starts_with("Feature") { "features".into() } else { name };
    let names = code.split("crate::").skip(1).flat_map(|path| match path.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').map(word).collect(),
        None => vec![word(path)],
    });
    names.map(module).collect()
}

#[test]
fn a_module_imports_only_from_those_above_it_in_the_table() {
    let floors = floors();
    let floor = |module: &str| floors.iter().position(|known| known == module);
    let mut seen = 0;
    for file in files(Path::new("src")) {
        let inside = file.strip_prefix("src").unwrap();
        let own = inside.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        if own == "lib" {
            continue;
        }
        let own_floor = floor(&own).unwrap_or_else(|| panic!("{own} must have a row in the table of src/lib.rs"));
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let Some(other) = floor(&import) else { continue };
            seen += usize::from(other < own_floor);
            assert!(other <= own_floor, "{}: {own} must not import from {import}, which stands on it", file.display());
        }
    }
    assert!(seen > 100, "the imports of the crate must be found, found {seen}");
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    let code = "use crate::data::Split;\nuse crate::{FeatureError, model};\nlet x = crate::eval::auroc(a, b);";
    assert_eq!(imports(code), ["data", "features", "model", "eval"]);
}
