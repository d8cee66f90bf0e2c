//! What a model looks at: receptive fields by arithmetic and by gradient, responses, answers to shifted inputs.

use candlelight::nn::features::{
    AxisField, ReceptiveField, cyclic_shift, cyclic_shifts, effective_field, field_std, receptive_field, responses,
    shift_consistency,
};
use candlelight::nn::{
    Activation, AvgPool1d, AvgPool1dConfig, BlurPool2d, BlurPoolConfig, Conv1d, Conv1dConfig, Conv2d, Conv2dConfig,
    Flatten, GlobalAvgPool, GroupNorm, InstanceNorm2d, InstanceNormConfig, LocallyConnected2d,
    LocallyConnected2dConfig, MaxPool2d, MaxPool2dConfig, Mode, Module, ResNet, ResNetConfig, Sequential, Shortcut,
    adaptive_avg_pool2d, batch_norm2d, conv_transpose2d, conv1d, conv2d, from_fn, layer_norm, max_pool2d,
    polyphase_sampling,
};
use candlelight::prelude::*;
use candlelight_tests::{assert_close, flat, gradient, store};

/// Kind, and size, jump and start along the last dimension.
fn rows(field: &ReceptiveField) -> Vec<(&'static str, usize, usize, f64)> {
    let row = |layer: &candlelight::nn::features::LayerField| {
        let AxisField { size, jump, start } = *layer.axes.last().unwrap();
        (layer.kind, size, jump, start)
    };
    field.layers.iter().map(row).collect()
}

fn lenet(params: &Params) -> Sequential {
    let padded = Conv2dConfig { padding: (2, 2), ..Default::default() };
    Sequential::new()
        .push(Conv2d::new(1, 6, 5, padded, params.pp("conv1")).unwrap())
        .push(Activation::Relu)
        .push(max_pool2d(2).unwrap())
        .push(conv2d(6, 16, 5, params.pp("conv2")).unwrap())
        .push(Activation::Relu)
        .push(max_pool2d(2).unwrap())
        .push(Flatten)
        .push(linear(400, 10, params.pp("fc")).unwrap())
}

#[test]
fn lenet_by_hand() {
    let params = store(DType::F32);
    let field = receptive_field(&lenet(&params), &params, (1, 1, 28, 28)).unwrap();
    let expected = [
        ("conv2d", 5, 1, 0.0),
        ("max_pool2d", 6, 2, 0.5),
        ("conv2d", 6 + 4 * 2, 2, 0.5 + 2.0 * 2.0),
        ("max_pool2d", 14 + 2, 4, 4.5 + 0.5 * 2.0),
        // All five places together: from the first field to the last.
        ("flatten", 16 + 4 * 4, 0, 5.5 + 2.0 * 4.0),
        ("linear", 32, 0, 13.5),
    ];
    assert_eq!(rows(&field), expected);
    let names: Vec<&str> = field.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["conv1", "", "conv2", "", "", "fc"]);
    assert_eq!(field.layers[2].output, [1, 16, 10, 10]);
    let text = field.to_string();
    assert!(
        text.contains("conv2") && text.contains("[1, 16, 10, 10]     14") && text.lines().count() == 2 + 6,
        "{text}"
    );
    assert!(field.table().html().unwrap().contains("<td"));
}

#[test]
fn resnet_by_hand_whatever_its_shortcuts() {
    for shortcut in [Shortcut::ZeroPadding, Shortcut::Projection, Shortcut::None] {
        let params = store(DType::F32);
        let config = ResNetConfig { shortcut, ..Default::default() };
        let model = ResNet::new(3, 10, config, params.clone()).unwrap();
        let field = receptive_field(&model, &params, (1, 3, 32, 32)).unwrap();
        let of = |name: &str| field.layers.iter().find(|layer| layer.name == name).unwrap().axes.clone();
        let both = |size, jump, start| vec![AxisField { size, jump, start }; 2];
        assert_eq!(of("conv1"), both(3, 1, 0.0));
        assert_eq!(of("layer1.2.bn2"), both(3 + 6 * 2, 1, 0.0));
        assert_eq!(of("layer2.0.conv1"), both(17, 2, 0.0));
        assert_eq!(of("layer2.2.conv2"), both(17 + 5 * 2 * 2, 2, 0.0));
        assert_eq!(of("layer3.2.conv2"), both(37 + 2 * 2 + 5 * 2 * 4, 4, 0.0));
        assert_eq!(of("fc"), both(81 + 7 * 4, 0, 14.0), "{shortcut:?}");
        if shortcut == Shortcut::Projection {
            // Each second place of what the stage before can see, taken from the block's input, not from what ran before it.
            assert_eq!(of("layer2.0.downsample.0"), both(15, 2, 0.0));
            assert_eq!(of("layer3.0.downsample.0"), both(37, 4, 0.0));
        }
    }
}

