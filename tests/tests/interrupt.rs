//! Ctrl-C: a request for those who ask for it, and the end of the process else.

use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candlelight::data::Dataset;
use candlelight::distributed::{ClusterConfig, Exchange, SimulationConfig, cluster, simulate};
use candlelight::interrupt::{self, on_ctrl_c};
use candlelight::metrics::generative::Transport;
use candlelight::prelude::*;
use candlelight::rl::{
    CartPole, Dqn, DqnConfig, FrozenLakeConfig, GridMap, TabularPolicy, ValueIterationConfig, best_stationary_within,
    bootstrap_interval, episode_returns, frozen_lake, iterative_policy_evaluation, policy_iteration, q_network,
    value_iteration,
};
use candlelight::train::fit;
use signal_hook::consts::SIGINT;
use signal_hook::low_level::raise;

/// The signal is one for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_request_ends_training_between_two_steps() -> Result<()> {
    let _alone = ALONE.lock().unwrap();
    let x = Tensor::ones((64, 2), DType::F32, &Device::Cpu)?;
    let data = Dataset::new(&x, &x)?;
    let params = Params::new(0, &Device::Cpu)?;
    let model = linear(2, 2, params.pp("fc"))?;
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default())?;
    let config = FitConfig { epochs: 3, batch_size: 8, ..FitConfig::default() }.silent();

    let held = on_ctrl_c()?;
    let steps = std::cell::Cell::new(0);
    let loss = |p: &Tensor, t: &Tensor| {
        steps.set(steps.get() + 1);
        if steps.get() == 5 {
            raise(SIGINT).expect("a signal");
        }
        mse(p, t)
    };
    let mut run = || fit(&model, &mut sgd, loss, &data, None, &config, &mut seeded(0));
    let stopped = run();
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    assert_eq!(steps.get(), 5, "the step in which it came is a whole one");
    assert_eq!(config.record.history(), History::default(), "no epoch was");
    assert!(interrupt::requested() && run().is_err(), "as long as it is held");
    assert!(matches!(evaluate(&model, mse, &data, 8), Err(Error::Interrupted)));
    let begun: Result<Vec<()>> = parallel_map(0..3, |_| panic!("it must not begin"));
    assert!(matches!(begun, Err(Error::Interrupted)));
    drop(held);
    assert!(!interrupt::requested() && interrupt::check().is_ok());
    let history = run()?;
    assert_eq!(history.epochs.len(), 3, "and trains again");
    assert_eq!(config.record.history(), history);
    Ok(())
}

#[test]
fn the_epochs_until_then_are_in_the_record() -> Result<()> {
    let _alone = ALONE.lock().unwrap();
    let x = Tensor::ones((64, 2), DType::F32, &Device::Cpu)?;
    let data = Dataset::new(&x, &x)?;
    let train = |config: &FitConfig, stop_at: usize| {
        let params = Params::new(0, &Device::Cpu)?;
        let model = linear(2, 2, params.pp("fc"))?;
        let mut sgd = Sgd::new(params.trainable(), SgdConfig::default())?;
        let steps = std::cell::Cell::new(0);
        let loss = |p: &Tensor, t: &Tensor| {
            steps.set(steps.get() + 1);
            if steps.get() == stop_at {
                raise(SIGINT).expect("a signal");
            }
            mse(p, t)
        };
        fit(&model, &mut sgd, loss, &data, None, config, &mut seeded(0))
    };
    let config = || FitConfig { epochs: 4, batch_size: 8, ..FitConfig::default() }.silent();
    let whole = train(&config(), 0)?;

    let (held, config) = (on_ctrl_c()?, config());
    let record = config.record.clone();
    // Eight steps an epoch: in the third.
    let stopped = train(&config, 19);
    drop(held);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    assert_eq!(config.record.history().train_loss(), whole.train_loss()[..2]);
    assert_eq!(record.history(), config.record.history(), "a clone is of the same record");
    train(&config, 0)?;
    assert_eq!(record.history().train_loss(), whole.train_loss(), "of the run that began last");
    Ok(())
}

