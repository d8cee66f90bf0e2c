//! Recurrent layers: [`Rnn`], [`Gru`], [`Lstm`]. Each file shows one step as the textbook has it; what they share is here.

mod composed;
mod gru;
mod lstm;
mod lstm_steps;
mod rnn;
mod steps;

use candle_core::{Tensor, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;
use candlelight_kernels::recurrent::Cell;

use super::summary::record;
use super::{Dropout, Mode, Module, dropout};
use crate::init::Init;
use crate::params::Params;
use crate::{Error, Result, memory};

pub use gru::{Gru, gru};
pub use lstm::{Lstm, LstmGate, LstmState, lstm};
pub use rnn::{Rnn, RnnConfig, RnnNonlinearity, rnn};

/// Settings of an [`Rnn`], a [`Gru`] or an [`Lstm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecurrentConfig {
    /// Layers, each on the outputs of the one below; at least 1, default 1.
    pub num_layers: usize,
    /// Whether biases are added; default true.
    pub bias: bool,
    /// Whether sequences are [N, T, features] rather than PyTorch's default [T, N, features]; default false. States are
    /// [layers · directions, N, hidden] either way, as in PyTorch.
    pub batch_first: bool,
    /// The probability to drop a number on its way from one layer to the next, in training, by a [`Dropout`] with the
    /// stream `dropout.mask`; in [0, 1], default 0. It does nothing to a single layer.
    pub dropout: f64,
    /// Whether each layer also runs from the last step to the first; its outputs are then twice as long: forwards,
    /// backwards. Default false.
    pub bidirectional: bool,
}

impl Default for RecurrentConfig {
    fn default() -> Self {
        Self { num_layers: 1, bias: true, batch_first: false, dropout: 0.0, bidirectional: false }
    }
}

/// The parameters of one direction of one layer.
#[derive(Debug, Clone)]
struct Weights {
    ih: Var,
    hh: Var,
    bias: Option<(Var, Var)>,
}

impl Weights {
    fn new((inputs, hidden, blocks): (usize, usize, usize), suffix: &str, bias: bool, params: &Params) -> Result<Self> {
        // PyTorch starts all parameters of a recurrent layer on ±1/√hidden, whatever their shape.
        let init = Init::TorchLinear { fan_in: hidden };
        let rows = blocks * hidden;
        let ih = params.var(&format!("weight_ih_{suffix}"), (rows, inputs), init)?;
        let hh = params.var(&format!("weight_hh_{suffix}"), (rows, hidden), init)?;
        let bias = match bias {
            true => Some((
                params.var(&format!("bias_ih_{suffix}"), rows, init)?,
                params.var(&format!("bias_hh_{suffix}"), rows, init)?,
            )),
            false => None,
        };
        Ok(Self { ih, hh, bias })
    }

    fn all(&self) -> Vec<&Tensor> {
        let bias = self.bias.iter().flat_map(|(ih, hh)| [ih, hh]);
        [&self.ih, &self.hh].into_iter().chain(bias).map(|var| var.as_tensor()).collect()
    }
}

/// The layers of a recurrent network, whatever its step is.
#[derive(Debug, Clone)]
struct Stack {
    cell: Cell,
    input_size: usize,
    hidden_size: usize,
    config: RecurrentConfig,
    /// Between layers.
    dropout: Option<Dropout>,
    /// Of each layer, of each direction.
    layers: Vec<Vec<Weights>>,
}

impl Stack {
    fn new(
        cell: Cell,
        input_size: usize,
        hidden_size: usize,
        config: RecurrentConfig,
        params: &Params,
    ) -> Result<Self> {
        for (name, size) in
            [("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", config.num_layers)]
        {
            range::at_least_one(name, size)?;
        }
        range::share("dropout", config.dropout)?;
        let blocks = match cell {
            Cell::Plain(_) => 1,
            Cell::Gru => 3,
            Cell::Lstm => 4,
        };
        let suffixes: &[&str] = if config.bidirectional { &["", "_reverse"] } else { &[""] };
        let layer = |l: usize| {
            let inputs = if l == 0 { input_size } else { hidden_size * suffixes.len() };
            let direction = |suffix: &&str| {
                Weights::new((inputs, hidden_size, blocks), &format!("l{l}{suffix}"), config.bias, params)
            };
            suffixes.iter().map(direction).collect()
        };
        let layers = (0..config.num_layers).map(layer).collect::<Result<_>>()?;
        let dropout = match config.num_layers > 1 && config.dropout > 0.0 {
            true => Some(dropout(config.dropout, params.pp("dropout"))?),
            false => None,
        };
        Ok(Self { cell, input_size, hidden_size, config, dropout, layers })
    }

    fn directions(&self) -> usize {
        if self.config.bidirectional { 2 } else { 1 }
    }

