//! The parts of hand-written pages that the report writes.
//!
//! A part stands between `<!-- nsa report: NAME -->` and `<!-- end of NAME -->`, each on a line of its own.

use crate::error::NsaError;
use std::path::Path;

/// The page with its parts written anew. `parts` are names with their Markdown.
pub fn fill(path: &Path, page: &str, parts: &[(&str, String)]) -> Result<String, NsaError> {
    let refused = |must: String, found: &str| NsaError::File { path: path.into(), must, found: found.into() };
    let mut filled = page.to_string();
    let mut found = false;
    for (name, text) in parts {
        let [start, end] = [format!("<!-- nsa report: {name} -->\n"), format!("<!-- end of {name} -->")];
        let Some((before, rest)) = filled.split_once(&start) else { continue };
        let Some((_, after)) = rest.split_once(&end) else {
            return Err(refused(format!("end the part with `{end}`"), "no such line"));
        };
        filled = format!("{before}{start}\n{}\n\n{end}{after}", text.trim());
        found = true;
    }
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    let must = || format!("have `<!-- nsa report: NAME -->`, NAME one of {}", names.join(", "));
    found.then_some(filled).ok_or_else(|| refused(must(), "none of them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(page: &str) -> Result<String, String> {
        fill(Path::new("a.md"), page, &[("one", "1\n".into()), ("two", "2".into())]).map_err(|e| e.to_string())
    }

    #[test]
    fn what_stands_between_the_marks_is_written_anew() {
        let page = "a\n<!-- nsa report: two -->\nold\n<!-- end of two -->\nb\n";
        let once = filled(page).unwrap();
        assert_eq!(once, "a\n<!-- nsa report: two -->\n\n2\n\n<!-- end of two -->\nb\n");
        assert_eq!(filled(&once).unwrap(), once);
        assert!(filled("a\n").unwrap_err().contains("NAME one of one, two"));
        assert!(filled("<!-- nsa report: one -->\n").unwrap_err().contains("<!-- end of one -->"));
    }
}
