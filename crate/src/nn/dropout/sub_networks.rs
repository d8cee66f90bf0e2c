use candle_core::{DType, Device, Tensor};
use candlelight_base::range;

use super::{DropoutConfig, Prediction, Scaling};
use crate::activation::check_float;
use crate::{Error, Result};

/// How many masked inputs are sent through the rest of the network at once.
const ROWS: usize = 1 << 14;

/// All 2ⁿ sub-networks that dropout makes of a layer of n units, each with its probability: the ensemble that
/// [`Inference`](super::Inference) approximates, for layers small enough to count it out.
///
/// ```text
/// P(m) = Π p^(1 - mᵢ) (1 - p)^mᵢ        mean = Σ P(m) f(m x / (1 - p))      std² = Σ P(m) (f(…) - mean)²
/// ```
///
/// p: the probability to drop; m: a mask, 1 where a unit is kept; f: what follows the dropout. With
/// [`Scaling::AtInference`] the factor 1 / (1 - p) is missing, as it is in training. Mask number k keeps unit i where bit i
/// of k is 1, so the last one keeps all.
///
/// Srivastava et al. (2014), section 1; Baldi and Sadowski (2013), section 2.
///
/// ```
/// use candlelight::{nn::{DropoutConfig, SubNetworks}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let all = SubNetworks::new(2, DropoutConfig { p: 0.25, ..DropoutConfig::default() })?;
/// assert_eq!(all.masks()?.to_vec2::<f64>()?, [[0., 0.], [1., 0.], [0., 1.], [1., 1.]]);
/// assert_eq!(all.probabilities(), [0.0625, 0.1875, 0.1875, 0.5625]);
/// // The largest of two units that say 3 and 6: 4 and 8 where they are kept.
/// let x = Tensor::new(&[[3f64, 6.]], &Device::Cpu)?;
/// let largest = all.predict(&x, |x| Ok(x.max(1)?))?;
/// assert!((largest.mean.to_vec1::<f64>()?[0] - (4. * 0.1875 + 8. * 0.75)).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SubNetworks {
    units: usize,
    config: DropoutConfig,
}

impl SubNetworks {
    /// The most units: 2²⁰ sub-networks are a million passes.
    pub const MAX_UNITS: usize = 20;

    /// Of a layer of `units`, at least 1 and at most [`SubNetworks::MAX_UNITS`].
    ///
    /// # Errors
    /// Another number of units, or a `p` outside [0, 1].
    pub fn new(units: usize, config: DropoutConfig) -> Result<Self> {
        if !(1..=Self::MAX_UNITS).contains(&units) {
            return Err(Error::setting("units", "from 1 to 20", units));
        }
        range::share("p", config.p)?;
        Ok(Self { units, config })
    }

    /// How many there are, 2ⁿ.
    pub fn count(&self) -> usize {
        1 << self.units
    }

    /// The masks, `[2ⁿ, n]` of F64, 1 where a unit is kept.
    ///
    /// # Errors
    /// If Candle cannot make the tensor.
    pub fn masks(&self) -> Result<Tensor> {
        let values = (0..self.count()).flat_map(|mask| self.mask(mask, 1.0)).collect();
        Ok(Tensor::from_vec(values, (self.count(), self.units), &Device::Cpu)?)
    }

    /// The probability of each mask; they sum to 1.
    pub fn probabilities(&self) -> Vec<f64> {
        (0..self.count()).map(|mask| self.probability(mask)).collect()
    }

