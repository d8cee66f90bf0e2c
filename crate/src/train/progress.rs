use std::cell::Cell;
use std::time::{Duration, Instant};

use super::Epoch;
use super::bar::Bar;

/// Lines a run prints at most: enough to see a trend, few enough for the output of a notebook cell.
const LINES: usize = 20;

/// What a training run shows on standard output.
///
/// ```text
/// epoch  3/10  train loss 0.4123  validation loss 0.4401  accuracy 84.52 %  elapsed 3.1 s  left 7.2 s
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    Silent,
    /// One line that moves, with the time left and the results of the last validation, and stays at the end without times, so
    /// that two runs of one seed end alike: in a notebook on the kernel of the course, and in a terminal. Elsewhere as `Lines`.
    #[default]
    Bar,
    /// Losses, accuracy and times, in at most 20 lines a run.
    Lines,
    /// The same without times, so that two runs of one seed print the same.
    LinesWithoutTimes,
}

/// How a run shows its progress here.
#[derive(Debug)]
pub(crate) enum Shown {
    Nothing,
    Lines { times: bool },
    Bar(Bar),
}

impl Progress {
    pub(crate) fn shown(self) -> Shown {
        match self {
            Self::Silent => Shown::Nothing,
            Self::Bar => Bar::new().map_or(Shown::Lines { times: true }, Shown::Bar),
            Self::Lines => Shown::Lines { times: true },
            Self::LinesWithoutTimes => Shown::Lines { times: false },
        }
    }
}

/// Shows the progress of one run.
pub(super) struct Reporter {
    shown: Shown,
    epochs: usize,
    started: Instant,
    /// The last epoch that is over.
    finished: Cell<Option<Epoch>>,
}

impl Reporter {
    pub(super) fn new(progress: Progress, epochs: usize) -> Self {
        Self { shown: progress.shown(), epochs, started: Instant::now(), finished: Cell::new(None) }
    }

    /// Moves the bar within the epoch after `done`, of which a `share` is over; `loss` is the mean so far.
    pub(super) fn within(&self, done: usize, share: f64, loss: impl FnOnce() -> f64) {
        if let Shown::Bar(bar) = &self.shown {
            // The validation of the epoch before is shown until there is a new one: what comes and goes cannot be read.
            let before = self.finished.get();
            let so_far = || Epoch {
                train_loss: loss(),
                validation_loss: before.and_then(|epoch| epoch.validation_loss),
                accuracy: before.and_then(|epoch| epoch.accuracy),
                seconds: 0.0,
            };
            let done_now = done as f64 + share;
            bar.show(
                done_now / self.epochs as f64,
                || self.results(done + 1, &so_far()),
                || self.left(done_now, self.epochs),
            );
        }
    }

    /// Shows an epoch; `done` counts the finished ones, and `last` tells that no other follows.
    pub(super) fn report(&self, done: usize, epoch: &Epoch, last: bool) {
        self.finished.set(Some(*epoch));
        let due = done.is_multiple_of(self.epochs.div_ceil(LINES)) || last;
        let all = if last { done } else { self.epochs };
        let results = || self.results(done, epoch);
        let left = || self.left(done as f64, all);
        let share = done as f64 / self.epochs as f64;
        match &self.shown {
            Shown::Lines { times: true } if due => {
                println!("{}  elapsed {}  {}", results(), clock(self.started.elapsed()), left());
            }
            Shown::Lines { times: false } if due => println!("{}", results()),
            Shown::Bar(bar) if done == self.epochs => bar.end(share, &results()),
            Shown::Bar(bar) if last => bar.end(share, &format!("{}  stopped early", results())),
            Shown::Bar(bar) => bar.show(share, results, left),
            _ => {}
        }
    }

    fn results(&self, done: usize, epoch: &Epoch) -> String {
        let width = self.epochs.to_string().len();
        let mut line = format!("epoch {done:>width$}/{}  train loss {}", self.epochs, number(epoch.train_loss));
        if let Some(loss) = epoch.validation_loss {
            line += &format!("  validation loss {}", number(loss));
        }
        if let Some(accuracy) = epoch.accuracy {
            line += &format!("  accuracy {:.2} %", 100.0 * accuracy);
        }
        line
    }

    /// The time left after `done` epochs of `all`.
    fn left(&self, done: f64, all: usize) -> String {
        let left = self.started.elapsed().mul_f64((all as f64 - done).max(0.0) / done.max(f64::MIN_POSITIVE));
        format!("left {}", clock(left))
    }
}

pub(crate) fn number(loss: f64) -> String {
    if loss == 0.0 || loss.abs() >= 1e-3 { format!("{loss:.4}") } else { format!("{loss:.2e}") }
}

pub(crate) fn clock(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}
