use crate::optim::schedule::StepLr;
use crate::prelude::*;

/// The learning rate of each epoch by a schedule that halves it after every five; the first is 1.
pub fn rates(params: &Params, epochs: usize) -> Result<Vec<f64>> {
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 1.0, ..Default::default() })?;
    let mut scheduler = LrScheduler::new(StepLr::new(5, 0.5)?, &mut sgd)?;
    let mut rates = Vec::new();
    for _ in 0..epochs {
        scheduler.step(&mut sgd)?;
        rates.push(sgd.learning_rate()); // here the epoch is trained
    }
    Ok(rates)
}
