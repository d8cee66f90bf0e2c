//! The fully connected layer with its activation: y = f(x Wᵀ + b).

use candle_core::Tensor;
use candlelight_base::Result;

use super::activation::{Unary, finish_rows};
use super::matmul::{Size, View, matmul};
use super::values::unwritten;
use super::{Real, contiguous, for_dtype, real, values};
use crate::autograd::apply1;

/// x [N, in] through W [out, in], b `[out]` and an activation: [N, out].
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, unary: Option<Unary>) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => forward::<T>(x, weight, bias, unary))
}

fn forward<T: Real>(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, unary: Option<Unary>) -> Result<Tensor> {
    let ((rows, inputs), outputs) = (x.dims2()?, weight.dim(0)?);
    // SAFETY: the product writes all of it.
    let mut y: Vec<T> = unsafe { unwritten(rows * outputs) };
    {
        let (x, weight) = (contiguous(x)?, contiguous(weight)?);
        let (x, weight) = (values::<T>(&x)?, values::<T>(&weight)?);
        let size = Size { m: rows, k: inputs, n: outputs };
        matmul(size, View::rows(&x, inputs), View::rows(&weight, inputs).t(), &mut y, outputs, false);
    }
    match bias {
        Some(bias) => finish_rows(&mut y, outputs, Some(&values(&contiguous(bias)?)?), unary),
        None => finish_rows(&mut y, outputs, None, unary),
    }
    let operands: Vec<&Tensor> = [Some(x), Some(weight), bias].into_iter().flatten().collect();
    apply1("linear", &operands, y, (rows, outputs), move |grad, op| {
        let [x, weight, ..] = op.inputs else { return Ok(Vec::new()) };
        let grad = match unary {
            Some(unary) => {
                let before = unary.backward::<T>(&values(grad)?, &values(&op.outputs[0])?);
                &Tensor::from_vec(before, grad.shape(), grad.device())?
            }
            None => grad,
        };
        let g = values::<T>(grad)?;
        let tensor = |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), like.device());
        let mut gradients = vec![None, None, None];
        if op.needs[0] {
            let weight = contiguous(weight)?;
            // SAFETY: the product writes all of it.
            let mut dx = unsafe { unwritten(rows * inputs) };
            let size = Size { m: rows, k: outputs, n: inputs };
            matmul(size, View::rows(&g, outputs), View::rows(&values(&weight)?, inputs), &mut dx, inputs, false);
            gradients[0] = Some(tensor(dx, x)?);
        }
        if op.needs[1] {
            let x = contiguous(x)?;
            // SAFETY: the product writes all of it.
            let mut dw = unsafe { unwritten(outputs * inputs) };
            let size = Size { m: outputs, k: rows, n: inputs };
            matmul(size, View::rows(&g, outputs).t(), View::rows(&values(&x)?, inputs), &mut dw, inputs, false);
            gradients[1] = Some(tensor(dw, weight)?);
        }
        if let Some(bias) = op.inputs.get(2).filter(|_| op.needs[2]) {
            gradients[2] = Some(tensor(column_sums(&g, outputs), bias)?);
        }
        Ok(gradients)
    })
}

/// The sum of each column of rows.
pub(crate) fn column_sums<T: Real>(rows: &[T], width: usize) -> Vec<T> {
    let mut sums = vec![T::ZERO; width];
    real::vectorized(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(width) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
            }
        },
    );
    sums
}
