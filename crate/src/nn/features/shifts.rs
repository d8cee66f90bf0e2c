//! What a model answers when its input is shifted.

use candle_core::Tensor;
use candlelight_base::range;
use rand::Rng as _;

use crate::nn::argmax::argmax;
use crate::nn::{Mode, Module};
use crate::rng::Rng;
use crate::{Error, Result, memory};

/// The most images that a model is given at once.
const BATCH: usize = 256;

/// Inputs [N, C, L] or [N, C, H, W] shifted in a circle: what leaves on one side comes back on the other.
///
/// ```text
/// y[n, c, i, j] = x[n, c, (i - by₀) mod H, (j - by₁) mod W]
/// ```
///
/// # Errors
/// If `by` does not have a number for each dimension behind the second, or one of them is empty.
///
/// ```
/// use candlelight::{nn::features::cyclic_shift, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[[1f32, 2., 3., 4.]]], &Device::Cpu)?;
/// assert_eq!(cyclic_shift(&x, &[1])?.to_vec3::<f32>()?, [[[4., 1., 2., 3.]]]);
/// # Ok(()) }
/// ```
pub fn cyclic_shift(x: &Tensor, by: &[usize]) -> Result<Tensor> {
    let places = places(x)?;
    if by.len() != places.len() {
        let actual = format!("{by:?} for {places:?}");
        return Err(Error::setting("shift", "a number for each dimension", actual));
    }
    let mut x = x.clone();
    for ((dim, &by), size) in (2..).zip(by).zip(places) {
        let by = by % size;
        if by > 0 {
            x = Tensor::cat(&[x.narrow(dim, size - by, by)?, x.narrow(dim, 0, size - by)?], dim)?;
        }
    }
    Ok(x.contiguous()?)
}

/// One input, [1, C, L] or [1, C, H, W], in all its cyclic shifts: the batch [S, C, …] of S = L or H W. Shift (i, j) is
/// number i W + j.
///
/// # Errors
/// Another shape, or more numbers than fit into memory.
///
/// ```
/// use candlelight::{nn::features::cyclic_shifts, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let image = FashionMnist::offline(&Device::Cpu)?.as_images()?.test.take(1)?;
/// let shifts = cyclic_shifts(image.inputs())?;
/// assert_eq!(shifts.dims(), [784, 1, 28, 28]);
/// # Ok(()) }
/// ```
pub fn cyclic_shifts(x: &Tensor) -> Result<Tensor> {
    let sizes = places(x)?;
    if x.dim(0)? != 1 {
        return Err(Error::shape("input to shift", "[1, C, L] or [1, C, H, W]", x.dims()));
    }
    let count = sizes.iter().product();
    memory::check("shifted inputs", &[count, x.elem_count()], x.dtype().size_in_bytes())?;
    let shifted: Vec<Tensor> =
        (0..count).map(|number| cyclic_shift(x, &digits(number, &sizes))).collect::<Result<_>>()?;
    Ok(Tensor::cat(&shifted, 0)?)
}

/// How often a classifier gives the same class to the same input in two cyclic shifts, both drawn at random; `draws` pairs for
/// each input, at least 1.
///
/// ```text
/// E[1{argmax y(shift₁ x) = argmax y(shift₂ x)}]
/// ```
///
/// 1 where the class never depends on the place. A constant answer is consistent too: it says nothing of accuracy.
///
/// Zhang (2019), "Making convolutional networks shift-invariant again", section 4.1, who shifts by up to half of the
/// image, and crops instead of going round.
///
/// # Shapes
/// x [N, C, L] or [N, C, H, W], output [N, classes].
///
/// # Errors
/// Those of the model; inputs or outputs of another shape, or empty ones.
///
/// ```
/// use candlelight::{nn::{GlobalAvgPool, features::shift_consistency}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let anywhere = Sequential::new().push(GlobalAvgPool).push(linear(1, 10, params)?);
/// let images = FashionMnist::offline(&Device::Cpu)?.as_images()?.test.take(20)?;
/// assert_eq!(shift_consistency(&anywhere, images.inputs(), 5, &mut seeded(0))?, 1.0);
/// # Ok(()) }
/// ```
pub fn shift_consistency(model: &dyn Module, x: &Tensor, draws: usize, rng: &mut Rng) -> Result<f64> {
    let sizes = places(x)?;
    range::at_least_one("draws", draws)?;
    let n = x.dim(0)?;
    if n == 0 {
        return Err(Error::shape("input to shift", "[N, C, L] or [N, C, H, W], N at least 1", x.dims()));
    }
    let count = sizes.iter().product();
    let mut same = 0;
    for _ in 0..draws {
        for start in (0..n).step_by(BATCH) {
            let batch = x.narrow(0, start, BATCH.min(n - start))?;
            let (first, second) =
                (classes(model, &batch, &sizes, count, rng)?, classes(model, &batch, &sizes, count, rng)?);
            same += first.iter().zip(&second).filter(|(a, b)| a == b).count();
        }
    }
    Ok(same as f64 / (n * draws) as f64)
}

/// The class of each input, each in a random shift of its own.
fn classes(model: &dyn Module, x: &Tensor, sizes: &[usize], count: usize, rng: &mut Rng) -> Result<Vec<u32>> {
    let shift = |i| cyclic_shift(&x.narrow(0, i, 1)?, &digits(rng.random_range(0..count), sizes));
    let shifted: Vec<Tensor> = (0..x.dim(0)?).map(shift).collect::<Result<_>>()?;
    let y = model.forward(&Tensor::cat(&shifted, 0)?, Mode::Eval)?;
    match y.dims() {
        [n, classes] if *n == shifted.len() && *classes > 0 => Ok(argmax(&y)?.to_vec1()?),
        dims => Err(Error::shape("output of a classifier", format!("[{}, classes]", shifted.len()), dims)),
    }
}

/// The sizes of the dimensions behind the second.
fn places(x: &Tensor) -> Result<Vec<usize>> {
    match x.dims() {
        [_, _, places @ ..] if !places.is_empty() && !places.contains(&0) => Ok(places.to_vec()),
        dims => Err(Error::shape("input to shift", "[N, C, L] or [N, C, H, W], with places", dims)),
    }
}

/// The shift of this number: the last dimension varies first.
fn digits(mut number: usize, sizes: &[usize]) -> Vec<usize> {
    let mut shift = vec![0; sizes.len()];
    for (digit, size) in shift.iter_mut().zip(sizes).rev() {
        (*digit, number) = (number % size, number / size);
    }
    shift
}
