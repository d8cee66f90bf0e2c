//! Layers cut over ranks against whole ones, and what they send.

use std::sync::Arc;

use candlelight::distributed::schedule::chunk;
use candlelight::distributed::{
    ColumnParallelLinear, Communicator, RowParallelLinear, cluster, sum_backward, sum_forward,
};
use candlelight::nn::LinearConfig;
use candlelight::prelude::*;
use candlelight_tests::{assert_close, flat, gradient, number};

const IN: usize = 5;
const HIDDEN: usize = 11;
const OUT: usize = 3;

fn params() -> Result<Params> {
    Params::with_dtype(4, DType::F64, &Device::Cpu)
}

/// A layer before, and a block of two layers with an activation between.
fn whole(config: LinearConfig) -> Result<(Sequential, Params)> {
    let params = params()?;
    let model = Sequential::new()
        .push(linear(IN, IN, params.pp("before"))?)
        .push(candlelight::nn::Linear::new(IN, HIDDEN, config, params.pp("up"))?)
        .push(Activation::Tanh)
        .push(candlelight::nn::Linear::new(HIDDEN, OUT, config, params.pp("down"))?);
    Ok((model, params))
}

fn parts(comm: &Arc<dyn Communicator>, config: LinearConfig) -> Result<(Sequential, Params)> {
    let params = params()?;
    let model = Sequential::new()
        .push(linear(IN, IN, params.pp("before"))?)
        .push(ColumnParallelLinear::new(IN, HIDDEN, config, comm, params.pp("up"))?)
        .push(Activation::Tanh)
        .push(RowParallelLinear::new(HIDDEN, OUT, config, comm, params.pp("down"))?);
    Ok((model, params))
}

/// The part of a tensor of the whole net that rank `rank` has under this name.
fn part(name: &str, tensor: &Tensor, rank: usize, size: usize) -> Tensor {
    let own = chunk(rank, size, HIDDEN);
    match name {
        "up.weight" | "up.bias" => tensor.narrow(0, own.start, own.len()).unwrap(),
        "down.weight" => tensor.narrow(1, own.start, own.len()).unwrap(),
        _ => tensor.clone(),
    }
}

#[test]
fn a_block_in_parts_is_the_whole_block() -> Result<()> {
    let x = gradient::input(1, (4, IN));
    let configs = [
        LinearConfig::default(),
        LinearConfig { bias: false, ..LinearConfig::default() },
        LinearConfig {
            weight_init: Some(Init::HeNormal),
            bias_init: Some(Init::Constant(0.3)),
            ..LinearConfig::default()
        },
    ];
    for config in configs {
        for size in [1, 2, 3, 4] {
            let run = cluster(size, |comm| {
                let ((whole, all), (model, params)) = (whole(config)?, parts(comm, config)?);
                let [mut sgd, mut whole_sgd] = [&params, &all].map(|params| {
                    Sgd::new(params.trainable(), SgdConfig { lr: 0.05, ..SgdConfig::default() }).unwrap()
                });
                for _ in 0..3 {
                    let (expected, reference) =
                        value_and_grad(|| Ok(whole.forward(&x, Mode::Train)?.sqr()?.mean_all()?))?;
                    let (loss, gradients) =
                        value_and_grad(|| Ok(model.forward(&x, Mode::Train)?.sqr()?.mean_all()?))?;
                    assert!((number(&loss) - number(&expected)).abs() < 1e-12);
                    for (own, whole) in params.all().iter().zip(all.all()) {
                        let cut = |tensor: &Tensor| part(&own.name, tensor, comm.rank(), size);
                        assert_eq!(own.name, whole.name);
                        assert_close(&own.name, &own.var, &cut(&whole.var), 1e-12, 1e-12);
                        let [gradient, expected] =
                            [gradients.get(&own.var).unwrap(), reference.get(&whole.var).unwrap()];
                        assert_close(&own.name, gradient, &cut(expected), 1e-12, 1e-12);
                    }
                    sgd.step(&gradients)?;
                    whole_sgd.step(&reference)?;
                }
                Ok(())
            })?;
            assert_eq!(run.results.len(), size);
        }
    }
    Ok(())
}

