//! A net in stages against the net in one piece; its messages, and how long stages stand still.

use std::sync::Arc;

use candlelight::candle_core::{CpuStorage, CustomOp1, Layout, Result as CandleResult, Shape};
use candlelight::distributed::{ClusterConfig, Communicator, CostModel, Pipeline, cluster, cluster_with};
use candlelight::kernels::composed;
use candlelight::loss::{CrossEntropyConfig, cross_entropy_with};
use candlelight::prelude::*;
use candlelight::{CommunicationError, nn};
use candlelight_tests::{assert_close, gradient, number};

const WIDTHS: [usize; 5] = [6, 7, 5, 8, 4];

/// Layers `from..to` of a net of four.
fn layers(from: usize, to: usize) -> Result<(Sequential, Params)> {
    let params = Params::with_dtype(2, DType::F64, &Device::Cpu)?;
    let mut model = Sequential::new();
    for i in from..to {
        model = model.push(linear(WIDTHS[i], WIDTHS[i + 1], params.pp(format!("fc{i}")))?);
        model = if i < 3 { model.push(Activation::Tanh) } else { model };
    }
    Ok((model, params))
}

fn data() -> Result<(Tensor, Tensor)> {
    Ok((gradient::input(5, (10, 6)), Tensor::new(&[0u32, 3, 1, 2, 3, 1, 1, 0, 2, 3], &Device::Cpu)?))
}

/// Where the stages of `size` ranks begin and end.
fn borders(size: usize) -> Vec<usize> {
    (0..=size).map(|i| 4 * i / size).collect()
}

