//! Collective operations: results, and messages, bytes, rounds and seconds against the formulas.

use candlelight::Result;
use candlelight::distributed::schedule::{chunk, log2_ceil};
use candlelight::distributed::{
    Algorithm, AllReduce, ClusterConfig, Communicator, CostModel, Counts, Reduction, cluster, cluster_with,
};

/// Numbers of a rank whose sums are exact.
fn numbers(rank: usize, len: usize) -> Vec<f64> {
    (0..len).map(|i| ((rank + 1) * (i + 3) % 17) as f64).collect()
}

fn sums(size: usize, len: usize) -> Vec<f64> {
    (0..len).map(|i| (0..size).map(|rank| numbers(rank, len)[i]).sum()).collect()
}

#[test]
fn every_all_reduce_gives_the_sum_at_any_size() -> Result<()> {
    for size in 1..=9 {
        for len in [0, 1, 5, 64] {
            for algorithm in Algorithm::ALL {
                let run = cluster(size, |comm| {
                    let mut values = numbers(comm.rank(), len);
                    comm.all_reduce_with(&mut values, Reduction::Sum, algorithm)?;
                    let later = AllReduce::start(comm, numbers(comm.rank(), len), Reduction::Sum, algorithm)?;
                    assert_eq!(later.wait()?, values);
                    Ok(values)
                })?;
                assert!(run.results.iter().all(|values| *values == sums(size, len)), "{algorithm:?} {size} {len}");
            }
        }
    }
    Ok(())
}

