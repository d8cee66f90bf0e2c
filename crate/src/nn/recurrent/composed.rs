//! Recurrent layers made of Candle's operations: the reference, and what other devices run.
//!
//! What does not depend on the state is done for all steps at once: the products of the input, biases included, before the
//! loop, and the gradient of W_hh after the loop back. A step in the loop is one product, W_hh h_{t-1}, and what its cell makes
//! of it.

use candle_core::{D, Tensor};
use candlelight_kernels::autograd::with_backward;
use candlelight_kernels::card::{self, Recurrent};
use candlelight_kernels::recurrent::Cell;

use super::steps::{Gradients, Steps};
use super::{Weights, gru, lstm_steps, rnn};
use crate::nn::linear;
use crate::{Error, Result};

/// The outputs of a layer, and its final states, [directions, N, hidden] each.
pub(super) fn layer(
    cell: Cell,
    x: &Tensor,
    initial: &[Tensor],
    weights: &[Weights],
    batch_first: bool,
) -> Result<Vec<Tensor>> {
    let x = if batch_first { swapped(x)? } else { x.clone() };
    let (mut outputs, mut finals) = (Vec::new(), vec![Vec::new(); if cell == Cell::Lstm { 2 } else { 1 }]);
    for (d, weights) in weights.iter().enumerate() {
        let start = initial.iter().map(|state| state.get(d)).collect::<candle_core::Result<Vec<_>>>()?;
        let mut states = direction(cell, &x, &start, weights, d == 1)?;
        let y = states.remove(0);
        outputs.push(if batch_first { swapped(&y)? } else { y });
        for (all, state) in finals.iter_mut().zip(states) {
            all.push(state);
        }
    }
    let mut results = vec![Tensor::cat(&outputs, D::Minus1)?];
    for states in finals {
        results.push(Tensor::stack(&states, 0)?);
    }
    Ok(results)
}

/// x [A, B, C] as [B, A, C].
fn swapped(x: &Tensor) -> Result<Tensor> {
    if !card::takes(x) {
        return Ok(x.transpose(0, 1)?.contiguous()?);
    }
    let (a, b, c) = x.dims3()?;
    with_backward("transpose", &[x], card::swap(x, None)?, (b, a, c), |dy, _| {
        Ok(vec![Some(card::swap(dy, None)?.into_tensor())])
    })
}

/// The outputs [T, N, hidden] of one direction, and its final states [N, hidden].
fn direction(cell: Cell, x: &Tensor, initial: &[Tensor], weights: &Weights, reverse: bool) -> Result<Vec<Tensor>> {
    let (steps, batch, inputs) = x.dims3()?;
    let hidden = weights.hh.dim(1)?;
    let zeros = || Tensor::zeros((batch, hidden), x.dtype(), x.device());
    let state = |s: usize| initial.get(s).map_or_else(zeros, |state| Ok(state.clone()));
    let (bias, of_candidate) = biases(cell, weights, hidden)?;
    let of_inputs = linear::composed(&x.reshape((steps * batch, inputs))?, &weights.ih, bias.as_ref())?;
    // Candle's operations take three inputs: what there is beside h at the start is put below it.
    let beside = if cell == Cell::Lstm { Some(state(1)?) } else { of_candidate };
    let start = Tensor::cat(&[Some(state(0)?), beside].into_iter().flatten().collect::<Vec<_>>(), 0)?;
    let y = run(cell, &of_inputs, &weights.hh, &start, batch, reverse)?;

    let rows = steps * batch;
    let last = if reverse { 0 } else { rows - batch };
    let outputs = if cell == Cell::Lstm { y.narrow(0, 0, rows)? } else { y.clone() };
    let mut results = vec![outputs.reshape((steps, batch, hidden))?, y.narrow(0, last, batch)?];
    if cell == Cell::Lstm {
        results.push(y.narrow(0, rows, batch)?);
    }
    Ok(results)
}

