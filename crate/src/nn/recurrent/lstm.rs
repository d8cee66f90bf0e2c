use candle_core::Tensor;
use candlelight_base::range;
use candlelight_kernels::recurrent::Cell;

use super::super::{Mode, Module};
use super::{RecurrentConfig, Stack};
use crate::params::Params;
use crate::{Error, Result};

/// Long short-term memory, or several layers of it.
///
/// ```text
/// i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)        input gate
/// f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)        forget gate
/// g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)     candidate
/// o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)        output gate
/// c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t                       cell
/// h_t = o_t ⊙ tanh(c_t)                                 hidden state, the output
/// ```
///
/// Along the cell the gradient is multiplied by f only, not by a weight: where the forget gate is open it neither
/// vanishes nor explodes.
///
/// # Shapes
/// Input [T, N, in] (or [N, T, in], see [`RecurrentConfig::batch_first`]), output [T, N, directions · hidden]; both
/// states [layers · directions, N, hidden]: layer 0 forwards, layer 0 backwards, layer 1 forwards, …. Parameters as in
/// PyTorch, for layer l, with the rows in blocks i, f, g, o: `weight_ih_l{l}` [4 hidden, in], `weight_hh_l{l}` [4
/// hidden, hidden], `bias_ih_l{l}` and `bias_hh_l{l}` `[4 hidden]`, with `_reverse` appended for the backward
/// direction.
///
/// # Deviations from PyTorch
/// A batch is required: there is no input [T, in]. No projections (`proj_size`), and no packed sequences.
///
/// Hochreiter and Schmidhuber (1997), Long short-term memory, section 4; the forget gate is from Gers et al. (2000),
/// section 3. The equations as in `torch.nn.LSTM`.
#[derive(Debug, Clone)]
pub struct Lstm(Stack);

/// The two states of an [`Lstm`], each [layers · directions, N, hidden].
#[derive(Debug, Clone)]
pub struct LstmState {
    /// Hidden state.
    pub h: Tensor,
    /// Cell.
    pub c: Tensor,
}

/// A gate of an [`Lstm`], or its candidate, in PyTorch's order of the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LstmGate {
    /// i: how much of the candidate is written to the cell.
    Input,
    /// f: how much of the cell is kept.
    Forget,
    /// g: what may be written.
    Candidate,
    /// o: how much of the cell is shown.
    Output,
}

impl LstmState {
    /// The same numbers, through which no gradient flows back: truncates backpropagation through time.
    ///
    /// ```
    /// use candlelight::{nn::{Mode, lstm}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let layer = lstm(3, 5, Params::new(0, &Device::Cpu)?)?;
    /// let early = Var::ones((4, 2, 3), DType::F32, &Device::Cpu)?;
    /// let late = Tensor::ones((4, 2, 3), DType::F32, &Device::Cpu)?;
    /// let (_, state) = layer.forward_with_state(&early, None, Mode::Train)?;
    /// let (y, _) = layer.forward_with_state(&late, Some(&state), Mode::Train)?;
    /// assert!(y.sum_all()?.backward()?.get(&early).is_some());
    /// let (y, _) = layer.forward_with_state(&late, Some(&state.detach()), Mode::Train)?;
    /// assert!(y.sum_all()?.backward()?.get(&early).is_none());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn detach(&self) -> Self {
        Self { h: self.h.detach(), c: self.c.detach() }
    }
}

/// An [`Lstm`] of one layer with PyTorch's defaults.
///
/// # Errors
/// As [`Lstm::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, lstm}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = lstm(3, 5, params.clone())?;
/// assert_eq!(params.names(), ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]);
/// let x = Tensor::zeros((7, 2, 3), DType::F32, &Device::Cpu)?; // 7 steps, 2 samples
/// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [7, 2, 5]);
/// # Ok(()) }
/// ```
pub fn lstm(input_size: usize, hidden_size: usize, params: Params) -> Result<Lstm> {
    Lstm::new(input_size, hidden_size, RecurrentConfig::default(), params)
}

