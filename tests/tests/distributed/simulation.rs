//! Simulated seconds against the clocks of ranks that run the same.

use std::time::Instant;

use candlelight::distributed::{
    Algorithm, ClusterConfig, CostModel, Exchange, Reduction, Simulation, SimulationConfig, Slowdown, Source,
    cluster_with, critical_batch_steps, server_saturation, simulate,
};
use candlelight::probability::Summary;
use candlelight::{Result, rng::stream};

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs()
}

/// All computations are equal, drawn anew, or of a heavy tail; with or without jitter.
fn clusters() -> impl Iterator<Item = ClusterConfig> {
    let slowdowns = [Slowdown::None, Slowdown::Exponential { scale: 0.7 }, Slowdown::Pareto { shape: 1.5 }];
    slowdowns.into_iter().flat_map(|slowdown| {
        [0.0, 0.6].map(|jitter| ClusterConfig {
            model: CostModel { latency: 1e-3, seconds_per_byte: 1e-6, seconds_per_reduced_byte: 3e-7, poll: 1e-6 },
            slowdown: slowdown.clone(),
            jitter,
            seed: 5,
            ..ClusterConfig::default()
        })
    })
}

fn synchronous(algorithm: Algorithm, backups: usize) -> Exchange {
    Exchange::AllReduce { algorithm, backups }
}

