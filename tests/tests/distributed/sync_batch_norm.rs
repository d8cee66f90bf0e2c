//! Batch normalization of several ranks against that of one with all samples.

use std::sync::Arc;

use candlelight::distributed::{Communicator, DataParallel, DataParallelConfig, SyncBatchNorm, cluster};
use candlelight::loss::{CrossEntropyConfig, cross_entropy_with};
use candlelight::nn::{BatchNorm, BatchNormConfig};
use candlelight::params::LoadConfig;
use candlelight::prelude::*;
use candlelight_tests::{assert_close, flat, gradient};

/// A convolution and a linear layer, each with a normalization after it: synchronized, or each rank's own.
fn net(comm: Option<&Arc<dyn Communicator>>, config: BatchNormConfig) -> Result<(Sequential, Params)> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    fn norm<const DIMS: usize>(
        model: Sequential,
        channels: usize,
        config: BatchNormConfig,
        comm: Option<&Arc<dyn Communicator>>,
        params: Params,
    ) -> Result<Sequential> {
        Ok(match comm {
            Some(comm) => model.push(SyncBatchNorm::<DIMS>::new(channels, config, comm, params)?),
            None => model.push(BatchNorm::<DIMS>::new(channels, config, params)?),
        })
    }
    let model = Sequential::new().push(conv2d(2, 3, 3, params.pp("conv"))?);
    let model = norm::<2>(model, 3, config, comm, params.pp("bn1"))?.push(Activation::Tanh).push(Flatten);
    let model = model.push(linear(3 * 4 * 4, 5, params.pp("fc1"))?);
    let model = norm::<1>(model, 5, config, comm, params.pp("bn2"))?;
    Ok((model.push(Activation::Tanh).push(linear(5, 4, params.pp("fc2"))?), params))
}

fn data() -> Result<(Tensor, Tensor)> {
    let x = gradient::input(2, (9, 2, 6, 6));
    // Samples of the ranks differ in their mean.
    let shift = Tensor::arange(0.0, 9.0, &Device::Cpu)?.reshape((9, 1, 1, 1))?;
    Ok((x.broadcast_add(&(shift * 0.3)?)?, Tensor::new(&[0u32, 1, 2, 3, 1, 1, 0, 2, 3], &Device::Cpu)?))
}

/// Takes two steps on shares of these sizes; returns the largest distance of a gradient, a parameter or a running statistic
/// from that of one rank with all samples.
fn distance(shares: &[usize], synchronized: bool, config: BatchNormConfig, weights: bool) -> Result<f64> {
    let (x, y) = data()?;
    let weight = if weights { Some(Tensor::new(&[0.5, 3.0, 1.0, 0.25], &Device::Cpu)?) } else { None };
    let loss_config = CrossEntropyConfig { weight, ..CrossEntropyConfig::default() };
    let run = cluster(shares.len(), |comm| {
        let (start, n) = (shares[..comm.rank()].iter().sum::<usize>(), shares[comm.rank()]);
        let (own_x, own_y) = (x.narrow(0, start, n)?, y.narrow(0, start, n)?);
        let (whole, whole_params) = net(None, config)?;
        let (model, params) = net(synchronized.then_some(comm), config)?;
        let mut parallel = DataParallel::new(comm, &params, DataParallelConfig::default())?;
        let mut largest: f64 = 0.0;
        let mut compare = |left: &Tensor, right: &Tensor| {
            let distances = flat(left).into_iter().zip(flat(right)).map(|(a, b)| (a - b).abs());
            largest = distances.fold(largest, f64::max);
        };
        let [mut sgd, mut whole_sgd] = [&params, &whole_params]
            .map(|params| Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap());
        for _ in 0..2 {
            let (_, expected) =
                value_and_grad(|| cross_entropy_with(&whole.forward(&x, Mode::Train)?, &y, &loss_config))?;
            let (_, gradients) = parallel
                .value_and_grad(n, || cross_entropy_with(&model.forward(&own_x, Mode::Train)?, &own_y, &loss_config))?;
            for (a, b) in params.trainable().iter().zip(whole_params.trainable()) {
                compare(gradients.get(&a.var).unwrap(), expected.get(&b.var).unwrap());
            }
            sgd.step(&gradients)?;
            whole_sgd.step(&expected)?;
            for (a, b) in params.all().iter().zip(whole_params.all()) {
                compare(&a.var, &b.var);
            }
        }
        compare(&model.forward(&x, Mode::Eval)?, &whole.forward(&x, Mode::Eval)?);
        Ok(largest)
    })?;
    Ok(run.results.into_iter().fold(0.0, f64::max))
}

