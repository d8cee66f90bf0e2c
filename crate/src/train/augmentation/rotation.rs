use candle_core::{DType, Tensor, WithDType};
use candlelight_base::transfer;
use rand::Rng as _;

use super::Augmentation;
use super::planes::{PlaneMap, check_one_each, gather, image_dims, map_planes};
use crate::rng::Rng;
use crate::unread::is_unread;
use crate::{Error, Result};

/// Turns each image about its centre by an angle drawn uniformly from -degrees to degrees; what comes in is 0.
///
/// ```text
/// y(p) = x(R(-θ) p),    θ ~ U[-degrees, degrees],    p from the centre ((H - 1)/2, (W - 1)/2)
/// ```
///
/// with bilinear interpolation between the four pixels around R(-θ) p, those outside being 0: as torchvision's
/// `RandomRotation` with `interpolation=BILINEAR`. The image keeps its size.
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::{Augmentation, RandomRotation}};
/// # fn main() -> candlelight::Result<()> {
/// let images = Tensor::ones((2, 3, 9, 9), DType::F32, &Device::Cpu)?;
/// let labels = Tensor::zeros(2, DType::U32, &Device::Cpu)?;
/// let (turned, _) = RandomRotation::new(15.)?.apply(&images, &labels, &mut seeded(0))?;
/// assert_eq!(turned.i((0, 0, 4, 4))?.to_scalar::<f32>()?, 1.); // the centre stays
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomRotation {
    degrees: f64,
}

impl RandomRotation {
    /// By up to `degrees` either way, in [0, 180]; 10 to 15 are usual.
    ///
    /// # Errors
    /// An angle outside its range.
    pub fn new(degrees: f64) -> Result<Self> {
        if (0.0..=180.0).contains(&degrees) {
            Ok(Self { degrees })
        } else {
            Err(Error::setting("degrees", "in [0, 180]", degrees))
        }
    }
}

impl Augmentation for RandomRotation {
    fn apply(&self, inputs: &Tensor, targets: &Tensor, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
        let [n, ..] = image_dims(inputs)?;
        let angles: Vec<f64> = (0..n).map(|_| rng.random_range(-self.degrees..=self.degrees)).collect();
        Ok((rotate(inputs, &angles)?, targets.clone()))
    }
}

/// Turns each image by its angle of `degrees`, counter-clockwise as seen with row 0 on top.
///
/// # Errors
/// If the images are not F32 or F64 [N, C, H, W], there are not N angles, or one is not finite.
///
/// ```
/// use candlelight::{prelude::*, train::augmentation::rotate};
/// # fn main() -> candlelight::Result<()> {
/// let image = Tensor::new(&[[[[1f64, 2.], [3., 4.]]]], &Device::Cpu)?;
/// let turned = rotate(&image, &[90.])?.flatten_all()?.to_vec1::<f64>()?;
/// assert!(turned.iter().zip([2., 4., 1., 3.]).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok(()) }
/// ```
pub fn rotate(images: &Tensor, degrees: &[f64]) -> Result<Tensor> {
    let [n, _, height, width] = image_dims(images)?;
    check_one_each("degrees", n, degrees.len())?;
    if let Some(angle) = degrees.iter().find(|angle| !angle.is_finite()) {
        return Err(Error::setting("degrees", "finite", angle));
    }
    let sin_cos = degrees.iter().map(|angle| angle.to_radians().sin_cos()).collect();
    let rotation = Rotation { sin_cos, height, width };
    match images.dtype() {
        DType::F32 | DType::F64 if is_unread(images) => rotation.composed(images),
        _ => map_planes(images, &rotation),
    }
}

struct Rotation {
    sin_cos: Vec<(f64, f64)>,
    height: usize,
    width: usize,
}

impl PlaneMap for Rotation {
    fn map<T: WithDType>(&self, image: usize, input: &[T], output: &mut [T]) {
        let (sin, cos) = self.sin_cos[image];
        if (sin, cos) == (0.0, 1.0) {
            return output.copy_from_slice(input);
        }
        let [centre_y, centre_x] = self.centre();
        for (i, row) in output.chunks_mut(self.width).enumerate() {
            let y = i as f64 - centre_y;
            let (from_y, from_x) = (centre_y + cos * y, centre_x - sin * y);
            for (j, pixel) in row.iter_mut().enumerate() {
                let x = j as f64 - centre_x;
                *pixel = T::from_f64(self.between(input, from_y + sin * x, from_x + cos * x));
            }
        }
    }
}

