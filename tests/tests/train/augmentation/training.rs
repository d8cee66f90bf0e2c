//! Augmentation within `fit`.

use std::sync::{Arc, Mutex};

use candlelight::loss::{cross_entropy, cross_entropy_soft};
use candlelight::nn::{Flatten, Mode, Module, Sequential, linear};
use candlelight::optim::{Adam, AdamConfig, Sgd, SgdConfig};
use candlelight::prelude::*;
use candlelight::train::augmentation::{Compose, HorizontalFlip, Mixup, RandomShift};
use candlelight::train::{FitConfig, Progress, evaluate, fit};
use candlelight_tests::flat;

const CPU: Device = Device::Cpu;

/// A vertical bar in the left or the right half of 6 × 6 pixels, the half being the class.
fn bars(n: usize, seed: u64) -> Dataset {
    let mut rng = seeded(seed);
    let (mut pixels, mut labels) = (vec![0f32; n * 36], Vec::new());
    for image in pixels.chunks_mut(36) {
        let label: u32 = rng.random_range(0..2);
        let column = 3 * label as usize + rng.random_range(0..3usize);
        image.iter_mut().skip(column).step_by(6).for_each(|pixel| *pixel = 1.0);
        labels.push(label);
    }
    let inputs = Tensor::from_vec(pixels, (n, 1, 6, 6), &CPU).unwrap();
    Dataset::new(&inputs, &Tensor::new(labels, &CPU).unwrap()).unwrap()
}

/// A recorded forward pass.
type Pass = (Mode, Vec<f64>);

/// Notes the modes and inputs that it passes on.
struct Recorder(Arc<Mutex<Vec<Pass>>>);

impl Module for Recorder {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.0.lock().unwrap().push((mode, flat(x)));
        Ok(x.clone())
    }
}

#[test]
fn training_batches_are_changed_and_test_batches_are_not() {
    let data = bars(10, 1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let params = Params::new(0, &CPU).unwrap();
    let model =
        Sequential::new().push(Recorder(seen.clone())).push(Flatten).push(linear(36, 2, params.pp("fc")).unwrap());
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
    let config = FitConfig { epochs: 2, batch_size: 10, progress: Progress::Silent, ..FitConfig::default() }
        .with_augmentation(HorizontalFlip::new(1.0).unwrap());
    fit(&model, &mut sgd, cross_entropy, &data, Some(&data), &config, &mut seeded(0)).unwrap();
    let sorted = |images: &[f64]| {
        let mut images: Vec<Vec<u8>> =
            images.chunks(36).map(|image| image.iter().map(|x| *x as u8).collect()).collect();
        images.sort();
        images
    };
    let plain = sorted(&flat(data.inputs()));
    let flipped =
        sorted(&flat(data.inputs()).chunks(6).flat_map(|row| row.iter().rev().copied()).collect::<Vec<f64>>());
    for (mode, images) in seen.lock().unwrap().iter() {
        assert_eq!(sorted(images), if *mode == Mode::Train { flipped.clone() } else { plain.clone() }, "{mode:?}");
    }
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[test]
fn a_model_learns_from_mixed_and_shifted_images_alike_each_time() {
    let (train, test) = (bars(300, 2), bars(200, 3));
    let loss =
        |z: &Tensor, y: &Tensor| if y.dtype().is_float() { cross_entropy_soft(z, y) } else { cross_entropy(z, y) };
    let run = |seed| {
        let params = Params::new(0, &CPU).unwrap();
        let model = Sequential::new().push(Flatten).push(linear(36, 2, params.pp("fc")).unwrap());
        let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 0.02, ..AdamConfig::default() }).unwrap();
        let augmentation = Compose::new().push(RandomShift::new(1)).push(Mixup::new(0.4, 2).unwrap());
        let config = FitConfig { epochs: 15, batch_size: 32, progress: Progress::Silent, ..FitConfig::default() }
            .with_augmentation(augmentation);
        let history = fit(&model, &mut adam, loss, &train, Some(&test), &config, &mut seeded(seed)).unwrap();
        (history.train_loss(), evaluate(&model, loss, &test, 64).unwrap().accuracy.unwrap())
    };
    let first = run(5);
    assert!(first.1 > 0.95, "{}", first.1);
    assert_eq!(run(5), first);
    assert_ne!(run(6).0, first.0);
}

#[test]
fn what_does_not_fit_stops_the_run() {
    let data = bars(4, 1).with_input_dims(&[36]).unwrap();
    let params = Params::new(0, &CPU).unwrap();
    let model = linear(36, 2, params.clone()).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
    let config = FitConfig::default().with_augmentation(RandomShift::new(1));
    let error = fit(&model, &mut sgd, cross_entropy, &data, None, &config, &mut seeded(0)).unwrap_err();
    assert!(matches!(error, Error::Shape { what: "images", .. }), "{error}");
}