/// Two ways from one input, of kernels that differ; the second starts after the first has run.
struct Ways {
    wide: [Conv1d; 2],
    narrow: [Conv1d; 2],
    last: Conv1d,
}

impl Ways {
    fn new(params: &Params) -> Self {
        let conv = |from, kernel: usize, name: &str| {
            let config = Conv1dConfig {
                padding: kernel / 2,
                weight_init: Some(Init::Constant(0.5)),
                bias_init: Some(Init::Constant(0.0)),
                ..Default::default()
            };
            Conv1d::new(from, 1, kernel, config, params.pp(name)).unwrap()
        };
        Self {
            wide: [conv(1, 3, "wide1"), conv(1, 5, "wide2")],
            narrow: [conv(1, 1, "narrow1"), conv(1, 3, "narrow2")],
            last: conv(2, 3, "last"),
        }
    }
}

impl Module for Ways {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let way = |layers: &[Conv1d; 2]| {
            let y = layers[0].forward(&(x * 2.0)?, mode)?.relu()?;
            layers[1].forward(&y, mode)
        };
        let both = Tensor::cat(&[way(&self.wide)?, way(&self.narrow)?], 1)?;
        self.last.forward(&both, mode)
    }
}

#[test]
fn ways_keep_their_own_fields_until_they_meet() {
    let params = store(DType::F64);
    let model = Ways::new(&params);
    let field = receptive_field(&model, &params, (1, 1, 24)).unwrap();
    let sizes: Vec<usize> = rows(&field).iter().map(|row| row.1).collect();
    assert_eq!(sizes, [3, 7, 1, 3, 9]);
    let support = flat(&effective_field(&model, &Tensor::ones((1, 1, 24), DType::F64, &Device::Cpu).unwrap()).unwrap());
    assert_eq!(support.iter().filter(|&&g| g > 0.0).count(), 9);
}

#[test]
fn ways_with_different_jumps_do_not_meet() {
    let params = store(DType::F32);
    let (pool, long) =
        (AvgPool1d::new(2, AvgPool1dConfig::default()).unwrap(), conv1d(1, 1, 5, params.pp("long")).unwrap());
    let last = conv1d(1, 1, 1, params.pp("last")).unwrap();
    let model =
        from_fn(move |x: &Tensor, mode| last.forward(&(pool.forward(x, mode)? + long.forward(x, mode)?)?, mode));
    let message = receptive_field(&model, &params, (1, 1, 8)).unwrap_err().to_string();
    assert_eq!(message, "jumps of ways that meet must be the same, got [2] and [1] before conv1d");
}

/// Layers in one dimension whose weights are all positive, so that the gradient is not 0 anywhere in the field.
fn positive(params: &Params, layers: &[(usize, usize, usize, usize)]) -> Sequential {
    let mut model = Sequential::new();
    for (i, &(kernel, stride, padding, dilation)) in layers.iter().enumerate() {
        let weight_init = Some(Init::Uniform { low: 0.5, high: 1.0 });
        let config = Conv1dConfig { stride, padding, dilation, weight_init, ..Default::default() };
        model = model.push(Conv1d::new(1, 1, kernel, config, params.pp(i)).unwrap());
    }
    model
}

#[test]
fn arithmetic_says_where_the_gradient_is_not_zero() {
    for layers in [
        &[(3, 1, 1, 1)][..],
        &[(5, 2, 0, 1), (2, 1, 0, 3)],
        &[(4, 3, 1, 2), (3, 1, 2, 1), (2, 2, 0, 1)],
        &[(1, 2, 0, 1), (7, 1, 3, 1), (3, 2, 1, 2)],
        &[(2, 1, 1, 1), (2, 1, 1, 1), (2, 1, 1, 1), (2, 1, 1, 1)],
    ] {
        let params = store(DType::F64);
        let model = positive(&params, layers);
        let x = gradient::input(1, (2, 1, 61));
        let places = model.forward(&x, Mode::Eval).unwrap().dim(2).unwrap();
        let AxisField { size, jump, start } =
            receptive_field(&model, &params, (1, 1, 61)).unwrap().layers.last().unwrap().axes[0];
        let middle = start + (places / 2 * jump) as f64;
        let expected = (middle - (size - 1) as f64 / 2.0, middle + (size - 1) as f64 / 2.0);
        let seen = flat(&effective_field(&model, &x).unwrap());
        let first = seen.iter().position(|&g| g > 0.0).unwrap() as f64;
        let last = seen.iter().rposition(|&g| g > 0.0).unwrap() as f64;
        assert_eq!((first, last), expected, "{layers:?}: {seen:?}");
    }
}

