//! The summary of a model.

use candlelight::nn::{
    Activation, Conv2d, Conv2dConfig, Flatten, GlobalAvgPool, Mode, ModelSummary, Module, Sequential, batch_norm2d,
    conv2d, embedding, layer_norm, lstm, max_pool2d, resnet, summary,
};
use candlelight::prelude::*;
use candlelight_tests::flat;

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
        .push(linear(400, 120, params.pp("fc1")).unwrap())
        .push(Activation::Relu)
        .push(linear(120, 10, params.pp("fc2")).unwrap())
}

#[test]
fn a_convolutional_network_by_hand() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let summary = summary(&lenet(&params), &params, (2, 1, 28, 28)).unwrap();
    let rows: Vec<_> =
        summary.layers.iter().map(|l| (l.name.as_str(), l.kind, l.output.clone(), l.params, l.flops)).collect();
    let expected = [
        ("conv1", "conv2d", vec![2, 6, 28, 28], 156, 2 * 2 * 6 * 28 * 28 * 25),
        ("", "max_pool2d", vec![2, 6, 14, 14], 0, 0),
        ("conv2", "conv2d", vec![2, 16, 10, 10], 2416, 2 * 2 * 16 * 100 * 6 * 25),
        ("", "max_pool2d", vec![2, 16, 5, 5], 0, 0),
        ("", "flatten", vec![2, 400], 0, 0),
        ("fc1", "linear", vec![2, 120], 48_120, 2 * 2 * 400 * 120),
        ("fc2", "linear", vec![2, 10], 1210, 2 * 2 * 120 * 10),
    ];
    assert_eq!(rows, expected);
    assert_eq!(summary.params, 156 + 2416 + 48_120 + 1210);
    assert_eq!(summary.flops(), expected.iter().map(|row| row.4).sum::<usize>());
    let text = summary.to_string();
    assert_eq!(text.lines().count(), 2 + 7 + 1);
    assert!(text.lines().last().unwrap().contains("51902"), "{text}");
    assert!(summary.table().html().unwrap().contains("<td"));
}

#[test]
fn a_struct_of_layers_needs_nothing_for_it() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = resnet(3, 10, params.clone()).unwrap();
    let before: Vec<_> = params.all().iter().map(|param| flat(&param.var)).collect();
    let summary = summary(&model, &params, (1, 3, 32, 32)).unwrap();
    assert_eq!(params.all().iter().map(|param| flat(&param.var)).collect::<Vec<_>>(), before, "nothing changes");
    let names: Vec<&str> = summary.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert!(names[..4] == ["conv1", "bn1", "layer1.0.conv1", "layer1.0.bn1"] && names.contains(&"layer3.2.bn2"));
    assert_eq!(summary.layers.iter().map(|layer| layer.params).sum::<usize>(), params.count());
    // 442 368 in the first convolution, 14 155 776 in the first stage, 12 976 128 in each other, 640 at the end.
    let products = |kind: &str| summary.layers.iter().filter(|l| l.kind == kind).map(|l| l.flops / 2).sum::<usize>();
    assert_eq!(products("conv2d") + products("linear"), 40_551_040);
}

#[test]
fn shared_and_unseen_parameters_are_counted_once() {
    struct Tied {
        fc: Linear,
        scale: Var,
    }
    impl Module for Tied {
        fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
            let x = self.fc.forward(&self.fc.forward(x, mode)?, mode)?;
            Ok(x.broadcast_mul(&self.scale)?)
        }
    }
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = Tied {
        fc: linear(3, 3, params.pp("fc")).unwrap(),
        scale: params.var("scale", 3, Init::Constant(1.0)).unwrap(),
    };
    let summary = summary(&model, &params, (1, 3)).unwrap();
    assert_eq!(summary.layers.iter().map(|layer| layer.params).collect::<Vec<_>>(), [12, 0]);
    assert_eq!((summary.params, summary.flops()), (15, 36));
    assert!(summary.to_string().contains("(not in a layer)"));
}

#[test]
fn sequences_from_indices() {
    struct Reader(candlelight::nn::Embedding, candlelight::nn::Lstm, candlelight::nn::LayerNorm);
    impl Module for Reader {
        fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
            self.2.forward(&self.1.forward(&self.0.forward(x, mode)?, mode)?, mode)
        }
    }
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = Reader(
        embedding(50, 8, params.pp("words")).unwrap(),
        lstm(8, 16, params.pp("lstm")).unwrap(),
        layer_norm(16, params.pp("norm")).unwrap(),
    );
    let x = Tensor::zeros((4, 5), DType::U32, &Device::Cpu).unwrap();
    let summary = ModelSummary::of(&model, &params, &x).unwrap();
    let flops: Vec<_> = summary.layers.iter().map(|layer| (layer.kind, layer.flops)).collect();
    let of_lstm = 2 * 20 * 4 * (16 * 8 + 16 * 16);
    assert_eq!(flops, [("embedding", 0), ("lstm", of_lstm), ("layer_norm", 2 * 320)]);
    assert_eq!(summary.layers.iter().map(|layer| layer.params).sum::<usize>(), params.count());
}

#[test]
fn errors_leave_no_recording_behind() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = Sequential::new().push(batch_norm2d(3, params.pp("bn")).unwrap()).push(GlobalAvgPool);
    assert!(matches!(summary(&model, &params, (1, 2, 4, 4)), Err(Error::Shape { .. })));
    let right = summary(&model, &params, (1, 3, 4, 4)).unwrap();
    assert_eq!(right.layers.len(), 2);
    assert_eq!(right.layers[1].kind, "global_avg_pool");
}
