//! Models with their batch normalizations folded into the layers before them, against the models themselves.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{
    BasicBlock, BasicBlockConfig, BatchNorm1d, BatchNorm2d, BatchNormConfig, Conv1d, Conv1dConfig, ConvTranspose1d,
    ConvTranspose1dConfig, ConvTranspose2d, ConvTranspose2dConfig, Dropout, Fused, PaddingMode, ResNet, ResNetConfig,
    Residual, Shortcut, conv_transpose2d, conv1d, dropout, fuse, layer_norm, summary,
};
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight_tests::elsewhere::device;
use candlelight_tests::{assert_close, everywhere, flat, here, store};

fn numbers(seed: u64, dims: &[usize], dtype: DType) -> Tensor {
    normal(&mut seeded(seed), 0.3, 1.2, dims, dtype, &here()).unwrap()
}

/// A few steps of training, from scales and shifts that are not 1 and 0: so statistics, weights and biases are of no
/// simple value.
fn train(model: &dyn Module, params: &Params, x: &Tensor) {
    for (i, param) in params.trainable().iter().enumerate() {
        if param.var.rank() == 1 {
            params.set(&param.name, &numbers(100 + i as u64, param.var.dims(), x.dtype())).unwrap();
        }
    }
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.01, ..Default::default() }).unwrap();
    for _ in 0..4 {
        let loss = || Ok(model.forward(x, Mode::Train)?.sqr()?.mean_all()?);
        sgd.step(&value_and_grad(loss).unwrap().1).unwrap();
    }
}

/// Within 1e-5 (F32) or 1e-12 (F64) of the largest number.
#[track_caller]
fn close(what: &str, actual: &Tensor, expected: &Tensor) {
    let largest = flat(expected).into_iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    assert!(largest > 1e-3 && largest.is_finite(), "{what}: {largest}");
    let bound = if expected.dtype() == DType::F64 { 1e-12 } else { 1e-5 };
    assert_close(what, actual, expected, 0.0, bound * largest);
}

/// How many layers of a kind run.
fn count(model: &dyn Module, kind: &str, dims: &[usize]) -> usize {
    let layers = summary(model, &store(DType::F32), dims).unwrap().layers;
    layers.iter().filter(|layer| layer.kind.starts_with(kind)).count()
}

/// A trained model and what is made of it compute the same, with kernels and elsewhere; it has `norms` normalizations left.
#[track_caller]
fn agrees(what: &str, make: impl Fn(&Params) -> Box<dyn Module>, dims: &[usize], norms: usize) {
    let check = |dtype| {
        let params = store(dtype);
        let model = make(&params);
        train(&*model, &params, &numbers(1, dims, dtype));
        let fused = fuse(&*model).unwrap_or_else(|error| panic!("{what}: {error}"));
        let x = numbers(2, dims, dtype);
        let expected = model.forward(&x, Mode::Eval).unwrap();
        let name = format!("{what} {dtype:?}");
        close(&name, &fused.forward(&x, Mode::Eval).unwrap(), &expected);
        let again = fuse(&fused).unwrap().forward(&x, Mode::MonteCarlo).unwrap();
        close(&name, &again, &expected);
        if dtype == DType::F32 {
            assert!(count(&*model, "batch_norm", dims) > 0, "{what}");
            assert_eq!(count(&fused, "batch_norm", dims), norms, "{what}");
        }
    };
    everywhere(|| [DType::F32, DType::F64].into_iter().for_each(check));
}

fn boxed(model: impl Module + 'static) -> Box<dyn Module> {
    Box::new(model)
}

const PLAIN: BatchNormConfig =
    BatchNormConfig { eps: 1e-5, momentum: Some(0.1), affine: true, track_running_stats: true };

fn norm2d(channels: usize, config: BatchNormConfig, params: &Params) -> BatchNorm2d {
    BatchNorm2d::new(channels, config, params.pp("bn")).unwrap()
}

