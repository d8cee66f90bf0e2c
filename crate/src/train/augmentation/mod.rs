//! Random changes of training images that leave their meaning as it is, drawn anew each time a batch is used.
//!
//! Images are [N, C, H, W] (make them of flat ones by [`Dataset::with_input_dims`](crate::data::Dataset::with_input_dims)),
//! F32 or F64, with zero as the background, which is what shifts, rotations and cut-outs fill with: normalize so that zero is
//! the mean, or leave a black background at 0. No gradient passes through to the images.
//!
//! Give one to [`FitConfig::with_augmentation`](crate::train::FitConfig::with_augmentation), which applies it to training
//! batches only. Each has a plain function beside it that makes the change it is told to.

mod cutout;
mod flip;
mod mixup;
mod planes;
mod rotation;
mod shift;

use candle_core::Tensor;

use crate::Result;
use crate::rng::Rng;

pub use cutout::{Cutout, cut_out};
pub use flip::{HorizontalFlip, flip_horizontally};
pub use mixup::{Mixup, mix};
pub use rotation::{RandomRotation, rotate};
pub use shift::{RandomShift, shift};

/// A random change of a batch of inputs and targets. The same state of `rng` gives the same bits at any thread count.
pub trait Augmentation: Send + Sync {
    /// The changed batch.
    ///
    /// # Errors
    /// If the shape or dtype of the batch does not fit.
    fn apply(&self, inputs: &Tensor, targets: &Tensor, rng: &mut Rng) -> Result<(Tensor, Tensor)>;
}

/// Augmentations one after another; empty, it changes nothing.
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::{Augmentation, Compose, HorizontalFlip, RandomShift}};
/// # fn main() -> candlelight::Result<()> {
/// let augmentation = Compose::new().push(RandomShift::new(2)).push(HorizontalFlip::new(0.5)?);
/// let images = Tensor::ones((8, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// let labels = Tensor::zeros(8, DType::U32, &Device::Cpu)?;
/// let (x, y) = augmentation.apply(&images, &labels, &mut seeded(0))?;
/// assert_eq!((x.dims(), y.dims()), (images.dims(), labels.dims()));
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct Compose {
    parts: Vec<Box<dyn Augmentation>>,
}

impl Compose {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an augmentation at the end; hands them back, for the next.
    #[must_use]
    pub fn push(mut self, part: impl Augmentation + 'static) -> Self {
        self.parts.push(Box::new(part));
        self
    }
}

impl Augmentation for Compose {
    fn apply(&self, inputs: &Tensor, targets: &Tensor, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
        let batch = (inputs.clone(), targets.clone());
        self.parts.iter().try_fold(batch, |(inputs, targets), part| part.apply(&inputs, &targets, rng))
    }
}
