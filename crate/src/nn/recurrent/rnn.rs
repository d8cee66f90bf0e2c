use candle_core::Tensor;
use candlelight_kernels::activation::Unary;
use candlelight_kernels::recurrent::Cell;

use super::super::{Mode, Module};
use super::{RecurrentConfig, Stack, steps};
use crate::params::Params;
use crate::{Result, activation};

/// The activation of an [`Rnn`]; PyTorch's `nonlinearity`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RnnNonlinearity {
    /// Hyperbolic tangent, PyTorch's default.
    #[default]
    Tanh,
    /// max(x, 0).
    Relu,
}

/// Settings of an [`Rnn`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RnnConfig {
    /// f, the activation; default tanh.
    pub nonlinearity: RnnNonlinearity,
    /// The settings that it shares with the other recurrent layers; default theirs.
    pub recurrent: RecurrentConfig,
}

/// A vanilla (Elman) recurrent layer, or several one above the other.
///
/// ```text
/// h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)        f = tanh or ReLU
/// ```
///
/// The gradient of h_t with respect to h_{t-k} is a product of k factors diag(f') W_hh: it vanishes or explodes with k
/// (Pascanu et al., 2013, section 2.1). To cut it, go on from a detached state (truncated backpropagation through
/// time).
///
/// # Shapes
/// Input [T, N, in] (or [N, T, in], see [`RecurrentConfig::batch_first`]), output [T, N, directions · hidden], state
/// [layers · directions, N, hidden]: layer 0 forwards, layer 0 backwards, layer 1 forwards, …. Parameters as in
/// PyTorch, for layer l: `weight_ih_l{l}` [hidden, in], `weight_hh_l{l}` [hidden, hidden], `bias_ih_l{l}` and
/// `bias_hh_l{l}` `[hidden]`, with `_reverse` appended for the backward direction.
///
/// # Deviations from PyTorch
/// A batch is required: there is no input [T, in]. No packed sequences.
///
/// Elman (1990), Finding structure in time; the equations as in `torch.nn.RNN`.
#[derive(Debug, Clone)]
pub struct Rnn(Stack);

/// An [`Rnn`] of one layer with PyTorch's defaults.
///
/// # Errors
/// As [`Rnn::new`].
///
/// ```
/// use candlelight::{nn::{Mode, Module, rnn}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = rnn(3, 5, params.pp("rnn"))?;
/// assert_eq!(params.names()[..2], ["rnn.weight_ih_l0", "rnn.weight_hh_l0"]);
/// let x = Tensor::zeros((7, 2, 3), DType::F32, &Device::Cpu)?; // 7 steps, 2 samples
/// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [7, 2, 5]);
/// # Ok(()) }
/// ```
pub fn rnn(input_size: usize, hidden_size: usize, params: Params) -> Result<Rnn> {
    Rnn::new(input_size, hidden_size, RnnConfig::default(), params)
}

impl Rnn {
    /// Makes the parameters below the prefix of `params`, uniform on ±1/√hidden.
    ///
    /// `input_size`, `hidden_size`: at least 1.
    ///
    /// # Errors
    /// A size or a number of layers of 0, or a name that is taken.
    pub fn new(input_size: usize, hidden_size: usize, config: RnnConfig, params: Params) -> Result<Self> {
        let unary = match config.nonlinearity {
            RnnNonlinearity::Tanh => Unary::Tanh,
            RnnNonlinearity::Relu => Unary::Relu,
        };
        Ok(Self(Stack::new(Cell::Plain(unary), input_size, hidden_size, config.recurrent, &params)?))
    }

    /// The outputs of all steps, and the states after the last, starting from `state` or from zeros.
    ///
    /// # Errors
    /// If the shape or dtype of `x` or of `state` does not fit.
    ///
    /// ```
    /// use candlelight::{nn::{Mode, rnn}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let layer = rnn(3, 5, Params::new(0, &Device::Cpu)?)?;
    /// let x = Tensor::ones((8, 2, 3), DType::F32, &Device::Cpu)?;
    /// let (whole, _) = layer.forward_with_state(&x, None, Mode::Train)?;
    /// // In two halves. Without `detach` the gradient of the second would flow on into the first.
    /// let (_, state) = layer.forward_with_state(&x.narrow(0, 0, 4)?, None, Mode::Train)?;
    /// let (half, _) = layer.forward_with_state(&x.narrow(0, 4, 4)?, Some(&state.detach()), Mode::Train)?;
    /// assert_eq!(half.to_vec3::<f32>()?, whole.narrow(0, 4, 4)?.to_vec3::<f32>()?);
    /// # Ok(()) }
    /// ```
    pub fn forward_with_state(&self, x: &Tensor, state: Option<&Tensor>, mode: Mode) -> Result<(Tensor, Tensor)> {
        self.0.forward_one(x, "state of an RNN", state, mode)
    }
}

impl Module for Rnn {
    /// The outputs of all steps, from a state of zeros.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.forward_with_state(x, None, mode)?.0)
    }
}

/// The steps of a layer in its composed form, as the backward pass needs them: their results.
pub(super) struct Steps {
    unary: Unary,
    outputs: Vec<Tensor>,
}

impl Steps {
    pub(super) fn new(unary: Unary) -> Self {
        Self { unary, outputs: Vec::new() }
    }
}

impl steps::Steps for Steps {
    fn step(&mut self, of_input: &Tensor, of_state: &Tensor, _: &Tensor) -> Result<Tensor> {
        let sums = (of_input + of_state)?;
        let h = match self.unary {
            Unary::Relu => activation::relu(&sums),
            _ => activation::tanh(&sums),
        }?;
        self.outputs.push(h.clone());
        Ok(h)
    }

    fn back<'a>(&'a self, _: Option<Tensor>) -> Result<Box<dyn steps::Back + 'a>> {
        let outputs = Tensor::cat(&self.outputs, 0)?;
        Ok(Box::new(match self.unary {
            Unary::Relu => Back::Relu { off: outputs.le(&outputs.zeros_like()?)? },
            _ => Back::Tanh { slopes: outputs.sqr()?.affine(-1.0, 1.0)? },
        }))
    }
}

/// The way back through [`Steps`], with what is computed for all of them at once: [T · N, hidden].
enum Back {
    /// 1 - h²
    Tanh { slopes: Tensor },
    /// Where h is 0. NaN passes its gradient on.
    Relu { off: Tensor },
}

impl steps::Back for Back {
    fn step(&mut self, t: usize, dh: &Tensor) -> Result<steps::Gradients> {
        let n = dh.dim(0)?;
        let of_sums = match self {
            Self::Tanh { slopes } => (dh * slopes.narrow(0, t * n, n)?)?,
            Self::Relu { off } => off.narrow(0, t * n, n)?.where_cond(&dh.zeros_like()?, dh)?,
        };
        Ok(steps::Gradients { of_input: of_sums.clone(), of_state: of_sums, of_h: None })
    }
}
