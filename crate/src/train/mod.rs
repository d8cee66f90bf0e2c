//! The training loop, what it records and what it prints.

mod ensemble;
mod fit;
mod frozen;
mod history;
mod progress;

pub use ensemble::{Average, Ensemble};
pub use fit::{Evaluation, FitConfig, Penalty, evaluate, fit};
pub use frozen::Frozen;
pub use history::{Epoch, History};
pub use progress::Progress;
