//! Checks of the exercises: they try what a reader wrote on inputs the reader has not seen, and say where it first differs.

pub mod activations;
pub mod asynchronous;
pub mod backpropagation;
pub mod batch_norm;
pub mod convolution;
pub mod deep_q_learning;
pub mod define_by_run;
pub mod dropout;
pub mod exam;
pub mod gan;
pub mod initialization;
pub mod large_numbers;
pub mod layer_norm;
pub mod likelihood;
pub mod newton;
pub mod optimizers;
pub mod overfitting;
pub mod q_learning;
pub mod recurrent;
pub mod regularization;
pub mod resnet;
pub mod softmax;
pub mod start;
pub mod synchronous;
pub mod vanishing;
pub mod wasserstein;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, PoisonError};

use rand::Rng as _;

use crate::rng::Rng;
use crate::{Error, Result};

/// What a check found, shown below the cell that asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    exercise: &'static str,
    finding: Finding,
}

#[derive(Debug, Clone, PartialEq)]
enum Finding {
    Passed { trials: usize },
    Unsolved { hint: String },
    Wrong { trial: String, difference: String },
}

/// Tries an answer, trial by trial, until the first difference.
#[derive(Debug, Default)]
pub struct Trials {
    passed: usize,
}

/// The first difference: in which trial, and what was expected and found.
#[derive(Debug)]
pub struct Difference {
    trial: String,
    difference: String,
}

impl Trials {
    /// The answer must be `expected` to within `tolerance`, absolute below 1 and relative above.
    ///
    /// # Errors
    /// The [`Difference`], if it is not.
    pub fn close(&mut self, trial: &str, answer: f64, expected: f64, tolerance: f64) -> Result<(), Difference> {
        let near = (answer - expected).abs() <= tolerance * expected.abs().max(1.0);
        // Infinities agree with themselves, although their difference is not a number.
        self.holds(trial, near || answer == expected, || format!("expected {expected}, got {answer}"))
    }

    /// As [`Trials::close`] for every entry, after the lengths.
    ///
    /// # Errors
    /// The first [`Difference`], which names the entry.
    pub fn all_close(
        &mut self,
        trial: &str,
        answer: &[f64],
        expected: &[f64],
        tolerance: f64,
    ) -> Result<(), Difference> {
        self.holds(trial, answer.len() == expected.len(), || {
            format!("expected {} entries, got {}", expected.len(), answer.len())
        })?;
        for (index, (&answer, &expected)) in answer.iter().zip(expected).enumerate() {
            self.close(&format!("{trial}, entry {index}"), answer, expected, tolerance)?;
        }
        Ok(())
    }

    /// A property must hold; `otherwise` says what was expected and what was found.
    ///
    /// # Errors
    /// The [`Difference`], if it does not.
    pub fn holds(&mut self, trial: &str, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Difference> {
        if holds {
            self.passed += 1;
            return Ok(());
        }
        Err(Difference { trial: trial.to_owned(), difference: otherwise() })
    }
}

/// Runs the trials of one exercise. A panic in the answer is part of the verdict: `todo!` says that there is none yet.
///
/// ```
/// use candlelight::check::verdict;
/// let answer = |x: f64| x + x;
/// let right = verdict("double", |trials| trials.close("double(3)", answer(3.0), 6.0, 1e-12));
/// assert!(right.is_passed());
/// let wrong = verdict("square", |trials| trials.close("square(3)", answer(3.0), 9.0, 1e-12));
/// assert_eq!(wrong.to_string(), "square: not right yet. square(3): expected 9, got 6");
/// let empty = verdict("cube", |_| todo!("multiply x by itself, twice"));
/// assert_eq!(empty.to_string(), "cube: not written yet. multiply x by itself, twice");
/// ```
pub fn verdict(exercise: &'static str, trials: impl FnOnce(&mut Trials) -> Result<(), Difference>) -> Verdict {
    let mut state = Trials::default();
    let finding = match quietly(|| trials(&mut state)) {
        Ok(Ok(())) => Finding::Passed { trials: state.passed },
        Ok(Err(Difference { trial, difference })) => Finding::Wrong { trial, difference },
        Err(panic) => match panic.strip_prefix("not yet implemented") {
            Some(hint) => Finding::Unsolved { hint: hint.trim_start_matches([':', ' ']).to_owned() },
            None => Finding::Wrong { trial: "it panicked".into(), difference: panic },
        },
    };
    Verdict { exercise, finding }
}

impl Verdict {
    /// Whether every trial passed.
    pub fn is_passed(&self) -> bool {
        matches!(self.finding, Finding::Passed { .. })
    }

    /// The verdict, if it is that the answer is right: how the solutions are tested.
    ///
    /// # Errors
    /// [`Error::Exercise`] with the verdict, if it is not.
    pub fn passed(self) -> Result<Self> {
        if self.is_passed() { Ok(self) } else { Err(Error::Exercise(self.to_string())) }
    }

    /// Shows the verdict in a notebook.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        let (colour, mark) = match self.finding {
            Finding::Passed { .. } => ("#2e8b57", "✓"),
            Finding::Unsolved { .. } => ("#808080", "○"),
            Finding::Wrong { .. } => ("#d2691e", "✗"),
        };
        let text = self.to_string();
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        evcxr_runtime::mime_type("text/html").text(format!(
            "<p style=\"border-left: 4px solid {colour}; padding-left: 0.8em\"><b style=\"color: {colour}\">{mark}</b> {escaped}</p>"
        ));
        evcxr_runtime::mime_type("text/plain").text(format!("{mark} {text}"));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exercise = self.exercise;
        match &self.finding {
            Finding::Passed { trials: 1 } => write!(f, "{exercise}: right, in the one trial"),
            Finding::Passed { trials } => write!(f, "{exercise}: right, in all {trials} trials"),
            Finding::Unsolved { hint } => write!(f, "{exercise}: not written yet. {hint}"),
            Finding::Wrong { trial, difference } => write!(f, "{exercise}: not right yet. {trial}: {difference}"),
        }
    }
}

/// Draws from [-spread, spread], to two decimals, so that a verdict can name them.
fn draws(rng: &mut Rng, n: usize, spread: f64) -> Vec<f64> {
    (0..n).map(|_| (rng.random_range(-spread..spread) * 100.0).round() / 100.0).collect()
}

/// The mean, and the sum of squared distances from it.
fn moments(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum())
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = z.iter().map(|z| (z - max).exp()).sum();
    z.iter().map(|z| (z - max).exp() / sum).collect()
}

/// Whether all numbers are the same, to 1e-9 of those above 1.
fn agree(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1.0))
}

/// Runs `work`; a panic becomes its message, and is not printed.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // The hook belongs to the process: two checks at once would restore one another's.
    static HOOK: Mutex<()> = Mutex::new(());
    let _turn = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(work));
    set_hook(hook);
    result.map_err(|panic| match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (_, Some(message)) => message.clone(),
        _ => "without a message".to_owned(),
    })
}