#[test]
fn stages_are_the_net_in_one_piece() -> Result<()> {
    let (x, y) = data()?;
    let weight = Some(Tensor::new(&[0.5, 3.0, 1.0, 0.25], &Device::Cpu)?);
    // A micro-batch of one sample may be one that does not count.
    let weighted = CrossEntropyConfig { weight, ignore_index: Some(2), ..CrossEntropyConfig::default() };
    for config in [CrossEntropyConfig::default(), weighted] {
        for size in [1, 2, 3, 4] {
            for m in [1, 2, 3, 10] {
                cluster(size, |comm| {
                    let loss = |output: &Tensor, target: &Tensor| cross_entropy_with(output, target, &config);
                    let (whole, all) = layers(0, 4)?;
                    let (from, to) = (borders(size)[comm.rank()], borders(size)[comm.rank() + 1]);
                    let (stage, params) = layers(from, to)?;
                    let pipeline = Pipeline::new(comm, stage, &WIDTHS[from..=from], &params, m)?;
                    let [mut sgd, mut whole_sgd] = [&params, &all].map(|params| {
                        Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap()
                    });
                    for _ in 0..3 {
                        let (expected, reference) = value_and_grad(|| loss(&whole.forward(&x, Mode::Train)?, &y))?;
                        let (value, gradients) = pipeline.value_and_grad(&x, &y, loss)?;
                        assert!((value - number(&expected)).abs() < 1e-12, "{size} {m}: {value} {expected}");
                        for param in params.trainable() {
                            let expected = reference.get(all.get(&param.name)?.as_tensor()).unwrap();
                            assert_close(&param.name, gradients.get(&param.var).unwrap(), expected, 1e-12, 1e-12);
                        }
                        sgd.step(&gradients)?;
                        whole_sgd.step(&reference)?;
                    }
                    Ok(())
                })?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_label_that_no_one_has_looked_at_is_named_by_the_last_stage() -> Result<()> {
    for size in [1, 2] {
        let run = cluster(size, |comm| {
            let (from, to) = (borders(size)[comm.rank()], borders(size)[comm.rank() + 1]);
            let (stage, params) = layers(from, to)?;
            let pipeline = Pipeline::new(comm, stage, &WIDTHS[from..=from], &params, 2)?;
            let (x, y) = (gradient::input(5, (4, 6)), Tensor::new(&[0u32, 3, 1, 9], &Device::Cpu)?);
            // In the composed form, as on another device, labels stay unread.
            Ok(composed(|| pipeline.value_and_grad(&x, &y, cross_entropy)).map(|(loss, _)| loss))
        })?;
        let last = run.results.last();
        assert!(matches!(last, Some(Err(Error::Label { label: 9, position: 1, classes: 4 }))), "{size}: {last:?}");
        assert!(run.results.iter().rev().skip(1).all(|result| matches!(result, Ok(loss) if loss.is_nan())));
    }
    Ok(())
}

#[test]
fn random_masks_are_drawn_once_for_both_passes() -> Result<()> {
    let zeros = Tensor::zeros((10, 6), DType::F64, &Device::Cpu)?;
    let run = cluster(2, |comm| {
        let params = Params::with_dtype(comm.rank() as u64, DType::F64, &Device::Cpu)?;
        let shift = params.var("shift", 6, Init::Constant(1.0))?;
        let model = Sequential::new().push(Shift(shift.clone())).push(nn::dropout(0.5, params.pp("dropout"))?);
        let pipeline = Pipeline::new(comm, model, &[6], &params, 5)?;
        let (loss, gradients) = pipeline.value_and_grad(&zeros, &zeros, |y, _| Ok(y.sum_all()?))?;
        Ok((loss, number(&gradients.get(shift.as_tensor()).unwrap().sum_all()?)))
    })?;
    // The loss is the sum of mask₁ (mask₀ shift₀ + shift₁), so with shifts of 1 its two derivatives add up to it.
    let [(loss, first), (_, second)] = run.results[..] else { panic!("two ranks") };
    assert!((loss - first - second).abs() < 1e-12, "{loss} {first} {second}");
    assert!(first > 0.0 && second > 0.0);
    Ok(())
}

/// x + b.
struct Shift(Var);

impl Module for Shift {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        Ok(x.broadcast_add(&self.0)?)
    }
}

#[test]
fn messages_are_the_activations_there_and_back() -> Result<()> {
    let (x, y) = data()?;
    for m in [1, 5, 10] {
        let run = cluster(4, |comm| {
            let (stage, params) = layers(comm.rank(), comm.rank() + 1)?;
            let pipeline = Pipeline::new(comm, stage, &WIDTHS[comm.rank()..=comm.rank()], &params, m)?;
            pipeline.value_and_grad(&x, &y, cross_entropy)
        })?;
        // Three borders, and the loss to three ranks.
        let numbers = 10 * (WIDTHS[1] + WIDTHS[2] + WIDTHS[3]);
        assert_eq!((run.messages(), run.bytes()), (2 * 3 * m + 3, 8 * (2 * numbers + 3)));
    }
    Ok(())
}

/// A layer whose passes take time on the virtual clock.
struct Timed {
    layer: nn::Linear,
    comm: Arc<dyn Communicator>,
}

const FORWARD: f64 = 1.0;
const BACKWARD: f64 = 2.0;

impl Module for Timed {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.layer.forward(x, mode)?.apply_op1(Work(self.comm.clone()))?)
    }
}

struct Work(Arc<dyn Communicator>);

impl CustomOp1 for Work {
    fn name(&self) -> &'static str {
        "work"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> CandleResult<(CpuStorage, Shape)> {
        self.0.compute(FORWARD);
        Ok((storage.clone(), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> CandleResult<Option<Tensor>> {
        self.0.compute(BACKWARD);
        Ok(Some(gradient.clone()))
    }
}

#[test]
fn a_stage_stands_still_for_the_share_of_the_bubble() -> Result<()> {
    let model =
        CostModel { latency: 0.0, seconds_per_byte: 0.0, seconds_per_reduced_byte: 0.0, ..CostModel::default() };
    let config = ClusterConfig { model, ..ClusterConfig::default() };
    let (x, y) = (gradient::input(5, (32, 4)), gradient::input(6, (32, 4)));
    for p in [1, 2, 4] {
        for m in [1, 2, 4, 8, 32] {
            let run = cluster_with(p, &config, |comm| {
                let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
                let stage = Timed { layer: linear(4, 4, params.pp("fc"))?, comm: comm.clone() };
                Pipeline::new(comm, stage, &[4], &params, m)?.value_and_grad(&x, &y, mse).map(drop)
            })?;
            let busy = m as f64 * (FORWARD + BACKWARD);
            let bubble = 1.0 - busy / run.time();
            let expected = (p - 1) as f64 / (m + p - 1) as f64;
            assert!((bubble - expected).abs() < 1e-12, "{p} {m}: {bubble} {expected}");
        }
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() -> Result<()> {
    let (x, y) = data()?;
    let run = |input: usize, m: usize, y: &Tensor| {
        cluster(2, |comm| {
            let (stage, params) = layers(2 * comm.rank(), 2 * comm.rank() + 2)?;
            let input = [6, input][comm.rank()];
            Pipeline::new(comm, stage, &[input], &params, m)?.value_and_grad(&x, y, cross_entropy).map(drop)
        })
        .unwrap_err()
    };
    let error = run(4, 2, &y);
    assert!(
        matches!(
            &error,
            Error::Communication(CommunicationError::Message { rank: 1, peer: 0, expected: 20, actual: 25, .. })
        ),
        "{error}"
    );
    assert_eq!(run(5, 0, &y).to_string(), "micro_batches must be at least 1, got 0");
    assert_eq!(
        run(5, 11, &y).to_string(),
        "inputs of a pipeline: expected shape [N, ...], as many as targets, 10, and at least 11, got [10, 6]"
    );
    assert_eq!(
        run(5, 2, &y.narrow(0, 0, 9)?).to_string(),
        "inputs of a pipeline: expected shape [N, ...], as many as targets, 9, and at least 2, got [10, 6]"
    );
    Ok(())
}