#[test]
fn norms_see_what_they_take_statistics_of() {
    let padded = Conv2dConfig { padding: (1, 1), ..Default::default() };
    let params = store(DType::F32);
    let tracked = InstanceNormConfig { track_running_stats: true, ..Default::default() };
    let model = Sequential::new()
        .push(Conv2d::new(1, 4, 3, padded, params.pp("conv1")).unwrap())
        .push(batch_norm2d(4, params.pp("bn")).unwrap())
        .push(InstanceNorm2d::new(4, tracked, params.pp("tracked")).unwrap())
        .push(layer_norm(8, params.pp("ln")).unwrap())
        .push(Conv2d::new(4, 4, 3, padded, params.pp("conv2")).unwrap())
        .push(GroupNorm::new(2, 4, Default::default(), params.pp("gn")).unwrap())
        .push(Conv2d::new(4, 4, 3, padded, params.pp("conv3")).unwrap())
        .push(GlobalAvgPool);
    let field = receptive_field(&model, &params, (1, 1, 6, 8)).unwrap();
    let sizes = |axis: usize| {
        field.layers.iter().map(|layer| (layer.axes[axis].size, layer.axes[axis].jump)).collect::<Vec<_>>()
    };
    // The layer norm takes statistics of each row; the group norm of everything.
    assert_eq!(sizes(0), [(3, 1), (3, 1), (3, 1), (3, 1), (5, 1), (10, 0), (10, 0), (10, 0)]);
    assert_eq!(sizes(1), [(3, 1), (3, 1), (3, 1), (10, 0), (10, 0), (10, 0), (10, 0), (10, 0)]);
}

#[test]
fn pooling_has_a_field_where_its_windows_are_alike() {
    let params = store(DType::F32);
    let config = MaxPool2dConfig { stride: Some((2, 1)), padding: (1, 0), dilation: (2, 1), ..Default::default() };
    let model =
        Sequential::new().push(MaxPool2d::new((3, 2), config).unwrap()).push(adaptive_avg_pool2d((2, 1)).unwrap());
    let field = receptive_field(&model, &params, (2, 3, 9, 5)).unwrap();
    let axis = |size, jump, start| AxisField { size, jump, start };
    assert_eq!(field.layers[0].output, [2, 3, 4, 4]);
    assert_eq!(field.layers[0].axes, [axis(5, 2, 1.0), axis(2, 1, 0.5)]);
    assert_eq!(field.layers[1].axes, [axis(5 + 2, 4, 2.0), axis(2 + 3, 0, 2.0)]);
    let uneven = Sequential::new().push(adaptive_avg_pool2d(2).unwrap());
    let message = receptive_field(&uneven, &params, (1, 1, 4, 5)).unwrap_err().to_string();
    let expected = "layer in a receptive field must be one that takes windows, single places, or everything, got ";
    assert_eq!(message, format!("{expected}adaptive_avg_pool2d"));
    let grown = Sequential::new().push(conv_transpose2d(1, 1, 2, params.pp("up")).unwrap());
    let message = receptive_field(&grown, &params, (1, 1, 4, 4)).unwrap_err().to_string();
    assert_eq!(message, format!("{expected}conv_transpose2d"));
    let message = receptive_field(&grown, &params, (1, 4)).unwrap_err().to_string();
    assert_eq!(message, "input of a receptive field: expected shape [N, C, L] or [N, C, H, W], got [1, 4]");
}

#[test]
fn blur_sampling_and_local_kernels_have_fields_too() {
    let params = store(DType::F32);
    let local = LocallyConnected2dConfig { padding: (1, 1), stride: (2, 2), ..Default::default() };
    let five = BlurPoolConfig { kernel_size: 5, ..Default::default() };
    let model = Sequential::new()
        .push(BlurPool2d::new(five).unwrap())
        .push(polyphase_sampling())
        .push(LocallyConnected2d::new(1, 2, 8, 3, local, params.pp("local")).unwrap())
        .push(linear(4, 5, params.pp("fc")).unwrap());
    let field = receptive_field(&model, &params, (1, 1, 32, 32)).unwrap();
    let expected = [
        ("blur_pool2d", 5, 2, 0.0),
        ("polyphase_sampling", 5 + 2, 4, 1.0),
        ("locally_connected2d", 7 + 2 * 4, 8, 1.0),
        ("linear", 15 + 3 * 8, 0, 1.0 + 1.5 * 8.0),
    ];
    assert_eq!(rows(&field), expected);
    // Along the height the linear layer sees row by row.
    assert_eq!(field.layers[3].axes[0], AxisField { size: 15, jump: 8, start: 1.0 });
}

