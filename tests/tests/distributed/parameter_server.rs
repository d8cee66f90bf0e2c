//! The parameter server: traffic, staleness, who waits for whom, and what delays do to an update.

use std::sync::Arc;

use candlelight::distributed::*;
use candlelight::optim::schedule::StepLr;
use candlelight::prelude::*;
use candlelight::{CommunicationError, Error};
use candlelight_tests::flat;

use super::{gradient, plain, vector};

const LEN: usize = 3;

/// Each worker sends `steps` gradients, the parameters themselves (of ½‖x‖²), each computed in 10 ms by the clock.
fn work(comm: &Arc<dyn Communicator>, params: &Params, x: &Var, steps: usize) -> Result<usize> {
    let mut worker = Worker::join(comm, params)?;
    for step in 1..=steps {
        comm.compute(1e-2);
        if !worker.exchange(&gradient(x, &flat(x))?)? {
            return Ok(step);
        }
    }
    worker.leave()?;
    Ok(steps)
}

struct Run {
    served: Served,
    /// Of the server and of each worker at the end.
    x: Vec<Vec<f64>>,
    steps: Vec<usize>,
    seconds: f64,
}

fn run(workers: usize, steps: usize, lr: f64, config: &ServerConfig, cluster: &ClusterConfig) -> Result<Run> {
    let run = cluster_with(workers + 1, cluster, |comm| {
        // The server's values count.
        let (params, x) = vector(&[if comm.rank() == 0 { 1.0 } else { 7.0 }; LEN])?;
        if comm.rank() == 0 {
            let served = serve(comm, &params, &mut plain(&params, lr)?, config, |_, _| Ok(()))?;
            return Ok((Some(served), flat(&x), 0));
        }
        let steps = work(comm, &params, &x, steps)?;
        Ok((None, flat(&x), steps))
    })?;
    let seconds = run.time();
    let served = run.results[0].0.clone().expect("the server's");
    let (x, steps) = run.results.into_iter().map(|(_, x, steps)| (x, steps)).unzip();
    Ok(Run { served, x, steps, seconds })
}

fn staleness(run: &Run) -> Vec<usize> {
    run.served.updates.iter().map(|update| update.staleness).collect()
}

fn mean(values: &[usize]) -> f64 {
    values.iter().sum::<usize>() as f64 / values.len() as f64
}

#[test]
fn one_worker_is_plain_gradient_descent() -> Result<()> {
    let one = run(1, 8, 0.25, &ServerConfig::default(), &ClusterConfig::default())?;
    assert_eq!(staleness(&one), [0; 8]);
    assert_eq!(one.x, [[0.75f64.powi(8); LEN]; 2]);
    Ok(())
}

#[test]
fn a_gradient_is_one_message_and_so_is_the_answer() -> Result<()> {
    for workers in [1, 2, 5] {
        let run = run(workers, 6, 0.1, &ServerConfig::default(), &ClusterConfig::default())?;
        let updates = 6 * workers;
        assert_eq!(run.served.updates.len(), updates);
        let numbers = (LEN + 1) * 8;
        let Counts { sent, sent_bytes, received, received_bytes, .. } = run.served.counts;
        // Each worker's leave is one more.
        assert_eq!((sent, received), (updates, updates + workers));
        assert_eq!((sent_bytes, received_bytes), (updates * numbers, (updates + workers) * numbers));
    }
    Ok(())
}

#[test]
fn equal_workers_take_turns_and_their_gradients_are_n_minus_one_old() -> Result<()> {
    let run = run(4, 10, 0.1, &ServerConfig::default(), &ClusterConfig::default())?;
    let expected: Vec<usize> = (0..40).map(|update| update.min(3)).collect();
    assert_eq!(staleness(&run), expected);
    for round in run.served.updates.chunks(4) {
        let mut workers: Vec<usize> = round.iter().map(|update| update.worker).collect();
        workers.sort_unstable();
        assert_eq!(workers, [1, 2, 3, 4]);
    }
    Ok(())
}

#[test]
fn the_mean_staleness_is_n_minus_one_whatever_the_speeds() -> Result<()> {
    let config = ServerConfig { gradients: Some(2000), ..ServerConfig::default() };
    for slowdown in [
        Slowdown::Exponential { scale: 100.0 },
        Slowdown::Fixed(vec![1.0, 1.0, 1.0, 1.0, 10.0]),
        Slowdown::Pareto { shape: 1.5 },
    ] {
        let cluster = ClusterConfig { slowdown: slowdown.clone(), ..ClusterConfig::default() };
        let run = run(4, usize::MAX, 0.01, &config, &cluster)?;
        let all = staleness(&run);
        assert_eq!(all.len(), 2000);
        // The first updates, and those under way at the end, are missing: at most N² of 2000 N.
        assert!((mean(&all) - 3.0).abs() < 0.03, "{slowdown:?}: {}", mean(&all));
        if let Slowdown::Fixed(_) = slowdown {
            let slow: Vec<usize> =
                run.served.updates.iter().filter(|update| update.worker == 4).map(|update| update.staleness).collect();
            assert!(mean(&slow) > 25.0, "the slow worker's are old: {}", mean(&slow));
        }
    }
    Ok(())
}

