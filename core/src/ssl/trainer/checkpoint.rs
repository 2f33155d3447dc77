//! Checkpoints that any device can give and take: one read, no wait.
//!
//! burn's own records read tensor after tensor and block while they do, which a browser's WebGPU cannot. Here all
//! values are strung together on the device and come back in one asynchronous read. A checkpoint of one backend
//! continues on any other.
//!
//! ```text
//! "NSAS" version epochs tensors    u32 each, little-endian
//! times                            u32 a tensor: steps its Adam moments have seen, 0 where it has none
//! values                           f32: of every tensor its values, then, where it has moments, first and second
//! ```
//!
//! The tensors are those of the network and, behind them, of BYOL's target, which has no moments. For STOC there follow the
//! positions of the images that it keeps, u32 each, once it has refined them.

use super::{Trainer, TrainerError};
use crate::config::{Objective, TrainConfig};
use crate::model::Network;
use crate::ssl::adam::Adam;
use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::record::AdaptorRecord;
use burn::optim::{AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend};

const MAGIC: &[u8; 4] = b"NSAS";
const VERSION: u32 = 1;

/// Adam's state by tensor.
type Moments<B> = <OptimizerAdaptor<Adam, Network<B>, B> as Optimizer<Network<B>, B>>::Record;
type Inner<B> = <B as AutodiffBackend>::InnerBackend;

impl<B: AutodiffBackend> Trainer<B> {
    /// Everything needed to continue exactly from the end of an epoch: weights, batch-norm statistics, Adam's moments,
    /// epochs done, and BYOL's target network.
    ///
    /// # Errors
    /// The device failed or was lost.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, TrainerError> {
        let moments: Moments<B> = self.optimizer.to_record();
        let mut collector = Collector::<B> { moments: &moments, times: Vec::new(), parts: Vec::new() };
        // `valid` also takes in what the batch norms have yet to add to their running statistics.
        self.network.valid().visit(&mut collector);
        if let Some(target) = &self.target {
            target.network().valid().visit(&mut collector);
        }
        let Collector { times, parts, .. } = collector;

        let data = Tensor::cat(parts, 0).into_data_async().await;
        let values = data.map_err(|e| TrainerError::Device(e.to_string()))?.convert::<f32>();
        let mut bytes = MAGIC.to_vec();
        for number in [VERSION, self.epochs_done as u32, times.len() as u32].into_iter().chain(times) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(values.iter::<f32>().flat_map(f32::to_le_bytes));
        bytes.extend(self.kept.iter().flatten().flat_map(|&image| (image as u32).to_le_bytes()));
        Ok(bytes)
    }

    /// Continues a run from [`Trainer::checkpoint`].
    ///
    /// # Errors
    /// Bytes that are cut, of another version, or of another network; values that are not finite.
    pub fn resume(config: TrainConfig, checkpoint: &[u8], device: B::Device) -> Result<Self, TrainerError> {
        let mut reader = Reader { bytes: checkpoint };
        if reader.take(4)? != MAGIC {
            return Err(fault("it is none, or of an earlier version: train the run again from its settings"));
        }
        match reader.number()? {
            VERSION => {}
            found => return Err(TrainerError::Version { expected: VERSION, found }),
        }
        let (epochs_done, tensors) = (reader.number()? as usize, reader.number()? as usize);
        let times = reader.numbers(tensors)?.into_iter();
        let fresh = Self::new(config, device);
        let mut loader = Loader::<B> { reader, times, moments: Moments::<B>::default(), failure: None };
        let network: Network<B> = fresh.network.map(&mut loader);
        let target = fresh.target.map(|target| target.map(&mut loader));
        let Loader { mut reader, times, moments, failure } = loader;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let rest = reader.bytes.len() / 4;
        let kept = if fresh.config.objective == Objective::Stoc { reader.numbers(rest)? } else { Vec::new() };
        let kept = (!kept.is_empty()).then(|| kept.into_iter().map(|image| image as usize).collect());
        if !reader.bytes.is_empty() || times.len() > 0 {
            return Err(fault("it holds more than this network has"));
        }
        let optimizer = fresh.optimizer.load_record(moments);
        Ok(Self { network, target, optimizer, epochs_done, kept, ..fresh })
    }

    /// The same, if it can go on with so many images.
    ///
    /// # Errors
    /// It keeps images that are none of them.
    pub(in crate::ssl) fn of(self, images: usize) -> Result<Self, TrainerError> {
        match self.kept.iter().flatten().find(|&&image| image >= images) {
            Some(image) => Err(fault(&format!("it keeps images that there are not, {image} of {images}"))),
            None => Ok(self),
        }
    }
}

fn fault(why: &str) -> TrainerError {
    TrainerError::Checkpoint(why.into())
}

/// Strings values and moments together, in the order in which the network visits its tensors.
struct Collector<'a, B: AutodiffBackend> {
    moments: &'a Moments<B>,
    times: Vec<u32>,
    parts: Vec<Tensor<Inner<B>, 1>>,
}

impl<B: AutodiffBackend> ModuleVisitor<Inner<B>> for Collector<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Inner<B>, D>>) {
        self.push(param.val());
        // Running statistics and frozen tensors have no moments.
        let Some(record) = self.moments.get(&param.id) else { return self.times.push(0) };
        let AdamState { momentum }: AdamState<Inner<B>, D> = record.clone().into_state();
        self.times.push(momentum.time as u32);
        self.push(momentum.moment_1);
        self.push(momentum.moment_2);
    }
}

