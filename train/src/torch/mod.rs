//! Files of `torch.save`: a state dict in PyTorch's own formats, both the zip of today and the stream of pickles that
//! was used before 1.6 and that published weights still come in.
//!
//! burn's own reader is not used, because files come from anywhere: it ignores strides (so that a view of another memory
//! order gives other weights without a word), takes zeros for numbers that are missing, and allocates whatever size a
//! file announces.

mod archive;
mod machine;
mod pickle;
mod tensor;
#[cfg(test)]
mod tests;

use crate::error::NsaError;
use crate::files;
use archive::{Archive, Stream, Zipped};
use nsa_core::model::{MAX_WEIGHTS, StateDict, WeightsError};
use pickle::{Node, Pickle, Value};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tensor::{Kind, Tensor};

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
