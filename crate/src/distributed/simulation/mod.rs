//! The seconds of a training on more workers than there are threads for.
//!
//! No thread runs and no number is sent: the clocks of the ranks are moved by the rules that a [`cluster`](super::cluster)
//! has, in an order in which every message is known when it is received.

mod network;
mod rounds;
mod server;
mod synchronous;

use candlelight_base::range;

use super::{Algorithm, ClusterConfig, CostModel};
use crate::{Error, Result};

/// How workers join their gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exchange {
    /// Synchronous: all compute, then an all-reduce adds up their gradients. A worker that has the sum computes on, while
    /// others may still wait for it.
    AllReduce {
        /// How.
        algorithm: Algorithm,
        /// Of N workers the fastest N - `backups` count at each step, and exchange their gradients; the others give up
        /// theirs. If there are any, all begin the next step together: what brings the others the sum is not counted.
        /// Below N, default 0. Chen and others (2016), "Revisiting Distributed Synchronous SGD", on backup workers.
        backups: usize,
    },
    /// Asynchronous: each worker sends its gradient to a parameter server, a rank of its own, and goes on with what comes
    /// back. The server takes the gradients one after another, in the order in which they arrive.
    Server {
        /// Seconds that the server takes to apply a gradient; at least 0.
        update: f64,
    },
}

/// Settings of [`simulate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulationConfig {
    /// Default: the ring, without backups.
    pub exchange: Exchange,
    /// Seconds in which a worker computes a gradient, before it is slowed down; at least 0, default 0.1.
    pub compute: f64,
    /// Numbers of a gradient, and of the parameters, of 4 bytes each; default 25 million, which are 100 MB.
    pub numbers: usize,
    /// Gradients of each worker (with a server: in the mean); at least 1, default 4.
    pub steps: usize,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        let exchange = Exchange::AllReduce { algorithm: Algorithm::Ring, backups: 0 };
        Self { exchange, compute: 0.1, numbers: 25_000_000, steps: 4 }
    }
}

/// What [`simulate`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// How many workers there were.
    pub workers: usize,
    /// [`SimulationConfig::compute`].
    pub compute: f64,
    /// Gradients in each update: N - `backups`, or 1 of a server.
    pub gradients: usize,
    /// When each update was done, in seconds: when the last worker had the sum, or when the server had answered.
    pub seconds: Vec<f64>,
    /// Of a server: whose gradient made each update, from 0.
    pub served: Vec<usize>,
    /// Of a server: how many updates came between that gradient's parameters and itself.
    pub staleness: Vec<usize>,
}

/// Seconds of a training on `workers` workers, under the [`CostModel`](super::CostModel), the slowdowns and the jitter of
/// `cluster`, whose deadline plays no part. `workers`: at least 1.
///
/// What it gives is what the clock of [`cluster_with`](super::cluster_with) shows when its ranks do the same, with the same
/// draws; but for rounding. Of a server, rank 0 is the server and worker i is rank i + 1: a
/// [`Slowdown::Fixed`](super::Slowdown::Fixed) has a factor for it too.
///
/// The algorithms run message by message; the ring of N ranks, whose 2 N (N - 1) messages are too many for that, round by
/// round, or by a formula where the ranks divide the numbers evenly and there is no jitter: all its ranks end 2 (N - 1)
/// messages after the slowest has begun. All of it is exact. A step of 10 000 workers takes a third of a second at most, of a
/// ring with jitter some seconds.
///
/// ```
/// use candlelight::distributed::{Algorithm, ClusterConfig, Exchange, SimulationConfig, simulate};
/// # fn main() -> candlelight::Result<()> {
/// // 0.1 s to compute a gradient of 100 MB, on a network of 1 GB/s.
/// let efficiency = |workers, exchange| {
///     let config = SimulationConfig { exchange, ..SimulationConfig::default() };
///     Ok::<_, candlelight::Error>(simulate(workers, &config, &ClusterConfig::default())?.efficiency())
/// };
/// println!("workers   tree   ring   server");
/// for workers in [1, 10, 100, 1_000, 10_000] {
///     let tree = efficiency(workers, Exchange::AllReduce { algorithm: Algorithm::Tree, backups: 0 })?;
///     let ring = efficiency(workers, Exchange::AllReduce { algorithm: Algorithm::Ring, backups: 0 })?;
///     let server = efficiency(workers, Exchange::Server { update: 0.01 })?;
///     println!("{workers:7} {tree:6.3} {ring:6.3} {server:6.3}");
///     assert!(workers == 1 || ring > tree && tree > server || workers == 10_000);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// A setting outside its range.
pub fn simulate(workers: usize, config: &SimulationConfig, cluster: &ClusterConfig) -> Result<Simulation> {
    range::at_least_one("workers", workers)?;
    range::not_negative("compute", config.compute)?;
    range::at_least_one("steps", config.steps)?;
    cluster.model.check()?;
    range::not_negative("jitter", cluster.jitter)?;
    match config.exchange {
        Exchange::AllReduce { algorithm, backups } => {
            cluster.slowdown.check(workers)?;
            if backups >= workers {
                return Err(Error::setting("backups", "below the number of workers", backups));
            }
            synchronous::simulate(workers, algorithm, backups, config, cluster)
        }
        Exchange::Server { update } => {
            cluster.slowdown.check(workers + 1)?;
            range::not_negative("update", update)?;
            server::simulate(workers, update, config, cluster)
        }
    }
}