#[test]
fn updates_are_those_of_the_delayed_recursion() -> Result<()> {
    // Two workers that take turns: after the first, each gradient is one update old.
    let run = run(2, 10, 0.3, &ServerConfig::default(), &ClusterConfig::default())?;
    let mut x = vec![1.0, 1.0 - 0.3];
    while x.len() <= 20 {
        x.push(x[x.len() - 1] - 0.3 * x[x.len() - 2]);
    }
    assert!((run.x[0][0] - x[20]).abs() < 1e-12);
    Ok(())
}

#[test]
fn workers_are_told_to_stop() -> Result<()> {
    let config = ServerConfig { gradients: Some(7), ..ServerConfig::default() };
    for consistency in [
        Consistency::Asynchronous,
        Consistency::Bounded { clocks: 0 },
        Consistency::Bounded { clocks: 3 },
        Consistency::Synchronous { gradients: 3 },
        Consistency::Synchronous { gradients: 2 },
    ] {
        let config = ServerConfig { consistency, ..config.clone() };
        let run = run(3, usize::MAX, 0.1, &config, &ClusterConfig::default())?;
        let used: usize = run.served.updates.iter().map(|update| update.gradients).sum();
        assert_eq!(used + run.served.dropped, 7, "{consistency:?}");
        assert!(run.steps[1..].iter().all(|steps| (1..=7).contains(steps)), "{consistency:?} {:?}", run.steps);
        // All end with the last parameters.
        assert!(run.x.iter().all(|x| *x == run.x[0]), "{consistency:?}");
    }
    Ok(())
}

#[test]
fn bounded_staleness_holds_fast_workers_back() -> Result<()> {
    let slow = |factor: f64| Slowdown::Fixed(vec![1.0, 1.0, 1.0, factor]);
    let cluster = ClusterConfig { slowdown: slow(20.0), ..ClusterConfig::default() };
    let workers = 3;
    for clocks in [0, 1, 4] {
        let consistency = Consistency::Bounded { clocks };
        let config = ServerConfig { gradients: Some(300), consistency, ..ServerConfig::default() };
        let run = run(workers, usize::MAX, 0.01, &config, &cluster)?;
        let (mut sent, mut ahead) = ([0usize; 4], 0);
        for update in &run.served.updates {
            sent[update.worker] += 1;
            ahead = ahead.max(sent[update.worker] - sent[1..].iter().min().expect("workers"));
        }
        // A worker that is `clocks` ahead may compute and send one more.
        assert_eq!(ahead, clocks + 1);
        let most = staleness(&run).into_iter().max().expect("updates");
        assert!(most <= (2 * clocks + 1) * (workers - 1), "{clocks}: {most}");
    }
    // Without a bound the slow worker's gradients are about 2 · 20 updates old.
    let config = ServerConfig { gradients: Some(300), ..ServerConfig::default() };
    let free = run(workers, usize::MAX, 0.01, &config, &cluster)?;
    assert!(staleness(&free).into_iter().max() > Some(30));
    Ok(())
}

#[test]
fn a_bound_does_not_wait_for_a_worker_that_has_left() -> Result<()> {
    let config = ServerConfig { consistency: Consistency::Bounded { clocks: 0 }, ..ServerConfig::default() };
    let run = cluster(3, |comm| {
        let (params, x) = vector(&[1.0])?;
        match comm.rank() {
            0 => Ok(serve(comm, &params, &mut plain(&params, 0.1)?, &config, |_, _| Ok(()))?.updates.len()),
            rank => work(comm, &params, &x, 5 * rank),
        }
    })?;
    assert_eq!(run.results, [15, 5, 10]);
    Ok(())
}

