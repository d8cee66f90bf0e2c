//! Settings that are not numbers, and sizes of 0, are refused where they make no sense, with a typed error.

use candlelight::activation::{elu, leaky_relu, log_softmax_with_temperature, softmax_with_temperature, softplus};
use candlelight::autograd::value_and_grad;
use candlelight::init::{Distribution, Fan};
use candlelight::loss::*;
use candlelight::ndarray::array;
use candlelight::nn::*;
use candlelight::optim::newton::{LinearRegression, LogisticRegression, Newton, NewtonMethod, SoftmaxRegression};
use candlelight::prelude::*;
use candlelight::rng::{normal, uniform};
use candlelight_tests::flat;

/// A function of a setting, by its name.
type Case = (&'static str, Box<dyn Fn(f64) -> Result<()>>);

fn case<T: 'static>(name: &'static str, f: impl Fn(f64) -> Result<T> + 'static) -> Case {
    (name, Box::new(move |value| f(value).map(drop)))
}

fn store() -> Params {
    Params::new(0, &Device::Cpu).unwrap()
}

fn draw(init: Init) -> Result<Tensor> {
    init.tensor(&mut seeded(0), (3, 3), DType::F32, &Device::Cpu)
}

fn x() -> Tensor {
    Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu).unwrap()
}

/// Every setting that is a number, with one that it takes.
fn cases() -> Vec<(Case, f64)> {
    let labels = || Tensor::new(&[1u32], &Device::Cpu).unwrap();
    let dropped = |p| Dropout::new(DropoutConfig { p, ..DropoutConfig::default() }, store());
    let recurrent = |dropout| RecurrentConfig { num_layers: 2, dropout, ..RecurrentConfig::default() };
    vec![
        (case("negative_slope", |v| leaky_relu(&x(), v)), -0.5),
        (case("alpha", |v| elu(&x(), v)), 2.0),
        (case("beta of softplus", |v| softplus(&x(), v, 20.0)), 2.0),
        (case("temperature", |v| softmax_with_temperature(&x(), 1, v)), 2.0),
        (case("temperature", |v| log_softmax_with_temperature(&x(), 1, v)), 2.0),
        (case("delta", |v| huber_with(&x(), &x(), &HuberConfig { delta: v, ..Default::default() })), 2.0),
        (case("beta", |v| smooth_l1_with(&x(), &x(), &SmoothL1Config { beta: v, ..Default::default() })), 0.0),
        (
            case("margin", move |margin| {
                multi_margin_with(&x(), &labels(), &MultiMarginConfig { margin, ..Default::default() })
            }),
            -1.0,
        ),
        (
            case("label_smoothing", move |label_smoothing| {
                cross_entropy_with(&x(), &labels(), &CrossEntropyConfig { label_smoothing, ..Default::default() })
            }),
            0.5,
        ),
        (
            case("weight", move |v| {
                let weight = Some(Tensor::new(&[1f32, v as f32, 1.], &Device::Cpu)?);
                nll_with(&x(), &labels(), &NllConfig { weight, ..Default::default() })
            }),
            0.5,
        ),
        (
            case("pos_weight", move |v| {
                let pos_weight = Some(Tensor::new(&[1f32, v as f32, 1.], &Device::Cpu)?);
                binary_cross_entropy_with_logits_with(&x(), &x(), &BceConfig { pos_weight, ..Default::default() })
            }),
            0.5,
        ),
        (case("eps", |eps| BatchNorm1d::new(2, BatchNormConfig { eps, ..Default::default() }, store())), 0.0),
        (case("eps", |eps| LayerNorm::new(&[2], LayerNormConfig { eps, ..Default::default() }, store())), 0.0),
        (case("eps", |eps| GroupNorm::new(1, 2, GroupNormConfig { eps, ..Default::default() }, store())), 0.0),
        (case("eps", |eps| InstanceNorm1d::new(2, InstanceNormConfig { eps, ..Default::default() }, store())), 0.0),
        (
            case("momentum", |v| {
                BatchNorm1d::new(2, BatchNormConfig { momentum: Some(v), ..Default::default() }, store())
            }),
            1.0,
        ),
        (
            case("momentum", |v| {
                InstanceNorm1d::new(2, InstanceNormConfig { momentum: Some(v), ..Default::default() }, store())
            }),
            0.0,
        ),
        (case("p", dropped), 0.5),
        (case("p", |p| dropout2d(p, store())), 0.5),
        (case("dropout", move |v| Lstm::new(2, 2, recurrent(v), store())), 0.5),
        (
            case("gate_bias", |gate_bias| Highway::new(2, HighwayConfig { gate_bias, ..Default::default() }, store())),
            -2.0,
        ),
        (case("bias", |v| lstm(2, 2, store())?.set_gate_bias(LstmGate::Forget, v)), 1.0),
        (case("mean", |mean| draw(Init::Normal { mean, std: 1.0 })), -1.0),
        (case("std", |std| draw(Init::Normal { mean: 0.0, std })), 0.0),
        (case("mean", |mean| draw(Init::TruncatedNormal { mean, std: 1.0, cut: 2.0 })), -1.0),
        (case("std", |std| draw(Init::TruncatedNormal { mean: 0.0, std, cut: 2.0 })), 0.0),
        (case("cut", |cut| draw(Init::TruncatedNormal { mean: 0.0, std: 1.0, cut })), 2.0),
        (case("low", |low| draw(Init::Uniform { low, high: 1.0 })), -1.0),
        (case("high", |high| draw(Init::Uniform { low: -1.0, high })), 1.0),
        (case("gain", |gain| draw(Init::Scaled { fan: Fan::In, gain, distribution: Distribution::Normal })), 0.0),
        (case("gain", |gain| draw(Init::Scaled { fan: Fan::In, gain, distribution: Distribution::Uniform })), 2.0),
        (case("gain", |gain| draw(Init::Orthogonal { gain })), 1.0),
        (case("mean", |mean| normal(&mut seeded(0), mean, 1.0, 3, DType::F64, &Device::Cpu)), 1.0),
        (case("high", |high| uniform(&mut seeded(0), 0.0, high, 3, DType::F64, &Device::Cpu)), 1.0),
        (case("step_size", |step_size| Newton::new(NewtonMethod::Full { step_size })), 1.0),
        (case("damping", |damping| Newton::new(NewtonMethod::LevenbergMarquardt { damping })), 1.0),
        (case("l2", |l2| LinearRegression::new(array![[1.0]], array![1.0], l2)), 0.0),
        (case("l2", |l2| LogisticRegression::new(array![[1.0]], array![1.0], l2)), 0.0),
        (case("l2", |l2| SoftmaxRegression::new(array![[1.0]], vec![1], 2, l2)), 0.0),
    ]
}

