use std::sync::Arc;

use candle_core::Tensor;

use crate::Result;
use crate::nn::Module;

/// A layer that is linear but for its bias, so that it can take in a scale and a shift of its output channels.
pub(in crate::nn) trait Product: Module {
    /// What it is called, as `conv2d`.
    fn name(&self) -> &'static str;

    /// How many dimensions the places of a channel have; 0 where the channels are the last dimension of the output.
    fn places(&self) -> usize;

    /// W, whose numbers are [groups, inputs, output channels, rest], seen from [`Product::layout`].
    fn weight(&self) -> &Tensor;

    /// b, one number for each output channel.
    fn bias(&self) -> Option<&Tensor>;

    /// Groups, what comes before the output channels of a group, these channels, and what comes behind: a shape that the
    /// weight can take as it lies in memory.
    fn layout(&self) -> [usize; 4];

    /// The layer with copies of these numbers in place of its own.
    fn with(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Arc<dyn Product>>;
}
