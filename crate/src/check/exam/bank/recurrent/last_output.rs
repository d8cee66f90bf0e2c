use crate::nn::{Lstm, LstmState, Mode};
use crate::prelude::*;

/// The last output of an LSTM, through which the gradient flows back over `present` only.
pub fn last_output(lstm: &Lstm, past: &Tensor, present: &Tensor) -> Result<Tensor> {
    let (_, LstmState { h, c }) = lstm.forward_with_state(past, None, Mode::Train)?;
    let state = LstmState { h: h.detach(), c };
    Ok(lstm.forward_with_state(present, Some(&state), Mode::Train)?.1.h)
}
