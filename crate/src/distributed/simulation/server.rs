use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::network::Network;
use super::{Simulation, SimulationConfig};
use crate::distributed::ClusterConfig;
use crate::distributed::cluster::clock::Clock;
use crate::{Result, interrupt};

/// A gradient on its way to the server.
#[derive(Clone, Copy, PartialEq)]
struct Gradient {
    left: f64,
    cost: f64,
    lot: u64,
    worker: usize,
}

/// Rank 0 is the server, the workers come after it.
pub(super) fn simulate(
    workers: usize,
    update: f64,
    config: &SimulationConfig,
    cluster: &ClusterConfig,
) -> Result<Simulation> {
    let bytes = 4 * config.numbers;
    let mut network = Network::new(workers + 1, cluster);
    let mut clocks = vec![Clock::default(); workers + 1];
    // A worker computes and sends; it goes on when its message is out.
    let work = |worker: usize, clock: &mut Clock, network: &mut Network| {
        clock.now += network.computing(worker + 1, config.compute);
        let (cost, lot) = network.message(worker + 1, bytes);
        let left = clock.send(cost);
        clock.reach(clock.sent());
        Gradient { left, cost, lot, worker }
    };
    let mut coming = BinaryHeap::with_capacity(workers);
    coming.extend((0..workers).map(|worker| work(worker, &mut clocks[worker + 1], &mut network)));

    // With which version of the parameters each worker computes.
    let mut versions = vec![0; workers];
    let (mut seconds, mut served, mut staleness) = (Vec::new(), Vec::new(), Vec::new());
    // Every worker that has not been answered is on the list: so the first on it is the first to arrive.
    while let Some(Gradient { left, cost, worker, .. }) = coming.pop() {
        interrupt::check()?;
        let server = &mut clocks[0];
        let received = server.receive(left, cost);
        server.reach(received);
        server.now += network.computing(0, update);
        staleness.push(served.len() - versions[worker]);
        served.push(worker);
        versions[worker] = served.len();

        let (cost, _) = network.message(0, bytes);
        let left = server.send(cost);
        server.reach(server.sent());
        seconds.push(server.now);
        if seconds.len() == config.steps * workers {
            break;
        }
        let clock = &mut clocks[worker + 1];
        let received = clock.receive(left, cost);
        clock.reach(received);
        coming.push(work(worker, clock, &mut network));
    }
    Ok(Simulation { workers, compute: config.compute, gradients: 1, seconds, served, staleness })
}

impl Gradient {
    /// The first to arrive comes first.
    fn key(&self) -> (f64, u64) {
        (self.left + self.cost, self.lot)
    }
}

impl Ord for Gradient {
    // A heap gives the largest first.
    fn cmp(&self, other: &Self) -> Ordering {
        let ((a, lot_a), (b, lot_b)) = (self.key(), other.key());
        b.total_cmp(&a).then(lot_b.cmp(&lot_a))
    }
}

impl PartialOrd for Gradient {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Gradient {}
