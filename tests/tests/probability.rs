//! Summaries and fits on numbers small enough to work out by hand.

use candlelight::prelude::*;
use candlelight::probability::{ExponentialLaw, PowerLaw, Summary};

#[test]
fn a_summary_has_the_unbiased_variance() {
    let summary = Summary::new(&[1.0, 2.0, 3.0, 6.0]).unwrap();
    assert_eq!((summary.n, summary.mean), (4, 3.0));
    // Squares 4 + 1 + 0 + 9 over 3.
    assert!((summary.std - (14f64 / 3.0).sqrt()).abs() < 1e-15);
    assert!((summary.standard_error() - (14f64 / 12.0).sqrt()).abs() < 1e-15);
    let (low, high) = summary.interval(2.0);
    assert!((high - low - 4.0 * summary.standard_error()).abs() < 1e-15 && (low + high - 6.0).abs() < 1e-15);
    assert_eq!(format!("{summary:.1}"), "3.0 ± 2.1");
    assert_eq!(Summary::new(&[5.0]).unwrap().standard_error(), 0.0);
    assert!(matches!(Summary::new(&[]), Err(Error::Setting { name: "values", .. })));
}

#[test]
fn a_power_law_is_fitted_with_its_error() {
    let x = [1.0, 2.0, 4.0, 8.0];
    let law = PowerLaw::fit(&x, &x.map(|x: f64| 5.0 * x.powi(3))).unwrap();
    assert!((law.exponent - 3.0).abs() < 1e-12 && (law.factor - 5.0).abs() < 1e-12 && law.exponent_error < 1e-12);
    // On the logarithms base 2: y = 0, 2, 1, 3 at x = 0, 1, 2, 3. Slope 0.8, squares of the residuals 1.8, error √(0.9/5).
    let law = PowerLaw::fit(&x, &[1.0, 4.0, 2.0, 8.0]).unwrap();
    assert!((law.exponent - 0.8).abs() < 1e-12);
    assert!((law.exponent_error - (0.9f64 / 5.0).sqrt()).abs() < 1e-12);
    assert!((law.at(2.0) - law.factor * 2f64.powf(0.8)).abs() < 1e-12);
}

#[test]
fn a_power_law_needs_positive_points_at_two_places() {
    let fails = |x: &[f64], y: &[f64], words: &str| {
        let error = PowerLaw::fit(x, y).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    fails(&[1.0, 2.0], &[1.0], "y: expected shape [2], as x, got [1]");
    fails(&[1.0, 0.0], &[1.0, 1.0], "x must be positive and finite, to have a logarithm, got 0");
    fails(&[1.0, 2.0], &[1.0, f64::NAN], "y must be positive");
    fails(&[2.0, 2.0], &[1.0, 1.0], "x must be at least two different values");
    fails(&[], &[], "x must be at least two different values");
}

#[test]
fn an_exponential_law_is_fitted_with_its_error() {
    let x = [0.0, 1.0, 2.0, 3.0];
    let law = ExponentialLaw::fit(&x, &x.map(|x: f64| 5.0 * 0.25_f64.powf(x))).unwrap();
    assert!((law.base - 0.25).abs() < 1e-12 && (law.factor - 5.0).abs() < 1e-12 && law.base_error < 1e-12);
    assert!((law.at(-1.0) - 20.0).abs() < 1e-10);
    // Logarithms base 2 of y: 0, 2, 1, 3. Slope 0.8 with error √(0.9/5), as above; the base is 2^0.8.
    let law = ExponentialLaw::fit(&x, &[1.0, 4.0, 2.0, 8.0]).unwrap();
    let base = 2f64.powf(0.8);
    assert!((law.base - base).abs() < 1e-12);
    assert!((law.base_error - base * 2f64.ln() * (0.9f64 / 5.0).sqrt()).abs() < 1e-12);
}

#[test]
fn an_exponential_law_needs_positive_values_at_two_places() {
    let fails = |x: &[f64], y: &[f64], words: &str| {
        let error = ExponentialLaw::fit(x, y).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    fails(&[1.0, 2.0], &[1.0], "y: expected shape [2], as x, got [1]");
    fails(&[f64::NAN, 0.0], &[1.0, 1.0], "x must be finite, got NaN");
    fails(&[1.0, 2.0], &[1.0, 0.0], "y must be positive and finite, to have a logarithm, got 0");
    fails(&[2.0, 2.0], &[1.0, 1.0], "x must be at least two different values");
}
