//! A number that is not finite, or large, changes what depends on it and nothing beside it.

use candlelight::activation::{relu, softmax, tanh};
use candlelight::autograd::vjp;
use candlelight::kernels::composed;
use candlelight::nn::*;
use candlelight::prelude::*;
use candlelight_tests::elsewhere::device;
use candlelight_tests::{elsewhere, flat, here};

type F = Box<dyn Fn(&Tensor) -> Result<Tensor>>;

struct Case {
    name: &'static str,
    params: Params,
    forward: F,
    dims: Vec<usize>,
}

fn case<M: Module + 'static>(
    name: &'static str,
    dims: &[usize],
    dtype: DType,
    layer: impl FnOnce(Params) -> Result<M>,
) -> Case {
    let params = Params::with_dtype(0, dtype, &here()).unwrap();
    let layer = layer(params.clone()).unwrap();
    Case { name, params, forward: Box::new(move |x| layer.forward(x, Mode::Train)), dims: dims.to_vec() }
}

fn of(name: &'static str, dims: &[usize], dtype: DType, forward: impl Fn(&Tensor) -> Result<Tensor> + 'static) -> Case {
    let params = Params::with_dtype(0, dtype, &here()).unwrap();
    Case { name, params, forward: Box::new(forward), dims: dims.to_vec() }
}

/// Every kernel, at sizes that leave lanes over.
fn cases(dtype: DType) -> Vec<Case> {
    let two =
        |stride, padding| Conv2dConfig { stride: (stride, stride), padding: (padding, padding), ..Default::default() };
    let halve = ConvTranspose2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
    vec![
        case("conv 3×3", &[3, 16, 13, 11], dtype, |p| Conv2d::new(16, 16, 3, two(1, 1), p)),
        case("conv 3×3, few channels", &[3, 8, 13, 11], dtype, |p| Conv2d::new(8, 8, 3, two(1, 1), p)),
        case("conv 3×3, small", &[2, 16, 4, 4], dtype, |p| Conv2d::new(16, 16, 3, two(1, 1), p)),
        case("conv 3×3, groups", &[3, 32, 9, 10], dtype, |p| {
            Conv2d::new(32, 32, 3, Conv2dConfig { groups: 2, ..two(1, 1) }, p)
        }),
        case("conv 2×2", &[2, 16, 12, 12], dtype, |p| Conv2d::new(16, 16, 2, two(1, 0), p)),
        case("conv 4×4, stride 2", &[2, 16, 14, 14], dtype, |p| Conv2d::new(16, 16, 4, two(2, 1), p)),
        case("conv 5×5", &[2, 3, 9, 9], dtype, |p| Conv2d::new(3, 5, 5, two(1, 2), p)),
        case("conv1d", &[2, 16, 30], dtype, |p| {
            Conv1d::new(16, 16, 3, Conv1dConfig { padding: 1, ..Default::default() }, p)
        }),
        case("transposed 4×4, stride 2", &[2, 16, 7, 7], dtype, |p| ConvTranspose2d::new(16, 16, 4, halve, p)),
        case("transposed 3×3", &[2, 16, 7, 7], dtype, |p| {
            ConvTranspose2d::new(16, 16, 3, ConvTranspose2dConfig { padding: (1, 1), ..Default::default() }, p)
        }),
        case("linear", &[5, 7], dtype, |p| linear(7, 3, p)),
        case("linear, wide", &[33, 130], dtype, |p| linear(130, 65, p)),
        case("max pool", &[2, 3, 7, 9], dtype, |_| max_pool2d(2)),
        case("max pool, overlapping", &[2, 3, 9, 9], dtype, |_| {
            MaxPool2d::new(3, MaxPool2dConfig { stride: Some((2, 2)), padding: (1, 1), ..Default::default() })
        }),
        case("average pool", &[2, 3, 7, 9], dtype, |_| avg_pool2d(2)),
        case("average pool 3", &[2, 3, 9, 9], dtype, |_| avg_pool2d(3)),
        case("adaptive", &[2, 3, 7, 9], dtype, |_| AdaptiveAvgPool2d::new(3)),
        case("batch norm", &[4, 5, 3, 3], dtype, |p| batch_norm2d(5, p)),
        case("batch norm of columns", &[9, 21], dtype, |p| batch_norm1d(21, p)),
        case("layer norm", &[9, 21], dtype, |p| layer_norm(21, p)),
        case("group norm", &[2, 6, 3, 3], dtype, |p| group_norm(3, 6, p)),
        case("instance norm", &[2, 6, 3, 3], dtype, |p| instance_norm2d(6, p)),
        case("rnn", &[5, 7, 3], dtype, |p| rnn(3, 6, p)),
        case("gru", &[5, 7, 3], dtype, |p| gru(3, 6, p)),
        case("lstm", &[5, 7, 3], dtype, |p| lstm(3, 6, p)),
        of("softmax", &[5, 21], dtype, |x| softmax(x, 1)),
        of("relu", &[5, 21], dtype, relu),
        of("tanh", &[5, 21], dtype, tanh),
    ]
}

