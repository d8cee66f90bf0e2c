use candle_core::{Tensor, WithDType};
use candlelight_base::range;
use rand::Rng as _;

use super::Augmentation;
use super::planes::{PlaneMap, check_one_each, image_dims, move_planes};
use crate::Result;
use crate::rng::Rng;

/// Sets a square of each image to 0, its centre drawn uniformly from all pixels; what lies outside the image is clipped.
///
/// ```text
/// y[i, j] = 0 where cᵢ - ⌊size/2⌋ ≤ i < cᵢ - ⌊size/2⌋ + size, and likewise j;    else x[i, j]
/// ```
///
/// DeVries and Taylor (2017), section 3.2: the clipping matters, as it leaves many images nearly whole; so does the fill with
/// 0, the mean of normalized data. For an odd size their code cuts size - 1 pixels, this one size.
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::{Augmentation, Cutout}};
/// # fn main() -> candlelight::Result<()> {
/// let images = Tensor::ones((4, 1, 8, 8), DType::F32, &Device::Cpu)?;
/// let labels = Tensor::zeros(4, DType::U32, &Device::Cpu)?;
/// let (cut, _) = Cutout::new(4)?.apply(&images, &labels, &mut seeded(0))?;
/// let left = cut.sum_all()?.to_scalar::<f32>()?;
/// assert!((4. * 48. ..=4. * 60.).contains(&left)); // between 4 and 16 pixels of each
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutout {
    size: usize,
}

impl Cutout {
    /// Squares of `size` × `size` pixels, at least 1; the paper takes 16 of 32 for 10 classes and 8 of 32 for 100.
    ///
    /// # Errors
    /// A size of 0.
    pub fn new(size: usize) -> Result<Self> {
        range::at_least_one("size", size)?;
        Ok(Self { size })
    }
}

impl Augmentation for Cutout {
    fn apply(&self, inputs: &Tensor, targets: &Tensor, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
        let [n, _, h, w] = image_dims(inputs)?;
        let centres: Vec<_> = (0..n).map(|_| (rng.random_range(0..h), rng.random_range(0..w))).collect();
        Ok((cut_out(inputs, &centres, self.size)?, targets.clone()))
    }
}

/// Sets a square of `size` × `size` pixels around each image's centre (row, column) to 0.
///
/// # Errors
/// If the images are not F32 or F64 [N, C, H, W] or there are not N centres.
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::cut_out};
/// # fn main() -> candlelight::Result<()> {
/// let image = Tensor::ones((1, 1, 3, 3), DType::F32, &Device::Cpu)?;
/// let cut = cut_out(&image, &[(0, 1)], 2)?.flatten_all()?.to_vec1::<f32>()?;
/// assert_eq!(cut, [0., 0., 1., 1., 1., 1., 1., 1., 1.]); // rows -1 and 0, columns 0 and 1
/// # Ok(()) }
/// ```
pub fn cut_out(images: &Tensor, centres: &[(usize, usize)], size: usize) -> Result<Tensor> {
    let [n, _, height, width] = image_dims(images)?;
    check_one_each("centres", n, centres.len())?;
    move_planes(images, &Cut { centres, size, height, width })
}

struct Cut<'a> {
    centres: &'a [(usize, usize)],
    size: usize,
    height: usize,
    width: usize,
}

impl Cut<'_> {
    /// The part of a line of `n` pixels that is cut.
    fn range(&self, centre: usize, n: usize) -> std::ops::Range<usize> {
        let before = self.size / 2;
        let end = centre.saturating_add(self.size - before).min(n);
        centre.saturating_sub(before).min(end)..end
    }
}

impl PlaneMap for Cut<'_> {
    fn map<T: WithDType>(&self, image: usize, input: &[T], output: &mut [T]) {
        output.copy_from_slice(input);
        let (row, column) = self.centres[image];
        let columns = self.range(column, self.width);
        for i in self.range(row, self.height) {
            output[i * self.width..][columns.clone()].fill(T::zero());
        }
    }
}
