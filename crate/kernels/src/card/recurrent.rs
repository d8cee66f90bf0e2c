//! One direction of a recurrent layer on a card: for each step a product and a kernel, which writes to its rows of arrays of all steps, so
//! that nothing has to be put together afterwards.

use candle_core::Tensor;
use candlelight_base::Result;

use super::on_card;
use crate::activation::Unary;
use crate::contiguous;
use crate::recurrent::Cell;

/// A direction that has run, with what its backward pass needs, apart from any graph.
pub struct Recurrent {
    cell: Cell,
    /// W_hh [gates · hidden, hidden].
    weight: Tensor,
    steps: usize,
    batch: usize,
    reverse: bool,
    /// h before and after each step, [(T + 1) · N, hidden], in the order of time.
    h: Tensor,
    /// The cells of an LSTM, likewise.
    cells: Option<Tensor>,
    /// What the cell keeps of each step, [T · N, 4 · hidden]; nothing where h is enough.
    kept: Option<Tensor>,
    /// b_hn of a GRU, [1, hidden], if there are biases.
    bias: Option<Tensor>,
}

impl Recurrent {
    /// Runs all steps, the last of the sequence first if `reverse`, from `of_inputs` = W_ih x + b [T · N, gates · hidden], W_hh `hh`, and
    /// `start`: h before the first step [N, hidden], and below it the cell of an LSTM, or b_hn of a GRU with biases. Where
    /// [`takes`](super::takes) takes these.
    pub fn run(
        cell: Cell,
        of_inputs: &Tensor,
        hh: &Tensor,
        start: &Tensor,
        batch: usize,
        reverse: bool,
    ) -> Result<Self> {
        let (of_inputs, weight, start) = (contiguous(&of_inputs.detach())?, hh.detach(), contiguous(&start.detach())?);
        let steps = of_inputs.dim(0)?.checked_div(batch).unwrap_or_default();
        let (hidden, below) = (hh.dim(1)?, start.dim(0)?.saturating_sub(batch));
        let states = |from: &Tensor| -> Result<Tensor> {
            let states = unwritten(from, (steps + 1) * batch, hidden)?;
            states.slice_set(from, 0, if reverse { steps * batch } else { 0 })?;
            Ok(states)
        };
        let h = states(&start.narrow(0, 0, batch)?)?;
        let beside = (below > 0).then(|| start.narrow(0, batch, below)).transpose()?;
        let (cells, bias) = match (cell, beside) {
            (Cell::Lstm, Some(start)) => (Some(states(&start)?), None),
            (_, bias) => (None, bias),
        };
        let keeps = !matches!(cell, Cell::Plain(_));
        let kept = keeps.then(|| unwritten(&h, steps * batch, 4 * hidden)).transpose()?;
        let way = Self { cell, weight, steps, batch, reverse, h, cells, kept, bias };
        let transposed = way.weight.t()?;
        for t in 0..steps {
            let (of_input, before) = (way.at(Some(&of_inputs), t)?, way.before(Some(&way.h), t)?);
            let of_state = before.as_ref().map(|h| h.matmul(&transposed)).transpose()?;
            let (h, kept) = (way.after(Some(&way.h), t)?, way.at(way.kept.as_ref(), t)?);
            let (cell, next) = (way.before(way.cells.as_ref(), t)?, way.after(way.cells.as_ref(), t)?);
            match way.cell {
                Cell::Plain(_) => way.launch("plain_step", &[of_input, of_state, h]),
                Cell::Gru => way.launch("gru_step", &[of_input, of_state, way.bias.clone(), before, h, kept]),
                Cell::Lstm => way.launch("lstm_step", &[of_input, of_state, cell, h, next, kept]),
            }?;
        }
        Ok(way)
    }

    /// The outputs [T · N, hidden], in the order of time.
    pub fn outputs(&self) -> Result<Tensor> {
        Ok(self.h.narrow(0, if self.reverse { 0 } else { self.batch }, self.steps * self.batch)?)
    }

    /// The cell after the last step, [N, hidden], of an LSTM.
    pub fn last_cell(&self) -> Result<Option<Tensor>> {
        self.after(self.cells.as_ref(), self.steps.saturating_sub(1))
    }

