use candle_core::Tensor;
use candlelight_kernels as kernels;

use super::{Fused, Linearized, Mode, Module};
use crate::{Error, Result};

/// A module with a shortcut around it, of any layers that keep the shape.
///
/// ```text
/// y = x + F(x)        ∂y/∂x = 1 + ∂F/∂x
/// ```
///
/// The "1 +" is the gradient's way around F: it arrives below even where ∂F/∂x is tiny.
/// [`BasicBlock`](super::BasicBlock) is the convolutional block, with a ReLU after the sum; here nothing follows it (an
/// identity mapping).
///
/// # Shapes
/// Output as input.
///
/// He, Zhang, Ren and Sun (2016), Identity mappings in deep residual networks, section 2, eq. 3 to 5.
///
/// ```
/// use candlelight::{nn::{Mode, Module, Residual, linear}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let block = Residual::new(linear(3, 3, params.clone())?);
/// for name in ["weight", "bias"] {
///     params.set(name, &params.get(name)?.zeros_like()?)?;
/// }
/// let x = Var::new(&[[1f32, -2., 3.]], &Device::Cpu)?;
/// let y = block.forward(&x, Mode::Train)?;
/// assert_eq!(y.to_vec2::<f32>()?, x.to_vec2::<f32>()?); // F = 0
/// assert_eq!(y.sum_all()?.backward()?.get(&x).unwrap().to_vec2::<f32>()?, [[1., 1., 1.]]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Residual<F> {
    inner: F,
}

impl<F: Module> Residual<F> {
    /// x + `inner`(x).
    pub fn new(inner: F) -> Self {
        Self { inner }
    }
}

impl<F: Module> Module for Residual<F> {
    /// # Errors
    /// Those of the inner module, or if it does not keep the shape.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        add(x, &self.inner.forward(x, mode)?)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let inner = self.inner.linearize(x, mode)?;
        let y = add(x, inner.output())?;
        Ok(Linearized::new(x, y, move |v| add(v, &inner.along(v)?)))
    }

    fn fused(&self) -> Result<Option<Fused>> {
        Ok(self.inner.fused()?.map(|inner| Fused::layer(Residual::new(inner))))
    }
}

/// x + y, where y is the output for x.
fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if y.dims() != x.dims() {
        return Err(Error::shape("output inside a residual module", format!("{:?}, as its input", x.dims()), y.dims()));
    }
    match kernels::can_take(&[x, y]) {
        _ if x.elem_count() == 0 => kernels::empty(x.shape(), [x, y]),
        true => kernels::mix::sum(x, y),
        false => Ok((x + y)?),
    }
}
