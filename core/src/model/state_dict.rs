//! Weights by name, whatever kind of file they came from.

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use thiserror::Error;

/// Largest weights file that is read: torchvision's ResNet-152 has 241 MB in f32.
pub const MAX_WEIGHTS: usize = 256 << 20;

/// Why weights cannot be read or written.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// More bytes than any network of ours has.
    #[error("weights must be at most {MAX_WEIGHTS} bytes, found {found}")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not safetensors.
    #[error("weights must be a safetensors file: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// A tensor of integers, or of floats that nobody trains with.
    #[error("weight '{name}' must be F32, F16, BF16 or F64, found {dtype}")]
    Dtype {
        /// The tensor's name.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// Values that do not fill the shape.
    #[error("weight '{name}' of shape {shape:?} must have as many values, found {found}")]
    Length {
        /// The tensor's name.
        name: String,
        /// Its sizes.
        shape: Vec<usize>,
        /// Values found.
        found: usize,
    },
    /// A NaN or an infinity.
    #[error("weight '{name}' holds a value that is not finite")]
    NotFinite {
        /// The tensor's name.
        name: String,
    },
    /// A variance below zero, whose square root is not a number.
    #[error("weight '{name}' is a variance and must be 0 or more, found {found}")]
    Variance {
        /// The tensor's name.
        name: String,
        /// The first such value.
        found: f32,
    },
    /// Tensors that the network needs are not there, others are there that it does not have, or shapes differ.
    #[error("weights do not fit the network: {0}")]
    Mismatch(String),
    /// The device did not give a tensor back.
    #[error("weight '{name}' could not be read from the device: {why}")]
    Device {
        /// The tensor's name.
        name: String,
        /// What the device said.
        why: String,
    },
}

/// Tensors by name, as PyTorch's `state_dict()` has them; all of their values are finite.
///
/// `num_batches_tracked` is left out: no network of ours counts its batches.
#[derive(Debug, Default, PartialEq)]
pub struct StateDict {
    tensors: BTreeMap<String, Weight>,
}

/// One tensor in C order.
#[derive(Debug, PartialEq)]
pub struct Weight {
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

impl StateDict {
    /// Whether a tensor of this name is no weight.
    pub fn ignores(name: &str) -> bool {
        name == "num_batches_tracked" || name.ends_with(".num_batches_tracked")
    }

    /// Adds a tensor.
    pub fn insert(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) -> Result<(), WeightsError> {
        if shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size)) != Some(values.len()) {
            return Err(WeightsError::Length { name, shape, found: values.len() });
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(WeightsError::NotFinite { name });
        }
        if let Some(&found) = values.iter().find(|v| **v < 0.0).filter(|_| name.ends_with("running_var")) {
            return Err(WeightsError::Variance { name, found });
        }
        self.tensors.insert(name, Weight { shape, values });
        Ok(())
    }

    /// Reads a safetensors file.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, WeightsError> {
        if bytes.len() > MAX_WEIGHTS {
            return Err(WeightsError::TooLarge { found: bytes.len() });
        }
        let mut state = Self::default();
        for (name, view) in SafeTensors::deserialize(bytes)?.iter().filter(|(name, _)| !Self::ignores(name)) {
            state.insert(name.into(), view.shape().to_vec(), floats(name, &view)?)?;
        }
        Ok(state)
    }

    /// The sizes of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|weight| weight.shape.as_slice())
    }

    /// Takes a tensor out.
    pub fn take(&mut self, name: &str) -> Result<Weight, WeightsError> {
        self.tensors.remove(name).ok_or_else(|| WeightsError::Mismatch(format!("'{name}' is missing")))
    }

    /// Names and sizes of all tensors.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, weight)| (name.as_str(), weight.shape.as_slice()))
    }

    /// The tensors whose names begin with `prefix`, under the rest of their names.
    pub fn under(self, prefix: &str) -> Self {
        self.renamed(|name| name.strip_prefix(prefix).map(String::from))
    }

    /// The tensors whose names `rename` gives a name, under that.
    pub(super) fn renamed(self, rename: impl Fn(&str) -> Option<String>) -> Self {
        let tensors = self.tensors.into_iter().filter_map(|(name, weight)| Some((rename(&name)?, weight)));
        Self { tensors: tensors.collect() }
    }

    /// The tensors without `prefix`, if every name begins with it.
    pub fn without_prefix(self, prefix: &str) -> Self {
        if self.tensors.keys().all(|name| name.starts_with(prefix)) {
            self.renamed(|name| name.strip_prefix(prefix).map(String::from))
        } else {
            self
        }
    }

    /// All tensors, by name.
    pub(super) fn into_tensors(self) -> impl Iterator<Item = (String, Weight)> {
        self.tensors.into_iter()
    }
}

