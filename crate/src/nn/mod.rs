//! Layers, and models made of them.
//!
//! A layer takes its parameters from a [`Params`](crate::params::Params) store under PyTorch's names and computes in
//! [`Module::forward`]. A model is a [`Sequential`], or a struct of layers with a `forward` of its own.

mod activation;
mod adapter;
pub(crate) mod argmax;
mod basic_block;
mod conv;
mod dropout;
mod embedding;
pub mod features;
mod flatten;
mod fuse;
mod has_weight;
mod highway;
mod kind;
mod linear;
mod linearized;
pub mod norm;
mod padding;
pub mod pool;
mod recurrent;
mod residual;
mod resnet;
mod sequential;
mod slope;
mod spectral_norm;
mod summary;
mod tables;

use candle_core::Tensor;

use crate::{Error, Result};

pub use activation::Activation;
pub use adapter::{FromCandle, FromFn, from_candle, from_fn};
pub use basic_block::{BasicBlock, BasicBlockConfig, Shortcut, add_relu, basic_block};
pub use conv::{
    Conv, Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, ConvConfig, ConvTranspose, ConvTranspose1d,
    ConvTranspose1dConfig, ConvTranspose2d, ConvTranspose2dConfig, ConvTransposeConfig, LocallyConnected,
    LocallyConnected1d, LocallyConnected1dConfig, LocallyConnected2d, LocallyConnected2dConfig, LocallyConnectedConfig,
    Spatial, conv_transpose1d, conv_transpose2d, conv1d, conv2d, locally_connected1d, locally_connected2d,
};
pub use dropout::{Dropout, Dropout2d, DropoutConfig, Inference, Prediction, Scaling, SubNetworks, dropout, dropout2d};
pub use embedding::{Embedding, EmbeddingConfig, embedding};
pub use flatten::Flatten;
pub use fuse::{Fused, fuse};
pub use has_weight::HasWeight;
pub use highway::{Highway, HighwayConfig, highway};
pub use linear::{Linear, LinearConfig, linear};
pub use linearized::Linearized;
#[doc(inline)]
pub use norm::{
    BatchNorm, BatchNorm1d, BatchNorm2d, BatchNormConfig, GroupNorm, GroupNormConfig, InstanceNorm, InstanceNorm1d,
    InstanceNorm2d, InstanceNormConfig, LayerNorm, LayerNormConfig, batch_norm1d, batch_norm2d, group_norm,
    instance_norm1d, instance_norm2d, layer_norm,
};
pub use padding::PaddingMode;
#[doc(inline)]
pub use pool::{
    AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool1d, AvgPool1dConfig, AvgPool2d, AvgPool2dConfig, BlurPool1d,
    BlurPool2d, BlurPoolConfig, GlobalAvgPool, MaxPool1d, MaxPool1dConfig, MaxPool2d, MaxPool2dConfig, PolyphaseNorm,
    PolyphaseSampling, PolyphaseSamplingConfig, adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool1d, avg_pool2d,
    blur_pool1d, blur_pool2d, max_pool1d, max_pool2d, polyphase_sampling,
};
pub use recurrent::{Gru, Lstm, LstmGate, LstmState, RecurrentConfig, Rnn, RnnConfig, RnnNonlinearity, gru, lstm, rnn};
pub use residual::Residual;
pub use resnet::{ResNet, ResNetConfig, resnet};
pub use sequential::Sequential;
pub use spectral_norm::{SpectralNorm, SpectralNormConfig, spectral_norm};
pub use summary::{LayerSummary, ModelSummary, summary};

pub(crate) use tables::{Tables, table};

/// Whether a forward pass is part of training; layers such as dropout and batch normalization differ between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A pass whose gradient is taken.
    Train,
    /// Validation, test and use.
    Eval,
    /// As `Eval`, but dropout draws masks as in training; see [`Inference::MonteCarlo`].
    MonteCarlo,
}

