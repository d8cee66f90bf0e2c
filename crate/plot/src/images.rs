//! Images from a tensor, in grey or in two colours.

use candle_core::{DType, Tensor};
use candlelight_base::{Error, Result};

use super::axis::{extent, share};
use super::style::{ColorMap, Rgb};

/// Images of one size, as colours.
#[derive(Debug, Clone)]
pub(super) struct ImageStack {
    pub width: usize,
    pub height: usize,
    /// One vector of `height` × `width` colours an image.
    pub images: Vec<Vec<Rgb>>,
    /// One an image, or none.
    pub captions: Vec<String>,
}

impl ImageStack {
    /// Greyscale.
    pub fn grey(tensor: &Tensor, captions: Vec<String>) -> Result<Self> {
        Self::new(tensor, captions, |flat| {
            let bytes = match flat.dtype() {
                DType::U8 => flat.to_vec1::<u8>()?,
                _ => to_bytes(&numbers(flat)?),
            };
            Ok(bytes.into_iter().map(|v| (v, v, v)).collect())
        })
    }

    /// One colour for negative values, another for positive ones, white for 0.
    pub fn signed(tensor: &Tensor, captions: Vec<String>) -> Result<Self> {
        Self::new(tensor, captions, |flat| {
            let values = numbers(flat)?;
            let map = ColorMap::around_zero(values.iter().copied());
            Ok(values.into_iter().map(|v| map.color(v)).collect())
        })
    }

    fn new(tensor: &Tensor, captions: Vec<String>, colors: impl Fn(&Tensor) -> Result<Vec<Rgb>>) -> Result<Self> {
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
        let images = colors(&tensor.flatten_all()?)?.chunks_exact(height * width).map(<[Rgb]>::to_vec).collect();
        Ok(Self { width, height, images, captions })
    }
}

fn numbers(flat: &Tensor) -> Result<Vec<f64>> {
    let values = flat.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    match values.iter().position(|v| !v.is_finite()) {
        Some(position) => Err(Error::Figure(format!("images: pixel {position} is {}", values[position]))),
        None => Ok(values),
    }
}

fn to_bytes(values: &[f64]) -> Vec<u8> {
    let (mut low, mut high) = extent(values.iter().copied()).unwrap_or((0.0, 1.0));
    if low >= 0.0 && high <= 1.0 {
        (low, high) = (0.0, 1.0);
    }
    if high == low {
        return vec![0; values.len()];
    }
    values.iter().map(|v| (share(*v, low, high) * 255.0).round() as u8).collect()
}
