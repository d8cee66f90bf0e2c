//! What a weighted mean divided by, which a loss leaves behind beside its value: so that whoever trains by it can put the means of several
//! batches together.

use std::cell::RefCell;

use candle_core::Tensor;
use candlelight_base::{Scoped, transfer};

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

thread_local! {
    /// `None` where nobody asks, and in there where there are plain means only.
    static NOTED: RefCell<Option<Option<Divisor>>> = const { RefCell::new(None) };
}

/// Runs `loss`, and says what it has divided by: `None` if it has plain means only.
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
pub(crate) fn with_divisor<T>(loss: impl FnOnce() -> Result<T>) -> Result<(T, Option<Divisor>)> {
    let noted = Scoped::new(&NOTED, Some(None));
    let result = loss()?;
    Ok((result, noted.finish().flatten()))
}

/// Notes what a weighted mean divides by; returns whether somebody asked.
pub(super) fn note(divisor: &Divisor) -> Result<bool> {
    let Some(before) = NOTED.with_borrow(|noted| noted.clone()) else {
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
            *noted = Some(divisor.clone());
        }
    });
    Ok(true)
}
