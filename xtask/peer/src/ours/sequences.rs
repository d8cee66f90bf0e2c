//! Recurrent networks with a linear layer on the last state.

use candlelight::nn::{Gru, Lstm, RecurrentConfig, Rnn, RnnConfig};
use candlelight::prelude::*;

use super::{sgd, training};
use crate::shared;
use crate::task::Task;

/// Sequences a step, where nothing else is said.
pub const BATCH: usize = 32;

const CONFIG: RecurrentConfig =
    RecurrentConfig { num_layers: 1, bias: true, batch_first: true, dropout: 0.0, bidirectional: false };

pub fn lstm(batch: usize) -> crate::Result<Task> {
    recurrent(batch, |params| {
        let layer = Lstm::new(32, 128, CONFIG, params)?;
        Ok(move |x: &Tensor| Ok(layer.forward_with_state(x, None, Mode::Train)?.1.h))
    })
}

pub fn gru() -> crate::Result<Task> {
    recurrent(BATCH, |params| {
        let layer = Gru::new(32, 128, CONFIG, params)?;
        Ok(move |x: &Tensor| Ok(layer.forward_with_state(x, None, Mode::Train)?.1))
    })
}

pub fn rnn() -> crate::Result<Task> {
    recurrent(BATCH, |params| {
        let layer = Rnn::new(32, 128, RnnConfig { recurrent: CONFIG, ..RnnConfig::default() }, params)?;
        Ok(move |x: &Tensor| Ok(layer.forward_with_state(x, None, Mode::Train)?.1))
    })
}

/// `layer` gives the last state, [1, N, hidden].
fn recurrent<L: Fn(&Tensor) -> Result<Tensor> + 'static>(
    batch: usize,
    layer: impl FnOnce(Params) -> Result<L>,
) -> crate::Result<Task> {
    let params = Params::new(0, shared::device())?;
    let (layer, head) = (layer(params.pp("rnn"))?, linear(128, 10, params.pp("head"))?);
    let (x, y) = (shared::input("x", (batch, 64, 32))?, shared::labels("y", batch, 10)?);
    training(&params, sgd, move || {
        let last = layer(&x)?.squeeze(0)?;
        cross_entropy(&head.forward(&last, Mode::Train)?, &y)
    })
}
