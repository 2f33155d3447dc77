//! What a person names by `--out`: looked at before the work begins, and again when the result is put there.

use super::{PartFile, folder_of, is_same, place_of, writing};
use crate::error::NsaError;
use std::fs::{self, File, Metadata};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a command writes.
#[derive(Debug)]
pub struct Kind {
    /// For people, as in "is no bundle".
    pub name: &'static str,
    /// Whether a file is one: an earlier result, which a new one may replace.
    pub is: fn(&Path) -> bool,
}

/// A file to write. It replaces an earlier result of its kind; anything else only if the person insists (`--force`),
/// and never what the command reads. Links are followed, devices and pipes are written to.
#[derive(Debug)]
pub struct Output {
    said: PathBuf,
    place: PathBuf,
    kind: &'static Kind,
    force: bool,
    inputs: Vec<PathBuf>,
}

impl Output {
    /// The file `said`, of a command that reads `inputs`: files, or folders with files in them.
    ///
    /// # Errors
    /// It cannot be written there, or must not be replaced.
    pub fn new(said: &Path, kind: &'static Kind, force: bool, inputs: &[&Path]) -> Result<Self, NsaError> {
        let place = if is_stream(said) { Ok(said.into()) } else { place_of(said) };
        let inputs = inputs.iter().map(|path| path.to_path_buf()).collect();
        let output = Self { said: said.into(), place: place.map_err(writing(said))?, kind, force, inputs };
        output.check()?;
        Ok(output)
    }

    /// As the person named it.
    pub fn path(&self) -> &Path {
        &self.said
    }

    fn check(&self) -> Result<(), NsaError> {
        let Self { said, place, kind, force, inputs } = self;
        let refused = |why: &str| Err(NsaError::Usage(format!("{} {why}", said.display())));
        if inputs.iter().any(|input| is_same(input, place)) {
            return refused("is what this command reads, or writes besides: choose another --out");
        }
        let found = match fs::metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match fs::metadata(folder_of(place)) {
                    Ok(folder) if !folder.is_dir() => refused("cannot be there: what it would lie in is no folder"),
                    Ok(_) => Ok(()),
                    Err(error) => Err(writing(said)(error)),
                };
            }
            found => found.map_err(writing(said))?,
        };
        if found.is_dir() {
            return refused("is a folder: --out must be a file");
        }
        // Nothing is lost with an empty file, which `mktemp` leaves.
        if !found.is_file() || found.len() == 0 || (kind.is)(place) && !found.permissions().readonly() {
            return Ok(());
        }
        if inputs.iter().any(|input| is_inside(place, input)) {
            return refused("lies among what this command reads: choose another --out");
        }
        match (*force, found.permissions().readonly()) {
            (true, _) => Ok(()),
            (false, true) => {
                refused("is there already and may not be written to: choose another --out, or say --force")
            }
            (false, false) => {
                let why = format!("is there already and is no {}: choose another --out, or say --force", kind.name);
                refused(&why)
            }
        }
    }

    /// Begins to write.
    pub fn begin(&self) -> Result<Writing, NsaError> {
        let through = is_stream(&self.place);
        // What goes through a pipe is made elsewhere first: a writer may want to go back in it.
        let place = if through { std::env::temp_dir().join("output") } else { self.place.clone() };
        Ok(Writing { part: PartFile::new(&place).map_err(writing(&self.said))?, through })
    }

    /// Puts what was written in its place.
    pub fn put(&self, mut written: Writing) -> Result<(), NsaError> {
        // Hours may have passed.
        self.check()?;
        let put = || match written.through {
            false => written.part.put(),
            true => {
                let file = written.part.file();
                file.rewind()?;
                io::copy(file, &mut File::options().write(true).open(&self.place)?).map(drop)
            }
        };
        put().map_err(writing(&self.said))
    }

    /// Writes all of it at once.
    pub fn write(&self, bytes: &[u8]) -> Result<(), NsaError> {
        let mut writing_to = self.begin()?;
        writing_to.write_all(bytes).map_err(writing(&self.said))?;
        self.put(writing_to)
    }
}

/// An [`Output`] that is being written. It is gone if it is not put in its place.
#[derive(Debug)]
pub struct Writing {
    part: PartFile,
    through: bool,
}

impl Writing {
    /// Where it can be read meanwhile.
    pub fn path(&self) -> &Path {
        self.part.path()
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.file().flush()
    }
}

impl Seek for Writing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.part.file().seek(to)
    }
}

/// A device or a pipe.
fn is_stream(path: &Path) -> bool {
    let is = |found: Metadata| !found.is_file() && !found.is_dir();
    fs::metadata(path).is_ok_and(is)
}

fn is_inside(path: &Path, folder: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(folder)) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Kind =
        Kind { name: "greeting", is: |path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"hello")) };

    #[test]
    fn only_an_earlier_result_is_replaced_unless_one_insists() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, force, inputs: &[&Path]| {
            Output::new(&at(name), &TEXT, force, inputs).and_then(|output| output.write(b"hello, you"))
        };
        let refused = |name: &str, force, inputs: &[&Path]| write(name, force, inputs).unwrap_err();
        write("new", false, &[]).unwrap();
        write("new", false, &[]).unwrap();
        fs::write(at("mine"), "dear to me").unwrap();
        let error = refused("mine", false, &[]);
        assert!(
            error
                .to_string()
                .ends_with("mine is there already and is no greeting: choose another --out, or say --force")
        );
        assert_eq!(error.exit_code(), 2);
        assert!(refused("mine", true, &[&at("mine")]).to_string().contains("is what this command reads"));
        assert!(refused("mine", true, &[folder.path()]).to_string().contains("lies among what this command reads"));
        assert_eq!(fs::read(at("mine")).unwrap(), b"dear to me");
        write("mine", true, &[]).unwrap();
        fs::write(at("empty"), "").unwrap();
        write("empty", false, &[]).unwrap();
        assert!(refused("no/where", false, &[]).to_string().starts_with("cannot write "));
        assert!(refused("mine/x", false, &[]).exit_code() == 1 || refused("mine/x", false, &[]).exit_code() == 2);
        fs::create_dir(at("folder")).unwrap();
        assert!(refused("folder", true, &[]).to_string().contains("is a folder"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }

    #[test]
    fn what_changed_meanwhile_is_not_replaced_either() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let output = Output::new(&path, &TEXT, false, &[]).unwrap();
        let mut writing = output.begin().unwrap();
        writing.write_all(b"hello").unwrap();
        fs::write(&path, "mine").unwrap();
        output.put(writing).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("target", at("link")).unwrap();
        for text in ["hello", "hello again"] {
            Output::new(&at("link"), &TEXT, false, &[]).unwrap().write(text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(at("target")).unwrap(), text);
            assert!(at("link").is_symlink());
        }
        symlink("circle", at("circle")).unwrap();
        Output::new(&at("circle"), &TEXT, false, &[]).unwrap_err();
    }
}
