//! What comes back is what was saved, all of it or nothing; and training goes on as if it had never stopped.

use std::path::Path;

use candlelight::checkpoint::Checkpoint;
use candlelight::loss::cross_entropy;
use candlelight::nn::{Activation, Mode, Module, Sequential, linear};
use candlelight::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use candlelight::prelude::*;
use candlelight::rng::{Stream, normal};
use candlelight::state::{State, Stateful};
use candlelight_tests::strided;

use crate::support::{Notes, all_bits, bits};

const CPU: Device = Device::Cpu;

#[test]
fn every_dtype_shape_and_number_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let odd = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE / 8.0, 1.0 / 3.0];
    let f64s = Tensor::new(&odd, &CPU).unwrap();
    let f32s = Tensor::new(&odd.map(|x| x as f32), &CPU).unwrap();
    let integers = Tensor::new(&[[0i64, 1, 2], [100, 101, 127]], &CPU).unwrap();
    let mut tensors = vec![
        ("f64".to_string(), f64s.clone()),
        ("f32".into(), f32s),
        ("scalar".into(), Tensor::new(1.5f32, &CPU).unwrap()),
        ("empty".into(), Tensor::zeros((3, 0, 2), DType::F32, &CPU).unwrap()),
        ("strided".into(), strided(&Tensor::arange(0f32, 12.0, &CPU).unwrap().reshape((3, 4)).unwrap())),
        ("view".into(), Tensor::arange(0f32, 12.0, &CPU).unwrap().narrow(0, 5, 4).unwrap()),
        ("ünïcode \"/\\\n".into(), Tensor::new(1u8, &CPU).unwrap()),
    ];
    for dtype in [DType::U8, DType::U32, DType::I16, DType::I32, DType::I64, DType::F16, DType::BF16] {
        tensors.push((format!("{dtype:?}"), integers.to_dtype(dtype).unwrap()));
    }
    let tensors: Vec<(&str, Tensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
    let saved = Notes::new(
        &tensors,
        &[("", ""), ("large", "340282366920938463463374607431768211455"), ("a\0\n", "\u{2028}\"")],
    );
    let checkpoint = Checkpoint::new().state("notes", &saved).unwrap().value("pi", std::f64::consts::PI).unwrap();
    checkpoint.save(&path).unwrap();
    let loaded = Checkpoint::load(&path).unwrap();
    let mut notes = Notes::default();
    loaded.restore().state("notes", &mut notes).apply().unwrap();
    assert_eq!(notes.bits(), saved.bits());
    assert_eq!(bits(&notes.0.tensors["f64"]), bits(&f64s));
    assert_eq!(loaded.get::<f64>("pi").unwrap().to_bits(), std::f64::consts::PI.to_bits());
    assert_eq!((loaded.version(), loaded.sections()), (Some(1), vec!["notes"]));
    assert!(loaded.get::<u8>("pi").is_err() && loaded.get::<u8>("tau").is_err());
}

#[test]
fn a_checkpoint_does_not_change_with_the_model() {
    let params = Params::new(0, &CPU).unwrap();
    let weight = params.var("weight", 3, Init::Constant(1.0)).unwrap();
    let notes = Notes::new(&[("m", weight.as_detached_tensor())], &[]);
    let checkpoint = Checkpoint::new().params(&params).unwrap().state("notes", &notes).unwrap();
    weight.set(&Tensor::zeros(3, DType::F32, &CPU).unwrap()).unwrap();
    let mut back = Notes::default();
    checkpoint.restore().params(&params).state("notes", &mut back).apply().unwrap();
    assert_eq!(
        (weight.to_vec1::<f32>().unwrap(), back.0.tensors["m"].to_vec1::<f32>().unwrap()),
        (vec![1.; 3], vec![1.; 3])
    );
    // Nor with what was restored from it.
    weight.set(&Tensor::zeros(3, DType::F32, &CPU).unwrap()).unwrap();
    checkpoint.restore().params(&params).apply().unwrap();
    assert_eq!(weight.to_vec1::<f32>().unwrap(), [1.; 3]);
}