#[test]
fn a_rank_that_waits_for_another_sees_the_request() -> Result<()> {
    let _alone = ALONE.lock().unwrap();
    let held = on_ctrl_c()?;
    let started = Instant::now();
    // The first rank says nothing until the second has given up.
    let waits = AtomicBool::new(true);
    let run = cluster(2, |comm| {
        if comm.rank() == 1 {
            let received = comm.recv::<f32>(1, 0, 0).map(drop);
            waits.store(false, Ordering::SeqCst);
            return received;
        }
        std::thread::sleep(Duration::from_millis(200));
        raise(SIGINT).expect("a signal");
        while waits.load(Ordering::SeqCst) && started.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    });
    drop(held);
    assert!(matches!(run, Err(Error::Interrupted)), "{run:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    Ok(())
}

#[test]
fn an_agent_that_was_interrupted_keeps_its_history() -> Result<()> {
    let _alone = ALONE.lock().unwrap();
    let config = DqnConfig { learning_starts: 20, batch_size: 8, ..DqnConfig::default() };
    let make = || Dqn::new(CartPole::v1(), |params| q_network(&[4, 8, 2], params), config, 0);
    let mut whole = make()?;
    let expected = whole.train(500, Progress::Silent)?;
    assert_eq!(whole.history(), &expected);

    let mut agent = make()?;
    let held = on_ctrl_c()?;
    let stopped = agent.train_until(500, Progress::Silent, |_, history| {
        if history.episodes.len() == 4 {
            raise(SIGINT).expect("a signal");
        }
        Ok(false)
    });
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    drop(held);
    let kept = agent.history().clone();
    assert_eq!(kept.episodes, expected.episodes[..4]);
    assert!(!kept.updates.is_empty() && kept.updates == expected.updates[..kept.updates.len()]);
    // It goes on, and what it returns then is the rest.
    let rest = agent.train(500 - agent.steps(), Progress::Silent)?;
    assert_eq!(rest.episodes, expected.episodes[4..]);
    assert_eq!(agent.history(), &expected);
    Ok(())
}

#[test]
fn loops_without_training_end_too() -> Result<()> {
    let _alone = ALONE.lock().unwrap();
    let lake = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
    let cluster = ClusterConfig::default();
    let all_reduce = SimulationConfig::default();
    let server = SimulationConfig { exchange: Exchange::Server { update: 0.1 }, ..SimulationConfig::default() };
    let costs = array![[1.0, 2.0], [3.0, 4.0]];
    let uniform = TabularPolicy::uniform(lake.states(), lake.actions())?;
    let loops: [(&str, &dyn Fn() -> Result<()>); 9] = [
        ("episodes", &|| episode_returns(&mut CartPole::v1(), |_| Ok(0), 1, 0).map(drop)),
        ("bootstrap", &|| bootstrap_interval(&[vec![1.0, 2.0]], |x| Ok(x[0]), 9, &mut seeded(0)).map(drop)),
        ("value iteration", &|| value_iteration(&lake, &ValueIterationConfig::default()).map(drop)),
        ("policy iteration", &|| policy_iteration(&lake, 0.9).map(drop)),
        ("sweeps", &|| iterative_policy_evaluation(&lake, &uniform, 0.9, 1e-6).map(drop)),
        ("best policy", &|| best_stationary_within(&lake, 5, 0.9, 100).map(drop)),
        ("transport", &|| Transport::new(&[0.5, 0.5], &[0.5, 0.5], &costs).map(drop)),
        ("synchronous", &|| simulate(2, &all_reduce, &cluster).map(drop)),
        ("server", &|| simulate(2, &server, &cluster).map(drop)),
    ];
    for (name, run) in &loops {
        run().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let held = on_ctrl_c()?;
    raise(SIGINT).expect("a signal");
    for (name, run) in &loops {
        let stopped = run();
        assert!(matches!(stopped, Err(Error::Interrupted)), "{name}: {stopped:?}");
    }
    drop(held);
    Ok(())
}

/// Runs one of the ignored tests below in a process of its own.
fn child(name: &str) -> ExitStatus {
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--exact", name, "--ignored", "--test-threads=1"];
    Command::new(program).args(arguments).output().expect("a process").status
}

#[test]
#[cfg(unix)]
fn without_one_who_would_answer_the_process_ends() {
    use std::os::unix::process::ExitStatusExt;

    let _alone = ALONE.lock().unwrap();
    for name in ["second_press", "after_it_was_held", "never_answered"] {
        assert_eq!(child(name).signal(), Some(SIGINT), "{name}");
    }
    assert!(child("answered").success());
}

#[test]
#[ignore = "ends the process"]
fn second_press() {
    let _held = on_ctrl_c().expect("a handler");
    raise(SIGINT).expect("a signal");
    assert!(interrupt::requested());
    raise(SIGINT).expect("a signal");
}

#[test]
#[ignore = "ends the process"]
fn after_it_was_held() {
    drop((on_ctrl_c(), on_ctrl_c()));
    raise(SIGINT).expect("a signal");
}

#[test]
#[ignore = "ends the process"]
fn never_answered() {
    let held = on_ctrl_c();
    raise(SIGINT).expect("a signal");
    drop(held);
}

#[test]
#[ignore = "a part of another test"]
fn answered() {
    let held = on_ctrl_c();
    raise(SIGINT).expect("a signal");
    assert!(interrupt::check().is_err());
    drop(held);
}
