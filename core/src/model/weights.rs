//! Weights as safetensors with PyTorch's names and layouts.
//!
//! The encoder's tensors stand at the top (`layer1.0.conv1.weight` ...), as torchvision names them, the heads
//! behind `projector.`, `predictor.`, `classifier.` and `prototypes.`. Batch norms stay f32, because a running variance underflows in f16.

use super::Network;
use super::state_dict::{StateDict, WeightsError};
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Tensor, TensorData, backend::Backend};
use burn_store::{
    BurnToPyTorchAdapter, ChainAdapter, HalfPrecisionAdapter, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter,
    TensorSnapshot,
};
use safetensors::tensor::Dtype;
use std::borrow::Cow;

/// The network's weights as a safetensors file, convolutions and linear layers in f16.
pub fn save_weights<B: Backend>(network: &Network<B>) -> Result<Vec<u8>, WeightsError> {
    serialize(network.collect(None, None, false))
}

/// [`save_weights`] without blocking: all weights come back in one asynchronous read, as a browser's WebGPU wants it.
pub async fn read_weights<B: Backend>(network: &Network<B>) -> Result<Vec<u8>, WeightsError> {
    let whole = |why: String| WeightsError::Device { name: "all".into(), why };
    let mut flat = Flat { parts: Vec::new() };
    network.visit(&mut flat);
    let values = Tensor::cat(flat.parts, 0).into_data_async().await.map_err(|e| whole(e.to_string()))?;
    let values = values.convert::<f32>().into_vec::<f32>().map_err(|e| whole(format!("{e:?}")))?;
    let mut rest = values.as_slice();
    // burn collects in the order in which it visits.
    let read = network.collect(None, None, false).into_iter().map(|lazy| {
        let own;
        (own, rest) = rest.split_at_checked(lazy.shape.num_elements())?;
        let data = TensorData::new(own.to_vec(), lazy.shape);
        Some(TensorSnapshot::from_data(data, lazy.path_stack?, lazy.container_stack?, lazy.tensor_id?))
    });
    let read: Option<Vec<_>> = read.collect();
    serialize(read.ok_or_else(|| whole("it gave fewer values than there are".into()))?)
}

/// The values of every tensor, in a row each, in the order of visit.
struct Flat<B: Backend> {
    parts: Vec<Tensor<B, 1>>,
}

impl<B: Backend> ModuleVisitor<B> for Flat<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        let n = tensor.shape().num_elements();
        self.parts.push(tensor.reshape([n]));
    }
}

fn serialize(snapshots: Vec<TensorSnapshot>) -> Result<Vec<u8>, WeightsError> {
    let adapter = ChainAdapter::new(BurnToPyTorchAdapter, HalfPrecisionAdapter::new());
    let tensors: Result<Vec<_>, _> =
        named(snapshots, adapter).map(|read| read.map(|(name, data)| (name, Stored(data)))).collect();
    Ok(safetensors::serialize(tensors?, None)?)
}

/// A module's weights as they are, under PyTorch's names and in its layouts.
pub fn state_of<B: Backend>(module: &impl ModuleSnapshot<B>) -> Result<StateDict, WeightsError> {
    let mut state = StateDict::default();
    for read in named(module.collect(None, None, false), BurnToPyTorchAdapter) {
        let (name, data) = read?;
        let shape = data.shape.to_vec();
        let values = data.convert::<f32>().into_vec();
        let values = values.map_err(|e| WeightsError::Device { name: name.clone(), why: format!("{e:?}") })?;
        state.insert(name, shape, values)?;
    }
    Ok(state)
}

/// Every tensor with its name in a file.
fn named(
    snapshots: Vec<TensorSnapshot>,
    adapter: impl ModuleAdapter,
) -> impl Iterator<Item = Result<(String, TensorData), WeightsError>> {
    snapshots.into_iter().map(move |snapshot| {
        let snapshot = adapter.adapt(&snapshot);
        let path = snapshot.full_path();
        let name = path.strip_prefix("encoder.").unwrap_or(&path).to_string();
        let data = snapshot.to_data().map_err(|e| WeightsError::Device { name: name.clone(), why: e.to_string() })?;
        Ok((name, data))
    })
}

/// Reads weights that [`save_weights`] or PyTorch wrote. Every tensor of the network must be there with its shape,
/// every value finite, and nothing else but PyTorch's `num_batches_tracked`.
///
/// On an error the network is lost: its tensors may be half old, half new.
pub fn load_weights<B: Backend>(mut network: Network<B>, bytes: &[u8]) -> Result<Network<B>, WeightsError> {
    fill(&mut network, StateDict::from_safetensors(bytes)?.renamed(|name| Some(field_path(name))))?;
    Ok(network)
}

impl<B: Backend> Network<B> {
    /// The network with the encoder of another one, whose heads and classifier are left out.
    ///
    /// # Errors
    /// Weights of an encoder of another shape; then the network is lost.
    pub fn with_encoder(mut self, state: StateDict) -> Result<Self, WeightsError> {
        let is_head = |name: &str| HEADS.iter().chain(&["fc."]).any(|head| name.starts_with(head));
        fill(&mut self.encoder, state.renamed(|name| (!is_head(name)).then(|| name.into())))?;
        Ok(self)
    }
}

/// How the names of what is not the encoder's begin.
const HEADS: [&str; 4] = ["projector.", "predictor.", "classifier.", "prototypes."];

