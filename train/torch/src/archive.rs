//! The two kinds of file that `torch.save` has written.

use super::Broken;
use super::pickle::{MAX_PICKLE, Node, Pickle};
use super::tensor::Storage;
use nsa_core::bundle::zip_reason;
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek};
use zip::ZipArchive;

/// A file with a pickle and the storages it mentions.
pub(super) trait Archive {
    fn pickle(&self) -> &Pickle;
    /// The bytes of a storage, exactly as many as it says.
    fn storage(&mut self, storage: &Storage) -> Result<Vec<u8>, Broken>;
}

/// The format since PyTorch 1.6: a zip with `NAME/data.pkl` and a file `NAME/data/KEY` for each storage.
pub(super) struct Zipped<R> {
    zip: ZipArchive<BufReader<R>>,
    /// `NAME/`.
    top: String,
    pickle: Pickle,
}

impl<R: Read + Seek> Zipped<R> {
    pub(super) fn open(file: R) -> Result<Self, Broken> {
        let mut zip = ZipArchive::new(BufReader::new(file))
            .map_err(|e| Broken("be a whole zip file of torch.save".into(), e.to_string()))?;
        let top = zip.file_names().find_map(|name| name.strip_suffix("data.pkl").filter(is_top)).map(String::from);
        let Some(top) = top else {
            return Err(Broken("have a data.pkl in it, as torch.save writes".into(), "a zip without one".into()));
        };
        let order = format!("{top}byteorder");
        if zip.index_for_name(&order).is_some() && entry(&mut zip, &order, 16)? != b"little" {
            return Err(Broken("be little-endian".into(), "another byte order".into()));
        }
        let (pickle, _) = Pickle::read(&entry(&mut zip, &format!("{top}data.pkl"), MAX_PICKLE as u64)?)?;
        Ok(Self { zip, top, pickle })
    }
}

/// Whether this is a folder's path at the top of a zip, or no folder.
fn is_top(path: &&str) -> bool {
    path.is_empty() || path.ends_with('/') && path.matches('/').count() == 1
}

/// A file of a zip; refuses more than `cap` bytes.
fn entry(zip: &mut ZipArchive<impl Read + Seek>, name: &str, cap: u64) -> Result<Vec<u8>, Broken> {
    let whole = |found: String| Broken(format!("hold {name:?}, whole and of at most {cap} bytes"), found);
    let mut bytes = Vec::new();
    let file = zip.by_name(name).map_err(|e| whole(zip_reason(&e)))?;
    file.take(cap + 1).read_to_end(&mut bytes).map_err(|e| whole(e.to_string()))?;
    if bytes.len() as u64 > cap { Err(whole("more".into())) } else { Ok(bytes) }
}

impl<R: Read + Seek> Archive for Zipped<R> {
    fn pickle(&self) -> &Pickle {
        &self.pickle
    }

    fn storage(&mut self, storage: &Storage) -> Result<Vec<u8>, Broken> {
        let name = format!("{}data/{}", self.top, storage.key);
        let expected = storage.len * storage.kind.bytes();
        let bytes = entry(&mut self.zip, &name, expected as u64)?;
        if bytes.len() < expected {
            return Err(Broken(format!("hold {expected} bytes in {name:?}"), bytes.len().to_string()));
        }
        Ok(bytes)
    }
}

/// The format before: five pickles (a number, the version, the system, the state dict, the storages' keys), then for
/// each key how many numbers follow, and the numbers.
pub(super) struct Stream<'a> {
    pickle: Pickle,
    storages: BTreeMap<String, &'a [u8]>,
}

impl<'a> Stream<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Broken> {
        let mut rest = bytes;
        let mut next = || {
            let (pickle, length) = Pickle::read(rest)?;
            rest = &rest[length..];
            Ok(pickle)
        };
        let (_magic, _version, _system) = (next()?, next()?, next()?);
        let (pickle, keys) = (next()?, next()?);
        let sizes: BTreeMap<&str, usize> = pickle.storages().map(|s| (&*s.key, s.kind.bytes())).collect();
        let mut storages = BTreeMap::new();
        let listed = match keys.node(keys.root) {
            Some(Node::Sequence(keys)) => keys.as_slice(),
            _ => &[],
        };
        for &key in listed {
            let cut = || Broken("hold all of its numbers".into(), "its end".into());
            let key = keys.text(key).unwrap_or_default();
            let Some(size) = sizes.get(key) else {
                return Err(Broken("list the storages of its tensors".into(), format!("{key:?}")));
            };
            let (count, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
            let length = usize::try_from(u64::from_le_bytes(*count)).ok().and_then(|n| n.checked_mul(*size));
            let numbers;
            (numbers, rest) = length.and_then(|length| after.split_at_checked(length)).ok_or_else(cut)?;
            storages.insert(key.to_string(), numbers);
        }
        Ok(Self { pickle, storages })
    }
}

impl Archive for Stream<'_> {
    fn pickle(&self) -> &Pickle {
        &self.pickle
    }

    fn storage(&mut self, storage: &Storage) -> Result<Vec<u8>, Broken> {
        let expected = storage.len * storage.kind.bytes();
        match self.storages.get(&*storage.key) {
            Some(bytes) if bytes.len() == expected => Ok(bytes.to_vec()),
            found => {
                let found = found.map_or("none".into(), |bytes| bytes.len().to_string());
                Err(Broken(format!("hold {expected} bytes of storage {:?}", storage.key), found))
            }
        }
    }
}
