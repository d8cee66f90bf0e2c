//! Ranges of settings: each says which value of which name is outside.

use crate::{Error, Result};

/// A number that is neither NaN nor infinite.
///
/// # Errors
/// [`Error::Setting`] for others.
pub fn finite(name: &'static str, value: f64) -> Result<()> {
    check(value.is_finite(), name, "finite", value)
}

/// A finite number, at least 0.
///
/// # Errors
/// [`Error::Setting`] for others.
pub fn not_negative(name: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value >= 0.0, name, "finite and at least 0", value)
}

/// A finite number above 0.
///
/// # Errors
/// [`Error::Setting`] for others.
pub fn positive(name: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value > 0.0, name, "above 0 and finite", value)
}

/// A probability, or a share: a number in [0, 1].
///
/// # Errors
/// [`Error::Setting`] for others.
pub fn share(name: &'static str, value: f64) -> Result<()> {
    check((0.0..=1.0).contains(&value), name, "in [0, 1]", value)
}

/// A count of at least 1.
///
/// # Errors
/// [`Error::Setting`] for 0.
pub fn at_least_one(name: &'static str, value: usize) -> Result<()> {
    if value > 0 { Ok(()) } else { Err(Error::setting(name, "at least 1", value)) }
}

fn check(holds: bool, name: &'static str, expected: &'static str, value: f64) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::setting(name, expected, value)) }
}
