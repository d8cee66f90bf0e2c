//! What a loss leaves behind beside its value, for whoever trains by it: what a weighted mean divided by, so that the means of
//! several batches can be put together, and labels that no one has looked at.

use std::cell::RefCell;

use candle_core::Tensor;
use candlelight_base::{Scoped, transfer};

use super::labels::look;
use crate::{Error, Result};

/// What a weighted mean divided by: the sum of the weights of the samples that count.
#[derive(Debug, Clone)]
pub(crate) enum Divisor {
    Number(f64),
    /// A scalar of F64.
    OnDevice(Tensor),
}

impl Divisor {
    pub(crate) fn on_device(&self) -> Option<&Tensor> {
        if let Self::OnDevice(tensor) = self { Some(tensor) } else { None }
    }

    pub(crate) fn read(&self) -> Result<f64> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::OnDevice(tensor) => Ok(transfer::scalar(tensor)?),
        }
    }
}

/// What was noted while a loss was computed.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// `None` if it has plain means only.
    pub divisor: Option<Divisor>,
    unread: Vec<Unread>,
}

/// Labels, and what fits them.
#[derive(Debug)]
struct Unread {
    labels: Tensor,
    classes: usize,
    ignore_index: Option<i64>,
}

impl Noted {
    /// Looks at the labels that no one has looked at: for a loss that turned out to be NaN.
    ///
    /// # Errors
    /// [`Error::Label`], the first that is no class.
    pub(crate) fn check_labels(&self) -> Result<()> {
        self.unread
            .iter()
            .try_for_each(|Unread { labels, classes, ignore_index }| look(labels, *classes, *ignore_index).map(|_| ()))
    }
}

thread_local! {
    /// Empty where nobody asks.
    static NOTED: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

/// Runs `loss`, and says what it has noted.
///
/// ```text
/// L = Σᵢ Wᵢ Lᵢ / Σᵢ Wᵢ        for batches i with the mean Lᵢ and the divisor Wᵢ
/// ```
///
/// So the loss stays a function from outputs and targets to a tensor. A batch in which no sample counts has W = 0 and L = 0
/// here, which is an error elsewhere.
///
/// # Errors
/// What `loss` reports, or weighted means with different divisors: no one weight is right for their sum.
pub(crate) fn with_noted<T>(loss: impl FnOnce() -> Result<T>) -> Result<(T, Noted)> {
    let noted = Scoped::new(&NOTED, Some(Noted::default()));
    let result = loss()?;
    Ok((result, noted.finish().unwrap_or_default()))
}

/// [`with_noted`], of which only the divisor is wanted, at once.
///
/// # Errors
/// As [`with_noted`].
pub(crate) fn with_divisor<T>(loss: impl FnOnce() -> Result<T>) -> Result<(T, Option<f64>)> {
    let (result, noted) = with_noted(loss)?;
    Ok((result, noted.divisor.map(|divisor| divisor.read()).transpose()?))
}

/// Notes what a weighted mean divides by; returns whether somebody asked.
pub(super) fn note(divisor: &Divisor) -> Result<bool> {
    let Some(before) = NOTED.with_borrow(|noted| noted.as_ref().map(|noted| noted.divisor.clone())) else {
        return Ok(false);
    };
    if let Some(before) = before
        && let (other, divisor) = (before.read()?, divisor.read()?)
        && other != divisor
    {
        let actual = format!("sums of weights {other} and {divisor}");
        return Err(Error::setting("a loss over several batches", "one weighted mean", actual));
    }
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted {
            noted.divisor = Some(divisor.clone());
        }
    });
    Ok(true)
}

/// Notes labels that no one has looked at.
pub(super) fn note_labels(labels: &Tensor, classes: usize, ignore_index: Option<i64>) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted {
            noted.unread.push(Unread { labels: labels.clone(), classes, ignore_index });
        }
    });
}
