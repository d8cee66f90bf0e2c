use crate::prelude::*;

/// One step that trains the head of a net and leaves its body as it is.
pub fn fine_tune(model: &dyn Module, params: &Params, x: &Tensor, y: &Tensor) -> Result<()> {
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default())?;
    params.freeze("body")?;
    let (_, gradients) = value_and_grad(|| mse(&model.forward(x, Mode::Train)?, y))?;
    sgd.step(&gradients)
}
