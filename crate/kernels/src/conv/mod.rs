//! Convolutions and transposed convolutions, in one and two dimensions.
//!
//! All of them are made of three operations on a convolution's geometry: `correlate`, from its input to its output;
//! `spread`, the transposed way, which is also the gradient of the input; and `weight_gradient`. A transposed
//! convolution takes the second forward and the first backward.

mod direct;
mod lines;
mod plan;
mod tile;
mod way;
mod weight;
mod winograd;

use candle_core::{Shape, Tensor};
use candlelight_base::Result;

use direct::Sizes;
use plan::Plan;
pub use way::Prepared;
use way::Way;
use winograd::{Kernel, Three, Two};

use super::geometry::Geometry;
use super::{Real, contiguous, for_dtype, values};
use crate::autograd::{Grads, apply1};

/// The convolution of x [N, in, ...] with W [out, in / groups, ...] plus b `[out]`, as a tensor of `shape`; `prepared` is that of
/// this weight.
pub fn conv(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
    shape: Shape,
    prepared: Option<&Prepared>,
) -> Result<Tensor> {
    layer("convolution", x, (weight, prepared), bias, geometry, shape, false)
}

/// The transposed convolution of x [N, in, ...] with W [in, out / groups, ...] plus b `[out]`, as a tensor of `shape`;
/// `geometry` is of the convolution that leads from its output to its input.
pub fn conv_transpose(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
    shape: Shape,
    prepared: Option<&Prepared>,
) -> Result<Tensor> {
    layer("transposed convolution", x, (weight, prepared), bias, geometry, shape, true)
}

fn layer(
    name: &'static str,
    x: &Tensor,
    (weight, prepared): (&Tensor, Option<&Prepared>),
    bias: Option<&Tensor>,
    geometry: Geometry,
    shape: Shape,
    transposed: bool,
) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => {
        let y = {
            let (x, weight, bias) = (contiguous(x)?, contiguous(weight)?, bias.map(contiguous).transpose()?);
            let (x, weight) = (values::<T>(&x)?, values::<T>(&weight)?);
            let bias = bias.as_ref().map(values::<T>).transpose()?;
            let pass = if transposed { spread } else { correlate };
            pass(&geometry, &x, &weight, bias.as_deref(), prepared)
        };
        let operands: Vec<&Tensor> = [Some(x), Some(weight), bias].into_iter().flatten().collect();
        apply1(name, &operands, y, shape, move |grad, op| backward::<T>(grad, op, &geometry, transposed))
    })
}

/// y [N, out, ...] of x [N, in, ...] and W [out, in / groups, ...].
fn correlate<T: Real>(
    geometry: &Geometry,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    prepared: Option<&Prepared>,
) -> Vec<T> {
    assert!(x.len() == geometry.batch * geometry.input());
    let way = || Way::new(Plan::correlate(geometry), Sizes::correlate(geometry), weight);
    match prepared {
        Some(prepared) => prepared.way(geometry, way).run(geometry.batch, x, weight, bias),
        None => way().run(geometry.batch, x, weight, bias),
    }
}

/// The other way, from outputs to inputs with the same weight.
fn spread<T: Real>(
    geometry: &Geometry,
    y: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    prepared: Option<&Prepared>,
) -> Vec<T> {
    assert!(y.len() == geometry.batch * geometry.output());
    let way = || Way::new(Plan::spread(geometry), Sizes::spread(geometry), weight);
    match prepared {
        Some(prepared) => prepared.way(geometry, way).run(geometry.batch, y, weight, bias),
        None => way().run(geometry.batch, y, weight, bias),
    }
}

/// The gradient of W [out, in / groups, ...] for x [N, in, ...] and the gradient g of y [N, out, ...].
fn weight_gradient<T: Real>(geometry: &Geometry, x: &[T], g: &[T]) -> Vec<T> {
    assert!(x.len() == geometry.batch * geometry.input() && g.len() == geometry.batch * geometry.output());
    let plan = &Plan::correlate(geometry);
    // With few channels, what is saved in products is lost in laying out so many gradients.
    let wide = weight::Outer::<T>::fits(geometry.maps()) && geometry.channels() >= 8;
    let at_points = match winograd::kernel(plan, Sizes::correlate(geometry)).filter(|_| wide) {
        Some(Kernel::Two) => winograd::gradient::<T, Two>(geometry, plan, x, g),
        Some(Kernel::Three) => winograd::gradient::<T, Three>(geometry, plan, x, g),
        Some(Kernel::Square(square)) => winograd::gradient_of_squares(geometry, &square, x, g),
        None => None,
    };
    let dw = at_points.unwrap_or_else(|| weight::gradient(geometry, plan, x, g));
    // The kernels multiply what lies around an image by 0, which NaN and ∞ outlive.
    match dw.iter().all(|dw| dw.wide().is_finite()) {
        true => dw,
        false => weight::plain(geometry, x, g),
    }
}

fn backward<T: Real>(grad: &Tensor, op: Grads, geometry: &Geometry, transposed: bool) -> Result<Vec<Option<Tensor>>> {
    let [x, weight, ..] = op.inputs else { return Ok(Vec::new()) };
    let g = values::<T>(grad)?;
    let tensor = |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), like.device());
    let mut gradients = vec![None; 3];
    if op.needs[0] {
        let weight = contiguous(weight)?;
        let pass = if transposed { correlate } else { spread };
        gradients[0] = Some(tensor(pass(geometry, &g, &values(&weight)?, None, None), x)?);
    }
    if op.needs[1] {
        let x = contiguous(x)?;
        let x = values::<T>(&x)?;
        let dw = match transposed {
            false => weight_gradient(geometry, &x, &g),
            true => weight_gradient(geometry, &g, &x),
        };
        gradients[1] = Some(tensor(dw, weight)?);
    }
    if let Some(bias) = op.inputs.get(2).filter(|_| op.needs[2]) {
        gradients[2] = Some(tensor(weight::channel_sums(&g, geometry.batch, bias.elem_count()), bias)?);
    }
    Ok(gradients)
}
