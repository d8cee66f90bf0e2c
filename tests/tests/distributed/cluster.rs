//! Threads as ranks: messages, order, faults.

use std::time::{Duration, Instant};

use candlelight::distributed::{
    Buffer, ClusterConfig, CostModel, Slowdown, Source, Transfer, Values, cluster, cluster_with,
};
use candlelight::probability::Summary;
use candlelight::{CommunicationError, Error, Result};

fn message(error: Error) -> String {
    error.to_string()
}

#[test]
fn messages_of_one_tag_arrive_in_order_and_tags_are_apart() -> Result<()> {
    let run = cluster(2, |comm| {
        if comm.rank() == 0 {
            comm.send(&[1f32], 1, 1)?;
            comm.send(&[2f32], 1, 2)?;
            comm.send(&[3f32], 1, 1)?;
            return Ok(vec![]);
        }
        let mut values = Vec::new();
        for tag in [2, 1, 1] {
            values.extend(comm.recv::<f32>(1, 0, tag)?.values);
        }
        Ok(values)
    })?;
    assert_eq!(run.results[1], [2.0, 1.0, 3.0]);
    Ok(())
}

#[test]
fn a_ring_of_exchanges_does_not_wait_for_itself() -> Result<()> {
    let run = cluster(5, |comm| {
        let (right, left) = ((comm.rank() + 1) % 5, (comm.rank() + 4) % 5);
        let received = comm.send_recv(&[comm.rank() as f64; 3], right, 3, left, 0)?;
        assert_eq!(received.from, left);
        Ok(received.values)
    })?;
    assert_eq!(run.results[0], [4.0; 3]);
    Ok(())
}

#[test]
fn from_any_rank_the_first_by_the_clock_is_taken_whichever_thread_is_faster() -> Result<()> {
    for _ in 0..20 {
        let run = cluster(4, |comm| {
            let rank = comm.rank();
            if rank == 0 {
                return (1..4).map(|_| Ok(comm.recv::<f32>(1, Source::Any, 0)?.from)).collect::<Result<Vec<_>>>();
            }
            // The later by the clock, the sooner by the thread.
            std::thread::sleep(Duration::from_millis(3 * (3 - rank) as u64));
            comm.compute(rank as f64);
            comm.send(&[0f32], 0, 0)?;
            Ok(vec![])
        })?;
        assert_eq!(run.results[0], [1, 2, 3]);
    }
    Ok(())
}

#[test]
fn the_seed_decides_between_messages_of_the_same_time() -> Result<()> {
    let order = |seed| {
        let config = ClusterConfig { seed, ..ClusterConfig::default() };
        let run = cluster_with(6, &config, |comm| match comm.rank() {
            0 => (1..6).map(|_| Ok(comm.recv::<f32>(1, Source::Any, 0)?.from)).collect::<Result<Vec<_>>>(),
            _ => comm.send(&[0f32], 0, 0).map(|()| vec![]),
        })?;
        Ok::<_, Error>(run.results[0].clone())
    };
    for seed in 0..5 {
        assert_eq!(order(seed)?, order(seed)?);
    }
    assert!((1..5).any(|seed| order(seed).unwrap() != order(0).unwrap()));
    Ok(())
}

/// A server that answers whoever comes first: who came, and when.
fn served(size: usize, config: &ClusterConfig) -> Result<(Vec<usize>, f64)> {
    let run = cluster_with(size, config, |comm| {
        let mut served = Vec::new();
        for _ in 0..20 {
            if comm.rank() > 0 {
                comm.compute(1e-3);
                comm.send(&[1f32; 10], 0, 0)?;
                comm.recv::<f32>(10, 0, 1)?;
            } else {
                for _ in 1..size {
                    let from = comm.recv::<f32>(10, Source::Any, 0)?.from;
                    comm.send(&[1f32; 10], from, 1)?;
                    served.push(from);
                }
            }
        }
        Ok(served)
    })?;
    Ok((run.results[0].clone(), run.time()))
}

#[test]
fn an_asynchronous_server_is_repeatable() -> Result<()> {
    let model = CostModel { latency: 1e-4, ..CostModel::default() };
    for slowdown in [Slowdown::None, Slowdown::Exponential { scale: 1.0 }] {
        let config = ClusterConfig { model, slowdown, jitter: 0.5, seed: 3, ..ClusterConfig::default() };
        let first = served(5, &config)?;
        for _ in 0..5 {
            assert_eq!(served(5, &config)?, first);
        }
        assert_eq!((1..5).map(|rank| first.0.iter().filter(|&&of| of == rank).count()).collect::<Vec<_>>(), [20; 4]);
    }
    Ok(())
}