#[test]
fn names_that_clash_are_refused() {
    let params = Params::new(0, &CPU).unwrap();
    params.pp("a/b").var("weight", 1, Init::Constant(0.0)).unwrap();
    let with_params = || Checkpoint::new().params(&params).unwrap();
    let notes = Notes::default();
    for (result, name) in [
        (with_params().params(&params), "the parameters"),
        (with_params().state("a", &notes), "a/b.weight"),
        (Checkpoint::new().state("a", &notes).unwrap().params(&params), "a/b.weight"),
        (Checkpoint::new().state("a", &notes).unwrap().state("a", &notes), "a"),
        (Checkpoint::new().value("a", 1).unwrap().value("a", 1), "a"),
        (Checkpoint::new().state("", &notes), ""),
        (Checkpoint::new().state("a/b", &notes), "a/b"),
    ] {
        assert!(matches!(&result, Err(Error::State { name: named, .. }) if named == name), "{name}: {result:?}");
    }
    // A name with a slash is a name like any other.
    let folder = tempfile::tempdir().unwrap();
    let checkpoint =
        with_params().state("b", &Notes::new(&[("weight", Tensor::new(1u8, &CPU).unwrap())], &[])).unwrap();
    checkpoint.save(folder.path().join("run")).unwrap();
    let loaded = Checkpoint::load(folder.path().join("run")).unwrap();
    assert_eq!(loaded.state_dict("").into_keys().collect::<Vec<_>>(), ["a/b.weight"]);
    loaded.restore().params(&params).apply().unwrap();
}

/// Refuses every state but its own, as something whose shapes have changed.
struct Stubborn;

impl Stateful for Stubborn {
    fn state(&self) -> Result<State> {
        Ok(State::default())
    }

    fn load_state(&mut self, _: &State) -> Result<()> {
        Err(Error::State { name: "m".into(), problem: "does not fit".into() })
    }
}

#[test]
fn all_comes_back_or_nothing() {
    let make = |width: usize| {
        let params = Params::new(0, &CPU).unwrap();
        linear(2, width, params.pp("fc")).unwrap();
        params.stream("noise").unwrap();
        let sgd = Sgd::new(params.trainable(), SgdConfig { momentum: 0.9, ..SgdConfig::default() }).unwrap();
        (params, sgd)
    };
    let (params, sgd) = make(3);
    let mut rng = seeded(3);
    let checkpoint = Checkpoint::new().params(&params).unwrap().state("optimizer", &sgd).unwrap();
    let checkpoint = checkpoint.state("rng", &rng).unwrap().state("model", &params).unwrap();

    // Everything moves on; then each restore fails at its last part.
    let _: u64 = rng.random();
    let (_, stream) = params.streams().remove(0);
    let _: u64 = stream.draw(|rng| rng.random());
    params.set("fc.bias", &Tensor::ones(3, DType::F32, &CPU).unwrap()).unwrap();
    let place = |stream: &Stream, rng: &Rng| (stream.state().unwrap().values, rng.state().unwrap().values);
    let before = (all_bits(&params), place(&stream, &rng));
    let (narrow, _) = make(2);
    let mut lone = Params::new(0, &CPU).unwrap();
    lone.stream("other").unwrap();
    let failures: [(&str, &mut dyn Stateful, &str); 5] = [
        ("model", &mut narrow.clone(), "parameter `model/fc.weight`: expected shape [2, 2], got [3, 2]"),
        ("optimizer", &mut Stubborn, "state `optimizer/m` does not fit"),
        ("model", &mut lone, "state `model/other.seed` is missing"),
        ("schedule", &mut Stubborn, "state `schedule` is not in the checkpoint, which has the sections"),
        ("rng", &mut narrow.clone(), "state `rng/noise.seed` is missing"),
    ];
    for (section, target, expected) in failures {
        let restore = checkpoint.restore().params(&params).state("rng", &mut rng).state(section, target);
        let message = restore.apply().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
        assert_eq!((all_bits(&params), place(&stream, &rng)), before, "{expected}");
    }
    checkpoint.restore().params(&params).state("rng", &mut rng).apply().unwrap();
    assert_ne!((all_bits(&params), place(&stream, &rng)), before);
    assert_eq!(rng.random::<u64>(), seeded(3).random::<u64>());

    // A stream that the model has not.
    let fewer = Params::new(0, &CPU).unwrap();
    linear(2, 3, fewer.pp("fc")).unwrap();
    let message = checkpoint.restore().params(&fewer).apply().unwrap_err().to_string();
    assert!(message.contains("belongs to no random stream"), "{message}");
}

