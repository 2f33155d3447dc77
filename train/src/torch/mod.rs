//! Files of `torch.save`: a state dict in PyTorch's own formats, both the zip of today and the stream of pickles that
//! was used before 1.6 and that published weights still come in.
//!
//! burn's own reader is not used: it allocates whatever size a file announces and takes zeros for numbers that are
//! missing, and here files come from anywhere.

mod pickle;
#[cfg(test)]
mod tests;

use crate::error::NsaError;
use crate::files;
use half::{bf16, f16};
use nsa_core::model::{MAX_WEIGHTS, StateDict, WeightsError};
use pickle::{Kind, MAX_PICKLE, Node, Pickle, Storage, Tensor, Value};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::ZipArchive;

/// Bytes a file may have: with the optimiser's state a checkpoint is three times as large as its weights.
const MAX_FILE: u64 = 4 * MAX_WEIGHTS as u64;
/// Numbers that may be read in all.
const MAX_VALUES: usize = MAX_WEIGHTS / 4;
/// Tensors a state dict may have; ResNet-152's has 932.
const MAX_TENSORS: usize = 16_384;
/// How the stream of pickles begins: protocol 2, a number that nothing else begins with, the end of its pickle.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Keys under which checkpoints keep their weights among other things.
const NESTED: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// What must hold of a file, and what was found.
#[derive(Debug, PartialEq)]
struct Broken(String, String);

/// Reads weights from a file of `torch.save` or a safetensors file, as its first bytes tell.
pub fn read_weights(path: &Path) -> Result<StateDict, NsaError> {
    let broken = |Broken(must, found)| NsaError::File { path: path.into(), must, found };
    let refused = |source| NsaError::WeightsFile { path: path.into(), source };
    let mut start = [0; LEGACY.len()];
    let read = File::open(path).and_then(|mut file| file.read(&mut start)).map_err(files::reading(path))?;
    let start = &start[..read];
    if start.starts_with(b"PK\x03\x04") {
        let file = File::open(path).map_err(files::reading(path))?;
        return state_dict(&mut Zipped::open(file).map_err(broken)?).map_err(broken)?.map_err(refused);
    }
    if start == LEGACY {
        let bytes = files::read_capped(path, MAX_FILE)?;
        return state_dict(&mut Stream::open(&bytes).map_err(broken)?).map_err(broken)?.map_err(refused);
    }
    if start.get(8) == Some(&b'{') {
        return StateDict::from_safetensors(&files::read_capped(path, MAX_WEIGHTS as u64)?).map_err(refused);
    }
    let must = "be a safetensors file or a state dict of torch.save, which begin otherwise".into();
    Err(broken(Broken(must, format!("{:02x?}", &start[..start.len().min(8)]))))
}

/// A file with a pickle and the storages it mentions.
trait Archive {
    fn pickle(&self) -> &Pickle;
    /// The bytes of a storage, exactly as many as it says.
    fn storage(&mut self, storage: &Storage) -> Result<Vec<u8>, Broken>;
}

/// The state dict of an archive. Both the file and its weights can be bad.
fn state_dict(archive: &mut impl Archive) -> Result<Result<StateDict, WeightsError>, Broken> {
    let tensors = named_tensors(archive.pickle())?;
    let mut state = StateDict::default();
    let mut storages: BTreeMap<(String, usize), Vec<u8>> = BTreeMap::new();
    let (mut left, mut bytes_left) = (MAX_VALUES, 2 * MAX_WEIGHTS);
    for (name, tensor) in tensors.into_iter().filter(|(name, _)| !StateDict::ignores(name)) {
        let Tensor { storage, shape, .. } = &tensor;
        if let Kind::Integer(dtype, _) = storage.kind {
            return Ok(Err(WeightsError::Dtype { name, dtype: dtype.into() }));
        }
        let count = shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size)).filter(|&n| n <= left);
        let Some(count) = count else {
            return Err(Broken(format!("hold at most {MAX_VALUES} numbers"), format!("'{name}' of shape {shape:?}")));
        };
        left -= count;
        if !tensor.fits() {
            let must = "have tensors that lie inside their storages".into();
            return Err(Broken(must, format!("'{name}' of shape {shape:?} in {} numbers", storage.len)));
        }
        let size = storage.len.checked_mul(storage.kind.bytes()).filter(|&size| size <= bytes_left);
        let Some(size) = size else {
            return Err(Broken(format!("hold at most {} bytes", 2 * MAX_WEIGHTS), "more".into()));
        };
        // Tensors may share one, but then must agree on its size.
        let bytes = match storages.entry((storage.key.clone(), size)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                bytes_left -= size;
                new.insert(archive.storage(storage)?)
            }
        };
        let values = tensor.values(bytes);
        if let Err(error) = state.insert(name, tensor.shape, values) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(state))
}

