use candle_core::{Tensor, Var};
use candlelight_base::range;

use super::{HasWeight, Linearized, Mode, Module};
use crate::Result;
use crate::init::Init;
use crate::metrics::scalar;
use crate::params::Params;

/// Settings of a [`SpectralNorm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectralNormConfig {
    /// Power iterations in each forward pass of training; default 1, at least 1.
    pub n_power_iterations: usize,
    /// The least norm that u and v are divided by; default 1e-12, above 0.
    pub eps: f64,
}

impl Default for SpectralNormConfig {
    fn default() -> Self {
        Self { n_power_iterations: 1, eps: 1e-12 }
    }
}

/// A layer whose weight is divided by its largest singular value: as a matrix it lengthens nothing.
///
/// ```text
/// y = layer with W / σ,   σ = uᵀ W v
/// in each forward pass of training, before that:   u ← W v / ‖W v‖,   v ← Wᵀ u / ‖Wᵀ u‖
/// ∂L/∂W = (G - ⟨G, W / σ⟩ u vᵀ) / σ    for the gradient G of W / σ: u and v count as constants
/// ```
///
/// W is the weight as a matrix, [out, all others]. One power iteration a step is enough, for W changes little in a step and
/// u and v go on from where they were. σ approaches the largest singular value from below. For a convolution it is that
/// of the matrix, not of the linear map of images, which may be larger by up to √(kh kw). The bias is left alone.
///
/// In a discriminator it so bounds the Lipschitz constant of each fully connected layer by 1, of each convolution by
/// √(kh kw), and that of the network by their product, if its activations lengthen nothing.
///
/// As PyTorch's `torch.nn.utils.parametrizations.spectral_norm`, with its names of saved parameters; without its `dim`, so
/// not for transposed convolutions. The weight starts as it would in the layer alone, u and v from normal draws after 15
/// power iterations.
///
/// Miyato, Kataoka, Koyama and Yoshida (2018), Spectral normalization for generative adversarial networks, section 2.1 and
/// appendix A.
///
/// # Shapes
/// Those of the layer. Its parameter `weight` is called `parametrizations.weight.original`; buffers
/// `parametrizations.weight.0._u` `[out]` and `parametrizations.weight.0._v`, as long as a row of W.
#[derive(Debug, Clone)]
pub struct SpectralNorm<L> {
    layer: L,
    u: Var,
    v: Var,
    config: SpectralNormConfig,
}

/// `layer` with its weight divided by the largest singular value, with PyTorch's default settings.
///
/// # Errors
/// Those of [`SpectralNorm::new`].
///
/// ```
/// use candlelight::{nn::spectral_norm, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let layer = spectral_norm(linear(2, 2, params.pp("fc"))?, &params)?;
/// assert_eq!(
///     params.names(),
///     ["fc.parametrizations.weight.original", "fc.bias", "fc.parametrizations.weight.0._u", "fc.parametrizations.weight.0._v"]
/// );
/// params.set("fc.parametrizations.weight.original", &Tensor::new(&[[0f32, 4.], [2., 0.]], &Device::Cpu)?)?;
/// params.set("fc.bias", &Tensor::zeros(2, DType::F32, &Device::Cpu)?)?;
/// let x = Tensor::new(&[[1f32, 0.], [0., 1.]], &Device::Cpu)?;
/// for _ in 0..20 {
///     layer.forward(&x, Mode::Train)?;
/// }
/// assert!((layer.sigma()? - 4.).abs() < 1e-5); // singular values 4 and 2
/// assert!((layer.forward(&x, Mode::Eval)?.sum_all()?.to_scalar::<f32>()? - 1.5).abs() < 1e-5);
/// # Ok(()) }
/// ```
pub fn spectral_norm<L: HasWeight>(layer: L, params: &Params) -> Result<SpectralNorm<L>> {
    SpectralNorm::new(layer, SpectralNormConfig::default(), params)
}

