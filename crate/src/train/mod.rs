//! The training loop, what it records and what it prints.

mod fit;
mod history;
mod progress;

pub use fit::{Evaluation, FitConfig, Penalty, evaluate, fit};
pub use history::{Epoch, History};
pub use progress::Progress;
