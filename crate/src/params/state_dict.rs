//! All values of a store by name: what PyTorch calls a state dict.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Tensor};

use super::{Param, Params};
use crate::metrics::scalar;
use crate::rng::seeded;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// How [`Params::load_state_dict`] treats what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadConfig {
    /// Whether a name that is missing or unexpected is an error; default true, as in PyTorch. If false, the names that both
    /// sides have are loaded and the others reported.
    pub strict: bool,
    /// Whether other float dtypes (F16, BF16, F32, F64) are converted to that of the store; default false, where PyTorch
    /// always converts. A conversion to a smaller dtype rounds.
    pub convert: bool,
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self { strict: true, convert: false }
    }
}

/// The names that [`Params::load_state_dict`] did not match; both lists are empty after a strict load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncompatibleKeys {
    /// Names that the store has and the source lacks: these parameters keep their values.
    pub missing: Vec<String>,
    /// Names that the source has and the store lacks.
    pub unexpected: Vec<String>,
}

impl Params {
    /// Copies of all parameters and buffers below this prefix, by their names without it: PyTorch's `state_dict`.
    ///
    /// A buffer called `num_batches_tracked` becomes I64, as in PyTorch's BatchNorm.
    ///
    /// # Errors
    /// If Candle cannot copy.
    pub fn state_dict(&self) -> Result<BTreeMap<String, Tensor>> {
        let export = |param: Param| {
            let mut value = param.var.as_detached_tensor();
            if counts_batches(&param.name) {
                value = value.to_dtype(DType::I64)?;
            }
            // A copy, for an optimizer may write into the storage of the parameter.
            Ok((self.relative(&param.name), value.force_contiguous()?))
        };
        self.all().into_iter().map(export).collect()
    }

    /// Gives the parameters and buffers below this prefix the values of the same names: PyTorch's `load_state_dict`.
    ///
    /// Everything is checked before anything is changed. Names are taken without the prefix on both sides, so a part of
    /// one model loads into a part of another. The buffer `num_batches_tracked` of a BatchNorm may be absent on either
    /// side and of any integer or float dtype, as in PyTorch, whose older files lack it: a store without it ignores it,
    /// and one with it keeps its count where the source has none.
    ///
    /// # Errors
    /// [`Error::Names`] lists all missing and unexpected names; [`Error::Parameter`] names a shape or a dtype that differs.
    ///
    /// ```
    /// use candlelight::{nn::linear, params::LoadConfig, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let (trained, fresh) = (Params::new(0, &Device::Cpu)?, Params::new(1, &Device::Cpu)?);
    /// linear(784, 64, trained.pp("body"))?;
    /// linear(784, 64, fresh.pp("encoder"))?;
    /// linear(64, 3, fresh.pp("head"))?;
    /// fresh.pp("encoder").load_state_dict(&trained.pp("body").state_dict()?, LoadConfig::default())?;
    /// let difference = (fresh.get("encoder.weight")?.as_tensor() - trained.get("body.weight")?.as_tensor())?;
    /// assert_eq!(difference.abs()?.sum_all()?.to_scalar::<f32>()?, 0.);
    /// # Ok(()) }
    /// ```
    pub fn load_state_dict(&self, source: &BTreeMap<String, Tensor>, config: LoadConfig) -> Result<IncompatibleKeys> {
        self.load_readable(source, &BTreeMap::new(), config)
    }

    /// [`Params::load_state_dict`] from a source that has further tensors, which cannot be read: their names and dtypes.
    pub(crate) fn load_readable(
        &self,
        source: &BTreeMap<String, Tensor>,
        unreadable: &BTreeMap<String, String>,
        config: LoadConfig,
    ) -> Result<IncompatibleKeys> {
        let params = self.all();
        let mut keys = IncompatibleKeys::default();
        let mut values = Vec::with_capacity(params.len());
        for param in &params {
            let name = self.relative(&param.name);
            match (source.get(&name), unreadable.get(&name)) {
                (Some(value), _) => values.push((param, fitting(param, value, config)?)),
                (None, _) if counts_batches(&name) => {}
                (None, Some(dtype)) => return Err(refuse_dtype(param, dtype)),
                (None, None) => keys.missing.push(param.name.clone()),
            }
        }
        let known: BTreeSet<String> = params.iter().map(|param| self.relative(&param.name)).collect();
        let given: BTreeSet<&String> = source.keys().chain(unreadable.keys()).collect();
        let unexpected = given.into_iter().filter(|name| !counts_batches(name) && !known.contains(*name));
        keys.unexpected = unexpected.map(|name| self.full(name)).collect();
        if config.strict && keys != IncompatibleKeys::default() {
            return Err(Error::Names { missing: keys.missing, unexpected: keys.unexpected });
        }
        for (param, value) in values {
            param.var.set(&value)?;
        }
        Ok(keys)
    }

    /// A full name without this prefix.
    fn relative(&self, full: &str) -> String {
        full.strip_prefix(&self.below()).unwrap_or(full).to_owned()
    }
}

/// Parameters, buffers and the places of the random streams, by their names without the prefix.
impl Stateful for Params {
    fn state(&self) -> Result<State> {
        let mut state = State { tensors: self.state_dict()?, ..State::default() };
        for (name, stream) in self.streams() {
            let name = self.relative(&name);
            let values = stream.state()?.values;
            state.values.extend(values.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let mut rngs = Vec::new();
        let mut known = Vec::new();
        for (name, stream) in self.streams() {
            let below = format!("{}.", self.relative(&name));
            let mut part = State::default();
            for (full, value) in &state.values {
                if let Some(key) = full.strip_prefix(&below) {
                    part.set(key, value);
                    known.push(full);
                }
            }
            let mut rng = seeded(0);
            rng.load_state(&part).map_err(|error| error.within(&below))?;
            rngs.push((stream, rng));
        }
        if let Some(name) = state.values.keys().find(|name| !known.contains(name)) {
            return Err(Error::State {
                name: name.clone(),
                problem: "belongs to no random stream of the model".into(),
            });
        }
        self.load_state_dict(&state.tensors, LoadConfig::default())?;
        for (stream, rng) in rngs {
            stream.draw(|place| *place = rng);
        }
        Ok(())
    }
}

/// Whether `name` is BatchNorm's count of batches, an I64 scalar in PyTorch and a float in a store of floats.
fn counts_batches(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

fn refuse_dtype(param: &Param, actual: &str) -> Error {
    let problem = format!("expected dtype {:?}, got {actual}, which Candle does not compute with", param.var.dtype());
    Error::Parameter { name: param.name.clone(), problem }
}

/// `value` as a copy that can be put into `param`.
fn fitting(param: &Param, value: &Tensor, config: LoadConfig) -> Result<Tensor> {
    let var = &param.var;
    let refuse = |expected: &str, actual: String| {
        Err(Error::Parameter { name: param.name.clone(), problem: format!("expected {expected}, got {actual}") })
    };
    if value.shape() != var.shape() {
        return refuse(&format!("shape {:?}", var.dims()), format!("{:?}", value.dims()));
    }
    if counts_batches(&param.name) {
        let count = scalar(value)?;
        if !(count.is_finite() && count >= 0.0) {
            return refuse("a count of batches, at least 0", count.to_string());
        }
    }
    let converts = counts_batches(&param.name) || (config.convert && value.dtype().is_float());
    if value.dtype() != var.dtype() && !converts {
        return refuse(&format!("dtype {:?}", var.dtype()), format!("{:?} (see LoadConfig::convert)", value.dtype()));
    }
    Ok(value.to_device(var.device())?.to_dtype(var.dtype())?.force_contiguous()?)
}
