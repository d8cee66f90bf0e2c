//! L2 regularization: a polynomial of degree 15 through twenty noisy points, under penalties from none to far too much.
//!
//! ```text
//! cargo run -p candlelight --example l2_regularization
//! ```

use candlelight::data::synthetic::{noisy_sine, polynomial_features};
use candlelight::optim::newton::{LinearRegression, Newton, NewtonMethod, Objective};
use candlelight::prelude::*;

const DEGREE: usize = 15;

/// The features of the points, and their values.
fn points(seed: u64, n: usize, std: f64) -> Result<(Array2<f64>, Array1<f64>)> {
    let data = noisy_sine(&mut seeded(seed), n, std, DType::F64, &Device::Cpu)?;
    let x = polynomial_features(data.inputs(), DEGREE)?.flatten_all()?.to_vec1::<f64>()?;
    let y = data.targets().flatten_all()?.to_vec1::<f64>()?;
    Ok((Array2::from_shape_fn((n, DEGREE + 1), |(i, j)| x[i * (DEGREE + 1) + j]), Array1::from(y)))
}

fn main() -> Result<()> {
    let ((x, y), (new_x, new_y)) = (points(0, 20, 0.2)?, points(1, 1000, 0.2)?);
    let error =
        |x: &Array2<f64>, y: &Array1<f64>, w: &Array1<f64>| (x.dot(w) - y).mapv(|e| e * e).sum() / y.len() as f64;
    println!("λ        ‖w‖        error on the 20 points   on 1000 new ones");
    let mut errors = Vec::new();
    for lambda in [1e-9, 1e-4, 1e-2, 1.0, 100.0] {
        // The loss is a parabola of w: one step of Newton's method is the exact solution.
        let objective = LinearRegression::new(x.clone(), y.clone(), lambda)?;
        let mut w = Array1::zeros(objective.dim());
        Newton::new(NewtonMethod::default())?.step(&objective, &mut w)?;
        let (train, test) = (error(&x, &y, &w), error(&new_x, &new_y, &w));
        println!("{lambda:<8e} {:<10.2} {train:<24.4} {test:.4}", w.dot(&w).sqrt());
        errors.push(test);
    }
    let best = errors.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(errors[0] > 2.0 * best && errors[4] > 2.0 * best, "the best penalty should lie between");
    Ok(())
}
