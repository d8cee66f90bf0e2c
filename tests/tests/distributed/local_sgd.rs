//! Local SGD: the mean of the parameters every H steps.

use candlelight::distributed::{LocalSgd, cluster};
use candlelight::prelude::*;
use candlelight_tests::flat;

use super::{gradient, plain, vector};

/// Four ranks, each pulled to its own number; the values after each step, by rank.
fn paths(every: usize, steps: usize) -> Result<(Vec<Vec<f64>>, usize)> {
    let run = cluster(4, |comm| {
        let rank = comm.rank() as f64;
        let (params, x) = vector(&[10.0 * rank, 0.0])?;
        let mut sgd = plain(&params, 0.25)?;
        let mut local = LocalSgd::new(comm, &params, every)?;
        let before = comm.counts();
        assert_eq!(flat(&x), [0.0, 0.0]); // those of rank 0
        let mut path = vec![];
        for step in 1..=steps {
            sgd.step(&gradient(&x, &[flat(&x)[0] - rank, rank])?)?;
            assert_eq!(local.step()?, step % every == 0);
            path.push(flat(&x)[0]);
        }
        Ok((path, (comm.counts() - before).sent_bytes))
    })?;
    let bytes = run.results.iter().map(|(_, bytes)| bytes).sum();
    Ok((run.results.into_iter().map(|(path, _)| path).collect(), bytes))
}

#[test]
fn every_step_is_synchronous_sgd() -> Result<()> {
    let (paths, _) = paths(1, 6)?;
    let mut x = 0.0;
    for step in 0..6 {
        x -= 0.25 * (x - 1.5); // the mean of 0, 1, 2, 3
        assert!(paths.iter().all(|path| path[step] == paths[0][step] && (path[step] - x).abs() < 1e-12));
    }
    Ok(())
}

#[test]
fn between_two_means_the_ranks_part() -> Result<()> {
    let (paths, _) = paths(3, 6)?;
    let alone = |x: f64, rank: f64, steps: i32| rank + (x - rank) * 0.75f64.powi(steps);
    let mean = |x: f64| (0..4).map(|rank| alone(x, f64::from(rank), 3)).sum::<f64>() / 4.0;
    for (rank, path) in paths.iter().enumerate() {
        assert!((path[1] - alone(0.0, rank as f64, 2)).abs() < 1e-12);
        assert!((path[2] - mean(0.0)).abs() < 1e-12);
        assert!((path[5] - mean(mean(0.0))).abs() < 1e-12);
    }
    assert_ne!(paths[0][4], paths[1][4]);
    Ok(())
}

#[test]
fn fewer_means_are_fewer_bytes() -> Result<()> {
    let (often, seldom) = (paths(1, 12)?.1, paths(4, 12)?.1);
    assert!(often > 0);
    assert_eq!(often, 4 * seldom);
    Ok(())
}

#[test]
fn what_does_not_fit_is_a_typed_error() -> Result<()> {
    let (params, _) = vector(&[1.0])?;
    let error = cluster(1, |comm| LocalSgd::new(comm, &params, 0).map(drop)).unwrap_err();
    assert_eq!(error.to_string(), "steps between two means must be at least 1, got 0");
    let empty = Params::new(0, &Device::Cpu)?;
    let error = cluster(1, |comm| LocalSgd::new(comm, &empty, 1).map(drop)).unwrap_err();
    assert_eq!(error.to_string(), "params must be at least one number to train, got none");
    Ok(())
}