#[test]
fn all_ranks_get_the_same_bits() -> Result<()> {
    for size in [3, 4, 7, 8] {
        for algorithm in Algorithm::ALL {
            let run = cluster(size, |comm| {
                let mut values: Vec<f32> = (0..50).map(|i| 1.0 / (1 + i + 13 * comm.rank()) as f32).collect();
                comm.all_reduce_with(&mut values, Reduction::Sum, algorithm)?;
                Ok(values.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            })?;
            assert!(run.results.iter().all(|bits| *bits == run.results[0]), "{algorithm:?} {size}");
        }
    }
    Ok(())
}

#[test]
fn largest_and_smallest() -> Result<()> {
    for (op, expected) in [(Reduction::Max, 4.0), (Reduction::Min, 0.0)] {
        for algorithm in Algorithm::ALL {
            let run = cluster(5, |comm| {
                let mut value = vec![comm.rank() as f32];
                comm.all_reduce_with(&mut value, op, algorithm).map(|()| value[0])
            })?;
            assert_eq!(run.results, [expected; 5]);
        }
    }
    Ok(())
}

#[test]
fn the_other_operations() -> Result<()> {
    for size in 1..=7 {
        for root in 0..size {
            let run = cluster(size, |comm| {
                let rank = comm.rank();
                let mut spread = numbers(rank, 6);
                comm.broadcast(&mut spread, root)?;
                assert_eq!(spread, numbers(root, 6));
                let reduced = comm.reduce(numbers(rank, 6), Reduction::Sum, root)?;
                assert_eq!(reduced, (rank == root).then(|| sums(size, 6)));
                let part = comm.reduce_scatter(numbers(rank, 10), Reduction::Sum)?;
                assert_eq!(part, sums(size, 10)[chunk(rank, size, 10)]);
                comm.barrier()?;
                comm.all_gather(&[rank as f32, -1.0])
            })?;
            let all: Vec<f32> = (0..size).flat_map(|rank| [rank as f32, -1.0]).collect();
            assert!(run.results.iter().all(|values| *values == all));
        }
    }
    Ok(())
}

/// Messages, bytes, rounds and seconds of one all-reduce.
fn cost(algorithm: Algorithm, size: usize, len: usize, model: CostModel) -> Result<(Vec<Counts>, usize, f64)> {
    let config = ClusterConfig { model, ..ClusterConfig::default() };
    let run = cluster_with(size, &config, |comm| {
        let mut values = vec![1f32; len];
        comm.all_reduce_with(&mut values, Reduction::Sum, algorithm)
    })?;
    Ok((run.counts.clone(), run.rounds(), run.time()))
}

#[test]
fn messages_bytes_and_rounds_are_those_of_the_formulas() -> Result<()> {
    for size in [2_usize, 3, 4, 6, 8, 16] {
        let len = 16 * 3 * size; // a multiple of every number of pieces
        let n = 4 * len; // bytes
        for algorithm in Algorithm::ALL {
            let power = size.is_power_of_two();
            let (messages, bytes, rounds) = match algorithm {
                Algorithm::Flat => (2 * (size - 1), 2 * (size - 1) * n, 2 * (size - 1)),
                Algorithm::Tree => (2 * (size - 1), 2 * (size - 1) * n, 2 * log2_ceil(size)),
                Algorithm::Ring => (2 * size * (size - 1), 2 * (size - 1) * n, 2 * (size - 1)),
                Algorithm::RecursiveDoubling if power => {
                    (size * log2_ceil(size), size * log2_ceil(size) * n, log2_ceil(size))
                }
                Algorithm::Rabenseifner if power => {
                    (2 * size * log2_ceil(size), 2 * (size - 1) * n, 2 * log2_ceil(size))
                }
                _ => continue,
            };
            let (counts, counted, _) = cost(algorithm, size, len, CostModel::default())?;
            let sum = |of: fn(&Counts) -> usize| counts.iter().map(of).sum::<usize>();
            let found = (sum(|c| c.sent), sum(|c| c.sent_bytes), counted);
            assert_eq!(found, (messages, bytes, rounds), "{algorithm:?} {size}");
            assert_eq!((sum(|c| c.received), sum(|c| c.received_bytes)), (messages, bytes));
        }
    }
    Ok(())
}

#[test]
fn the_clock_shows_the_seconds_of_the_formulas() -> Result<()> {
    let models = [
        CostModel::default(),
        CostModel { latency: 1.0, seconds_per_byte: 0.0, seconds_per_reduced_byte: 0.0, ..CostModel::default() },
        CostModel { latency: 0.0, seconds_per_byte: 1e-3, seconds_per_reduced_byte: 1e-4, ..CostModel::default() },
    ];
    for model in models {
        for size in [1_usize, 2, 4, 5, 6, 8, 16] {
            let len = 16 * 3 * 5 * size;
            for algorithm in Algorithm::ALL {
                let expected = algorithm.seconds(&model, size, 4 * len);
                let (_, _, seconds) = cost(algorithm, size, len, model)?;
                // Some ranks wait less than the longest chain.
                let around = !size.is_power_of_two()
                    && matches!(algorithm, Algorithm::Tree | Algorithm::RecursiveDoubling | Algorithm::Rabenseifner);
                assert!(
                    (seconds - expected).abs() <= 1e-9 * expected || around && seconds <= expected,
                    "{algorithm:?} {size}: {seconds} {expected}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn the_fastest_by_the_model_is_the_fastest_on_the_clock() -> Result<()> {
    let model = CostModel::default();
    for size in [4, 8] {
        for len in [8, 800, 8 << 10, 1 << 20] {
            let clock = |algorithm| cost(algorithm, size, len, model).map(|(_, _, seconds)| seconds);
            let best = clock(Algorithm::fastest(&model, size, 4 * len))?;
            for algorithm in Algorithm::ALL {
                assert!(best <= clock(algorithm)? * (1.0 + 1e-9), "{algorithm:?} {size} {len}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_rank_with_another_length_is_named() {
    let error = cluster(3, |comm| {
        let len = if comm.rank() == 1 { 4 } else { 5 };
        comm.all_reduce_with(&mut vec![0f32; len], Reduction::Sum, Algorithm::Flat)
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "rank 0 expected 5 numbers F32 of rank 1 in all_reduce, got 4 F32");
}

#[test]
fn an_all_reduce_goes_on_while_the_rank_computes() -> Result<()> {
    let model = CostModel { latency: 1e-3, ..CostModel::default() };
    let config = ClusterConfig { model, ..ClusterConfig::default() };
    let time = |overlap: bool| {
        let run = cluster_with(4, &config, |comm| {
            let mut sum = AllReduce::start(comm, vec![1f32; 1000], Reduction::Sum, Algorithm::Ring)?;
            if !overlap {
                sum.wait()?;
                comm.compute(0.02);
                return Ok(());
            }
            for _ in 0..20 {
                comm.compute(0.001);
                sum.test()?;
            }
            sum.wait().map(drop)
        })?;
        Ok::<_, candlelight::Error>(run.time())
    };
    let (apart, together) = (time(false)?, time(true)?);
    assert!((apart - 0.026).abs() < 1e-4, "{apart}");
    assert!((0.02..0.0205).contains(&together), "{together}");
    Ok(())
}

#[test]
fn looks_at_requests_are_the_same_at_each_run() -> Result<()> {
    let looks = || {
        cluster(2, |comm: &std::sync::Arc<dyn Communicator>| {
            let other = 1 - comm.rank();
            comm.compute(1e-4 * comm.rank() as f64);
            let mut coming = comm.irecv::<f32>(1000, other, 0)?;
            let going = comm.isend(vec![0f32; 1000], other, 0)?;
            let mut looks = 0;
            while !coming.test()? {
                looks += 1;
                comm.compute(1e-5);
            }
            going.wait()?;
            Ok(looks)
        })
        .map(|run| (run.results, run.seconds))
    };
    let first = looks()?;
    // 54 µs of the message, 11 µs a look; the other begins 100 µs later.
    assert_eq!(first.0, [15, 0]);
    assert_eq!(looks()?, first);
    Ok(())
}
