//! Files of `torch.save`: a state dict in PyTorch's own formats, both the zip of today and the stream of pickles that
//! was used before 1.6 and that published weights still come in.
//!
//! burn's own reader is not used, because files come from anywhere: it ignores strides (so that a view of another memory
//! order gives other weights without a word), takes zeros for numbers that are missing, and allocates whatever size a
//! file announces.

mod archive;
mod choose;
mod interpreter;
mod pickle;
mod tensor;
#[cfg(test)]
mod tests;

use archive::{Archive, Stream, Zipped};
use choose::{Candidate, Choice, choose};
use nsa_core::model::{EncoderConfig, MAX_WEIGHTS, StateDict, WeightsError};
use pickle::{Node, Pickle};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read, Seek};
use std::rc::Rc;
use tensor::{Kind, Tensor};
use thiserror::Error;

/// Bytes a file may have: with the optimiser's state a checkpoint is three times as large as its weights.
const MAX_FILE: u64 = 4 * MAX_WEIGHTS as u64;
/// Numbers that may be read in all.
const MAX_VALUES: usize = MAX_WEIGHTS / 4;
/// Tensors a state dict may have; ResNet-152's has 932.
const MAX_TENSORS: usize = 16_384;
/// How the stream of pickles begins: protocol 2, a number that nothing else begins with, the end of its pickle.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Dicts of a file that are looked into, and how deep they may lie in each other.
const MAX_DICTS: usize = 4096;
const MAX_DEPTH: usize = 8;
/// How often a number of a storage may be used, by tensors that share it or lie over each other. Tied weights are used
/// twice; a tensor of one number with strides of 0 would fill any memory.
const MAX_USES: usize = 4;
/// How many times smaller than its storages a file may be: torch.save packs nothing, and packed again floats hardly
/// shrink.
const MAX_PACKED: u64 = 16;

