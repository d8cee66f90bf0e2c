//! Faults of Candle that `docs/upstream.md` names: each test fails on the day that the fault is cured, so that our way around it
//! can go.

use candlelight::candle_core::{DType, Device, Result, Tensor, Var};
use candlelight::candle_nn;

fn gradient(x: &Var, f: impl Fn(&Tensor) -> Result<Tensor>) -> Option<Vec<f32>> {
    let store = f(x.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
    store.get(x).map(|gradient| gradient.flatten_all().unwrap().to_vec1().unwrap())
}

#[test]
fn the_gradient_of_max_pool_is_too_small_and_other_strides_are_refused() {
    let x = Var::from_tensor(&Tensor::arange(0f32, 16., &Device::Cpu).unwrap().reshape((1, 1, 4, 4)).unwrap()).unwrap();
    let found = gradient(&x, |x| x.max_pool2d(2)).unwrap();
    assert_eq!((found[5], found.iter().sum::<f32>()), (0.25, 1.0), "4 windows, each with a gradient of 1");
    let pooled = x.as_tensor().max_pool2d_with_stride(3, 1).unwrap().sum_all().unwrap();
    assert!(pooled.backward().is_err());
}

#[test]
fn a_gradient_of_a_gradient_is_lost() {
    // x³ as x · x · x: the gradient 3x², whose own gradient at 2 is 12.
    let x = Var::new(2f32, &Device::Cpu).unwrap();
    let cube = ((x.as_tensor() * x.as_tensor()).unwrap() * x.as_tensor()).unwrap();
    let first = cube.backward().unwrap().get(&x).unwrap().clone();
    assert_eq!(first.to_scalar::<f32>().unwrap(), 12.);
    let second = first.backward().unwrap().get(&x).map(|second| second.to_scalar::<f32>().unwrap());
    assert_ne!(second, Some(12.), "{second:?}");
    println!("{second:?}");
}

#[test]
fn layer_norm_and_softmax_of_the_last_dimension_have_no_gradient() {
    let x = Var::new(&[[1f32, 2., 4.]], &Device::Cpu).unwrap();
    let weight = Tensor::ones(3, DType::F32, &Device::Cpu).unwrap();
    let norm = candle_nn::LayerNorm::new(weight.clone(), weight.zeros_like().unwrap(), 1e-5);
    let first = |y: Tensor| y.narrow(1, 0, 1);
    assert_eq!(gradient(&x, |x| first(candle_nn::Module::forward(&norm, x)?)), None);
    assert_eq!(gradient(&x, |x| first(candle_nn::ops::softmax_last_dim(x)?)), None);
    assert!(gradient(&x, |x| first(candle_nn::ops::softmax(x, 1)?)).is_some(), "composed, it has one");
}

#[test]
fn the_binary_cross_entropy_of_a_large_logit_is_no_number() {
    let (logit, target) = (Tensor::new(&[-120f32], &Device::Cpu).unwrap(), Tensor::new(&[0f32], &Device::Cpu).unwrap());
    let loss = candle_nn::loss::binary_cross_entropy_with_logit(&logit, &target).unwrap();
    assert!(loss.to_scalar::<f32>().unwrap().is_nan());
}

#[test]
fn the_cpu_generator_cannot_be_seeded() {
    assert!(Device::Cpu.set_seed(1).is_err());
}
