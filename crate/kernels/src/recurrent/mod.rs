//! A whole sequence through one recurrent layer, in one or both directions.
//!
//! At every step a recurrence is a small product, gates × hidden, and some element-wise work. The batch is cut into
//! pieces, and a piece runs through all steps on one thread, forwards and backwards: no thread waits for another
//! between steps. The backward pass stores the gradients of all steps' sums, so that the gradients of the weights are
//! one large product each.

mod backward;
mod forward;
mod gates;
mod gru;
mod lstm;
mod plain;
mod weights;

use candle_core::{Shape, Tensor};
use candlelight_base::{Error, Result};

use super::activation::Unary;
use super::values::map2;
use super::{Real, contiguous, for_dtype, values};
use crate::autograd::{Grads, apply};
use backward::{Outputs, Upstream};
use forward::Initial;
use gates::Gates;

/// The kinds of layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// h' = f(sums), f being tanh or ReLU.
    Plain(Unary),
    /// Reset and update gate, candidate.
    Gru,
    /// Input, forget and output gate, candidate.
    Lstm,
}

/// One layer of sequences `x`, [T, N, in] or with the batch first, from the initial states, [directions, N, hidden]
/// each (h, and c of an LSTM), or from zeros if there are none. `weights` of each direction: W_ih, W_hh and, unless
/// there are none, b_ih and b_hh.
///
/// Gives the outputs [T, N, directions · hidden] and the final states.
pub fn layer(
    cell: Cell,
    x: &Tensor,
    initial: &[Tensor],
    weights: &[Vec<&Tensor>],
    batch_first: bool,
) -> Result<Vec<Tensor>> {
    for_dtype!(x.dtype(), T => match cell {
        Cell::Plain(unary) => run::<T, _>(plain::Plain(unary), x, initial, weights, batch_first),
        Cell::Gru => run::<T, _>(gru::Gru, x, initial, weights, batch_first),
        Cell::Lstm => run::<T, _>(lstm::Lstm, x, initial, weights, batch_first),
    })
}

#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    inputs: usize,
    hidden: usize,
    directions: usize,
    batch_first: bool,
}

impl Sizes {
    /// Rows of all matrices of sequences: one for each step of each sample.
    fn rows(&self) -> usize {
        self.steps * self.batch
    }

    /// The row of a step of a sample.
    fn row(&self, step: usize, sample: usize) -> usize {
        if self.batch_first { sample * self.steps + step } else { step * self.batch + sample }
    }

    /// The step that a direction takes as its `i`-th.
    fn step(&self, direction: usize, i: usize) -> usize {
        if direction == 0 { i } else { self.steps - 1 - i }
    }

    /// Samples of a piece of the batch, but the last: at most 16, and an even number of pieces unless the batch is small.
    fn length(&self) -> usize {
        if self.batch < 8 { self.batch } else { self.batch.div_ceil(self.batch.div_ceil(32) * 2) }
    }

    fn pieces(&self) -> usize {
        self.batch.div_ceil(self.length())
    }

    /// Direction, first sample and number of samples of a task; there is one for each piece and direction.
    fn piece(&self, task: usize) -> (usize, usize, usize) {
        let first = task % self.pieces() * self.length();
        (task / self.pieces(), first, self.length().min(self.batch - first))
    }

    fn tasks(&self) -> usize {
        self.directions * self.pieces()
    }
}

/// The parameters of a direction.
struct Weights<'a, T> {
    ih: &'a [T],
    hh: &'a [T],
    /// Both biases, as they go into the sums.
    bias: Vec<T>,
}

/// A vector whose disjoint parts are written by several tasks.
#[derive(Clone, Copy)]
struct Parts<T>(*mut T, usize);

// SAFETY: `get` is only called for parts that no other task uses meanwhile.
unsafe impl<T: Send> Sync for Parts<T> {}

impl<T> Parts<T> {
    fn new(all: &mut [T]) -> Self {
        Self(all.as_mut_ptr(), all.len())
    }

