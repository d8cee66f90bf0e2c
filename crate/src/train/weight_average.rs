use candle_core::Var;

use crate::params::{Param, Params};
use crate::{Error, Result};

/// A moving average of a network's parameters, kept in a second network of the same shape.
///
/// ```text
/// θ̄ ← β θ̄ + (1 - β) θ        after each step; buffers, such as running means, are copied
/// ```
///
/// Two networks that learn from each other circle around what they would meet at; the average does not (Yazıcı et al. 2019,
/// section 3.1). PyTorch's `AveragedModel` with `get_ema_multi_avg_fn` and `use_buffers=False`, which averages as if the
/// first step were the start: so does this one, by copying at [`WeightAverage::new`].
///
/// ```
/// use candlelight::{prelude::*, train::WeightAverage};
/// # fn main() -> candlelight::Result<()> {
/// let (params, averaged) = (Params::new(0, &Device::Cpu)?, Params::new(1, &Device::Cpu)?);
/// let (layer, average) = (linear(1, 1, params.clone())?, linear(1, 1, averaged.clone())?);
/// layer.weight().set(&Tensor::new(&[[0f32]], &Device::Cpu)?)?;
/// let ema = WeightAverage::new(&params, &averaged, 0.9)?;
/// layer.weight().set(&Tensor::new(&[[10f32]], &Device::Cpu)?)?;
/// ema.update()?;
/// assert!((average.weight().to_vec2::<f32>()?[0][0] - 1.).abs() < 1e-6);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct WeightAverage {
    decay: f64,
    pairs: Vec<(Param, Param)>,
}

impl WeightAverage {
    /// Copies all of `source` to `average`, whose parameters have the same names below its prefix, and will average with
    /// `decay`: β, in [0, 1); 0.999 is usual.
    ///
    /// # Errors
    /// A decay outside its range; names, shapes or dtypes that differ, or no parameters: then nothing has changed.
    pub fn new(source: &Params, average: &Params, decay: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&decay) {
            return Err(Error::setting("decay", "in [0, 1)", decay));
        }
        let (sources, averages) = (source.all(), average.all());
        let (names, others) = (source.names_below(), average.names_below());
        let (missing, unexpected) = (difference(&names, &others), difference(&others, &names));
        if names.is_empty() || !missing.is_empty() || !unexpected.is_empty() {
            return Err(Error::Names { missing, unexpected });
        }
        let mut pairs = Vec::with_capacity(names.len());
        for (name, param) in names.iter().zip(sources) {
            let Some((_, other)) = others.iter().zip(&averages).find(|(other, _)| *other == name) else { continue };
            let (from, to) = (&param.var, &other.var);
            if from.dims() != to.dims() || from.dtype() != to.dtype() {
                let describe = |var: &Var| format!("{:?} of {:?}", var.dims(), var.dtype());
                let problem =
                    format!("expected {}, as in the network to average, got {}", describe(from), describe(to));
                return Err(Error::Parameter { name: other.name.clone(), problem });
            }
            pairs.push((param, other.clone()));
        }
        for (from, to) in &pairs {
            to.var.set(&from.var.as_detached_tensor().copy()?)?;
        }
        Ok(Self { decay, pairs })
    }

    /// Takes the present values into the average; call it after every step.
    ///
    /// # Errors
    /// If Candle cannot compute the sum.
    pub fn update(&self) -> Result<()> {
        for (from, to) in &self.pairs {
            let (new, old) = (from.var.as_detached_tensor(), to.var.as_detached_tensor());
            let value = match from.trainable {
                true => (&old + ((new - &old)? * (1.0 - self.decay))?)?,
                false => new.copy()?,
            };
            to.var.set(&value)?;
        }
        Ok(())
    }
}

/// Names of `all` that are not among `others`.
fn difference(all: &[String], others: &[String]) -> Vec<String> {
    all.iter().filter(|name| !others.contains(name)).cloned().collect()
}
