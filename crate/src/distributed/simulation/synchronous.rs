use super::network::Network;
use super::rounds::{latest, ring, run};
use super::{Simulation, SimulationConfig};
use crate::distributed::cluster::clock::Clock;
use crate::distributed::schedule::Round;
use crate::distributed::{Algorithm, ClusterConfig};
use crate::{Result, interrupt};

/// All compute, the fastest exchange their gradients, step by step.
pub(super) fn simulate(
    workers: usize,
    algorithm: Algorithm,
    backups: usize,
    config: &SimulationConfig,
    cluster: &ClusterConfig,
) -> Result<Simulation> {
    let gradients = workers - backups;
    let mut network = Network::new(workers, cluster);
    let schedule: Vec<Vec<Round>> = match algorithm {
        Algorithm::Ring => Vec::new(),
        _ => (0..gradients).map(|rank| algorithm.rounds(rank, gradients, config.numbers)).collect(),
    };
    let all_reduce = |clocks: &mut [Clock], network: &mut Network| match algorithm {
        Algorithm::Ring => ring(config.numbers, clocks, network),
        _ => run(&schedule, clocks, network),
    };
    let mut clocks = vec![Clock::default(); workers];
    let step = |_| {
        interrupt::check()?;
        for (rank, clock) in clocks.iter_mut().enumerate() {
            clock.now += network.computing(rank, config.compute);
        }
        if backups == 0 {
            all_reduce(&mut clocks, &mut network);
            return Ok(latest(&clocks));
        }
        let mut order: Vec<usize> = (0..workers).collect();
        order.sort_by(|&a, &b| clocks[a].now.total_cmp(&clocks[b].now));
        order.truncate(gradients);
        // Who counts keeps its place in the order of the ranks.
        order.sort_unstable();
        let mut fastest: Vec<Clock> = order.into_iter().map(|rank| clocks[rank]).collect();
        all_reduce(&mut fastest, &mut network);
        let end = latest(&fastest);
        let mut together = Clock::default();
        together.reach(end);
        clocks.fill(together);
        Ok(end)
    };
    let seconds = (0..config.steps).map(step).collect::<Result<_>>()?;
    let (served, staleness) = (Vec::new(), Vec::new());
    Ok(Simulation { workers, compute: config.compute, gradients, seconds, served, staleness })
}
