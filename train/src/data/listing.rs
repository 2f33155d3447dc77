//! Which files of a folder or zip are images, of which class; and what is left out, because a class that lost half of
//! its images without a word gives a wrong result.

use crate::output::{self, tell};
use nsa_core::data::Split;
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;

/// What browsers read, by the ends of names.
const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "jfif", "webp", "gif", "bmp"];
/// Folders and files that systems and programs make for themselves, in small letters; so is every one whose name begins
/// with a point.
const OF_SYSTEMS: [&str; 16] = [
    "__macosx",
    "__pycache__",
    "@eadir",
    "@recycle",
    "@recently-snapshot",
    "@tmp",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "lost+found",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "picasa.ini",
];

/// A path in a folder or zip.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// As the folder or zip has it.
    pub(super) name: String,
    pub(super) folder: bool,
    /// Whether the name is one; else it is a rendering of what is no Unicode.
    pub(super) unicode: bool,
}

/// Something that a person should know of a split's files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Remark {
    /// What there is to say.
    pub why: String,
    /// Of which file or folder.
    pub name: String,
}

/// Tells on stderr what was left out `of` something, by the reason.
pub fn report(remarks: &[Remark], of: &str) {
    for same in remarks.chunk_by(|a, b| a.why == b.why) {
        let named: Vec<String> = same.iter().take(3).map(|remark| output::name(&remark.name)).collect();
        let more = if same.len() > 3 { format!(" and {} more", same.len() - 3) } else { String::new() };
        let (files, why) = (named.join(", "), output::name(&same[0].why));
        tell!("warning: {} of {of}: {files}{more}: {why}", same.len());
    }
}

/// One split: its images by class and name.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Class and name of each image, in this order.
    pub(super) images: Vec<(String, String)>,
    /// Of both splits, in alphabetical order.
    pub(super) classes: Vec<String>,
    pub(super) remarks: Vec<Remark>,
    /// What lies at the top, for the message if there is no image.
    pub(super) top: BTreeSet<String>,
}

impl Listing {
    pub(super) fn of(found: Vec<Found>, split: Split) -> Self {
        let mut listing = Self::default();
        let (mut classes, mut remarks) = (BTreeSet::new(), BTreeSet::new());
        // By class, how its folder is written in this split, and how many images it has there.
        let mut folders: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for Found { name, folder, unicode } in found {
            // Archives made on Windows have its separator.
            let path = name.replace('\\', "/");
            let Some((of, rest)) = in_split(&path) else {
                listing.top.extend(path.split('/').next().map(String::from));
                continue;
            };
            let place = Place::of(rest, folder, unicode);
            if let Place::Image(class) = &place {
                classes.insert(class.nfc().collect::<String>());
            }
            if of != split {
                continue;
            }
            match place {
                Place::Image(class) => {
                    let normal: String = class.nfc().collect();
                    let known = folders.entry(normal.clone()).or_insert((class.clone(), 0));
                    known.1 += 1;
                    if known.0 != class {
                        let why = "another spelling of the same class's name in Unicode: counted with it".into();
                        remarks.insert(Remark { why, name: format!("{split}/{class}/") });
                    }
                    listing.images.push((normal, name));
                }
                Place::Class(class) => {
                    folders.entry(class.nfc().collect()).or_insert((class, 0));
                }
                Place::LeftOut { depth, why } => {
                    let mut name: Vec<&str> = rest.split('/').take(depth).collect();
                    name.insert(0, split.name());
                    remarks.insert(Remark { why, name: name.join("/") });
                }
                Place::OfASystem => (),
            }
        }
        for (class, (_, images)) in &folders {
            let name = format!("{split}/{class}/");
            if *images == 0 {
                remarks.insert(Remark { why: "a class without an image: not counted in this split".into(), name });
            } else if let Some(other) = classes.iter().find(|o| *o != class && o.to_lowercase() == class.to_lowercase())
            {
                let why = format!("differs from class {other:?} in capital letters only: both are counted");
                remarks.insert(Remark { why, name });
            }
        }
        listing.images.sort();
        listing.classes = classes.into_iter().collect();
        listing.remarks = remarks.into_iter().collect();
        listing
    }
}

/// What a path inside a split's folder is.
enum Place {
    Image(String),
    /// The folder of a class.
    Class(String),
    /// Named by its first `depth` parts.
    LeftOut {
        depth: usize,
        why: String,
    },
    OfASystem,
}

impl Place {
    fn of(path: &str, folder: bool, unicode: bool) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let left_out = |depth, why: &str| Self::LeftOut { depth, why: why.into() };
        match *parts.as_slice() {
            [] => Self::OfASystem,
            _ if !unicode => left_out(parts.len(), "a name that is not UTF-8: left out; give it another"),
            [class, ..] if is_of_a_system(class) => {
                if folder || parts.len() > 1 {
                    left_out(1, "a folder of a program, not a class: left out")
                } else {
                    Self::OfASystem
                }
            }
            [class] if folder => Self::Class(class.into()),
            [_] => left_out(1, "a file that is in no class's folder: left out"),
            [_, file] if !folder && is_of_a_system(file) => Self::OfASystem,
            [class, file] if !folder => match ending(file) {
                Some(end) if EXTENSIONS.contains(&end.as_str()) => Self::Image(class.into()),
                Some(end) => Self::LeftOut { depth: 2, why: format!("ends in .{end}, which is no image: left out") },
                None => left_out(2, "has no extension: left out"),
            },
            _ => left_out(2, "a folder inside a class's folder: left out; put its images into the class's"),
        }
    }
}

