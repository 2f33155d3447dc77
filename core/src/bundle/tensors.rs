//! Small typed tensors in safetensors files: written as they are, read with every check.

use super::BundleError;
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::borrow::Cow;

/// A tensor on its way into a file, little-endian.
pub(super) struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    pub fn f32(shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    /// Rounded to half precision.
    pub fn f16(shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        Self { dtype: Dtype::F16, shape: shape.to_vec(), bytes }
    }

    pub fn u32(shape: &[usize], values: &[u32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: Dtype::U32, shape: shape.to_vec(), bytes }
    }

    pub fn u8(shape: &[usize], values: &[u8]) -> Self {
        Self { dtype: Dtype::U8, shape: shape.to_vec(), bytes: values.to_vec() }
    }

    /// A safetensors file of these tensors.
    pub fn file(file: &'static str, tensors: Vec<(String, Self)>) -> Result<Vec<u8>, BundleError> {
        safetensors::serialize(tensors, None).map_err(|e| BundleError::Content { file, why: e.to_string() })
    }
}

impl safetensors::View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Reads tensors from a safetensors file by name, and says what was wrong with which.
pub(super) struct Reader<'a> {
    file: &'static str,
    tensors: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(file: &'static str, bytes: &'a [u8]) -> Result<Self, BundleError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|e| BundleError::Content { file, why: format!("must be a safetensors file: {e}") })?;
        Ok(Self { file, tensors })
    }

    pub fn fault(&self, why: String) -> BundleError {
        BundleError::Content { file: self.file, why }
    }

    /// How many tensors the file has.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    fn tensor(&self, name: &str, dtype: Dtype) -> Result<TensorView<'a>, BundleError> {
        let Ok(view) = self.tensors.tensor(name) else {
            return Err(self.fault(format!("tensor '{name}' is missing")));
        };
        if view.dtype() != dtype {
            return Err(self.fault(format!("tensor '{name}' must be {dtype:?}, found {:?}", view.dtype())));
        }
        Ok(view)
    }

    /// Finite values of exactly this shape, stored in half or in single precision.
    pub fn f16_or_f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, BundleError> {
        if self.tensors.tensor(name).is_ok_and(|view| view.dtype() == Dtype::F32) {
            return self.f32(name, shape);
        }
        let bytes = self.shaped(name, Dtype::F16, shape)?;
        self.finite(name, bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect())
    }

    /// Finite values of exactly this shape.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, BundleError> {
        let bytes = self.shaped(name, Dtype::F32, shape)?;
        self.finite(name, bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn shaped(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8], BundleError> {
        let view = self.tensor(name, dtype)?;
        if view.shape() != shape {
            return Err(self.fault(format!("tensor '{name}' must have shape {shape:?}, found {:?}", view.shape())));
        }
        Ok(view.data())
    }

    fn finite(&self, name: &str, values: Vec<f32>) -> Result<Vec<f32>, BundleError> {
        if values.iter().any(|v| !v.is_finite()) {
            return Err(self.fault(format!("tensor '{name}' must hold finite values only")));
        }
        Ok(values)
    }

    /// A vector of whole numbers.
    pub fn u32(&self, name: &str) -> Result<Vec<u32>, BundleError> {
        let view = self.tensor(name, Dtype::U32)?;
        if view.shape().len() != 1 {
            return Err(self.fault(format!("tensor '{name}' must be a vector, found shape {:?}", view.shape())));
        }
        Ok(view.data().as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect())
    }

    /// A tensor of bytes, whatever its shape.
    pub fn u8(&self, name: &str) -> Result<Vec<u8>, BundleError> {
        Ok(self.tensor(name, Dtype::U8)?.data().to_vec())
    }
}
