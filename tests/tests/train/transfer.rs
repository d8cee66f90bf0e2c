//! Fine-tuning: frozen parameters do not move by a bit, whatever the optimizer; buffers are no parameters.

use candlelight::loss::mse;
use candlelight::nn::{Mode, Module, Sequential, batch_norm1d, dropout, linear};
use candlelight::optim::{Adam, AdamConfig, AdamW, AdamWConfig, Optimizer, Sgd, SgdConfig};
use candlelight::params::LoadConfig;
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight::train::{FitConfig, Frozen, Progress, fit};
use candlelight_tests::flat;

const CPU: Device = Device::Cpu;

/// Subtracts a running mean of its input, as a batch normalization without its scale.
struct Centring(Var);

impl Module for Centring {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        if mode == Mode::Train {
            let mean = x.mean(0)?.detach();
            self.0.set(&((self.0.as_detached_tensor() * 0.9)? + (mean * 0.1)?)?)?;
        }
        Ok(x.broadcast_sub(&self.0.as_detached_tensor())?)
    }
}

fn body(params: &Params) -> Sequential {
    let mean = params.pp("centring").buffer("running_mean", 4, Init::Constant(0.0)).unwrap();
    Sequential::new().push(linear(3, 4, params.pp("fc")).unwrap()).push(Activation::Tanh).push(Centring(mean))
}

fn bits(params: &Params) -> Vec<(String, Vec<u64>)> {
    params.all().into_iter().map(|p| (p.name, flat(&p.var).iter().map(|x| x.to_bits()).collect())).collect()
}

fn names(params: &Params) -> Vec<String> {
    params.trainable().into_iter().map(|param| param.name).collect()
}

#[test]
fn freezing_goes_by_whole_names_and_leaves_buffers_alone() {
    let params = Params::new(0, &CPU).unwrap();
    for layer in ["fc1", "fc10", "fc1b"] {
        linear(2, 2, params.pp(layer)).unwrap();
    }
    let norm = params.pp("norm");
    norm.var("weight", 2, Init::Constant(1.0)).unwrap();
    norm.buffer("running_mean", 2, Init::Constant(0.0)).unwrap();
    let all = names(&params);
    assert_eq!(params.count(), 3 * 6 + 2);

    params.freeze("fc1").unwrap();
    assert_eq!(names(&params), ["fc10.weight", "fc10.bias", "fc1b.weight", "fc1b.bias", "norm.weight"]);
    assert_eq!(params.count(), 2 * 6 + 2);
    params.freeze("fc10.bias").unwrap();
    params.pp("norm").freeze("").unwrap();
    assert_eq!(names(&params), ["fc10.weight", "fc1b.weight", "fc1b.bias"]);
    let kinds: Vec<(String, bool, bool)> =
        params.pp("norm").all().into_iter().map(|param| (param.name, param.trainable, param.buffer)).collect();
    assert_eq!(kinds, [("norm.weight".into(), false, false), ("norm.running_mean".into(), false, true)]);

    params.unfreeze("").unwrap();
    assert_eq!(names(&params), all, "the buffer did not become trainable");
    for (params, name, full) in [
        (&params, "fc2", "fc2"),
        (&params, "fc", "fc"),
        (&norm, "running_mean", "norm.running_mean"),
        (&norm, "bias", "norm.bias"),
    ] {
        for result in [params.freeze(name), params.unfreeze(name)] {
            assert!(matches!(&result, Err(Error::Parameter { name, .. }) if name == full), "{result:?}");
        }
    }
    assert!(Params::new(0, &CPU).unwrap().freeze("").is_err());
}

