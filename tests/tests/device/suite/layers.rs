//! Layers and activations: outputs, all gradients, and what they remember.

use candlelight::activation::{log_softmax_with_temperature, logsumexp, softmax_with_temperature};
use candlelight::nn::*;
use candlelight::prelude::*;
use candlelight_tests::{flat, here, store};

use super::{Case, Numbers, case, check, gradients, input, trainable};

/// Passes in training, evaluation and, where one is given, with an activation behind the layer.
fn passes(x: &Tensor, layer: &dyn Module, params: &Params, after: Option<Activation>) -> Result<Numbers> {
    let mut vars = trainable(params);
    let x = match x.dtype() {
        DType::F32 => {
            let x = Var::from_tensor(x)?;
            vars.push(("x".into(), x.clone()));
            x.as_tensor().clone()
        }
        _ => x.clone(),
    };
    let mut all = Numbers::new();
    let behind: Vec<Option<Activation>> = std::iter::once(None).chain(after.map(Some)).collect();
    for (mode, after) in
        [Mode::Train, Mode::Eval].into_iter().flat_map(|mode| behind.iter().map(move |&after| (mode, after)))
    {
        let numbers = gradients(&vars, || match after {
            Some(after) => layer.forward_then(&x, mode, after),
            None => layer.forward(&x, mode),
        })?;
        all.extend(numbers.into_iter().map(|(what, numbers)| (format!("{what}, {mode:?}, {after:?}"), numbers)));
    }
    let buffers = params.all().into_iter().filter(|param| param.buffer);
    all.extend(buffers.map(|param| (param.name, flat(&param.var))));
    Ok(all)
}

/// A layer for an input of these dimensions.
fn layer<M: Module>(name: &str, dims: &[usize], make: impl Fn(Params) -> Result<M> + 'static) -> Case {
    let dims = dims.to_vec();
    case(name, move || {
        let params = store(DType::F32);
        let layer = make(params.clone())?;
        passes(&input(1, dims.as_slice())?, &layer, &params, None)
    })
}

/// The same, with a ReLU and a leaky one behind the layer as well, at parameters that are not 1 and 0.
fn fused<M: Module>(name: &str, dims: &[usize], make: impl Fn(Params) -> Result<M> + 'static) -> Case {
    let dims = dims.to_vec();
    case(name, move || {
        let mut all = Numbers::new();
        for (seed, after) in [(1, Activation::Relu), (2, Activation::LeakyRelu { negative_slope: 0.3 })] {
            let params = store(DType::F32);
            let layer = make(params.clone())?;
            for param in params.trainable().iter().filter(|param| param.var.rank() == 1) {
                param.var.set(&(input(seed + 10, param.var.shape())? + 0.3)?)?;
            }
            all.extend(passes(&input(seed, dims.as_slice())?, &layer, &params, Some(after))?);
        }
        Ok(all)
    })
}

fn function(name: &str, dims: &[usize], f: fn(&Tensor) -> Result<Tensor>) -> Case {
    layer(name, dims, move |_| Ok(from_fn(move |x, _| f(x))))
}

fn all_pass(cases: impl IntoIterator<Item = Case>) {
    cases.into_iter().for_each(|case| check(&case));
}