    /// Mean and deviation of `rest(dropout(x))` over all masks, without gradients.
    ///
    /// `x`: `[N, n]`, what enters the dropout. `rest`: what follows it, a map of rows to rows: it is given some multiple of
    /// N of them. The sums are taken in F64.
    ///
    /// # Errors
    /// An `x` of another shape or no float dtype, what `rest` reports, or a `rest` that does not return a row for each.
    pub fn predict(&self, x: &Tensor, rest: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Prediction> {
        check_float("input of the sub-networks", x)?;
        let n = match x.dims() {
            &[n, units] if units == self.units && n > 0 => n,
            dims => return Err(Error::shape("x", format!("[N, {}] with N at least 1", self.units), dims)),
        };
        let kept = match self.config.scaling {
            Scaling::InTraining => 1.0 / (1.0 - self.config.p),
            Scaling::AtInference => 1.0,
        };
        // What never happens is left out: at p = 0 all but the whole network.
        let masks: Vec<usize> = (0..self.count()).filter(|&mask| self.probability(mask) > 0.0).collect();
        let mut sums: Option<Sums> = None;
        for masks in masks.chunks((ROWS / n).max(1)) {
            let values = masks.iter().flat_map(|&mask| self.mask(mask, kept)).collect();
            let mask = Tensor::from_vec(values, (masks.len(), 1, self.units), &Device::Cpu)?;
            let mask = mask.to_dtype(x.dtype())?.to_device(x.device())?;
            let rows = x.unsqueeze(0)?.broadcast_mul(&mask)?.reshape((masks.len() * n, self.units))?;
            let y = rest(&rows)?.detach();
            if y.dims().first() != Some(&(masks.len() * n)) {
                return Err(Error::shape("output of rest", format!("[{}, ...]", masks.len() * n), y.dims()));
            }
            let probabilities: Vec<f64> = masks.iter().map(|&mask| self.probability(mask)).collect();
            sums.get_or_insert_with(|| Sums::new(n, &y)).add(&probabilities, &y)?;
        }
        sums.ok_or_else(|| Error::setting("p", "in [0, 1]", self.config.p))?.prediction(x.device())
    }

    fn mask(&self, mask: usize, kept: f64) -> impl Iterator<Item = f64> {
        (0..self.units).map(move |unit| if mask >> unit & 1 == 1 { kept } else { 0.0 })
    }

    fn probability(&self, mask: usize) -> f64 {
        let kept = mask.count_ones() as i32;
        (1.0 - self.config.p).powi(kept) * self.config.p.powi(self.units as i32 - kept)
    }
}

/// Weighted moments about the first output, so that no large squares cancel.
struct Sums {
    dims: Vec<usize>,
    dtype: DType,
    about: Option<Tensor>,
    first: Option<Tensor>,
    second: Option<Tensor>,
}

impl Sums {
    fn new(n: usize, y: &Tensor) -> Self {
        let dims = std::iter::once(n).chain(y.dims().iter().skip(1).copied()).collect();
        Self { dims, dtype: y.dtype(), about: None, first: None, second: None }
    }

    fn add(&mut self, probabilities: &[f64], y: &Tensor) -> Result<()> {
        let k = probabilities.len();
        let y = y.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.reshape((k, ()))?;
        let about = match &self.about {
            Some(about) => about.clone(),
            None => self.about.insert(y.narrow(0, 0, 1)?.copy()?).clone(),
        };
        let weights = Tensor::from_slice(probabilities, (1, k), &Device::Cpu)?;
        let y = y.broadcast_sub(&about)?;
        for (sum, values) in [(&mut self.first, y.clone()), (&mut self.second, y.sqr()?)] {
            let added = weights.matmul(&values)?;
            *sum = Some(match sum.take() {
                Some(sum) => (sum + added)?,
                None => added,
            });
        }
        Ok(())
    }

    fn prediction(self, device: &Device) -> Result<Prediction> {
        let (Some(about), Some(first), Some(second)) = (self.about, self.first, self.second) else {
            return Err(Error::setting("masks", "at least one", "none"));
        };
        let variance = (second - first.sqr()?)?.maximum(0.0)?;
        let shaped = |t: Tensor| -> Result<Tensor> {
            Ok(t.reshape(self.dims.as_slice())?.to_dtype(self.dtype)?.to_device(device)?)
        };
        Ok(Prediction { mean: shaped((about + first)?)?, std: shaped(variance.sqrt()?)? })
    }
}