#[test]
fn what_does_not_come_from_the_input_is_left_out() {
    let params = store(DType::F32);
    let (conv, fc) = (conv2d(1, 2, 3, params.pp("conv")).unwrap(), linear(3, 2, params.pp("fc")).unwrap());
    let model = from_fn(move |x: &Tensor, mode| {
        let label = fc.forward(&Tensor::ones((1, 3), DType::F32, &Device::Cpu)?, mode)?;
        Ok(conv.forward(x, mode)?.broadcast_add(&label.reshape((1, 2, 1, 1))?)?)
    });
    let field = receptive_field(&model, &params, (1, 1, 5, 5)).unwrap();
    assert_eq!(rows(&field), [("conv2d", 3, 1, 1.0)]);
}

#[test]
fn a_linear_net_of_ones_has_a_binomial_field() {
    let ones = Conv1dConfig { weight_init: Some(Init::Constant(1.0)), ..Default::default() };
    for depth in [1, 4, 9] {
        let params = store(DType::F64);
        let model = (0..depth)
            .fold(Sequential::new(), |model, i| model.push(Conv1d::new(1, 1, 2, ones, params.pp(i)).unwrap()));
        let x = gradient::input(2, (3, 1, depth + 1));
        let mut row = vec![1.0];
        for n in 1..=depth {
            row = (0..=n).map(|k| row.get(k).unwrap_or(&0.0) + if k > 0 { row[k - 1] } else { 0.0 }).collect();
        }
        let field = effective_field(&model, &x).unwrap();
        assert_eq!(flat(&field), row);
        assert!((field_std(&field).unwrap()[0] - (depth as f64 / 4.0).sqrt()).abs() < 1e-12);
    }
    // Kernels of k × k: each layer adds (k² - 1) / 12 to the variance.
    let ones = Conv2dConfig { weight_init: Some(Init::Constant(1.0)), padding: (1, 2), ..Default::default() };
    let params = store(DType::F64);
    let model =
        (0..5).fold(Sequential::new(), |model, i| model.push(Conv2d::new(1, 1, (3, 5), ones, params.pp(i)).unwrap()));
    let std = field_std(&effective_field(&model, &gradient::input(3, (1, 1, 31, 31))).unwrap()).unwrap();
    assert!(
        (std[0] - (5.0 * 8.0 / 12.0f64).sqrt()).abs() < 1e-12 && (std[1] - (5.0 * 24.0 / 12.0f64).sqrt()).abs() < 1e-12
    );
}