#[test]
fn convolutions_and_products() {
    let one = Conv1dConfig::default();
    let two = Conv2dConfig::default();
    let back = ConvTranspose1dConfig::default();
    let back2 = ConvTranspose2dConfig { stride: (2, 2), ..Default::default() };
    let [circular, reflect] = [PaddingMode::Circular, PaddingMode::Reflect];
    all_pass([
        fused("linear", &[5, 7], |p| linear(7, 3, p)),
        layer("linear of more dimensions", &[2, 3, 7], |p| linear(7, 3, p)),
        layer("linear without bias", &[4, 6], |p| {
            Linear::new(6, 5, LinearConfig { bias: false, ..Default::default() }, p)
        }),
        fused("conv1d", &[3, 2, 9], |p| conv1d(2, 4, 3, p)),
        layer("conv1d, stride, padding, dilation", &[2, 3, 11], move |p| {
            Conv1d::new(3, 2, 3, Conv1dConfig { stride: 2, padding: 2, dilation: 2, ..one }, p)
        }),
        layer("conv1d, groups, circular", &[2, 4, 8], move |p| {
            Conv1d::new(4, 6, 3, Conv1dConfig { groups: 2, padding: 1, padding_mode: circular, ..one }, p)
        }),
        fused("conv2d", &[2, 3, 6, 5], |p| conv2d(3, 4, 3, p)),
        layer("conv2d, stride, padding", &[3, 2, 7, 8], move |p| {
            Conv2d::new(2, 5, 3, Conv2dConfig { stride: (2, 1), padding: (1, 2), ..two }, p)
        }),
        layer("conv2d, dilation, no bias", &[2, 2, 8, 7], move |p| {
            Conv2d::new(2, 3, (2, 3), Conv2dConfig { dilation: (3, 2), bias: false, ..two }, p)
        }),
        layer("conv2d, groups, reflect", &[2, 6, 5, 5], move |p| {
            Conv2d::new(6, 6, 3, Conv2dConfig { groups: 3, padding: (1, 1), padding_mode: reflect, ..two }, p)
        }),
        layer("conv2d 1×1, stride", &[2, 4, 6, 6], move |p| {
            Conv2d::new(4, 8, 1, Conv2dConfig { stride: (2, 2), ..two }, p)
        }),
        // A card may not like where the second sample begins.
        layer("conv2d of a part", &[3, 1, 5, 5], |p| {
            let conv = conv2d(1, 2, 3, p)?;
            Ok(from_fn(move |x, mode| conv.forward(&x.narrow(0, 1, 2)?, mode)))
        }),
        layer("conv_transpose1d", &[2, 3, 5], move |p| {
            ConvTranspose1d::new(3, 2, 4, ConvTranspose1dConfig { stride: 2, padding: 1, ..back }, p)
        }),
        layer("conv_transpose2d", &[2, 3, 4, 5], |p| conv_transpose2d(3, 2, 3, p)),
        layer("conv_transpose2d, all settings", &[2, 4, 3, 4], move |p| {
            let config = ConvTranspose2dConfig { padding: (1, 1), output_padding: (1, 0), groups: 2, ..back2 };
            ConvTranspose2d::new(4, 6, 3, config, p)
        }),
        layer("locally_connected1d", &[3, 2, 7], |p| locally_connected1d(2, 3, 7, 3, p)),
        layer("locally_connected2d", &[2, 2, 5, 4], |p| locally_connected2d(2, 3, (5, 4), (3, 2), p)),
        layer("highway", &[4, 5], |p| highway(5, p)),
        layer("spectral_norm", &[4, 5], |p| spectral_norm(linear(5, 3, p.clone())?, &p)),
    ]);
}

#[test]
fn norms() {
    let batch = BatchNormConfig::default();
    let instance = InstanceNormConfig { affine: true, track_running_stats: true, ..Default::default() };
    all_pass([
        fused("batch_norm1d", &[6, 5], |p| batch_norm1d(5, p)),
        fused("batch_norm1d of sequences", &[3, 4, 5], |p| batch_norm1d(4, p)),
        fused("batch_norm2d", &[3, 4, 5, 3], |p| batch_norm2d(4, p)),
        layer("batch_norm2d, cumulative", &[2, 3, 4, 4], move |p| {
            BatchNorm2d::new(3, BatchNormConfig { momentum: None, ..batch }, p)
        }),
        layer("batch_norm2d, plain", &[2, 3, 4, 4], move |p| {
            BatchNorm2d::new(3, BatchNormConfig { affine: false, track_running_stats: false, ..batch }, p)
        }),
        // So large that a card shares a channel, or a scale, out among blocks.
        fused("batch_norm2d, large", &[5, 2, 50, 50], |p| batch_norm2d(2, p)),
        fused("layer_norm of many rows", &[300, 40], |p| layer_norm(40, p)),
        fused("group_norm, large", &[2, 4, 60, 60], |p| group_norm(2, 4, p)),
        fused("layer_norm", &[5, 9], |p| layer_norm(9, p)),
        fused("layer_norm of two dimensions", &[3, 4, 5], |p| layer_norm((4, 5), p)),
        fused("group_norm", &[3, 6, 4, 2], |p| group_norm(3, 6, p)),
        fused("instance_norm1d", &[2, 3, 7], |p| instance_norm1d(3, p)),
        fused("instance_norm2d", &[2, 3, 4, 5], move |p| InstanceNorm2d::new(3, instance, p)),
    ]);
}

