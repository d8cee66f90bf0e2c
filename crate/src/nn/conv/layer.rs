//! What all convolutions are made of.

use candle_core::{Shape, Tensor, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;
use candlelight_kernels::conv::Prepared;
use candlelight_kernels::geometry::{Axis, Geometry};

use super::spatial::Spatial;
use super::{composed, library};
use crate::init::Init;
use crate::nn::has_weight::check_weight;
use crate::nn::kind::Kind;
use crate::nn::padding::PaddingMode;
use crate::nn::summary::{Reach, record, trace};
use crate::params::Params;
use crate::{Error, Result, memory};

/// No setting is larger, so that none overflows.
const LARGEST: usize = 1 << 20;

/// A convolution or a transposed one, along one dimension or two.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub kind: Kind,
    transposed: bool,
    groups: usize,
    in_channels: usize,
    out_channels: usize,
    padding_mode: PaddingMode,
    /// One or two, rows first.
    pub axes: Vec<Settings>,
    pub weight: Var,
    pub bias: Option<Var>,
}

/// The settings along one axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    dilation: usize,
    /// 0 but for transposed convolutions.
    output_padding: usize,
}

/// The settings that the layers share.
pub(super) struct Common {
    pub kind: Kind,
    pub transposed: bool,
    pub in_channels: usize,
    pub out_channels: usize,
    pub groups: usize,
    /// Zeros for transposed convolutions.
    pub padding_mode: PaddingMode,
    pub bias: bool,
    pub weight_init: Option<Init>,
    pub bias_init: Option<Init>,
}

/// The settings of each dimension, from those of all: kernel, stride, padding, dilation, output padding.
pub(super) fn settings<S: Spatial>(all: [S; 5]) -> Vec<Settings> {
    let [kernel, stride, padding, dilation, output_padding] = all.map(|sizes| sizes.list());
    let settings = |i: usize| Settings {
        kernel: kernel[i],
        stride: stride[i],
        padding: padding[i],
        dilation: dilation[i],
        output_padding: output_padding[i],
    };
    (0..kernel.len()).map(settings).collect()
}

impl Settings {
    pub fn check(self) -> Result<()> {
        let Self { kernel, stride, padding, dilation, output_padding } = self;
        for (name, value) in [("kernel_size", kernel), ("stride", stride), ("dilation", dilation)] {
            if !(1..=LARGEST).contains(&value) {
                return Err(Error::setting(name, "from 1 to 1048576", value));
            }
        }
        if padding > LARGEST {
            return Err(Error::setting("padding", "at most 1048576", padding));
        }
        if output_padding > 0 && output_padding >= stride.max(dilation) {
            return Err(Error::setting("output_padding", "smaller than stride or dilation", output_padding));
        }
        Ok(())
    }

    pub fn reach(self) -> Reach {
        let Self { kernel, stride, padding, dilation, .. } = self;
        Reach::Kernel { size: kernel, stride, padding, dilation }
    }

    /// From the first input that a kernel sees to the last.
    fn field(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// The smallest input that gives an output.
    fn least(self, transposed: bool) -> usize {
        let missing = |all: usize, given: usize| all.saturating_sub(given);
        match transposed {
            false => missing(self.field(), 2 * self.padding).max(1),
            true => 1 + missing(2 * self.padding + 1, self.field() + self.output_padding).div_ceil(self.stride),
        }
    }

    /// How often the kernel fits into `input` numbers, if it does.
    pub fn shrunk(self, input: usize) -> Option<usize> {
        (input.saturating_add(2 * self.padding)).checked_sub(self.field()).map(|room| room / self.stride + 1)
    }

    /// The output of the transposed convolution, if anything is left of it.
    fn grown(self, input: usize) -> Option<usize> {
        let whole = input.checked_sub(1)?.checked_mul(self.stride)?.checked_add(self.field() + self.output_padding)?;
        whole.checked_sub(2 * self.padding).filter(|&size| size > 0)
    }
}

impl Layer {
    pub fn new(common: Common, axes: Vec<Settings>, params: &Params) -> Result<Self> {
        let Common { kind, transposed, in_channels, out_channels, groups, padding_mode, .. } = common;
        for (name, size) in [("in_channels", in_channels), ("out_channels", out_channels)] {
            range::at_least_one(name, size)?;
        }
        if groups == 0 || in_channels % groups != 0 || out_channels % groups != 0 {
            return Err(Error::setting("groups", "a divisor of in_channels and out_channels", groups));
        }
        axes.iter().try_for_each(|axis| axis.check())?;
        let (first, second) = if transposed { (in_channels, out_channels) } else { (out_channels, in_channels) };
        let mut shape = vec![first, second / groups];
        shape.extend(axes.iter().map(|axis| axis.kernel));
        let default = Init::TorchLinear { fan_in: shape[1..].iter().product() };
        let weight = params.var("weight", shape, common.weight_init.unwrap_or(default))?;
        let bias = match common.bias {
            true => Some(params.var("bias", out_channels, common.bias_init.unwrap_or(default))?),
            false => None,
        };
        Ok(Self { kind, transposed, groups, in_channels, out_channels, padding_mode, axes, weight, bias })
    }

    /// The same with copies of these numbers.
    pub fn with(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
        let copy = |values: &Tensor| Var::from_tensor(&values.detach());
        Ok(Self { weight: copy(weight)?, bias: bias.map(copy).transpose()?, ..self.clone() })
    }