    /// The outputs of the last layer, and the final states of all.
    fn forward(&self, x: &Tensor, initial: &[(&'static str, &Tensor)], mode: Mode) -> Result<(Tensor, Vec<Tensor>)> {
        self.check(x, initial)?;
        let directions = self.directions();
        let outputs = [&x.dims()[..2], &[directions * self.hidden_size]].concat();
        memory::check("input of a recurrent layer", &outputs, x.dtype().size_in_bytes())?;
        if x.elem_count() == 0 {
            return self.of_nothing(x, initial);
        }
        let (mut y, mut finals) = (x.clone(), Vec::new());
        for (l, layer) in self.layers.iter().enumerate() {
            if let Some(dropout) = self.dropout.as_ref().filter(|_| l > 0) {
                y = dropout.forward(&y, mode)?;
            }
            let of_layer = |(_, state): &(_, &Tensor)| match self.layers.len() {
                1 => Ok((*state).clone()),
                _ => Ok(state.narrow(0, l * directions, directions)?),
            };
            let initial: Vec<Tensor> = initial.iter().map(of_layer).collect::<Result<_>>()?;
            let weights: Vec<Vec<&Tensor>> = layer.iter().map(Weights::all).collect();
            let operands: Vec<&Tensor> =
                [&y].into_iter().chain(&initial).chain(weights.iter().flatten().copied()).collect();
            let mut results = match kernels::can_take(&operands) {
                true => kernels::recurrent::layer(self.cell, &y, &initial, &weights, self.config.batch_first)?,
                false => composed::layer(self.cell, &y, &initial, layer, self.config.batch_first)?,
            };
            y = results.remove(0);
            finals.push(results);
        }
        let kind = match self.cell {
            Cell::Plain(_) => "rnn",
            Cell::Gru => "gru",
            Cell::Lstm => "lstm",
        };
        let matrices = self.layers.iter().flatten().flat_map(|weights| [&weights.ih, &weights.hh]);
        let steps = x.elem_count() / self.input_size;
        let parameters = self.layers.iter().flatten().flat_map(Weights::all);
        record(kind, parameters, &y, steps * matrices.map(|matrix| matrix.elem_count()).sum::<usize>());
        let states = finals[0].len();
        let of_all = |s: usize| {
            let of_layers: Vec<&Tensor> = finals.iter().map(|states| &states[s]).collect();
            match of_layers[..] {
                [only] => Ok(only.clone()),
                _ => Ok(Tensor::cat(&of_layers, 0)?),
            }
        };
        let states = (0..states).map(of_all).collect::<Result<_>>()?;
        Ok((y, states))
    }

    /// [`Stack::forward`] of an empty batch.
    fn of_nothing(&self, x: &Tensor, initial: &[(&'static str, &Tensor)]) -> Result<(Tensor, Vec<Tensor>)> {
        let directions = self.directions();
        let operands = || {
            let weights = self.layers.iter().flatten().flat_map(Weights::all);
            [x].into_iter().chain(initial.iter().map(|(_, state)| *state)).chain(weights)
        };
        let y = kernels::empty([&x.dims()[..2], &[directions * self.hidden_size]].concat(), operands())?;
        let state = kernels::empty((self.layers.len() * directions, 0, self.hidden_size), operands())?;
        let states = if self.cell == Cell::Lstm { 2 } else { 1 };
        Ok((y, vec![state; states]))
    }

    /// [`Stack::forward`] of a layer with one state.
    fn forward_one(
        &self,
        x: &Tensor,
        what: &'static str,
        state: Option<&Tensor>,
        mode: Mode,
    ) -> Result<(Tensor, Tensor)> {
        let initial: Vec<_> = state.map(|state| (what, state)).into_iter().collect();
        let (y, mut states) = self.forward(x, &initial, mode)?;
        Ok((y, states.swap_remove(0)))
    }

    fn check(&self, x: &Tensor, initial: &[(&'static str, &Tensor)]) -> Result<()> {
        let Self { input_size, hidden_size, .. } = *self;
        let refuse = |expected| Err(Error::shape("input of a recurrent layer", expected, x.dims()));
        let batch = match (x.dims(), self.config.batch_first) {
            (&[batch, steps, inputs], true) | (&[steps, batch, inputs], false) if steps > 0 && inputs == input_size => {
                batch
            }
            (_, true) => return refuse(format!("[N, T, {input_size}] with T ≥ 1")),
            (_, false) => return refuse(format!("[T, N, {input_size}] with T ≥ 1")),
        };
        let dtype = self.layers[0][0].ih.dtype();
        if x.dtype() != dtype {
            let expected = "that of its weights";
            return Err(Error::DType { what: "input of a recurrent layer", expected, actual: x.dtype() });
        }
        let expected = [self.layers.len() * self.directions(), batch, hidden_size];
        for &(what, state) in initial {
            if state.dims() != expected {
                return Err(Error::shape(what, format!("{expected:?}"), state.dims()));
            }
            if state.dtype() != dtype {
                return Err(Error::DType { what, expected: "that of the weights", actual: state.dtype() });
            }
        }
        Ok(())
    }
}
