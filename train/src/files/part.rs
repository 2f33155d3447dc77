//! What is being written: a file or folder beside its place, under a name of its own, until it is whole.
//!
//! The name is `.NAME.nsa-` and sixteen random hexadecimal digits. The process that made it holds a lock on it, and
//! removes it if the work fails or is stopped by Ctrl-C. What a kill leaves behind has no lock any more: the next
//! process that writes the same NAME removes it.

use super::signals;
use crate::output::tell;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Between a name and the random digits.
const MARK: &str = ".nsa-";
/// Characters of a name that its part's name repeats: names may have 255 bytes.
const REPEATED: usize = 48;

/// A file that is being written.
#[derive(Debug)]
pub struct PartFile {
    place: PathBuf,
    beside: Beside,
    /// It holds the lock.
    file: File,
}

impl PartFile {
    /// Begins the file that will be at `place`, which must be no link.
    pub fn new(place: &Path) -> io::Result<Self> {
        let make = |path: &Path| File::options().read(true).write(true).create_new(true).open(path).map(Some);
        let (beside, file) = Beside::claim(place, What::File, make)?;
        let file = file.expect("a file was opened");
        Ok(Self { place: place.into(), beside, file })
    }

    /// The file to write to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Its name while it is written.
    pub fn path(&self) -> &Path {
        &self.beside.path
    }

    /// Puts it in its place, with the permissions of the file that it replaces.
    pub fn put(self) -> io::Result<()> {
        if let Ok(old) = fs::metadata(&self.place) {
            self.file.set_permissions(old.permissions())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.beside.path, &self.place)
    }
}

/// A folder that is being written.
#[derive(Debug)]
pub struct PartFolder {
    place: PathBuf,
    beside: Beside,
    _lock: Option<File>,
}

impl PartFolder {
    /// Begins the folder that will be at `place`, which must be no link. It gets files of these names and no others.
    pub fn new(place: &Path, names: &'static [&'static str]) -> io::Result<Self> {
        recover(place);
        // Some systems cannot open a folder, and so have no lock on it.
        let make = |path: &Path| fs::create_dir(path).map(|()| File::open(path).ok());
        let (beside, lock) = Beside::claim(place, What::Folder(names), make)?;
        Ok(Self { place: place.into(), beside, _lock: lock })
    }

    /// Its name while it is written.
    pub fn path(&self) -> &Path {
        &self.beside.path
    }

    /// Writes one of its files to the disk.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create_new(self.beside.path.join(name))?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    }

    /// Puts it in its place. What it replaces must have files of the same names only: others are kept, under the part's
    /// name, and told of.
    ///
    /// On Linux and Apple's systems the two names are exchanged in one step: a kill at any moment leaves, at the place,
    /// the old folder whole or the new one. Elsewhere, and on the few file systems that cannot exchange, it takes two
    /// renames, and a kill between them leaves only the old one under a name that [`recover`] knows.
    pub fn put(self) -> io::Result<()> {
        let Self { place, beside, .. } = &self;
        if !place.exists() {
            return fs::rename(&beside.path, place);
        }
        let old = if exchange(&beside.path, place).is_ok() {
            beside.path.clone()
        } else {
            let away = with_suffix(&beside.path, AWAY);
            fs::rename(place, &away)?;
            fs::rename(&beside.path, place)?;
            away
        };
        beside.what.remove(&old);
        if old.exists() {
            tell!("warning: what {} held besides is in {}", place.display(), old.display());
        }
        Ok(())
    }
}

/// Ends the name of a folder that makes room for its successor.
const AWAY: &str = "-old";

/// Puts a folder back that a kill inside of [`PartFolder::put`] has left under another name.
fn recover(place: &Path) {
    if place.exists() {
        return;
    }
    let Some(name) = place.file_name() else { return };
    let away = |path: &PathBuf| is_part(path, &repeated(&name.to_string_lossy()), AWAY);
    if let Some(old) = beside(place).find(away) {
        // If it cannot be, it stays where it is.
        let _ = fs::rename(old, place);
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What a part is, and so how it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    File,
    /// With files of these names.
    Folder(&'static [&'static str]),
}

impl What {
    /// Removes what we write, and nothing else. What cannot be removed stays: there is nobody to tell.
    fn remove(self, path: &Path) {
        let _ = match self {
            Self::File => fs::remove_file(path),
            Self::Folder(names) => {
                names.iter().for_each(|name| drop(fs::remove_file(path.join(name))));
                fs::remove_dir(path)
            }
        };
    }

    fn is(self, path: &Path) -> bool {
        path.symlink_metadata().is_ok_and(|found| match self {
            Self::File => found.is_file(),
            Self::Folder(_) => found.is_dir(),
        })
    }
}

