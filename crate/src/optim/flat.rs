use candle_core::Tensor;
use candle_core::backprop::GradStore;
use candlelight_base::transfer;

use crate::params::Param;
use crate::{Error, Result, device};

/// Parameters as one vector, in order, for methods that look at all of them at once.
#[derive(Debug, Clone)]
pub(super) struct Flat {
    params: Vec<Param>,
    len: usize,
}

impl Flat {
    pub(super) fn new(params: Vec<Param>) -> Result<Self> {
        device::check_statics()?;
        let len: usize = params.iter().map(|param| param.var.elem_count()).sum();
        if len == 0 {
            return Err(Error::setting("params", "at least one number", "none"));
        }
        for (i, param) in params.iter().enumerate() {
            if params[..i].iter().any(|other| other.name == param.name || other.var.id() == param.var.id()) {
                let problem = "is given to the optimizer twice".into();
                return Err(Error::Parameter { name: param.name.clone(), problem });
            }
        }
        Ok(Self { params, len })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn params(&self) -> &[Param] {
        &self.params
    }

    pub(super) fn values(&self) -> Result<Vec<f64>> {
        self.joined(|param| Ok(param.var.detach()))
    }

    pub(super) fn gradient(&self, store: &GradStore) -> Result<Vec<f64>> {
        self.joined(|param| {
            let gradient = store.get(&param.var).ok_or_else(|| Error::MissingGradient { name: param.name.clone() })?;
            if gradient.shape() != param.var.shape() {
                let problem = format!("expected a gradient of {:?}, got {:?}", param.var.dims(), gradient.dims());
                return Err(Error::Parameter { name: param.name.clone(), problem });
            }
            Ok(gradient.detach())
        })
    }

    /// The value of a loss and its gradient.
    pub(super) fn evaluate(&self, loss: &Tensor) -> Result<(f64, Vec<f64>)> {
        if loss.elem_count() != 1 {
            return Err(Error::shape("loss", "one element", loss.dims()));
        }
        let value = transfer::scalar(&loss.flatten_all()?.get(0)?)?;
        Ok((value, self.gradient(&loss.backward()?)?))
    }

    /// Gives the parameters these values, as many as [`Flat::len`].
    pub(super) fn set(&self, values: &[f64]) -> Result<()> {
        if values.len() != self.len {
            return Err(Error::shape("values of the parameters", format!("[{}]", self.len), &[values.len()]));
        }
        let mut rest = values;
        for Param { var, .. } in &self.params {
            let (here, after) = rest.split_at(var.elem_count());
            var.set(&transfer::to_device(here.to_vec(), var.shape(), var.device())?.to_dtype(var.dtype())?)?;
            rest = after;
        }
        Ok(())
    }

    fn joined(&self, get: impl Fn(&Param) -> Result<Tensor>) -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(self.len);
        for param in &self.params {
            all.extend(transfer::to_f64(&get(param)?)?);
        }
        Ok(all)
    }
}
