//! MNIST-1D: ten shapes as sequences of 40 numbers, small enough to train on in a second, and hard for a linear model.
//!
//! Greydanus and Kobak (2020), "Scaling down deep learning with MNIST-1D", arXiv:2011.14439, section 2. The templates, the
//! transforms and the defaults are those of the authors' package `mnist1d` 0.0.2.post1 (Apache-2.0), by which they are
//! tested: from the same random numbers come the same sequences, to rounding. The random numbers themselves are this
//! crate's, so the samples are others than those of the file that the authors publish.

use candle_core::{DType, Device, Tensor};
use candlelight_base::range;
use rand::Rng as _;
use rand_distr::{Distribution, StandardNormal};

use crate::data::Dataset;
use crate::rng::{Rng, permutation};
use crate::{Error, Result, memory};

/// How many places a template has.
const TEMPLATE: usize = 12;
/// What is added to a template before it is padded: it tells its zeros from those of the padding.
const EPS: f64 = 1e-8;
/// The standard deviation of the filter that makes noise correlated, in places.
const SIGMA: f64 = 2.0;
/// Where the filter ends: four standard deviations.
const RADIUS: usize = 8;

/// One row a digit: where the pen is, from top to bottom.
const PEN: [[f64; TEMPLATE]; 10] = [
    [5., 6., 6.5, 6.75, 7., 7., 7., 7., 6.75, 6.5, 6., 5.],
    [5., 3., 3., 3.4, 3.8, 4.2, 4.6, 5., 5.4, 5.8, 5., 5.],
    [5., 6., 6.5, 6.5, 6., 5.25, 4.75, 4., 3.5, 3.5, 4., 5.],
    [5., 6., 6.5, 6.5, 6., 5., 5., 6., 6.5, 6.5, 6., 5.],
    [5., 4.4, 3.8, 3.2, 2.6, 2.6, 5., 5., 5., 5., 5., 5.],
    [5., 3., 3., 3., 3., 5., 6., 6.5, 6.5, 6., 4.5, 5.],
    [5., 4., 3.5, 3.25, 3., 3., 3., 3., 3.25, 3.5, 4., 5.],
    [5., 7., 7., 6.6, 6.2, 5.8, 5.4, 5., 4.6, 4.2, 5., 5.],
    [5., 4., 3.5, 3.5, 4., 5., 5., 4., 3.5, 3.5, 4., 5.],
    [5., 4., 3.5, 3.5, 4., 5., 5., 5., 5., 4.7, 4.3, 5.],
];

/// Settings of [`Mnist1d`], with the names and defaults of the authors' package.
#[derive(Debug, Clone, PartialEq)]
pub struct Mnist1dConfig {
    /// Samples in all, for training and for testing, equally many of each class; default 5000, a multiple of 10, at least
    /// 10.
    pub num_samples: usize,
    /// The share that is for training; default 0.8, in [0, 1].
    pub train_split: f64,
    /// The least and the largest number of zeros behind the template; default (36, 60). What results is stretched to the
    /// length of the template with the largest.
    pub padding: (usize, usize),
    /// How much heights differ: they are multiplied by 1 ± half of this; default 0.4, at least 0.
    pub scale_coeff: f64,
    /// The sequence is moved in a circle by fewer places than this; default 48, at least 1, at most the stretched length.
    pub max_translation: usize,
    /// Standard deviation, before it is filtered, of the noise in the place of zeros; default 0.25, at least 0.
    pub corr_noise_scale: f64,
    /// Standard deviation of the noise that is added to each place by itself; default 0.02, at least 0.
    pub iid_noise_scale: f64,
    /// How much the slope of the line that is taken off can be: up to half of this either way, over the whole sequence;
    /// default 0.75, at least 0.
    pub shear_scale: f64,
    /// Numbers in a finished sequence; default 40, at least 2.
    pub final_seq_length: usize,
}

impl Default for Mnist1dConfig {
    fn default() -> Self {
        Self {
            num_samples: 5000,
            train_split: 0.8,
            padding: (36, 60),
            scale_coeff: 0.4,
            max_translation: 48,
            corr_noise_scale: 0.25,
            iid_noise_scale: 0.02,
            shear_scale: 0.75,
            final_seq_length: 40,
        }
    }
}

impl Mnist1dConfig {
    /// Numbers in a sequence before it is sampled: 72 by default.
    pub fn stretched(&self) -> usize {
        TEMPLATE.saturating_add(self.padding.1)
    }

