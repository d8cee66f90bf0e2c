//! Recurrent networks with a linear layer on the last state.

use candlelight::candle_core::{Module, Tensor};
use candlelight::candle_nn as nn;
use candlelight::candle_nn::rnn::{GRUConfig, LSTMConfig, RNN};

use super::{Store, sgd, training};
use crate::task::Task;
use crate::{Result, shared};

pub fn lstm() -> Result<Task> {
    let store = Store::new();
    let rnn = nn::lstm(32, 128, LSTMConfig::default(), store.builder().pp("rnn"))?;
    recurrent(&store, rnn, |state| &state.h)
}

pub fn gru() -> Result<Task> {
    let store = Store::new();
    let rnn = nn::gru(32, 128, GRUConfig::default(), store.builder().pp("rnn"))?;
    recurrent(&store, rnn, |state| &state.h)
}

fn recurrent<R: RNN + 'static>(store: &Store, rnn: R, h: fn(&R::State) -> &Tensor) -> Result<Task> {
    let head = nn::linear(128, 10, store.builder().pp("head"))?;
    let (x, y) = (shared::input("x", (32, 64, 32))?, shared::labels("y", 32, 10)?);
    training(store, sgd, move || {
        let states = rnn.seq(&x)?;
        let last = states.last().ok_or("an empty sequence")?;
        Ok(nn::loss::cross_entropy(&head.forward(h(last))?, &y)?)
    })
}
