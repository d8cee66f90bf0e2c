//! Optimizers, schedules and second-order methods.

mod clip;
mod newton;
mod optimizers;
mod schedule;
mod second_order;
mod update;

use candlelight::ndarray::Array2;
use candlelight::prelude::*;
use candlelight_tests::flat;

/// A matrix of draws from N(0, 1).
fn normal(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    let drawn = candlelight::rng::normal(&mut seeded(seed), 0.0, 1.0, (rows, columns), DType::F64, &Device::Cpu);
    Array2::from_shape_vec((rows, columns), flat(&drawn.unwrap())).unwrap()
}
