//! Checks of the exercises of `19-resnet`.

use candle_core::{DType, Device, Tensor};
use rand::Rng as _;

use super::{Difference, Trials, Verdict, verdict};
use crate::nn::{
    BasicBlock, BasicBlockConfig, BatchNorm2d, Conv2d, Conv2dConfig, Mode, Module, ResNet, ResNetConfig, batch_norm2d,
};
use crate::params::Params;
use crate::rng::{normal, seeded};
use crate::{Error, Result, init::Init};

/// Exercise 1: the shortcut without parameters. Of an image [channels, height, width], row by row, every stride-th place
/// of each channel, and then channels of zeros.
///
/// ```
/// use candlelight::check;
/// // Means of 2 × 2 places, instead of one of them.
/// let pooled = |x: &[f64], [c, h, w]: [usize; 3], out: usize, stride: usize| {
///     let mut y = Vec::new();
///     for (c, i, j) in (0..c * h.div_ceil(stride) * w.div_ceil(stride)).map(|k| {
///         let (rows, columns) = (h.div_ceil(stride), w.div_ceil(stride));
///         (k / (rows * columns), k / columns % rows, k % columns)
///     }) {
///         let inside: Vec<f64> = (0..stride * stride)
///             .map(|k| (stride * i + k / stride, stride * j + k % stride))
///             .filter(|(i, j)| *i < h && *j < w)
///             .map(|(i, j)| x[(c * h + i) * w + j])
///             .collect();
///         y.push(inside.iter().sum::<f64>() / inside.len() as f64);
///     }
///     y.resize(out * h.div_ceil(stride) * w.div_ceil(stride), 0.0);
///     y
/// };
/// let verdict = check::resnet::zero_padding(pooled).to_string();
/// assert!(verdict.contains("[1, 2, 2] to 2 channels with stride 2, entry 0: expected 1, got 2.5"), "{verdict}");
/// ```
pub fn zero_padding(answer: impl Fn(&[f64], [usize; 3], usize, usize) -> Vec<f64>) -> Verdict {
    verdict("zero-padding shortcut", |trials| {
        // The value of a place is its index from 1, so that a difference shows which was taken.
        for (shape, out, stride) in [
            ([1, 2, 2], 2, 2),
            ([2, 2, 3], 2, 1),
            ([2, 4, 4], 4, 2),
            ([2, 3, 5], 3, 2),
            ([3, 7, 7], 7, 3),
            ([1, 4, 2], 1, 2),
        ] {
            let [channels, height, width] = shape;
            let x: Vec<f64> = (1..=channels * height * width).map(|k| k as f64).collect();
            let mut expected = Vec::new();
            for channel in 0..channels {
                for i in (0..height).step_by(stride) {
                    expected.extend((0..width).step_by(stride).map(|j| x[(channel * height + i) * width + j]));
                }
            }
            expected.resize(expected.len() / channels * out, 0.0);
            let trial = format!("{shape:?} to {out} channels with stride {stride}");
            trials.all_close(&trial, &answer(&x, shape, out, stride), &expected, 0.0)?;
        }
        Ok(())
    })
}

/// The layers of a residual block, to be put together by hand.
#[derive(Debug)]
pub struct BlockLayers {
    /// The first convolution, with the block's stride.
    pub conv1: Conv2d,
    /// The batch normalization behind it.
    pub bn1: BatchNorm2d,
    /// The second convolution.
    pub conv2: Conv2d,
    /// The batch normalization behind it.
    pub bn2: BatchNorm2d,
    /// Where the block changes the shape: a convolution of 1 × 1 and its batch normalization.
    pub downsample: Option<(Conv2d, BatchNorm2d)>,
}