    fn check(&self) -> Result<()> {
        if self.num_samples == 0 || !self.num_samples.is_multiple_of(10) {
            return Err(Error::setting("num_samples", "a multiple of 10, at least 10", self.num_samples));
        }
        range::share("train_split", self.train_split)?;
        if self.padding.0 > self.padding.1 || self.padding.1 > 1 << 20 {
            let expected = "the least before the largest, at most 1048576";
            return Err(Error::setting("padding", expected, format!("{:?}", self.padding)));
        }
        if !(1..=self.stretched()).contains(&self.max_translation) {
            let actual = format!("{} of {}", self.max_translation, self.stretched());
            return Err(Error::setting("max_translation", "from 1 to the stretched length", actual));
        }
        for (name, value) in [
            ("scale_coeff", self.scale_coeff),
            ("corr_noise_scale", self.corr_noise_scale),
            ("iid_noise_scale", self.iid_noise_scale),
            ("shear_scale", self.shear_scale),
        ] {
            range::not_negative(name, value)?;
        }
        if self.final_seq_length < 2 {
            return Err(Error::setting("final_seq_length", "at least 2", self.final_seq_length));
        }
        memory::check("MNIST-1D", &[self.num_samples, self.final_seq_length], size_of::<f64>())
    }
}

/// The set: sequences and their digits, for training and for testing.
///
/// Inputs `[N, 40]`, targets u32 `[N]`, classes in 0..10. Over all samples together the inputs have mean 0 and standard
/// deviation 1. There are equally many samples of each class in all; how they fall to the two parts is random.
///
/// ```
/// use candlelight::{data::{Mnist1d, Mnist1dConfig}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let data = Mnist1d::new(&mut seeded(0), &Mnist1dConfig::default(), DType::F32, &Device::Cpu)?;
/// assert_eq!((data.train.inputs().dims(), data.test.inputs().dims()), (&[4000, 40][..], &[1000, 40][..]));
/// // For a convolution, a sequence has one channel; for a recurrent layer, one feature.
/// assert_eq!(data.train.with_input_dims(&[1, 40])?.inputs().dims(), [4000, 1, 40]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Mnist1d {
    /// Samples to train on; 4000 by default.
    pub train: Dataset,
    /// Samples to test on; 1000 by default.
    pub test: Dataset,
}

impl Mnist1d {
    /// Draws the set, of `dtype` F32 or F64.
    ///
    /// # Errors
    /// A setting outside its range, another dtype, or a set that does not fit into memory.
    pub fn new(rng: &mut Rng, config: &Mnist1dConfig, dtype: DType, device: &Device) -> Result<Self> {
        config.check()?;
        if !matches!(dtype, DType::F32 | DType::F64) {
            return Err(Error::DType { what: "MNIST-1D", expected: "F32 or F64", actual: dtype });
        }
        let mut sequences = Vec::with_capacity(config.num_samples * config.final_seq_length);
        let mut labels = Vec::with_capacity(config.num_samples);
        for (label, template) in (0_u32..).zip(templates()) {
            for _ in 0..config.num_samples / 10 {
                sequences.extend(transform(&template, &Draws::new(rng, config)?, config)?);
                labels.push(label);
            }
        }
        let n = sequences.len() as f64;
        let mean = sequences.iter().sum::<f64>() / n;
        let std = (sequences.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        // All alike only where nothing is drawn and a template is sampled at its ends: then they are only shifted.
        let std = if std > 0.0 { std } else { 1.0 };
        sequences.iter_mut().for_each(|x| *x = (*x - mean) / std);
        let inputs = Tensor::from_vec(sequences, (config.num_samples, config.final_seq_length), device)?;
        let all = Dataset::new(&inputs.to_dtype(dtype)?, &Tensor::new(labels, device)?)?;
        let train = (config.num_samples as f64 * config.train_split) as usize;
        let (train, test) = all.subset(&permutation(rng, config.num_samples))?.split_at(train)?;
        Ok(Self { train, test })
    }

    /// The same set with the places of each sequence in another order, the same for all; see [`Dataset::permuted`].
    ///
    /// # Errors
    /// Those of [`Dataset::permuted`].
    pub fn permuted(&self, order: &[u32]) -> Result<Self> {
        Ok(Self { train: self.train.permuted(order)?, test: self.test.permuted(order)? })
    }
}

/// The ten shapes, digit by digit: sequences of 12 numbers that begin with 0.
pub fn templates() -> [[f64; TEMPLATE]; 10] {
    PEN.map(|pen| {
        let mean = pen.iter().sum::<f64>() / TEMPLATE as f64;
        let std = (pen.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / TEMPLATE as f64).sqrt();
        let whitened = pen.map(|x| (x - mean) / std);
        whitened.map(|x| (x - whitened[0]) / 6.0)
    })
}

/// The random numbers that make a sequence of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// How many zeros follow the template: uniform in [0, 1).
    pub padding: f64,
    /// How high it is: uniform in [0, 1).
    pub scale: f64,
    /// By how many places it moves.
    pub translation: usize,
    /// Noise in the place of zeros, before it is filtered: standard normal, [`Mnist1dConfig::stretched`] numbers.
    pub correlated: Vec<f64>,
    /// Noise on all places: standard normal, as many.
    pub iid: Vec<f64>,
    /// Which line is taken off: uniform in [0, 1).
    pub shear: f64,
}

