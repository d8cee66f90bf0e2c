//! The law of large numbers: how fast the error of a mean shrinks, and a distribution of which no mean settles.
//!
//! ```text
//! cargo run -p candlelight --example large_numbers
//! ```

use candlelight::prelude::*;
use candlelight::probability::fit::PowerLaw;
use candlelight::probability::{Cauchy, Exponential, quantile};

/// The median distance of the mean of `n` draws from `center`, over 400 seeds.
fn typical_error(n: usize, center: f64, draw: impl Fn(usize, &mut Rng) -> Vec<f64>) -> Result<f64> {
    let error = |seed: u64| (draw(n, &mut seeded(seed)).iter().sum::<f64>() / n as f64 - center).abs();
    let errors: Vec<f64> = (0..400).map(|seed| error(1000 * n as u64 + seed)).collect();
    quantile(&errors, 0.5)
}

fn main() -> Result<()> {
    let (waiting, quotient) = (Exponential::new(1.0)?, Cauchy::new(0.0, 1.0)?);
    let sizes = [10, 100, 1_000, 10_000];
    let (mut exponential, mut cauchy) = (Vec::new(), Vec::new());
    println!("draws   exponential   Cauchy");
    for n in sizes {
        exponential.push(typical_error(n, 1.0, |n, rng| waiting.sample(n, rng))?);
        cauchy.push(typical_error(n, 0.0, |n, rng| quotient.sample(n, rng))?);
        println!("{n:6}   {:10.4}   {:6.3}", exponential[exponential.len() - 1], cauchy[cauchy.len() - 1]);
    }
    let n = sizes.map(|n| n as f64);
    let (fast, never) = (PowerLaw::fit(&n, &exponential)?.exponent, PowerLaw::fit(&n, &cauchy)?.exponent);
    println!("error ∝ n^k with k = {fast:.2} where there is a variance, and {never:.2} where there is not even a mean");
    assert!((fast + 0.5).abs() < 0.05 && never.abs() < 0.1, "expected exponents near −1/2 and 0");
    Ok(())
}
