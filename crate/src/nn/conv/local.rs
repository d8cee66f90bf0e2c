use std::marker::PhantomData;

use candle_core::{Tensor, ToUsize2, Var};
use candlelight_base::range;
use candlelight_kernels as kernels;

use super::layer::{Settings, settings};
use super::spatial::Spatial;
use crate::init::Init;
use crate::nn::summary::{record, trace};
use crate::nn::tables::table;
use crate::nn::{Linearized, Mode, Module, PaddingMode};
use crate::params::Params;
use crate::{Error, Result, memory};

/// Settings of a locally connected layer; those with a number for each dimension, `S`, are `usize` or (height, width).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocallyConnectedConfig<S> {
    /// Distance between the places that have kernels; default 1, at least 1.
    pub stride: S,
    /// Places around the input; default 0.
    pub padding: S,
    /// What stands there; default zeros. Circular padding is at most the size of the input, reflected padding less.
    pub padding_mode: PaddingMode,
    /// Whether b is added; default true.
    pub bias: bool,
    /// How the weight starts; default `None`, for that of a convolution, [`Init::TorchLinear`] with fan_in = in_channels ·
    /// kernel.
    pub weight_init: Option<Init>,
    /// How the bias starts; default `None`, for the same.
    pub bias_init: Option<Init>,
}

/// Settings of a [`LocallyConnected1d`] layer.
pub type LocallyConnected1dConfig = LocallyConnectedConfig<usize>;

/// Settings of a [`LocallyConnected2d`] layer; sizes are (height, width).
pub type LocallyConnected2dConfig = LocallyConnectedConfig<(usize, usize)>;

impl<S: Spatial> Default for LocallyConnectedConfig<S> {
    fn default() -> Self {
        Self {
            stride: S::all(1),
            padding: S::all(0),
            padding_mode: PaddingMode::Zeros,
            bias: true,
            weight_init: None,
            bias_init: None,
        }
    }
}

/// A locally connected layer: [`LocallyConnected1d`] or [`LocallyConnected2d`].
#[derive(Debug, Clone)]
pub struct LocallyConnected<S> {
    channels: usize,
    input: Vec<usize>,
    output: Vec<usize>,
    /// For each place of the output, row by row, and each place of its kernel: the place of the input, or that after the last
    /// for a zero.
    seen: Tensor,
    axes: Vec<Settings>,
    weight: Var,
    bias: Option<Var>,
    dimensions: PhantomData<S>,
}

/// A convolution of sequences without weight sharing: a kernel of its own at each place of the output.
///
/// ```text
/// y[n, o, i] = b[o, i] + Σ_u Σ_c W[i, o, u, c] x[n, c, stride i + u - padding]
/// ```
///
/// It sees as little at a time as a [`Conv1d`](super::Conv1d), but what it learns at one place it does not know at
/// another. With the same kernel and bias everywhere it is that convolution, whose gradient of the weight is the sum of
/// those of all places. PyTorch has no such layer.
///
/// LeCun (1989), Generalization and network design strategies, Net-3; Goodfellow, Bengio and Courville (2016), section
/// 9.5, eq. 9.9 (unshared convolution).
///
/// # Shapes
/// Input [N, in, L] of one length, output [N, out, L'] as of `Conv1d`; parameters `weight` [L', out, k · in], in which the
/// channels under one place of the kernel lie side by side, and `bias` [out, L'].
pub type LocallyConnected1d = LocallyConnected<usize>;

/// A convolution of images without weight sharing: a kernel of its own at each place of the output.
///
/// ```text
/// y[n, o, i, j] = b[o, i, j] + Σ_u Σ_v Σ_c W[i W' + j, o, u, v, c] x[n, c, stride i + u - padding, stride j + v - padding]
/// ```
///
/// See [`LocallyConnected1d`].
///
/// # Shapes
/// Input [N, in, H, W] of one height and width, output [N, out, H', W'] as of [`Conv2d`](super::Conv2d); parameters
/// `weight` [H' · W', out, kh · kw · in], in which the channels under one place of the kernel lie side by side, and `bias`
/// [out, H', W'].
pub type LocallyConnected2d = LocallyConnected<(usize, usize)>;

