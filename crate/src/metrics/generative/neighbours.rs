//! Quality and variety apart, by nearest neighbours.

use candle_core::Tensor;
use ndarray::{Array2, ArrayView1};

use super::{distance, two_sets};
use crate::{Error, Result};

/// Precision and recall of generated samples in a space of features.
///
/// ```text
/// a point lies in the manifold of a set, if it is no further from one of its members than that member's k-th neighbour is
/// precision = share of generated points in the manifold of the real ones: quality
/// recall    = share of real points in the manifold of the generated ones: variety
/// ```
///
/// A generator that has learned one mode perfectly has precision near 1 and low recall. A single far outlier makes its ball
/// huge: precision is then too good. Both depend on the number of samples; take as many of each, and show two real sets beside.
///
/// Kynkäänniemi, Karras, Laine, Lehtinen and Aila (2019), section 2, whose features are those of VGG-16.
///
/// ```
/// use candlelight::metrics::generative::PrecisionRecall;
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let real = Tensor::new(&[[0f64], [1.], [2.], [10.], [11.], [12.]], &Device::Cpu)?;
/// let one_mode = Tensor::new(&[[0.4f64], [0.9], [1.1], [1.5]], &Device::Cpu)?;
/// let quality = PrecisionRecall::new(&real, &one_mode, 1)?;
/// assert_eq!((quality.precision, quality.recall), (1., 2. / 6.)); // 0 and 1 of the real ones are found
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecall {
    /// Share of generated points in the manifold of the real ones, in [0, 1].
    pub precision: f64,
    /// Share of real points in the manifold of the generated ones, in [0, 1].
    pub recall: f64,
}

impl PrecisionRecall {
    /// `k`: which neighbour gives the radius, itself not counted; 3 in the paper.
    ///
    /// (N + M)² d operations.
    ///
    /// # Shapes
    /// `real` [N, d], `generated` [M, d], of F32 or F64; more than `k` of each.
    ///
    /// # Errors
    /// Other shapes, a number that is not finite, or a `k` that is not in 1..N or not in 1..M.
    pub fn new(real: &Tensor, generated: &Tensor, k: usize) -> Result<Self> {
        let (real, generated) = two_sets(("real", real), ("generated", generated), 2)?;
        if k == 0 || k >= real.nrows().min(generated.nrows()) {
            return Err(Error::setting("k", "at least 1 and below the number of samples", k));
        }
        Ok(Self { precision: inside(&generated, &real, k), recall: inside(&real, &generated, k) })
    }
}

/// The share of `points` in the manifold of `members`.
fn inside(points: &Array2<f64>, members: &Array2<f64>, k: usize) -> f64 {
    let radii: Vec<f64> = members.rows().into_iter().map(|member| radius(member, members, k)).collect();
    let near = |point: &ArrayView1<f64>| {
        members.rows().into_iter().zip(&radii).any(|(member, &radius)| distance(*point, member) <= radius)
    };
    points.rows().into_iter().filter(near).count() as f64 / points.nrows() as f64
}

/// How far the k-th neighbour is: the member itself, at distance 0, comes before the first.
fn radius(member: ArrayView1<f64>, members: &Array2<f64>, k: usize) -> f64 {
    let mut distances: Vec<f64> = members.rows().into_iter().map(|other| distance(member, other)).collect();
    *distances.select_nth_unstable_by(k, f64::total_cmp).1
}
