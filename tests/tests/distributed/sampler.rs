//! Shares of batches, against the batches of one rank.

use candlelight::Result;
use candlelight::distributed::{ShardedSampler, cluster};
use candlelight::prelude::*;

fn data(samples: usize) -> Dataset {
    let x = Tensor::arange(0.0, samples as f64, &Device::Cpu).unwrap();
    Dataset::new(&x.reshape((samples, 1)).unwrap(), &(x * 10.0).unwrap()).unwrap()
}

/// Two epochs of each rank: which samples each of its batches has.
fn epochs(size: usize, batch_size: usize, samples: usize, shuffled: bool) -> Result<Vec<Vec<Vec<f64>>>> {
    let data = data(samples);
    let run = cluster(size, |comm| {
        let (sampler, mut rng) = (ShardedSampler::new(comm, batch_size)?, seeded(3));
        let mut all = Vec::new();
        for _ in 0..2 {
            let batches = match shuffled {
                true => sampler.shuffled_batches(&data, &mut rng),
                false => sampler.batches(&data),
            };
            let expected = batches.len();
            let shares = batches.collect::<Result<Vec<_>>>()?;
            assert_eq!(shares.len(), expected);
            for (x, y) in shares {
                assert_eq!((x.dims(), y.dims()), (&[x.dim(0)?, 1][..], &[x.dim(0)?][..]));
                let x = x.flatten_all()?.to_vec1::<f64>()?;
                assert_eq!(y.to_vec1::<f64>()?, x.iter().map(|x| 10.0 * x).collect::<Vec<_>>());
                all.push(x);
            }
        }
        Ok(all)
    })?;
    Ok(run.results)
}

#[test]
fn shares_are_the_batches_of_one_rank_cut_evenly_at_any_number_of_ranks() -> Result<()> {
    for samples in [0, 1, 5, 24, 25, 47, 48, 50] {
        for shuffled in [false, true] {
            let whole = epochs(1, 24, samples, shuffled)?.remove(0);
            for size in [2, 3, 4, 8] {
                let ranks = epochs(size, 24 / size, samples, shuffled)?;
                for (i, batch) in whole.iter().enumerate() {
                    let shares: Vec<&Vec<f64>> = ranks.iter().map(|batches| &batches[i]).collect();
                    let joined: Vec<f64> = shares.iter().copied().flatten().copied().collect();
                    assert_eq!(joined, *batch, "{samples} {size}");
                    let lengths = || shares.iter().map(|share| share.len());
                    assert!(lengths().max().unwrap() - lengths().min().unwrap() <= 1);
                }
                assert!(ranks.iter().all(|batches| batches.len() == whole.len()));
            }
            // Every sample once in each epoch.
            let (first, second) = whole.split_at(whole.len() / 2);
            for epoch in [first, second] {
                let mut seen = epoch.concat();
                seen.sort_by(f64::total_cmp);
                assert_eq!(seen, (0..samples).map(|i| i as f64).collect::<Vec<_>>());
            }
            assert_eq!(shuffled && samples >= 5, first != second);
        }
    }
    Ok(())
}

#[test]
fn the_order_is_that_of_shuffled_batches() -> Result<()> {
    let shares = epochs(2, 4, 20, true)?;
    let mut rng = seeded(3);
    for (i, batch) in data(20).shuffled_batches(8, &mut rng)?.enumerate() {
        let batch = batch?.0.flatten_all()?.to_vec1::<f64>()?;
        assert_eq!([shares[0][i].clone(), shares[1][i].clone()].concat(), batch);
    }
    Ok(())
}

#[test]
fn a_batch_of_none_is_refused() {
    let error = cluster(2, |comm| ShardedSampler::new(comm, 0)).unwrap_err();
    assert_eq!(error.to_string(), "batch size must be at least 1, got 0");
}
