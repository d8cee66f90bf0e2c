//! A trained model for inference alone, with batch normalizations folded into the layers before them.

mod channels;
mod dense;
mod product;

use std::sync::Arc;

use candle_core::Tensor;

use super::{Activation, Linear, Linearized, Mode, Module, sequential};
use crate::autograd::no_grad;
use crate::{Error, Result};

pub(super) use channels::Channels;
use dense::Dense;
pub(super) use product::Product;

/// Makes a model for inference alone of a trained one: each batch normalization is folded into the convolution, transposed
/// convolution or linear layer before it.
///
/// In [`Mode::Eval`] a batch normalization scales and shifts each channel by fixed numbers, which the weight and the bias
/// before it can take in:
///
/// ```text
/// γ (W x + b - μ) / √(σ² + ε) + β = W' x + b'        μ, σ² = running_mean, running_var
///
/// W' = s W,   b' = β + s (b - μ),   s = γ / √(σ² + ε)        for each output channel; without b, γ or β: b = 0, γ = 1, β = 0
/// ```
///
/// Outputs are those of the model in [`Mode::Eval`] up to rounding. The new numbers are computed in F64.
///
/// | in the model | in what is made of it |
/// |---|---|
/// | convolution, then batch normalization | a convolution with a bias |
/// | linear layer, then [`BatchNorm1d`](super::BatchNorm1d) of its outputs | a linear layer with a bias, for inputs [N, in] |
/// | batch normalization elsewhere, as in front of a convolution or behind a ReLU | the same, with a copy of its numbers |
/// | convolution or linear layer without a normalization | the same, with a copy of its numbers |
/// | [`Sequential`](super::Sequential), [`Residual`](super::Residual), [`BasicBlock`](super::BasicBlock), [`ResNet`](super::ResNet) | the same of what they consist of |
/// | other layers, such as activations, pooling and dropout; a batch normalization without running statistics | those of the model, as they are |
///
/// A batch normalization in front of a convolution stays, because it does not reach the zeros of its padding.
///
/// The copies do not change when the model is trained further. The layers of the last row are shared: so another layer
/// with parameters, such as [`LayerNorm`](super::LayerNorm) or [`Embedding`](super::Embedding), goes on with the model, and
/// so does a [`Residual`](super::Residual) around one.
///
/// A fused model has no parameters: there is nothing in it to train, to save or to load; save the trained one, and fuse it
/// again. In a [`summary`](super::summary()), which may be given an empty store, its layers have no names and 0 parameters.
///
/// Jacob et al. (2018), Quantization and training of neural networks for efficient integer-arithmetic-only inference,
/// section 3.2, eq. 14.
///
/// # Errors
/// A model that does not say how it is fused ([`Module::fused`]); running statistics that were never gathered; a scale, a
/// shift, a weight or a bias that is not finite in the type of the layer; a normalization of other channels, dimensions or
/// dtype than the convolution before it. In `forward`: [`Mode::Train`], and the errors of the layers.
///
/// ```
/// use candlelight::{nn::fuse, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new()
///     .push(conv2d(1, 8, 3, params.pp("conv"))?)
///     .push(batch_norm2d(8, params.pp("bn"))?)
///     .push(Activation::Relu);
/// let images = Tensor::rand(0f32, 1., (4, 1, 9, 9), &Device::Cpu)?;
/// model.forward(&images, Mode::Train)?; // Here it would be trained: running statistics are gathered.
///
/// let fused = fuse(&model)?;
/// let apart = (fused.forward(&images, Mode::Eval)? - model.forward(&images, Mode::Eval)?)?;
/// assert!(apart.abs()?.max_all()?.to_scalar::<f32>()? < 1e-5);
/// assert_eq!(fused.len(), 2); // A convolution and the ReLU.
/// assert!(fused.forward(&images, Mode::Train).is_err());
/// # Ok(()) }
/// ```
pub fn fuse<M: Module + ?Sized>(model: &M) -> Result<Fused> {
    let refuse = || Error::setting("a model to be fused", "one whose `fused` says how", std::any::type_name::<M>());
    model.fused()?.ok_or_else(refuse)
}