impl<L: HasWeight> SpectralNorm<L> {
    /// Renames the weight of `layer`, and makes u and v beside it. `params`: those that the layer was made with, or any
    /// prefix above.
    ///
    /// # Errors
    /// A setting outside its range; a weight that is not below the prefix of `params`, or has a parametrization already. In
    /// `forward`: those of the layer.
    pub fn new(layer: L, config: SpectralNormConfig, params: &Params) -> Result<Self> {
        range::at_least_one("n_power_iterations", config.n_power_iterations)?;
        range::positive("eps", config.eps)?;
        let rows = layer.weight().dim(0)?;
        let own = params.parametrized(layer.weight())?;
        let normal = Init::Normal { mean: 0.0, std: 1.0 };
        let u = own.buffer("_u", rows, normal)?;
        let v = own.buffer("_v", layer.weight().elem_count() / rows, normal)?;
        let this = Self { layer, u, v, config };
        for var in [&this.u, &this.v] {
            var.set(&this.normalized(&var.as_detached_tensor())?)?;
        }
        let (u, v) = this.iterated(15)?;
        this.u.set(&u)?;
        this.v.set(&v)?;
        Ok(this)
    }

    /// The layer; its own weight is W.
    pub fn layer(&self) -> &L {
        &self.layer
    }

    /// σ = uᵀ W v, what the weight is divided by in evaluation.
    ///
    /// # Errors
    /// If Candle cannot compute it.
    pub fn sigma(&self) -> Result<f64> {
        let (u, v) = self.iterated(0)?;
        scalar(&self.product(&u, &v)?.detach())
    }

    /// W / σ, what the layer computes with in evaluation.
    ///
    /// # Errors
    /// If Candle cannot compute it.
    pub fn weight(&self) -> Result<Tensor> {
        let (u, v) = self.iterated(0)?;
        self.divided(&u, &v)
    }

    /// The output, and the weight that it was computed with.
    fn step(&self, x: &Tensor, mode: Mode) -> Result<(Tensor, Tensor)> {
        let times = if mode == Mode::Train { self.config.n_power_iterations } else { 0 };
        let (u, v) = self.iterated(times)?;
        let weight = self.divided(&u, &v)?;
        let y = self.layer.forward_with_weight(x, &weight)?;
        // After all that can fail.
        if times > 0 {
            self.u.set(&u)?;
            self.v.set(&v)?;
        }
        Ok((y, weight))
    }

    /// Copies of u and v after some power iterations. Copies, for training changes them before the backward pass of an
    /// earlier forward pass.
    fn iterated(&self, times: usize) -> Result<(Tensor, Tensor)> {
        let (mut u, mut v) = (self.u.as_detached_tensor().copy()?, self.v.as_detached_tensor().copy()?);
        let w = self.layer.weight().as_detached_tensor().flatten_from(1)?;
        for _ in 0..times {
            u = self.normalized(&w.matmul(&v.unsqueeze(1)?)?.squeeze(1)?)?;
            v = self.normalized(&u.unsqueeze(0)?.matmul(&w)?.squeeze(0)?)?;
        }
        Ok((u, v))
    }

    fn normalized(&self, x: &Tensor) -> Result<Tensor> {
        // Of a number, Candle's `maximum` would make a tensor on the host and send it.
        let least = Tensor::full(self.config.eps, (), x.device())?.to_dtype(x.dtype())?;
        let norm = x.sqr()?.sum_all()?.sqrt()?.maximum(&least)?;
        Ok(x.broadcast_div(&norm)?)
    }

    /// uᵀ W v
    fn product(&self, u: &Tensor, v: &Tensor) -> Result<Tensor> {
        let w = self.layer.weight().flatten_from(1)?;
        Ok((w.matmul(&v.unsqueeze(1)?)?.squeeze(1)? * u)?.sum_all()?)
    }

    /// W / uᵀ W v
    fn divided(&self, u: &Tensor, v: &Tensor) -> Result<Tensor> {
        Ok(self.layer.weight().broadcast_div(&self.product(u, v)?)?)
    }
}

impl<L: HasWeight> Module for SpectralNorm<L> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.step(x, mode)?.0)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let (y, weight) = self.step(x, mode)?;
        Ok(Linearized::new(x, y, move |v| self.layer.product(v, &weight)))
    }
}
