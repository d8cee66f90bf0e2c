//! A workload that is ready to run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use candlelight::candle_core::Tensor;

use crate::{Result, shared};

/// What a step computed, by name: a loss, or outputs and gradients.
pub type Results = Vec<(&'static str, Tensor)>;

/// The work of a workload; a closure that returns its results is one.
pub trait Work {
    /// What is timed: the same amount of work every time.
    fn step(&mut self) -> Result<Results>;

    /// How long a step takes; overridden where only a part of it is to be timed.
    fn time(&mut self) -> Result<Duration> {
        let start = Instant::now();
        drop(self.step()?);
        Ok(start.elapsed())
    }

    /// What is compared with the other programs, for `number` 1, 2 and 3; other than `step` where that goes by chance.
    fn check(&mut self, number: usize) -> Result<Results> {
        let _ = number;
        self.step()
    }
}

impl<F: FnMut() -> Result<Results>> Work for F {
    fn step(&mut self) -> Result<Results> {
        self()
    }
}

/// Work, and the parameters that it changes.
pub struct Task {
    work: Box<dyn Work>,
    parameters: Vec<(String, Tensor)>,
}

impl Task {
    /// A task whose results are all that is compared.
    pub fn new(work: impl FnMut() -> Result<Results> + 'static) -> Self {
        Self::changing(Vec::new(), work)
    }

    /// A task that also changes parameters, which start as [`shared::parameter`] says.
    pub fn changing(parameters: Vec<(String, Tensor)>, work: impl Work + 'static) -> Self {
        Self { work: Box::new(work), parameters }
    }

    /// Does the work once, and says how long it took.
    pub fn time(&mut self) -> Result<Duration> {
        self.work.time()
    }

    /// Does the work so many times, and says how long that took with the loss of each step read, or that of the last step alone.
    /// Reading waits for a card, which works off what it is asked for in turn; so does the end.
    pub fn time_reading(&mut self, steps: u64, each: bool) -> Result<Duration> {
        shared::device().synchronize()?;
        let start = Instant::now();
        for step in 1..=steps {
            let results = self.work.step()?;
            if each || step == steps {
                let (_, loss) = results.iter().find(|(name, _)| *name == "loss").ok_or("a step without a loss")?;
                loss.to_scalar::<f32>()?;
            }
        }
        shared::device().synchronize()?;
        Ok(start.elapsed())
    }

    /// Digests of the results and of the changes of the parameters after the first and the third step.
    pub fn check(&mut self) -> Result<BTreeMap<String, [f64; 2]>> {
        let mut digests = BTreeMap::new();
        for number in 1..=3 {
            let results = self.work.check(number)?;
            if number == 2 {
                continue;
            }
            for (name, value) in &results {
                digests.insert(format!("{name}, step {number}"), shared::digest(name, value)?);
            }
            for (name, value) in &self.parameters {
                let change = (value.detach() - shared::parameter(name, value.shape())?)?;
                digests.insert(format!("change of {name}, step {number}"), shared::digest(name, &change)?);
            }
        }
        Ok(digests)
    }
}
