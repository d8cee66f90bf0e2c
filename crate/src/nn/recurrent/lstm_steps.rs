//! The steps of an LSTM, composed of tensor operations.

use candle_core::Tensor;

use super::lstm::LstmGate;
use super::steps;
use crate::Result;
use crate::activation::{sigmoid, tanh};

/// The steps of a layer in its composed form, as the backward pass needs them: each tensor [N, hidden].
#[derive(Default)]
pub(super) struct Steps {
    /// σ of all blocks, [N, 4 hidden]: that of the candidate is not used, but to leave it out would take a cut.
    gates: Vec<Tensor>,
    /// i, f and g.
    parts: Vec<[Tensor; 3]>,
    /// c, from before the first step on.
    cells: Vec<Tensor>,
    /// tanh(c)
    shown: Vec<Tensor>,
}

impl Steps {
    /// From the cell before the first step.
    pub(super) fn new(cell: Tensor) -> Self {
        Self { cells: vec![cell], ..Self::default() }
    }
}

impl steps::Steps for Steps {
    fn step(&mut self, of_input: &Tensor, of_state: &Tensor, h: &Tensor) -> Result<Tensor> {
        let (sums, hidden) = ((of_input + of_state)?, h.dim(1)?);
        let gates = sigmoid(&sums)?;
        let block = |of: &Tensor, gate: LstmGate| of.narrow(1, gate as usize * hidden, hidden);
        let (i, f) = (block(&gates, LstmGate::Input)?, block(&gates, LstmGate::Forget)?);
        let g = tanh(&block(&sums, LstmGate::Candidate)?)?;
        let c = ((&f * &self.cells[self.cells.len() - 1])? + (&i * &g)?)?;
        let shown = tanh(&c)?;
        let h = (block(&gates, LstmGate::Output)? * &shown)?;
        self.gates.push(gates);
        self.parts.push([i, f, g]);
        self.cells.push(c);
        self.shown.push(shown);
        Ok(h)
    }

    fn beside(&self) -> Option<&Tensor> {
        self.cells.last()
    }

    fn back<'a>(&'a self, cell: Option<Tensor>) -> Result<Box<dyn steps::Back + 'a>> {
        let (gates, shown) = (Tensor::cat(&self.gates, 0)?, Tensor::cat(&self.shown, 0)?);
        let g = Tensor::cat(&self.parts.iter().map(|[_, _, g]| g).collect::<Vec<_>>(), 0)?;
        let hidden = g.dim(1)?;
        // σ' = σ - σ², tanh' = 1 - tanh², for all steps at once.
        let of_gates = (&gates - gates.sqr()?)?;
        let block = |start: LstmGate, blocks: usize| of_gates.narrow(1, start as usize * hidden, blocks * hidden);
        let of_g = g.sqr()?.affine(-1.0, 1.0)?;
        let slopes = Tensor::cat(&[&block(LstmGate::Input, 2)?, &of_g, &block(LstmGate::Output, 1)?], 1)?;
        let o = gates.narrow(1, LstmGate::Output as usize * hidden, hidden)?;
        let of_cell = (shown.sqr()?.affine(-1.0, 1.0)? * o)?;
        Ok(Box::new(Back { steps: self, cell, slopes, of_cell }))
    }
}

/// The way back through [`Steps`].
struct Back<'a> {
    steps: &'a Steps,
    /// ∂L/∂c, as far as it comes from later steps.
    cell: Option<Tensor>,
    /// The derivatives of the gates and the candidate, [T · N, 4 hidden].
    slopes: Tensor,
    /// ∂h/∂c, [T · N, hidden].
    of_cell: Tensor,
}

impl steps::Back for Back<'_> {
    fn step(&mut self, t: usize, dh: &Tensor) -> Result<steps::Gradients> {
        let Steps { parts, cells, shown, .. } = self.steps;
        let ([i, f, g], n) = (&parts[t], dh.dim(0)?);
        let of_h = (dh * self.of_cell.narrow(0, t * n, n)?)?;
        let dc = match &self.cell {
            Some(later) => (later + of_h)?,
            None => of_h,
        };
        let (di, df, dg, d_o) = ((&dc * g)?, (&dc * &cells[t])?, (&dc * i)?, (dh * &shown[t])?);
        let of_sums = (Tensor::cat(&[di, df, dg, d_o], 1)? * self.slopes.narrow(0, t * n, n)?)?;
        self.cell = Some((dc * f)?);
        Ok(steps::Gradients { of_input: of_sums.clone(), of_state: of_sums, of_h: None })
    }

    fn start(&mut self) -> Result<Option<Tensor>> {
        Ok(self.cell.take())
    }
}
