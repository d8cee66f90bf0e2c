use crate::prelude::*;
use crate::train::augmentation::shift;

/// Images [N, 1, H, W] for a net: moved to the right by some pixels, and standardised by the statistics of the training images.
pub fn prepare(images: &Tensor, pixels: i64, mean: f64, std: f64) -> Result<Tensor> {
    let offsets = vec![(0, pixels); images.dim(0)?];
    let images = shift(images, &offsets)?;
    let images = ((images - mean)? / std)?;
    Ok(images)
}
