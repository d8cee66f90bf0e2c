//! Greyscale images from a tensor.

use candle_core::{DType, Tensor};
use candlelight_base::{Error, Result};

use super::axis::{extent, share};

/// Images of one size, as bytes.
#[derive(Debug, Clone)]
pub(super) struct ImageStack {
    pub width: usize,
    pub height: usize,
    /// One vector of `height` × `width` bytes an image.
    pub images: Vec<Vec<u8>>,
    /// One an image, or none.
    pub captions: Vec<String>,
}

impl ImageStack {
    pub fn new(tensor: &Tensor, captions: Vec<String>) -> Result<Self> {
        let (count, height, width) = match *tensor.dims() {
            [n, h, w] | [n, 1, h, w] => (n, h, w),
            [n, pixels] if pixels.isqrt().pow(2) == pixels => (n, pixels.isqrt(), pixels.isqrt()),
            _ => (0, 0, 0),
        };
        if count * height * width == 0 {
            let expected = "[n, height, width], [n, 1, height, width] or [n, side²] with no dimension 0";
            return Err(Error::shape("images", expected, tensor.dims()));
        }
        if !captions.is_empty() && captions.len() != count {
            return Err(Error::Figure(format!("{count} images have {} captions", captions.len())));
        }
        let flat = tensor.flatten_all()?;
        let bytes = match flat.dtype() {
            DType::U8 => flat.to_vec1::<u8>()?,
            _ => to_bytes(&flat.to_dtype(DType::F64)?.to_vec1::<f64>()?)?,
        };
        let images = bytes.chunks_exact(height * width).map(<[u8]>::to_vec).collect();
        Ok(Self { width, height, images, captions })
    }
}

fn to_bytes(values: &[f64]) -> Result<Vec<u8>> {
    if let Some(position) = values.iter().position(|v| !v.is_finite()) {
        return Err(Error::Figure(format!("images: pixel {position} is {}", values[position])));
    }
    let (mut low, mut high) = extent(values.iter().copied()).unwrap_or((0.0, 1.0));
    if low >= 0.0 && high <= 1.0 {
        (low, high) = (0.0, 1.0);
    }
    if high == low {
        return Ok(vec![0; values.len()]);
    }
    Ok(values.iter().map(|v| (share(*v, low, high) * 255.0).round() as u8).collect())
}
