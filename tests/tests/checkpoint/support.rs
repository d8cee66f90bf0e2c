//! A state of any contents, and the bits of tensors.

use candlelight::prelude::*;
use candlelight::state::{State, Stateful};

/// A state that is what it was given.
#[derive(Debug, Clone, Default)]
pub struct Notes(pub State);

impl Notes {
    pub fn new(tensors: &[(&str, Tensor)], values: &[(&str, &str)]) -> Self {
        Self(State {
            tensors: tensors.iter().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect(),
            values: values.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        })
    }

    /// Everything, in bits.
    pub fn bits(&self) -> Vec<String> {
        let tensors = self.0.tensors.iter().map(|(name, tensor)| format!("{name} {:?}", bits(tensor)));
        tensors.chain(self.0.values.iter().map(|(name, value)| format!("{name}={value}"))).collect()
    }
}

impl Stateful for Notes {
    fn state(&self) -> Result<State> {
        Ok(self.0.clone())
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.0 = state.clone();
        Ok(())
    }
}

/// Dtype, shape and bits of a tensor.
pub type Bits = (DType, Vec<usize>, Vec<u64>);

/// Everything that makes a tensor.
pub fn bits(tensor: &Tensor) -> Bits {
    let flat = tensor.flatten_all().unwrap();
    let numbers = match tensor.dtype() {
        DType::F32 => flat.to_vec1::<f32>().unwrap().iter().map(|x| u64::from(x.to_bits())).collect(),
        DType::F64 => flat.to_vec1::<f64>().unwrap().iter().map(|x| x.to_bits()).collect(),
        // Exact for halves and for the integers that these tests use.
        _ => flat.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap().iter().map(|x| x.to_bits()).collect(),
    };
    (tensor.dtype(), tensor.dims().to_vec(), numbers)
}

/// The bits of all parameters and buffers, by name.
pub fn all_bits(params: &Params) -> Vec<(String, Bits)> {
    params.all().into_iter().map(|param| (param.name, bits(&param.var))).collect()
}
