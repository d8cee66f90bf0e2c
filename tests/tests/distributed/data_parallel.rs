//! Data parallelism against one rank that sees all samples, and its messages against their number.

use std::sync::Arc;

use candlelight::CommunicationError;
use candlelight::candle_core::backprop::GradStore;
use candlelight::distributed::{Algorithm, Communicator, DataParallel, DataParallelConfig, ShardedSampler, cluster};
use candlelight::kernels::composed;
use candlelight::loss::{CrossEntropyConfig, cross_entropy_with};
use candlelight::optim::clip_grad_norm;
use candlelight::prelude::*;
use candlelight::train::GradientSum;
use candlelight_tests::{flat, gradient, layers_record, number};

type Comm = Arc<dyn Communicator>;

struct Net {
    model: Sequential,
    params: Params,
}

/// A net of 6 inputs, 8 hidden units and 4 classes: 56 + 36 numbers to train.
fn net(seed: u64) -> Net {
    let params = Params::with_dtype(seed, DType::F64, &Device::Cpu).unwrap();
    let model = Sequential::new()
        .push(linear(6, 8, params.pp("first")).unwrap())
        .push(Activation::Tanh)
        .push(linear(8, 4, params.pp("last")).unwrap());
    Net { model, params }
}

const NUMBERS: usize = 56 + 36;

fn data(samples: usize) -> Dataset {
    let labels: Vec<u32> = (0..samples as u32).map(|i| i * 7 % 11 % 4).collect();
    Dataset::new(&gradient::input(5, (samples, 6)), &Tensor::new(labels, &Device::Cpu).unwrap()).unwrap()
}

impl Net {
    fn loss(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        cross_entropy(&self.model.forward(x, Mode::Train)?, y)
    }

    fn values(&self) -> Vec<f64> {
        self.params.all().iter().flat_map(|param| flat(&param.var)).collect()
    }