impl Simulation {
    /// Seconds from one update to the next, in the mean over the second half of them: the first have come sooner or later.
    pub fn seconds_an_update(&self) -> f64 {
        let half = self.seconds.len() / 2;
        let (begin, end) = (if half == 0 { 0.0 } else { self.seconds[half - 1] }, self.seconds.last().unwrap_or(&0.0));
        (end - begin) / (self.seconds.len() - half) as f64
    }

    /// The share of the workers' time in which they compute what counts, as fast as they should.
    ///
    /// ```text
    /// efficiency = gradients · compute / (workers · seconds of an update)
    /// ```
    ///
    /// With `compute` the same at any N this is the efficiency of weak scaling, T₁ / T_N; with `compute` divided by N, that
    /// of strong scaling, T₁ / (N T_N): T₁ is the time of one worker that does the work of a step alone. The machine of a
    /// server is not counted.
    pub fn efficiency(&self) -> f64 {
        self.gradients as f64 * self.compute / (self.workers as f64 * self.seconds_an_update())
    }

    /// Of a server: the mean staleness over the second half of the updates.
    pub fn mean_staleness(&self) -> f64 {
        let late = &self.staleness[self.staleness.len() / 2..];
        late.iter().sum::<usize>() as f64 / late.len().max(1) as f64
    }

    /// Seconds to a loss: `updates` says how many updates of a batch of so many samples lead there, such as
    /// [`critical_batch_steps`]. `batch`: samples of a gradient.
    ///
    /// Of a server the batch of an update is that of one worker, and what staleness costs is not counted, unless `updates`
    /// does.
    ///
    /// ```
    /// use candlelight::distributed::{ClusterConfig, SimulationConfig, critical_batch_steps, simulate};
    /// # fn main() -> candlelight::Result<()> {
    /// let hours = |workers| {
    ///     let run = simulate(workers, &SimulationConfig::default(), &ClusterConfig::default())?;
    ///     Ok::<_, candlelight::Error>(run.seconds_to(32, |batch| critical_batch_steps(1e4, 2048., batch)) / 3600.)
    /// };
    /// // Ten times the workers: nearly ten times as fast as long as the batch is small, hardly any faster when it is large.
    /// assert!(hours(10)? / hours(100)? > 4. && hours(1_000)? / hours(10_000)? < 1.1);
    /// # Ok(()) }
    /// ```
    pub fn seconds_to(&self, batch: usize, updates: impl Fn(f64) -> f64) -> f64 {
        updates((batch * self.gradients) as f64) * self.seconds_an_update()
    }
}

/// How many steps lead to a loss, by the batch size.
///
/// ```text
/// S(B) = S_min (1 + B_crit / B)
/// ```
///
/// S_min: the steps of a very large batch; B_crit: where twice as many are needed. McCandlish, Kaplan, Amodei and others
/// (2018), "An Empirical Model of Large-Batch Training", equation 2.11 with E = B S samples.
pub fn critical_batch_steps(min_steps: f64, critical_batch: f64, batch: f64) -> f64 {
    min_steps * (1.0 + critical_batch / batch)
}

/// The number of workers above which a server is the bottleneck: more of them bring no more updates a second, only staleness.
///
/// ```text
/// N* = (compute + 2 message + update) / (message + update)
/// ```
///
/// Above: from one gradient of a worker to its next. Below: what the server needs for each, which receives while it sends. Up
/// to N* the server makes N / (compute + 2 message + update) updates a second, beyond 1 / (message + update), if all workers are
/// equal. `compute` and `update`: seconds; `numbers`: of a gradient, of 4 bytes each.
///
/// ```
/// use candlelight::distributed::{CostModel, server_saturation};
/// // 0.1 s to compute 100 MB, at 1 GB/s: three workers are enough.
/// assert!((server_saturation(&CostModel::default(), 0.1, 0.01, 25_000_000) - 2.82).abs() < 0.01);
/// ```
pub fn server_saturation(model: &CostModel, compute: f64, update: f64, numbers: usize) -> f64 {
    let message = model.message(4 * numbers);
    (compute + 2.0 * message + update) / (message + update)
}