#[test]
fn a_synchronous_round_takes_the_mean_and_drops_the_late() -> Result<()> {
    let consistency = Consistency::Synchronous { gradients: 3 };
    let config = ServerConfig { gradients: Some(30), consistency, ..ServerConfig::default() };
    let all = run(3, usize::MAX, 0.25, &config, &ClusterConfig::default())?;
    assert_eq!((all.served.updates.len(), all.served.dropped), (10, 0));
    assert!(all.served.updates.iter().all(|update| update.staleness == 0 && update.gradients == 3));
    assert!((all.x[0][0] - 0.75f64.powi(10)).abs() < 1e-12);
    // One of three is a backup: the slow worker is waited for no more.
    let slowdown = Slowdown::Fixed(vec![1.0, 1.0, 1.0, 2.5]);
    let cluster = ClusterConfig { slowdown, ..ClusterConfig::default() };
    let waits = run(3, usize::MAX, 0.25, &config, &cluster)?;
    let consistency = Consistency::Synchronous { gradients: 2 };
    let backup = run(3, usize::MAX, 0.25, &ServerConfig { consistency, ..config.clone() }, &cluster)?;
    let time = |run: &Run| run.seconds / run.served.updates.len() as f64;
    assert!(time(&waits) > 2.5e-2 && time(&backup) < 1.2e-2, "{} {}", time(&waits), time(&backup));
    // The last round may be cut short by the end of the work.
    let (_, whole) = backup.served.updates.split_last().expect("updates");
    assert!(backup.served.dropped >= 3 && whole.iter().all(|update| update.gradients == 2));
    assert!((backup.x[0][0] - 0.75f64.powi(backup.served.updates.len() as i32)).abs() < 1e-12);
    Ok(())
}

#[test]
fn the_rate_is_divided_by_the_staleness_for_one_update() -> Result<()> {
    let config = ServerConfig { divide_rate: true, gradients: Some(8), ..ServerConfig::default() };
    let run = cluster(5, |comm| {
        let (params, x) = vector(&[0.0])?;
        if comm.rank() > 0 {
            let mut worker = Worker::join(comm, &params)?;
            while worker.exchange(&gradient(&x, &[1.0])?)? {}
            return Ok(vec![]);
        }
        let mut sgd = plain(&params, 0.6)?;
        let mut path = vec![];
        serve(comm, &params, &mut sgd, &config, |update, sgd| {
            assert_eq!(sgd.learning_rate(), 0.6);
            path.push((update.staleness, flat(&x)[0]));
            Ok(())
        })?;
        Ok(path)
    })?;
    let mut expected = 0.0;
    for (staleness, x) in &run.results[0] {
        expected -= 0.6 / (*staleness).max(1) as f64;
        assert!((x - expected).abs() < 1e-12, "{:?}", run.results[0]);
    }
    assert_eq!(run.results[0].last().map(|last| last.0), Some(3));
    Ok(())
}

#[test]
fn delays_are_compensated_by_the_square_of_the_gradient() -> Result<()> {
    let (lambda, lr) = (0.5, 0.1);
    let config = ServerConfig { compensation: lambda, ..ServerConfig::default() };
    let run = run(2, 3, lr, &config, &ClusterConfig::default())?;
    // x_t, and each gradient is x of one update before (of none for the first).
    let mut x = vec![1.0f64];
    for t in 0..6usize {
        let (now, read) = (x[t], x[t.saturating_sub(1)]);
        x.push(now - lr * (read + lambda * read * read * (now - read)));
    }
    assert!((run.x[0][0] - x[6]).abs() < 1e-12, "{:?} {x:?}", run.x[0]);
    Ok(())
}

#[test]
fn the_callback_may_change_the_rate_and_end_the_work() -> Result<()> {
    let of = |fails: bool| {
        cluster(2, move |comm| {
            let (params, x) = vector(&[0.0])?;
            if comm.rank() > 0 {
                let mut worker = Worker::join(comm, &params)?;
                for _ in 0..4 {
                    worker.exchange(&gradient(&x, &[1.0])?)?;
                }
                return worker.leave().map(|()| 0.0);
            }
            let mut sgd = plain(&params, 1.0)?;
            let mut scheduler = LrScheduler::new(StepLr::new(2, 0.5)?, &mut sgd)?;
            serve(comm, &params, &mut sgd, &ServerConfig::default(), |update, sgd| {
                if fails && update.number == 3 {
                    return Err(Error::setting("loss", "finite", f64::NAN));
                }
                scheduler.step(sgd)
            })?;
            Ok(flat(&x)[0])
        })
    };
    assert_eq!(of(false)?.results[0], -(1.0 + 1.0 + 0.5 + 0.5));
    assert_eq!(of(true).unwrap_err().to_string(), "loss must be finite, got NaN");
    Ok(())
}

#[test]
fn a_real_net_of_f32_is_trained() -> Result<()> {
    let run = cluster(4, |comm| {
        let params = Params::new(comm.rank() as u64, &Device::Cpu)?;
        let model = linear(2, 1, params.pp("fc"))?;
        let x = candlelight::rng::normal(&mut seeded(3), 0.0, 1.0, (64, 2), DType::F32, &Device::Cpu)?;
        let y = ((x.narrow(1, 0, 1)? * 2.0)? - x.narrow(1, 1, 1)?)?;
        let loss = || mse(&model.forward(&x, Mode::Train)?, &y);
        if comm.rank() == 0 {
            let config = ServerConfig { gradients: Some(300), ..ServerConfig::default() };
            let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 0.05, ..AdamConfig::default() })?;
            serve(comm, &params, &mut adam, &config, |_, _| Ok(()))?;
        } else {
            let mut worker = Worker::join(comm, &params)?;
            while worker.exchange(&value_and_grad(loss)?.1)? {}
        }
        Ok(loss()?.to_scalar::<f32>()?)
    })?;
    assert!(run.results.iter().all(|loss| *loss < 1e-3 && *loss == run.results[0]), "{:?}", run.results);
    Ok(())
}

