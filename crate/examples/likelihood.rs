//! Likelihood: for which probability of heads do 52 heads of 100 tosses speak, and how clearly?
//!
//! ```text
//! cargo run -p candlelight --example likelihood
//! ```

use candlelight::Result;
use candlelight::probability::{Binomial, Proportion};

const HEADS: u64 = 52;
const TOSSES: u64 = 100;

fn main() -> Result<()> {
    let log_likelihood = |theta: f64| Ok::<_, candlelight::Error>(Binomial::new(TOSSES, theta)?.log_probability(HEADS));

    println!("θ      P({HEADS} heads | θ)   log-likelihood below the best");
    let best = log_likelihood(HEADS as f64 / TOSSES as f64)?;
    for theta in [0.40, 0.45, 0.50, 0.52, 0.55, 0.60] {
        let value = log_likelihood(theta)?;
        println!("{theta:.2}   {:14.5}   {:12.3}", value.exp(), best - value);
        assert!(value <= best, "the share of heads should be the most likely parameter");
    }

    // As a function of the data the same numbers are probabilities, and sum to 1; as one of θ they need not.
    let coin = Binomial::new(TOSSES, 0.5)?;
    let sum: f64 = (0..=TOSSES).map(|heads| coin.probability(heads)).sum();
    let step = 1e-3;
    let area: f64 = (1..1000).map(|k| Ok(log_likelihood(f64::from(k) * step)?.exp() * step)).sum::<Result<f64>>()?;
    println!("over all numbers of heads the probabilities sum to {sum:.6}");
    println!("over all θ the likelihood integrates to {area:.6}, 1/(n + 1)");

    println!("share of heads with its 95 % interval: {}", Proportion::new(HEADS, TOSSES)?);
    Ok(())
}
