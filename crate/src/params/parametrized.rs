//! Parameters that a layer does not use as they are.

use candle_core::Var;

use super::Params;
use crate::{Error, Result};

impl Params {
    /// Gives a parameter the name that PyTorch has for one which a parametrization computes the layer's own from:
    /// `conv.weight` becomes `conv.parametrizations.weight.original`. Returns where the parametrization's own values
    /// belong, `conv.parametrizations.weight.0`.
    ///
    /// # Errors
    /// If `var` is none of the parameters below this prefix, or has been given such a name before.
    pub(crate) fn parametrized(&self, var: &Var) -> Result<Self> {
        let below = self.below();
        let mut store = self.lock();
        let mut found = store.params.iter_mut().filter(|param| param.name.starts_with(&below));
        let Some(param) = found.find(|param| param.var.id() == var.id()) else {
            let problem = "there is none of these values below this prefix".into();
            return Err(Error::Parameter { name: self.prefix.clone(), problem });
        };
        let (layer, name) =
            param.name.rsplit_once('.').map_or(("", param.name.as_str()), |(layer, name)| (layer, name));
        if name == "original" {
            return Err(Error::Parameter { name: param.name.clone(), problem: "it has a parametrization".into() });
        }
        let part = if layer.is_empty() { String::new() } else { format!("{layer}.") };
        let prefix = format!("{part}parametrizations.{name}");
        param.name = format!("{prefix}.original");
        Ok(Self { prefix: format!("{prefix}.0"), ..self.clone() })
    }
}