/// The tensors by name: at the top of the pickle, or under the key where checkpoints have them.
fn named_tensors(pickle: &Pickle) -> Result<Vec<(String, Tensor)>, Broken> {
    let dict = |value: Value| match pickle.node(value) {
        Some(Node::Dict(items)) => Some(items.as_slice()),
        _ => None,
    };
    let tensors = |items: &[(Value, Value)]| -> Vec<(String, Tensor)> {
        let named = items.iter().filter_map(|&(key, value)| match pickle.node(value) {
            Some(Node::Tensor(tensor)) => Some((pickle.text(key)?.to_string(), tensor.clone())),
            _ => None,
        });
        named.take(MAX_TENSORS + 1).collect()
    };
    let top = dict(pickle.root).unwrap_or_default();
    let nested = NESTED.iter().filter_map(|name| {
        let (_, value) = top.iter().find(|(key, _)| pickle.text(*key) == Some(name))?;
        dict(*value)
    });
    let found = std::iter::once(top).chain(nested).map(tensors).find(|tensors| !tensors.is_empty());
    if let Some(many) = found.as_ref().filter(|tensors| tensors.len() > MAX_TENSORS) {
        return Err(Broken(format!("hold at most {MAX_TENSORS} tensors"), format!("{} and more", many.len())));
    }
    found.ok_or_else(|| {
        let must = "hold a state dict, as torch.save(model.state_dict(), FILE) writes it";
        let found = if dict(pickle.root).is_some() { "a dict without tensors" } else { "a whole pickled object" };
        Broken(must.into(), found.into())
    })
}

impl Tensor {
    /// Whether every number it refers to is in its storage.
    fn fits(&self) -> bool {
        if self.shape.contains(&0) {
            return true;
        }
        let mut steps = self.shape.iter().zip(&self.stride).map(|(size, stride)| (size - 1).checked_mul(*stride));
        let last = steps.try_fold(self.offset, |at, step| at.checked_add(step?));
        last.is_some_and(|last| last < self.storage.len)
    }

    /// Its numbers in C order, from the bytes of its storage. It must fit.
    fn values(&self, bytes: &[u8]) -> Vec<f32> {
        let size = self.storage.kind.bytes();
        let number = |at: usize| {
            let bytes = &bytes[at * size..(at + 1) * size];
            match self.storage.kind {
                Kind::F64 => f64::from_le_bytes(first(bytes)) as f32,
                Kind::F32 => f32::from_le_bytes(first(bytes)),
                Kind::F16 => f16::from_le_bytes(first(bytes)).to_f32(),
                Kind::BF16 => bf16::from_le_bytes(first(bytes)).to_f32(),
                Kind::Integer(..) => 0.0,
            }
        };
        let count = self.shape.iter().product();
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..count {
            values.push(number(at));
            // The last dimension moves fastest; one that is through goes back, and the one before it moves. Strides of
            // dimensions of size 1 may be anything, but cancel out.
            for dimension in (0..index.len()).rev() {
                index[dimension] += 1;
                at = at.wrapping_add(self.stride[dimension]);
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                at = at.wrapping_sub(self.stride[dimension].wrapping_mul(self.shape[dimension]));
                index[dimension] = 0;
            }
        }
        values
    }
}

/// The bytes as an array; they are as many.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

/// The format since PyTorch 1.6: a zip with `NAME/data.pkl` and a file `NAME/data/KEY` for each storage.
struct Zipped {
    zip: ZipArchive<BufReader<File>>,
    /// `NAME/`.
    top: String,
    pickle: Pickle,
}

impl Zipped {
    fn open(file: File) -> Result<Self, Broken> {
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
fn entry(zip: &mut ZipArchive<BufReader<File>>, name: &str, cap: u64) -> Result<Vec<u8>, Broken> {
    let whole = |found: String| Broken(format!("hold {name:?}, whole and of at most {cap} bytes"), found);
    let mut bytes = Vec::new();
    let file = zip.by_name(name).map_err(|e| whole(e.to_string()))?;
    file.take(cap + 1).read_to_end(&mut bytes).map_err(|e| whole(e.to_string()))?;
    if bytes.len() as u64 > cap { Err(whole("more".into())) } else { Ok(bytes) }
}

impl Archive for Zipped {
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
struct Stream<'a> {
    pickle: Pickle,
    storages: BTreeMap<String, &'a [u8]>,
}

impl<'a> Stream<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Broken> {
        let mut rest = bytes;
        let mut next = || {
            let (pickle, length) = Pickle::read(rest)?;
            rest = &rest[length..];
            Ok(pickle)
        };
        let (_magic, _version, _system) = (next()?, next()?, next()?);
        let (pickle, keys) = (next()?, next()?);
        let sizes: BTreeMap<&str, usize> = pickle.storages().map(|s| (s.key.as_str(), s.kind.bytes())).collect();
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
        match self.storages.get(&storage.key) {
            Some(bytes) if bytes.len() == expected => Ok(bytes.to_vec()),
            found => {
                let found = found.map_or("none".into(), |bytes| bytes.len().to_string());
                Err(Broken(format!("hold {expected} bytes of storage {:?}", storage.key), found))
            }
        }
    }
}