#[test]
fn a_worker_that_dies_does_not_stop_the_others() {
    let run = cluster(4, |comm| {
        let (params, x) = vector(&[1.0])?;
        match comm.rank() {
            0 => {
                let mut count = 0;
                let served = serve(comm, &params, &mut plain(&params, 0.1)?, &ServerConfig::default(), |update, _| {
                    count = update.number;
                    Ok(())
                });
                assert_eq!(count, 2 + 9 + 9);
                served.map(drop)
            }
            1 => work(comm, &params, &x, 2).and(Err(Error::setting("worker", "alive", "dead"))),
            2 => {
                let mut worker = Worker::join(comm, &params)?;
                for _ in 0..9 {
                    worker.exchange(&gradient(&x, &[0.0])?)?;
                }
                Ok(()) // without a leave
            }
            _ => work(comm, &params, &x, 9).map(drop),
        }
    });
    assert_eq!(run.unwrap_err().to_string(), "worker must be alive, got dead");
    // Alone, what the server reports.
    let silent = cluster(2, |comm| {
        let (params, _) = vector(&[1.0])?;
        match comm.rank() {
            0 => serve(comm, &params, &mut plain(&params, 0.1)?, &ServerConfig::default(), |_, _| Ok(())).map(drop),
            _ => Worker::join(comm, &params).map(drop),
        }
    });
    let error = silent.unwrap_err();
    assert!(
        matches!(&error, Error::Communication(CommunicationError::Gone { rank: 0, operation: "serve", peer: 1, .. })),
        "{error}"
    );
}

#[test]
fn what_does_not_fit_is_a_typed_error() {
    let of = |size: usize, config: ServerConfig| {
        cluster(size, |comm| {
            let (params, x) = vector(&[1.0])?;
            match comm.rank() {
                0 => serve(comm, &params, &mut plain(&params, 0.1)?, &config, |_, _| Ok(())).map(drop),
                _ => work(comm, &params, &x, 2).map(drop),
            }
        })
        .unwrap_err()
        .to_string()
    };
    let default = ServerConfig::default;
    assert_eq!(of(1, default()), "ranks of a parameter server must be at least 2, got 1");
    assert_eq!(of(2, ServerConfig { gradients: Some(0), ..default() }), "gradients must be at least 1, got 0");
    let negative = ServerConfig { compensation: -1.0, ..default() };
    assert_eq!(of(2, negative), "compensation must be finite and at least 0, got -1");
    let consistency = Consistency::Synchronous { gradients: 0 };
    assert_eq!(of(2, ServerConfig { consistency, ..default() }), "gradients of a round must be at least 1, got 0");
    let swapped = cluster(2, |comm| {
        let (params, _) = vector(&[1.0])?;
        match comm.rank() {
            0 => Worker::join(comm, &params).map(drop),
            _ => serve(comm, &params, &mut plain(&params, 0.1)?, &ServerConfig::default(), |_, _| Ok(())).map(drop),
        }
    });
    assert_eq!(swapped.unwrap_err().to_string(), "rank of a worker must be above 0, got 0");
    let after = cluster(2, |comm| {
        let (params, x) = vector(&[1.0])?;
        let config = ServerConfig { gradients: Some(1), ..default() };
        match comm.rank() {
            0 => serve(comm, &params, &mut plain(&params, 0.1)?, &config, |_, _| Ok(())).map(drop),
            _ => {
                let mut worker = Worker::join(comm, &params)?;
                assert!(!worker.exchange(&gradient(&x, &[1.0])?)?);
                worker.exchange(&gradient(&x, &[1.0])?).map(drop)
            }
        }
    });
    assert_eq!(
        after.unwrap_err().to_string(),
        "exchange must be called until the server says stop, got a call after that"
    );
    let missing = cluster(2, |comm| {
        let (params, _) = vector(&[1.0])?;
        match comm.rank() {
            0 => serve(comm, &params, &mut plain(&params, 0.1)?, &default(), |_, _| Ok(())).map(drop),
            _ => Worker::join(comm, &params)?.exchange(&Default::default()).map(drop),
        }
    });
    assert!(matches!(missing.unwrap_err(), Error::MissingGradient { name } if name == "x"));
}
