use crate::prelude::*;

/// Samples of a generator with batch norms, one for each code.
pub fn draw(generator: &dyn Module, codes: &Tensor) -> Result<Tensor> {
    let samples = generator.forward(codes, Mode::Train)?;
    Ok(samples.detach())
}