/// The split of a path and what follows its folder: `[TOP/]train/...`. Archives often have one folder around everything.
fn in_split(path: &str) -> Option<(Split, &str)> {
    let split = |path: &str| path.parse::<Split>().ok();
    let (first, rest) = path.split_once('/')?;
    if let Some(found) = split(first) {
        return Some((found, rest));
    }
    let (second, rest) = rest.split_once('/')?;
    Some((split(second)?, rest)).filter(|_| !is_of_a_system(first))
}

/// What an entry of a folder of images is, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An image that a person put there.
    Image,
    /// What a system or a program made for itself.
    OfASystem,
    /// Anything else, and why it is left out.
    LeftOut(String),
}

impl Entry {
    /// Of a name inside a folder.
    pub fn of(name: &str, folder: bool) -> Self {
        match ending(name) {
            _ if is_of_a_system(name) => Self::OfASystem,
            _ if folder => Self::LeftOut("a folder inside the folder: left out; name it, too".into()),
            Some(end) if EXTENSIONS.contains(&end.as_str()) => Self::Image,
            Some(end) => Self::LeftOut(format!("ends in .{end}, which is no image: left out")),
            None => Self::LeftOut("has no extension: left out".into()),
        }
    }
}

fn ending(name: &str) -> Option<String> {
    name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase())
}

pub(super) fn is_of_a_system(name: &str) -> bool {
    name.starts_with('.') || OF_SYSTEMS.contains(&name.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paths: &[&str], split: Split) -> Listing {
        let found = |path: &&str| Found {
            name: path.to_string(),
            folder: path.ends_with('/'),
            unicode: !path.contains('\u{fffd}'),
        };
        Listing::of(paths.iter().map(found).collect(), split)
    }

    fn remarks(paths: &[&str]) -> Vec<String> {
        listing(paths, Split::Test).remarks.iter().map(|r| format!("{}: {}", r.name, r.why)).collect()
    }

    /// Guards the kind reported of image folders as ".ipynb_checkpoints became a class".
    #[test]
    fn what_programs_leave_behind_is_no_class() {
        let paths = [
            "test/cat/1.png",
            "test/.ipynb_checkpoints/1.png",
            "test/@eaDir/1.png",
            "test/.thumbnails/1.png",
            "test/@Recycle/1.png",
            "test/#recycle/1.png",
            "test/__macosx/1.png",
            "test/thumbs.db",
            "test/cat/.DS_Store",
            "test/.DS_Store",
            "test/Thumbs.db",
            "__MACOSX/test/cat/._1.png",
        ];
        let found = listing(&paths, Split::Test);
        assert_eq!((found.classes, found.images.len()), (vec!["cat".to_string()], 1));
        assert_eq!(
            remarks(&paths),
            ["#recycle", ".ipynb_checkpoints", ".thumbnails", "@Recycle", "@eaDir", "__macosx"]
                .map(|f| format!("test/{f}: a folder of a program, not a class: left out"))
        );
    }

    /// Guards the kind reported as "fewer images than there are files, and nobody said so".
    #[test]
    fn what_is_left_out_is_named() {
        let found = remarks(&[
            "test/cat/1.png",
            "test/cat/2.tiff",
            "test/cat/README",
            "test/cat/more/3.png",
            "test/cat/more/4.png",
            "test/loose.png",
            "test/dog/",
            "test/cat/\u{fffd}.png",
            "train/cat/notes.txt",
        ]);
        let expected = [
            "test/cat/more: a folder inside a class's folder: left out; put its images into the class's",
            "test/dog/: a class without an image: not counted in this split",
            "test/loose.png: a file that is in no class's folder: left out",
            "test/cat/\u{fffd}.png: a name that is not UTF-8: left out; give it another",
            "test/cat/2.tiff: ends in .tiff, which is no image: left out",
            "test/cat/README: has no extension: left out",
        ];
        assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected.map(String::from).iter().collect());
    }

    /// Guards the kind reported of zips made on a Mac (decomposed names) and of folders copied from Windows.
    #[test]
    fn names_that_differ_only_in_normalisation_are_one_class_and_in_case_two() {
        let composed = "train/caf\u{e9}/1.png";
        let decomposed = "test/cafe\u{301}/1.png";
        let found = listing(&[composed, decomposed], Split::Test);
        assert_eq!(found.classes, ["caf\u{e9}"]);
        assert_eq!(found.images, [("caf\u{e9}".to_string(), decomposed.to_string())]);
        let said = remarks(&["test/Cat/1.png", "test/cat/1.png"]);
        assert_eq!(said.len(), 2);
        assert!(said[0].contains("in capital letters only: both are counted"), "{said:?}");
    }

    /// Guards the kind reported as "zip from Windows gives no images".
    #[test]
    fn backslashes_are_separators() {
        let found = listing(&["all\\test\\cat\\1.png", "all\\train\\cat\\1.png"], Split::Test);
        assert_eq!(found.images, [("cat".to_string(), "all\\test\\cat\\1.png".to_string())]);
        assert_eq!(listing(&["Train/cat/1.png", "val/x.png"], Split::Test).top.len(), 2);
    }
}
