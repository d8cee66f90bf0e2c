//! The multi-armed bandit: one state, several actions, rewards at random.

mod run;
mod testbed;

pub use run::{BanditConfig, BanditCurves, bandit};
pub use testbed::{Testbed, TestbedConfig};
