//! Weights by name: PyTorch's files in, files for PyTorch out, parts of models, and what does not fit.

use std::path::{Path, PathBuf};

use candlelight::candle_core::safetensors;
use candlelight::checkpoint::{Checkpoint, load_params, save_params};
use candlelight::nn::{Activation, Linear, LinearConfig, Mode, Module, Sequential, batch_norm1d, linear};
use candlelight::params::{IncompatibleKeys, LoadConfig};
use candlelight::prelude::*;
use candlelight_tests::{assert_close, fixture, flat, number};

use crate::support::all_bits;

const CPU: Device = Device::Cpu;
const CONVERT: LoadConfig = LoadConfig { strict: true, convert: true };
const LAX: LoadConfig = LoadConfig { strict: false, convert: false };

/// The parameters of the network in `fixtures/cases/checkpoint.py`, with or without the count of batches.
fn net(dtype: DType, counts: bool) -> Params {
    let params = Params::with_dtype(5, dtype, &CPU).unwrap();
    let zero = Init::Constant(0.0);
    params.pp("fc1").var("weight", (5, 4), Init::HeNormal).unwrap();
    params.pp("fc1").var("bias", 5, zero).unwrap();
    params.pp("bn").var("weight", 5, zero).unwrap();
    params.pp("bn").var("bias", 5, zero).unwrap();
    params.pp("bn").buffer("running_mean", 5, zero).unwrap();
    params.pp("bn").buffer("running_var", 5, zero).unwrap();
    if counts {
        params.pp("bn").buffer("num_batches_tracked", (), zero).unwrap();
    }
    params.pp("fc2").var("weight", (3, 5), Init::HeNormal).unwrap();
    params
}

/// What that network answers, in F64.
fn forward(params: &Params, x: &Tensor) -> Tensor {
    let get = |name: &str| params.get(name).unwrap().to_dtype(DType::F64).unwrap();
    let x = x.matmul(&get("fc1.weight").t().unwrap()).unwrap().broadcast_add(&get("fc1.bias")).unwrap();
    let std = (get("bn.running_var") + 1e-5).unwrap().sqrt().unwrap();
    let x = x.broadcast_sub(&get("bn.running_mean")).unwrap().broadcast_div(&std).unwrap();
    let x = x.broadcast_mul(&get("bn.weight")).unwrap().broadcast_add(&get("bn.bias")).unwrap();
    x.tanh().unwrap().matmul(&get("fc2.weight").t().unwrap()).unwrap()
}

fn torch_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("state_dict_{name}.safetensors"))
}

#[test]
fn a_pytorch_state_dict_loads_and_answers_as_in_pytorch() {
    for case in fixture("checkpoint") {
        let file = torch_file(case.subject());
        for (dtype, counts) in [(DType::F32, false), (DType::F32, true), (DType::F64, true)] {
            let (params, before) = (net(dtype, counts), all_bits(&net(dtype, counts)));
            let own =
                (dtype == DType::F32 && case.subject() == "f32") || (dtype == DType::F64 && case.subject() == "f64");
            let strict = load_params(&params, &file, LoadConfig::default());
            if !own {
                let message = strict.unwrap_err().to_string();
                assert!(message.contains("`fc1.weight`: expected dtype F"), "{message}");
                assert_eq!(all_bits(&params), before, "nothing changed");
                load_params(&params, &file, CONVERT).unwrap();
            }
            // F64 weights in F32 parameters are rounded; all others are exact.
            let tolerance = if case.subject() == "f64" && dtype == DType::F32 { 1e-6 } else { 1e-12 };
            let output = forward(&params, &case.f64("x"));
            assert_close(&format!("{} in {dtype:?}", case.subject()), &output, &case.f64("output"), 0.0, tolerance);
            if counts {
                assert_eq!(number(&params.get("bn.num_batches_tracked").unwrap()), 3.0);
            }
        }
    }
}

#[test]
fn the_layers_of_this_crate_take_pytorchs_names() {
    for case in fixture("checkpoint") {
        let dtype = if case.subject() == "f64" { DType::F64 } else { DType::F32 };
        let params = Params::with_dtype(5, dtype, &CPU).unwrap();
        let without_bias = LinearConfig { bias: false, ..LinearConfig::default() };
        let model = Sequential::new()
            .push(linear(4, 5, params.pp("fc1")).unwrap())
            .push(batch_norm1d(5, params.pp("bn")).unwrap())
            .push(Activation::Tanh)
            .push(Linear::new(5, 3, without_bias, params.pp("fc2")).unwrap());
        load_params(&params, torch_file(case.subject()), CONVERT).unwrap();
        assert_eq!(number(&params.get("bn.num_batches_tracked").unwrap()), 3.0);
        let output = model.forward(&case.f64("x").to_dtype(dtype).unwrap(), Mode::Eval).unwrap();
        let tolerance = if dtype == DType::F64 { 1e-9 } else { 1e-5 };
        assert_close(case.subject(), &output, &case.f64("output"), 0.0, tolerance);
    }
}