/// The parts of this process.
static LIVE: Mutex<Vec<(PathBuf, What)>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<(PathBuf, What)>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the parts of this process, which ends now: no further one is begun.
pub(super) fn remove_all() -> impl Sized {
    let live = live();
    live.iter().for_each(|(path, what)| what.remove(path));
    live
}

/// A name beside a place that nothing else has; what has it is removed in the end.
#[derive(Debug)]
struct Beside {
    path: PathBuf,
    what: What,
}

impl Beside {
    /// Makes a part and locks it, if the system has locks.
    fn claim(
        place: &Path,
        what: What,
        make: impl Fn(&Path) -> io::Result<Option<File>>,
    ) -> io::Result<(Self, Option<File>)> {
        signals::watch();
        remove_left(place, what);
        let name = place.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        loop {
            let path = place.with_file_name(new_name(&name.to_string_lossy()));
            let lock = make(&path)?;
            live().push((path.clone(), what));
            let beside = Self { path, what };
            let _ = lock.as_ref().map(File::lock);
            // Before it had its lock, another process may have taken it for one that was left behind.
            if beside.path.exists() {
                return Ok((beside, lock));
            }
        }
    }
}

impl Drop for Beside {
    /// What was put in its place has this name no more.
    fn drop(&mut self) {
        self.what.remove(&self.path);
        live().retain(|(path, _)| *path != self.path);
    }
}

/// Removes parts of `place` whose processes were killed.
fn remove_left(place: &Path, what: What) {
    for path in parts(place).filter(|path| what.is(path)) {
        match File::open(&path).map(|file| file.try_lock()) {
            Ok(Ok(())) => what.remove(&path),
            Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) | Err(_) => {}
        }
    }
}

/// The parts of `place` that are there, of whichever process.
pub fn parts(place: &Path) -> impl Iterator<Item = PathBuf> {
    let name = repeated(&place.file_name().unwrap_or_default().to_string_lossy());
    beside(place).filter(move |path| is_part(path, &name, ""))
}

/// All that lies in the folder of `place`.
fn beside(place: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(super::folder_of(place)).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

fn is_part(path: &Path, name: &str, end: &str) -> bool {
    let found = path.file_name().unwrap_or_default().to_string_lossy();
    let digits = found.strip_prefix(&format!(".{name}{MARK}")).and_then(|rest| rest.strip_suffix(end));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn repeated(name: &str) -> String {
    name.chars().take(REPEATED).collect()
}

fn new_name(name: &str) -> String {
    // The standard library's own source of randomness: it differs for every one of them.
    let digits = RandomState::new().build_hasher().finish();
    format!(".{}{MARK}{digits:016x}", repeated(name))
}

/// The path with something appended to its last part.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["file"];

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_folder_is_replaced_even_with_a_slash_at_its_end_and_bystanders_stay() {
        let folder = tempfile::tempdir().unwrap();
        let bystanders = ["a.old", "a.part", ".a.nsa-mine", ".a.nsa-0123456789abcdeg"];
        bystanders.iter().for_each(|name| fs::create_dir(folder.path().join(name)).unwrap());
        let place = folder.path().join("a/");
        for text in ["first", "second"] {
            let part = PartFolder::new(&place, NAMES).unwrap();
            part.write("file", text.as_bytes()).unwrap();
            part.put().unwrap();
            assert_eq!(fs::read_to_string(place.join("file")).unwrap(), text);
            assert_eq!(count(folder.path()), 1 + bystanders.len());
        }
        // As after a kill between two renames.
        fs::rename(&place, folder.path().join(".a.nsa-0123456789abcdef-old")).unwrap();
        drop(PartFolder::new(&place, NAMES).unwrap());
        assert_eq!(fs::read_to_string(place.join("file")).unwrap(), "second");
        assert_eq!(count(folder.path()), 1 + bystanders.len());
    }

    #[test]
    fn what_is_not_put_in_place_is_gone_and_what_a_kill_left_goes_with_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        let left = folder.path().join(".a.nsa-00000000000000ff");
        fs::write(&left, "half").unwrap();
        let mut part = PartFile::new(&place).unwrap();
        assert!(!left.exists());
        assert_eq!(parts(&place).collect::<Vec<_>>(), [part.path()]);
        // A second one of the same name leaves the first alone.
        drop(PartFile::new(&place).unwrap());
        assert!(part.path().exists());
        io::Write::write_all(part.file(), b"whole").unwrap();
        part.put().unwrap();
        assert_eq!((fs::read(&place).unwrap(), count(folder.path())), (b"whole".to_vec(), 1));
    }

    #[test]
    fn a_file_that_came_into_a_replaced_folder_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("mine"), "dear to me").unwrap();
        PartFolder::new(&place, NAMES).unwrap().put().unwrap();
        let kept: Vec<PathBuf> = parts(&place).collect();
        assert_eq!(fs::read_to_string(kept[0].join("mine")).unwrap(), "dear to me");
    }
}