/// A [`LocallyConnected1d`] layer with the default settings.
///
/// # Errors
/// Those of [`LocallyConnected1d::new`].
pub fn locally_connected1d(
    in_channels: usize,
    out_channels: usize,
    input_size: usize,
    kernel_size: usize,
    params: Params,
) -> Result<LocallyConnected1d> {
    LocallyConnected1d::new(
        in_channels,
        out_channels,
        input_size,
        kernel_size,
        LocallyConnectedConfig::default(),
        params,
    )
}

/// A [`LocallyConnected2d`] layer with the default settings; sizes are one number or (height, width).
///
/// # Errors
/// Those of [`LocallyConnected2d::new`].
///
/// ```
/// use candlelight::{nn::{conv2d, locally_connected2d}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// conv2d(1, 6, 5, params.pp("shared"))?;
/// let layer = locally_connected2d(1, 6, 28, 5, params.pp("local"))?;
/// let images = Tensor::zeros((64, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&images, Mode::Train)?.dims(), [64, 6, 24, 24]);
/// assert_eq!((params.pp("shared").count(), params.pp("local").count()), (156, 156 * 24 * 24));
/// # Ok(()) }
/// ```
pub fn locally_connected2d(
    in_channels: usize,
    out_channels: usize,
    input_size: impl ToUsize2,
    kernel_size: impl ToUsize2,
    params: Params,
) -> Result<LocallyConnected2d> {
    LocallyConnected2d::new(
        in_channels,
        out_channels,
        input_size,
        kernel_size,
        LocallyConnectedConfig::default(),
        params,
    )
}

impl LocallyConnected1d {
    /// The layer, with the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
    ///
    /// All sizes: at least 1; `input_size` is the length of the inputs.
    ///
    /// # Errors
    /// A size or setting outside its range, an input that is smaller than the kernel after padding or than `padding_mode`
    /// allows, a name that is taken, or an initial value that does not fit. In `forward`: an input of another shape or dtype.
    ///
    /// ```
    /// use candlelight::{nn::{LocallyConnected1d, LocallyConnected1dConfig}, prelude::*};
    /// # fn main() -> candlelight::Result<()> {
    /// let config = LocallyConnected1dConfig { padding: 1, stride: 2, ..Default::default() };
    /// let layer = LocallyConnected1d::new(4, 8, 9, 3, config, Params::new(0, &Device::Cpu)?)?;
    /// let x = Tensor::zeros((2, 4, 9), DType::F32, &Device::Cpu)?;
    /// assert_eq!(layer.forward(&x, Mode::Train)?.dims(), [2, 8, 5]);
    /// # Ok(()) }
    /// ```
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        input_size: usize,
        kernel_size: usize,
        config: LocallyConnected1dConfig,
        params: Params,
    ) -> Result<Self> {
        Self::with([in_channels, out_channels], input_size, kernel_size, config, &params)
    }
}

impl LocallyConnected2d {
    /// The layer, with the parameters `weight` and, unless switched off, `bias` below the prefix of `params`.
    ///
    /// `input_size`, the size of the inputs, and `kernel_size` are one number or (height, width). All: at least 1.
    ///
    /// # Errors
    /// Those of [`LocallyConnected1d::new`].
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        input_size: impl ToUsize2,
        kernel_size: impl ToUsize2,
        config: LocallyConnected2dConfig,
        params: Params,
    ) -> Result<Self> {
        let (input_size, kernel_size) = (input_size.to_usize2(), kernel_size.to_usize2());
        Self::with([in_channels, out_channels], input_size, kernel_size, config, &params)
    }
}

