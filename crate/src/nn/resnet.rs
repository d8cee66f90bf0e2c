use candle_core::Tensor;
use candlelight_base::range;

use super::basic_block::ConvNorm;
use super::{Activation, BasicBlock, BasicBlockConfig, Fused, GlobalAvgPool, Linear, Mode, Module, Shortcut, linear};
use crate::params::Params;
use crate::{Error, Result};

/// Settings of a [`ResNet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNetConfig {
    /// Channels of each stage; default 16, 32, 64. Stages after the first halve the image.
    pub widths: Vec<usize>,
    /// Blocks in each stage; default 3, at least 1. With three stages of n blocks there are 6n + 2 layers with weights: 20.
    pub blocks: usize,
    /// How the input of a block reaches its end; default [`Shortcut::ZeroPadding`], as the paper's networks for CIFAR-10.
    pub shortcut: Shortcut,
    /// Whether a batch normalization follows each convolution; default true. See [`BasicBlockConfig::batch_norm`].
    pub batch_norm: bool,
}

impl ResNetConfig {
    /// The default settings with `depth` layers that have weights, without projections: 20, 32, 44, 56 and 110 in the paper.
    ///
    /// ```text
    /// depth = 6n + 2: a convolution, three stages of n blocks with two convolutions each, a linear layer
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] unless `depth` = 6n + 2 with n at least 1.
    ///
    /// ```
    /// use candlelight::nn::ResNetConfig;
    /// # fn main() -> candlelight::Result<()> {
    /// assert_eq!(ResNetConfig::of_depth(20)?, ResNetConfig::default());
    /// assert_eq!(ResNetConfig::of_depth(56)?.blocks, 9);
    /// let error = ResNetConfig::of_depth(18).unwrap_err();
    /// assert_eq!(error.to_string(), "depth must be 6n + 2 with n at least 1, such as 20, 32, 44, got 18");
    /// # Ok(()) }
    /// ```
    pub fn of_depth(depth: usize) -> Result<Self> {
        if depth < 8 || depth % 6 != 2 {
            return Err(Error::setting("depth", "6n + 2 with n at least 1, such as 20, 32, 44", depth));
        }
        Ok(Self { blocks: (depth - 2) / 6, ..Self::default() })
    }
}

impl Default for ResNetConfig {
    fn default() -> Self {
        Self { widths: vec![16, 32, 64], blocks: 3, shortcut: Shortcut::ZeroPadding, batch_norm: true }
    }
}

/// A residual network for small images: with its default settings the ResNet-20 of CIFAR-10.
///
/// A convolution of 3 × 3 to the first width, stages of [`BasicBlock`]s, the mean of each channel, and a linear layer.
/// Names are those of torchvision: `conv1`, `bn1`, `layer1.0.conv1`, …, `fc`.
///
/// # Shapes
/// Input [N, in, H, W], output [N, classes].
///
/// He, Zhang, Ren and Sun (2016), section 4.2.
#[derive(Debug, Clone)]
pub struct ResNet {
    stem: ConvNorm,
    blocks: Vec<BasicBlock>,
    fc: Linear,
}

/// A [`ResNet`] of three stages with 3 blocks each: ResNet-20.
///
/// # Errors
/// Those of [`ResNet::new`].
///
/// ```
/// use candlelight::{nn::resnet, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = resnet(3, 10, params.clone())?;
/// // As the paper's table 6: 0.27 million.
/// assert_eq!(params.count(), 269_722);
/// let images = Tensor::zeros((2, 3, 32, 32), DType::F32, &Device::Cpu)?;
/// assert_eq!(model.forward(&images, Mode::Eval)?.dims(), [2, 10]);
/// # Ok(()) }
/// ```
pub fn resnet(in_channels: usize, num_classes: usize, params: Params) -> Result<ResNet> {
    ResNet::new(in_channels, num_classes, ResNetConfig::default(), params)
}

impl ResNet {
    /// Makes the layers below the prefix of `params`. `in_channels`, the channels of the images, and `num_classes`, the
    /// outputs: at least 1.
    ///
    /// # Errors
    /// A setting outside its range, or a name that is taken.
    pub fn new(in_channels: usize, num_classes: usize, config: ResNetConfig, params: Params) -> Result<Self> {
        let ResNetConfig { widths, blocks: count, shortcut, batch_norm } = config;
        let Some(&first) = widths.first() else {
            return Err(Error::setting("widths", "of one stage or more", "none"));
        };
        range::at_least_one("blocks", count)?;
        let stem = ConvNorm::new((in_channels, first), (3, 1), batch_norm, ["conv1", "bn1"], &params)?;
        let (mut blocks, mut channels) = (Vec::with_capacity(widths.len() * count), first);
        for (stage, &width) in widths.iter().enumerate() {
            for i in 0..count {
                let stride = if stage > 0 && i == 0 { 2 } else { 1 };
                let params = params.pp(format!("layer{}", stage + 1)).pp(i);
                let config = BasicBlockConfig { stride, shortcut, batch_norm };
                blocks.push(BasicBlock::new(channels, width, config, params)?);
                channels = width;
            }
        }
        Ok(Self { stem, blocks, fc: linear(channels, num_classes, params.pp("fc"))? })
    }
}

impl Module for ResNet {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = self.stem.forward_then(x, mode, Activation::Relu)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.fc.forward(&GlobalAvgPool.forward(&x, mode)?, mode)
    }

    fn fused(&self) -> Result<Option<Fused>> {
        let stem = [self.stem.fused(), Ok(Some(Fused::layer(Activation::Relu)))];
        let blocks = self.blocks.iter().map(|block| block.fused());
        let head = [Ok(Some(Fused::layer(GlobalAvgPool))), Fused::linear(&self.fc).map(Some)];
        Fused::chain(stem.into_iter().chain(blocks).chain(head))
    }
}
