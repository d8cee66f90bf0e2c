//! What part of the input a model does look at, by its gradient.

use candle_core::{D, DType, Tensor, Var};

use crate::autograd::value_and_grad_of;
use crate::nn::{Mode, Module};
use crate::{Error, Result};

/// How strongly the middle of the output depends on each place of the input: the effective receptive field.
///
/// ```text
/// field[i, j] = 1/N Σₙ Σ_c |∂ Σ_o y[n, o, middle] / ∂x[n, c, i, j]|
/// ```
///
/// x are the inputs, y the model's output in [`Mode::Eval`]; the middle is place ⌊H' / 2⌋, ⌊W' / 2⌋ of the output, counted
/// from 0. For an output [N, classes] it is all there is. The theory says how far this can reach
/// ([`receptive_field`](super::receptive_field)); most of it is usually in a small part of that, in the shape of a Gaussian.
///
/// Luo, Li, Urtasun and Zemel (2016), "Understanding the effective receptive field in deep convolutional neural networks",
/// sections 2 and 3. They take the gradient of one channel; here it is that of the sum of all.
///
/// # Shapes
/// x [N, C, L] or [N, C, H, W], output [N, C', …]; field `[L]` or [H, W], of the dtype of x.
///
/// # Errors
/// Those of the model; inputs or outputs of another shape, or empty ones; an output that does not depend on x.
///
/// ```
/// use candlelight::{nn::{Conv2dConfig, features::effective_field}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let ones = Conv2dConfig { weight_init: Some(Init::Constant(1.0)), ..Default::default() };
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new()
///     .push(Conv2d::new(1, 1, (1, 2), ones, params.pp("a"))?)
///     .push(Conv2d::new(1, 1, (1, 2), ones, params.pp("b"))?);
/// let field = effective_field(&model, &Tensor::zeros((1, 1, 1, 3), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(field.to_vec2::<f32>()?, [[1., 2., 1.]]); // Pascal's triangle
/// # Ok(()) }
/// ```
pub fn effective_field(model: &dyn Module, x: &Tensor) -> Result<Tensor> {
    if x.rank() < 3 || x.elem_count() == 0 {
        return Err(Error::shape("input of an effective field", "[N, C, L] or [N, C, H, W], not empty", x.dims()));
    }
    let input = Var::from_tensor(x)?;
    let (_, gradients) = value_and_grad_of([input.as_tensor()], || {
        let mut y = model.forward(&input, Mode::Eval)?;
        if y.rank() < 2 || y.elem_count() == 0 {
            return Err(Error::shape("output of an effective field", "[N, C, ...], not empty", y.dims()));
        }
        for dim in 2..y.rank() {
            y = y.narrow(dim, y.dim(dim)? / 2, 1)?;
        }
        Ok(y.sum_all()?)
    })?;
    let expected = "one that depends on the input by operations with a gradient";
    let gradient =
        gradients.get(&input).ok_or_else(|| Error::setting("output of an effective field", expected, "another"))?;
    Ok((gradient.abs()?.sum(1)?.sum(0)? / x.dim(0)? as f64)?)
}

/// How far a field spreads along each of its dimensions: the standard deviation in places, the field taken as a distribution.
///
/// ```text
/// σ² = Σᵢ fᵢ (i - μ)² / Σᵢ fᵢ,    μ = Σᵢ fᵢ i / Σᵢ fᵢ        fᵢ: the sums over the other dimensions
/// ```
///
/// # Errors
/// A field without dimensions, with a negative number, or with sum 0; a dtype other than F32 and F64.
///
/// ```
/// use candlelight::{nn::features::field_std, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// // The binomial distribution of n = 2: σ² = n/4.
/// let field = Tensor::new(&[1f64, 2., 1.], &Device::Cpu)?;
/// assert_eq!(field_std(&field)?, [0.5f64.sqrt()]);
/// # Ok(()) }
/// ```
pub fn field_std(field: &Tensor) -> Result<Vec<f64>> {
    if field.rank() == 0 || field.elem_count() == 0 {
        return Err(Error::shape("field", "[L] or [H, W], not empty", field.dims()));
    }
    if !matches!(field.dtype(), DType::F32 | DType::F64) {
        return Err(Error::DType { what: "field", expected: "F32 or F64", actual: field.dtype() });
    }
    let field = field.to_dtype(DType::F64)?;
    let least = field.flatten_all()?.min(D::Minus1)?.to_scalar::<f64>()?;
    let sum = field.sum_all()?.to_scalar::<f64>()?;
    if !(least >= 0.0 && sum > 0.0 && sum.is_finite()) {
        let expected = "of numbers of at least 0 with a finite sum above 0";
        return Err(Error::setting("field", expected, format!("least {least}, sum {sum}")));
    }
    let spread = |axis: usize| {
        let others: Vec<usize> = (0..field.rank()).filter(|&dim| dim != axis).collect();
        let along: Vec<f64> = field.sum(others)?.to_vec1()?;
        let moment =
            |of: &dyn Fn(f64) -> f64| along.iter().enumerate().map(|(i, f)| f * of(i as f64)).sum::<f64>() / sum;
        let mean = moment(&|i| i);
        Ok(moment(&|i| (i - mean).powi(2)).sqrt())
    };
    (0..field.rank()).map(spread).collect()
}
