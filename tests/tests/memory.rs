//! What is larger than the memory is a typed error, and not the end of the process.

use candlelight::nn::*;
use candlelight::prelude::*;
use candlelight::rng::normal;

fn store() -> Params {
    Params::new(0, &Device::Cpu).unwrap()
}

fn zeros(dims: &[usize]) -> Tensor {
    Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap()
}

#[track_caller]
fn refused<T>(result: Result<T>, expected: u128) {
    match result.map(drop) {
        Err(Error::Memory { what, bytes }) => assert_eq!(bytes, expected, "{what}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn parameters_that_no_machine_holds() {
    refused(linear(1 << 20, 1 << 20, store()), 1 << 42);
    refused(linear(1 << 40, 1 << 40, store()), 1 << 82);
    refused(linear(usize::MAX, usize::MAX, store()), (usize::MAX as u128).pow(2).saturating_mul(4));
    refused(embedding(1 << 40, 8, store()), 1 << 45);
    refused(conv2d(2, 3, (1 << 20, 1 << 19), store()), 24 << 39);
    refused(layer_norm(1 << 40, store()), 1 << 42);
    refused(batch_norm1d(1 << 40, store()), 1 << 42);
    refused(gru(1 << 30, 1 << 10, store()), (3 << 40) * 4);
    let error = linear(1 << 20, 1 << 20, store().pp("fc")).unwrap_err().to_string();
    assert_eq!(error, "parameter `fc.weight`: 4398046511104 bytes do not fit into memory");
    refused(Init::Constant(0.0).tensor(&mut seeded(0), 1 << 40, DType::F64, &Device::Cpu), 1 << 43);
    refused(normal(&mut seeded(0), 0.0, 1.0, 1 << 40, DType::F64, &Device::Cpu), 1 << 43);
    // A store goes on after a refusal.
    let params = store();
    refused(linear(1 << 20, 1 << 20, params.pp("fc")), 1 << 42);
    assert!(linear(2, 3, params.pp("fc")).is_ok());
}

#[test]
fn outputs_that_no_machine_holds() {
    let mode = Mode::Eval;
    let wide = Conv2dConfig { padding: (1 << 20, 1 << 20), ..Conv2dConfig::default() };
    let side = (1_u128 << 21) + 1;
    refused(Conv2d::new(1, 1, 1, wide, store()).unwrap().forward(&zeros(&[1, 1, 1, 1]), mode), side * side * 4);
    // One number comes out, of an image that is not one.
    let (padding, dilation) = ((1 << 19, 1 << 19), (1 << 20, 1 << 20));
    let far = Conv2d::new(1, 1, 2, Conv2dConfig { padding, dilation, ..Conv2dConfig::default() }, store()).unwrap();
    refused(far.forward(&zeros(&[1, 1, 1, 1]), mode), ((1_u128 << 20) + 1).pow(2) * 4);
    let config = ConvTranspose2dConfig { stride: (1 << 20, 1 << 20), ..ConvTranspose2dConfig::default() };
    let apart = ConvTranspose2d::new(1, 1, 1, config, store()).unwrap();
    refused(apart.forward(&zeros(&[1, 1, 3, 3]), mode), side * side * 4);
    for size in [1 << 20, 1 << 40] {
        let bytes = if size == 1 << 20 { 1 << 42 } else { 32 << 40 };
        refused(AdaptiveAvgPool2d::new(size).unwrap().forward(&zeros(&[1, 1, 1, 1]), mode), bytes);
        refused(AdaptiveMaxPool2d::new(size).unwrap().forward(&zeros(&[1, 1, 1, 1]), mode), bytes);
    }
    refused(linear(1, 1 << 20, store()).unwrap().forward(&zeros(&[1 << 20, 1]), mode), 1 << 42);
    let indices = Tensor::zeros(1 << 20, DType::U32, &Device::Cpu).unwrap();
    refused(embedding(1, 1 << 20, store()).unwrap().forward(&indices, mode), 1 << 42);
    let narrow = linear(3, 2, store()).unwrap();
    refused(summary(&narrow, &store(), (1 << 40, 3)), 12 << 40);
}
