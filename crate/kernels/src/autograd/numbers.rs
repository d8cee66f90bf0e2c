//! What an operation has computed, before it is a tensor with a past.

use candle_core::op::BackpropOp;
use candle_core::{Shape, Storage, Tensor};

use super::graph::Value;

/// The numbers of a result: those of a tensor, which are copied into the result in their order, or what a kernel has just written,
/// which become the result.
pub struct Numbers {
    pub(super) value: Value,
    shape: Shape,
}

impl Numbers {
    /// What a kernel has written for this alone.
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    pub(crate) fn written(storage: Storage, shape: impl Into<Shape>) -> Self {
        Self { value: Value::Storage(storage), shape: shape.into() }
    }

    /// Their shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// A tensor without a past; not copied.
    pub fn into_tensor(self) -> Tensor {
        match self.value {
            Value::Storage(storage) => Tensor::from_storage(storage, self.shape, BackpropOp::none(), false),
            Value::Tensor(tensor) => tensor,
        }
    }
}

impl From<&Tensor> for Numbers {
    fn from(tensor: &Tensor) -> Self {
        Self { value: Value::Tensor(tensor.detach()), shape: tensor.shape().clone() }
    }
}

impl From<Tensor> for Numbers {
    fn from(tensor: Tensor) -> Self {
        Self::from(&tensor)
    }
}
