//! What each layer makes of an input.

use candle_core::Tensor;

use crate::Result;
use crate::nn::summary::recorded;
use crate::nn::{Mode, Module};
use crate::params::Params;

/// The output of one layer, from [`responses`].
#[derive(Debug, Clone)]
pub struct Response {
    /// The name before that of its parameters; empty if it has none.
    pub name: String,
    /// What it is, as `conv2d`.
    pub kind: &'static str,
    /// Its output.
    pub output: Tensor,
}

/// Runs `model` on `x` in [`Mode::Eval`], and keeps the output of each layer that reports to a summary.
///
/// A layer that computes its activation in the same pass, as a linear layer before a ReLU in a [`Sequential`](crate::nn::Sequential),
/// gives the output behind it. Recurrent layers and embeddings are left out. The channels of `[1, C, H, W]` are pictures for
/// [`Panel::signed_images`](crate::plot::Panel::signed_images): `output.squeeze(0)?`.
///
/// # Errors
/// Those of the model for this input.
///
/// ```
/// use candlelight::{nn::features::responses, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new().push(conv2d(1, 6, 5, params.pp("conv1"))?).push(max_pool2d(2)?);
/// let images = FashionMnist::offline(&Device::Cpu)?.as_images()?.test;
/// let responses = responses(&model, &params, images.take(1)?.inputs())?;
/// let of_conv1 = responses.iter().find(|response| response.name == "conv1").unwrap();
/// assert_eq!(of_conv1.output.dims(), [1, 6, 24, 24]);
/// # Ok(()) }
/// ```
pub fn responses(model: &dyn Module, params: &Params, x: &Tensor) -> Result<Vec<Response>> {
    let (records, all) = (recorded(true, || model.forward(x, Mode::Eval))?, params.all());
    let response = |record: crate::nn::summary::Record| {
        let name = record.name(&all);
        record.trace.map(|trace| Response { name, kind: record.kind, output: trace.y.detach() })
    };
    Ok(records.into_iter().filter_map(response).collect())
}
