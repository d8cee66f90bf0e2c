//! Each kernel apart: `cargo bench --package candlelight-tests --profile dev`, with the start of a name to run some.
//! The profile is the one that everything else is compiled with, in which the crate itself is optimised.
//!
//! `Forward` is the forward pass alone, `Gradient` both passes, `Composed` both of the form that is made of Candle's
//! operations. All of it for each instruction set that the machine has kernels for; `CANDLELIGHT_INSTRUCTIONS` names one alone.

use std::process::{Command, ExitCode};

use candlelight::autograd::vjp;
use candlelight::kernels::{Instructions, composed};
use candlelight::loss::binary_cross_entropy_with_logits;
use candlelight::nn::{
    Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, batch_norm2d, blur_pool2d, embedding, group_norm, gru,
    layer_norm, lstm, max_pool2d, rnn,
};
use candlelight::prelude::*;
use divan::Bencher;

/// What is timed.
#[derive(Debug, Clone, Copy)]
enum Way {
    Forward,
    Gradient,
    Composed,
}

const WAYS: [Way; 3] = [Way::Forward, Way::Gradient, Way::Composed];

/// The environment variable of the sets.
const INSTRUCTIONS: &str = "CANDLELIGHT_INSTRUCTIONS";

fn main() -> ExitCode {
    let sets: &[&str] = match Instructions::in_use() {
        Instructions::Avx512 => &["avx512", "avx2"],
        _ => &[],
    };
    if sets.is_empty() || std::env::var_os(INSTRUCTIONS).is_some() {
        println!("instructions: {}", Instructions::in_use());
        divan::main();
        return ExitCode::SUCCESS;
    }
    // A process chooses once.
    let run = |set: &&str| {
        let program = std::env::current_exe().expect("this program");
        let status = Command::new(program).args(std::env::args_os().skip(1)).env(INSTRUCTIONS, set).status();
        status.expect("the same program again").success()
    };
    if sets.iter().all(run) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn input(shape: impl Into<candlelight::candle_core::Shape>) -> Var {
    Var::randn(0f32, 1., shape, &Device::Cpu).expect("an input")
}

fn params() -> Params {
    Params::new(0, &Device::Cpu).expect("parameters")
}

/// Times `f`, whose gradient starts from ones.
fn time(bencher: Bencher, way: Way, f: impl Fn(Mode) -> Result<Tensor>) {
    let ones = f(Mode::Train).and_then(|y| Ok(y.ones_like()?)).expect("a result");
    // Results are dropped at once, as in training, where the next step writes to the same memory.
    let forward = || drop(f(Mode::Train).expect("a result"));
    let gradient = || drop(vjp(|| f(Mode::Train), &ones).expect("a gradient"));
    match way {
        Way::Forward => bencher.bench_local(forward),
        Way::Gradient => bencher.bench_local(gradient),
        Way::Composed => bencher.bench_local(|| composed(gradient)),
    }
}

/// Times a layer on an input of normal numbers.
fn layer<M: Module>(
    bencher: Bencher,
    way: Way,
    shape: impl Into<candlelight::candle_core::Shape>,
    make: impl Fn(Params) -> Result<M>,
) {
    let (layer, x) = (make(params()).expect("a layer"), input(shape));
    time(bencher, way, |mode| layer.forward(&x, mode));
}

mod dense {
    use super::*;

    #[divan::bench(args = WAYS)]
    fn linear_64x784_to_256(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 784), |params| linear(784, 256, params));
    }

    #[divan::bench(args = WAYS)]
    fn embedding_2048_of_1000x64(bencher: Bencher, way: Way) {
        let table = embedding(1000, 64, params()).expect("a table");
        let ids = Tensor::from_vec((0..2048u32).map(|i| i * 7919 % 1000).collect(), 2048, &Device::Cpu).expect("ids");
        time(bencher, way, |mode| table.forward(&ids, mode));
    }
}

mod activations {
    use super::*;

    #[divan::bench(args = WAYS)]
    fn relu_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::Relu));
    }

    #[divan::bench(args = WAYS)]
    fn leaky_relu_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::LeakyRelu { negative_slope: 0.2 }));
    }

    #[divan::bench(args = WAYS)]
    fn tanh_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::Tanh));
    }

    #[divan::bench(args = WAYS)]
    fn elu_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::Elu { alpha: 1. }));
    }

    #[divan::bench(args = WAYS)]
    fn gelu_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::Gelu));
    }

    #[divan::bench(args = WAYS)]
    fn gelu_tanh_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::GeluTanh));
    }

    #[divan::bench(args = WAYS)]
    fn silu_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::Silu));
    }

    #[divan::bench(args = WAYS)]
    fn softplus_64x12544(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 12544), |_| Ok(Activation::Softplus { beta: 1., threshold: 20. }));
    }

    #[divan::bench(args = WAYS)]
    fn softmax_4096x1000(bencher: Bencher, way: Way) {
        layer(bencher, way, (4096, 1000), |_| Ok(Activation::Softmax { temperature: 1. }));
    }
}

mod losses {
    use super::*;

    #[divan::bench(args = WAYS)]
    fn cross_entropy_4096x1000(bencher: Bencher, way: Way) {
        let x = input((4096, 1000));
        let labels = Tensor::from_vec((0..4096u32).map(|i| i % 1000).collect(), 4096, &Device::Cpu).expect("labels");
        time(bencher, way, |_| cross_entropy(&x, &labels));
    }