    /// Groups, what comes before the output channels of a group in the weight, these channels, and what comes behind.
    pub fn layout(&self) -> [usize; 4] {
        let taps = self.axes.iter().map(|axis| axis.kernel).product();
        let (inputs, outputs) = (self.in_channels / self.groups, self.out_channels / self.groups);
        match self.transposed {
            false => [self.groups, 1, outputs, inputs * taps],
            true => [self.groups, inputs, outputs, taps],
        }
    }

    /// The output with `weight` and `bias`, which are the layer's own or stand for them.
    pub fn forward(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        self.forward_prepared(x, (weight, None), bias)
    }

    /// [`Layer::forward`] with what a kernel keeps of a weight that does not change.
    pub fn forward_prepared(
        &self,
        x: &Tensor,
        (weight, prepared): (&Tensor, Option<&Prepared>),
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        check_weight(self.kind.weight, &self.weight, weight)?;
        let (shape, geometry) = self.sizes(x)?;
        if x.dtype() != self.weight.dtype() {
            return Err(Error::DType {
                what: self.kind.input,
                expected: "that of the layer's weight",
                actual: x.dtype(),
            });
        }
        let pixels: usize = if self.transposed { &x.dims()[2..] } else { &shape.dims()[2..] }.iter().product();
        let multiply_adds = x.dim(0)? * pixels * weight.elem_count();
        let x = &self.padded(x)?;
        let by_library = library::conv(x, weight, bias, geometry, &shape, self.transposed)?;
        let y = match (kernels::can_take(&[x, weight]), self.transposed) {
            _ if let Some(y) = by_library => Ok(y),
            _ if x.elem_count() == 0 => kernels::empty(shape, [x, weight].into_iter().chain(bias)),
            (true, false) => kernels::conv::conv(x, weight, bias, geometry, shape, prepared),
            (true, true) => kernels::conv::conv_transpose(x, weight, bias, geometry, shape, prepared),
            (false, false) => composed::conv(x, weight, bias, geometry, shape),
            (false, true) => composed::conv_transpose(x, weight, bias, geometry, shape),
        }?;
        record(self.kind.name, [self.weight.as_tensor()].into_iter().chain(bias), &y, multiply_adds);
        if !self.transposed {
            trace(x, &y, || self.axes.iter().map(|axis| axis.reach()).collect());
        }
        Ok(y)
    }

    /// `x` with what is not zeros around it; zeros the convolution sees by itself.
    fn padded(&self, x: &Tensor) -> Result<Tensor> {
        let mut padded = x.clone();
        if self.padding_mode != PaddingMode::Zeros && x.elem_count() > 0 {
            for (dim, axis) in (2..).zip(&self.axes) {
                padded = self.padding_mode.pad(&padded, dim, axis.padding, axis.padding)?;
            }
        }
        Ok(padded)
    }

    /// The shape of the output for `x`, and the sizes of the convolution (of the one whose gradient this is, for a
    /// transposed one).
    fn sizes(&self, x: &Tensor) -> Result<(Shape, Geometry)> {
        let expected = || {
            let names: &[&str] = if self.axes.len() == 1 { &["L"] } else { &["H", "W"] };
            let least = |axis: &Settings| axis.least(self.transposed).max(self.padding_mode.least(axis.padding));
            let sizes = names.iter().zip(&self.axes).map(|(name, axis)| format!("{name} ≥ {}", least(axis)));
            let sizes: Vec<String> = sizes.collect();
            format!("[N, {}, {}]", self.in_channels, sizes.join(", "))
        };
        let refuse = || Error::shape(self.kind.input, expected(), x.dims());
        let [batch, channels, sizes @ ..] = x.dims() else { return Err(refuse()) };
        if *channels != self.in_channels || sizes.len() != self.axes.len() || sizes.contains(&0) {
            return Err(refuse());
        }
        let mut shape = vec![*batch, self.out_channels];
        let mut axes = [Axis::FLAT; 2];
        let skipped = axes.len() - sizes.len();
        for ((settings, &size), to) in self.axes.iter().zip(sizes).zip(&mut axes[skipped..]) {
            let output = if self.transposed { settings.grown(size) } else { settings.shrunk(size) };
            let output = output.filter(|_| size >= self.padding_mode.least(settings.padding)).ok_or_else(refuse)?;
            shape.push(output);
            let (input, output) = if self.transposed { (output, size) } else { (size, output) };
            let &Settings { kernel, stride, padding, dilation, .. } = settings;
            // What is not zeros is put around the input before.
            let (input, padding) = match self.padding_mode {
                PaddingMode::Zeros => (input, padding),
                _ => (input + 2 * padding, 0),
            };
            *to = Axis { input, output, kernel, stride, padding, dilation };
        }
        let (first, second) = (self.in_channels, self.out_channels);
        let (in_channels, out_channels) = if self.transposed { (second, first) } else { (first, second) };
        let geometry = Geometry { batch: *batch, in_channels, out_channels, groups: self.groups, axes };
        // An image with its padding, in which the kernels work, may be larger than all that comes out.
        let [down, across] = axes.map(|axis| axis.input + 2 * axis.padding);
        for dims in [shape.as_slice(), &[in_channels, down, across]] {
            memory::check(self.kind.input, dims, x.dtype().size_in_bytes())?;
        }
        Ok((Shape::from(shape), geometry))
    }
}
