//! What a weighted mean divided by, for whoever puts the means of several batches together.

use std::cell::RefCell;

use candlelight_base::Scoped;

use crate::{Error, Result};

/// What is known of the weighted means of a computation that was asked for their divisor.
#[derive(Clone, Copy)]
enum Noted {
    None,
    Divisor(f64),
}

thread_local! {
    /// Empty where nobody asks.
    static NOTED: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

/// Runs `loss`, and says what its weighted mean divided by: the sum of the weights of the samples that count. `None` if it has
/// plain means only.
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
pub(crate) fn with_divisor<T>(loss: impl FnOnce() -> Result<T>) -> Result<(T, Option<f64>)> {
    let noted = Scoped::new(&NOTED, Some(Noted::None));
    let result = loss()?;
    let divisor = match noted.finish() {
        Some(Noted::Divisor(divisor)) => Some(divisor),
        _ => None,
    };
    Ok((result, divisor))
}

/// Notes what a weighted mean divides by; returns whether somebody asked.
pub(super) fn note(divisor: f64) -> Result<bool> {
    match NOTED.take() {
        None => return Ok(false),
        Some(Noted::Divisor(other)) if other != divisor => {
            let actual = format!("sums of weights {other} and {divisor}");
            return Err(Error::setting("a loss over several batches", "one weighted mean", actual));
        }
        Some(_) => NOTED.set(Some(Noted::Divisor(divisor))),
    }
    Ok(true)
}
