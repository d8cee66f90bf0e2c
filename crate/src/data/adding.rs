//! The adding problem: what a recurrent network remembers.

use candle_core::{DType, Device, Tensor};
use rand::Rng as _;

use crate::data::Dataset;
use crate::rng::Rng;
use crate::{Error, Result};

/// Sequences of random numbers, two of them marked: the answer, asked for at the end, is the sum of those two.
///
/// ```text
/// x_t = (value, marker),  value ~ U[0, 1),  marker 1 at two steps and 0 elsewhere,  y = sum of the two marked values
/// ```
///
/// The first marked step is drawn evenly from the first half of the `steps - lag` steps that may be marked, the second from
/// their second half (if that number is odd, it is the longer). So after both there are at least `lag` more steps, of
/// numbers that do not count. `lag` = 0 is the usual set, in which the second marked step may be the last.
///
/// Always answering 1 has a mean squared error of Var(y) = 2 / 12 ≈ 0.167, and nothing better is possible without
/// knowing the values.
///
/// Inputs `[n, steps, 2]` ([N, T, features], for `batch_first`) and targets `[n, 1]`, of `dtype` F32 or F64.
/// `lag`: at most `steps - 2`.
///
/// Hochreiter and Schmidhuber (1997), section 5.4; values and markers as Le, Jaitly and Hinton (2015), section 4.1. The
/// paper of 1997 draws values from [-1, 1], scales the sum, marks within the first half, and varies the length.
///
/// ```
/// use candlelight::data::adding_problem;
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let data = adding_problem(&mut seeded(0), 8, 110, 100, DType::F64, &Device::Cpu)?;
/// assert_eq!((data.inputs().dims(), data.targets().dims()), (&[8, 110, 2][..], &[8, 1][..]));
/// let (values, markers) = (data.inputs().narrow(2, 0, 1)?, data.inputs().narrow(2, 1, 1)?);
/// let sums = (values * &markers)?.sum(1)?;
/// assert!((sums - data.targets())?.abs()?.max_all()?.to_scalar::<f64>()? < 1e-12);
/// assert_eq!(markers.narrow(1, 10, 100)?.sum_all()?.to_scalar::<f64>()?, 0.); // the last 100 steps do not count
/// # Ok(()) }
/// ```
///
/// # Errors
/// If fewer than two steps may be marked, or another dtype is asked for.
pub fn adding_problem(
    rng: &mut Rng,
    n: usize,
    steps: usize,
    lag: usize,
    dtype: DType,
    device: &Device,
) -> Result<Dataset> {
    let markable = steps.saturating_sub(lag);
    if markable < 2 {
        return Err(Error::setting("lag", "at most steps - 2", format!("{lag} of {steps} steps")));
    }
    let (mut inputs, mut targets) = (Vec::with_capacity(2 * n * steps), Vec::with_capacity(n));
    for _ in 0..n {
        let marked = [rng.random_range(0..markable / 2), rng.random_range(markable / 2..markable)];
        let mut sum = 0.0;
        for t in 0..steps {
            // Rounded at once where the dtype asks for it: the target is the sum of the values that the network is shown.
            let value: f64 = rng.random();
            let value = if dtype == DType::F32 { f64::from(value as f32) } else { value };
            let marker = if marked.contains(&t) { 1.0 } else { 0.0 };
            inputs.extend([value, marker]);
            sum += value * marker;
        }
        targets.push(sum);
    }
    let tensor = |values: Vec<f64>, shape: &[usize]| match dtype {
        DType::F32 | DType::F64 => Ok(Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?),
        actual => Err(Error::DType { what: "adding problem", expected: "F32 or F64", actual }),
    };
    Dataset::new(&tensor(inputs, &[n, steps, 2])?, &tensor(targets, &[n, 1])?)
}
