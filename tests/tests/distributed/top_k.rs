//! Top-k compression: what travels, what is remembered, and that nothing is lost.

use candlelight::distributed::{TopK, cluster};
use candlelight::prelude::*;
use candlelight_tests::flat;

use super::{gradient, plain, vector};

/// One rank's gradients through a compression: what came out each time, and what is remembered at the end.
fn sent(k: usize, feedback: bool, gradients: &[Vec<f64>]) -> Result<(Vec<Vec<f64>>, f64)> {
    let run = cluster(1, |comm| {
        let (params, x) = vector(&vec![0.0; gradients[0].len()])?;
        let mut top = TopK::new(comm, &params, k, feedback)?;
        let mean = |g: &Vec<f64>| Ok(flat(top.mean(&gradient(&x, g)?)?.get(&x).expect("a gradient")));
        let sent = gradients.iter().map(mean).collect::<Result<Vec<_>>>()?;
        Ok((sent, top.remembered()))
    })?;
    Ok(run.results.into_iter().next().expect("one rank"))
}

#[test]
fn the_largest_in_magnitude_travel_and_the_rest_is_remembered() -> Result<()> {
    let gradients = vec![vec![1.0, -4.0, 3.0, -2.0], vec![1.0, 0.0, 0.0, 0.0], vec![0.0; 4], vec![0.0; 4]];
    let (with, left) = sent(2, true, &gradients)?;
    // 1 + 1 and the -2 of the first time; then there is nothing left.
    assert_eq!(with, [[0.0, -4.0, 3.0, 0.0], [2.0, 0.0, 0.0, -2.0], [0.0; 4], [0.0; 4]]);
    assert_eq!(left, 0.0);
    let (without, left) = sent(2, false, &gradients)?;
    assert_eq!(without, [[0.0, -4.0, 3.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0; 4], [0.0; 4]]);
    assert_eq!(left, 0.0);
    Ok(())
}

#[test]
fn sent_and_remembered_add_up_to_all_gradients() -> Result<()> {
    let mut rng = seeded(5);
    let gradients: Vec<Vec<f64>> = (0..30).map(|_| (0..50).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
    let (with, left) = sent(3, true, &gradients)?;
    let sum = |all: &[Vec<f64>]| (0..50).map(|i| all.iter().map(|g| g[i]).sum::<f64>()).collect::<Vec<_>>();
    let difference: f64 = sum(&gradients).iter().zip(sum(&with)).map(|(g, s)| (g - s).powi(2)).sum();
    assert!(left > 1.0 && (difference - left).abs() < 1e-9, "{difference} {left}");
    assert!(with.iter().all(|sent| sent.iter().filter(|x| **x != 0.0).count() == 3));
    Ok(())
}

#[test]
fn all_entries_are_the_mean_gradient_and_all_ranks_have_it() -> Result<()> {
    let run = cluster(3, |comm| {
        let (params, x) = vector(&[0.0; 4])?;
        let mine = [comm.rank() as f64, 1.0, -1.0, 0.5];
        let before = comm.counts();
        let mut bytes = vec![];
        let mut out = vec![];
        for k in [4, 1] {
            let mut top = TopK::new(comm, &params, k, true)?;
            out.push(flat(top.mean(&gradient(&x, &mine)?)?.get(&x).expect("a gradient")));
            bytes.push((comm.counts() - before).sent_bytes);
        }
        Ok((out, bytes))
    })?;
    for (out, bytes) in &run.results {
        assert_eq!(out[0], [1.0, 1.0, -1.0, 0.5]);
        // Ranks 0 and 1 send their first 1 (of equal ones the first), rank 2 its 2.
        assert_eq!(out[1], [1.0 / 3.0 + 2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0]);
        // Two numbers an entry, to two ranks.
        assert_eq!(bytes, &[2 * 4 * 2 * 8, 2 * 5 * 2 * 8]);
    }
    Ok(())
}

#[test]
fn without_memory_a_small_but_steady_gradient_is_never_followed() -> Result<()> {
    let end = |feedback| {
        let run = cluster(2, |comm| {
            let (params, x) = vector(&[0.0; 2])?;
            let mut sgd = plain(&params, 0.1)?;
            let mut top = TopK::new(comm, &params, 1, feedback)?;
            for step in 0..200 {
                // The first entry swings, the second goes steadily down.
                let swing = if step % 2 == 0 { 5.0 } else { -5.0 };
                sgd.step(&top.mean(&gradient(&x, &[swing, 1.0])?)?)?;
            }
            Ok(flat(&x)[1])
        })?;
        Ok::<_, Error>(run.results[0])
    };
    assert_eq!(end(false)?, 0.0);
    assert!(end(true)? < -19.0, "{}", end(true)?);
    Ok(())
}

#[test]
fn what_does_not_fit_is_a_typed_error() -> Result<()> {
    let (params, _) = vector(&[1.0; 5])?;
    for k in [0, 6] {
        let error = cluster(1, |comm| TopK::new(comm, &params, k, true).map(drop)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("k must be at least 1 and at most the numbers of the model, got {k} of 5")
        );
    }
    Ok(())
}

#[test]
fn a_rank_with_a_larger_model_is_named() {
    let error = cluster(2, |comm| {
        let size = 3 + 4 * comm.rank();
        let (params, x) = vector(&vec![0.0; size])?;
        let mut top = TopK::new(comm, &params, 1, true)?;
        // The largest entry is the last.
        let g: Vec<f64> = (1..=size).map(|i| i as f64).collect();
        top.mean(&gradient(&x, &g)?).map(drop)
    })
    .unwrap_err();
    let expected = "index of an entry must be below the numbers of the model, got 6 of rank 1, whose model is another";
    assert_eq!(error.to_string(), expected);
}
