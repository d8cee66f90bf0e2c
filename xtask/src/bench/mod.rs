//! `cargo xtask bench`: the latencies of a notebook, or, with `--peer torch`, the speed of the crate beside PyTorch's.

mod latency;
mod peer;

use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::error::Result;

/// Measures, prints a table, and writes it as JSON to `--out`.
pub fn bench(mut arguments: Arguments) -> Result<ExitCode> {
    match arguments.value::<String>("--peer")?.as_deref() {
        None => latency::bench(arguments),
        Some("torch") => peer::bench(arguments),
        Some(other) => Err(format!("--peer cannot be `{other}`; there is `torch`").into()),
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}
