use candle_core::{Tensor, WithDType};
use candlelight_base::range;
use rand::Rng as _;

use super::Augmentation;
use super::planes::{PlaneMap, check_one_each, image_dims, move_planes};
use crate::Result;
use crate::rng::Rng;

/// Mirrors each image, left for right, with probability p; for what has no handedness, so not for digits or letters.
///
/// ```text
/// y[i, j] = x[i, W - 1 - j]
/// ```
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::{Augmentation, HorizontalFlip}};
/// # fn main() -> candlelight::Result<()> {
/// let image = Tensor::new(&[[[[1f32, 2., 3.]]]], &Device::Cpu)?;
/// let label = Tensor::new(&[0u32], &Device::Cpu)?;
/// let (flipped, _) = HorizontalFlip::new(1.)?.apply(&image, &label, &mut seeded(0))?;
/// assert_eq!(flipped.flatten_all()?.to_vec1::<f32>()?, [3., 2., 1.]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HorizontalFlip {
    p: f64,
}

impl HorizontalFlip {
    /// With probability `p` in [0, 1]; 0.5 is usual.
    ///
    /// # Errors
    /// A `p` outside its range.
    pub fn new(p: f64) -> Result<Self> {
        range::share("p", p)?;
        Ok(Self { p })
    }
}

impl Augmentation for HorizontalFlip {
    fn apply(&self, inputs: &Tensor, targets: &Tensor, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
        let [n, ..] = image_dims(inputs)?;
        let chosen: Vec<bool> = (0..n).map(|_| rng.random_bool(self.p)).collect();
        Ok((flip_horizontally(inputs, &chosen)?, targets.clone()))
    }
}

/// Mirrors those of the images that are `chosen`.
///
/// # Errors
/// If the images are not F32 or F64 [N, C, H, W] or there are not N choices.
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::flip_horizontally};
/// # fn main() -> candlelight::Result<()> {
/// let images = Tensor::new(&[[[[1f32, 2.]]], [[[3., 4.]]]], &Device::Cpu)?;
/// assert_eq!(flip_horizontally(&images, &[false, true])?.flatten_all()?.to_vec1::<f32>()?, [1., 2., 4., 3.]);
/// # Ok(()) }
/// ```
pub fn flip_horizontally(images: &Tensor, chosen: &[bool]) -> Result<Tensor> {
    let [n, _, _, width] = image_dims(images)?;
    check_one_each("choices", n, chosen.len())?;
    move_planes(images, &Flip { chosen, width })
}

struct Flip<'a> {
    chosen: &'a [bool],
    width: usize,
}

impl PlaneMap for Flip<'_> {
    fn map<T: WithDType>(&self, image: usize, input: &[T], output: &mut [T]) {
        output.copy_from_slice(input);
        if self.chosen[image] {
            output.chunks_mut(self.width).for_each(<[T]>::reverse);
        }
    }
}