/// Where a tensor of a state dict stands in a network: the encoder's are at the top there.
pub(super) fn field_path(name: &str) -> String {
    let in_head = HEADS.iter().any(|head| name.starts_with(head));
    if in_head { name.into() } else { format!("encoder.{name}") }
}

/// Puts every tensor of `state` into the field of its name, turned from PyTorch's layout into burn's. All fields must
/// be there and nothing else.
pub(super) fn fill<B: Backend, M: ModuleSnapshot<B>>(module: &mut M, state: StateDict) -> Result<(), WeightsError> {
    let snapshot = |(path, weight): (String, super::state_dict::Weight)| {
        let path = path.split('.').map(String::from).collect();
        TensorSnapshot::from_data(TensorData::new(weight.values, weight.shape), path, vec![], ParamId::new())
    };
    let snapshots = state.into_tensors().map(snapshot).collect();
    let result = module.apply(snapshots, None, Some(Box::new(PyTorchToBurnAdapter)), false);
    // A batch norm's PyTorch names count as unused even where they were found by burn's names.
    let found_by_other_name = |path: &str| {
        let burn = path.strip_suffix("weight").map(|stem| format!("{stem}gamma"));
        let burn = burn.or_else(|| path.strip_suffix("bias").map(|stem| format!("{stem}beta")));
        burn.is_some_and(|burn| result.applied.contains(&burn))
    };
    let wrong: Vec<String> = result.errors.iter().map(ToString::to_string).collect();
    let missing = result.missing.iter().map(|(path, _)| format!("'{path}' is missing")).collect();
    let unused = result.unused.iter().filter(|path| !found_by_other_name(path));
    let unused = unused.map(|path| format!("'{path}' is not part of it")).collect();
    // One kind of fault is enough to say: a wrong shape also makes its neighbours look misplaced.
    let Some(mut faults) = [wrong, missing, unused].into_iter().find(|faults| !faults.is_empty()) else {
        return Ok(());
    };
    faults.sort();
    let more = faults.len().saturating_sub(3);
    // In PyTorch's names, as they stand in the file.
    let shown = faults[..faults.len().min(3)].join("; ").replace("'encoder.", "'");
    let shown = shown.replace(".gamma'", ".weight'").replace(".beta'", ".bias'");
    Err(WeightsError::Mismatch(if more > 0 { format!("{shown}; and {more} more") } else { shown }))
}

/// burn's tensor data as safetensors wants to see it.
struct Stored(TensorData);

impl safetensors::View for Stored {
    fn dtype(&self) -> Dtype {
        if self.0.dtype == DType::F16 { Dtype::F16 } else { Dtype::F32 }
    }
    fn shape(&self) -> &[usize] {
        &self.0.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.bytes)
    }
    fn data_len(&self) -> usize {
        self.0.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Norm, Objective};
    use crate::model::NetworkConfig;
    use burn_flex::Flex;
    use safetensors::SafeTensors;

    fn network(seed: u64) -> Network<Flex> {
        NetworkConfig { width: 4, objective: Objective::Simsiam, norm: Norm::Both, ..Default::default() }
            .init(seed, &Default::default())
    }

    #[test]
    fn weights_survive_to_half_precision() {
        let saved = save_weights(&network(1)).unwrap();
        let loaded = load_weights(network(2), &saved).unwrap();
        assert_eq!(save_weights(&loaded).unwrap(), saved);
        let images = Tensor::<Flex, 4>::ones([2, 3, 32, 32], &Default::default());
        let difference = (network(1).forward(images.clone()) - loaded.forward(images)).abs().max().into_scalar();
        assert!(difference < 1e-2, "{difference}");
    }

    #[test]
    fn weights_read_without_blocking_are_the_same() {
        let network = network(1);
        assert_eq!(pollster::block_on(read_weights(&network)).unwrap(), save_weights(&network).unwrap());
    }

    #[test]
    fn names_are_torchvision_s() {
        let saved = save_weights(&network(1)).unwrap();
        let tensors = SafeTensors::deserialize(&saved).unwrap();
        for (name, shape) in [
            ("conv1.weight", vec![4, 3, 3, 3]),
            ("bn1.running_var", vec![4]),
            ("layer2.0.downsample.0.weight", vec![8, 4, 1, 1]),
            ("layer2.0.downsample.1.weight", vec![8]),
            ("layer4.1.bn2.bias", vec![32]),
            ("projector.layers.0.linear.weight", vec![128, 32]),
            ("predictor.layers.1.bn.running_mean", vec![32]),
        ] {
            assert_eq!(tensors.tensor(name).unwrap().shape(), shape, "{name}");
        }
    }

    #[test]
    fn weights_that_do_not_fit_say_why() {
        let saved = save_weights(&network(1)).unwrap();
        let other = NetworkConfig { width: 8, objective: Objective::Simsiam, norm: Norm::Both, ..Default::default() };
        let error = load_weights::<Flex>(other.init(0, &Default::default()), &saved).unwrap_err().to_string();
        assert!(error.contains("xpected") && error.contains("more"), "{error}");
        let simclr = NetworkConfig { width: 4, objective: Objective::Simclr, norm: Norm::F, ..Default::default() };
        let error = load_weights::<Flex>(simclr.init(0, &Default::default()), &saved).unwrap_err().to_string();
        assert!(error.contains("do not fit"), "{error}");
        for cut in [0, 7, 100, saved.len() - 1] {
            assert!(load_weights(network(0), &saved[..cut]).is_err());
        }
    }
}