#[test]
fn convolutions_of_images() {
    let wide = Conv2dConfig { padding: (1, 1), ..Default::default() };
    let configs = [
        ("plain", Conv2dConfig::default()),
        ("padded", wide),
        ("without bias", Conv2dConfig { bias: false, ..wide }),
        ("strided", Conv2dConfig { stride: (2, 3), ..wide }),
        ("dilated", Conv2dConfig { dilation: (2, 1), ..wide }),
        ("grouped", Conv2dConfig { groups: 2, ..wide }),
        ("grouped without bias", Conv2dConfig { groups: 2, bias: false, stride: (2, 1), ..wide }),
        ("circular", Conv2dConfig { padding_mode: PaddingMode::Circular, ..wide }),
    ];
    for (what, config) in configs {
        let make = |params: &Params| {
            let conv = Conv2d::new(4, 6, 3, config, params.pp("conv")).unwrap();
            boxed(Sequential::new().push(conv).push(norm2d(6, PLAIN, params)))
        };
        agrees(what, make, &[5, 4, 9, 8], 0);
    }
}

#[test]
fn convolutions_of_sequences() {
    for (what, groups, bias) in [("plain", 1, true), ("grouped", 3, true), ("without bias", 3, false)] {
        let make = |params: &Params| {
            let config = Conv1dConfig { groups, bias, stride: 2, padding: 1, ..Default::default() };
            let conv = Conv1d::new(3, 6, 4, config, params.pp("conv")).unwrap();
            let norm = BatchNorm1d::new(6, PLAIN, params.pp("bn")).unwrap();
            boxed(Sequential::new().push(conv).push(norm).push(Activation::Relu))
        };
        agrees(what, make, &[6, 3, 17], 0);
    }
}

/// Their output channels are the second dimension of the weight, and with groups a part of them in each part of the first.
#[test]
fn transposed_convolutions() {
    for (what, groups, bias) in [("plain", 1, true), ("grouped", 2, true), ("without bias", 2, false)] {
        let make = |params: &Params| {
            let config = ConvTranspose2dConfig {
                stride: (2, 2),
                padding: (1, 0),
                output_padding: (1, 0),
                groups,
                bias,
                ..Default::default()
            };
            let conv = ConvTranspose2d::new(4, 6, 3, config, params.pp("conv")).unwrap();
            boxed(Sequential::new().push(conv).push(norm2d(6, PLAIN, params)).push(Activation::Tanh))
        };
        agrees(what, make, &[4, 4, 5, 6], 0);
        let make = |params: &Params| {
            let config = ConvTranspose1dConfig { stride: 2, groups, bias, ..Default::default() };
            let conv = ConvTranspose1d::new(4, 8, 3, config, params.pp("conv")).unwrap();
            let norm = BatchNorm1d::new(8, PLAIN, params.pp("bn")).unwrap();
            boxed(Sequential::new().push(conv).push(norm))
        };
        agrees(what, make, &[4, 4, 7], 0);
    }
    // As many inputs as outputs: the wrong dimension would fit.
    let square = |params: &Params| {
        let conv = conv_transpose2d(5, 5, 3, params.pp("conv")).unwrap();
        boxed(Sequential::new().push(conv).push(norm2d(5, PLAIN, params)))
    };
    agrees("square", square, &[4, 5, 6, 6], 0);
}

#[test]
fn settings_of_the_normalization() {
    let configs = [
        ("large eps", BatchNormConfig { eps: 0.3, ..PLAIN }),
        ("no eps", BatchNormConfig { eps: 0.0, ..PLAIN }),
        ("not affine", BatchNormConfig { affine: false, ..PLAIN }),
        ("mean of all batches", BatchNormConfig { momentum: None, ..PLAIN }),
    ];
    for (what, config) in configs {
        let make = |params: &Params| {
            let conv = conv2d(3, 5, 3, params.pp("conv")).unwrap();
            boxed(Sequential::new().push(conv).push(norm2d(5, config, params)))
        };
        agrees(what, make, &[4, 3, 8, 8], 0);
    }
}