#[test]
fn pooling() {
    let max = MaxPool2dConfig { stride: Some((2, 1)), padding: (1, 1), dilation: (1, 2), ceil_mode: true };
    let average = AvgPool2dConfig { stride: Some((2, 1)), padding: (1, 1), ..Default::default() };
    let circular = BlurPoolConfig { kernel_size: 4, stride: 2, padding_mode: PaddingMode::Circular };
    all_pass([
        layer("max_pool1d", &[2, 3, 8], |_| max_pool1d(3)),
        layer("max_pool2d", &[2, 3, 6, 4], |_| max_pool2d(2)),
        layer("max_pool2d, all settings", &[2, 2, 7, 8], move |_| MaxPool2d::new((3, 2), max)),
        layer("avg_pool1d", &[2, 3, 8], |_| avg_pool1d(2)),
        layer("avg_pool2d", &[2, 3, 6, 4], |_| avg_pool2d(2)),
        layer("avg_pool2d, all settings", &[2, 2, 7, 8], move |_| AvgPool2d::new((3, 2), average)),
        layer("adaptive_avg_pool2d", &[2, 2, 7, 5], |_| adaptive_avg_pool2d((3, 2))),
        layer("adaptive_max_pool2d", &[2, 2, 7, 5], |_| adaptive_max_pool2d((3, 2))),
        layer("global_avg_pool", &[3, 4, 5, 2], |_| Ok(GlobalAvgPool)),
        layer("blur_pool1d", &[2, 3, 9], |_| Ok(blur_pool1d())),
        layer("blur_pool2d", &[2, 2, 7, 6], |_| Ok(blur_pool2d())),
        layer("blur_pool2d, circular", &[2, 2, 6, 6], move |_| BlurPool2d::new(circular)),
        layer("polyphase_sampling", &[3, 2, 4, 6], |_| Ok(polyphase_sampling())),
        layer("flatten", &[3, 2, 4], |_| Ok(Flatten)),
    ]);
}

/// Outputs and last states one after the other.
fn joined(tensors: &[Tensor]) -> Result<Tensor> {
    let flat = tensors.iter().map(Tensor::flatten_all).collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::cat(&flat, 0)?)
}

#[test]
fn recurrent_layers() {
    let deep = RecurrentConfig { num_layers: 2, bidirectional: true, batch_first: true, ..Default::default() };
    let mut all = Vec::new();
    for (what, config) in [("", RecurrentConfig::default()), (", two layers in both directions", deep)] {
        for nonlinearity in [RnnNonlinearity::Tanh, RnnNonlinearity::Relu] {
            let config = RnnConfig { nonlinearity, recurrent: config };
            all.push(layer(&format!("rnn {nonlinearity:?}{what}"), &[4, 3, 2], move |p| {
                let layer = Rnn::new(2, 5, config, p)?;
                Ok(from_fn(move |x, mode| {
                    let (y, h) = layer.forward_with_state(x, None, mode)?;
                    joined(&[y, h])
                }))
            }));
        }
        all.push(layer(&format!("gru{what}"), &[4, 3, 2], move |p| {
            let layer = Gru::new(2, 5, config, p)?;
            Ok(from_fn(move |x, mode| {
                let (y, h) = layer.forward_with_state(x, None, mode)?;
                joined(&[y, h])
            }))
        }));
        all.push(layer(&format!("lstm{what}"), &[4, 3, 2], move |p| {
            let layer = Lstm::new(2, 5, config, p)?;
            Ok(from_fn(move |x, mode| {
                let (y, LstmState { h, c }) = layer.forward_with_state(x, None, mode)?;
                joined(&[y, h, c])
            }))
        }));
    }
    let dropping = RecurrentConfig { num_layers: 2, dropout: 0.4, ..Default::default() };
    all.push(layer("lstm with dropout", &[4, 3, 2], move |p| Lstm::new(2, 5, dropping, p)));
    all_pass(all);
}

