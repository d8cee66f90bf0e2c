//! Asynchronous SGD: one rank holds the parameters, the others send it gradients.

mod server;
mod worker;

use candlelight_base::range;

use super::Counts;
use crate::Result;

pub use server::serve;
pub use worker::Worker;

/// Settings of [`serve`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerConfig {
    /// After so many gradients, used or dropped, each worker is told to stop when its next one comes, which is not used any
    /// more; at least 1, default `None`: the workers leave by themselves.
    pub gradients: Option<usize>,
    /// Who waits for whom; default [`Consistency::Asynchronous`].
    pub consistency: Consistency,
    /// Whether the learning rate of an update is divided by the gradient's staleness, where that is above 1; default false.
    /// Zhang, Gupta, Lian and Liu (2016), "Staleness-aware Async-SGD for Distributed Deep Learning".
    pub divide_rate: bool,
    /// λ of the delay compensation, finite and at least 0; default 0, without. The server then keeps a copy of the parameters
    /// for each worker. Zheng et al. (2017), "Asynchronous Stochastic Gradient Descent with Delay Compensation", eq. 10: the
    /// variant with a constant λ.
    pub compensation: f64,
}

impl ServerConfig {
    fn check(&self) -> Result<()> {
        range::not_negative("compensation", self.compensation)?;
        if let Some(gradients) = self.gradients {
            range::at_least_one("gradients", gradients)?;
        }
        match self.consistency {
            Consistency::Synchronous { gradients } => range::at_least_one("gradients of a round", gradients),
            _ => Ok(()),
        }
    }
}

/// Who waits for whom at a parameter server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Nobody: each gradient is used as it comes, and answered at once.
    #[default]
    Asynchronous,
    /// A worker waits for its answer while it has sent more than `clocks` gradients more than the slowest worker. A gradient of
    /// N workers is then at most (2 `clocks` + 1)(N − 1) updates old. Ho et al. (2013), "More Effective Distributed ML via a
    /// Stale Synchronous Parallel Parameter Server", section 2.
    Bounded {
        /// How far ahead of the slowest.
        clocks: usize,
    },
    /// Every worker: an update takes the mean of the first `gradients` that come of the newest parameters. Those that come
    /// later are dropped: workers in excess are backups for slow ones. Chen, Pan, Monga, Bengio and Jozefowicz (2016),
    /// "Revisiting Distributed Synchronous SGD", section 3.
    Synchronous {
        /// How many, at least 1; where fewer workers are left, as many as these.
        gradients: usize,
    },
}

/// One update of the parameters at a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerUpdate {
    /// Its number, from 1.
    pub number: usize,
    /// The worker whose gradient it used; the last, if there were several.
    pub worker: usize,
    /// How many gradients it used.
    pub gradients: usize,
    /// How many updates were made between the moment in which the server sent the parameters and that in which it used their
    /// gradient.
    pub staleness: usize,
    /// When it was made, by the server's clock.
    pub seconds: f64,
}

/// What a server has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// Its updates, in order.
    pub updates: Vec<ServerUpdate>,
    /// Gradients that came too late for their round (not those that came after the last).
    pub dropped: usize,
    /// Its messages, without the parameters' broadcast at the start.
    pub counts: Counts,
}