/// By hand: 2 (3 x + 1 - 4) / √(0.75 + 0.25) + 5 = 6 x - 1.
#[test]
fn the_numbers_of_one_channel() {
    let params = store(DType::F64);
    let conv = conv1d(1, 1, 1, params.pp("conv")).unwrap();
    let norm = BatchNorm1d::new(1, BatchNormConfig { eps: 0.25, ..PLAIN }, params.pp("bn")).unwrap();
    let values = [
        ("conv.weight", 3.0),
        ("conv.bias", 1.0),
        ("bn.weight", 2.0),
        ("bn.bias", 5.0),
        ("bn.running_mean", 4.0),
        ("bn.running_var", 0.75),
    ];
    for (name, value) in values {
        let shape = params.get(name).unwrap().shape().clone();
        params.set(name, &Tensor::full(value, shape, &Device::Cpu).unwrap()).unwrap();
    }
    let fused = fuse(&Sequential::new().push(conv).push(norm)).unwrap();
    let x = Tensor::new(&[[[0f64, 1.0, -2.0]]], &Device::Cpu).unwrap();
    assert_eq!(flat(&fused.forward(&x, Mode::Eval).unwrap()), [-1.0, 5.0, -13.0]);
}

#[test]
fn what_stands_elsewhere_stays() {
    // In front of a convolution, behind an activation, and twice behind a convolution.
    let make = |params: &Params| {
        let padded = Conv2dConfig { padding: (1, 1), ..Default::default() };
        let model = Sequential::new()
            .push(norm2d(3, PLAIN, &params.pp("first")))
            .push(Conv2d::new(3, 4, 3, padded, params.pp("conv1")).unwrap())
            .push(Activation::Relu)
            .push(norm2d(4, PLAIN, &params.pp("second")))
            .push(Activation::LeakyRelu { negative_slope: 0.1 });
        let folded = Sequential::new()
            .push(Conv2d::new(4, 5, 3, padded, params.pp("conv2")).unwrap())
            .push(Sequential::new().push(norm2d(5, PLAIN, &params.pp("third"))))
            .push(norm2d(5, BatchNormConfig { affine: false, ..PLAIN }, &params.pp("fourth")))
            .push(Activation::Gelu);
        boxed(model.push(folded))
    };
    agrees("elsewhere", make, &[4, 3, 7, 7], 2);
    // Without running statistics each batch is normalized with its own.
    let params = store(DType::F64);
    let own = BatchNormConfig { track_running_stats: false, ..PLAIN };
    let model = Sequential::new().push(conv2d(2, 3, 3, params.pp("c")).unwrap()).push(norm2d(3, own, &params));
    let x = numbers(3, &[4, 2, 6, 6], DType::F64);
    let fused = fuse(&model).unwrap();
    assert_eq!(fused.len(), 2);
    assert_eq!(flat(&fused.forward(&x, Mode::Eval).unwrap()), flat(&model.forward(&x, Mode::Eval).unwrap()));
}