    /// # Safety
    /// The vector is still there, and nobody else writes to this part, or reads it if it is written to, as long as the
    /// slice is used.
    #[inline(always)]
    unsafe fn get<'a>(self, start: usize, length: usize) -> &'a mut [T] {
        assert!(start <= self.1 && length <= self.1 - start, "a part outside its vector");
        // SAFETY: inside, as asserted; the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

fn run<T: Real, G: Gates>(
    gates: G,
    x: &Tensor,
    initial: &[Tensor],
    weights: &[Vec<&Tensor>],
    batch_first: bool,
) -> Result<Vec<Tensor>> {
    let (first, second, inputs) = x.dims3()?;
    let (steps, batch) = if batch_first { (second, first) } else { (first, second) };
    let hidden = weights[0][1].dim(1)?;
    let sizes = Sizes { steps, batch, inputs, hidden, directions: weights.len(), batch_first };

    let operands: Vec<&Tensor> = std::iter::once(x).chain(initial).chain(weights.iter().flatten().copied()).collect();
    let keep = crate::autograd::is_tracked(&operands);
    let done = {
        let operands: Vec<Tensor> = operands.iter().map(|t| contiguous(t)).collect::<Result<_>>()?;
        let operands = operands.iter().map(values::<T>).collect::<Result<Vec<_>>>()?;
        let (states, weights) = operands[1..].split_at(initial.len());
        let per_direction = weights.len() / sizes.directions;
        let weights: Vec<Weights<T>> = weights
            .chunks_exact(per_direction)
            .map(|w| Weights {
                ih: &w[0],
                hh: &w[1],
                bias: gates::joined_bias::<T, G>(hidden, w.get(2).zip(w.get(3)).map(|(ih, hh)| (&**ih, &**hh))),
            })
            .collect();
        let initial = Initial { h: states.first().map(|h| &**h), c: states.get(1).map(|c| &**c) };
        forward::forward(gates, sizes, &operands[0], initial, &weights, keep)
    };
    let outputs = match batch_first {
        true => (batch, steps, sizes.directions * hidden),
        false => (steps, batch, sizes.directions * hidden),
    };
    let state = Shape::from((sizes.directions, batch, hidden));
    let mut results = vec![(done.y, outputs.into()), (done.h, state.clone())];
    if G::MEMORY {
        results.push((done.c, state));
    }
    let (states, kept) = (initial.len(), done.kept);
    apply("recurrent", &operands, results, move |op| gradients::<T, G>(gates, sizes, states, &kept, op))
}

fn gradients<T: Real, G: Gates>(
    gates: G,
    sizes: Sizes,
    states: usize,
    kept: &[Vec<T>],
    op: Grads,
) -> Result<Vec<Option<Tensor>>> {
    let Sizes { hidden, directions, .. } = sizes;
    let all: Vec<Tensor> = op.inputs.iter().map(contiguous).collect::<Result<_>>()?;
    let all = all.iter().map(values::<T>).collect::<Result<Vec<_>>>()?;
    let y = contiguous(&op.outputs[0])?;
    let y = values::<T>(&y)?;
    let grads: Vec<Option<Tensor>> =
        op.grads.iter().map(|grad| grad.as_ref().map(contiguous).transpose()).collect::<Result<_>>()?;
    let grads = grads.iter().map(|grad| grad.as_ref().map(values::<T>).transpose()).collect::<Result<Vec<_>>>()?;
    let upstream = |i: usize| grads.get(i).and_then(|grad| grad.as_deref());
    let upstream = Upstream { y: upstream(0), h: upstream(1), c: upstream(2) };

    let (x, first_weight) = (&all[0], 1 + states);
    let per_direction = (all.len() - first_weight) / directions;
    let initial =
        Initial { h: all[1..first_weight].first().map(|h| &**h), c: all[1..first_weight].get(1).map(|c| &**c) };
    let weight = |d: usize, i: usize| first_weight + d * per_direction + i;
    let weights: Vec<(&[T], &[T])> = (0..directions).map(|d| (&*all[weight(d, 0)], &*all[weight(d, 1)])).collect();
    let outputs = Outputs { sizes, y: &y, initial: initial.h, zeros: vec![T::ZERO; hidden] };
    let need = (op.needs[0], (0..directions).any(|d| op.needs[weight(d, 0)] || op.needs[weight(d, 1)]));
    let done = backward::backward(gates, &outputs, kept, initial.c, &weights, upstream, need);

    let mut results: Vec<Option<Vec<T>>> = vec![None; all.len()];
    results[0] = done.dx.into_iter().reduce(|one, other| {
        map2(
            &one,
            &other,
            #[inline(always)]
            |a, b| a + b,
        )
    });
    for (d, dsums) in done.dsums.iter().enumerate() {
        let at = weight(d, 0);
        if op.needs[at] || op.needs[at + 1] {
            let (ih, hh) = weights::gradients::<T, G>(sizes, d, dsums, x, &outputs);
            results[at] = Some(ih);
            results[at + 1] = Some(hh);
        }
        if per_direction == 4 {
            let (ih, hh) = gates::split_bias::<T, G>(hidden, &done.bias[d]);
            results[at + 2] = Some(ih);
            results[at + 3] = Some(hh);
        }
    }
    if states > 0 {
        results[1] = Some(done.h);
    }
    if states > 1 {
        results[2] = Some(done.c);
    }
    let tensor = |((data, like), need): ((Option<Vec<T>>, &Tensor), &bool)| match data.filter(|_| *need) {
        Some(data) => Ok(Some(Tensor::from_vec(data, like.shape(), like.device())?)),
        None => Ok::<_, Error>(None),
    };
    results.into_iter().zip(op.inputs).zip(op.needs).map(tensor).collect()
}