fn floats(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, WeightsError> {
    let bytes = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::F64 => bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        other => return Err(WeightsError::Dtype { name: name.into(), dtype: format!("{other:?}") }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(names: &[&str]) -> StateDict {
        let mut state = StateDict::default();
        for name in names {
            state.insert(name.to_string(), vec![2], vec![1.0, 2.0]).unwrap();
        }
        state
    }

    #[test]
    fn a_prefix_goes_only_where_all_have_it() {
        assert_eq!(state(&["module.a", "module.b"]).without_prefix("module."), state(&["a", "b"]));
        assert_eq!(state(&["module.a", "b"]).without_prefix("module."), state(&["module.a", "b"]));
        assert_eq!(state(&["net.a", "net.b", "head.a"]).under("net."), state(&["a", "b"]));
    }

    #[test]
    fn every_kind_of_float_is_read_and_nothing_else() {
        let file = |dtype, data: &[u8], shape: Vec<usize>| {
            let view = TensorView::new(dtype, shape, data).unwrap();
            StateDict::from_safetensors(&safetensors::serialize([("a", view)], None).unwrap())
        };
        let expected = {
            let mut state = StateDict::default();
            state.insert("a".into(), vec![1], vec![-1.5]).unwrap();
            state
        };
        assert_eq!(file(Dtype::F32, &(-1.5_f32).to_le_bytes(), vec![1]).unwrap(), expected);
        assert_eq!(file(Dtype::F64, &(-1.5_f64).to_le_bytes(), vec![1]).unwrap(), expected);
        assert_eq!(file(Dtype::F16, &f16::from_f32(-1.5).to_le_bytes(), vec![1]).unwrap(), expected);
        assert_eq!(file(Dtype::BF16, &bf16::from_f32(-1.5).to_le_bytes(), vec![1]).unwrap(), expected);
        let says = |dtype, data: &[u8]| file(dtype, data, vec![1]).unwrap_err().to_string();
        assert_eq!(says(Dtype::I64, &[0; 8]), "weight 'a' must be F32, F16, BF16 or F64, found I64");
        assert_eq!(says(Dtype::F64, &1e300_f64.to_le_bytes()), "weight 'a' holds a value that is not finite");
    }

    #[test]
    fn values_must_fill_the_shape() {
        let error = StateDict::default().insert("a".into(), vec![2, usize::MAX], vec![0.0]).unwrap_err();
        assert!(error.to_string().ends_with("must have as many values, found 1"), "{error}");
    }

    #[test]
    fn a_variance_below_zero_is_named() {
        let mut state = StateDict::default();
        state.insert("bn1.running_var".into(), vec![2], vec![0.0, 1.0]).unwrap();
        state.insert("bn1.running_mean".into(), vec![1], vec![-1.0]).unwrap();
        let error = state.insert("bn2.running_var".into(), vec![2], vec![1.0, -0.5]).unwrap_err().to_string();
        assert_eq!(error, "weight 'bn2.running_var' is a variance and must be 0 or more, found -0.5");
    }
}
