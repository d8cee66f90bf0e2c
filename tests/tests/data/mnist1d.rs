//! MNIST-1D: the authors' sequences from the same random numbers, and the set made of our own.

use candlelight::candle_core::{DType, Device, Tensor};
use candlelight::data::mnist1d::{Draws, templates, transform};
use candlelight::data::{Dataset, Mnist1d, Mnist1dConfig};
use candlelight::rng::{permutation, seeded};
use candlelight_tests::{Case, fixture, flat, number};

const CPU: Device = Device::Cpu;

fn config(case: &Case) -> Mnist1dConfig {
    let mut config = Mnist1dConfig::default();
    for (name, value) in case.0["settings"].as_object().unwrap() {
        let whole = || value.as_u64().unwrap() as usize;
        match name.as_str() {
            "padding" => config.padding = (value[0].as_u64().unwrap() as usize, value[1].as_u64().unwrap() as usize),
            "max_translation" => config.max_translation = whole(),
            "final_seq_length" => config.final_seq_length = whole(),
            "scale_coeff" => config.scale_coeff = value.as_f64().unwrap(),
            "corr_noise_scale" => config.corr_noise_scale = value.as_f64().unwrap(),
            "iid_noise_scale" => config.iid_noise_scale = value.as_f64().unwrap(),
            "shear_scale" => config.shear_scale = value.as_f64().unwrap(),
            other => panic!("{other}"),
        }
    }
    config
}

fn draws(case: &Case) -> Draws {
    Draws {
        padding: number(&case.f64("padding")),
        scale: number(&case.f64("scale")),
        translation: number(&case.f64("translation")) as usize,
        correlated: flat(&case.f64("correlated")),
        iid: flat(&case.f64("iid")),
        shear: number(&case.f64("shear")),
    }
}

#[test]
fn the_same_random_numbers_give_the_sequences_of_the_authors() {
    let cases = fixture("mnist1d");
    assert_eq!(cases.len(), 17);
    for case in cases {
        let label: usize = case.option().unwrap().parse().unwrap();
        let template = templates()[label];
        for (ours, theirs) in template.iter().zip(flat(&case.f64("template"))) {
            assert!((ours - theirs).abs() < 1e-15, "template of {label}: {ours}, expected {theirs}");
        }
        let (ours, theirs) = (transform(&template, &draws(&case), &config(&case)).unwrap(), flat(&case.f64("output")));
        assert_eq!(ours.len(), theirs.len());
        for (i, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            assert!((ours - theirs).abs() < 1e-14, "{}: place {i} is {ours}, expected {theirs}", case.0["name"]);
        }
    }
}

fn standard(seed: u64) -> Mnist1d {
    Mnist1d::new(&mut seeded(seed), &Mnist1dConfig::default(), DType::F64, &CPU).unwrap()
}

#[test]
fn the_standard_set_is_balanced_normalized_and_shuffled() {
    let data = standard(1);
    assert_eq!((data.train.inputs().dims(), data.test.inputs().dims()), (&[4000, 40][..], &[1000, 40][..]));
    let all = [data.train.inputs(), data.test.inputs()].map(flat).concat();
    let mean = all.iter().sum::<f64>() / 200_000.0;
    let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 200_000.0;
    assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12, "{mean} {variance}");
    let labels = [data.train.targets(), data.test.targets()].map(|labels| labels.to_vec1::<u32>().unwrap());
    let count = |labels: &[u32], class| labels.iter().filter(|&&label| label == class).count();
    for class in 0..10 {
        assert_eq!(count(&labels.concat(), class), 500);
        // Five standard deviations of a hypergeometric count: 1000 · 0.1 · 0.9 · 0.8.
        assert!(count(&labels[1], class).abs_diff(100) < 43);
    }
    // Neighbours are of the same class about one time in ten.
    let same = labels[0].windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(same.abs_diff(400) < 95, "{same}");
}

#[test]
fn a_label_belongs_to_its_sequence() {
    // With nothing random but the order, each sequence is the template of its label.
    let config = Mnist1dConfig {
        num_samples: 200,
        padding: (36, 36),
        scale_coeff: 0.0,
        max_translation: 1,
        corr_noise_scale: 0.0,
        iid_noise_scale: 0.0,
        shear_scale: 0.0,
        ..Default::default()
    };
    let data = Mnist1d::new(&mut seeded(2), &config, DType::F64, &CPU).unwrap();
    let expected: Vec<Vec<f64>> = templates()
        .iter()
        .map(|template| transform(template, &Draws::new(&mut seeded(3), &config).unwrap(), &config).unwrap())
        .collect();
    let all = expected.concat();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let std = (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64).sqrt();
    for part in [&data.train, &data.test] {
        let rows = part.inputs().to_vec2::<f64>().unwrap();
        for (row, label) in rows.iter().zip(part.targets().to_vec1::<u32>().unwrap()) {
            for (x, expected) in row.iter().zip(&expected[label as usize]) {
                assert!((x - (expected - mean) / std).abs() < 1e-12);
            }
        }
    }
    assert_eq!((data.train.len(), data.test.len()), (160, 40));
}