impl<S: Spatial> LocallyConnected<S> {
    fn with(
        [channels, maps]: [usize; 2],
        input_size: S,
        kernel_size: S,
        config: LocallyConnectedConfig<S>,
        params: &Params,
    ) -> Result<Self> {
        let LocallyConnectedConfig { stride, padding, padding_mode, bias, weight_init, bias_init } = config;
        for (name, size) in [("in_channels", channels), ("out_channels", maps)] {
            range::at_least_one(name, size)?;
        }
        let axes = settings([kernel_size, stride, padding, S::all(1), S::all(0)]);
        axes.iter().try_for_each(|axis| axis.check())?;
        let input = input_size.list();
        let places: usize = input.iter().product();
        memory::check("input of a locally connected layer", &[channels, places], params.dtype().size_in_bytes())?;
        // For each axis, output and place of the kernel: the place of the input, if there is one.
        let mut seen: Vec<Vec<Vec<Option<usize>>>> = Vec::new();
        for (axis, &size) in axes.iter().zip(&input) {
            seen.push(windows(*axis, size, padding_mode).ok_or_else(|| {
                let expected = "at least 1, as large as the kernel after padding, and as padding_mode asks";
                Error::setting("input_size", expected, format!("{input:?}"))
            })?);
        }
        let output: Vec<usize> = seen.iter().map(Vec::len).collect();
        let (taps, outputs): (usize, usize) = (axes.iter().map(|axis| axis.kernel).product(), output.iter().product());
        let default = Init::TorchLinear { fan_in: channels * taps };
        let weight = params.var("weight", (outputs, maps, taps * channels), weight_init.unwrap_or(default))?;
        let bias = match bias {
            true => Some(params.var("bias", [&[maps], &output[..]].concat(), bias_init.unwrap_or(default))?),
            false => None,
        };
        let one = vec![vec![Some(0)]];
        let (rows, columns) = if let [rows, columns] = &seen[..] { (rows, columns) } else { (&one, &seen[0]) };
        let width = *input.last().unwrap_or(&1);
        let mut flat = Vec::with_capacity(outputs * taps);
        for (down, across) in rows.iter().flat_map(|down| columns.iter().map(move |across| (down, across))) {
            let place = |(row, column): (&Option<usize>, &Option<usize>)| match (row, column) {
                (Some(row), Some(column)) => row * width + column,
                _ => places,
            };
            flat.extend(down.iter().flat_map(|row| across.iter().map(move |column| place((row, column)) as u32)));
        }
        let seen = table(flat, params.device())?;
        Ok(Self { channels, input, output, seen, axes, weight, bias, dimensions: PhantomData })
    }

    /// W, of shape [places of the output, out, places of the kernel · in].
    pub fn weight(&self) -> &Var {
        &self.weight
    }

    /// b, of the shape of one output, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.bias.as_ref()
    }
}

/// The places that the kernel sees from each place of the output, if there are any.
fn windows(axis: Settings, size: usize, mode: PaddingMode) -> Option<Vec<Vec<Option<usize>>>> {
    let output = axis.shrunk(size).filter(|_| size >= mode.least(axis.padding).max(1))?;
    let places = mode.places(size, axis.padding, axis.padding);
    Some((0..output).map(|i| places[i * axis.stride..][..axis.kernel].to_vec()).collect())
}

impl<S: Spatial> Module for LocallyConnected<S> {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        let (kind, weight) = (S::LOCAL, self.weight.as_tensor());
        let [batch, sample @ ..] = x.dims() else { return Err(self.refuse(x)) };
        if *sample != [&[self.channels], &self.input[..]].concat() {
            return Err(self.refuse(x));
        }
        if x.dtype() != weight.dtype() {
            return Err(Error::DType { what: kind.input, expected: "that of the layer's weight", actual: x.dtype() });
        }
        let (outputs, maps, depth) = weight.dims3()?;
        memory::check(kind.input, &[*batch, outputs, depth.max(maps)], x.dtype().size_in_bytes())?;
        let shape = [&[*batch, maps], &self.output[..]].concat();
        let y = if x.elem_count() == 0 {
            kernels::empty(shape, [x, weight].into_iter().chain(self.bias.as_deref()))?
        } else {
            // With the batch last, the inputs under a kernel are gathered in long pieces: [places, in · N], and a zero.
            let x = x.flatten_from(2)?.permute((2, 1, 0))?.reshape(((), self.channels * batch))?;
            let seen = x.pad_with_zeros(0, 0, 1)?.index_select(&self.seen, 0)?.reshape((outputs, depth, *batch))?;
            let y = weight.matmul(&seen)?.permute((2, 1, 0))?.reshape(shape)?;
            match &self.bias {
                Some(bias) => y.broadcast_add(bias)?,
                None => y,
            }
        };
        record(kind.name, [weight].into_iter().chain(self.bias.as_deref()), &y, batch * weight.elem_count());
        trace(x, &y, || self.axes.iter().map(|axis| axis.reach()).collect());
        Ok(y)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        let linear = Self { bias: None, ..self.clone() };
        Ok(Linearized::new(x, self.forward(x, mode)?, move |v| linear.forward(v, mode)))
    }
}

impl<S: Spatial> LocallyConnected<S> {
    fn refuse(&self, x: &Tensor) -> Error {
        let sizes: Vec<String> = self.input.iter().map(usize::to_string).collect();
        Error::shape(S::LOCAL.input, format!("[N, {}, {}]", self.channels, sizes.join(", ")), x.dims())
    }
}