#[test]
fn linear_layers() {
    for bias in [true, false] {
        let make = |params: &Params| {
            let config = LinearConfig { bias, ..Default::default() };
            let hidden = Linear::new(7, 5, config, params.pp("fc1")).unwrap();
            let model = Sequential::new().push(hidden).push(batch_norm1d(5, params.pp("bn")).unwrap());
            boxed(model.push(Activation::Relu).push(linear(5, 3, params.pp("fc2")).unwrap()))
        };
        agrees("linear", make, &[9, 7], 0);
    }
    // Of [N, T, in] the channels of the normalization are T.
    let params = store(DType::F64);
    let fc = linear(7, 5, params.pp("fc")).unwrap();
    let model = Sequential::new().push(fc).push(batch_norm1d(4, params.pp("bn")).unwrap());
    let x = numbers(6, &[3, 4, 7], DType::F64);
    train(&model, &params, &x);
    let fused = fuse(&model).unwrap();
    close("places", &fused.forward(&x, Mode::Eval).unwrap(), &model.forward(&x, Mode::Eval).unwrap());
    assert_eq!(fused.len(), 2);
    // As many as there are outputs: what is folded is for [N, in] alone, and says so.
    let params = store(DType::F64);
    let fc = linear(7, 5, params.pp("fc")).unwrap();
    let model = Sequential::new().push(fc).push(batch_norm1d(5, params.pp("bn")).unwrap());
    train(&model, &params, &numbers(7, &[9, 7], DType::F64));
    let error = fuse(&model).unwrap().forward(&numbers(8, &[2, 5, 7], DType::F64), Mode::Eval).unwrap_err();
    let expected = "input of linear with a batch normalization in it: expected shape [N, 7], got [2, 5, 7]";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn residual_blocks() {
    let inner = |params: &Params| {
        let padded = Conv2dConfig { padding: (1, 1), bias: false, ..Default::default() };
        boxed(Residual::new(
            Sequential::new()
                .push(Conv2d::new(3, 3, 3, padded, params.pp("conv")).unwrap())
                .push(norm2d(3, PLAIN, params))
                .push(Activation::Relu),
        ))
    };
    agrees("residual", inner, &[4, 3, 6, 6], 0);
    for (what, shortcut, stride, out) in [
        ("none", Shortcut::None, 1, 3),
        ("identity", Shortcut::Identity, 1, 3),
        ("padding", Shortcut::ZeroPadding, 2, 5),
        ("projection", Shortcut::Projection, 2, 5),
    ] {
        let make = |params: &Params| {
            let config = BasicBlockConfig { stride, shortcut, ..Default::default() };
            boxed(BasicBlock::new(3, out, config, params.clone()).unwrap())
        };
        agrees(what, make, &[4, 3, 8, 8], 0);
    }
}

#[test]
fn resnet_20_has_no_norms_left() {
    let make = |params: &Params| boxed(ResNet::new(3, 10, ResNetConfig::default(), params.clone()).unwrap());
    let narrow = |params: &Params| {
        let config = ResNetConfig { widths: vec![4, 6, 8], ..ResNetConfig::default() };
        boxed(ResNet::new(3, 10, config, params.clone()).unwrap())
    };
    // Another device gets fewer channels, for the sake of time.
    let net: &dyn Fn(&Params) -> Box<dyn Module> = if device().is_cpu() { &make } else { &narrow };
    agrees("ResNet-20", net, &[4, 3, 16, 16], 0);
    let params = store(DType::F32);
    let model = make(&params);
    train(&*model, &params, &numbers(1, &[4, 3, 16, 16], DType::F32));
    let (fused, dims) = (fuse(&*model).unwrap(), [1, 3, 16, 16]);
    assert_eq!((count(&*model, "conv2d", &dims), count(&*model, "batch_norm2d", &dims)), (19, 19));
    let of_fused = summary(&fused, &store(DType::F32), &dims[..]).unwrap();
    assert_eq!(of_fused.layers.iter().filter(|layer| layer.kind == "conv2d").count(), 19);
    assert_eq!((of_fused.params, of_fused.layers.last().map(|layer| layer.kind)), (0, Some("linear")));
    // The products are those of the convolutions and the linear layer; a normalization scaled each number once more.
    let scaled: usize = summary(&*model, &params, &dims[..])
        .unwrap()
        .layers
        .iter()
        .filter(|layer| layer.kind == "batch_norm2d")
        .map(|layer| layer.flops)
        .sum();
    assert_eq!(of_fused.flops() + scaled, summary(&*model, &params, &dims[..]).unwrap().flops());
    let bare = ResNetConfig { batch_norm: false, ..Default::default() };
    let params = store(DType::F64);
    let model = ResNet::new(3, 10, bare, params).unwrap();
    let x = numbers(4, &[2, 3, 16, 16], DType::F64);
    close("bare", &fuse(&model).unwrap().forward(&x, Mode::Eval).unwrap(), &model.forward(&x, Mode::Eval).unwrap());
}

#[test]
fn training_goes_on_without_it() {
    let params = store(DType::F64);
    let config = ResNetConfig { widths: vec![3, 4], blocks: 1, shortcut: Shortcut::Projection, ..Default::default() };
    let resnet = ResNet::new(2, 4, config, params.pp("net")).unwrap();
    // A normalization and a convolution that stay, then those that are folded.
    let bare = conv2d(2, 2, 1, params.pp("bare")).unwrap();
    let model = Sequential::new().push(norm2d(2, PLAIN, &params)).push(bare).push(Activation::Tanh).push(resnet);
    let model = model.push(linear(4, 4, params.pp("fc")).unwrap());
    let x = numbers(7, &[4, 2, 8, 8], DType::F64);
    train(&model, &params, &x);
    let fused = fuse(&model).unwrap();
    let [before, other] = [&model as &dyn Module, &fused].map(|model| flat(&model.forward(&x, Mode::Eval).unwrap()));
    train(&model, &params, &x);
    for param in params.trainable() {
        params.set(&param.name, &(param.var.as_tensor() * 1.5).unwrap()).unwrap();
    }
    assert_ne!(flat(&model.forward(&x, Mode::Eval).unwrap()), before);
    assert_eq!(flat(&fused.forward(&x, Mode::Eval).unwrap()), other);
    // Nor does it change the model, or leave anything in its store.
    let state: Vec<_> = params.all().iter().map(|param| flat(&param.var)).collect();
    fuse(&model).unwrap().forward(&x, Mode::Eval).unwrap();
    assert_eq!(params.all().iter().map(|param| flat(&param.var)).collect::<Vec<_>>(), state);
}

#[test]
fn layers_that_do_not_say_how_are_those_of_the_model() {
    let params = store(DType::F64);
    let drop = || dropout(0.5, params.pp("drop")).unwrap();
    let model: Sequential = Sequential::new()
        .push(conv1d(2, 3, 2, params.pp("conv")).unwrap())
        .push(batch_norm1d(3, params.pp("bn")).unwrap())
        .push(Activation::Relu)
        .push(drop() as Dropout)
        .push(layer_norm(4, params.pp("ln")).unwrap());
    let x = numbers(8, &[3, 2, 5], DType::F64);
    train(&model, &params, &x);
    let fused: Fused = fuse(&model).unwrap();
    assert!(fused.len() == 4 && !fused.is_empty());
    let at = |mode| flat(&fused.forward(&x, mode).unwrap());
    assert_eq!(at(Mode::Eval), at(Mode::Eval));
    assert_ne!(at(Mode::MonteCarlo), at(Mode::MonteCarlo), "masks are drawn");
    let before = at(Mode::Eval);
    params.set("ln.bias", &Tensor::new(&[9f64, 9., 9., 9.], &Device::Cpu).unwrap()).unwrap();
    assert_ne!(at(Mode::Eval), before);
}

#[test]
fn inputs_have_gradients_and_outputs_no_past() {
    let params = store(DType::F64);
    let resnet = ResNetConfig { widths: vec![3, 4], blocks: 1, ..Default::default() };
    let model = ResNet::new(2, 4, resnet, params.clone()).unwrap();
    let x = numbers(9, &[3, 2, 8, 8], DType::F64);
    train(&model, &params, &x);
    let fused = fuse(&model).unwrap();
    assert!(!fused.forward(&x, Mode::Eval).unwrap().track_op());
    let x = Var::from_tensor(&x).unwrap();
    let gradient = |model: &dyn Module| {
        let loss = model.forward(&x, Mode::Eval).unwrap().sqr().unwrap().sum_all().unwrap();
        loss.backward().unwrap().get(&x).unwrap().clone()
    };
    close("gradient", &gradient(&fused), &gradient(&model));
    // Along a direction.
    let params = store(DType::F64);
    let padded = Conv2dConfig { padding: (1, 1), ..Default::default() };
    let inner = Conv2d::new(2, 2, 3, padded, params.pp("conv")).unwrap();
    let inner = Sequential::new().push(inner).push(norm2d(2, PLAIN, &params)).push(Activation::Tanh);
    let model = Sequential::new().push(Residual::new(inner)).push(norm2d(2, PLAIN, &params.pp("last")));
    let (x, v) = (numbers(10, &[3, 2, 5, 5], DType::F64), numbers(11, &[3, 2, 5, 5], DType::F64));
    train(&model, &params, &x);
    let fused = fuse(&model).unwrap();
    let along = |model: &dyn Module| model.linearize(&x, Mode::Eval).unwrap().along(&v).unwrap();
    close("along", &along(&fused), &along(&model));
}

#[test]
fn bad_models_and_modes_are_typed_errors() {
    #[track_caller]
    fn refused(result: Result<Fused>, message: &str) {
        let error = result.map(|fused| fused.len()).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error:?}");
        assert_eq!(error.to_string(), message);
    }
    let model = |channels: usize, params: &Params| {
        Sequential::new().push(conv2d(2, 3, 3, params.pp("c")).unwrap()).push(norm2d(channels, PLAIN, params))
    };
    let params = store(DType::F32);
    let good = model(3, &params);
    refused(
        fuse(&good),
        "running statistics must be gathered before a model is fused, got none for batch_norm2d of 3 channels",
    );
    let gather = |params: &Params, values: f32| {
        let var = params.get("bn.running_var").unwrap();
        params.set("bn.running_var", &Tensor::full(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
    };
    gather(&params, 2.0);
    let fused = fuse(&good).unwrap();
    let x = numbers(1, &[2, 2, 5, 5], DType::F32);
    let error = fused.forward(&x, Mode::Train).unwrap_err();
    assert!(matches!(error, Error::Setting { .. }), "{error:?}");
    assert_eq!(error.to_string(), "mode of a fused model must be Eval or MonteCarlo, got Train");
    assert!(matches!(fused.linearize(&x, Mode::Train).map(|_| ()), Err(Error::Setting { .. })));
    for wrong in [numbers(1, &[2, 3, 5, 5], DType::F32), numbers(1, &[2, 2, 5], DType::F32)] {
        assert!(matches!(fused.forward(&wrong, Mode::Eval), Err(Error::Shape { .. })));
    }
    let f64 = numbers(1, &[2, 2, 5, 5], DType::F64);
    assert!(matches!(fused.forward(&f64, Mode::Eval), Err(Error::DType { .. })));

    gather(&params, f32::NAN);
    refused(fuse(&good), "scale of a fused normalization must be finite, got NaN for channel 0 of batch_norm2d");
    gather(&params, -1.0);
    refused(fuse(&good), "scale of a fused normalization must be finite, got NaN for channel 0 of batch_norm2d");
    gather(&params, 2.0);
    params.set("bn.running_mean", &Tensor::full(f32::INFINITY, 3, &Device::Cpu).unwrap()).unwrap();
    refused(fuse(&good), "shift of a fused normalization must be finite, got -inf for channel 0 of batch_norm2d");
    params.set("bn.running_mean", &Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap()).unwrap();
    let huge = Tensor::full(3e38f32, 3, &Device::Cpu).unwrap();
    for (name, message) in [
        ("bn.weight", "weight of a fused layer must be finite in its dtype, got inf in conv2d"),
        ("bn.bias", "bias of a fused layer must be finite in its dtype, got inf in conv2d"),
    ] {
        let params = store(DType::F32);
        let good = model(3, &params);
        gather(&params, 2.0);
        params.set("c.weight", &(params.get("c.weight").unwrap().ones_like().unwrap() * 2.0).unwrap()).unwrap();
        params.set("c.bias", &huge).unwrap();
        params.set("bn.weight", &Tensor::full(1f32, 3, &Device::Cpu).unwrap()).unwrap();
        params.set(name, &huge).unwrap();
        refused(fuse(&good), message);
    }

    let params = store(DType::F32);
    let wide = model(4, &params);
    gather(&params, 2.0);
    let expected = "channels before a batch normalization must be its own, with as many dimensions, got ";
    refused(fuse(&wide), &format!("{expected}conv2d of 3 before batch_norm2d of 4"));
    let flat = Sequential::new().push(conv1d(2, 4, 3, params.pp("d")).unwrap());
    let norm = norm2d(4, PLAIN, &params.pp("e"));
    norm.fit_statistics([Ok(numbers(1, &[4, 4, 3, 3], DType::F32))]).unwrap();
    refused(fuse(&flat.push(norm.clone())), &format!("{expected}conv1d of 4 before batch_norm2d of 4"));
    let mixed = Sequential::new().push(conv2d(2, 4, 3, store(DType::F64)).unwrap()).push(norm);
    assert!(matches!(fuse(&mixed), Err(Error::DType { actual: DType::F64, .. })));

    struct Silent;
    impl Module for Silent {
        fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
            Ok(x.clone())
        }
    }
    let error = fuse(&Silent).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.starts_with("a model to be fused must be one whose `fused` says how, got ") && error.ends_with("Silent")
    );
    assert!(fuse(&Residual::new(Silent)).is_err());
    assert_eq!(fuse(&Sequential::new().push(Silent)).unwrap().len(), 1);
    assert!(fuse(&Sequential::new()).unwrap().is_empty());
}

