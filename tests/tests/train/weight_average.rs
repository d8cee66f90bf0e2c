//! The moving average of a network.

use candlelight::prelude::*;
use candlelight::train::WeightAverage;
use candlelight_tests::flat;

fn model(seed: u64, width: usize) -> (Params, Sequential) {
    let params = Params::new(seed, &Device::Cpu).unwrap();
    let fc = linear(2, width, params.pp("net.fc")).unwrap();
    let norm = batch_norm1d(width, params.pp("net.bn")).unwrap();
    (params, Sequential::new().push(fc).push(norm))
}

/// A constant value c after n steps from 0: c (1 - βⁿ); buffers are copies.
#[test]
fn it_follows_the_recursion_and_copies_buffers() {
    let ((params, source), (averaged, _)) = (model(0, 3), model(1, 3));
    let all = |params: &Params, name: &str| flat(&params.get(name).unwrap());
    params.set("net.fc.weight", &Tensor::zeros((3, 2), DType::F32, &Device::Cpu).unwrap()).unwrap();
    let average = WeightAverage::new(&params.pp("net"), &averaged.pp("net"), 0.75).unwrap();
    assert_eq!(all(&averaged, "net.fc.bias"), all(&params, "net.fc.bias"));
    params.set("net.fc.weight", &Tensor::ones((3, 2), DType::F32, &Device::Cpu).unwrap()).unwrap();
    for _ in 0..4 {
        average.update().unwrap();
    }
    assert!(all(&averaged, "net.fc.weight").iter().all(|w| (w - (1.0 - 0.75f64.powi(4))).abs() < 1e-6));
    source.forward(&Tensor::new(&[[1f32, 2.], [3., 5.]], &Device::Cpu).unwrap(), Mode::Train).unwrap();
    assert_ne!(all(&averaged, "net.bn.running_mean"), all(&params, "net.bn.running_mean"));
    average.update().unwrap();
    assert_eq!(all(&averaged, "net.bn.running_mean"), all(&params, "net.bn.running_mean"));
}

#[test]
fn a_network_that_does_not_fit_is_refused_and_left_alone() {
    let ((params, _), (averaged, _)) = (model(0, 3), model(1, 4));
    let before = flat(&averaged.get("net.fc.bias").unwrap());
    let error = WeightAverage::new(&params, &averaged, 0.9).unwrap_err().to_string();
    assert_eq!(
        error,
        "parameter `net.fc.weight`: expected [3, 2] of F32, as in the network to average, got [4, 2] of F32"
    );
    let error = WeightAverage::new(&params.pp("net"), &averaged, 0.9).unwrap_err().to_string();
    assert!(error.starts_with("the names do not fit: missing [\"fc.weight\""), "{error}");
    let error = WeightAverage::new(&params, &averaged, 1.0).unwrap_err().to_string();
    assert_eq!(error, "decay must be in [0, 1), got 1");
    assert_eq!(flat(&averaged.get("net.fc.bias").unwrap()), before);
}
