//! Gradients on their way while the backward pass goes on, by the virtual clock.

use std::sync::Arc;

use candlelight::candle_core::backprop::GradStore;
use candlelight::candle_core::{CpuStorage, CustomOp1, Layout, Result as CandleResult, Shape};
use candlelight::distributed::{
    Algorithm, ClusterConfig, Communicator, CostModel, DataParallel, DataParallelConfig, cluster, cluster_with,
};
use candlelight::nn::Linear;
use candlelight::prelude::*;
use candlelight_tests::{assert_close, gradient, layers_record};

/// Passes its input on; its backward pass takes time, as that of the layer above would.
struct Work {
    comm: Arc<dyn Communicator>,
    seconds: f64,
}

impl CustomOp1 for Work {
    fn name(&self) -> &'static str {
        "work"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> CandleResult<(CpuStorage, Shape)> {
        Ok((storage.clone(), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> CandleResult<Option<Tensor>> {
        self.comm.compute(self.seconds);
        Ok(Some(gradient.clone()))
    }
}

const LAYERS: usize = 8;
const WIDTH: usize = 64;

/// Eight layers, whose backward passes take `seconds` each: how long the steps after the first take.
fn step(size: usize, seconds: f64, model: CostModel, config: DataParallelConfig) -> Result<f64> {
    let cluster = ClusterConfig { model, ..ClusterConfig::default() };
    let run = cluster_with(size, &cluster, |comm| {
        let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
        let layers = (0..LAYERS).map(|i| linear(WIDTH, WIDTH, params.pp(i))).collect::<Result<Vec<_>>>()?;
        let mut parallel = DataParallel::new(comm, &params, config)?;
        let x = gradient::input(1, (2, WIDTH)).narrow(0, comm.rank() % 2, 1)?;
        let mut after = Vec::new();
        for _ in 0..4 {
            let loss = || {
                // The first one's input is no variable, so that no gradient would pass through.
                let mut h = layers[0].forward(&x, Mode::Train)?;
                for layer in &layers[1..] {
                    h = layer.forward(&h.apply_op1(Work { comm: comm.clone(), seconds })?, Mode::Train)?;
                }
                Ok(h.apply_op1(Work { comm: comm.clone(), seconds })?.sqr()?.sum_all()?)
            };
            parallel.value_and_grad(1, loss)?;
            comm.barrier()?;
            after.push(comm.seconds());
        }
        Ok(after)
    })?;
    let last = |step: usize| run.results.iter().map(|after| after[step]).fold(0.0, f64::max);
    Ok((last(3) - last(1)) / 2.0)
}

/// What a step takes if all is sent at the end of the backward pass, and if it is sent at once; with the time of its
/// backward pass alone, `factor` times that of its messages.
fn late_and_early(size: usize, algorithm: Algorithm, factor: f64) -> Result<[f64; 3]> {
    let (model, bytes) = (CostModel::default(), 8 * WIDTH * (WIDTH + 1));
    let seconds = factor * algorithm.seconds(&model, size, bytes);
    let config = DataParallelConfig { bucket_bytes: bytes, algorithm: Some(algorithm), overlap: true };
    let late = step(size, seconds, model, DataParallelConfig { overlap: false, ..config })?;
    Ok([LAYERS as f64 * seconds, late, step(size, seconds, model, config)?])
}

#[test]
fn only_the_last_bucket_is_waited_for_where_each_message_is_faster_than_a_layer() -> Result<()> {
    if !layers_record() {
        return Ok(());
    }
    let (model, bytes) = (CostModel::default(), 8 * WIDTH * (WIDTH + 1));
    for algorithm in [Algorithm::RecursiveDoubling, Algorithm::Ring] {
        for factor in [1.0, 3.0] {
            let [alone, _, early] = late_and_early(2, algorithm, factor)?;
            // A barrier, the last bucket with its two further numbers, and looks at up to as many buckets as there are
            // layers.
            let last = algorithm.seconds(&model, 2, bytes + 16);
            let looks = 2.0 * (LAYERS * LAYERS) as f64 * model.poll;
            let least = alone + model.latency + last;
            assert!(
                (least..least + looks).contains(&(early + 1e-12)),
                "{algorithm:?} {factor}: {early} {least} {looks}"
            );
        }
    }
    Ok(())
}

#[test]
fn at_least_half_of_the_communication_is_hidden_by_the_backward_pass() -> Result<()> {
    if !layers_record() {
        return Ok(());
    }
    for size in [2, 4] {
        for algorithm in Algorithm::ALL {
            let [alone, late, early] = late_and_early(size, algorithm, 2.0)?;
            let hidden = (late - early) / (late - alone);
            assert!(hidden > 0.5, "{size} {algorithm:?}: {hidden}");
        }
    }
    // Where there is nothing to hide behind, nothing is hidden.
    let [_, late, early] = late_and_early(2, Algorithm::RecursiveDoubling, 0.0)?;
    assert!((early / late - 1.0).abs() < 0.05, "{early} {late}");
    Ok(())
}

/// Three layers; in some steps one of Candle's operations takes the weight of the last below the others.
struct Late {
    params: Params,
    layers: Vec<Linear>,
}

impl Late {
    fn new() -> Result<Self> {
        let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
        let layers = (0..3).map(|i| linear(4, 4, params.pp(i))).collect::<Result<_>>()?;
        Ok(Self { params, layers })
    }

    fn loss(&self, x: &Tensor, late: bool) -> Result<Tensor> {
        let mut h = if late { x.matmul(self.layers[2].weight())? } else { x.clone() };
        for layer in &self.layers {
            h = layer.forward(&h, Mode::Train)?;
        }
        Ok(h.sqr()?.mean_all()?)
    }

    /// Whether the mean gradient is that of both halves of `x`.
    fn check(&self, gradients: &GradStore, x: &Tensor, late: bool) -> Result<()> {
        let (_, expected) = value_and_grad(|| self.loss(x, late))?;
        for param in self.params.trainable() {
            let [mean, expected] = [gradients, &expected].map(|store| store.get(&param.var).expect(&param.name));
            assert_close(&param.name, mean, expected, 1e-12, 1e-12);
        }
        Ok(())
    }
}

/// Takes steps in which the weight is used below, or not; the bytes of the buckets in the end.
fn steps(steps: &[bool], overlap: bool) -> Result<Vec<usize>> {
    let whole = gradient::input(3, (6, 4));
    let run = cluster(2, |comm| {
        let net = Late::new()?;
        let mut parallel = DataParallel::new(
            comm,
            &net.params,
            DataParallelConfig { bucket_bytes: 1, overlap, ..DataParallelConfig::default() },
        )?;
        let x = whole.narrow(0, 3 * comm.rank(), 3)?;
        for &late in steps {
            let (_, gradients) = parallel.value_and_grad(3, || net.loss(&x, late))?;
            net.check(&gradients, &whole, late)?;
        }
        Ok(parallel.bucket_bytes())
    })?;
    Ok(run.results[0].clone())
}

#[test]
fn what_got_more_in_the_first_step_goes_last() -> Result<()> {
    if !layers_record() {
        return Ok(());
    }
    // A weight has 16 numbers, a bias 4; the last bucket carries two more.
    assert_eq!(steps(&[false; 3], true)?, [16, 4, 16, 4, 16, 4 + 2].map(|n| 8 * n));
    assert_eq!(steps(&[true; 3], true)?, [4, 16, 4, 16, 4, 16 + 2].map(|n| 8 * n));
    assert_eq!(steps(&[true, false, true], true)?, [4, 16, 4, 16, 4, 16 + 2].map(|n| 8 * n));
    Ok(())
}

#[test]
fn what_gets_more_only_later_is_refused_and_taken_without_overlap() -> Result<()> {
    if !layers_record() {
        return Ok(());
    }
    let error = steps(&[false, false, true], true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter `2.weight`: got more gradient after its bucket was sent, which it did not in the first step: an operation \
         that is no layer of this crate uses it; set `overlap: false`"
    );
    steps(&[false, false, true], false).map(drop)
}