#[test]
fn dropout_and_embedding() {
    let padded = EmbeddingConfig { padding_idx: Some(1), ..Default::default() };
    all_pass([
        // Places are dropped alike: a mask of another device would leave numbers where there are none.
        layer("dropout", &[6, 20], |p| dropout(0.4, p)),
        layer("dropout2d", &[4, 6, 3, 3], |p| dropout2d(0.4, p)),
        case("embedding", move || {
            let params = store(DType::F32);
            let layer = Embedding::new(5, 3, padded, params.clone())?;
            let x = Tensor::new(&[[2u32, 0, 2], [4, 1, 0]], &here())?;
            passes(&x, &layer, &params, None)
        }),
    ]);
}

#[test]
fn blocks_and_nets() {
    let widths = ResNetConfig { widths: vec![2, 3, 4], ..ResNetConfig::default() };
    let strided = BasicBlockConfig { stride: 2, shortcut: Shortcut::ZeroPadding, ..Default::default() };
    all_pass([
        layer("residual", &[4, 5], |p| Ok(Residual::new(linear(5, 5, p)?))),
        layer("basic_block", &[3, 2, 5, 4], |p| basic_block(2, 2, p)),
        layer("basic_block, zero padding", &[3, 2, 6, 6], move |p| BasicBlock::new(2, 4, strided, p)),
        layer("basic_block, projection", &[3, 2, 6, 6], move |p| {
            BasicBlock::new(2, 4, BasicBlockConfig { shortcut: Shortcut::Projection, ..strided }, p)
        }),
        layer("ResNet-20", &[4, 2, 8, 8], move |p| ResNet::new(2, 3, widths.clone(), p)),
        layer("MLP", &[6, 5], |p| {
            let hidden = Sequential::new().push(linear(5, 8, p.pp("a"))?).push(layer_norm(8, p.pp("b"))?);
            Ok(hidden.push(Activation::Gelu).push(linear(8, 3, p.pp("c"))?))
        }),
        case("add_relu", || {
            let vars = [
                ("a".into(), Var::from_tensor(&input(1, (3, 4))?)?),
                ("b".into(), Var::from_tensor(&input(2, (3, 4))?)?),
            ];
            gradients(&vars, || add_relu(&vars[0].1, &vars[1].1))
        }),
    ]);
}

#[test]
fn activations() {
    let all = [
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::LeakyRelu { negative_slope: 0.2 },
        Activation::Elu { alpha: 0.7 },
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Softplus { beta: 1.5, threshold: 20.0 },
        Activation::Softmax { temperature: 1.0 },
        Activation::LogSoftmax { temperature: 1.0 },
    ];
    all_pass(all.into_iter().map(|activation| layer(&format!("{activation:?}"), &[4, 30], move |_| Ok(activation))));
    all_pass([
        function("softmax along the first of three", &[4, 3, 5], |x| softmax_with_temperature(x, 0, 0.4)),
        function("log-softmax along the second of three", &[4, 3, 5], |x| log_softmax_with_temperature(x, 1, 2.5)),
        function("logsumexp", &[4, 9], |x| logsumexp(x, D::Minus1)),
    ]);
}