#[test]
fn a_block_needs_two_all_reduces_a_step() -> Result<()> {
    let rows = 7;
    let x = gradient::input(1, (rows, IN));
    for size in [2_usize, 4] {
        let run = cluster(size, |comm| {
            let (model, _) = parts(comm, LinearConfig::default())?;
            let before = comm.counts();
            let mut forward = before;
            value_and_grad(|| {
                let y = model.forward(&x, Mode::Train)?;
                forward = comm.counts();
                Ok(y.sqr()?.sum_all()?)
            })?;
            Ok([forward - before, comm.counts() - forward])
        })?;
        // Recursive doubling: log₂ N messages of all numbers from each rank.
        let log = size.ilog2() as usize;
        for [there, back] in run.results {
            assert_eq!((there.sent, there.sent_bytes), (log, log * 8 * rows * OUT));
            assert_eq!((back.sent, back.sent_bytes), (log, log * 8 * rows * IN));
        }
    }
    Ok(())
}

#[test]
fn the_two_operators_are_each_others_transpose_in_either_graph() -> Result<()> {
    let run = cluster(3, |comm| {
        let x = Var::new(&[1.0 + comm.rank() as f64, -2.0], &Device::Cpu)?;
        let weights = Tensor::new(&[1.0, 10.0 * comm.rank() as f64], &Device::Cpu)?;
        let forward = || Ok((sum_forward(comm, &x)? * &weights)?.sum_all()?);
        let backward = || Ok((sum_backward(comm, &x)? * &weights)?.sum_all()?);
        let before = comm.counts();
        assert_eq!(flat(&sum_backward(comm, &x.as_detached_tensor())?), flat(&x));
        assert_eq!(comm.counts(), before);
        let of = |loss: &dyn Fn() -> Result<Tensor>| -> Result<[Vec<f64>; 3]> {
            let (value, taped) = value_and_grad(loss)?;
            let plain = loss()?.backward()?;
            Ok([flat(&value), flat(taped.get(&x).unwrap()), flat(plain.get(&x).unwrap())])
        };
        Ok([of(&forward)?, of(&backward)?])
    })?;
    for (rank, [forward, backward]) in run.results.iter().enumerate() {
        let rank = rank as f64;
        // (1 + 2 + 3) - 60 rank; the gradient is that of this rank.
        assert_eq!(forward, &[vec![6.0 - 60.0 * rank], vec![1.0, 10.0 * rank], vec![1.0, 10.0 * rank]]);
        // The gradients add up to 3 and 10 (0 + 1 + 2).
        assert_eq!(backward, &[vec![1.0 + rank - 20.0 * rank], vec![3.0, 30.0], vec![3.0, 30.0]]);
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() -> Result<()> {
    let run = cluster(4, |comm| {
        let config = LinearConfig::default();
        let column = ColumnParallelLinear::new(5, 3, config, comm, params()?).err().map(|error| error.to_string());
        let row = RowParallelLinear::new(2, 3, config, comm, params()?).err().map(|error| error.to_string());
        let x = Tensor::zeros(2, DType::U32, &Device::Cpu)?;
        Ok([column, row, sum_forward(comm, &x).err().map(|error| error.to_string())])
    })?;
    assert_eq!(
        run.results[3].clone().map(Option::unwrap),
        [
            "out_features must be at least the number of ranks, got 3 for 4",
            "in_features must be at least the number of ranks, got 2 for 4",
            "input of sum_forward: expected dtype F32 or F64, got U32",
        ]
    );
    Ok(())
}

#[test]
fn a_rank_that_is_gone_in_the_backward_pass_is_named() {
    let error = cluster(2, |comm| {
        let (model, _) = parts(comm, LinearConfig::default())?;
        let x = gradient::input(1, (4, IN));
        value_and_grad(|| {
            let y = model.forward(&x, Mode::Train)?;
            if comm.rank() == 1 { Err(Error::setting("y", "smaller", "this")) } else { Ok(y.sqr()?.sum_all()?) }
        })
        .map(drop)
        .inspect_err(|error| assert!(comm.rank() == 1 || matches!(error, Error::Communication(_)), "{error:?}"))
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "y must be smaller, got this");
}
