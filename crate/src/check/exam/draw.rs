//! Numbers of a question that the seed draws, and what follows from them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rand::Rng as _;

use crate::Result;
use crate::rng::Rng;

/// A question for a number whose numbers have been drawn: text, right value, and the values that usual mistakes lead to.
#[derive(Clone)]
pub struct Drawn {
    pub(super) text: String,
    pub(super) right: f64,
    pub(super) tolerance: Tolerance,
    pub(super) unit: &'static str,
    pub(super) mistakes: Vec<(f64, &'static str)>,
    pub(super) worked: String,
    pub(super) experiment: Option<Arc<Experiment>>,
}

/// What measures the value that a reader has predicted, once.
pub(super) struct Experiment {
    run: Box<dyn Fn() -> Result<f64> + Send + Sync>,
    value: OnceLock<f64>,
}

impl Experiment {
    /// The measured value. It depends on the seed only, so that it is kept.
    pub fn value(&self) -> Result<f64> {
        if let Some(value) = self.value.get() {
            return Ok(*value);
        }
        let value = (self.run)()?;
        Ok(*self.value.get_or_init(|| value))
    }
}

/// How far an answer may be from the right one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// So much, in the unit of the answer.
    Absolute(f64),
    /// This share of the right value.
    Relative(f64),
}

impl Tolerance {
    /// Whether `answer` is within `times` the tolerance of `right`.
    pub fn allows(&self, answer: f64, right: f64, times: f64) -> bool {
        let most = match self {
            Self::Absolute(most) => *most,
            Self::Relative(share) => share * right.abs(),
        };
        // A rounding error more, so that an answer on the border is within.
        (answer - right).abs() <= times * most * (1.0 + 1e-9) + 1e-12 * right.abs()
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(0.0) => write!(f, "exactly"),
            Self::Absolute(most) => write!(f, "to within {most}"),
            Self::Relative(share) => write!(f, "to within {} %", (share * 1e6).round() / 1e4),
        }
    }
}

/// The text of a question with its drawn numbers, in Markdown, and the right value. Tolerance: 1 % of it.
pub fn drawn(text: impl Into<String>, right: f64) -> Drawn {
    let (tolerance, worked) = (Tolerance::Relative(0.01), String::new());
    Drawn { text: text.into(), right, tolerance, unit: "", mistakes: Vec::new(), worked, experiment: None }
}

impl Drawn {
    /// Takes answers that differ by at most `most`; 0 for counts.
    pub fn within(mut self, most: f64) -> Self {
        self.tolerance = Tolerance::Absolute(most);
        self
    }

    /// Takes answers that differ by at most this share of the right value: 0.01 is one per cent.
    pub fn within_share(mut self, share: f64) -> Self {
        self.tolerance = Tolerance::Relative(share);
        self
    }

    /// The unit of the answer, such as "bytes". Default: none.
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// The value that a usual mistake leads to, and its name, as in "counts the tails". No drawn right value may be within the
    /// tolerance of it.
    pub fn mistake(mut self, value: f64, name: &'static str) -> Self {
        self.mistakes.push((value, name));
        self
    }

    /// The way to the right value with these numbers, in Markdown; it goes before the explanation.
    pub fn worked(mut self, worked: impl Into<String>) -> Self {
        self.worked = worked.into();
        self
    }

    /// The experiment that measures what was predicted, a few milliseconds long; it takes its seed from the draw.
    pub fn measure(mut self, experiment: impl Fn() -> Result<f64> + Send + Sync + 'static) -> Self {
        self.experiment = Some(Arc::new(Experiment { run: Box::new(experiment), value: OnceLock::new() }));
        self
    }
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the right value: `{:?}` is what a notebook shows of a value that has no display.
        f.debug_struct("Drawn").field("text", &self.text).field("tolerance", &self.tolerance).finish_non_exhaustive()
    }
}

/// A whole number from `low` to `high`, both included.
pub fn whole(rng: &mut Rng, low: u32, high: u32) -> u32 {
    rng.random_range(low..=high)
}

/// A number of [low, high], rounded to so many decimals.
pub fn decimal(rng: &mut Rng, low: f64, high: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (rng.random_range(low..=high) * scale).round() / scale
}

/// One of these.
pub fn pick<T: Copy, const N: usize>(rng: &mut Rng, values: [T; N]) -> T {
    values[rng.random_range(0..N)]
}
