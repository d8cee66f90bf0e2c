use std::sync::Arc;

use candlelight_base::range;

use super::flat::FlatParams;
use super::{Communicator, Values};
use crate::Result;
use crate::params::Params;

/// Local SGD: each rank trains alone, and every H steps all take the mean of their parameters.
///
/// ```text
/// w_r ← step(w_r, ∇L_r(w_r))             on each rank r, H times
/// w_r ← (1/N) Σ_s w_s                    one all-reduce of P numbers
/// ```
///
/// With H = 1, plain SGD and equal batches this is synchronous SGD to rounding. What an optimizer remembers (momentum) stays
/// that of each rank, and so do running statistics. Stich (2019), "Local SGD Converges Fast and Communicates Little", algorithm 1.
///
/// ```
/// use candlelight::{distributed::{LocalSgd, cluster}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let run = cluster(2, |comm| {
///     let params = Params::new(0, &Device::Cpu)?;
///     let x = params.var("x", (), Init::Constant(0.))?;
///     let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() })?;
///     let mut local = LocalSgd::new(comm, &params, 5)?;
///     for _ in 0..50 {
///         let loss = (x.as_tensor() - comm.rank() as f64)?.sqr()?; // the ranks see other data
///         sgd.backward_step(&loss)?;
///         local.step()?;
///     }
///     Ok(x.to_scalar::<f32>()?)
/// })?;
/// assert!(run.results[0] == run.results[1] && (run.results[0] - 0.5).abs() < 1e-3);
/// # Ok(()) }
/// ```
pub struct LocalSgd {
    comm: Arc<dyn Communicator>,
    flat: FlatParams,
    every: usize,
    steps: usize,
}

impl LocalSgd {
    /// Gives all ranks the parameters of rank 0. `every`: H, at least 1.
    ///
    /// # Errors
    /// H of 0, no parameter to train, or a rank that is gone or silent.
    pub fn new(comm: &Arc<dyn Communicator>, params: &Params, every: usize) -> Result<Self> {
        range::at_least_one("steps between two means", every)?;
        let flat = FlatParams::new(params)?;
        flat.broadcast(comm)?;
        Ok(Self { comm: comm.clone(), flat, every, steps: 0 })
    }

    /// After each step of the optimizer, on all ranks: takes the mean at every H-th, and says whether it did.
    ///
    /// # Errors
    /// A rank that is gone or silent, or that has other parameters.
    pub fn step(&mut self) -> Result<bool> {
        self.steps += 1;
        let due = self.steps.is_multiple_of(self.every);
        if due {
            self.average()?;
        }
        Ok(due)
    }

    /// Takes the mean of the parameters now, as at the end of training.
    ///
    /// # Errors
    /// As [`LocalSgd::step`].
    pub fn average(&mut self) -> Result<()> {
        let ranks = self.comm.size();
        let mut values = self.flat.values()?;
        match &mut values {
            Values::F32(numbers) => {
                self.comm.all_reduce(numbers)?;
                numbers.iter_mut().for_each(|x| *x /= ranks as f32);
            }
            Values::F64(numbers) => {
                self.comm.all_reduce(numbers)?;
                numbers.iter_mut().for_each(|x| *x /= ranks as f64);
            }
        }
        self.flat.load(&values)
    }
}