#[test]
fn what_is_saved_has_pytorchs_names_and_dtypes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let params = net(DType::F32, true);
    load_params(&params, torch_file("f32"), LoadConfig::default()).unwrap();
    save_params(&params, &file).unwrap();
    // By the reader that Python binds to as well.
    let ours = safetensors::load(&file, &CPU).unwrap();
    let torchs = safetensors::load(torch_file("f32"), &CPU).unwrap();
    assert_eq!(ours.len(), torchs.len());
    for (name, theirs) in torchs {
        let tensor = &ours[&name];
        assert_eq!(
            (tensor.dtype(), tensor.dims(), flat(tensor)),
            (theirs.dtype(), theirs.dims(), flat(&theirs)),
            "{name}"
        );
    }
    let twin = net(DType::F32, true);
    load_params(&twin, &file, LoadConfig::default()).unwrap();
    assert_eq!(all_bits(&twin), all_bits(&params));
}

/// A safetensors file of a weight of two ones, and of what Candle does not compute with.
fn with_foreign_dtypes(file: &Path) {
    let mut data = [1f32, 1.0].map(f32::to_le_bytes).concat();
    let mut infos = vec![r#""weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#.to_owned()];
    for (name, dtype, size) in [("count", "U64", 8), ("mask", "BOOL", 1), ("steps", "U16", 2)] {
        let start = data.len();
        data.resize(start + size, 1);
        let end = data.len();
        infos.push(format!(r#""{name}":{{"dtype":"{dtype}","shape":[1],"data_offsets":[{start},{end}]}}"#));
    }
    let header = format!("{{{}}}", infos.join(","));
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat();
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn tensors_that_nobody_asks_for_may_be_of_any_dtype() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    with_foreign_dtypes(&file);
    let params = Params::new(0, &CPU).unwrap();
    let weight = params.var("weight", 2, Init::Constant(0.0)).unwrap();
    match load_params(&params, &file, LoadConfig::default()) {
        Err(Error::Names { missing, unexpected }) => {
            assert!(missing.is_empty());
            assert_eq!(unexpected, ["count", "mask", "steps"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(flat(&weight), [0.0; 2]);
    let keys = load_params(&params, &file, LAX).unwrap();
    assert_eq!(keys.unexpected, ["count", "mask", "steps"]);
    assert_eq!(flat(&weight), [1.0; 2]);

    // What is asked for must be of a dtype that can be had, and all of a file is not had from it.
    params.var("mask", 1, Init::Constant(0.0)).unwrap();
    let message = load_params(&params, &file, LAX).unwrap_err().to_string();
    assert_eq!(message, "parameter `mask`: expected dtype F32, got BOOL, which Candle does not compute with");
    let checkpoint = Checkpoint::load(&file).unwrap();
    assert_eq!(checkpoint.state_dict("").into_keys().collect::<Vec<_>>(), ["weight"]);
    let other = Params::new(0, &CPU).unwrap();
    other.var("weight", 2, Init::Constant(0.0)).unwrap();
    let result = checkpoint.restore().params(&other).apply();
    assert!(matches!(result, Err(Error::Names { unexpected, .. }) if unexpected == ["count", "mask", "steps"]));
    assert_eq!(flat(&other.get("weight").unwrap()), [0.0; 2]);
}

#[test]
fn every_name_that_does_not_fit_is_listed_and_nothing_changes() {
    let zero = Init::Constant(0.0);
    let params = net(DType::F32, false);
    params.pp("fc2").var("bias", 3, zero).unwrap();
    params.pp("fc3").var("weight", (2, 3), zero).unwrap();
    let mut source = net(DType::F32, true).state_dict().unwrap();
    let old = source.remove("fc1.bias").unwrap();
    source.insert("fc1.offset".into(), old);
    let before = all_bits(&params);
    match params.load_state_dict(&source, LoadConfig::default()) {
        Err(Error::Names { missing, unexpected }) => {
            assert_eq!(missing, ["fc1.bias", "fc2.bias", "fc3.weight"]);
            assert_eq!(unexpected, ["fc1.offset"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(all_bits(&params), before);

    let keys = params.load_state_dict(&source, LAX).unwrap();
    let expected = IncompatibleKeys {
        missing: vec!["fc1.bias".into(), "fc2.bias".into(), "fc3.weight".into()],
        unexpected: vec!["fc1.offset".into()],
    };
    assert_eq!(keys, expected);
    assert_eq!(flat(&params.get("fc1.weight").unwrap()), flat(&source["fc1.weight"]));
    assert_eq!(flat(&params.get("fc3.weight").unwrap()), [0.0; 6]);
}

#[test]
fn a_shape_or_dtype_that_differs_is_named_even_if_not_strict() {
    for config in [LoadConfig::default(), LAX, CONVERT] {
        let params = net(DType::F32, true);
        let before = all_bits(&params);
        let mut source = net(DType::F32, true).state_dict().unwrap();
        source.insert("fc2.weight".into(), Tensor::zeros((5, 3), DType::F32, &CPU).unwrap());
        let message = params.load_state_dict(&source, config).unwrap_err().to_string();
        assert_eq!(message, "parameter `fc2.weight`: expected shape [3, 5], got [5, 3]");

        source.insert("fc2.weight".into(), Tensor::zeros((3, 5), DType::U32, &CPU).unwrap());
        let message = params.load_state_dict(&source, config).unwrap_err().to_string();
        assert!(message.starts_with("parameter `fc2.weight`: expected dtype F32, got U32"), "{message}");
        assert_eq!(all_bits(&params), before, "{config:?}");
    }
}

#[test]
fn a_count_of_batches_may_be_absent_on_either_side() {
    let (with, without) = (net(DType::F32, true), net(DType::F32, false));
    with.pp("bn").set("num_batches_tracked", &Tensor::new(7f32, &CPU).unwrap()).unwrap();
    assert_eq!(with.state_dict().unwrap()["bn.num_batches_tracked"].to_scalar::<i64>().unwrap(), 7);
    without.load_state_dict(&with.state_dict().unwrap(), LoadConfig::default()).unwrap();
    with.load_state_dict(&without.state_dict().unwrap(), LoadConfig::default()).unwrap();
    assert_eq!(number(&with.get("bn.num_batches_tracked").unwrap()), 7.0, "it keeps its count");

    let mut source = with.state_dict().unwrap();
    for (count, fits) in [(0, true), (i64::MAX, true), (-1, false), (i64::MIN, false)] {
        source.insert("bn.num_batches_tracked".into(), Tensor::new(count, &CPU).unwrap());
        assert_eq!(with.load_state_dict(&source, LoadConfig::default()).is_ok(), fits, "{count}");
        assert!(with.state_dict().unwrap()["bn.num_batches_tracked"].to_scalar::<i64>().unwrap() >= 0);
    }
}

#[test]
fn a_part_loads_into_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let model = net(DType::F32, false);
    save_params(&model, &file).unwrap();
    let other = Params::new(9, &CPU).unwrap();
    other.pp("encoder.0").var("weight", (5, 4), Init::Constant(1.0)).unwrap();
    other.pp("encoder.0").var("bias", 5, Init::Constant(1.0)).unwrap();
    other.pp("encoder").var("scale", (), Init::Constant(1.0)).unwrap();
    let checkpoint = Checkpoint::load(&file).unwrap();
    other.pp("encoder.0").load_state_dict(&checkpoint.state_dict("fc1"), LoadConfig::default()).unwrap();
    assert_eq!(flat(&other.get("encoder.0.weight").unwrap()), flat(&model.get("fc1.weight").unwrap()));
    assert_eq!(number(&other.get("encoder.scale").unwrap()), 1.0);
    assert_eq!(checkpoint.state_dict("").len(), 7);
    assert!(checkpoint.state_dict("fc").is_empty(), "prefixes end at dots");

    // Names in errors are those of the store.
    match other.pp("encoder").load_state_dict(&checkpoint.state_dict("fc1"), LoadConfig::default()) {
        Err(Error::Names { missing, unexpected }) => {
            assert_eq!(missing, ["encoder.0.weight", "encoder.0.bias", "encoder.scale"]);
            assert_eq!(unexpected, ["encoder.bias", "encoder.weight"]);
        }
        other => panic!("{other:?}"),
    }
    // The part that was saved alone has names without its prefix.
    save_params(&model.pp("fc1"), &file).unwrap();
    let names: Vec<String> = Checkpoint::load(&file).unwrap().state_dict("").into_keys().collect();
    assert_eq!(names, ["bias", "weight"]);
}

#[test]
fn a_state_dict_is_a_copy_and_can_be_loaded_where_it_comes_from() {
    let params = net(DType::F32, false);
    let saved = params.state_dict().unwrap();
    let before = all_bits(&params);
    for param in params.all() {
        param.var.set(&Tensor::full(9f32, param.var.shape(), &CPU).unwrap()).unwrap();
    }
    params.load_state_dict(&saved, LoadConfig::default()).unwrap();
    assert_eq!(all_bits(&params), before);
    // Even from the very storage of the parameters, which `Var::set` refuses.
    let own = params.all().into_iter().map(|param| (param.name, param.var.as_detached_tensor())).collect();
    params.load_state_dict(&own, LoadConfig::default()).unwrap();
    assert_eq!(all_bits(&params), before);
}
