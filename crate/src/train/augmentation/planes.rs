//! What the changes of images share: a walk over the planes of a batch.

use candle_core::{DType, Tensor, WithDType};
use candlelight_base::transfer;
use candlelight_kernels::threads;

use crate::unread::is_unread;
use crate::{Error, Result};

/// Batch size, channels, height and width of images, each at least 1.
pub(super) fn image_dims(images: &Tensor) -> Result<[usize; 4]> {
    match images.dims() {
        [n, c, h, w] if images.elem_count() > 0 => Ok([*n, *c, *h, *w]),
        dims => Err(Error::shape("images", "[N, C, H, W] with no dimension 0", dims)),
    }
}

/// As many `given` as there are images.
pub(super) fn check_one_each(what: &'static str, images: usize, given: usize) -> Result<()> {
    if images == given { Ok(()) } else { Err(Error::shape(what, format!("[{images}], one for each image"), &[given])) }
}

/// A change of a plane [H, W], the same for each channel of an image.
pub(super) trait PlaneMap: Sync {
    /// Fills `output`, zeros so far, from `input`; `image` counts within the batch.
    fn map<T: WithDType>(&self, image: usize, input: &[T], output: &mut [T]);
}

/// [`map_planes`] for a map that computes nothing, but says what goes where.
///
/// On a device the images stay there, and a table of places is sent: of each image one plane of indices.
pub(super) fn move_planes(images: &Tensor, map: &impl PlaneMap) -> Result<Tensor> {
    if !is_unread(images) || !matches!(images.dtype(), DType::F32 | DType::F64) {
        return map_planes(images, map);
    }
    let [n, _, height, width] = image_dims(images)?;
    let pixels = height * width;
    // What the map does to the numbers of the places, from 1 on. Where nothing comes to stand that leaves a 0, which becomes the
    // largest index, and Candle's `gather` puts a zero there.
    let numbers: Vec<u32> = (1..=pixels as u32).collect();
    let mut places = vec![0; n * pixels];
    threads::run_chunks(&mut places, pixels, |from, places| {
        map.map(from / pixels, &numbers, places);
        places.iter_mut().for_each(|place| *place = place.wrapping_sub(1));
    });
    gather(images, &transfer::to_device(places, (n, pixels), images.device())?)
}

/// For each image [N, C, H, W] the numbers at `places`, U32 [N, H · W], in each plane alike.
pub(super) fn gather(images: &Tensor, places: &Tensor) -> Result<Tensor> {
    let [n, channels, height, width] = image_dims(images)?;
    let planes = images.detach().contiguous()?.reshape((n, channels, height * width))?;
    let places = places.unsqueeze(1)?.broadcast_as(planes.shape())?.contiguous()?;
    Ok(planes.gather(&places, 2)?.reshape(images.shape())?)
}

/// Applies `map` to each plane of images [N, C, H, W].
pub(super) fn map_planes(images: &Tensor, map: &impl PlaneMap) -> Result<Tensor> {
    match images.dtype() {
        DType::F32 => map_typed::<f32>(images, map),
        DType::F64 => map_typed::<f64>(images, map),
        actual => Err(Error::DType { what: "images", expected: "F32 or F64", actual }),
    }
}

fn map_typed<T: WithDType>(images: &Tensor, map: &impl PlaneMap) -> Result<Tensor> {
    let [_, channels, height, width] = image_dims(images)?;
    let input = transfer::to_host::<T>(images)?;
    let mut output = vec![T::zero(); input.len()];
    let pixels = height * width;
    threads::run_chunks(&mut output, pixels, |from, output| {
        map.map(from / (channels * pixels), &input[from..from + pixels], output);
    });
    Ok(transfer::to_device(output, images.shape(), images.device())?)
}