/// Why a file gives no weights.
#[derive(Debug, Error)]
pub enum TorchError {
    /// The system would not give it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what it should be.
    #[error("must {must}, found {found}")]
    Broken {
        /// What must hold.
        must: String,
        /// What was found.
        found: String,
    },
    /// A tensor of it is no weight.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// What must hold of a file, and what was found.
#[derive(Debug, PartialEq)]
struct Broken(String, String);

impl From<Broken> for TorchError {
    fn from(Broken(must, found): Broken) -> Self {
        Self::Broken { must, found }
    }
}

/// Weights, and where else in the file such lie.
#[derive(Debug)]
pub struct Found {
    /// The weights, under the names that a ResNet's tensors have.
    pub state: StateDict,
    /// Other places whose weights fit as well, for people.
    pub others: Vec<String>,
}

/// Reads an encoder's weights from a file of `length` bytes, of `torch.save` or a safetensors file, as its first bytes
/// tell: of all that is in it, what fits `config` best.
pub fn read_weights(file: impl Read + Seek, length: u64, config: &EncoderConfig) -> Result<Found, TorchError> {
    read(file, length, |candidates| choose(candidates, config))
}

fn read(
    mut file: impl Read + Seek,
    length: u64,
    choose: impl Fn(&[Candidate<'_>]) -> Result<Choice, Broken>,
) -> Result<Found, TorchError> {
    let mut start = Vec::new();
    (&mut file).take(LEGACY.len() as u64).read_to_end(&mut start)?;
    file.rewind()?;
    if start.starts_with(b"PK\x03\x04") {
        return state_dict(&mut Zipped::open(file)?, length, choose);
    }
    if start == LEGACY {
        let bytes = whole(file, length, MAX_FILE)?;
        return state_dict(&mut Stream::open(&bytes)?, length, choose);
    }
    if start.get(8) == Some(&b'{') {
        let state = StateDict::from_safetensors(&whole(file, length, MAX_WEIGHTS as u64)?)?;
        let tensors = state.shapes().collect();
        let Choice { prefix, others, .. } = choose(&[Candidate { at: String::new(), tensors }])?;
        return Ok(Found { state: state.under(&prefix), others });
    }
    let must = "be a safetensors file or a state dict of torch.save, which begin otherwise".into();
    Err(Broken(must, format!("{:02x?}", &start[..start.len().min(8)])).into())
}

/// The whole file, if it has at most `limit` bytes.
fn whole(file: impl Read, length: u64, limit: u64) -> Result<Vec<u8>, TorchError> {
    let mut bytes = Vec::new();
    if length <= limit {
        // It may grow while it is read.
        file.take(limit + 1).read_to_end(&mut bytes)?;
    }
    match length.max(bytes.len() as u64) {
        found if found > limit => Err(Broken(format!("have at most {limit} bytes"), found.to_string()).into()),
        _ => Ok(bytes),
    }
}

/// The chosen state dict of an archive in a file of `length` bytes.
fn state_dict(
    archive: &mut impl Archive,
    length: u64,
    choose: impl Fn(&[Candidate<'_>]) -> Result<Choice, Broken>,
) -> Result<Found, TorchError> {
    let (tensors, others) = chosen_tensors(archive.pickle(), choose)?;
    let mut state = StateDict::default();
    let mut storages: BTreeMap<(Rc<str>, usize), Vec<u8>> = BTreeMap::new();
    let (mut left, mut bytes_left, mut uses_left) = (MAX_VALUES, 2 * MAX_WEIGHTS, 0);
    let mut packed_left = length.saturating_mul(MAX_PACKED);
    for (name, tensor) in tensors.into_iter().filter(|(name, _)| !StateDict::ignores(name)) {
        let Tensor { storage, shape, .. } = &*tensor;
        if let Kind::Other(dtype, _) = storage.kind {
            return Err(WeightsError::Dtype { name, dtype: dtype.into() }.into());
        }
        let count = shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size)).filter(|&n| n <= left);
        let Some(count) = count else {
            return Err(
                Broken(format!("hold at most {MAX_VALUES} numbers"), format!("'{name}' of shape {shape:?}")).into()
            );
        };
        left -= count;
        if !tensor.fits() {
            let must = "have tensors that lie inside their storages".into();
            return Err(Broken(must, format!("'{name}' of shape {shape:?} in {} numbers", storage.len)).into());
        }
        let size = storage.len.checked_mul(storage.kind.bytes()).filter(|&size| size <= bytes_left);
        let Some(size) = size else {
            return Err(Broken(format!("hold at most {} bytes", 2 * MAX_WEIGHTS), "more".into()).into());
        };
        // Tensors may share one, but then must agree on its size.
        let bytes = match storages.entry((Rc::clone(&storage.key), size)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let Some(packed) = packed_left.checked_sub(size as u64) else {
                    let must = format!("be at least a {MAX_PACKED}th as large as its weights");
                    return Err(Broken(must, format!("{length} bytes")).into());
                };
                packed_left = packed;
                bytes_left -= size;
                uses_left += MAX_USES * storage.len;
                new.insert(archive.storage(storage)?)
            }
        };
        let Some(uses) = uses_left.checked_sub(count) else {
            let must = format!("use its numbers at most {MAX_USES} times over");
            return Err(Broken(must, format!("'{name}' of shape {shape:?} in {} numbers", storage.len)).into());
        };
        uses_left = uses;
        state.insert(name, tensor.shape.clone(), tensor.values(bytes))?;
    }
    Ok(Found { state, others })
}

/// The chosen tensors by their names in the network, and where others lie that fit as well.
#[expect(clippy::type_complexity, reason = "two plain lists")]
fn chosen_tensors(
    pickle: &Pickle,
    choose: impl Fn(&[Candidate<'_>]) -> Result<Choice, Broken>,
) -> Result<(Vec<(String, Rc<Tensor>)>, Vec<String>), Broken> {
    let found = dicts(pickle);
    if found.is_empty() {
        let must = "hold a state dict, as torch.save(model.state_dict(), FILE) writes it";
        let found = if matches!(pickle.node(pickle.root), Some(Node::Dict(_))) {
            "a dict without tensors"
        } else {
            "a whole pickled object"
        };
        return Err(Broken(must.into(), found.into()));
    }
    if found.iter().map(|(_, tensors)| tensors.len()).sum::<usize>() > MAX_TENSORS {
        return Err(Broken(format!("hold at most {MAX_TENSORS} tensors"), "more".into()));
    }
    let candidates: Vec<Candidate<'_>> = found
        .iter()
        .map(|(at, tensors)| Candidate {
            at: at.clone(),
            tensors: tensors.iter().map(|&(name, tensor)| (name, tensor.shape.as_slice())).collect(),
        })
        .collect();
    let Choice { candidate, prefix, others } = choose(&candidates)?;
    let tensors = found[candidate].1.iter();
    let named = tensors.filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?.to_string(), Rc::clone(tensor))));
    Ok((named.collect(), others))
}

/// Tensors of a dict by their keys.
type Tensors<'a> = Vec<(&'a str, &'a Rc<Tensor>)>;

/// Every dict with tensors that the top of the pickle leads to, and the keys that do, the outermost first.
fn dicts(pickle: &Pickle) -> Vec<(String, Tensors<'_>)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([(0, String::new(), pickle.root)]);
    while let Some((depth, at, value)) = queue.pop_front() {
        let (Some(Node::Dict(items)), pickle::Value::Node(index)) = (pickle.node(value), value) else { continue };
        if seen.len() == MAX_DICTS || !seen.insert(index) {
            continue;
        }
        let mut tensors = Vec::new();
        for &(key, value) in items {
            let Some(key) = pickle.text(key) else { continue };
            match pickle.node(value) {
                Some(Node::Tensor(tensor)) => tensors.push((key, tensor)),
                Some(Node::Dict(_)) if queue.len() < MAX_DICTS && depth < MAX_DEPTH => {
                    let point = if at.is_empty() { "" } else { "." };
                    queue.push_back((depth + 1, format!("{at}{point}{key}"), value));
                }
                _ => (),
            }
        }
        if !tensors.is_empty() {
            found.push((at, tensors));
        }
    }
    found
}
