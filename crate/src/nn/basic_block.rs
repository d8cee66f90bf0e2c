use candle_core::Tensor;
use candlelight_kernels as kernels;
use candlelight_kernels::autograd::with_backward;

use super::{
    Activation, AvgPool2d, AvgPool2dConfig, BatchNorm2d, Conv2d, Conv2dConfig, Fused, Mode, Module, batch_norm2d,
};
use crate::init::Init;
use crate::params::Params;
use crate::{Error, Result, activation};

/// How the input of a [`BasicBlock`] reaches its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortcut {
    /// Not at all: a plain network, to compare with.
    None,
    /// As it is; the block must keep the number of channels and the size.
    Identity,
    /// As it is where the block keeps the shape; else every stride-th place of it, and zeros for the new channels. No
    /// parameters: option A of the paper.
    ZeroPadding,
    /// As it is where the block keeps the shape; else through a convolution of 1 × 1 with the block's stride and a
    /// batch normalization, `downsample.0` and `downsample.1`. Each new channel is a learned mix of the old ones:
    /// option B of the paper.
    Projection,
}

/// Settings of a [`BasicBlock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicBlockConfig {
    /// Distance between the places of the first convolution, and of the shortcut; default 1, at least 1.
    pub stride: usize,
    /// How the input reaches the end; default [`Shortcut::Projection`], as torchvision.
    pub shortcut: Shortcut,
    /// Whether a batch normalization follows each convolution; default true. Without it the convolutions have a bias
    /// instead, and there is no `bn1`, `bn2`, `downsample.1`: a network from before it, to compare with.
    pub batch_norm: bool,
}

impl Default for BasicBlockConfig {
    fn default() -> Self {
        Self { stride: 1, shortcut: Shortcut::Projection, batch_norm: true }
    }
}

/// A residual block of two convolutions.
///
/// ```text
/// y = relu(F(x) + shortcut(x)),   F(x) = bn2(conv2(relu(bn1(conv1(x)))))        both convolutions 3 × 3 with padding 1
/// ∂y/∂x = ∂F/∂x + 1 where the shortcut is the identity and y > 0: the gradient has a way around F
/// ```
///
/// Names are those of torchvision: `conv1`, `bn1`, `conv2`, `bn2`, `downsample.0`, `downsample.1`. Convolutions have no
/// bias before a batch normalization, and start from [`Init::HeNormal`] (He et al. 2015, as in the paper, section 3.4;
/// torchvision counts the outputs instead of the inputs).
///
/// # Shapes
/// Input [N, in, H, W], output [N, out, ⌈H / stride⌉, ⌈W / stride⌉].
///
/// He, Zhang, Ren and Sun (2016), section 3.2, figure 2 and eq. 1 and 2.
#[derive(Debug, Clone)]
pub struct BasicBlock {
    block: Block<ConvNorm>,
}

/// A block whose convolutions and normalizations are `L`: layers, or what is left of them for inference.
#[derive(Debug, Clone)]
struct Block<L> {
    first: L,
    second: L,
    way: Way<L>,
}

/// A [`Shortcut`] with what it needs.
#[derive(Debug, Clone)]
enum Way<L> {
    None,
    Identity,
    ZeroPadding { every: AvgPool2d, channels: usize },
    Projection(L),
}

/// A convolution of odd size with padding that keeps the image, and the batch normalization behind it, if there is one.
#[derive(Debug, Clone)]
pub(super) struct ConvNorm {
    conv: Conv2d,
    norm: Option<BatchNorm2d>,
}

impl ConvNorm {
    /// The convolution is called `names[0]`, the normalization `names[1]`.
    pub fn new(
        (from, to): (usize, usize),
        (kernel, stride): (usize, usize),
        batch_norm: bool,
        names: [&str; 2],
        params: &Params,
    ) -> Result<Self> {
        let (stride, padding) = ((stride, stride), (kernel / 2, kernel / 2));
        let init = Some(Init::HeNormal);
        let config = Conv2dConfig { stride, padding, bias: !batch_norm, weight_init: init, ..Conv2dConfig::default() };
        let conv = Conv2d::new(from, to, kernel, config, params.pp(names[0]))?;
        let norm = batch_norm.then(|| batch_norm2d(to, params.pp(names[1]))).transpose()?;
        Ok(Self { conv, norm })
    }
}

impl Module for ConvNorm {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let y = self.conv.forward(x, mode)?;
        self.norm.as_ref().map_or(Ok(y.clone()), |norm| norm.forward(&y, mode))
    }

    fn forward_then(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        match &self.norm {
            Some(norm) => norm.forward_then(&self.conv.forward(x, mode)?, mode, activation),
            None => self.conv.forward_then(x, mode, activation),
        }
    }

    fn fused(&self) -> Result<Option<Fused>> {
        Fused::chain([self.conv.fused()].into_iter().chain(self.norm.as_ref().map(|norm| norm.fused())))
    }
}

/// A [`BasicBlock`] of stride 1, with a projection where the number of channels changes.
///
/// # Errors
/// As [`BasicBlock::new`].
///
/// ```
/// use candlelight::{nn::basic_block, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let block = basic_block(16, 32, params.pp("layer2.0"))?;
/// let x = Tensor::zeros((8, 16, 32, 32), DType::F32, &Device::Cpu)?;
/// assert_eq!(block.forward(&x, Mode::Eval)?.dims(), [8, 32, 32, 32]);
/// assert!(params.names().contains(&"layer2.0.downsample.0.weight".to_owned()));
/// # Ok(()) }
/// ```
pub fn basic_block(in_channels: usize, out_channels: usize, params: Params) -> Result<BasicBlock> {
    BasicBlock::new(in_channels, out_channels, BasicBlockConfig::default(), params)
}

