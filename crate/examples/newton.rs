//! Newton's method: some ten steps where gradient descent takes thousands, and what a step costs when there are many weights.
//!
//! ```text
//! cargo run -p candlelight --example newton
//! ```

use std::time::Instant;

use candlelight::optim::newton::{Exact, Function, Newton, NewtonMethod, Objective, Scalar, solve};
use candlelight::prelude::*;

struct Rosenbrock;

impl Function for Rosenbrock {
    fn dim(&self) -> usize {
        2
    }

    fn value<S: Scalar>(&self, x: &[S]) -> S {
        (-x[0] + 1.0).powi(2) + (x[1] - x[0] * x[0]).powi(2) * 100.0
    }
}

fn main() -> Result<()> {
    let valley = Exact(Rosenbrock);
    let start = array![-1.2, 1.0];
    let (mut newton, mut x, mut steps) = (Newton::new(NewtonMethod::Backtracking)?, start.clone(), 0);
    while valley.value(&x)? > 1e-12 && steps < 100 {
        newton.step(&valley, &mut x)?;
        steps += 1;
    }
    let (mut y, mut descents) = (start, 0);
    while valley.value(&y)? > 1e-12 && descents < 100_000 {
        y = &y - &(valley.gradient(&y)? * 0.001);
        descents += 1;
    }
    println!("Rosenbrock's valley to 1e-12: {steps} steps of Newton's method, {descents} of gradient descent");
    assert!(steps < 50 && descents > 10_000, "Newton should need far fewer steps");

    println!("but a step solves H d = g, in time that grows with the cube of the number of weights:");
    for n in [100, 200, 400] {
        let hessian = Array2::from_shape_fn((n, n), |(i, j)| if i == j { n as f64 } else { 1.0 / (1 + i + j) as f64 });
        let clock = Instant::now();
        let direction = solve(&hessian, &Array1::ones(n))?;
        println!("  {n:3} weights: {:.1?} (first component {:.5})", clock.elapsed(), direction[0]);
    }
    Ok(())
}