impl Rotation {
    fn centre(&self) -> [f64; 2] {
        [self.height, self.width].map(|size| (size - 1) as f64 / 2.0)
    }

    /// The same on the device of the images, in the same order of operations; angles and places are sent at once.
    fn composed(&self, images: &Tensor) -> Result<Tensor> {
        let (n, pixels, [centre_y, centre_x]) = (self.sin_cos.len(), self.height * self.width, self.centre());
        let places = 0..pixels;
        let mut numbers: Vec<f64> = self.sin_cos.iter().map(|(sin, _)| *sin).collect();
        numbers.extend(self.sin_cos.iter().map(|(_, cos)| *cos));
        numbers.extend(places.clone().map(|place| (place / self.width) as f64 - centre_y));
        numbers.extend(places.map(|place| (place % self.width) as f64 - centre_x));
        let sent = transfer::to_device(numbers, 2 * (n + pixels), images.device())?;
        let part = |start, len, shape: (usize, usize)| sent.narrow(0, start, len)?.reshape(shape);
        let (sin, cos) = (part(0, n, (n, 1))?, part(n, n, (n, 1))?);
        let (y, x) = (part(2 * n, pixels, (1, pixels))?, part(2 * n + pixels, pixels, (1, pixels))?);

        let from_y = ((cos.broadcast_mul(&y)? + centre_y)? + sin.broadcast_mul(&x)?)?;
        let from_x = (sin.broadcast_mul(&y)?.affine(-1.0, centre_x)? + cos.broadcast_mul(&x)?)?;
        let (top, left) = (from_y.floor()?, from_x.floor()?);
        let (below, right) = ((from_y - &top)?.unsqueeze(1)?, (from_x - &left)?.unsqueeze(1)?);
        let wide = images.to_dtype(DType::F64)?;
        let filled = |value: f64| Tensor::full(value, (n, pixels), images.device());
        let (none, zeros) = (filled(f64::from(u32::MAX))?, top.zeros_like()?);
        let [rows, columns] = [filled(self.height as f64)?, filled(self.width as f64)?];
        let at = |row: &Tensor, column: &Tensor| -> Result<Tensor> {
            let inside = ((row.ge(&zeros)? * row.lt(&rows)?)? * (column.ge(&zeros)? * column.lt(&columns)?)?)?;
            let place = inside.where_cond(&((row * self.width as f64)? + column)?, &none)?;
            Ok(gather(&wide, &place.to_dtype(DType::U32)?)?.flatten_from(2)?)
        };
        let between = |a: Tensor, b: Tensor, share: &Tensor| -> Result<Tensor> {
            Ok((a.broadcast_mul(&share.affine(-1.0, 1.0)?)? + b.broadcast_mul(share)?)?)
        };
        let (next_row, next_column) = ((&top + 1.0)?, (&left + 1.0)?);
        let upper = between(at(&top, &left)?, at(&top, &next_column)?, &right)?;
        let lower = between(at(&next_row, &left)?, at(&next_row, &next_column)?, &right)?;
        Ok(between(upper, lower, &below)?.to_dtype(images.dtype())?.reshape(images.shape())?)
    }

    /// The value of a plane at a place between its pixels.
    fn between<T: WithDType>(&self, plane: &[T], y: f64, x: f64) -> f64 {
        let (top, left) = (y.floor(), x.floor());
        let (below, right) = (y - top, x - left);
        let (top, left) = (top as i64, left as i64);
        let (height, width) = (self.height as i64, self.width as i64);
        let at = |row: i64, column: i64| match (0..height).contains(&row) && (0..width).contains(&column) {
            true => plane[(row * width + column) as usize].to_f64(),
            false => 0.0,
        };
        let upper = (1.0 - right) * at(top, left) + right * at(top, left + 1);
        let lower = (1.0 - right) * at(top + 1, left) + right * at(top + 1, left + 1);
        (1.0 - below) * upper + below * lower
    }
}
