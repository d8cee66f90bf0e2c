use candle_core::Tensor;

use crate::{Error, Result};

/// A function at a point: its value there, and its derivative along any direction; from [`Module::linearize`].
///
/// ```text
/// f(x + εv) = f(x) + ε J v + O(ε²)        J = ∂f/∂x at x
/// ```
///
/// J v goes through the layers forwards, one product a layer (forward mode, or a tangent), where a backward pass gives uᵀ J.
/// It is a tensor like others: its own gradient, by [`value_and_grad`](crate::autograd::value_and_grad), is a second
/// derivative of f, which is what a [gradient penalty](crate::gan::gradient_penalty) asks for.
///
/// Griewank and Walther (2008), Evaluating derivatives, section 3.1; Baydin et al. (2018), section 3.1.
///
/// [`Module::linearize`]: super::Module::linearize
pub struct Linearized<'a> {
    output: Tensor,
    input: Vec<usize>,
    along: Box<Along<'a>>,
}

/// From a direction v to J v.
type Along<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;

impl<'a> Linearized<'a> {
    /// What a layer's [`Module::linearize`](super::Module::linearize) returns for the input `x`: f(x) and v ↦ J v. Both
    /// are made of operations that can be differentiated with respect to `x` and to the parameters.
    pub fn new(x: &Tensor, output: Tensor, along: impl Fn(&Tensor) -> Result<Tensor> + 'a) -> Self {
        Self { output, input: x.dims().to_vec(), along: Box::new(along) }
    }

    /// f(x).
    pub fn output(&self) -> &Tensor {
        &self.output
    }

    /// J v for the direction v, of the shape of x.
    ///
    /// # Errors
    /// A direction of another shape, or those of the layers.
    pub fn along(&self, direction: &Tensor) -> Result<Tensor> {
        if direction.dims() != self.input {
            return Err(Error::shape("direction", format!("{:?}, as the input", self.input), direction.dims()));
        }
        (self.along)(direction)
    }

    /// f at x, then g at f(x): the derivatives one after the other.
    pub(super) fn then(self, g: Linearized<'a>) -> Self {
        let Self { input, along, .. } = self;
        let Self { output, along: next, .. } = g;
        Self { output, input, along: Box::new(move |v| next(&along(v)?)) }
    }
}
