//! Seeded small sets whose distribution is known.

use std::f64::consts::PI;

use candle_core::{DType, Device, Tensor};
use candlelight_base::range;
use rand::Rng as _;
use rand_distr::{Distribution, StandardNormal};

use crate::data::Dataset;
use crate::rng::Rng;
use crate::{Error, Result};

/// One period of a sine with noise, the set that polynomials overfit.
///
/// ```text
/// x ~ U[-1, 1),  y = sin(π x) + N(0, std²)
/// ```
///
/// Inputs `[n, 1]` and targets `[n, 1]`, of `dtype` F32 or F64. After Bishop (2006), "Pattern Recognition and Machine
/// Learning", section 1.1, whose x lie in [0, 1] and whose noise has std 0.3.
///
/// # Errors
/// If `std` is negative or not finite, or another dtype is asked for.
pub fn noisy_sine(rng: &mut Rng, n: usize, std: f64, dtype: DType, device: &Device) -> Result<Dataset> {
    range::not_negative("std", std)?;
    let (x, y) = (0..n)
        .map(|_| {
            let x = rng.random_range(-1.0..1.0);
            (x, (PI * x).sin() + std * gaussian(rng))
        })
        .unzip();
    Dataset::new(&tensor(x, &[n, 1], dtype, device)?, &tensor(y, &[n, 1], dtype, device)?)
}

/// The powers of x as features, the Vandermonde matrix: `[n, 1]` or `[n]` to `[n, degree + 1]`.
///
/// ```text
/// φ(x) = (1, x, x², …, x^degree)
/// ```
///
/// ```
/// use candlelight::data::synthetic::polynomial_features;
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[2f64], [-1.0]], &Device::Cpu)?;
/// let features = polynomial_features(&x, 3)?;
/// assert_eq!(features.to_vec2::<f64>()?, [[1.0, 2.0, 4.0, 8.0], [1.0, -1.0, 1.0, -1.0]]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// If `x` has another shape.
pub fn polynomial_features(x: &Tensor, degree: usize) -> Result<Tensor> {
    let x = match x.dims() {
        [n] | [n, 1] => x.reshape((*n, 1))?,
        dims => return Err(Error::shape("x", "[n] or [n, 1]", dims)),
    };
    let mut powers = vec![x.ones_like()?];
    for power in 0..degree {
        powers.push((&powers[power] * &x)?);
    }
    Ok(Tensor::cat(&powers, 1)?)
}

/// A linear law in many dimensions, the set on which few samples overfit and weight decay helps.
///
/// ```text
/// x ~ N(0, I),  y = 0.05 + Σᵢ 0.01 xᵢ + N(0, 0.01²)
/// ```
///
/// Inputs `[n, dim]` and targets `[n, 1]`, of `dtype` F32 or F64. Zhang et al., "Dive into Deep Learning", section 3.7,
/// which takes 20 samples for training, 100 for validation and 200 dimensions:
///
/// ```
/// use candlelight::data::synthetic::linear_high_dimensional;
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let data = linear_high_dimensional(&mut seeded(0), 120, 200, DType::F32, &Device::Cpu)?;
/// let (train, validation) = data.split_at(20)?;
/// assert_eq!(train.inputs().dims(), [20, 200]);
/// assert_eq!(validation.targets().dims(), [100, 1]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// If another dtype is asked for.
pub fn linear_high_dimensional(rng: &mut Rng, n: usize, dim: usize, dtype: DType, device: &Device) -> Result<Dataset> {
    let (mut inputs, mut targets) = (Vec::with_capacity(n * dim), Vec::with_capacity(n));
    for _ in 0..n {
        let start = inputs.len();
        inputs.extend((0..dim).map(|_| gaussian(rng)));
        targets.push(0.05 + 0.01 * inputs[start..].iter().sum::<f64>() + 0.01 * gaussian(rng));
    }
    Dataset::new(&tensor(inputs, &[n, dim], dtype, device)?, &tensor(targets, &[n, 1], dtype, device)?)
}