    /// The gradients of what [`Recurrent::run`] was given, that of W_hh if it is `wanted`, from that of the outputs and, of an LSTM, of its
    /// last cell below them.
    pub fn back(&self, dy: &Tensor, wanted: bool) -> Result<[Option<Tensor>; 3]> {
        let Self { cell, steps, batch, .. } = *self;
        let (dy, (gates, hidden)) = (contiguous(&dy.detach())?, self.weight.dims2()?);
        let of_inputs = unwritten(&dy, steps * batch, gates)?;
        // The same, but for the candidate of a GRU.
        let of_states = if cell == Cell::Gru { unwritten(&dy, steps * batch, gates)? } else { of_inputs.clone() };
        // Of the cell of an LSTM; or, of a GRU, what goes to h past W_hh.
        let beside = if matches!(cell, Cell::Plain(_)) { None } else { Some(unwritten(&dy, batch, hidden)?) };
        let last = (cell == Cell::Lstm).then(|| dy.narrow(0, steps * batch, batch)).transpose()?;
        let mut later = None;
        for t in (0..steps).rev() {
            let [dy, of_input, of_state] = [&dy, &of_inputs, &of_states].map(|all| self.at(Some(all), t));
            let (dy, of_input, of_state) = (dy?, of_input?, of_state?);
            let (kept, before, h) =
                (self.at(self.kept.as_ref(), t)?, self.before(Some(&self.h), t)?, self.after(Some(&self.h), t)?);
            let (cell, next) = (self.before(self.cells.as_ref(), t)?, self.after(self.cells.as_ref(), t)?);
            let of_next = if t + 1 == steps { last.clone() } else { beside.clone() };
            let of_sums = of_state.clone();
            match self.cell {
                Cell::Plain(_) => self.launch("plain_back", &[h, dy, later, of_sums]),
                Cell::Gru => self.launch("gru_back", &[kept, before, dy, later, beside.clone(), of_input, of_sums]),
                Cell::Lstm => {
                    self.launch("lstm_back", &[kept, cell, next, dy, later, of_next, beside.clone(), of_sums])
                }
            }?;
            later = of_state.map(|of_state| of_state.matmul(&self.weight)).transpose()?;
        }
        let states = self.h.narrow(0, if self.reverse { batch } else { 0 }, steps * batch)?;
        let of_weight = wanted.then(|| of_states.t()?.matmul(&states)).transpose()?;
        let of_start = match (later, beside) {
            (Some(of_h), Some(past)) if cell == Cell::Gru => {
                let of_h = (of_h + past)?;
                match &self.bias {
                    Some(_) => {
                        Some(Tensor::cat(&[of_h, column_sums(&of_states)?.narrow(1, gates - hidden, hidden)?], 0)?)
                    }
                    None => Some(of_h),
                }
            }
            (Some(of_h), Some(of_cell)) => Some(Tensor::cat(&[of_h, of_cell], 0)?),
            (of_h, _) => of_h,
        };
        Ok([Some(of_inputs), of_weight, of_start])
    }

    /// The rows of a step, the `t`th that is taken.
    fn at(&self, all: Option<&Tensor>, t: usize) -> Result<Option<Tensor>> {
        self.rows(all, if self.reverse { self.steps - 1 - t } else { t })
    }

    /// The states before a step.
    fn before(&self, states: Option<&Tensor>, t: usize) -> Result<Option<Tensor>> {
        self.rows(states, if self.reverse { self.steps - t } else { t })
    }

    /// The states after a step.
    fn after(&self, states: Option<&Tensor>, t: usize) -> Result<Option<Tensor>> {
        self.rows(states, if self.reverse { self.steps.saturating_sub(1 + t) } else { t + 1 })
    }

    fn rows(&self, all: Option<&Tensor>, time: usize) -> Result<Option<Tensor>> {
        Ok(all.map(|all| all.narrow(0, time * self.batch, self.batch)).transpose()?)
    }

    fn launch(&self, name: &str, arrays: &[Option<Tensor>]) -> Result<()> {
        let relu = match self.cell {
            Cell::Plain(unary) => Some(unary == Unary::Relu),
            _ => None,
        };
        let sizes = (self.batch, self.weight.dim(1)?);
        on_card!(recurrent::launch_step(name, &self.h, sizes, relu, arrays))
    }
}

/// A matrix on the card of `like` that kernels are to write, each row before it is read.
fn unwritten(like: &Tensor, rows: usize, width: usize) -> Result<Tensor> {
    on_card!(recurrent::unwritten(like, rows, width))
}

/// The sum of each column, [1, width], as a product.
fn column_sums(x: &Tensor) -> Result<Tensor> {
    Ok(Tensor::ones((1, x.dim(0)?), x.dtype(), x.device())?.matmul(x)?)
}
