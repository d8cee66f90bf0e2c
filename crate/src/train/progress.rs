use std::time::{Duration, Instant};

use super::Epoch;

/// Lines a run prints at most: enough to see a trend, few enough for the output of a notebook cell.
const LINES: usize = 20;

/// What a training run prints: whole lines on stdout, at most 20 a run (a notebook kernel loses what does not end in a
/// newline).
///
/// ```text
/// epoch  3/10  train loss 0.4123  test loss 0.4401  accuracy 84.52 %  elapsed 3.1 s  left 7.2 s
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    Silent,
    /// Losses, accuracy and times.
    #[default]
    Lines,
    /// The same without times, so that two runs of one seed print the same.
    LinesWithoutTimes,
}

/// Prints the progress of one run.
pub(super) struct Reporter {
    progress: Progress,
    epochs: usize,
    started: Instant,
}

impl Reporter {
    pub(super) fn new(progress: Progress, epochs: usize) -> Self {
        Self { progress, epochs, started: Instant::now() }
    }

    /// Prints a line if one is due; `done` counts the finished epochs, and `last` tells that no other follows.
    pub(super) fn report(&self, done: usize, epoch: &Epoch, last: bool) {
        let due = done.is_multiple_of(self.epochs.div_ceil(LINES)) || last;
        match self.progress {
            Progress::Lines if due => println!("{}  {}", self.results(done, epoch), self.times(done, last)),
            Progress::LinesWithoutTimes if due => println!("{}", self.results(done, epoch)),
            _ => {}
        }
    }

    fn results(&self, done: usize, epoch: &Epoch) -> String {
        let width = self.epochs.to_string().len();
        let mut line = format!("epoch {done:>width$}/{}  train loss {}", self.epochs, number(epoch.train_loss));
        if let Some(loss) = epoch.test_loss {
            line += &format!("  test loss {}", number(loss));
        }
        if let Some(accuracy) = epoch.accuracy {
            line += &format!("  accuracy {:.2} %", 100.0 * accuracy);
        }
        line
    }

    fn times(&self, done: usize, last: bool) -> String {
        let elapsed = self.started.elapsed();
        let epochs = if last { 0 } else { self.epochs - done };
        let left = elapsed.mul_f64(epochs as f64 / done as f64);
        format!("elapsed {}  left {}", clock(elapsed), clock(left))
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
