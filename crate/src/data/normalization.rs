//! Inputs of mean 0 and standard deviation 1.

use candle_core::{DType, Device, Tensor};

use crate::data::Dataset;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Shifts and scales each channel by the mean and the standard deviation that it has in the training data.
///
/// ```text
/// y[n, c, …] = (x[n, c, …] - μ_c) / σ_c,    μ_c, σ_c over all samples and places of the training inputs
/// ```
///
/// Validation and test data, and what the model is used on, are normalized by the same numbers. σ divides by the count,
/// not by the count less 1. A channel that never varies is only shifted (σ = 1), and so is one whose σ is at most
/// ε max|x|, with the ε of the inputs' dtype (1.2e-7 in F32, 2.2e-16 in F64): its numbers differ by no more than they were
/// rounded. For flat inputs [N, D] each column is a channel.
///
/// # Shapes
/// Inputs [N, C, ...] of F32 or F64.
///
/// ```
/// use candlelight::{data::Normalization, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let train = Tensor::new(&[[1f64, 10.], [3., 10.]], &Device::Cpu)?;
/// let normalization = Normalization::new(&train)?;
/// assert_eq!((normalization.mean(), normalization.std()), (&[2., 10.][..], &[1., 1.][..]));
/// assert_eq!(normalization.apply(&train)?.to_vec2::<f64>()?, [[-1., 0.], [1., 0.]]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    mean: Vec<f64>,
    std: Vec<f64>,
}

/// Samples that are read at a time, so that the memory for it stays small.
const CHUNK: usize = 256;

impl Normalization {
    /// Measures the training inputs [N, C, ...], in F64.
    ///
    /// # Errors
    /// Another shape or dtype, no sample, or a number that is not finite.
    pub fn new(inputs: &Tensor) -> Result<Self> {
        let channels = check(inputs)?;
        let count = (inputs.elem_count() / channels) as f64;
        // From the first value on: the sum of equal numbers would round, and their deviation not be 0.
        let origin = first(inputs, channels)?;
        let shift = fold(inputs, channels, |c, sum, x| sum + (x - origin[c]))?;
        let mean: Vec<f64> = origin.iter().zip(shift).map(|(origin, sum)| origin + sum / count).collect();
        // A second pass over the deviations: the difference of large squares would lose digits.
        let squares = fold(inputs, channels, |c, sum, x| sum + (x - mean[c]).powi(2))?;
        let std: Vec<f64> = squares.into_iter().map(|sum| (sum / count).sqrt()).collect();
        if let Some(value) = mean.iter().chain(&std).find(|value| !value.is_finite()) {
            return Err(Error::setting("inputs", "finite", value));
        }
        let epsilon = if inputs.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        let greatest = fold(inputs, channels, |_, greatest, x| greatest.max(x.abs()))?;
        let varies = |(std, greatest)| if std > epsilon * greatest { std } else { 1.0 };
        Ok(Self { mean, std: std.into_iter().zip(greatest).map(varies).collect() })
    }

    /// μ of each channel, in the unit of the inputs.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// σ of each channel, in the unit of the inputs, above 0.
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// (x - μ) / σ.
    ///
    /// # Errors
    /// If `inputs` are not F32 or F64 [N, C, ...] with the C of the training data.
    pub fn apply(&self, inputs: &Tensor) -> Result<Tensor> {
        let (mean, std) = self.beside(inputs)?;
        Ok(inputs.broadcast_sub(&mean)?.broadcast_div(&std)?)
    }

    /// σ x + μ: back to the unit of the data, to draw what the model was given.
    ///
    /// # Errors
    /// As [`Normalization::apply`].
    pub fn invert(&self, inputs: &Tensor) -> Result<Tensor> {
        let (mean, std) = self.beside(inputs)?;
        Ok(inputs.broadcast_mul(&std)?.broadcast_add(&mean)?)
    }

    /// The samples with normalized inputs; the targets stay as they are.
    ///
    /// # Errors
    /// As [`Normalization::apply`].
    pub fn apply_to(&self, samples: &Dataset) -> Result<Dataset> {
        Dataset::new(&self.apply(samples.inputs())?, samples.targets())
    }

    /// μ and σ, of a shape [1, C, 1, ...] and dtype that fit `inputs`.
    fn beside(&self, inputs: &Tensor) -> Result<(Tensor, Tensor)> {
        if check(inputs)? != self.mean.len() {
            return Err(Error::shape("inputs", format!("[N, {}, ...]", self.mean.len()), inputs.dims()));
        }
        let mut shape = vec![1; inputs.rank()];
        shape[1] = self.mean.len();
        let tensor = |values: &[f64]| -> Result<Tensor> {
            let tensor = Tensor::from_slice(values, shape.as_slice(), &Device::Cpu)?;
            Ok(tensor.to_dtype(inputs.dtype())?.to_device(inputs.device())?)
        };
        Ok((tensor(&self.mean)?, tensor(&self.std)?))
    }
}

/// μ and σ, so that a checkpoint can keep them beside the model.
impl Stateful for Normalization {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            state.tensors.insert(name.to_owned(), Tensor::new(values.as_slice(), &Device::Cpu)?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let own = self.state()?;
        let values = |name: &str| -> Result<Vec<f64>> {
            let like = own
                .tensors
                .get(name)
                .ok_or_else(|| Error::State { name: name.into(), problem: "is missing".into() })?;
            Ok(state.tensor(name, like)?.to_vec1()?)
        };
        let (mean, std) = (values("mean")?, values("std")?);
        if let Some(value) = std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
            return Err(Error::State {
                name: "std".into(),
                problem: format!("must be finite and above 0, got {value}"),
            });
        }
        *self = Self { mean, std };
        Ok(())
    }
}

/// The number of channels.
fn check(inputs: &Tensor) -> Result<usize> {
    if !matches!(inputs.dtype(), DType::F32 | DType::F64) {
        return Err(Error::DType { what: "inputs", expected: "F32 or F64", actual: inputs.dtype() });
    }
    match inputs.dims() {
        [_, channels, ..] if inputs.elem_count() > 0 => Ok(*channels),
        dims => Err(Error::shape("inputs", "[N, C, ...] with no dimension 0", dims)),
    }
}

/// The first number of each channel.
fn first(inputs: &Tensor, channels: usize) -> Result<Vec<f64>> {
    let sample = inputs.narrow(0, 0, 1)?.reshape((channels, ()))?;
    Ok(sample.narrow(1, 0, 1)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
}

/// next(c, value, x) over the numbers x of each channel c, in order, from 0 on.
fn fold(inputs: &Tensor, channels: usize, next: impl Fn(usize, f64, f64) -> f64) -> Result<Vec<f64>> {
    let samples = inputs.dims().first().copied().unwrap_or(0);
    let place = inputs.elem_count() / (samples * channels);
    let mut folded = vec![0.0; channels];
    for start in (0..samples).step_by(CHUNK) {
        let chunk = inputs.narrow(0, start, CHUNK.min(samples - start))?.to_dtype(DType::F64)?;
        for (i, values) in chunk.flatten_all()?.to_vec1::<f64>()?.chunks(place).enumerate() {
            let channel = i % channels;
            folded[channel] = values.iter().fold(folded[channel], |value, x| next(channel, value, *x));
        }
    }
    Ok(folded)
}