impl Draws {
    /// Draws for one sequence.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(rng: &mut Rng, config: &Mnist1dConfig) -> Result<Self> {
        config.check()?;
        let n = config.stretched();
        Ok(Self {
            padding: rng.random(),
            scale: rng.random(),
            translation: rng.random_range(0..config.max_translation),
            correlated: (0..n).map(|_| StandardNormal.sample(rng)).collect(),
            iid: (0..n).map(|_| StandardNormal.sample(rng)).collect(),
            shear: rng.random(),
        })
    }
}

/// A template made into a sequence, by random numbers that are given.
///
/// ```text
/// pad with zeros → stretch → multiply → move in a circle → zeros become correlated noise → add noise → take a line off → sample
/// ```
///
/// # Errors
/// A setting outside its range, or draws that do not fit to the settings.
///
/// ```
/// use candlelight::{data::mnist1d::{Draws, transform, templates}, data::Mnist1dConfig, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// // Without noise, shear and translation the sequence is the template, stretched, with zeros behind it.
/// let config = Mnist1dConfig {
///     corr_noise_scale: 0.0, iid_noise_scale: 0.0, shear_scale: 0.0, scale_coeff: 0.0, max_translation: 1, ..Default::default()
/// };
/// let sequence = transform(&templates()[0], &Draws::new(&mut seeded(0), &config)?, &config)?;
/// assert!(sequence[5] > 0.2 && sequence[39] == 0.0);
/// # Ok(()) }
/// ```
pub fn transform(template: &[f64], draws: &Draws, config: &Mnist1dConfig) -> Result<Vec<f64>> {
    config.check()?;
    let n = config.stretched();
    if template.len() != TEMPLATE {
        return Err(Error::shape("template", format!("[{TEMPLATE}]"), &[template.len()]));
    }
    for (what, noise) in [("correlated noise", &draws.correlated), ("i.i.d. noise", &draws.iid)] {
        if noise.len() != n {
            return Err(Error::shape(what, format!("[{n}]"), &[noise.len()]));
        }
    }
    for (name, share) in [("padding", draws.padding), ("scale", draws.scale), ("shear", draws.shear)] {
        range::share(name, share)?;
    }
    if draws.translation >= n {
        return Err(Error::setting(
            "translation",
            "below the stretched length",
            format!("{} of {n}", draws.translation),
        ));
    }
    let (low, high) = config.padding;
    let zeros = low + ((draws.padding * (high - low + 1) as f64) as usize).min(high - low);
    let mut x: Vec<f64> = template.iter().map(|x| x + EPS).collect();
    x.resize(TEMPLATE + zeros, 0.0);
    let mut x = interpolate(&x, n);
    x.iter_mut().for_each(|x| *x *= 1.0 + config.scale_coeff * (draws.scale - 0.5));
    x.rotate_right(draws.translation);
    let correlated = filter(&draws.correlated);
    let shear = config.shear_scale * (draws.shear - 0.5);
    let line = linspace(-0.5, 0.5, n);
    for (i, x) in x.iter_mut().enumerate() {
        if *x == 0.0 {
            *x = config.corr_noise_scale * correlated[i];
        }
        *x += config.iid_noise_scale * draws.iid[i] - shear * line[i];
    }
    Ok(interpolate(&x, config.final_seq_length))
}

/// `n` evenly spaced numbers from one to the other, both among them; `n` is at least 2.
fn linspace(from: f64, to: f64, n: usize) -> Vec<f64> {
    let step = (to - from) / (n - 1) as f64;
    // The last one is not rounded.
    (0..n).map(|i| if i + 1 == n { to } else { i as f64 * step + from }).collect()
}

/// `n` values of the polygon through `y`, from its first point to its last; both have at least 2.
fn interpolate(y: &[f64], n: usize) -> Vec<f64> {
    let (places, wanted) = (linspace(0.0, 1.0, y.len()), linspace(0.0, 1.0, n));
    let value = |&x: &f64| {
        // The last place that is not behind x.
        let i = places.partition_point(|place| *place <= x) - 1;
        // At a point its own value, without rounding: a zero must stay a zero.
        if i + 1 == y.len() || places[i] == x {
            return y[i];
        }
        (y[i + 1] - y[i]) / (places[i + 1] - places[i]) * (x - places[i]) + y[i]
    };
    wanted.iter().map(value).collect()
}

/// Smoothed by a Gaussian of standard deviation [`SIGMA`], cut off at [`RADIUS`] places, with the sequence reflected at its
/// ends (d c b a | a b c d | d c b a).
fn filter(x: &[f64]) -> Vec<f64> {
    let offsets = -(RADIUS as i64)..=RADIUS as i64;
    let weights: Vec<f64> = offsets.clone().map(|k| (-0.5 * (k as f64 / SIGMA).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let n = x.len() as i64;
    let reflected = |i: i64| {
        let i = i.rem_euclid(2 * n);
        x[(if i < n { i } else { 2 * n - 1 - i }) as usize]
    };
    (0..n).map(|i| offsets.clone().zip(&weights).map(|(k, w)| w / sum * reflected(i + k)).sum()).collect()
}