#[test]
fn effective_fields_average_sizes_over_inputs_and_sum_channels() {
    // y = Σ_c w_c relu(x_c): the gradient of a place is w_c where x_c > 0.
    let params = store(DType::F64);
    let weight = Tensor::new(&[[[2f64], [-3.0]]], &Device::Cpu).unwrap();
    let conv = Conv1d::new(2, 1, 1, Conv1dConfig { bias: false, ..Default::default() }, params.clone()).unwrap();
    conv.weight().set(&weight).unwrap();
    let model = Sequential::new().push(Activation::Relu).push(conv);
    let x =
        Tensor::new(&[[[1f64, 1.0, 1.0], [1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]]], &Device::Cpu).unwrap();
    assert_eq!(flat(&effective_field(&model, &x).unwrap()), [0.0, (2.0 + 3.0 + 2.0) / 2.0, 0.0]);
    let message = |x: &Tensor| effective_field(&model, x).unwrap_err().to_string();
    let empty = x.narrow(0, 0, 0).unwrap();
    assert_eq!(
        message(&empty),
        "input of an effective field: expected shape [N, C, L] or [N, C, H, W], not empty, got [0, 2, 3]"
    );
    let constant = from_fn(|_: &Tensor, _| Ok(Tensor::ones((2, 3), DType::F64, &Device::Cpu)?));
    let message = effective_field(&constant, &x).unwrap_err().to_string();
    assert!(message.contains("output of an effective field"), "{message}");
    for (field, expected) in
        [(&[-1f64, 2.0], "least -1, sum 1"), (&[0.0, 0.0], "least 0, sum 0"), (&[f64::NAN, 1.0], "NaN")]
    {
        let message = field_std(&Tensor::new(field, &Device::Cpu).unwrap()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn responses_are_the_outputs_of_the_layers() {
    let params = store(DType::F32);
    let model = lenet(&params);
    let x = gradient::input(5, (2, 1, 28, 28)).to_dtype(DType::F32).unwrap();
    let (responses, outputs) = (responses(&model, &params, &x).unwrap(), model.outputs(&x, Mode::Eval).unwrap());
    let found: Vec<_> = responses.iter().map(|response| (response.name.as_str(), response.kind)).collect();
    assert_eq!(
        found,
        [
            ("conv1", "conv2d"),
            ("", "max_pool2d"),
            ("conv2", "conv2d"),
            ("", "max_pool2d"),
            ("", "flatten"),
            ("fc", "linear")
        ]
    );
    for (response, i) in responses.iter().zip([0, 2, 3, 5, 6, 7]) {
        assert_close(response.kind, &response.output, &outputs[i], 0.0, 0.0);
    }
}

#[test]
fn cyclic_shifts_go_round() {
    let x = gradient::input(6, (2, 3, 4, 5));
    for (i, j) in [(0, 0), (1, 0), (3, 2), (4, 5), (9, 6)] {
        let expected = x.roll(i, 2).unwrap().roll(j, 3).unwrap();
        let shifted = cyclic_shift(&x, &[i as usize, j as usize]).unwrap();
        assert_eq!(flat(&shifted), flat(&expected));
        assert!(shifted.is_contiguous());
    }
    let one = x.narrow(0, 1, 1).unwrap();
    let all = cyclic_shifts(&one).unwrap();
    assert_eq!(all.dims(), [20, 3, 4, 5]);
    assert_eq!(flat(&all.i(2 * 5 + 3).unwrap()), flat(&cyclic_shift(&one, &[2, 3]).unwrap()));
    let sequence = Tensor::new(&[[[1f64, 2.0, 3.0]]], &Device::Cpu).unwrap();
    assert_eq!(flat(&cyclic_shifts(&sequence).unwrap()), [1., 2., 3., 3., 1., 2., 2., 3., 1.]);
    let message = cyclic_shift(&x, &[1]).unwrap_err().to_string();
    assert_eq!(message, "shift must be a number for each dimension, got [1] for [4, 5]");
    let message = cyclic_shifts(&x).unwrap_err().to_string();
    assert_eq!(message, "input to shift: expected shape [1, C, L] or [1, C, H, W], got [2, 3, 4, 5]");
}

#[test]
fn consistency_is_the_share_of_equal_answers() {
    // One bright place of eight; the class says in which part it is: 6 places to 2, so that pairs agree with 0.75² + 0.25².
    let mut spike = vec![0f64; 8];
    spike[3] = 1.0;
    let x = Tensor::from_vec(spike, (1, 1, 8), &Device::Cpu)
        .unwrap()
        .broadcast_as((700, 1, 8))
        .unwrap()
        .contiguous()
        .unwrap();
    let part = from_fn(|x: &Tensor, _| {
        let part = |from, n| x.narrow(2, from, n)?.sum(2);
        Ok(Tensor::cat(&[part(0, 6)?, part(6, 2)?], 1)?)
    });
    let share = shift_consistency(&part, &x, 10, &mut seeded(7)).unwrap();
    // Five standard errors of 7000 pairs.
    assert!((share - 0.625).abs() < 5.0 * (0.625 * 0.375 / 7000.0f64).sqrt(), "{share}");
    assert_eq!(share, shift_consistency(&part, &x, 10, &mut seeded(7)).unwrap());
    let anywhere = from_fn(|x: &Tensor, _| Ok(Tensor::cat(&[x.max(2)?, x.min(2)?], 1)?));
    assert_eq!(shift_consistency(&anywhere, &x, 2, &mut seeded(7)).unwrap(), 1.0);
    let message = shift_consistency(&part, &x, 0, &mut seeded(0)).unwrap_err().to_string();
    assert_eq!(message, "draws must be at least 1, got 0");
    let images = from_fn(|x: &Tensor, _| Ok(x.clone()));
    let message = shift_consistency(&images, &x, 1, &mut seeded(0)).unwrap_err().to_string();
    assert_eq!(message, "output of a classifier: expected shape [256, classes], got [256, 1, 8]");
}
