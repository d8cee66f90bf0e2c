use candle_core::{Tensor, WithDType};
use rand::Rng as _;

use super::Augmentation;
use super::planes::{PlaneMap, check_one_each, image_dims, move_planes};
use crate::rng::Rng;
use crate::{Error, Result};

/// Moves each image by a whole number of pixels, drawn uniformly from -max to max for each direction; what comes in is 0.
///
/// ```text
/// y[i, j] = x[i - d, j - r],    d, r ~ U{-max, …, max}
/// ```
///
/// Zero padding and a random crop of the old size, as for CIFAR in He et al. (2016), section 4.2 (max = 4).
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::{Augmentation, RandomShift}};
/// # fn main() -> candlelight::Result<()> {
/// let images = Tensor::ones((2, 1, 5, 5), DType::F32, &Device::Cpu)?;
/// let labels = Tensor::zeros(2, DType::U32, &Device::Cpu)?;
/// let (moved, _) = RandomShift::new(2).apply(&images, &labels, &mut seeded(0))?;
/// assert!(moved.sum_all()?.to_scalar::<f32>()? >= 2. * 9.); // 3 × 3 pixels stay in any case
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomShift {
    max: usize,
}

impl RandomShift {
    /// By up to `max` pixels, less than the height and the width; 2 for 28 × 28 and 4 for 32 × 32 pixels are usual.
    pub fn new(max: usize) -> Self {
        Self { max }
    }
}

impl Augmentation for RandomShift {
    fn apply(&self, inputs: &Tensor, targets: &Tensor, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
        let [n, _, h, w] = image_dims(inputs)?;
        if self.max >= h.min(w) {
            return Err(Error::setting(
                "max",
                "less than the height and the width",
                format!("{} of {h} × {w}", self.max),
            ));
        }
        let max = self.max as i64;
        let offsets: Vec<_> = (0..n).map(|_| (rng.random_range(-max..=max), rng.random_range(-max..=max))).collect();
        Ok((shift(inputs, &offsets)?, targets.clone()))
    }
}

/// Moves each image down and to the right by its pair of `offsets`, up and to the left where they are negative.
///
/// # Errors
/// If the images are not F32 or F64 [N, C, H, W] or there are not N offsets.
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::shift};
/// # fn main() -> candlelight::Result<()> {
/// let image = Tensor::new(&[[[[1f32, 2.], [3., 4.]]]], &Device::Cpu)?;
/// assert_eq!(shift(&image, &[(1, 0)])?.flatten_all()?.to_vec1::<f32>()?, [0., 0., 1., 2.]);
/// assert_eq!(shift(&image, &[(0, -1)])?.flatten_all()?.to_vec1::<f32>()?, [2., 0., 4., 0.]);
/// # Ok(()) }
/// ```
pub fn shift(images: &Tensor, offsets: &[(i64, i64)]) -> Result<Tensor> {
    let [n, _, height, width] = image_dims(images)?;
    check_one_each("offsets", n, offsets.len())?;
    move_planes(images, &Shift { offsets, height, width })
}

struct Shift<'a> {
    offsets: &'a [(i64, i64)],
    height: usize,
    width: usize,
}

impl PlaneMap for Shift<'_> {
    fn map<T: WithDType>(&self, image: usize, input: &[T], output: &mut [T]) {
        let (down, right) = self.offsets[image];
        let (to_row, from_row, rows) = overlap(down, self.height);
        let (to, from, columns) = overlap(right, self.width);
        for i in 0..rows {
            let (to, from) = ((to_row + i) * self.width + to, (from_row + i) * self.width + from);
            output[to..to + columns].copy_from_slice(&input[from..from + columns]);
        }
    }
}

/// Of a line of `n` pixels moved by `by`: where the part that stays begins, where it came from, and its length.
fn overlap(by: i64, n: usize) -> (usize, usize, usize) {
    let far = usize::try_from(by.unsigned_abs()).unwrap_or(n).min(n);
    if by >= 0 { (far, 0, n - far) } else { (0, far, n - far) }
}