/// Adds noise in training, as dropout would.
struct Noise(Stream);

impl Module for Noise {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        match mode {
            Mode::Train => Ok((x + self.0.draw(|rng| normal(rng, 0.0, 0.1, x.shape(), x.dtype(), x.device()))?)?),
            _ => Ok(x.clone()),
        }
    }
}

/// A training run, all of it.
struct Run {
    params: Params,
    model: Sequential,
    optimizer: Box<dyn Optimizer>,
    rng: Rng,
    epoch: usize,
}

impl Run {
    fn new(kind: &str) -> Self {
        let params = Params::new(11, &CPU).unwrap();
        let model = Sequential::new()
            .push(linear(2, 9, params.pp("fc1")).unwrap())
            .push(Activation::Relu)
            .push(Noise(params.pp("noise").stream("mask").unwrap()))
            .push(linear(9, 4, params.pp("fc2")).unwrap());
        let parameters = params.trainable();
        let optimizer: Box<dyn Optimizer> = match kind {
            "sgd" => {
                let config = SgdConfig { lr: 0.05, momentum: 0.9, nesterov: true, ..SgdConfig::default() };
                Box::new(Sgd::new(parameters, config).unwrap())
            }
            _ => Box::new(Adam::new(parameters, AdamConfig { lr: 0.01, ..AdamConfig::default() }).unwrap()),
        };
        Self { params, model, optimizer, rng: seeded(5), epoch: 0 }
    }

    /// Trains up to `epoch`, with a rate that falls.
    fn train(&mut self, epoch: usize) {
        let x = normal(&mut seeded(1), 0.0, 1.0, (50, 2), DType::F32, &CPU).unwrap();
        let labels = Tensor::from_vec((0..50u32).map(|i| i % 4).collect(), 50, &CPU).unwrap();
        let data = Dataset::new(&x, &labels).unwrap();
        while self.epoch < epoch {
            for batch in data.shuffled_batches(8, &mut self.rng).unwrap() {
                let (x, y) = batch.unwrap();
                let loss = cross_entropy(&self.model.forward(&x, Mode::Train).unwrap(), &y).unwrap();
                self.optimizer.backward_step(&loss).unwrap();
            }
            let rate = self.optimizer.learning_rate();
            self.optimizer.set_learning_rate(0.9 * rate).unwrap();
            self.epoch += 1;
        }
    }

    fn save(&self, path: &Path) {
        let checkpoint = Checkpoint::new().params(&self.params).unwrap().state("optimizer", &*self.optimizer).unwrap();
        checkpoint.state("rng", &self.rng).unwrap().value("epoch", self.epoch).unwrap().save(path).unwrap();
    }

    fn load(&mut self, path: &Path) {
        let checkpoint = Checkpoint::load(path).unwrap();
        let restore = checkpoint.restore().params(&self.params).state("optimizer", &mut *self.optimizer);
        restore.state("rng", &mut self.rng).apply().unwrap();
        self.epoch = checkpoint.get("epoch").unwrap();
    }
}

#[test]
fn training_that_was_resumed_is_training_that_was_not_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for kind in ["sgd", "adam"] {
        let mut whole = Run::new(kind);
        whole.train(6);
        whole.save(&at("whole"));
        // From each epoch on, in a run that has gone elsewhere meanwhile; the first is before any step.
        for stop in [0, 1, 4] {
            let mut first = Run::new(kind);
            first.train(stop);
            first.save(&at("part"));
            let mut second = Run::new(kind);
            second.train(2);
            second.load(&at("part"));
            assert_eq!(second.epoch, stop);
            second.train(6);
            assert_eq!(all_bits(&second.params), all_bits(&whole.params), "{kind} from {stop}");
            // The whole state, moments and places in the streams included.
            second.save(&at("resumed"));
            assert!(std::fs::read(at("resumed")).unwrap() == std::fs::read(at("whole")).unwrap(), "{kind} from {stop}");
        }
        // Without one of the states the bits differ: the test can fail.
        let mut other = Run::new(kind);
        other.train(2);
        Checkpoint::load(at("part")).unwrap().restore().params(&other.params).apply().unwrap();
        other.epoch = 4;
        other.train(6);
        assert_ne!(all_bits(&other.params), all_bits(&whole.params));
    }
}