#[test]
fn synchronized_ranks_are_one_large_batch_and_others_are_not() -> Result<()> {
    let plain = BatchNormConfig { affine: false, momentum: None, ..BatchNormConfig::default() };
    for shares in [&[9][..], &[3, 3, 3], &[5, 4], &[1, 2, 5, 1]] {
        for config in [BatchNormConfig::default(), plain] {
            for weights in [false, true] {
                let found = distance(shares, true, config, weights)?;
                assert!(found < 1e-12, "{shares:?} {config:?} {weights}: {found}");
            }
        }
    }
    let apart = distance(&[3, 3, 3], false, BatchNormConfig::default(), false)?;
    assert!(apart > 0.05, "{apart}");
    Ok(())
}

#[test]
fn candles_own_graph_gives_the_same() -> Result<()> {
    let (x, y) = data()?;
    let run = cluster(3, |comm| {
        let (model, params) = net(Some(comm), BatchNormConfig::default())?;
        let (x, y) = (x.narrow(0, 3 * comm.rank(), 3)?, y.narrow(0, 3 * comm.rank(), 3)?);
        let loss = || cross_entropy(&model.forward(&x, Mode::Train)?, &y);
        let (_, taped) = value_and_grad(loss)?;
        let plain = loss()?.backward()?;
        for param in params.trainable() {
            assert_close(&param.name, taped.get(&param.var).unwrap(), plain.get(&param.var).unwrap(), 1e-12, 1e-12);
        }
        Ok(())
    })?;
    assert_eq!(run.results.len(), 3);
    Ok(())
}

#[test]
fn a_state_dict_fits_either_layer() -> Result<()> {
    let run = cluster(1, |comm| {
        let (_, plain) = net(None, BatchNormConfig::default())?;
        let (_, synchronized) = net(Some(comm), BatchNormConfig::default())?;
        assert_eq!(plain.names(), synchronized.names());
        synchronized.load_state_dict(&plain.state_dict()?, LoadConfig::default())
    })?;
    assert_eq!(run.results.len(), 1);
    Ok(())
}

#[test]
fn messages_are_one_gather_forward_and_one_sum_backward() -> Result<()> {
    let run = cluster(2, |comm| {
        let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
        let layer = SyncBatchNorm::<1>::new(3, BatchNormConfig::default(), comm, params)?;
        let x = Var::from_tensor(&gradient::input(comm.rank() as u64, (2, 3)))?;
        let before = comm.counts();
        let mut forward = before;
        value_and_grad(|| {
            let y = layer.forward(&x, Mode::Train)?;
            forward = comm.counts();
            Ok(y.sqr()?.sum_all()?)
        })?;
        let (there, back) = (forward - before, comm.counts() - forward);
        Ok([(there.sent, there.sent_bytes), (back.sent, back.sent_bytes)])
    })?;
    assert_eq!(run.results, [[(1, 7 * 8), (1, 6 * 8)]; 2]);
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() -> Result<()> {
    let refused = |x: Tensor| {
        let run = cluster(1, |comm| {
            let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
            let layer = SyncBatchNorm::<2>::new(3, BatchNormConfig::default(), comm, params)?;
            Ok(layer.forward(&x, Mode::Train).unwrap_err().to_string())
        });
        run.map(|run| run.results[0].clone())
    };
    let what = "input of sync_batch_norm: expected";
    let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu);
    assert_eq!(
        refused(zeros(&[2, 4, 1, 1], DType::F64)?)?,
        format!("{what} shape [N, 3, …] of 4 dimensions, got [2, 4, 1, 1]")
    );
    assert_eq!(refused(zeros(&[2, 3], DType::F64)?)?, format!("{what} shape [N, 3, …] of 4 dimensions, got [2, 3]"));
    assert_eq!(
        refused(zeros(&[2, 3, 1, 1], DType::F32)?)?,
        format!("{what} dtype that of the layer's parameters, got F32")
    );
    assert_eq!(
        refused(zeros(&[1, 3, 1, 1], DType::F64)?)?,
        format!("{what} shape more than one number for each channel on all ranks together, got [1, 3, 1, 1]")
    );
    Ok(())
}
