//! Tensors as PyTorch stores them: a storage of numbers, and views of it.

use half::{bf16, f16};
use std::rc::Rc;

/// The numbers of one or more tensors, as they lie in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub(super) kind: Kind,
    /// Its name in the file.
    pub(super) key: Rc<str>,
    /// How many numbers.
    pub(super) len: usize,
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub(super) storage: Rc<Storage>,
    /// Its first number.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    /// How far apart neighbours lie along each dimension.
    pub(super) stride: Vec<usize>,
}

/// What numbers a storage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F64,
    F32,
    F16,
    BF16,
    /// What no weight of ours is made of: its name in PyTorch and how many bytes each number has.
    Other(&'static str, usize),
}

impl Kind {
    /// By the class that PyTorch names.
    pub(super) fn of(class: &str) -> Self {
        match class.strip_prefix("torch ").unwrap_or_default() {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::BF16,
            "LongStorage" => Self::Other("int64", 8),
            "IntStorage" => Self::Other("int32", 4),
            "ShortStorage" => Self::Other("int16", 2),
            "CharStorage" => Self::Other("int8", 1),
            "ByteStorage" => Self::Other("uint8", 1),
            "BoolStorage" => Self::Other("bool", 1),
            "ComplexFloatStorage" => Self::Other("complex64", 8),
            "ComplexDoubleStorage" => Self::Other("complex128", 16),
            _ => Self::Other("quantised or unknown numbers", 1),
        }
    }

    /// Bytes a number has.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Other(_, bytes) => bytes,
        }
    }
}

impl Tensor {
    /// Whether every number it refers to is in its storage.
    pub(super) fn fits(&self) -> bool {
        if self.shape.contains(&0) {
            return true;
        }
        let mut steps = self.shape.iter().zip(&self.stride).map(|(size, stride)| (size - 1).checked_mul(*stride));
        let last = steps.try_fold(self.offset, |at, step| at.checked_add(step?));
        last.is_some_and(|last| last < self.storage.len)
    }

    /// Its numbers in C order, from the bytes of its storage. It must fit.
    pub(super) fn values(&self, bytes: &[u8]) -> Vec<f32> {
        let size = self.storage.kind.bytes();
        let number = |at: usize| {
            let bytes = &bytes[at * size..(at + 1) * size];
            match self.storage.kind {
                Kind::F64 => f64::from_le_bytes(first(bytes)) as f32,
                Kind::F32 => f32::from_le_bytes(first(bytes)),
                Kind::F16 => f16::from_le_bytes(first(bytes)).to_f32(),
                Kind::BF16 => bf16::from_le_bytes(first(bytes)).to_f32(),
                Kind::Other(..) => 0.0,
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