    #[divan::bench(args = WAYS)]
    fn bce_with_logits_4096x64(bencher: Bencher, way: Way) {
        let (x, y) = (input((4096, 64)), input((4096, 64)));
        let y = y.as_detached_tensor().gt(0f32).and_then(|y| y.to_dtype(DType::F32)).expect("targets");
        time(bencher, way, |_| binary_cross_entropy_with_logits(&x, &y));
    }
}

mod convolutions {
    use super::*;

    fn square(bencher: Bencher, way: Way, (from, to): (usize, usize), side: usize, kernel: usize, stride: usize) {
        let config = Conv2dConfig { padding: (kernel / 2, kernel / 2), stride: (stride, stride), ..Default::default() };
        layer(bencher, way, (64, from, side, side), |params| Conv2d::new(from, to, kernel, config, params));
    }

    #[divan::bench(args = WAYS)]
    fn conv_3x3_16_channels_28x28(bencher: Bencher, way: Way) {
        square(bencher, way, (16, 16), 28, 3, 1);
    }

    #[divan::bench(args = WAYS)]
    fn conv_3x3_64_channels_14x14(bencher: Bencher, way: Way) {
        square(bencher, way, (64, 64), 14, 3, 1);
    }

    #[divan::bench(args = WAYS)]
    fn conv_1x1_64_channels_14x14(bencher: Bencher, way: Way) {
        square(bencher, way, (64, 64), 14, 1, 1);
    }

    #[divan::bench(args = WAYS)]
    fn conv_5x5_of_1_to_6_channels_28x28(bencher: Bencher, way: Way) {
        square(bencher, way, (1, 6), 28, 5, 1);
    }

    #[divan::bench(args = WAYS)]
    fn conv_4x4_stride_2_32_to_64_channels_14x14(bencher: Bencher, way: Way) {
        let config = Conv2dConfig { padding: (1, 1), stride: (2, 2), ..Default::default() };
        layer(bencher, way, (64, 32, 14, 14), |params| Conv2d::new(32, 64, 4, config, params));
    }

    #[divan::bench(args = WAYS)]
    fn transposed_4x4_stride_2_64_to_32_channels_7x7(bencher: Bencher, way: Way) {
        let config = ConvTranspose2dConfig { padding: (1, 1), stride: (2, 2), ..Default::default() };
        layer(bencher, way, (64, 64, 7, 7), |params| ConvTranspose2d::new(64, 32, 4, config, params));
    }
}

mod norms {
    use super::*;

    #[divan::bench(args = WAYS)]
    fn batch_norm_64x64x28x28(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 64, 28, 28), |params| batch_norm2d(64, params));
    }

    /// The discriminator's, in one pass with what follows.
    #[divan::bench(args = WAYS)]
    fn batch_norm_leaky_relu_64x64x7x7(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 64, 7, 7), |params| {
            Ok(Sequential::new().push(batch_norm2d(64, params)?).push(Activation::LeakyRelu { negative_slope: 0.2 }))
        });
    }

    #[divan::bench(args = WAYS)]
    fn layer_norm_4096x256(bencher: Bencher, way: Way) {
        layer(bencher, way, (4096, 256), |params| layer_norm(256, params));
    }

    #[divan::bench(args = WAYS)]
    fn group_norm_of_8_64x64x14x14(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 64, 14, 14), |params| group_norm(8, 64, params));
    }
}

mod pooling {
    use super::*;

    #[divan::bench(args = WAYS)]
    fn max_pool_2x2_64x16x28x28(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 16, 28, 28), |_| max_pool2d(2));
    }

    #[divan::bench(args = WAYS)]
    fn avg_pool_2x2_64x16x28x28(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 16, 28, 28), |_| candlelight::nn::avg_pool2d(2));
    }

    #[divan::bench(args = WAYS)]
    fn blur_pool_64x64x28x28(bencher: Bencher, way: Way) {
        layer(bencher, way, (64, 64, 28, 28), |_| Ok(blur_pool2d()));
    }
}

mod recurrent {
    use super::*;

    const SHAPE: (usize, usize, usize) = (64, 32, 32);

    #[divan::bench(args = WAYS)]
    fn rnn_64_steps_of_32x32_to_128(bencher: Bencher, way: Way) {
        layer(bencher, way, SHAPE, |params| rnn(32, 128, params));
    }

    #[divan::bench(args = WAYS)]
    fn gru_64_steps_of_32x32_to_128(bencher: Bencher, way: Way) {
        layer(bencher, way, SHAPE, |params| gru(32, 128, params));
    }

    #[divan::bench(args = WAYS)]
    fn lstm_64_steps_of_32x32_to_128(bencher: Bencher, way: Way) {
        layer(bencher, way, SHAPE, |params| lstm(32, 128, params));
    }
}

mod updates {
    use candlelight::autograd::value_and_grad;
    use candlelight::optim::{Adam, AdamConfig};
    use candlelight::params::Param;

    use super::*;

    /// A step of an optimizer on 2²¹ parameters in one tensor.
    fn step<O: Optimizer>(bencher: Bencher, make: impl Fn(Vec<Param>) -> Result<O>) {
        let params = params();
        let var = params.var("weight", (1 << 11, 1 << 10), Init::Constant(0.5)).expect("a parameter");
        let (_, gradients) = value_and_grad(|| Ok(var.sum_all()?)).expect("gradients");
        let mut optimizer = make(params.trainable()).expect("an optimizer");
        bencher.bench_local(|| optimizer.step(&gradients).expect("a step"));
    }

    #[divan::bench]
    fn sgd(bencher: Bencher) {
        step(bencher, |params| Sgd::new(params, SgdConfig::default()));
    }

    #[divan::bench]
    fn adam(bencher: Bencher) {
        step(bencher, |params| Adam::new(params, AdamConfig::default()));
    }
}
