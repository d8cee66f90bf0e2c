//! What a run records and prints.

use std::time::Instant;

use crate::train::{Progress, Shown, clock, number};

/// Lines a run prints at most.
const LINES: u64 = 20;

/// Steps between two looks at the clock.
const LOOK: u64 = 64;

/// Episodes over which the return in a line is averaged, as Gymnasium does.
const RECENT: usize = 100;

/// An episode that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpisodeEnd {
    /// Steps of the environment since training began.
    pub step: u64,
    /// The sum of its rewards: the return without discount.
    pub total: f64,
    /// Its steps.
    pub length: u64,
}

/// An update of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Steps of the environment before it.
    pub step: u64,
    /// The loss of the batch.
    pub loss: f64,
    /// The mean of Q(s, a) over the batch.
    pub mean_q: f64,
    /// ε of the step.
    pub epsilon: f64,
}

/// What a run recorded: one call of [`Dqn::train`](super::Dqn::train), or [all of an agent](super::Dqn::history).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DqnHistory {
    /// All episodes that ended.
    pub episodes: Vec<EpisodeEnd>,
    /// All updates; of several in one step the last.
    pub updates: Vec<Update>,
}

impl DqnHistory {
    /// The mean return of the last `n` episodes, or of all if there are fewer; `None` before any.
    pub fn recent_return(&self, n: usize) -> Option<f64> {
        let last = &self.episodes[self.episodes.len().saturating_sub(n)..];
        (!last.is_empty()).then(|| last.iter().map(|episode| episode.total).sum::<f64>() / last.len() as f64)
    }
}

/// Shows the progress of one run.
pub(super) struct Reporter {
    shown: Shown,
    steps: u64,
    started: Instant,
}

impl Reporter {
    pub fn new(progress: Progress, steps: u64) -> Self {
        Self { shown: progress.shown(), steps, started: Instant::now() }
    }

    /// Shows how far the run is, if that is due.
    pub fn report(&self, done: u64, history: &DqnHistory, epsilon: f64, stopped: bool) {
        let last = stopped || done == self.steps;
        let results = || self.results(done, history, epsilon);
        let elapsed = || self.started.elapsed();
        let left = || {
            let left = if last { 0.0 } else { (self.steps - done) as f64 / done as f64 };
            format!("left {}", clock(elapsed().mul_f64(left)))
        };
        let due = last || done.is_multiple_of(self.steps.div_ceil(LINES));
        match &self.shown {
            Shown::Lines { times: true } if due => {
                println!("{}  elapsed {}  {}", results(), clock(elapsed()), left());
            }
            Shown::Lines { times: false } if due => println!("{}", results()),
            Shown::Bar(bar) if done == self.steps => bar.end(1.0, &results()),
            Shown::Bar(bar) if last => {
                bar.end(done as f64 / self.steps as f64, &format!("{}  stopped early", results()))
            }
            // A look at the clock would cost a step of a small environment as much as the step.
            Shown::Bar(bar) if done.is_multiple_of(LOOK) => bar.show(done as f64 / self.steps as f64, results, left),
            _ => {}
        }
    }

    fn results(&self, done: u64, history: &DqnHistory, epsilon: f64) -> String {
        let width = self.steps.to_string().len();
        let mut line = format!("step {done:>width$}/{}  episodes {}", self.steps, history.episodes.len());
        if let Some(mean) = history.recent_return(RECENT) {
            line += &format!("  return {mean:.1}");
        }
        if let Some(update) = history.updates.last() {
            line += &format!("  loss {}  mean Q {:.2}", number(update.loss), update.mean_q);
        }
        line + &format!("  ε {epsilon:.2}")
    }
}