impl BasicBlock {
    /// Makes the layers below the prefix of `params`. `in_channels`, `out_channels`: at least 1.
    ///
    /// # Errors
    /// A setting outside its range; a shape that the shortcut cannot follow: [`Shortcut::Identity`] takes no change,
    /// [`Shortcut::ZeroPadding`] no fewer channels; a name that is taken.
    pub fn new(in_channels: usize, out_channels: usize, config: BasicBlockConfig, params: Params) -> Result<Self> {
        let BasicBlockConfig { stride, shortcut, batch_norm } = config;
        let same = stride == 1 && in_channels == out_channels;
        let change = format!("{in_channels} to {out_channels} channels with stride {stride}");
        match shortcut {
            Shortcut::Identity if !same => {
                return Err(Error::setting("shape of a block with Shortcut::Identity", "the same at its end", change));
            }
            Shortcut::ZeroPadding if out_channels < in_channels => {
                return Err(Error::setting(
                    "shape of a block with Shortcut::ZeroPadding",
                    "of no fewer channels",
                    change,
                ));
            }
            _ => {}
        }
        let layers = |from, kernel, stride, names| {
            ConvNorm::new((from, out_channels), (kernel, stride), batch_norm, names, &params)
        };
        let first = layers(in_channels, 3, stride, ["conv1", "bn1"])?;
        let second = layers(out_channels, 3, 1, ["conv2", "bn2"])?;
        let way = match shortcut {
            Shortcut::None => Way::None,
            _ if same => Way::Identity,
            Shortcut::Identity => Way::Identity,
            Shortcut::ZeroPadding => {
                let config = AvgPool2dConfig { stride: Some((stride, stride)), ..AvgPool2dConfig::default() };
                // A mean over one place is that place.
                Way::ZeroPadding { every: AvgPool2d::new(1, config)?, channels: out_channels - in_channels }
            }
            Shortcut::Projection => Way::Projection(layers(in_channels, 1, stride, ["downsample.0", "downsample.1"])?),
        };
        Ok(Self { block: Block { first, second, way } })
    }
}

impl Module for BasicBlock {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.block.forward(x, mode)
    }

    fn fused(&self) -> Result<Option<Fused>> {
        let Block { first, second, way } = &self.block;
        let way = match way {
            Way::None => Way::None,
            Way::Identity => Way::Identity,
            Way::ZeroPadding { every, channels } => Way::ZeroPadding { every: *every, channels: *channels },
            Way::Projection(layers) => match layers.fused()? {
                Some(layers) => Way::Projection(layers),
                None => return Ok(None),
            },
        };
        let (Some(first), Some(second)) = (first.fused()?, second.fused()?) else { return Ok(None) };
        Ok(Some(Fused::layer(Block { first, second, way })))
    }
}

impl<L: Module> Module for Block<L> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let inner = self.first.forward_then(x, mode, Activation::Relu)?;
        let shortcut = match &self.way {
            Way::None => return self.second.forward_then(&inner, mode, Activation::Relu),
            Way::Identity => x.clone(),
            Way::ZeroPadding { every, channels } => every.forward(x, mode)?.pad_with_zeros(1, 0, *channels)?,
            Way::Projection(layers) => layers.forward(x, mode)?,
        };
        add_relu(&self.second.forward(&inner, mode)?, &shortcut)
    }
}

/// relu(a + b): the end of a residual block, in one pass. Both inputs have the same gradient.
///
/// # Errors
/// Inputs of different shapes or dtypes, or not of a float dtype.
///
/// ```
/// use candlelight::{nn::add_relu, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let (a, b) = (Tensor::new(&[1f32, 1.], &Device::Cpu)?, Tensor::new(&[2f32, -2.], &Device::Cpu)?);
/// assert_eq!(add_relu(&a, &b)?.to_vec1::<f32>()?, [3., 0.]);
/// # Ok(()) }
/// ```
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    activation::check_float("add_relu", a)?;
    if a.dims() != b.dims() {
        return Err(Error::shape("second input of add_relu", format!("{:?}", a.dims()), b.dims()));
    }
    if a.dtype() != b.dtype() {
        return Err(Error::DType {
            what: "second input of add_relu",
            expected: "that of the first",
            actual: b.dtype(),
        });
    }
    match kernels::can_take(&[a, b]) {
        _ if a.elem_count() == 0 => kernels::empty(a.shape(), [a, b]),
        true => kernels::activation::add_relu(a, b),
        false => match kernels::card::add_relu(a, b)? {
            Some(y) => Ok(y),
            None => composed(a, b),
        },
    }
}

fn composed(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let sum = (a.detach() + b.detach())?;
    let zeros = sum.zeros_like()?;
    let off = sum.le(&zeros)?;
    let y = off.where_cond(&zeros, &sum)?;
    with_backward("add_relu", &[a, b], &y, a.shape(), move |gradient, needs| {
        let before = off.where_cond(&zeros, gradient)?;
        Ok(needs.iter().map(|need| need.then(|| before.clone())).collect())
    })
}
