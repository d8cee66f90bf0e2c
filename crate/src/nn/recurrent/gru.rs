use candle_core::Tensor;
use candlelight_kernels::recurrent::Cell;

use super::super::linear::summed;
use super::super::{Mode, Module};
use super::{RecurrentConfig, Stack, steps};
use crate::Result;
use crate::activation::{sigmoid, tanh};
use crate::params::Params;

/// A gated recurrent unit, or several layers of them.
///
/// ```text
/// r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)              reset gate
/// z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)              update gate
/// n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))   candidate
/// h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}
/// ```
///
/// Where z is near 1, the state and its gradient pass unchanged.
///
/// # Shapes
/// As [`Rnn`](super::Rnn), with the rows of the weights and biases in blocks r, z, n: `weight_ih_l{l}` [3 hidden, in],
/// `weight_hh_l{l}` [3 hidden, hidden].
///
/// # Deviations
/// From the paper, as PyTorch: the reset gate multiplies W_hn h + b_hn rather than h, and z and 1 - z are exchanged.
/// From PyTorch: as [`Rnn`](super::Rnn).
///
/// Cho et al. (2014), Learning phrase representations using RNN encoder–decoder, section 2.3; the equations as in
/// `torch.nn.GRU`.
#[derive(Debug, Clone)]
pub struct Gru(Stack);

/// A [`Gru`] of one layer with PyTorch's defaults.
///
/// # Errors
/// As [`Gru::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, gru}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = gru(3, 5, params.clone())?;
/// assert_eq!(params.get("weight_ih_l0")?.dims(), [15, 3]);
/// let x = Tensor::zeros((7, 2, 3), DType::F32, &Device::Cpu)?; // 7 steps, 2 samples
/// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [7, 2, 5]);
/// # Ok(()) }
/// ```
pub fn gru(input_size: usize, hidden_size: usize, params: Params) -> Result<Gru> {
    Gru::new(input_size, hidden_size, RecurrentConfig::default(), params)
}

impl Gru {
    /// Makes the parameters below the prefix of `params`, uniform on ±1/√hidden.
    ///
    /// `input_size`, `hidden_size`: at least 1.
    ///
    /// # Errors
    /// A size or a number of layers of 0, or a name that is taken.
    pub fn new(input_size: usize, hidden_size: usize, config: RecurrentConfig, params: Params) -> Result<Self> {
        Ok(Self(Stack::new(Cell::Gru, input_size, hidden_size, config, &params)?))
    }

    /// The outputs of all steps, and the states after the last, starting from `state` or from zeros. Detach the state
    /// to cut the gradient.
    ///
    /// # Errors
    /// If the shape or dtype of `x` or of `state` does not fit.
    pub fn forward_with_state(&self, x: &Tensor, state: Option<&Tensor>, mode: Mode) -> Result<(Tensor, Tensor)> {
        self.0.forward_one(x, "state of a GRU", state, mode)
    }
}

impl Module for Gru {
    /// The outputs of all steps, from a state of zeros.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.forward_with_state(x, None, mode)?.0)
    }
}

/// The steps of a layer in its composed form, as the backward pass needs them.
pub(super) struct Steps {
    /// b_hn, [1, hidden], if there are biases: the others are added to the products of the input.
    bias: Option<Tensor>,
    steps: Vec<Step>,
}

struct Step {
    /// r and z beside each other, [N, 2 hidden].
    gates: Tensor,
    /// These and the others are [N, hidden].
    r: Tensor,
    z: Tensor,
    n: Tensor,
    /// W_hn h_{t-1} + b_hn
    of_state: Tensor,
    /// h_{t-1}
    before: Tensor,
}

impl Steps {
    pub(super) fn new(bias: Option<Tensor>) -> Self {
        Self { bias, steps: Vec::new() }
    }
}

impl steps::Steps for Steps {
    fn step(&mut self, of_input: &Tensor, of_state: &Tensor, h: &Tensor) -> Result<Tensor> {
        let hidden = h.dim(1)?;
        let gates = sigmoid(&(of_input.narrow(1, 0, 2 * hidden)? + of_state.narrow(1, 0, 2 * hidden)?)?)?;
        let (r, z) = (gates.narrow(1, 0, hidden)?, gates.narrow(1, hidden, hidden)?);
        let mut of_state = of_state.narrow(1, 2 * hidden, hidden)?;
        if let Some(bias) = &self.bias {
            of_state = of_state.broadcast_add(bias)?;
        }
        let n = tanh(&(of_input.narrow(1, 2 * hidden, hidden)? + (&r * &of_state)?)?)?;
        let new = (((1.0 - &z)? * &n)? + (&z * h)?)?;
        self.steps.push(Step { gates, r, z, n, of_state, before: h.clone() });
        Ok(new)
    }

    fn back<'a>(&'a self, _: Option<Tensor>) -> Result<Box<dyn steps::Back + 'a>> {
        Ok(Box::new(Back { steps: self, of_states: Vec::new() }))
    }
}

/// The way back through [`Steps`].
struct Back<'a> {
    steps: &'a Steps,
    /// The gradients of W_hn h_{t-1} + b_hn, if there are biases.
    of_states: Vec<Tensor>,
}

impl steps::Back for Back<'_> {
    fn step(&mut self, t: usize, dh: &Tensor) -> Result<steps::Gradients> {
        let Step { gates, r, z, n, of_state, before } = &self.steps.steps[t];
        let dz = (dh * (before - n)?)?;
        let of_h = (dh * z)?;
        // σ' = σ - σ², tanh' = 1 - tanh²
        let dn = ((dh - &of_h)? * n.sqr()?.affine(-1.0, 1.0)?)?;
        let (dr, d_state) = ((&dn * of_state)?, (&dn * r)?);
        let d_gates = (Tensor::cat(&[dr, dz], 1)? * (gates - gates.sqr()?)?)?;
        if self.steps.bias.is_some() {
            self.of_states.push(d_state.clone());
        }
        Ok(steps::Gradients {
            of_input: Tensor::cat(&[&d_gates, &dn], 1)?,
            of_state: Tensor::cat(&[&d_gates, &d_state], 1)?,
            of_h: Some(of_h),
        })
    }

    fn start(&mut self) -> Result<Option<Tensor>> {
        match self.of_states.is_empty() {
            true => Ok(None),
            false => Ok(Some(summed(&Tensor::cat(&self.of_states, 0)?)?)),
        }
    }
}