/// Two Gaussian clouds in the plane, at (−distance/2, 0) and (distance/2, 0).
///
/// ```text
/// x | class c ~ N((±distance / 2, 0), std² I)
/// ```
///
/// Inputs `[n, 2]` of `dtype` F32 or F64, targets u32 `[n]`; classes 0 and 1 take turns. No classifier does better than
/// the line x₁ = 0, whose error is Φ(−distance / (2 std)).
///
/// # Errors
/// If `std` is negative or not finite, `distance` is not finite, or another dtype is asked for.
pub fn blobs(rng: &mut Rng, n: usize, distance: f64, std: f64, dtype: DType, device: &Device) -> Result<Dataset> {
    range::not_negative("std", std)?;
    range::finite("distance", distance)?;
    plane(rng, n, dtype, device, |class, rng| {
        let center = distance * (class - 0.5);
        [center + std * gaussian(rng), std * gaussian(rng)]
    })
}

/// Two spiral arms in the plane, wound around each other: no straight line parts them.
///
/// ```text
/// r ~ √U[0, 1),  angle = 2π turns r + π c,  x = r (cos angle, sin angle) + N(0, std² I)
/// ```
///
/// Inputs `[n, 2]` of `dtype` F32 or F64, targets u32 `[n]`; classes 0 and 1 take turns. 1 to 2 turns and a std of 0.02
/// are usual. The root spreads the samples more evenly along an arm.
///
/// # Errors
/// If `std` is negative or not finite, `turns` is not finite, or another dtype is asked for.
pub fn spirals(rng: &mut Rng, n: usize, turns: f64, std: f64, dtype: DType, device: &Device) -> Result<Dataset> {
    range::not_negative("std", std)?;
    range::finite("turns", turns)?;
    plane(rng, n, dtype, device, |class, rng| {
        let r = rng.random::<f64>().sqrt();
        let angle = 2.0 * PI * turns * r + PI * class;
        [r * angle.cos() + std * gaussian(rng), r * angle.sin() + std * gaussian(rng)]
    })
}

/// Three disks in the plane that overlap, the set on which a sample can have several labels, or none.
///
/// ```text
/// x ~ U[-1.5, 1.5)²,  yₖ = 1 if |x - cₖ| < 0.9, else 0,  cₖ = 0.6 (cos φₖ, sin φₖ),  φ = 90°, 210°, 330°
/// ```
///
/// Inputs `[n, 2]` and targets `[n, 3]`, zeros and ones, of `dtype` F32 or F64. All eight combinations of labels occur.
///
/// # Errors
/// If another dtype is asked for.
///
/// ```
/// use candlelight::data::synthetic::{in_disks, overlapping_disks};
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let data = overlapping_disks(&mut seeded(0), 100, DType::F64, &Device::Cpu)?;
/// assert_eq!(data.targets().dims(), [100, 3]);
/// assert_eq!(in_disks([0.0, 0.0]), [true; 3]);
/// # Ok(()) }
/// ```
pub fn overlapping_disks(rng: &mut Rng, n: usize, dtype: DType, device: &Device) -> Result<Dataset> {
    let points: Vec<[f64; 2]> = (0..n).map(|_| [(); 2].map(|()| rng.random_range(-1.5..1.5))).collect();
    let labels = points.iter().flat_map(|&point| in_disks(point).map(|inside| f64::from(u8::from(inside)))).collect();
    Dataset::new(&tensor(points.concat(), &[n, 2], dtype, device)?, &tensor(labels, &[n, 3], dtype, device)?)
}

/// The labels of a point among [`overlapping_disks`]: which of the disks it lies in.
pub fn in_disks([x, y]: [f64; 2]) -> [bool; 3] {
    [90.0_f64, 210.0, 330.0].map(|degrees| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        (x - 0.6 * cos).hypot(y - 0.6 * sin) < 0.9
    })
}

/// Points of two classes that take turns.
fn plane(
    rng: &mut Rng,
    n: usize,
    dtype: DType,
    device: &Device,
    mut point: impl FnMut(f64, &mut Rng) -> [f64; 2],
) -> Result<Dataset> {
    let labels: Vec<u32> = (0..n).map(|i| (i % 2) as u32).collect();
    let points = labels.iter().flat_map(|&class| point(f64::from(class), rng)).collect();
    Dataset::new(&tensor(points, &[n, 2], dtype, device)?, &Tensor::from_vec(labels, n, device)?)
}

fn gaussian(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// All draws are made in f64 and rounded at the end, so that both dtypes show the same set.
fn tensor(values: Vec<f64>, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
    match dtype {
        DType::F64 => Ok(Tensor::from_vec(values, shape, device)?),
        DType::F32 => Ok(Tensor::from_vec(values.into_iter().map(|value| value as f32).collect(), shape, device)?),
        actual => Err(Error::DType { what: "synthetic set", expected: "F32 or F64", actual }),
    }
}