impl<B: AutodiffBackend> Collector<'_, B> {
    fn push<const D: usize>(&mut self, tensor: Tensor<Inner<B>, D>) {
        let n = tensor.shape().num_elements();
        self.parts.push(tensor.reshape([n]));
    }
}

/// Puts values and moments back, in the same order.
struct Loader<'a, B: AutodiffBackend> {
    reader: Reader<'a>,
    times: std::vec::IntoIter<u32>,
    moments: Moments<B>,
    failure: Option<TrainerError>,
}

impl<B: AutodiffBackend> Loader<'_, B> {
    fn load<const D: usize>(&mut self, id: ParamId, tensor: &Tensor<B, D>) -> Result<Tensor<B, D>, TrainerError> {
        let (dims, device) = (tensor.dims(), tensor.device());
        let time = self.times.next().ok_or_else(|| fault("it holds fewer tensors than this network has"))?;
        let mut next =
            || -> Result<_, TrainerError> { Ok(TensorData::new(self.reader.floats(dims.iter().product())?, dims)) };
        let value = Tensor::from_data(next()?, &device);
        if time > 0 {
            let (first, second) = (Tensor::from_data(next()?, &device), Tensor::from_data(next()?, &device));
            let state = AdamState::new(AdaptiveMomentumState::new(time as usize, first, second));
            self.moments.insert(id, AdaptorRecord::from_state::<D>(state));
        }
        Ok(value)
    }
}

impl<B: AutodiffBackend> ModuleMapper<B> for Loader<'_, B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        if self.failure.is_some() {
            return param;
        }
        let id = param.id;
        match self.load(id, &param.val()) {
            Ok(value) => param.map(|old| {
                let learned = old.is_require_grad();
                value.set_require_grad(learned)
            }),
            Err(failure) => {
                self.failure = Some(failure);
                param
            }
        }
    }
}

/// What is left of the bytes.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], TrainerError> {
        let (taken, rest) = self.bytes.split_at_checked(n).ok_or_else(|| fault("it is cut"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, TrainerError> {
        Ok(self.numbers(1)?[0])
    }

    fn numbers(&mut self, n: usize) -> Result<Vec<u32>, TrainerError> {
        let bytes = self.take(n.saturating_mul(4))?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect())
    }

    fn floats(&mut self, n: usize) -> Result<Vec<f32>, TrainerError> {
        let values: Vec<f32> = self.numbers(n)?.into_iter().map(f32::from_bits).collect();
        if values.iter().all(|v| v.is_finite()) {
            Ok(values)
        } else {
            Err(fault("it holds a value that is not finite"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, images, train};
    use super::*;
    use crate::model::save_weights;
    use burn::backend::Autodiff;
    use burn_flex::Flex;

    type B = Autodiff<Flex>;

    fn checkpoint(trainer: &Trainer<B>) -> Vec<u8> {
        pollster::block_on(trainer.checkpoint()).unwrap()
    }

    #[test]
    fn a_resumed_run_ends_with_the_weights_of_one_that_never_stopped() {
        let images = images();
        for objective in Objective::ALL {
            let mut whole = Trainer::<B>::new(config(objective), Default::default());
            let losses = train(&mut whole, &images, 4);

            let mut first = Trainer::<B>::new(config(objective), Default::default());
            let mut parts = train(&mut first, &images, 2);
            let bytes = checkpoint(&first);
            let mut second = Trainer::<B>::resume(config(objective), &bytes, Default::default()).unwrap();
            assert_eq!(checkpoint(&second), bytes, "{objective}: nothing is lost on the way");
            parts.extend(train(&mut second, &images, 2));

            assert_eq!(losses, parts, "{objective}");
            assert_eq!(save_weights(&whole.network()).unwrap(), save_weights(&second.network()).unwrap());
        }
    }

    #[test]
    fn checkpoints_that_lie_are_refused() {
        let good = checkpoint(&Trainer::<B>::new(config(Objective::Simclr), Default::default()));
        let resume = |bytes: &[u8], objective| Trainer::<B>::resume(config(objective), bytes, Default::default());
        let refused = |bytes: &[u8]| resume(bytes, Objective::Simclr).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(resume(&good, Objective::Simclr).is_ok());
        for cut in [0, 3, 10, good.len() / 2, good.len() - 4] {
            assert!(refused(&good[..cut]).contains("cut"), "{cut}");
        }
        assert!(refused(&[&good[..], &[0; 4]].concat()).contains("more than"));
        assert!(refused(b"NSAT").contains("of an earlier version: train the run again"));
        // A burn record, as earlier versions wrote it.
        assert!(refused(&[0x93, 0x84, 0xa7, b'e', b'n', b'c']).contains("of an earlier version: train the run again"));
        let mut later = good.clone();
        later[4] = 2;
        assert!(refused(&later).contains("must be of version 1, found 2: go on with the program that wrote it"));
        let mut absurd = good.clone();
        absurd[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(refused(&absurd).contains("cut"), "nothing is allocated for numbers that are not there");
        let mut nan = good.clone();
        let end = nan.len();
        nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(refused(&nan).contains("not finite"));
        assert!(resume(&good, Objective::Simsiam).is_err(), "another network");
        assert!(resume(&good, Objective::Byol).is_err(), "no target");
        let byol = checkpoint(&Trainer::<B>::new(config(Objective::Byol), Default::default()));
        assert!(resume(&byol, Objective::Byol).is_ok());
        assert!(resume(&byol, Objective::Simclr).is_err(), "a target that is none");
        assert!(resume(&byol[..byol.len() / 2], Objective::Byol).is_err(), "cut");
    }
}
