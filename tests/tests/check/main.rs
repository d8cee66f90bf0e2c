//! The checks of the exercises: what is right passes, and what is plausible and wrong does not.

mod activations;
mod asynchronous;
mod backpropagation;
mod batch_norm;
mod convolution;
mod deep_q_learning;
mod define_by_run;
mod dropout;
mod exam;
mod gan;
mod initialization;
mod large_numbers;
mod layer_norm;
mod likelihood;
mod newton;
mod optimizers;
mod overfitting;
mod q_learning;
mod recurrent;
mod regularization;
mod resnet;
mod softmax;
mod start;
mod synchronous;
mod vanishing;
mod wasserstein;

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The sum of squared distances from the mean.
fn squares(x: &[f64]) -> f64 {
    x.iter().map(|value| (value - mean(x)).powi(2)).sum()
}