#[test]
fn a_slow_rank_is_slow_on_the_clock() -> Result<()> {
    let config = ClusterConfig { slowdown: Slowdown::Fixed(vec![1.0, 3.0]), ..ClusterConfig::default() };
    let run = cluster_with(2, &config, |comm| {
        comm.compute(2.0);
        Ok(comm.seconds())
    })?;
    assert_eq!(run.results, [2.0, 6.0]);
    Ok(())
}

#[test]
fn slowdowns_have_their_means() {
    let mut rng = candlelight::rng::seeded(1);
    let mut mean = |slowdown: &Slowdown| {
        let draws: Vec<f64> = (0..20_000).map(|_| slowdown.draw(0, &mut rng)).collect();
        Summary::new(&draws).unwrap()
    };
    for (slowdown, expected) in [
        (Slowdown::Exponential { scale: 0.5 }, 1.5),
        (Slowdown::Pareto { shape: 3.0 }, 1.5), // shape / (shape - 1)
    ] {
        let found = mean(&slowdown);
        assert!((found.mean - expected).abs() < 0.02, "{slowdown:?} {}", found.mean);
    }
}

#[test]
fn the_kth_of_n_is_done_when_order_statistics_say() -> Result<()> {
    let mut rng = candlelight::rng::seeded(2);
    for slowdown in [Slowdown::Exponential { scale: 0.5 }, Slowdown::Pareto { shape: 4.0 }] {
        for n in [1, 2, 7] {
            let mut of_rank = vec![Vec::new(); n];
            for _ in 0..20_000 {
                let mut factors: Vec<f64> = (0..n).map(|rank| slowdown.draw(rank, &mut rng)).collect();
                factors.sort_by(f64::total_cmp);
                of_rank.iter_mut().zip(factors).for_each(|(all, factor)| all.push(factor));
            }
            for (k, draws) in (1..).zip(&of_rank) {
                let (expected, found) = (slowdown.expected(k, n)?, Summary::new(draws)?);
                let near = (found.mean - expected).abs() < 4.0 * found.standard_error();
                assert!(near, "{slowdown:?} {k} of {n}: {found} {expected}");
            }
        }
    }
    let fixed = Slowdown::Fixed(vec![2.0, 1.0, 5.0]);
    assert_eq!([1, 2, 3].map(|k| fixed.expected(k, 3).unwrap()), [1.0, 2.0, 5.0]);
    assert_eq!(Slowdown::None.expected(3, 9)?, 1.0);
    assert_eq!(
        message(Slowdown::None.expected(4, 3).unwrap_err()),
        "k of a slowdown must be 1 to the number of ranks, got 4 of 3"
    );
    assert!(Slowdown::None.expected(0, 3).is_err() && fixed.expected(1, 2).is_err());
    Ok(())
}

