//! What a cell gives to the loop of its composed form: a step, and the way back through it.

use candle_core::Tensor;

use crate::Result;

/// The steps of a cell, which keeps of each what the backward pass needs.
pub(super) trait Steps: Send + Sync {
    /// h_t from W_ih x_t + b, from W_hh h_{t-1} and from h_{t-1}. With the biases b_ih and b_hh in b, but for the candidate
    /// of a GRU.
    fn step(&mut self, of_input: &Tensor, of_state: &Tensor, h: &Tensor) -> Result<Tensor>;

    /// The state beside h after the last step, if there is one.
    fn beside(&self) -> Option<&Tensor> {
        None
    }

    /// The way back, with the gradient of that state.
    fn back<'a>(&'a self, beside: Option<Tensor>) -> Result<Box<dyn Back + 'a>>;
}

/// The way back through [`Steps`].
pub(super) trait Back {
    /// Through the step that was the `t`th, from 0: the last one first.
    fn step(&mut self, t: usize, dh: &Tensor) -> Result<Gradients>;

    /// The gradient of what the steps started from beside h, after all steps.
    fn start(&mut self) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

/// The gradients of what a step was given.
pub(super) struct Gradients {
    /// Of W_ih x_t + b.
    pub of_input: Tensor,
    /// Of W_hh h_{t-1}.
    pub of_state: Tensor,
    /// Of h_{t-1} itself, without that of W_hh h_{t-1}.
    pub of_h: Option<Tensor>,
}