impl BlockLayers {
    /// The layers under the names that [`BasicBlock`] gives them: with the same seed they have the same first values.
    fn new(from: usize, to: usize, stride: usize, params: &Params) -> Result<Self> {
        let conv = |from, kernel: usize, stride, name: &str| {
            let (stride, padding) = ((stride, stride), (kernel / 2, kernel / 2));
            let weight_init = Some(Init::HeNormal);
            let config = Conv2dConfig { stride, padding, bias: false, weight_init, ..Conv2dConfig::default() };
            Conv2d::new(from, to, kernel, config, params.pp(name))
        };
        let norm = |name: &str| batch_norm2d(to, params.pp(name));
        let changes = from != to || stride != 1;
        let downsample = || Ok::<_, Error>((conv(from, 1, stride, "downsample.0")?, norm("downsample.1")?));
        Ok(Self {
            conv1: conv(from, 3, stride, "conv1")?,
            bn1: norm("bn1")?,
            conv2: conv(to, 3, 1, "conv2")?,
            bn2: norm("bn2")?,
            downsample: changes.then(downsample).transpose()?,
        })
    }
}

/// Exercise 2: a residual block, y = relu(F(x) + shortcut(x)), from its layers, in training and in evaluation.
///
/// ```
/// use candlelight::{check::resnet::{BlockLayers, block}, prelude::*};
/// // The activation before the sum.
/// let early = |layers: &BlockLayers, x: &Tensor, mode: Mode| {
///     let h = relu(&layers.bn1.forward(&layers.conv1.forward(x, mode)?, mode)?)?;
///     let h = relu(&layers.bn2.forward(&layers.conv2.forward(&h, mode)?, mode)?)?;
///     let shortcut = match &layers.downsample {
///         Some((conv, norm)) => norm.forward(&conv.forward(x, mode)?, mode)?,
///         None => x.clone(),
///     };
///     Ok((h + shortcut)?)
/// };
/// let verdict = block(early).to_string();
/// assert!(verdict.contains("2 to 2 channels, stride 1, Train, output 4: expected 0, got -0.87"), "{verdict}");
/// ```
pub fn block(answer: impl Fn(&BlockLayers, &Tensor, Mode) -> Result<Tensor>) -> Verdict {
    verdict("residual block", |trials| {
        for (from, to, stride) in [(2, 2, 1), (2, 4, 2), (3, 5, 1), (2, 2, 2)] {
            for mode in [Mode::Train, Mode::Eval] {
                let trial = format!("{from} to {to} channels, stride {stride}, {mode:?}");
                compare(trials, &trial, &answer, (from, to, stride), mode)?;
            }
        }
        Ok(())
    })
}

fn compare(
    trials: &mut Trials,
    trial: &str,
    answer: &impl Fn(&BlockLayers, &Tensor, Mode) -> Result<Tensor>,
    (from, to, stride): (usize, usize, usize),
    mode: Mode,
) -> Result<(), Difference> {
    let make = || -> Result<_> {
        let stores =
            [Params::with_dtype(1, DType::F64, &Device::Cpu)?, Params::with_dtype(1, DType::F64, &Device::Cpu)?];
        let layers = BlockLayers::new(from, to, stride, &stores[0])?;
        let block =
            BasicBlock::new(from, to, BasicBlockConfig { stride, ..BasicBlockConfig::default() }, stores[1].clone())?;
        // Scales, shifts and running moments that cannot be mistaken for one another.
        let of_norms = |name: &&String| {
            ["bn1", "bn2", "downsample.1"].iter().any(|norm| name.starts_with(norm)) && !name.ends_with("tracked")
        };
        for (seed, name) in (10..).zip(stores[0].names().iter().filter(of_norms)) {
            let shape = stores[0].get(name)?.shape().clone();
            let values = normal(&mut seeded(seed), 1.0, 0.3, shape, DType::F64, &Device::Cpu)?.abs()?;
            stores.iter().try_for_each(|params| params.set(name, &values))?;
        }
        let x = normal(&mut seeded(2), 0.0, 1.0, (2, from, 5, 4), DType::F64, &Device::Cpu)?;
        Ok((layers, block.forward(&x, mode)?, x))
    };
    let wrong = |error: &dyn std::fmt::Display| Difference { trial: trial.to_owned(), difference: error.to_string() };
    let (layers, expected, x) = make().map_err(|error| wrong(&error))?;
    let got = answer(&layers, &x, mode).map_err(|error| wrong(&error))?;
    trials.holds(trial, got.dims() == expected.dims(), || {
        format!("expected shape {:?}, got {:?}", expected.dims(), got.dims())
    })?;
    let flat = |y: &Tensor| -> Result<Vec<f64>> { Ok(y.flatten_all()?.to_vec1()?) };
    let (got, expected) = (flat(&got).map_err(|e| wrong(&e))?, flat(&expected).map_err(|e| wrong(&e))?);
    for (place, (got, expected)) in got.iter().zip(&expected).enumerate() {
        trials.close(&format!("{trial}, output {place}"), *got, *expected, 1e-9)?;
    }
    Ok(())
}