/// The bias of the products of the input, and b_hn of a GRU, which is inside a product with the reset gate.
fn biases(cell: Cell, weights: &Weights, hidden: usize) -> Result<(Option<Tensor>, Option<Tensor>)> {
    let Some((ih, hh)) = &weights.bias else { return Ok((None, None)) };
    if cell != Cell::Gru {
        return Ok((Some((ih.as_tensor() + hh.as_tensor())?), None));
    }
    let of_gates = hh.narrow(0, 0, 2 * hidden)?.pad_with_zeros(0, 0, hidden)?;
    let of_candidate = hh.narrow(0, 2 * hidden, hidden)?.reshape((1, hidden))?;
    Ok((Some((ih.as_tensor() + of_gates)?), Some(of_candidate)))
}

/// All outputs, [T · N, hidden], with the final state beside h below them.
fn run(cell: Cell, of_inputs: &Tensor, hh: &Tensor, start: &Tensor, batch: usize, reverse: bool) -> Result<Tensor> {
    if card::takes(start) {
        return on_card(cell, of_inputs, hh, start, batch, reverse);
    }
    let (inputs, weight, from) = (of_inputs.detach(), hh.detach(), start.detach());
    let steps = inputs.dim(0)? / batch;
    let time = move |t: usize| batch * if reverse { steps - 1 - t } else { t };
    let below = from.dim(0)? - batch;
    let beside = if below > 0 { Some(from.narrow(0, batch, below)?) } else { None };
    let mut way: Box<dyn Steps> = match (cell, beside) {
        (Cell::Plain(unary), _) => Box::new(rnn::Steps::new(unary)),
        (Cell::Gru, bias) => Box::new(gru::Steps::new(bias)),
        (Cell::Lstm, cell) => Box::new(lstm_steps::Steps::new(cell.unwrap_or_else(|| from.clone()))),
    };
    let transposed = weight.t()?;
    // h from before the first step on.
    let mut states = vec![from.narrow(0, 0, batch)?];
    for t in 0..steps {
        let h = &states[t];
        states.push(way.step(&inputs.narrow(0, time(t), batch)?, &h.matmul(&transposed)?, h)?);
    }
    let mut outputs = states.split_off(1);
    states.extend_from_slice(&outputs[..steps - 1]);
    if reverse {
        outputs.reverse();
    }
    let beside = way.beside().cloned();
    let has_beside = beside.is_some();
    let y = Tensor::cat(&outputs.into_iter().chain(beside).collect::<Vec<_>>(), 0)?;
    with_backward("recurrent", &[of_inputs, hh, start], &y, y.shape(), move |dy, needs| {
        let beside = has_beside.then(|| dy.narrow(0, steps * batch, batch)).transpose()?;
        let mut back = way.back(beside)?;
        let (mut of_inputs, mut of_states, mut later) = (Vec::new(), Vec::new(), None);
        for t in (0..steps).rev() {
            let of_y = dy.narrow(0, time(t), batch)?;
            let dh = later.map_or_else(|| Ok(of_y.clone()), |later: Tensor| &of_y + later)?;
            let Gradients { of_input, of_state, of_h } = back.step(t, &dh)?;
            let through = of_state.matmul(&weight)?;
            later = Some(of_h.map_or_else(|| Ok(through.clone()), |of_h| &through + of_h)?);
            of_inputs.push(of_input);
            of_states.push(of_state);
        }
        of_states.reverse();
        if !reverse {
            of_inputs.reverse();
        }
        let of_weight = || Ok::<_, Error>(Tensor::cat(&of_states, 0)?.t()?.matmul(&Tensor::cat(&states, 0)?)?);
        let of_weight = needs[1].then(of_weight).transpose()?;
        let of_start = Tensor::cat(&later.into_iter().chain(back.start()?).collect::<Vec<_>>(), 0)?;
        Ok(vec![Some(Tensor::cat(&of_inputs, 0)?), of_weight, Some(of_start)])
    })
}

/// The same by a card's kernels.
fn on_card(cell: Cell, of_inputs: &Tensor, hh: &Tensor, start: &Tensor, batch: usize, reverse: bool) -> Result<Tensor> {
    let way = Recurrent::run(cell, of_inputs, hh, start, batch, reverse)?;
    let y = match way.last_cell()? {
        Some(cell) => Tensor::cat(&[way.outputs()?, cell], 0)?,
        None => way.outputs()?,
    };
    with_backward("recurrent", &[of_inputs, hh, start], &y, y.shape(), move |dy, needs| {
        Ok(way.back(dy, needs[1])?.into())
    })
}
