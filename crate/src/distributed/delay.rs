//! Gradient descent with old gradients, on a quadratic.

use std::f64::consts::PI;

use ndarray::Array2;

/// The largest ηλ with which descent by gradients that are `delay` steps old comes down on a quadratic of curvature λ.
///
/// ```text
/// x_{t+1} = x_t - ηλ x_{t-τ}        comes to 0 for        0 < ηλ < 2 sin(π / (2 (2τ + 1)))
/// ```
///
/// η: the learning rate; τ: `delay`. At the limit a pair of roots e^{±iω} of z^{τ+1} = z^τ - ηλ stands on the unit circle, with
/// ω = π/(2τ+1). Levin and May (1976), "A note on difference-delay equations".
///
/// ```
/// use candlelight::distributed::delay_limit;
/// assert!((delay_limit(0) - 2.).abs() < 1e-12 && (delay_limit(1) - 1.).abs() < 1e-12);
/// assert!((delay_limit(7) - 0.209).abs() < 1e-3);
/// ```
pub fn delay_limit(delay: usize) -> f64 {
    2.0 * (PI / (2.0 * (2.0 * delay as f64 + 1.0))).sin()
}

/// By which factor x grows in a step, in the long run: the greatest magnitude of a root of z^{τ+1} = z^τ - ηλ.
///
/// `step`: ηλ; `delay`: τ. Below 1 the descent converges.
///
/// ```
/// use candlelight::distributed::delay_growth;
/// assert!((delay_growth(0.1, 0) - 0.9).abs() < 1e-12);
/// assert!((delay_growth(0.25, 1) - 0.5).abs() < 1e-6); // both roots at ½
/// ```
pub fn delay_growth(step: f64, delay: usize) -> f64 {
    // Of the matrix that takes (x_t, …, x_{t-τ}) to the next: ρ = lim ‖Aⁿ‖^(1/n), with n doubled each time.
    let mut power = Array2::<f64>::zeros((delay + 1, delay + 1));
    power[[0, 0]] = 1.0;
    for row in 1..=delay {
        power[[row, row - 1]] = 1.0;
    }
    power[[0, delay]] -= step;
    let (mut log_norm, mut n) = (0.0, 1.0);
    for _ in 0..40 {
        let norm = power.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            return 0.0;
        }
        power /= norm;
        log_norm += norm.ln() / n;
        power = power.dot(&power);
        n *= 2.0;
    }
    log_norm.exp()
}