#[test]
fn the_seed_decides_and_f32_is_f64_rounded() {
    let config = Mnist1dConfig { num_samples: 50, ..Default::default() };
    let make = |seed, dtype| Mnist1d::new(&mut seeded(seed), &config, dtype, &CPU);
    let inputs = |seed, dtype| flat(make(seed, dtype).unwrap().train.inputs());
    assert_eq!(inputs(1, DType::F64), inputs(1, DType::F64));
    assert_ne!(inputs(1, DType::F64), inputs(2, DType::F64));
    let rounded: Vec<f64> = inputs(1, DType::F64).into_iter().map(|value| f64::from(value as f32)).collect();
    assert_eq!(inputs(1, DType::F32), rounded);
    let error = make(1, DType::U32).unwrap_err().to_string();
    assert!(error.contains("MNIST-1D: expected dtype F32 or F64"), "{error}");
}

#[test]
fn permuting_moves_places_and_keeps_channels_together() {
    let inputs = Tensor::arange(0f64, 12.0, &CPU).unwrap().reshape((1, 2, 2, 3)).unwrap();
    let data = Dataset::new(&inputs, &Tensor::new(&[7u32], &CPU).unwrap()).unwrap();
    let order = [5, 0, 3, 1, 2, 4];
    let permuted = data.permuted(&order).unwrap();
    assert_eq!(permuted.inputs().dims(), [1, 2, 2, 3]);
    assert_eq!(flat(permuted.inputs()), [5., 0., 3., 1., 2., 4., 11., 6., 9., 7., 8., 10.]);
    assert_eq!(permuted.targets().to_vec1::<u32>().unwrap(), [7]);
    let rows = data.with_input_dims(&[12]).unwrap().permuted(&permutation(&mut seeded(0), 12)).unwrap();
    let mut numbers = flat(rows.inputs());
    assert_ne!(numbers, flat(&inputs));
    numbers.sort_by(f64::total_cmp);
    assert_eq!(numbers, flat(&inputs));

    let set = standard(3);
    let order = permutation(&mut seeded(1), 40);
    let moved = set.permuted(&order).unwrap();
    for (before, after) in [(&set.train, &moved.train), (&set.test, &moved.test)] {
        let (before, after) = (before.inputs().to_vec2::<f64>().unwrap(), after.inputs().to_vec2::<f64>().unwrap());
        assert!((0..40).all(|i| after[17][i] == before[17][order[i] as usize]));
    }
}

#[test]
fn an_order_names_each_place_once() {
    let data = standard(0).test;
    let message = |order: &[u32]| data.permuted(order).unwrap_err().to_string();
    let mut order: Vec<u32> = (0..40).collect();
    assert_eq!(message(&order[..39]), "order must be each place once, got place 39 of 40 0 times");
    order[3] = 5;
    assert_eq!(message(&order), "order must be each place once, got place 3 of 40 0 times");
    order[3] = 40;
    assert_eq!(message(&order), "place in order must be below the number of places, got 40 of 40");
    let scalars =
        Dataset::new(&Tensor::zeros(3, DType::F32, &CPU).unwrap(), &Tensor::zeros(3, DType::U32, &CPU).unwrap());
    let message = scalars.unwrap().permuted(&[0, 1, 2]).unwrap_err().to_string();
    assert_eq!(message, "inputs: expected shape [N, D] or [N, C, ...], got [3]");
}

#[test]
fn settings_outside_their_ranges_are_typed_errors() {
    let message =
        |config: Mnist1dConfig| Mnist1d::new(&mut seeded(0), &config, DType::F32, &CPU).unwrap_err().to_string();
    let standard = Mnist1dConfig::default;
    for (config, expected) in [
        (Mnist1dConfig { num_samples: 0, ..standard() }, "num_samples must be a multiple of 10, at least 10, got 0"),
        (Mnist1dConfig { num_samples: 55, ..standard() }, "num_samples must be a multiple of 10, at least 10, got 55"),
        (Mnist1dConfig { train_split: 1.5, ..standard() }, "train_split must be in [0, 1], got 1.5"),
        (
            Mnist1dConfig { padding: (5, 4), ..standard() },
            "padding must be the least before the largest, at most 1048576, got (5, 4)",
        ),
        (
            Mnist1dConfig { max_translation: 73, ..standard() },
            "max_translation must be from 1 to the stretched length, got 73 of 72",
        ),
        (Mnist1dConfig { shear_scale: -1.0, ..standard() }, "shear_scale must be finite and at least 0, got -1"),
        (
            Mnist1dConfig { iid_noise_scale: f64::NAN, ..standard() },
            "iid_noise_scale must be finite and at least 0, got NaN",
        ),
        (Mnist1dConfig { final_seq_length: 1, ..standard() }, "final_seq_length must be at least 2, got 1"),
    ] {
        assert_eq!(message(config), expected);
    }
    let draws = Draws::new(&mut seeded(0), &standard()).unwrap();
    let refused = |template: &[f64], draws: &Draws| transform(template, draws, &standard()).unwrap_err().to_string();
    assert_eq!(refused(&[0.0; 11], &draws), "template: expected shape [12], got [11]");
    let short = Draws { iid: vec![0.0; 3], ..draws.clone() };
    assert_eq!(refused(&templates()[0], &short), "i.i.d. noise: expected shape [72], got [3]");
    let outside = Draws { shear: 2.0, ..draws.clone() };
    assert_eq!(refused(&templates()[0], &outside), "shear must be in [0, 1], got 2");
    let far = Draws { translation: 72, ..draws };
    assert_eq!(refused(&templates()[0], &far), "translation must be below the stretched length, got 72 of 72");
}
