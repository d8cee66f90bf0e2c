//! Which parameters are left out of training.

use super::Params;
use crate::{Error, Result};

impl Params {
    /// Leaves the parameter called `name`, or all parameters below it, out of [`Params::trainable`]; `""` means all below
    /// this prefix. Buffers are no parameters and stay what they are.
    ///
    /// Freeze before making the optimizer: one that is already there keeps the parameters it was given. Running
    /// statistics are not moved by an optimizer but by a forward pass in [`Mode::Train`](crate::nn::Mode::Train); wrap
    /// the frozen layers in [`Frozen`](crate::train::Frozen) to keep those too. (In PyTorch: `requires_grad = False`,
    /// and `eval()` on the part.)
    ///
    /// # Errors
    /// If there is no parameter of this name or below it.
    ///
    /// ```
    /// use candlelight::{nn::linear, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let params = Params::new(0, &Device::Cpu)?;
    /// linear(784, 64, params.pp("body"))?;
    /// linear(64, 10, params.pp("head"))?;
    /// params.freeze("body")?;
    /// let names: Vec<String> = params.trainable().into_iter().map(|param| param.name).collect();
    /// assert_eq!(names, ["head.weight", "head.bias"]);
    /// params.unfreeze("")?;
    /// assert_eq!(params.trainable().len(), 4);
    /// # Ok(()) }
    /// ```
    pub fn freeze(&self, name: &str) -> Result<()> {
        self.set_trainable(name, false)
    }

    /// Undoes [`Params::freeze`]; buffers do not become trainable by it.
    ///
    /// # Errors
    /// As [`Params::freeze`].
    pub fn unfreeze(&self, name: &str) -> Result<()> {
        self.set_trainable(name, true)
    }

    fn set_trainable(&self, name: &str, trainable: bool) -> Result<()> {
        let part = if name.is_empty() { self.clone() } else { self.pp(name) };
        let (full, below) = (&part.prefix, part.below());
        let mut store = self.lock();
        let mut any = false;
        for param in store.params.iter_mut().filter(|param| !param.buffer) {
            if param.name == *full || param.name.starts_with(&below) {
                (param.trainable, any) = (trainable, true);
            }
        }
        match any {
            true => Ok(()),
            false => Err(Error::Parameter {
                name: full.clone(),
                problem: "there is no parameter of this name or below it".into(),
            }),
        }
    }
}
