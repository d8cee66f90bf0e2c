use candle_core::Tensor;

use super::summary::{Reach, record, trace_alike};
use super::{Linearized, Mode, Module};
use crate::{Error, Result};

/// Makes one vector of each sample: [N, ...] → [N, product of the rest], as PyTorch's `Flatten` with its defaults.
///
/// ```
/// use candlelight::{nn::{Flatten, Mode, Module}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let images = Tensor::zeros((5, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(Flatten.forward(&images, Mode::Eval)?.dims(), [5, 784]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flatten;

impl Module for Flatten {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        match x.dims() {
            [batch, rest @ ..] => {
                let y = x.reshape((*batch, rest.iter().product::<usize>()))?;
                record("flatten", [], &y, 0);
                trace_alike(x, &y, Reach::All);
                Ok(y)
            }
            [] => Err(Error::shape("input of flatten", "[N, ...]", &[])),
        }
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| self.forward(v, mode)))
    }
}
