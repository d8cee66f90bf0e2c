use candle_core::{Tensor, WithDType};
use rand::Rng as _;

use super::Augmentation;
use super::planes::{PlaneMap, check_one_each, image_dims, map_planes};
use crate::rng::Rng;
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
    map_planes(images, &Rotation { sin_cos, height, width })
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
        let (centre_y, centre_x) = ((self.height - 1) as f64 / 2.0, (self.width - 1) as f64 / 2.0);
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