/// Something that maps a tensor to a tensor: a layer, an activation, a model.
///
/// ```
/// use candlelight::{activation::relu, nn::{Linear, Mode, Module, linear}, prelude::*};
///
/// struct Residual {
///     inner: Linear,
/// }
///
/// impl Module for Residual {
///     fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
///         Ok((x + relu(&self.inner.forward(x, mode)?)?)?)
///     }
/// }
///
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Residual { inner: linear(4, 4, params.pp("inner"))? };
/// let y = model.forward(&Tensor::ones((2, 4), DType::F32, &Device::Cpu)?, Mode::Eval)?;
/// assert_eq!(y.dims(), [2, 4]);
/// # Ok(()) }
/// ```
pub trait Module: Send + Sync {
    /// The output for input `x`.
    ///
    /// # Errors
    /// If the shape or dtype of `x` does not fit.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor>;

    /// The output with an activation after it. A layer whose kernel can take the activation in the same pass does so;
    /// the values are the same.
    ///
    /// # Errors
    /// Those of [`Module::forward`], of this layer or of the activation.
    fn forward_then(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        activation.forward(&self.forward(x, mode)?, mode)
    }

    /// The output for `x`, and how it changes along a direction in `x`; see [`Linearized`].
    ///
    /// Linear layers, convolutions, normalization of each sample by itself, average pooling, dropout in evaluation, every
    /// [`Activation`], and what [`Sequential`] and [`Residual`] make of them can be linearized.
    ///
    /// # Errors
    /// Those of [`Module::forward`]; [`Error::Linearize`] for a layer that does not say how, or for which it would not be
    /// what is asked for: batch normalization and dropout in training.
    ///
    /// ```
    /// use candlelight::prelude::*;
    /// # fn main() -> candlelight::Result<()> {
    /// let x = Tensor::new(&[1f64, -1.], &Device::Cpu)?;
    /// let at = Activation::Tanh.linearize(&x, Mode::Eval)?;
    /// let slope = at.along(&Tensor::new(&[1f64, 0.], &Device::Cpu)?)?.to_vec1::<f64>()?;
    /// assert!((slope[0] - (1. - 1f64.tanh().powi(2))).abs() < 1e-15 && slope[1] == 0.);
    /// # Ok(()) }
    /// ```
    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let _ = (x, mode);
        let problem = "it does not say how its output changes along a direction";
        Err(Error::Linearize { layer: std::any::type_name::<Self>(), problem })
    }

    /// This for inference alone, with batch normalizations folded into what stands before them; see [`fuse()`]. `None` if it
    /// does not say how: in a [`Sequential`] such a layer stays as it is.
    ///
    /// A struct whose layers run one after another is fused as a [`Sequential`] of them:
    ///
    /// ```
    /// use candlelight::{nn::{BatchNorm2d, Fused, fuse}, prelude::*};
    ///
    /// struct Stem {
    ///     conv: Conv2d,
    ///     norm: BatchNorm2d,
    /// }
    ///
    /// impl Module for Stem {
    ///     fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
    ///         relu(&self.norm.forward(&self.conv.forward(x, mode)?, mode)?)
    ///     }
    ///
    ///     fn fused(&self) -> Result<Option<Fused>> {
    ///         Sequential::new().push(self.conv.clone()).push(self.norm.clone()).push(Activation::Relu).fused()
    ///     }
    /// }
    ///
    /// # fn main() -> candlelight::Result<()> {
    /// let params = Params::new(0, &Device::Cpu)?;
    /// let stem = Stem { conv: conv2d(1, 4, 3, params.pp("conv"))?, norm: batch_norm2d(4, params.pp("norm"))? };
    /// stem.forward(&Tensor::rand(0f32, 1., (4, 1, 9, 9), &Device::Cpu)?, Mode::Train)?;
    /// assert_eq!(fuse(&stem)?.len(), 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`fuse()`].
    fn fused(&self) -> Result<Option<Fused>> {
        Ok(None)
    }

    /// The activation that this is, if it is one: [`Sequential`] hands it to the layer before it, see
    /// [`Module::forward_then`].
    fn as_activation(&self) -> Option<Activation> {
        None
    }
}