#[test]
fn what_is_not_a_number_is_refused() {
    for ((name, f), good) in cases() {
        f(good).unwrap_or_else(|error| panic!("{name} of {good}: {error}"));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let Err(error) = f(value) else { panic!("{name}: {value} was taken") };
            assert!(matches!(error, Error::Setting { .. }), "{name} of {value}: {error}");
        }
    }
}

#[test]
fn where_infinity_means_something_it_is_taken_and_nan_is_not() {
    assert!(softplus(&x(), 1.0, f64::INFINITY).is_ok());
    assert!(matches!(softplus(&x(), 1.0, f64::NAN), Err(Error::Setting { .. })));
    assert!(draw(Init::Constant(f64::NEG_INFINITY)).is_ok());
    assert!(matches!(draw(Init::Constant(f64::NAN)), Err(Error::Setting { .. })));
    // An interval whose length is not a number.
    assert!(matches!(draw(Init::Uniform { low: -1e308, high: 1e308 }), Err(Error::Setting { .. })));
}

/// A layer with its name.
type Named = (&'static str, Box<dyn Module>);

/// All layers, with parameters below their names.
fn layers() -> (Params, Vec<Named>) {
    let p = store();
    let layers: Vec<Named> = vec![
        ("linear", Box::new(linear(3, 2, p.pp("linear")).unwrap())),
        ("conv1d", Box::new(conv1d(3, 4, 2, p.pp("conv1d")).unwrap())),
        ("conv2d", Box::new(conv2d(3, 4, 2, p.pp("conv2d")).unwrap())),
        ("transpose1d", Box::new(conv_transpose1d(3, 4, 2, p.pp("transpose1d")).unwrap())),
        ("transpose2d", Box::new(conv_transpose2d(3, 4, 2, p.pp("transpose2d")).unwrap())),
        ("batch_norm1d", Box::new(batch_norm1d(3, p.pp("batch_norm1d")).unwrap())),
        ("batch_norm2d", Box::new(batch_norm2d(3, p.pp("batch_norm2d")).unwrap())),
        ("layer_norm", Box::new(layer_norm(3, p.pp("layer_norm")).unwrap())),
        ("group_norm", Box::new(group_norm(3, 3, p.pp("group_norm")).unwrap())),
        ("instance_norm1d", Box::new(instance_norm1d(3, p.pp("instance_norm1d")).unwrap())),
        ("instance_norm2d", Box::new(instance_norm2d(3, p.pp("instance_norm2d")).unwrap())),
        ("rnn", Box::new(rnn(3, 2, p.pp("rnn")).unwrap())),
        ("gru", Box::new(gru(3, 2, p.pp("gru")).unwrap())),
        ("lstm", Box::new(lstm(3, 2, p.pp("lstm")).unwrap())),
        ("embedding", Box::new(embedding(9, 2, p.pp("embedding")).unwrap())),
        ("highway", Box::new(highway(3, p.pp("highway")).unwrap())),
        ("dropout", Box::new(dropout(0.5, p.pp("dropout")).unwrap())),
        ("dropout2d", Box::new(dropout2d(0.5, p.pp("dropout2d")).unwrap())),
        ("max_pool1d", Box::new(max_pool1d(2).unwrap())),
        ("max_pool2d", Box::new(max_pool2d(2).unwrap())),
        ("avg_pool1d", Box::new(avg_pool1d(2).unwrap())),
        ("avg_pool2d", Box::new(avg_pool2d(2).unwrap())),
        ("adaptive_avg_pool2d", Box::new(AdaptiveAvgPool2d::new(2).unwrap())),
        ("adaptive_max_pool2d", Box::new(AdaptiveMaxPool2d::new(2).unwrap())),
        ("global_avg_pool", Box::new(GlobalAvgPool)),
        ("flatten", Box::new(Flatten)),
        ("softmax", Box::new(Activation::Softmax { temperature: 2.0 })),
        ("log_softmax", Box::new(Activation::LogSoftmax { temperature: 1.0 })),
        ("gelu", Box::new(Activation::Gelu)),
        ("softplus", Box::new(Activation::Softplus { beta: 1.0, threshold: 20.0 })),
        ("elu", Box::new(Activation::Elu { alpha: 1.0 })),
        ("silu", Box::new(Activation::Silu)),
    ];
    (p, layers)
}

#[test]
fn every_shape_and_type_is_taken_or_refused_in_words_of_this_crate() {
    let shapes: [&[usize]; 13] = [
        &[],
        &[0],
        &[3],
        &[2, 3],
        &[0, 3],
        &[2, 3, 4],
        &[0, 3, 4],
        &[2, 3, 0],
        &[2, 3, 4, 4],
        &[0, 3, 4, 4],
        &[2, 3, 0, 4],
        &[1, 2, 3, 4, 5],
        &[2, 0, 4, 4],
    ];
    for (name, layer) in layers().1 {
        for dims in shapes {
            for dtype in [DType::F32, DType::F64, DType::U8, DType::I64] {
                let x = Tensor::zeros(dims, dtype, &Device::Cpu).unwrap();
                for mode in [Mode::Train, Mode::Eval] {
                    if let Err(error) = layer.forward(&x, mode) {
                        let typed = matches!(error, Error::Shape { .. } | Error::DType { .. });
                        assert!(typed, "{name} of {dims:?} {dtype:?} {mode:?}: {error:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_batch_of_nothing_is_taken_where_pytorch_takes_it() {
    // Not batch and instance norms, which take statistics in training.
    let taken: [(&str, &[usize]); 22] = [
        ("linear", &[0, 3]),
        ("conv1d", &[0, 3, 4]),
        ("conv2d", &[0, 3, 4, 4]),
        ("transpose1d", &[0, 3, 4]),
        ("transpose2d", &[0, 3, 4, 4]),
        ("layer_norm", &[0, 3]),
        ("group_norm", &[0, 3, 4]),
        ("rnn", &[4, 0, 3]),
        ("gru", &[4, 0, 3]),
        ("lstm", &[4, 0, 3]),
        ("highway", &[0, 3]),
        ("dropout", &[0, 3]),
        ("dropout2d", &[0, 3, 4, 4]),
        ("max_pool1d", &[0, 3, 4]),
        ("max_pool2d", &[0, 3, 4, 4]),
        ("avg_pool1d", &[0, 3, 4]),
        ("avg_pool2d", &[0, 3, 4, 4]),
        ("adaptive_avg_pool2d", &[0, 3, 4, 4]),
        ("adaptive_max_pool2d", &[0, 3, 4, 4]),
        ("flatten", &[0, 3, 4]),
        ("softmax", &[0, 3]),
        ("gelu", &[0, 3]),
    ];
    let (params, layers) = layers();
    for (name, dims) in taken {
        let (_, layer) = layers.iter().find(|(other, _)| *other == name).expect(name);
        let x = Var::zeros(dims, DType::F32, &Device::Cpu).unwrap();
        for mode in [Mode::Train, Mode::Eval] {
            let (_, gradients) = value_and_grad(|| {
                let y = layer.forward(&x, mode)?;
                assert!(y.elem_count() == 0, "{name}: {:?}", y.dims());
                Ok(y.sum_all()?)
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
            for param in params.pp(name).trainable() {
                let gradient = gradients.get(&param.var).unwrap_or_else(|| panic!("no gradient of {}", param.name));
                assert_eq!(gradient.dims(), param.var.dims(), "{}", param.name);
                assert!(flat(gradient).iter().all(|&g| g == 0.0), "{}", param.name);
            }
            assert_eq!(gradients.get(&x).unwrap_or_else(|| panic!("no gradient of {name}'s input")).dims(), dims);
        }
    }
}
