//! Named parameters.

use candlelight::prelude::*;
use candlelight_tests::flat;

const CPU: Device = Device::Cpu;

#[test]
fn a_parameter_does_not_depend_on_the_others() {
    let build = |names: &[&str]| {
        let params = Params::new(9, &CPU).unwrap();
        for name in names {
            params.pp(name).var("weight", (4, 3), Init::HeNormal).unwrap();
        }
        params
    };
    let (both, reversed, alone) = (build(&["a", "b"]), build(&["b", "a"]), build(&["b"]));
    let of = |params: &Params, name| flat(&params.get(name).unwrap());
    assert_eq!(of(&both, "b.weight"), of(&reversed, "b.weight"));
    assert_eq!(of(&both, "b.weight"), of(&alone, "b.weight"));
    assert_ne!(of(&both, "a.weight"), of(&both, "b.weight"));
    let other_seed = Params::new(10, &CPU).unwrap();
    other_seed.pp("b").var("weight", (4, 3), Init::HeNormal).unwrap();
    assert_ne!(of(&alone, "b.weight"), of(&other_seed, "b.weight"));
    assert_eq!(reversed.names(), ["b.weight", "a.weight"], "order of creation");
}

#[test]
fn prefixes_share_one_store() {
    let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
    let block = params.pp("encoder").pp(0);
    block.var("weight", (2, 3), Init::HeNormal).unwrap();
    block.buffer("running_mean", 3, Init::Constant(0.0)).unwrap();
    params.pp("encoder2").var("bias", 5, Init::Constant(0.0)).unwrap();
    assert_eq!(params.names(), ["encoder.0.weight", "encoder.0.running_mean", "encoder2.bias"]);
    assert_eq!(params.pp("encoder").names(), ["encoder.0.weight", "encoder.0.running_mean"]);
    let trainable: Vec<String> = params.trainable().into_iter().map(|param| param.name).collect();
    assert_eq!(trainable, ["encoder.0.weight", "encoder2.bias"]);
    assert_eq!((params.count(), block.count()), (11, 6), "buffers are not counted");
    assert_eq!(block.get("weight").unwrap().dtype(), DType::F64);
    assert_eq!((block.dtype(), block.device().is_cpu()), (DType::F64, true));
}

#[test]
fn names_follow_the_rules() {
    let params = Params::new(0, &CPU).unwrap();
    let make = |params: &Params, name: &str| params.var(name, 2, Init::Constant(0.0));
    make(&params.pp("fc"), "weight").unwrap();
    for (result, name, problem) in [
        (make(&params, ""), "", "not empty"),
        (make(&params, "fc.bias"), "fc.bias", "no dot"),
        (make(&params.pp("fc"), "weight"), "fc.weight", "taken"),
        (params.pp("fc").buffer("weight", 2, Init::Constant(0.0)), "fc.weight", "taken"),
        (params.pp("fc").get("bias"), "fc.bias", "none of this name"),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(&format!("`{name}`")) && message.contains(problem), "{message}");
    }
    assert_eq!(params.names(), ["fc.weight"], "what was refused left nothing behind");
}

#[test]
fn values_can_be_set_in_the_shape_they_have() {
    let params = Params::new(0, &CPU).unwrap();
    let weight = params.pp("fc").var("weight", (2, 2), Init::Constant(0.0)).unwrap();
    params.pp("fc").set("weight", &Tensor::new(&[[1f64, 2.], [3., 4.]], &CPU).unwrap()).unwrap();
    assert_eq!(weight.to_vec2::<f32>().unwrap(), [[1., 2.], [3., 4.]], "the layer's own handle sees it, in its dtype");
    let flat_value = Tensor::zeros(4, DType::F32, &CPU).unwrap();
    let message = params.set("fc.weight", &flat_value).unwrap_err().to_string();
    assert_eq!(message, "parameter `fc.weight`: expected shape [2, 2], got [4]");
    assert!(params.set("fc.bias", &flat_value).is_err());
}