#[test]
fn a_rank_that_ends_is_named_at_once() {
    let started = Instant::now();
    let wait = |comm: &std::sync::Arc<dyn candlelight::distributed::Communicator>| comm.recv::<f32>(1, 2, 0).map(drop);
    // It returns.
    let error = cluster(3, |comm| if comm.rank() == 2 { Ok(()) } else { wait(comm) }).unwrap_err();
    assert!(
        matches!(&error, Error::Communication(CommunicationError::Gone { rank: 0, operation: "recv", peer: 2, .. })),
        "{error}"
    );
    assert!(message(error).ends_with("rank 2 is gone (it has returned)"));
    // It fails: its own error is the cause.
    let failing = |comm: &std::sync::Arc<dyn candlelight::distributed::Communicator>| match comm.rank() {
        2 => Err(Error::setting("rank", "another", 2)),
        _ => wait(comm),
    };
    assert_eq!(message(cluster(3, failing).unwrap_err()), "rank must be another, got 2");
    // It panics.
    let error = cluster(3, |comm| if comm.rank() == 2 { panic!("at step {}", 7) } else { wait(comm) }).unwrap_err();
    assert_eq!(message(error), "rank 2 waited 0.0 s in cluster: rank 2 is gone (it panicked: at step 7)");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn ranks_that_wait_for_each_other_are_told_so() {
    for _ in 0..50 {
        let error = cluster(3, |comm| comm.recv::<f32>(1, (comm.rank() + 1) % 3, 0)).unwrap_err();
        assert_eq!(
            message(error),
            "rank 0 cannot go on in recv, for all ranks wait: 0 for 1 (recv), 1 for 2 (recv), 2 for 0 (recv)"
        );
    }
}

#[test]
fn a_silent_rank_is_named_after_the_deadline_also_by_those_who_wait_for_it_through_others() {
    let config = ClusterConfig { deadline: Duration::from_millis(500), ..ClusterConfig::default() };
    let started = Instant::now();
    let error = cluster_with(4, &config, |comm| match comm.rank() {
        3 => {
            std::thread::sleep(Duration::from_secs(3));
            Ok(())
        }
        rank => comm.recv::<f32>(1, rank + 1, 0).map(drop),
    })
    .unwrap_err();
    assert!(
        matches!(&error, Error::Communication(CommunicationError::Silent { peers, .. }) if peers == &[3]),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_message_of_another_length_or_dtype_is_refused() {
    let error = cluster(2, |comm| match comm.rank() {
        0 => comm.send(&[1f32; 3], 1, 0),
        _ => comm.recv::<f32>(4, 0, 0).map(drop),
    })
    .unwrap_err();
    assert_eq!(message(error), "rank 1 expected 4 numbers F32 of rank 0 in recv, got 3 F32");
    let error = cluster(2, |comm| match comm.rank() {
        0 => comm.send(&[1f64; 4], 1, 0),
        _ => comm.recv::<f32>(4, 0, 0).map(drop),
    })
    .unwrap_err();
    assert_eq!(message(error), "rank 1 expected 4 numbers F32 of rank 0 in recv, got 4 F64");
}

#[test]
fn what_is_out_of_range_is_refused() {
    let to = |to, tag| cluster(2, move |comm| if comm.rank() == 0 { comm.send(&[0f32], to, tag) } else { Ok(()) });
    assert_eq!(
        message(to(2, 0).unwrap_err()),
        "rank 0 named rank 2 in send, expected one below 2, another than itself"
    );
    assert_eq!(
        message(to(0, 0).unwrap_err()),
        "rank 0 named rank 0 in send, expected one below 2, another than itself"
    );
    assert_eq!(message(to(1, 20_000).unwrap_err()), "tag must be below 16384, got 20000");
    assert!(cluster(0, |_| Ok(())).is_err());
    let config = |slowdown| ClusterConfig { slowdown, ..ClusterConfig::default() };
    for slowdown in [
        Slowdown::Fixed(vec![1.0]),
        Slowdown::Fixed(vec![1.0, 0.0]),
        Slowdown::Exponential { scale: -1.0 },
        Slowdown::Pareto { shape: 1.0 },
    ] {
        assert!(cluster_with(2, &config(slowdown), |_| Ok(())).is_err());
    }
}

#[test]
fn a_transfer_outside_of_its_buffer_is_refused() {
    let start = |transfer: Transfer, scratch: Values| {
        let run = move |comm: &std::sync::Arc<dyn candlelight::distributed::Communicator>| {
            let buffer = Buffer { values: Values::F32(vec![0.0; 3]), scratch: scratch.clone() };
            comm.start("send", buffer, std::slice::from_ref(&transfer), 0).map(drop)
        };
        message(cluster(2, |comm| if comm.rank() == 0 { run(comm) } else { Ok(()) }).unwrap_err())
    };
    let expected = "range of a transfer must be inside of its buffer, got 2..4 of 3";
    assert_eq!(start(Transfer::Send { to: 1, range: 2..4 }, Values::F32(vec![])), expected);
    assert_eq!(start(Transfer::Receive { from: Source::Any, range: 2..4 }, Values::F32(vec![])), expected);
    let aside = Transfer::ReceiveAside { from: Source::Rank(1), range: 0..1 };
    assert_eq!(
        start(aside.clone(), Values::F32(vec![])),
        "range of a transfer must be inside of its buffer, got 0..1 of 0"
    );
    assert_eq!(start(aside, Values::F64(vec![0.0])), "dtype of the scratch must be that of the values, got F64");
}
