use crate::prelude::*;

/// The mean of (‖g‖ - 1)² over the samples, from the critic's gradients [N, C, H, W] with respect to images.
pub fn penalty(gradients: &Tensor) -> Result<Tensor> {
    let norms = gradients.sqr()?.sum(1)?.sqrt()?;
    let off = (norms - 1.0)?;
    Ok(off.sqr()?.mean_all()?)
}