/// A model for inference alone, made by [`fuse`]: layers one after another.
///
/// Its output keeps no way back to the model's weights; where the input is differentiated, the gradient reaches that.
#[derive(Clone)]
pub struct Fused {
    layers: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Product(Arc<dyn Product>),
    /// A batch normalization, and what it does to each channel.
    Norm(Arc<dyn Module>, Arc<Channels>),
    Other(Arc<dyn Module>),
}

impl Step {
    fn module(&self) -> &dyn Module {
        match self {
            Self::Product(layer) => &**layer,
            Self::Norm(layer, _) | Self::Other(layer) => &**layer,
        }
    }
}

impl Fused {
    /// A layer that can take a normalization in.
    pub(super) fn product(layer: Arc<dyn Product>) -> Self {
        Self { layers: vec![Step::Product(layer)] }
    }

    /// A copy of a linear layer.
    pub(super) fn linear(layer: &Linear) -> Result<Self> {
        Ok(Self::product(Arc::new(Dense::copy(layer)?)))
    }

    /// A batch normalization, which `channels` says in numbers.
    pub(super) fn norm(layer: impl Module + 'static, channels: Channels) -> Self {
        Self { layers: vec![Step::Norm(Arc::new(layer), Arc::new(channels))] }
    }

    /// A layer as it is.
    pub(super) fn layer(layer: impl Module + 'static) -> Self {
        Self::shared(Arc::new(layer))
    }

    /// A layer of a model, as it is.
    pub(super) fn shared(layer: Arc<dyn Module>) -> Self {
        Self { layers: vec![Step::Other(layer)] }
    }

    /// These one after another, with each normalization folded into what stands before it; `None` if one of them is.
    pub(super) fn chain(parts: impl IntoIterator<Item = Result<Option<Self>>>) -> Result<Option<Self>> {
        let mut whole = Self { layers: Vec::new() };
        for part in parts {
            let Some(part) = part? else { return Ok(None) };
            part.layers.into_iter().try_for_each(|step| whole.push(step))?;
        }
        Ok(Some(whole))
    }

    fn push(&mut self, step: Step) -> Result<()> {
        if let (Some(Step::Product(last)), Step::Norm(_, channels)) = (self.layers.last_mut(), &step)
            && let Some(folded) = channels.fold_into(&**last)?
        {
            *last = folded;
        } else {
            self.layers.push(step);
        }
        Ok(())
    }

    /// How many layers there are; a residual block counts as one.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Runs the layers and `last`. Nothing in here is trained: only a way back to `x` may be wanted.
    fn run(&self, x: &Tensor, mode: Mode, last: Option<Activation>) -> Result<Tensor> {
        check(mode)?;
        let last = last.as_ref().map(|last| last as &dyn Module);
        let layers = self.layers.iter().map(Step::module).chain(last);
        match x.track_op() {
            true => sequential::run(layers, x, mode),
            false => Ok(no_grad(|| sequential::run(layers, x, mode))?.detach()),
        }
    }
}

fn check(mode: Mode) -> Result<()> {
    match mode {
        Mode::Train => Err(Error::setting("mode of a fused model", "Eval or MonteCarlo", "Train")),
        Mode::Eval | Mode::MonteCarlo => Ok(()),
    }
}

impl Module for Fused {
    /// # Errors
    /// [`Mode::Train`]; those of the layers.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.run(x, mode, None)
    }

    fn forward_then(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        self.run(x, mode, Some(activation))
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        check(mode)?;
        let start = Linearized::new(x, x.clone(), |v| Ok(v.clone()));
        self.layers.iter().try_fold(start, |before, layer| {
            let next = layer.module().linearize(before.output(), mode)?;
            Ok(before.then(next))
        })
    }

    fn fused(&self) -> Result<Option<Fused>> {
        Ok(Some(self.clone()))
    }
}