#[test]
fn a_frozen_part_does_not_move_by_a_bit() {
    type Make = fn(Vec<candlelight::params::Param>) -> Box<dyn Optimizer>;
    let optimizers: [Make; 3] = [
        |params| {
            Box::new(
                Sgd::new(params, SgdConfig { lr: 0.1, momentum: 0.9, weight_decay: 0.1, ..SgdConfig::default() })
                    .unwrap(),
            )
        },
        |params| {
            Box::new(Adam::new(params, AdamConfig { lr: 0.1, weight_decay: 0.1, ..AdamConfig::default() }).unwrap())
        },
        |params| {
            Box::new(AdamW::new(params, AdamWConfig { lr: 0.1, weight_decay: 0.1, ..AdamWConfig::default() }).unwrap())
        },
    ];
    let x = normal(&mut seeded(1), 1.0, 1.0, (20, 3), DType::F32, &CPU).unwrap();
    let y = normal(&mut seeded(2), 0.0, 1.0, (20, 2), DType::F32, &CPU).unwrap();
    let data = Dataset::new(&x, &y).unwrap();
    let config = FitConfig { epochs: 5, batch_size: 7, progress: Progress::Silent, ..FitConfig::default() };
    for make in optimizers {
        let params = Params::new(3, &CPU).unwrap();
        let model = Sequential::new()
            .push(Frozen::new(body(&params.pp("body"))))
            .push(linear(4, 2, params.pp("head")).unwrap());
        params.freeze("body").unwrap();
        let (frozen, head) = (bits(&params.pp("body")), bits(&params.pp("head")));
        let mut optimizer = make(params.trainable());
        fit(&model, &mut *optimizer, mse, &data, None, &config, &mut seeded(0)).unwrap();
        assert_eq!(bits(&params.pp("body")), frozen);
        assert!(bits(&params.pp("head")).iter().zip(&head).all(|(after, before)| after.1 != before.1));

        // Unfrozen, all of it moves, the running mean too: the test can fail.
        let model = Sequential::new().push(body(&params.pp("twin"))).push(linear(4, 2, params.pp("other")).unwrap());
        let twin = params.pp("twin");
        twin.load_state_dict(&params.pp("body").state_dict().unwrap(), LoadConfig::default()).unwrap();
        let mut optimizer = make([twin.trainable(), params.pp("other").trainable()].concat());
        fit(&model, &mut *optimizer, mse, &data, None, &config, &mut seeded(0)).unwrap();
        assert!(bits(&twin).iter().zip(&frozen).all(|(after, before)| after.1 != before.1));
    }
}

#[test]
fn a_frozen_part_lets_gradients_through_but_not_into_itself() {
    let params = Params::new(3, &CPU).unwrap();
    let first = linear(3, 3, params.pp("first")).unwrap();
    let frozen = Frozen::new(body(&params.pp("body")));
    let x = normal(&mut seeded(1), 0.0, 1.0, (5, 3), DType::F32, &CPU).unwrap();
    // In the middle, what comes before it still learns.
    let y = frozen.forward(&first.forward(&x, Mode::Train).unwrap(), Mode::Train).unwrap();
    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    assert!(flat(gradients.get(first.weight()).unwrap()).iter().any(|g| *g != 0.0));
    // In front, no graph is kept.
    let y = frozen.forward(&x, Mode::Train).unwrap();
    assert!(!y.track_op());
    assert!(frozen.into_inner().forward(&x, Mode::Eval).unwrap().track_op());
}

#[test]
fn frozen_layers_neither_drop_nor_move_their_statistics() {
    let params = Params::new(3, &CPU).unwrap();
    let body = Sequential::new()
        .push(batch_norm1d(3, params.pp("bn")).unwrap())
        .push(dropout(0.5, params.pp("drop")).unwrap());
    let x = normal(&mut seeded(1), 2.0, 3.0, (9, 3), DType::F32, &CPU).unwrap();
    let expected = flat(&body.forward(&x, Mode::Eval).unwrap());
    let (frozen, before) = (Frozen::new(body), bits(&params));
    assert_eq!(flat(&frozen.forward(&x, Mode::Train).unwrap()), expected);
    assert_ne!(flat(&frozen.forward(&x, Mode::MonteCarlo).unwrap()), expected, "asked for, dropout draws");
    assert_eq!(bits(&params), before);
    frozen.into_inner().forward(&x, Mode::Train).unwrap();
    assert_ne!(bits(&params), before);
}

#[test]
fn an_optimizer_that_is_there_keeps_what_it_was_given() {
    let params = Params::new(0, &CPU).unwrap();
    let model = linear(1, 1, params.clone()).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap();
    params.freeze("").unwrap();
    let before = flat(model.weight());
    let x = Tensor::ones((1, 1), DType::F32, &CPU).unwrap();
    sgd.backward_step(&model.forward(&x, Mode::Train).unwrap().sum_all().unwrap()).unwrap();
    assert_ne!(flat(model.weight()), before);
}
