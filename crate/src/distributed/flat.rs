//! The parameters of a model, and their gradients, as the numbers of one message.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};

use super::{Buffer, Communicator, Source, Transfer, Values};
use crate::params::{Param, Params};
use crate::{CommunicationError, Error, Result};

/// The trainable parameters, in the order in which they were made.
pub(super) struct FlatParams {
    params: Vec<Param>,
    dtype: DType,
    len: usize,
}

impl FlatParams {
    pub fn new(params: &Params) -> Result<Self> {
        let dtype = params.dtype();
        let params = params.trainable();
        let len = params.iter().map(|param| param.var.elem_count()).sum();
        match len {
            0 => Err(Error::setting("params", "at least one number to train", "none")),
            _ => Ok(Self { params, dtype, len }),
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The values of the parameters.
    pub fn values(&self) -> Result<Values> {
        self.joined(|param| Ok(param.var.as_tensor().clone()))
    }

    /// Sets the parameters to the first numbers of `values`.
    pub fn load(&self, values: &Values) -> Result<()> {
        self.each(values, |param, tensor| Ok(param.var.set(&tensor)?))
    }

    /// The gradients, one of each parameter.
    pub fn gradients(&self, store: &GradStore) -> Result<Values> {
        self.joined(|param| {
            let gradient = store.get(&param.var).ok_or_else(|| Error::MissingGradient { name: param.name.clone() })?;
            if gradient.shape() != param.var.shape() {
                let problem = format!("expected a gradient of {:?}, got {:?}", param.var.dims(), gradient.dims());
                return Err(Error::Parameter { name: param.name.clone(), problem });
            }
            Ok(gradient.clone())
        })
    }

    /// The first numbers of `values` as gradients of the parameters.
    pub fn store(&self, values: &Values) -> Result<GradStore> {
        let mut store = GradStore::default();
        self.each(values, |param, tensor| {
            store.insert(&param.var, tensor);
            Ok(())
        })?;
        Ok(store)
    }

    /// Gives all ranks the parameters of rank 0.
    pub fn broadcast(&self, comm: &Arc<dyn Communicator>) -> Result<()> {
        let mut values = self.values()?;
        match &mut values {
            Values::F32(numbers) => comm.broadcast(numbers, 0)?,
            Values::F64(numbers) => comm.broadcast(numbers, 0)?,
        }
        if comm.rank() == 0 { Ok(()) } else { self.load(&values) }
    }

    fn joined(&self, tensor: impl Fn(&Param) -> Result<Tensor>) -> Result<Values> {
        let mut values = Values::zeros(self.dtype, 0);
        for param in &self.params {
            let tensor = tensor(param)?.detach().to_device(&Device::Cpu)?.to_dtype(self.dtype)?.flatten_all()?;
            match &mut values {
                Values::F32(numbers) => numbers.extend(tensor.to_vec1::<f32>()?),
                Values::F64(numbers) => numbers.extend(tensor.to_vec1::<f64>()?),
            }
        }
        Ok(values)
    }

    fn each(&self, values: &Values, mut take: impl FnMut(&Param, Tensor) -> Result<()>) -> Result<()> {
        let mut start = 0;
        for param in &self.params {
            let end = start + param.var.elem_count();
            let (shape, device) = (param.var.shape(), param.var.device());
            let tensor = match values {
                Values::F32(numbers) => Tensor::from_slice(&numbers[start..end], shape, device)?,
                Values::F64(numbers) => Tensor::from_slice(&numbers[start..end], shape, device)?,
            };
            take(param, tensor)?;
            start = end;
        }
        Ok(())
    }
}

/// The numbers as F64, to compute with.
pub(super) fn to_f64(values: &Values) -> Vec<f64> {
    match values {
        Values::F32(numbers) => numbers.iter().map(|&x| f64::from(x)).collect(),
        Values::F64(numbers) => numbers.clone(),
    }
}

/// Numbers rounded to `dtype`.
pub(super) fn from_f64(dtype: DType, numbers: Vec<f64>) -> Values {
    match dtype {
        DType::F64 => Values::F64(numbers),
        _ => Values::F32(numbers.into_iter().map(|x| x as f32).collect()),
    }
}

/// Numbers and a flag behind them, as one message.
pub(super) fn with_flag(mut values: Values, flag: bool) -> Values {
    let flag = u8::from(flag);
    match &mut values {
        Values::F32(numbers) => numbers.push(flag.into()),
        Values::F64(numbers) => numbers.push(flag.into()),
    }
    values
}

/// The flag behind the numbers.
pub(super) fn flag(values: &Values) -> bool {
    match values {
        Values::F32(numbers) => numbers.last().is_some_and(|&flag| flag != 0.0),
        Values::F64(numbers) => numbers.last().is_some_and(|&flag| flag != 0.0),
    }
}

/// Waits for a message of `len` numbers: these, and the rank that sent them.
pub(super) fn receive(
    comm: &Arc<dyn Communicator>,
    operation: &'static str,
    (len, dtype): (usize, DType),
    from: Source,
    tag: u32,
) -> Result<(Values, usize)> {
    let buffer = Buffer { values: Values::zeros(dtype, len), scratch: Values::zeros(dtype, 0) };
    let receive = [Transfer::Receive { from, range: 0..len }];
    let done = comm.start(operation, buffer, &receive, tag)?.wait(comm.deadline())?;
    let from = done.sources.first().copied().ok_or_else(|| {
        let problem = "a message without a source".into();
        CommunicationError::Transport { rank: comm.rank(), operation, problem }
    })?;
    Ok((done.buffer.values, from))
}
