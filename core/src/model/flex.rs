//! Between burn's CPU tensors and plain slices.

use burn::tensor::{DType, Tensor, TensorData, TensorMetadata, TensorPrimitive, backend::Backend};
use burn_flex::{Flex, FlexTensor};
use std::any::{Any, TypeId};

/// Whether `A` and `B` are the same backend. That is known when the program is compiled: what follows for other backends is
/// not in it.
pub fn is<A: 'static, B: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<B>()
}

/// The tensor itself, if `A` and `B` are the same backend.
pub fn same<A: Backend, B: Backend, const D: usize>(tensor: &Tensor<A, D>) -> Option<Tensor<B, D>> {
    (tensor as &dyn Any).downcast_ref::<Tensor<B, D>>().cloned()
}

/// [`same`] without a clone, so that nobody else holds the tensor.
pub fn taken<A: Backend, B: Backend, const D: usize>(tensor: Tensor<A, D>) -> Result<Tensor<B, D>, Tensor<A, D>> {
    let mut tensor = Some(tensor);
    if let Some(own) = (&mut tensor as &mut dyn Any).downcast_mut::<Option<Tensor<B, D>>>().and_then(Option::take) {
        return Ok(own);
    }
    tensor.map_or_else(|| unreachable!("it was not taken"), Err)
}

/// [`same`] where that is already known.
pub fn known<A: Backend, B: Backend, const D: usize>(tensor: &Tensor<A, D>) -> Tensor<B, D> {
    same(tensor).unwrap_or_else(|| unreachable!("the two backends are the same"))
}

/// A tensor of `f32` whose values lie one after the other.
#[derive(Debug, Clone)]
pub struct Values(FlexTensor);

impl Values {
    /// Those of a tensor. Where it holds another type or another order, they are converted.
    pub fn of<const D: usize>(tensor: Tensor<Flex, D>) -> Self {
        Self::of_primitive(tensor.cast(DType::F32).into_primitive().tensor())
    }

    /// The same of what a [`Tensor`] of `f32` is made of.
    pub fn of_primitive(tensor: FlexTensor) -> Self {
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }

    /// All values, in row-major order, to be overwritten: in place, if nobody else holds them.
    pub fn slice_mut(&mut self) -> &mut [f32] {
        let start = self.0.layout().start_offset();
        let len = self.0.shape().num_elements();
        &mut self.0.storage_mut::<f32>()[start..start + len]
    }

    /// The tensor.
    pub fn tensor(self) -> FlexTensor {
        self.0
    }

    /// All values, in row-major order.
    pub fn slice(&self) -> &[f32] {
        let start = self.0.layout().start_offset();
        &self.0.storage::<f32>()[start..start + self.0.shape().num_elements()]
    }
}

/// What `fill` writes over the values of `add`, zeros if there is none: in place, if nobody else holds them.
pub fn written_onto<const D: usize>(
    shape: [usize; D],
    add: Option<Tensor<Flex, D>>,
    fill: impl FnOnce(&mut [f32]),
) -> Tensor<Flex, D> {
    let mut values = Values::of(add.unwrap_or_else(|| Tensor::zeros(shape, &Default::default())));
    fill(values.slice_mut());
    Tensor::from_primitive(TensorPrimitive::Float(values.tensor()))
}

/// A tensor of values in row-major order.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
