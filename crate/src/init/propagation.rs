use candle_core::{DType, Tensor, Var};

use crate::autograd::vjp;
use crate::{Error, Result};

/// How large signals and gradients are in each layer of a net, from [`propagate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Propagation {
    /// Mean square of zₗ, over samples and units, for l = 1 … L.
    pub forward: Vec<f64>,
    /// Mean square of the gradient ∂/∂zₗ, over samples and units, for l = 1 … L; the last is that of the given gradient.
    pub backward: Vec<f64>,
}

/// Sends `x` forward and `gradient` backward through a fully connected net without biases.
///
/// ```text
/// z₁ = W₁ x       zₗ = Wₗ φ(zₗ₋₁)       δ_L = gradient       δₗ₋₁ = φ'(zₗ₋₁) ∘ Wₗᵀ δₗ
///
/// expected, for independent weights of mean 0:
///     E[zₗ²] = fan_in · Var(W) · E[φ(zₗ₋₁)²]       E[δₗ₋₁²] = fan_out · Var(W) · E[φ'(zₗ₋₁)²] · E[δₗ²]
/// ```
///
/// The first law is exact for every width; the second takes δₗ to be independent of zₗ₋₁, as where the gradient comes from
/// outside. What is measured is one draw of the weights: many nets are needed to see the expectation, the more the
/// deeper they are.
///
/// `weights`: `[dₗ, dₗ₋₁]` each, at least one; `x`: `[N, d₀]`; `gradient`: `[N, d_L]`; all of one float dtype. `activation`: φ,
/// on tensors `[N, dₗ]`.
///
/// Glorot and Bengio (2010), section 4.2.1; He et al. (2015), section 2.2.
///
/// # Errors
/// No weight, one that does not follow the one before it, or another shape or dtype of `x` or `gradient`.
///
/// ```
/// use candlelight::{activation::relu, init::propagate, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// // Two layers of one unit: 3 · 2 = 6, then 0.5 · 6.
/// let weights = [Tensor::new(&[[2f64]], &Device::Cpu)?, Tensor::new(&[[0.5f64]], &Device::Cpu)?];
/// let (x, gradient) = (Tensor::new(&[[3f64]], &Device::Cpu)?, Tensor::new(&[[10f64]], &Device::Cpu)?);
/// let through = propagate(&weights, relu, &x, &gradient)?;
/// assert_eq!(through.forward, [36., 9.]);
/// assert_eq!(through.backward, [25., 100.]);
/// # Ok(()) }
/// ```
pub fn propagate(
    weights: &[Tensor],
    activation: impl Fn(&Tensor) -> Result<Tensor>,
    x: &Tensor,
    gradient: &Tensor,
) -> Result<Propagation> {
    let (Some((first, rest)), Some(last)) = (weights.split_first(), weights.last()) else {
        return Err(Error::setting("weights", "at least one", "none"));
    };
    let (_, width) = matrix("weight", "[out, in]", first)?;
    let (samples, inputs) = matrix("x", "[N, in]", x)?;
    if width != inputs {
        return Err(Error::shape("x", format!("[N, {width}], the inputs of the first weight"), x.dims()));
    }
    let (outputs, _) = matrix("weight", "[out, in]", last)?;
    if gradient.dims() != [samples, outputs] {
        return Err(Error::shape("gradient", format!("[{samples}, {outputs}]"), gradient.dims()));
    }
    let mut z = vec![x.matmul(&first.t()?)?];
    for (weight, before) in rest.iter().zip(weights) {
        let ((_, given), (expected, _)) =
            (matrix("weight", "[out, in]", weight)?, matrix("weight", "[out, in]", before)?);
        if given != expected {
            return Err(Error::shape("weight", format!("[out, {expected}], as the one before gives"), weight.dims()));
        }
        let input = activation(&z[z.len() - 1])?;
        z.push(input.matmul(&weight.t()?)?);
    }
    let forward = z.iter().map(mean_square).collect::<Result<_>>()?;
    let mut delta = gradient.clone();
    let mut backward = vec![mean_square(&delta)?];
    for (weight, z) in rest.iter().zip(&z).rev() {
        let z = Var::from_tensor(z)?;
        let (_, gradients) = vjp(|| activation(&z), &delta.matmul(weight)?)?;
        delta = gradients.get(&z).ok_or_else(|| Error::MissingGradient { name: "z".into() })?.detach();
        backward.push(mean_square(&delta)?);
    }
    backward.reverse();
    Ok(Propagation { forward, backward })
}

fn mean_square(x: &Tensor) -> Result<f64> {
    Ok(x.to_dtype(DType::F64)?.sqr()?.mean_all()?.to_scalar()?)
}

fn matrix(what: &'static str, expected: &str, x: &Tensor) -> Result<(usize, usize)> {
    match *x.dims() {
        [rows, columns] => Ok((rows, columns)),
        _ => Err(Error::shape(what, expected, x.dims())),
    }
}