    fn flat(&self, gradients: &GradStore) -> Vec<f64> {
        self.params.trainable().iter().flat_map(|param| flat(gradients.get(&param.var).expect(&param.name))).collect()
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[track_caller]
fn assert_near(left: &[f64], right: &[f64], tolerance: f64) {
    assert_eq!(left.len(), right.len());
    for (i, (a, b)) in left.iter().zip(right).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{i}: {a} {b}");
    }
}

/// Three buckets: one of a bias and a weight, one of a bias, one of a weight.
fn small() -> DataParallelConfig {
    DataParallelConfig { bucket_bytes: 200, ..DataParallelConfig::default() }
}

/// Epochs of 53 samples in batches of 24, each step compared with that of one rank: the parameters after each, as bits.
fn train(comm: &Comm, config: DataParallelConfig, optimizer: &str) -> Result<Vec<Vec<u64>>> {
    let net = net(comm.rank() as u64);
    let mut parallel = DataParallel::new(comm, &net.params, config)?;
    let trainable = net.params.trainable();
    let mut optimizer: Box<dyn Optimizer> = match optimizer {
        "sgd" => Box::new(Sgd::new(trainable, SgdConfig { lr: 0.1, momentum: 0.9, ..SgdConfig::default() })?),
        _ => Box::new(Adam::new(trainable, AdamConfig { lr: 0.01, ..AdamConfig::default() })?),
    };
    let (data, mut rng, mut whole_rng) = (data(53), seeded(1), seeded(1));
    let sampler = ShardedSampler::new(comm, 24 / comm.size())?;
    let mut after = Vec::new();
    while after.len() < 20 {
        let whole = data.shuffled_batches(24, &mut whole_rng)?;
        for (batch, whole) in sampler.shuffled_batches(&data, &mut rng).zip(whole) {
            let ((x, y), (all_x, all_y)) = (batch?, whole?);
            let (expected, reference) = value_and_grad(|| net.loss(&all_x, &all_y))?;
            let (loss, gradients) = parallel.value_and_grad(x.dim(0)?, || net.loss(&x, &y))?;
            assert_near(&[loss], &[number(&expected)], 1e-12);
            assert_near(&net.flat(&gradients), &net.flat(&reference), 1e-12);
            optimizer.step(&gradients)?;
            after.push(bits(&net.values()));
        }
    }
    Ok(after)
}

#[test]
fn a_label_that_no_one_has_looked_at_is_named_when_the_loss_is_nan() -> Result<()> {
    for size in [1, 2] {
        let run = cluster(size, |comm| {
            let net = net(0);
            let mut parallel = DataParallel::new(comm, &net.params, small())?;
            let (x, y) = (gradient::input(5, (3, 6)), Tensor::new(&[0u32, 9, 1], &Device::Cpu)?);
            // In the composed form, as on another device, labels stay unread.
            Ok(composed(|| parallel.value_and_grad(3, || net.loss(&x, &y))).map(drop))
        })?;
        for result in run.results {
            assert!(matches!(result, Err(Error::Label { label: 9, position: 1, classes: 4 })), "{size}: {result:?}");
        }
    }
    Ok(())
}

#[test]
fn ranks_are_one_large_batch_and_replicas_stay_the_same_bits() -> Result<()> {
    for size in [1, 2, 3, 4] {
        for optimizer in ["sgd", "adam"] {
            let run = cluster(size, |comm| train(comm, small(), optimizer))?;
            assert!(run.results[0].len() >= 20);
            assert!(run.results.iter().all(|of_rank| *of_rank == run.results[0]), "{size} {optimizer}");
            // The same bits whether sent in between or at the end; the tree's sums do not depend on the borders of buckets.
            let tree = DataParallelConfig { algorithm: Some(Algorithm::Tree), ..small() };
            let late = DataParallelConfig { overlap: false, ..tree };
            let end = |config| Ok::<_, Error>(cluster(size, |comm| train(comm, config, optimizer))?.results.remove(0));
            assert_eq!(end(tree)?, end(late)?);
        }
    }
    Ok(())
}

#[test]
fn a_rank_may_have_no_samples_in_any_step() -> Result<()> {
    let data = data(10);
    // Of rank 0, which says in which order gradients come, first none, and later; of rank 2 none but once.
    let shares = [[0, 2, 8], [4, 3, 3], [2, 8, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]];
    for config in [small(), DataParallelConfig { overlap: false, ..small() }] {
        let run = cluster(3, |comm| {
            let net = net(0);
            let (expected, reference) = value_and_grad(|| net.loss(data.inputs(), data.targets()))?;
            let mut parallel = DataParallel::new(comm, &net.params, config)?;
            for share in shares {
                let (start, n) = (share[..comm.rank()].iter().sum::<usize>(), share[comm.rank()]);
                let (x, y) = (data.inputs().narrow(0, start, n)?, data.targets().narrow(0, start, n)?);
                let loss = || if n > 0 { net.loss(&x, &y) } else { panic!("no samples") };
                let (loss, gradients) = parallel.value_and_grad(n, loss)?;
                assert_near(&[loss], &[number(&expected)], 1e-12);
                assert_near(&net.flat(&gradients), &net.flat(&reference), 1e-12);
            }
            let error = parallel.value_and_grad(0, || panic!("no samples")).unwrap_err();
            Ok(error.to_string())
        })?;
        let expected =
            "samples of all ranks must be such that one counts, got none, or weights of 0 or ignored labels only";
        assert_eq!(run.results, [expected; 3]);
    }
    Ok(())
}

#[test]
fn weights_of_classes_and_ignored_labels_weigh_the_ranks() -> Result<()> {
    let data = data(12);
    let weight = Tensor::new(&[0.5, 3.0, 1.0, 0.25], &Device::Cpu)?;
    // The ignored class fills the share of rank 0.
    let targets = Tensor::new(&[2u32, 2, 2, 0, 1, 2, 3, 3, 1, 0, 2, 1], &Device::Cpu)?;
    let config = CrossEntropyConfig { weight: Some(weight), ignore_index: Some(2), ..CrossEntropyConfig::default() };
    let run = cluster(4, |comm| {
        let net = net(0);
        let loss = |x: &Tensor, y: &Tensor| cross_entropy_with(&net.model.forward(x, Mode::Train)?, y, &config);
        let (expected, reference) = value_and_grad(|| loss(data.inputs(), &targets))?;
        let mut parallel = DataParallel::new(comm, &net.params, small())?;
        let (x, y) = (data.inputs().narrow(0, 3 * comm.rank(), 3)?, targets.narrow(0, 3 * comm.rank(), 3)?);
        for _ in 0..2 {
            let (value, gradients) = parallel.value_and_grad(3, || loss(&x, &y))?;
            assert_near(&[value], &[number(&expected)], 1e-12);
            assert_near(&net.flat(&gradients), &net.flat(&reference), 1e-12);
        }
        // Batches of one sample, added up first.
        let mut sum = GradientSum::new();
        let (mut weighted, mut weights) = (0.0, 0.0);
        for i in 0..3 {
            let of_sample = || loss(&x.narrow(0, i, 1)?, &y.narrow(0, i, 1)?);
            let (value, weight) = parallel.accumulate(&mut sum, 1, of_sample)?;
            (weighted, weights) = (weighted + value * weight, weights + weight);
        }
        assert_near(&net.flat(&parallel.reduce(&mut sum)?), &net.flat(&reference), 1e-12);
        assert_eq!(sum.samples(), 0);
        let sums = parallel.sum(&[weighted, weights])?;
        assert_near(&[sums[0] / sums[1]], &[number(&expected)], 1e-12);
        Ok(())
    })?;
    assert_eq!(run.results.len(), 4);
    Ok(())
}

#[test]
fn accumulation_is_one_exchange_also_where_a_rank_has_added_nothing() -> Result<()> {
    let data = data(9);
    let run = cluster(3, |comm| {
        let net = net(0);
        let (_, reference) = value_and_grad(|| net.loss(data.inputs(), data.targets()))?;
        let mut parallel = DataParallel::new(comm, &net.params, DataParallelConfig::default())?;
        let (mut sum, before) = (GradientSum::new(), comm.counts());
        // Rank 2 has no batches; the last of rank 1 is smaller.
        for (start, n) in vec![vec![(0, 2), (2, 2)], vec![(4, 4), (8, 1)], vec![]].swap_remove(comm.rank()) {
            let (x, y) = (data.inputs().narrow(0, start, n)?, data.targets().narrow(0, start, n)?);
            parallel.accumulate(&mut sum, n, || net.loss(&x, &y))?;
        }
        assert_eq!(comm.counts(), before);
        assert_near(&net.flat(&parallel.reduce(&mut sum)?), &net.flat(&reference), 1e-12);
        Ok(comm.counts() - before)
    })?;
    // One bucket: recursive doubling of three ranks takes one in, one round, and one out.
    assert_eq!(run.results.iter().map(|counts| counts.sent).sum::<usize>(), 4);
    assert_eq!(run.results.iter().map(|counts| counts.sent_bytes).sum::<usize>(), 4 * 8 * (NUMBERS + 2));
    Ok(())
}

#[test]
fn a_step_sends_its_buckets_and_nothing_else() -> Result<()> {
    if !layers_record() {
        return Ok(());
    }
    for (size, algorithm) in [(2_usize, None), (4, None), (4, Some(Algorithm::Ring)), (3, Some(Algorithm::Flat))] {
        // Per all-reduce: messages of all ranks, and how often they carry the numbers.
        let (messages, times) = match algorithm {
            None => (size * size.ilog2() as usize, size * size.ilog2() as usize),
            Some(Algorithm::Ring) => (2 * size * (size - 1), 2 * (size - 1)),
            Some(_) => (2 * (size - 1), 2 * (size - 1)),
        };
        for (bucket_bytes, buckets) in [(1, 4), (200, 3), (300, 2), (25 << 20, 1)] {
            let config = DataParallelConfig { bucket_bytes, algorithm, ..DataParallelConfig::default() };
            let run = cluster(size, |comm| {
                let (net, data) = (net(0), data(8));
                let mut parallel = DataParallel::new(comm, &net.params, config)?;
                let mut steps = Vec::new();
                for step in 0..3 {
                    let before = comm.counts();
                    parallel.value_and_grad(8, || net.loss(data.inputs(), data.targets()))?;
                    if step > 0 {
                        steps.push(comm.counts() - before);
                    }
                }
                Ok((steps, parallel.bucket_bytes()))
            })?;
            let (_, bytes) = &run.results[0];
            assert_eq!((bytes.len(), bytes.iter().sum::<usize>()), (buckets, 8 * (NUMBERS + 2)), "{bucket_bytes}");
            for step in 0..2 {
                let sum = |of: fn(&candlelight::distributed::Counts) -> usize| {
                    run.results.iter().map(|(steps, _)| of(&steps[step])).sum::<usize>()
                };
                assert_eq!(sum(|counts| counts.sent), buckets * messages, "{size} {algorithm:?} {bucket_bytes}");
                assert_eq!(sum(|counts| counts.sent_bytes), times * 8 * (NUMBERS + 2));
            }
        }
    }
    Ok(())
}

#[test]
fn all_begin_with_the_parameters_and_buffers_of_rank_0() -> Result<()> {
    let run = cluster(3, |comm| {
        let params = Params::new(comm.rank() as u64, &Device::Cpu)?;
        linear(5, 6, params.pp("fc"))?;
        let norm = batch_norm1d(6, params.pp("bn"))?;
        let shift = Tensor::full(comm.rank() as f32, (4, 6), &Device::Cpu)?;
        norm.forward(&shift, Mode::Train)?;
        let values = || params.all().iter().flat_map(|param| flat(&param.var)).collect::<Vec<_>>();
        let own = values();
        let before = comm.counts();
        let parallel = DataParallel::new(comm, &params, DataParallelConfig::default())?;
        let (shared, sent) = (values(), comm.counts() - before);
        // A rank's running statistics are its own, until they are asked for.
        norm.forward(&(shift + 1.0)?, Mode::Train)?;
        let apart = values();
        parallel.broadcast_buffers()?;
        Ok((own, shared, apart, values(), sent.received))
    })?;
    let (own, ..) = &run.results[0];
    for (rank, (before, shared, apart, together, received)) in run.results.iter().enumerate() {
        assert_eq!(shared, own);
        assert_eq!(before == own, rank == 0);
        assert_eq!(apart == &run.results[0].2, rank == 0);
        assert_eq!(together, &run.results[0].2);
        // Two gathers of descriptions, of two messages each, and one broadcast.
        assert!(*received <= 5, "{received}");
    }
    Ok(())
}

#[test]
fn clipping_by_the_common_norm_is_that_of_the_large_batch() -> Result<()> {
    let data = data(8);
    let run = cluster(2, |comm| {
        let net = net(0);
        let (_, mut reference) = value_and_grad(|| net.loss(data.inputs(), data.targets()))?;
        let norm = clip_grad_norm(&mut reference, &net.params.trainable(), 0.01, true)?;
        let mut parallel = DataParallel::new(comm, &net.params, small())?;
        let (x, y) = (data.inputs().narrow(0, 4 * comm.rank(), 4)?, data.targets().narrow(0, 4 * comm.rank(), 4)?);
        let (_, mut gradients) = parallel.value_and_grad(4, || net.loss(&x, &y))?;
        let common = clip_grad_norm(&mut gradients, &net.params.trainable(), 0.01, true)?;
        assert_near(&[common], &[norm], 1e-12);
        assert_near(&net.flat(&gradients), &net.flat(&reference), 1e-12);
        assert!(norm > 0.01);
        parallel.mean(comm.rank() as f64, 1.0 + comm.rank() as f64)
    })?;
    assert_eq!(run.results, [2.0 / 3.0; 2]);
    Ok(())
}

#[test]
fn other_parameters_are_named_on_every_rank() -> Result<()> {
    let of = |make: fn(usize, &Params) -> Result<()>| {
        let run = cluster(3, |comm| {
            let params = Params::new(0, &Device::Cpu)?;
            linear(3, 4, params.pp("same"))?;
            make(comm.rank(), &params)?;
            Ok(DataParallel::new(comm, &params, DataParallelConfig::default()).err().map(|error| error.to_string()))
        })?;
        assert!(run.results.iter().all(|message| *message == run.results[0]));
        Ok::<_, Error>(run.results[0].clone().unwrap_or_default())
    };
    let shapes = of(|rank, params| linear(3, if rank == 1 { 5 } else { 4 }, params.pp("fc")).map(drop))?;
    assert_eq!(
        shapes,
        "parameter `fc.weight`: rank 1 has `fc.weight: trainable F32 [5, 3]`, rank 0 `fc.weight: trainable F32 [4, 3]`"
    );
    let names = of(|rank, params| linear(3, 4, params.pp(if rank == 2 { "other" } else { "fc" })).map(drop))?;
    assert_eq!(
        names,
        "parameter `fc.weight`: rank 2 has `other.weight: trainable F32 [4, 3]`, rank 0 `fc.weight: trainable F32 [4, 3]`"
    );
    let more = of(|rank, params| if rank == 1 { linear(3, 4, params.pp("fc")).map(drop) } else { Ok(()) })?;
    assert_eq!(
        more,
        "parameter `fc.weight`: rank 1 has `fc.weight: trainable F32 [4, 3]`, rank 0 no further parameter"
    );
    let frozen = of(|rank, params| if rank == 1 { params.freeze("same.bias") } else { Ok(()) })?;
    assert_eq!(
        frozen,
        "parameter `same.bias`: rank 1 has `same.bias: frozen F32 [4]`, rank 0 `same.bias: trainable F32 [4]`"
    );
    Ok(())
}

#[test]
fn a_rank_that_fails_at_a_step_is_named_by_the_others() {
    for step in [0, 1, 4] {
        // It returns, or its loss fails.
        for returns in [true, false] {
            let error = cluster(3, |comm| {
                let (net, data) = (net(0), data(8));
                let mut parallel = DataParallel::new(comm, &net.params, small())?;
                for at in 0..6 {
                    let fails = comm.rank() == 1 && at == step;
                    if fails && returns {
                        return Ok(());
                    }
                    let loss = || match fails {
                        true => Err(Error::setting("samples", "readable", at)),
                        false => net.loss(data.inputs(), data.targets()),
                    };
                    if let Err(error) = parallel.value_and_grad(8, loss) {
                        let gone = matches!(&error, Error::Communication(CommunicationError::Gone { .. }));
                        // Directly, or through a third rank that waited for it.
                        assert!(fails || gone && error.to_string().contains("rank 1 is gone"), "{error}");
                        return Err(error);
                    }
                }
                panic!("all steps were taken")
            })
            .unwrap_err();
            match returns {
                true => assert!(error.to_string().contains("rank 1 is gone (it has returned)"), "{error}"),
                false => assert_eq!(error.to_string(), format!("samples must be readable, got {step}")),
            }
        }
    }
}

#[test]
fn what_is_out_of_range_or_missing_is_refused() -> Result<()> {
    let refused = |config: DataParallelConfig, trainable: bool| {
        cluster(2, |comm| {
            let params = Params::new(0, &Device::Cpu)?;
            batch_norm1d(3, params.pp("bn"))?;
            if !trainable {
                params.freeze("")?;
            }
            DataParallel::new(comm, &params, config).map(drop)
        })
        .unwrap_err()
        .to_string()
    };
    let config = DataParallelConfig { bucket_bytes: 0, ..DataParallelConfig::default() };
    assert_eq!(refused(config, true), "bucket_bytes must be at least 1, got 0");
    assert_eq!(refused(DataParallelConfig::default(), false), "params must be such that one can be trained, got none");
    for size in [1, 2] {
        let error = cluster(size, |comm| {
            let net = net(0);
            linear(6, 4, net.params.pp("unused"))?;
            let data = data(4);
            let mut parallel = DataParallel::new(comm, &net.params, small())?;
            parallel.value_and_grad(4, || net.loss(data.inputs(), data.targets())).map(drop)
        })
        .unwrap_err();
        assert!(matches!(&error, Error::MissingGradient { name } if name == "unused.weight"), "{error}");
    }
    Ok(())
}