fn random(seed: u64, dims: &[usize], dtype: DType) -> Tensor {
    candlelight::rng::normal(&mut seeded(seed), 0.0, 1.0, dims, dtype, &Device::Cpu).unwrap()
}

/// `x` with another number at one place.
fn spoilt(x: &Tensor, at: usize, value: f64) -> Tensor {
    let mut numbers = flat(x);
    numbers[at] = value;
    Tensor::from_vec(numbers, x.shape(), x.device()).unwrap().to_dtype(x.dtype()).unwrap()
}

/// What is computed from a tensor, by name.
type Outputs<'a> = &'a dyn Fn(&Tensor) -> Vec<(String, Tensor)>;

/// Runs both clean and spoilt: what does not change in the CPU's composed form, of `plain`, hardly changes in `f`.
fn check(name: &str, x: &Tensor, at: usize, f: Outputs, plain: Outputs) {
    let (clean, composed_clean) = (f(x), composed(|| plain(x)));
    let tolerance = if x.dtype() == DType::F64 { 1e-13 } else { 2e-6 };
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e6, 100.0] {
        // So far above the others a number of an ordinary image may lie.
        let tolerance = if value == 100.0 { 20.0 * tolerance } else { tolerance };
        let x = spoilt(x, at, value);
        let (spoilt, composed_spoilt) = (f(&x), composed(|| plain(&x)));
        for (i, (what, clean)) in clean.iter().enumerate() {
            let [before, after] = [&composed_clean[i].1, &composed_spoilt[i].1].map(flat);
            let scale = before.iter().fold(1.0, |scale: f64, y| scale.max(y.abs()));
            for (j, (y, clean)) in flat(&spoilt[i].1).into_iter().zip(flat(clean)).enumerate() {
                let (depends, same) = (before[j] != after[j], (y - clean).abs() <= tolerance * scale);
                let dims = composed_clean[i].1.dims();
                assert!(depends || same, "{name}: {value} at {at} makes {y} of {clean} at {j} of {what} {dims:?}");
            }
        }
    }
}

/// The first, one in the middle, and the last.
fn places(x: &Tensor) -> [usize; 4] {
    let n = x.elem_count();
    [0, n / 2 + 3, 2 * n / 3, n - 1]
}

/// Each case by the kernels of the CPU and by those of another device, beside the same one on the CPU.
fn each(check: impl Fn(&Case, &Case, DType)) {
    for dtype in [DType::F32, DType::F64] {
        let plain = cases(dtype);
        let all = || cases(dtype).iter().zip(&plain).for_each(|(case, plain)| check(case, plain, dtype));
        all();
        if !device().is_cpu() {
            elsewhere(all);
        }
    }
}

#[test]
fn forward() {
    each(|case, plain, dtype| {
        let x = random(1, &case.dims, dtype);
        let outputs = |case: &Case, x: &Tensor| {
            let x = x.to_device(case.params.device()).unwrap();
            vec![("y".into(), (case.forward)(&x).unwrap())]
        };
        for at in places(&x) {
            check(case.name, &x, at, &|x| outputs(case, x), &|x| outputs(plain, x));
        }
    });
}

/// The gradients of input and parameters.
fn gradients(case: &Case, x: &Tensor, g: &Tensor) -> Vec<(String, Tensor)> {
    let device = case.params.device();
    let [x, g] = [x, g].map(|tensor| tensor.to_device(device).unwrap());
    let x = Var::from_tensor(&x).unwrap();
    let (_, gradients) = vjp(|| (case.forward)(&x), &g).unwrap();
    let named = case.params.trainable().into_iter().map(|param| (param.name, param.var));
    let all = [("x".to_owned(), x.clone())].into_iter().chain(named);
    all.filter_map(|(name, var)| Some((name, gradients.get(&var)?.clone()))).collect()
}

#[test]
fn backward() {
    each(|case, plain, dtype| {
        let x = random(1, &case.dims, dtype);
        let cotangent = random(2, (plain.forward)(&x).unwrap().dims(), dtype);
        let name = case.name;
        for at in places(&cotangent) {
            let [f, plain] = [case, plain].map(|case| |g: &Tensor| gradients(case, &x, g));
            check(&format!("{name}, backward"), &cotangent, at, &f, &plain);
        }
        for at in places(&x) {
            let [f, plain] = [case, plain].map(|case| |x: &Tensor| gradients(case, x, &cotangent));
            check(&format!("{name}, backward of x"), &x, at, &f, &plain);
        }
    });
}