#[test]
fn a_synchronous_step_takes_what_the_clock_of_a_cluster_shows() -> Result<()> {
    let of_cluster = |workers, algorithm, config: &SimulationConfig, cluster: &ClusterConfig| -> Result<Vec<f64>> {
        let run = cluster_with(workers, cluster, |comm| {
            let mut seconds = Vec::new();
            for _ in 0..config.steps {
                comm.compute(config.compute);
                comm.all_reduce_with(&mut vec![0f32; config.numbers], Reduction::Sum, algorithm)?;
                seconds.push(comm.seconds());
            }
            Ok(seconds)
        })?;
        let last = |step: usize| run.results.iter().map(|seconds| seconds[step]).fold(0.0, f64::max);
        Ok((0..config.steps).map(last).collect())
    };
    for cluster in clusters() {
        for workers in [1, 2, 3, 5, 8, 11, 16] {
            for numbers in [0, 7, 16 * 15 * 11] {
                for algorithm in Algorithm::ALL {
                    let exchange = synchronous(algorithm, 0);
                    let config = SimulationConfig { exchange, compute: 4e-3, numbers, steps: 3 };
                    let expected = of_cluster(workers, algorithm, &config, &cluster)?;
                    let found = simulate(workers, &config, &cluster)?;
                    assert!(
                        found.seconds.len() == 3 && found.seconds.iter().zip(&expected).all(|(&a, &b)| close(a, b)),
                        "{algorithm:?} {workers} {numbers} {cluster:?}: {:?} {expected:?}",
                        found.seconds
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_fastest_exchange_as_a_cluster_of_their_own() -> Result<()> {
    let (workers, backups) = (9, 3);
    let cluster = ClusterConfig { slowdown: Slowdown::Exponential { scale: 1.0 }, seed: 2, ..ClusterConfig::default() };
    let factors: Vec<f64> = (0..workers)
        .map(|rank| cluster.slowdown.draw(rank, &mut stream(cluster.seed, &format!("computing of rank {rank}"))))
        .collect();
    let mut sorted = factors.clone();
    sorted.sort_by(f64::total_cmp);
    let counted: Vec<f64> = factors.into_iter().filter(|&factor| factor < sorted[workers - backups]).collect();
    for algorithm in Algorithm::ALL {
        let exchange = synchronous(algorithm, backups);
        let config = SimulationConfig { exchange, compute: 0.1, numbers: 1000, steps: 1 };
        let found = simulate(workers, &config, &cluster)?;
        let fixed = ClusterConfig { slowdown: Slowdown::Fixed(counted.clone()), ..cluster.clone() };
        let run = cluster_with(workers - backups, &fixed, |comm| {
            comm.compute(0.1);
            comm.all_reduce_with(&mut vec![0f32; 1000], Reduction::Sum, algorithm)
        })?;
        assert!(found.gradients == 6 && close(found.seconds[0], run.time()), "{algorithm:?}");
    }
    Ok(())
}

/// A server of a cluster that ends after so many updates: who made each, when it was done, and its staleness.
fn served(workers: usize, update: f64, config: &SimulationConfig, cluster: &ClusterConfig) -> Result<Simulation> {
    let run = cluster_with(workers + 1, cluster, |comm| {
        let mut found = Simulation {
            workers,
            compute: config.compute,
            gradients: 1,
            seconds: vec![],
            served: vec![],
            staleness: vec![],
        };
        if comm.rank() > 0 {
            loop {
                comm.compute(config.compute);
                comm.send(&vec![0f32; config.numbers], 0, 0)?;
                if comm.recv::<f32>(config.numbers, 0, 1)?.values[0] < 0.0 {
                    return Ok(found);
                }
            }
        }
        let mut versions = vec![0; workers];
        for updates in 0..config.steps * workers {
            let worker = comm.recv::<f32>(config.numbers, Source::Any, 0)?.from - 1;
            comm.compute(update);
            found.staleness.push(updates - versions[worker]);
            found.served.push(worker);
            versions[worker] = updates + 1;
            // The last answers say that it is over.
            let last = if updates + 1 == config.steps * workers { -1.0_f32 } else { 0.0 };
            comm.send(&vec![last; config.numbers], worker + 1, 1)?;
            found.seconds.push(comm.seconds());
        }
        for _ in 1..workers {
            let from = comm.recv::<f32>(config.numbers, Source::Any, 0)?.from;
            comm.send(&vec![-1.0_f32; config.numbers], from, 1)?;
        }
        Ok(found)
    })?;
    Ok(run.results.into_iter().next().expect("a server"))
}

#[test]
fn a_server_serves_as_that_of_a_cluster() -> Result<()> {
    for cluster in clusters() {
        for workers in [1, 2, 5, 15] {
            for (compute, update) in [(0.02, 0.0), (0.01, 2e-3), (0.0, 1e-3)] {
                let exchange = Exchange::Server { update };
                let config = SimulationConfig { exchange, compute, numbers: 50, steps: 6 };
                let expected = served(workers, update, &config, &cluster)?;
                let found = simulate(workers, &config, &cluster)?;
                let what = format!("{workers} {compute} {update} {cluster:?}");
                assert_eq!(found.served, expected.served, "{what}");
                assert_eq!(found.staleness, expected.staleness, "{what}");
                assert!(found.seconds.iter().zip(&expected.seconds).all(|(&a, &b)| close(a, b)), "{what}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_server_is_saturated_where_the_formula_says() -> Result<()> {
    let model = CostModel::default();
    let (compute, update, numbers) = (0.1, 1e-3, 250_000);
    let saturation = server_saturation(&model, compute, update, numbers);
    let message = model.message(4 * numbers);
    assert!(close(saturation, (compute + 2.0 * message + update) / (message + update)));
    let config = SimulationConfig { exchange: Exchange::Server { update }, compute, numbers, steps: 20 };
    for workers in [2, 20, 40, 60, 100, 1000] {
        let run = simulate(workers, &config, &ClusterConfig::default())?;
        let seconds = match (workers as f64) < saturation {
            true => (compute + 2.0 * message + update) / workers as f64,
            false => message + update,
        };
        assert!((run.seconds_an_update() / seconds - 1.0).abs() < 0.01, "{workers} {}", run.seconds_an_update());
        assert_eq!(run.mean_staleness(), workers as f64 - 1.0);
    }
    Ok(())
}

#[test]
fn the_slowest_of_many_is_as_slow_as_order_statistics_say_and_backups_cure_it() -> Result<()> {
    let harmonic = |n: usize| (1..=n).map(|i| 1.0 / i as f64).sum::<f64>();
    let free = CostModel { latency: 0.0, seconds_per_byte: 0.0, seconds_per_reduced_byte: 0.0, ..CostModel::default() };
    for (workers, backups) in [(100, 0), (100, 5), (1000, 0), (1000, 50)] {
        let exchange = synchronous(Algorithm::RecursiveDoubling, backups);
        let config = SimulationConfig { exchange, compute: 1.0, numbers: 1, steps: 1 };
        let step = |seed| {
            let slowdown = Slowdown::Exponential { scale: 1.0 };
            Ok(simulate(workers, &config, &ClusterConfig { model: free, slowdown, seed, ..ClusterConfig::default() })?
                .seconds[0])
        };
        let seconds: Vec<f64> = (0..400).map(step).collect::<Result<_>>()?;
        let (found, expected) = (Summary::new(&seconds)?, 1.0 + harmonic(workers) - harmonic(backups));
        // The standard deviation of the slowest is π/√6: four standard errors are 0.26.
        assert!((found.mean - expected).abs() < 0.26, "{workers} {backups} {} {expected}", found.mean);
    }
    Ok(())
}

#[test]
fn efficiencies_are_those_of_the_formulas_at_any_scale() -> Result<()> {
    let cluster = ClusterConfig::default();
    let started = Instant::now();
    for workers in [1, 100, 10_000] {
        for algorithm in Algorithm::ALL {
            let exchange = synchronous(algorithm, 0);
            // Ranks, and places of the two that need a power of two, divide the numbers evenly.
            let numbers = 8192 * 625 * 5;
            let config = SimulationConfig { exchange, numbers, steps: 1, ..SimulationConfig::default() };
            let found = simulate(workers, &config, &cluster)?;
            let exchange = algorithm.seconds(&cluster.model, workers, 4 * config.numbers);
            let expected = config.compute / (config.compute + exchange);
            // For other numbers of ranks than powers of two the formulas are bounds, of all but flat and ring.
            let exact = workers == 1 || matches!(algorithm, Algorithm::Flat | Algorithm::Ring);
            let efficiency = found.efficiency();
            assert!(
                close(efficiency, expected) || !exact && efficiency > expected && efficiency < expected * 1.4,
                "{algorithm:?} {workers}: {efficiency} {expected}"
            );
        }
        let exchange = Exchange::Server { update: 0.01 };
        simulate(workers, &SimulationConfig { exchange, ..SimulationConfig::default() }, &cluster)?;
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    Ok(())
}

#[test]
fn of_an_uneven_ring_the_longest_piece_decides() -> Result<()> {
    let seconds = |numbers| {
        let config = SimulationConfig { numbers, steps: 1, ..SimulationConfig::default() };
        Ok::<_, candlelight::Error>(simulate(300, &config, &ClusterConfig::default())?.seconds[0])
    };
    let (below, found, above) = (seconds(300 * 80)?, seconds(300 * 80 + 123)?, seconds(300 * 81)?);
    // It passes all ranks, and none of them waits for another piece.
    assert!(below < found && close(found, above), "{below} {found} {above}");
    Ok(())
}

#[test]
fn time_to_a_loss_follows_the_critical_batch() -> Result<()> {
    assert_eq!(critical_batch_steps(100.0, 64.0, 64.0), 200.0);
    let config = SimulationConfig { numbers: 1000, ..SimulationConfig::default() };
    let run = simulate(8, &config, &ClusterConfig::default())?;
    let expected = 5000.0 * (0.1 + Algorithm::Ring.seconds(&CostModel::default(), 8, 4000));
    assert!(close(run.seconds_to(16, |batch| critical_batch_steps(1e3, 512.0, batch)), expected));
    Ok(())
}

#[test]
fn settings_out_of_range_are_refused() {
    let error = |workers, config: SimulationConfig| {
        simulate(workers, &config, &ClusterConfig::default()).unwrap_err().to_string()
    };
    let usual = SimulationConfig::default();
    let exchange = synchronous(Algorithm::Tree, 4);
    assert_eq!(error(4, SimulationConfig { exchange, ..usual }), "backups must be below the number of workers, got 4");
    assert_eq!(error(0, usual), "workers must be at least 1, got 0");
    assert_eq!(error(2, SimulationConfig { steps: 0, ..usual }), "steps must be at least 1, got 0");
    assert_eq!(error(2, SimulationConfig { compute: -1.0, ..usual }), "compute must be finite and at least 0, got -1");
    let exchange = Exchange::Server { update: f64::NAN };
    assert_eq!(error(2, SimulationConfig { exchange, ..usual }), "update must be finite and at least 0, got NaN");
    let fixed = ClusterConfig { slowdown: Slowdown::Fixed(vec![1.0; 4]), ..ClusterConfig::default() };
    assert!(simulate(4, &usual, &fixed).is_ok());
    let server = SimulationConfig { exchange: Exchange::Server { update: 0.0 }, ..usual };
    assert!(simulate(4, &server, &fixed).is_err() && simulate(3, &server, &fixed).is_ok());
}
