//! The training loop, what it records and prints, when it stops, and what else helps a model to generalize.

mod accumulation;
pub mod augmentation;
mod bar;
mod choice;
mod early_stopping;
mod ensemble;
mod evaluate;
mod fit;
mod frozen;
mod history;
mod mean;
mod parallel;
mod progress;
mod right;
mod watch;
mod weight_average;

pub use accumulation::GradientSum;
pub use choice::{Choice, Goal};
pub use early_stopping::{Decision, EarlyStopping, StoppingRule};
pub use ensemble::{Average, Ensemble};
pub use evaluate::{Evaluation, evaluate};
pub use fit::{FitConfig, Penalty, fit};
pub use frozen::Frozen;
pub use history::{Epoch, History, Record};
pub use parallel::parallel_map;
pub use progress::Progress;
pub(crate) use progress::{Shown, clock, number};
pub use weight_average::WeightAverage;