impl Lstm {
    /// Makes the parameters below the prefix of `params`, uniform on ±1/√hidden.
    ///
    /// `input_size`, `hidden_size`: at least 1.
    ///
    /// # Errors
    /// A size or a number of layers of 0, or a name that is taken.
    ///
    /// ```
    /// use candlelight::{nn::{Lstm, Mode, Module, RecurrentConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = RecurrentConfig { num_layers: 2, bidirectional: true, batch_first: true, ..RecurrentConfig::default() };
    /// let layer = Lstm::new(3, 5, config, Params::new(0, &Device::Cpu)?)?;
    /// let x = Tensor::zeros((2, 7, 3), DType::F32, &Device::Cpu)?; // 2 samples, 7 steps
    /// let (y, state) = layer.forward_with_state(&x, None, Mode::Train)?;
    /// assert_eq!((y.dims(), state.c.dims()), (&[2, 7, 10][..], &[4, 2, 5][..]));
    /// # Ok(()) }
    /// ```
    pub fn new(input_size: usize, hidden_size: usize, config: RecurrentConfig, params: Params) -> Result<Self> {
        Ok(Self(Stack::new(Cell::Lstm, input_size, hidden_size, config, &params)?))
    }

    /// Gives one gate of every layer and direction this bias: `bias_ih` is set to it in the rows of the gate, `bias_hh` to 0.
    ///
    /// PyTorch starts a forget gate near σ(0) = 0.5, which halves the cell and its gradient at every step. A bias of 1 is
    /// the usual cure (Jozefowicz et al., 2015, section 4.2: "1 or 2"). For memories of up to T steps, ln T for the
    /// forget gate and -ln T for the input gate (Tallec and Ollivier, 2018, "chrono initialization", section 2; there T is
    /// drawn for each unit).
    /// `bias`: finite.
    ///
    /// # Errors
    /// A bias that is not finite, or a layer made without biases.
    ///
    /// ```
    /// use candlelight::{nn::{LstmGate, lstm}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let params = Params::new(0, &Device::Cpu)?;
    /// let layer = lstm(3, 2, params.clone())?;
    /// layer.set_gate_bias(LstmGate::Forget, 1.)?;
    /// assert_eq!(params.get("bias_ih_l0")?.to_vec1::<f32>()?[2..4], [1., 1.]); // the second block of i, f, g, o
    /// assert_eq!(params.get("bias_hh_l0")?.to_vec1::<f32>()?[2..4], [0., 0.]);
    /// # Ok(()) }
    /// ```
    pub fn set_gate_bias(&self, gate: LstmGate, bias: f64) -> Result<()> {
        range::finite("bias", bias)?;
        let hidden = self.0.hidden_size;
        for weights in self.0.layers.iter().flatten() {
            let Some((ih, hh)) = &weights.bias else {
                return Err(Error::setting("layer", "made with biases", "one without"));
            };
            for (var, value) in [(ih, bias), (hh, 0.0)] {
                let old = var.as_detached_tensor();
                let (start, end) = (gate as usize * hidden, (gate as usize + 1) * hidden);
                let block = Tensor::full(value, hidden, old.device())?.to_dtype(old.dtype())?;
                let parts = [old.narrow(0, 0, start)?, block, old.narrow(0, end, 4 * hidden - end)?];
                let parts: Vec<&Tensor> = parts.iter().filter(|part| part.elem_count() > 0).collect();
                var.set(&Tensor::cat(&parts, 0)?)?;
            }
        }
        Ok(())
    }

    /// The outputs of all steps, and the states after the last, starting from `state` or from zeros.
    ///
    /// # Errors
    /// If the shape or dtype of `x` or of a state does not fit.
    pub fn forward_with_state(&self, x: &Tensor, state: Option<&LstmState>, mode: Mode) -> Result<(Tensor, LstmState)> {
        let initial = match state {
            Some(LstmState { h, c }) => vec![("state h of an LSTM", h), ("state c of an LSTM", c)],
            None => Vec::new(),
        };
        let (y, states) = self.0.forward(x, &initial, mode)?;
        match <[Tensor; 2]>::try_from(states) {
            Ok([h, c]) => Ok((y, LstmState { h, c })),
            Err(states) => Err(Error::shape("states of an LSTM", "two", &[states.len()])),
        }
    }
}

impl Module for Lstm {
    /// The outputs of all steps, from states of zeros.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.forward_with_state(x, None, mode)?.0)
    }
}