/// Exercise 3: how many numbers a ResNet of `depth` layers has to train, with widths 16, 32, 64 and shortcuts without
/// parameters; none where there is no such net.
///
/// ```
/// use candlelight::check;
/// // Forgets the scale and shift of the batch normalizations.
/// let bare = |depth: usize, channels: usize, classes: usize| (depth > 2 && depth % 6 == 2).then(|| {
///     let n = (depth - 2) / 6;
///     let inside = |width: usize| 2 * n * 9 * width * width;
///     9 * 16 * channels + inside(16) + inside(32) - 9 * 32 * 16 + inside(64) - 9 * 64 * 32 + 65 * classes
/// });
/// let verdict = check::resnet::parameters(bare).to_string();
/// assert!(verdict.contains("depth 8, 1 channels, 10 classes: expected 75002, got 74522"), "{verdict}");
/// ```
pub fn parameters(answer: impl Fn(usize, usize, usize) -> Option<usize>) -> Verdict {
    verdict("parameters of a ResNet", |trials| {
        let mut rng = seeded(3);
        let mut cases = vec![(8, 1, 10), (20, 3, 10), (44, 3, 100), (21, 3, 10), (18, 1, 10), (2, 3, 10), (0, 3, 10)];
        cases.push((14, rng.random_range(2..20), rng.random_range(2..20)));
        for (depth, channels, classes) in cases {
            let count = || -> Result<usize> {
                let params = Params::new(0, &Device::Cpu)?;
                ResNet::new(channels, classes, ResNetConfig::of_depth(depth)?, params.clone())?;
                Ok(params.count())
            };
            let (expected, got) = (count().ok(), answer(depth, channels, classes));
            let shown = |count: Option<usize>| count.map_or("None".to_owned(), |count| count.to_string());
            trials.holds(&format!("depth {depth}, {channels} channels, {classes} classes"), got == expected, || {
                format!("expected {}, got {}", shown(expected), shown(got))
            })?;
        }
        Ok(())
    })
}

/// Exercise 4: how many places of a `height` × `width` image a convolution of 1 × 1 with this stride never reads.
///
/// ```
/// use candlelight::check;
/// // Three quarters: right for a stride of 2 and even sides only.
/// let quarters = |height: usize, width: usize, _: usize| height * width * 3 / 4;
/// let verdict = check::resnet::unread(quarters).to_string();
/// assert!(verdict.contains("7 × 7, stride 2: expected 33, got 36"), "{verdict}");
/// ```
pub fn unread(answer: impl Fn(usize, usize, usize) -> usize) -> Verdict {
    verdict("places that are not read", |trials| {
        for (height, width, stride) in [(4, 4, 2), (7, 7, 2), (5, 8, 2), (9, 9, 3), (10, 7, 3), (6, 6, 1), (3, 3, 5)] {
            let read = (0..height).step_by(stride).count() * (0..width).step_by(stride).count();
            let expected = height * width - read;
            let trial = format!("{height} × {width}, stride {stride}");
            let got = answer(height, width, stride);
            trials.holds(&trial, got == expected, || format!("expected {expected}, got {got}"))?;
        }
        Ok(())
    })
}