/// Loaded statistics count, and so do those of a data set with mean 0 and variance 1.
#[test]
fn statistics_may_be_those_they_start_from() {
    let params = store(DType::F64);
    let norm = batch_norm1d(1, params.clone()).unwrap();
    assert!(fuse(&norm).is_err());
    let x = Tensor::new(&[[1f64], [-1.0]], &Device::Cpu).unwrap();
    norm.fit_statistics([Ok(x.clone())]).unwrap();
    assert_eq!((flat(norm.running_mean().unwrap()), flat(norm.running_var().unwrap())), (vec![0.0], vec![1.0]));
    let fused = fuse(&norm).unwrap();
    assert_eq!(flat(&fused.forward(&x, Mode::Eval).unwrap()), flat(&norm.forward(&x, Mode::Eval).unwrap()));
}

#[test]
fn what_is_kept_of_one_size_of_image_does_not_serve_another() {
    let params = store(DType::F32);
    let padded = Conv2dConfig { padding: (1, 1), ..Default::default() };
    let model = Sequential::new()
        .push(Conv2d::new(3, 16, 3, padded, params.pp("conv1")).unwrap())
        .push(norm2d(16, PLAIN, &params.pp("norm")))
        .push(Activation::Relu)
        .push(conv2d(16, 4, 5, params.pp("conv2")).unwrap());
    train(&model, &params, &numbers(1, &[4, 3, 9, 9], DType::F32));
    let fused = fuse(&model).unwrap();
    for (n, side) in [(1, 12), (3, 12), (1, 9), (2, 17), (1, 12), (1, 12)] {
        let x = numbers(n as u64 + 7, &[n, 3, side, side], DType::F32);
        let fresh = fuse(&model).unwrap();
        assert_eq!(flat(&fused.forward(&x, Mode::Eval).unwrap()), flat(&fresh.forward(&x, Mode::Eval).unwrap()));
        close("sizes", &fused.forward(&x, Mode::Eval).unwrap(), &model.forward(&x, Mode::Eval).unwrap());
    }
}
