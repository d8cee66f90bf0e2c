use crate::params::Param;

/// Parameters with settings of their own.
///
/// ```
/// use candlelight::{nn::linear, optim::{AdamW, AdamWConfig, Optimizer, ParamGroup}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// linear(4, 2, params.pp("fc"))?;
/// // As is usual, weights decay and biases do not.
/// let (biases, weights) = params.trainable().into_iter().partition(|param| param.name.ends_with("bias"));
/// let groups = vec![ParamGroup::new(weights), ParamGroup { weight_decay: Some(0.), ..ParamGroup::new(biases) }];
/// let adamw = AdamW::with_groups(groups, AdamWConfig::default())?;
/// assert_eq!(adamw.learning_rates(), [1e-3, 1e-3]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ParamGroup {
    /// The parameters.
    pub params: Vec<Param>,
    /// Learning rate, finite and at least 0; default `None`, for that of the optimizer's configuration.
    pub lr: Option<f64>,
    /// Weight decay, finite and at least 0; default `None`, for that of the optimizer's configuration.
    pub weight_decay: Option<f64>,
}

impl ParamGroup {
    /// A group with the settings of the optimizer's configuration.
    pub fn new(params: Vec<Param>) -> Self {
        Self { params, lr: None, weight_decay: None }
    }
}
