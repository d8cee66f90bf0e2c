use rand::Rng as _;
use rand_distr::{Distribution, Exp1};

use crate::distributed::{ClusterConfig, CostModel, Slowdown};
use crate::rng::{Rng, stream};

/// What computations and messages cost, with the draws that the ranks of a cluster make.
pub(super) struct Network<'a> {
    pub model: CostModel,
    slowdown: &'a Slowdown,
    /// Of the latencies.
    pub jitter: f64,
    computing: Vec<Rng>,
    sending: Vec<Rng>,
}

impl<'a> Network<'a> {
    pub fn new(size: usize, cluster: &'a ClusterConfig) -> Self {
        let draws =
            |what: &str| (0..size).map(|rank| stream(cluster.seed, &format!("{what} of rank {rank}"))).collect();
        let (model, slowdown, jitter) = (cluster.model, &cluster.slowdown, cluster.jitter);
        Self { model, slowdown, jitter, computing: draws("computing"), sending: draws("sending") }
    }

    /// How long a rank takes for what should take so many seconds.
    pub fn computing(&mut self, rank: usize, seconds: f64) -> f64 {
        seconds * self.slowdown.draw(rank, &mut self.computing[rank])
    }

    /// The cost of the next message of a rank, where nothing depends on its lot.
    pub fn cost(&mut self, rank: usize, bytes: usize) -> f64 {
        if self.jitter > 0.0 { self.message(rank, bytes).0 } else { self.model.message(bytes) }
    }

    /// The cost of the next message of a rank, and its lot among those that arrive at the same time.
    pub fn message(&mut self, rank: usize, bytes: usize) -> (f64, u64) {
        let rng = &mut self.sending[rank];
        let delay: f64 = if self.jitter > 0.0 { Exp1.sample(rng) } else { 0.0 };
        (self.model.message(bytes) + delay * self.jitter * self.model.latency, rng.random())
    }
}
