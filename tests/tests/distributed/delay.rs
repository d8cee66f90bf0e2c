//! Descent by old gradients: the limit of its rate.

use candlelight::distributed::{delay_growth, delay_limit};

/// The magnitude to which x_{t+1} = x_t - a x_{t-τ} has come, as a factor a step over the last half of many.
fn growth(a: f64, delay: usize) -> f64 {
    let mut x = vec![1.0; delay + 1];
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (mut log, steps) = (0.0, 20_000);
    for step in 0..steps {
        x.rotate_right(1);
        let oldest = x[0];
        x[0] = x.get(1).copied().unwrap_or(oldest) - a * oldest;
        let size = norm(&x);
        x.iter_mut().for_each(|x| *x /= size);
        if step >= steps / 2 {
            log += size.ln();
        }
    }
    (log / (steps / 2) as f64).exp()
}

#[test]
fn the_growth_is_that_of_the_recursion() {
    for delay in [0, 1, 2, 5] {
        for a in [0.05, 0.4, 1.1] {
            let (found, expected) = (delay_growth(a, delay), growth(a, delay));
            assert!((found - expected).abs() < 1e-3, "τ = {delay}, a = {a}: {found}, {expected}");
        }
    }
}

#[test]
fn the_limit_is_where_the_growth_is_one() {
    let known = [(0, 2.0), (1, 1.0), (2, 0.618), (3, 0.445), (4, 0.347), (7, 0.209)];
    for (delay, limit) in known {
        assert!((delay_limit(delay) - limit).abs() < 5e-4);
    }
    for delay in 0..40 {
        let limit = delay_limit(delay);
        assert!((delay_growth(limit, delay) - 1.0).abs() < 1e-9, "{delay}: {}", delay_growth(limit, delay));
        assert!(delay_growth(0.999 * limit, delay) < 1.0 && delay_growth(1.001 * limit, delay) > 1.0);
    }
}
