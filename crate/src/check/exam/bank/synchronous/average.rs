use std::sync::Arc;

use crate::Result;
use crate::distributed::Communicator;

/// The mean gradient over the samples of all ranks, from the mean over the `samples` of this one.
pub fn average(comm: &Arc<dyn Communicator>, gradient: &[f64], samples: f64) -> Result<Vec<f64>> {
    let mut sums: Vec<f64> = gradient.iter().map(|g| g * samples).collect();
    sums.push(samples);
    comm.all_reduce(&mut sums)?;
    let all = samples * comm.size() as f64;
    sums.pop();
    Ok(sums.iter().map(|sum| sum / all).collect())
}
