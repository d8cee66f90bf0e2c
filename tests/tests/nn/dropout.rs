//! Dropout: its law, its gradient, its seeds, and both ways to predict.

use std::process::Command;

use candlelight::candle_nn;
use candlelight::nn::{
    Activation, Dropout, Dropout2d, DropoutConfig, Inference, Mode, Module, Scaling, Sequential, SubNetworks, dropout,
    dropout2d, linear,
};
use candlelight::prelude::*;
use candlelight::rand::RngCore as _;
use candlelight::rng::stream;
use candlelight::state::Stateful;
use candlelight_tests::{assert_close, flat, gradient, number, strided};
use proptest::prelude::{ProptestConfig, Strategy, prop_assert, prop_assert_eq, proptest};

const CPU: Device = Device::Cpu;
const BOTH: [Scaling; 2] = [Scaling::InTraining, Scaling::AtInference];

fn params(seed: u64) -> Params {
    Params::with_dtype(seed, DType::F64, &CPU).unwrap()
}

fn layer(p: f64, scaling: Scaling, seed: u64) -> Dropout {
    Dropout::new(DropoutConfig { p, scaling }, params(seed)).unwrap()
}

/// 1 where a unit is kept, else 0.
fn mask(p: f64, seed: u64, shape: &[usize]) -> Vec<f64> {
    let ones = Tensor::ones(shape, DType::F32, &CPU).unwrap();
    flat(&layer(p, Scaling::AtInference, seed).forward(&ones, Mode::Train).unwrap())
}

#[test]
fn units_are_dropped_with_probability_p() {
    let n = 1 << 20;
    // Probabilities that 16 bits can express and others, also some far below 2⁻¹⁶.
    for p in [0.5, 0.25, 0.1, 1.0 / 3.0, 0.9, 1e-5, 1.0 - 1e-5, 1e-9] {
        let mask = mask(p, 11, &[n]);
        assert!(mask.iter().all(|&m| m == 0.0 || m == 1.0));
        let dropped = mask.iter().filter(|&&m| m == 0.0).count() as f64;
        let (expected, std) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
        assert!((dropped - expected).abs() < 4.5 * std + 0.5, "p {p}: {dropped} of {n}, expected {expected}");
    }
}

#[test]
fn probabilities_between_those_of_sixteen_bits_are_met() {
    // Half of 2⁻¹⁶: sixteen bits alone would drop none, or twice as many.
    let (n, p) = (1 << 22, 0.5 / 65_536.0);
    let dropped = mask(p, 3, &[n]).iter().filter(|&&m| m == 0.0).count() as f64;
    let expected = n as f64 * p; // 32
    assert!((dropped - expected).abs() < 4.5 * expected.sqrt(), "{dropped}, expected {expected}");
}

/// The rule as it is written down, an element at a time.
fn mask_by_rule(p: f64, seed: u64, lengths: &[usize]) -> Vec<Vec<f64>> {
    let (whole, rest) = ((p * 65_536.0).floor(), (p * 65_536.0).fract());
    let word = |flipped: bool, place: usize| {
        let mut rng = stream(seed, "mask");
        if flipped {
            rng.set_stream(!rng.get_stream());
        }
        rng.set_word_pos(place as u128);
        rng.next_u32()
    };
    let mut first = 0;
    let mut next = |length: usize| -> Vec<f64> {
        let element = |i: usize| {
            let (place, half) = (first + i / 2, i % 2);
            let bits = f64::from(word(false, place) >> (16 * half) & 0xffff);
            if bits != whole {
                return f64::from(u8::from(bits > whole));
            }
            let (low, high) = (word(true, 4 * place + 2 * half), word(true, 4 * place + 2 * half + 1));
            let more = (u64::from(high) << 32 | u64::from(low)) >> 11;
            f64::from(u8::from(more as f64 / 53_f64.exp2() >= rest))
        };
        let mask = (0..length).map(element).collect();
        first += length.div_ceil(2);
        mask
    };
    lengths.iter().map(|&length| next(length)).collect()
}

#[test]
fn every_element_has_random_numbers_of_its_own() {
    // Odd lengths pass half a word over. With the second p, some sixteen elements have to be decided by the second stream, each by a coin.
    let lengths = [1, 33, 4097, (1 << 20) + 1, 64];
    for p in [0.5, 19_660.5 / 65_536.0] {
        let layer = layer(p, Scaling::AtInference, 7);
        for (length, expected) in lengths.into_iter().zip(mask_by_rule(p, 7, &lengths)) {
            let mask = flat(&layer.forward(&Tensor::ones(length, DType::F32, &CPU).unwrap(), Mode::Train).unwrap());
            assert!(mask == expected, "p {p}, {length} elements");
        }
    }
}

#[test]
fn coins_are_independent() {
    let (rows, columns) = (512, 512);
    let mask = mask(0.5, 5, &[rows, columns]);
    let n = mask.len() as f64;
    // The correlation of 0/1 coins of mean 1/2 with their neighbours has standard error 1/√n.
    for distance in [1, 2, 3, 16, 64, columns] {
        let pairs = mask.iter().zip(&mask[distance..]);
        let correlation = pairs.map(|(a, b)| (2.0 * a - 1.0) * (2.0 * b - 1.0)).sum::<f64>() / n;
        assert!(correlation.abs() < 4.5 / n.sqrt(), "{distance}: {correlation}");
    }
    // Every sample has a mask of its own, and every pass has.
    let mut samples: Vec<&[f64]> = mask.chunks(columns).collect();
    samples.sort_by(|a, b| a.partial_cmp(b).unwrap());
    samples.dedup();
    assert_eq!(samples.len(), rows);
    let layer = layer(0.5, Scaling::InTraining, 5);
    let ones = Tensor::ones(64, DType::F32, &CPU).unwrap();
    let pass = || flat(&layer.forward(&ones, Mode::Train).unwrap());
    assert_ne!(pass(), pass());
}

#[test]
fn both_scalings_keep_the_expectation() {
    let x = gradient::input(1, (3, 4));
    for scaling in BOTH {
        let (p, n) = (0.3, 40_000);
        let layer = layer(p, scaling, 2);
        let kept = if scaling == Scaling::InTraining { 1.0 / (1.0 - p) } else { 1.0 };
        let many = layer.forward(&x.broadcast_as((n, 3, 4)).unwrap(), Mode::Train).unwrap();
        let used = flat(&layer.forward(&x, Mode::Eval).unwrap());
        for ((mean, used), x) in flat(&many.mean(0).unwrap()).into_iter().zip(used).zip(flat(&x)) {
            let error = 4.5 * (x * kept).abs() * (p * (1.0 - p) / n as f64).sqrt();
            assert!((mean - used).abs() < error, "{scaling:?}: {mean}, in use {used}");
            assert_eq!(used, if scaling == Scaling::InTraining { x } else { x * (1.0 - p) });
        }
        let train = flat(&layer.forward(&x, Mode::Train).unwrap());
        assert!(train.iter().zip(flat(&x)).all(|(y, x)| *y == 0.0 || (*y - x * kept).abs() < 1e-15));
    }
}

#[test]
fn the_gradient_is_the_mask() {
    for scaling in BOTH {
        for dtype in [DType::F32, DType::F64] {
            let layer = layer(0.4, scaling, 7);
            let x = Var::from_tensor(&gradient::input(1, (5, 7)).to_dtype(dtype).unwrap()).unwrap();
            for mode in [Mode::Train, Mode::MonteCarlo, Mode::Eval] {
                let y = layer.forward(&x, mode).unwrap();
                assert_eq!((y.dtype(), y.dims()), (dtype, x.dims()));
                let gradients = y.sum_all().unwrap().backward().unwrap();
                let factor = (&y / x.as_tensor()).unwrap();
                assert_close("gradient", gradients.get(&x).unwrap(), &factor, 1e-6, 0.0);
            }
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let store = params(3);
    let flat_layer = dropout(0.5, store.pp("flat")).unwrap();
    let channels = dropout2d(0.5, store.pp("channels")).unwrap();
    let starts: Vec<_> = store.streams().iter().map(|(_, stream)| stream.state().unwrap()).collect();
    // The same masks at every evaluation.
    let rewind = || {
        store.streams().iter_mut().zip(&starts).for_each(|((_, stream), start)| stream.load_state(start).unwrap());
    };
    let x = [gradient::input(4, (2, 3, 2, 2))];
    for layer in [&flat_layer as &dyn Module, &channels] {
        let f = |x: &[Tensor]| {
            rewind();
            Ok(layer.forward(&x[0], Mode::Train)?.sqr()?)
        };
        gradient::check(f, &x).unwrap();
    }
}

#[test]
fn whole_channels_are_dropped() {
    let layer = dropout2d(0.5, params(1)).unwrap();
    let (n, c) = (40, 30);
    let x = Tensor::ones((n, c, 3, 5), DType::F64, &CPU).unwrap();
    let y = layer.forward(&x, Mode::Train).unwrap();
    let channels: Vec<Vec<f64>> = flat(&y).chunks(15).map(<[f64]>::to_vec).collect();
    assert!(channels.iter().all(|channel| channel.iter().all(|&y| y == channel[0] && (y == 0.0 || y == 2.0))));
    let dropped = channels.iter().filter(|channel| channel[0] == 0.0).count() as f64;
    assert!((dropped - 600.0).abs() < 4.5 * 300f64.sqrt(), "{dropped} of 1200");
    assert!(channels.chunks(c).any(|sample| sample != &channels[..c]), "each sample has its own");
    assert_eq!(flat(&layer.forward(&x, Mode::Eval).unwrap()), flat(&x));
    let standard = Dropout2d::new(DropoutConfig { p: 0.25, scaling: Scaling::AtInference }, params(1)).unwrap();
    assert_eq!(flat(&standard.forward(&x, Mode::Eval).unwrap())[0], 0.75);
}

#[test]
fn nothing_and_everything_can_be_dropped() {
    let x = Var::from_tensor(&gradient::input(1, (2, 3))).unwrap();
    for scaling in BOTH {
        let none = layer(0.0, scaling, 1);
        let all = layer(1.0, scaling, 1);
        for mode in [Mode::Train, Mode::MonteCarlo, Mode::Eval] {
            assert_eq!(flat(&none.forward(&x, mode).unwrap()), flat(&x));
            let y = all.forward(&x, mode).unwrap();
            let kept = mode == Mode::Eval && scaling == Scaling::InTraining; // PyTorch's eval too leaves x as it is
            assert_eq!(flat(&y), if kept { flat(&x) } else { vec![0.0; 6] }, "{scaling:?} {mode:?}");
            let gradients = y.sum_all().unwrap().backward().unwrap();
            // Candle leaves out the gradient of a product with the number 0.
            let gradient = gradients.get(&x).map_or(vec![0.0; 6], flat);
            assert_eq!(gradient, [f64::from(kept); 6]);
        }
    }
}

#[test]
fn strided_and_broadcast_inputs_are_masked_by_element() {
    let x = gradient::input(1, (4, 6));
    let run = |x: &Tensor| flat(&layer(0.5, Scaling::InTraining, 9).forward(x, Mode::Train).unwrap());
    assert_eq!(run(&x), run(&strided(&x)));
    let row = x.narrow(0, 0, 1).unwrap().broadcast_as((4, 6)).unwrap();
    assert_eq!(run(&row), run(&row.contiguous().unwrap()));
}

#[test]
fn masks_follow_from_seed_and_name_alone() {
    let x = Tensor::ones((8, 8), DType::F64, &CPU).unwrap();
    let masks = |seed: u64, names: &[&str]| -> Vec<Vec<f64>> {
        let store = params(seed);
        let layers: Vec<Dropout> = names.iter().map(|name| dropout(0.5, store.pp(name)).unwrap()).collect();
        layers.iter().map(|layer| flat(&layer.forward(&x, Mode::Train).unwrap())).collect()
    };
    let (both, alone) = (masks(1, &["a", "b"]), masks(1, &["b"]));
    assert_eq!(both[1], alone[0]);
    assert_ne!(both[0], both[1]);
    assert_ne!(alone, masks(2, &["b"]));
    // Values that the notebooks rely on: another way to draw would change them all.
    let store = params(42);
    let layer = dropout(0.3, store.pp("drop")).unwrap();
    let first: String = mask(0.3, 42, &[24]).iter().map(|m| if *m == 0.0 { '0' } else { '1' }).collect();
    assert_eq!(first, "111110111111101111111011");
    // A checkpoint keeps the place.
    layer.forward(&x, Mode::Train).unwrap();
    let (name, mut stream) = store.streams().remove(0);
    assert_eq!(name, "drop.mask");
    let saved = stream.state().unwrap();
    let next = flat(&layer.forward(&x, Mode::Train).unwrap());
    layer.forward(&x, Mode::Train).unwrap();
    stream.load_state(&saved).unwrap();
    assert_eq!(flat(&layer.forward(&x, Mode::Train).unwrap()), next);
    assert!(matches!(dropout(0.5, store.pp("drop")), Err(Error::Parameter { .. })), "the name is taken");
}

/// Not a test of its own: the program that the next test runs.
#[test]
fn child() {
    if std::env::var_os("CANDLELIGHT_TEST_CHILD").is_some() {
        let store = Params::new(3, &CPU).unwrap();
        let model = Sequential::new()
            .push(linear(40, 300, store.pp("fc1")).unwrap())
            .push(Activation::Relu)
            .push(dropout(0.3, store.pp("drop")).unwrap())
            .push(linear(300, 5, store.pp("fc2")).unwrap());
        let x = Init::Normal { mean: 0.0, std: 1.0 }.tensor(&mut seeded(1), (128, 40), DType::F32, &CPU).unwrap();
        let prediction = Inference::MonteCarlo { samples: 5 }.predict(&model, &x).unwrap();
        let values = [flat(&prediction.mean), flat(&prediction.std)].concat();
        println!(
            "bits {:?}",
            values.iter().map(|value| value.to_bits()).fold(0, |sum: u64, bits| sum.rotate_left(7) ^ bits)
        );
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let run = |threads: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "dropout::child", "--nocapture"])
            .env("CANDLELIGHT_TEST_CHILD", "1")
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split("bits ").nth(1).unwrap().lines().next().unwrap().to_owned()
    };
    assert_eq!(run("1"), run("2"));
}

#[test]
fn weight_scaling_is_exact_for_a_linear_model_and_monte_carlo_agrees_with_it() {
    let x = gradient::input(1, (2, 6));
    let p = 0.3;
    for scaling in BOTH {
        let store = params(4);
        let config = DropoutConfig { p, scaling };
        let fc = linear(6, 3, store.pp("fc")).unwrap();
        let w = fc.weight().as_tensor().clone();
        let model = Sequential::new().push(Dropout::new(config, store.pp("drop")).unwrap()).push(fc);
        let scaled = Inference::WeightScaling.predict(&model, &x).unwrap();
        assert_eq!(flat(&scaled.mean), flat(&model.forward(&x, Mode::Eval).unwrap()));
        assert_eq!(flat(&scaled.std), [0.0; 6]);

        let samples = 4000;
        let sampled = Inference::MonteCarlo { samples }.predict(&model, &x).unwrap();
        // The variance of Σ wᵢ xᵢ mᵢ over independent mᵢ, by hand.
        let kept = if scaling == Scaling::InTraining { 1.0 / (1.0 - p) } else { 1.0 };
        let variance = x.sqr().unwrap().matmul(&w.sqr().unwrap().t().unwrap()).unwrap();
        let std = (variance * (p * (1.0 - p) * kept * kept)).unwrap().sqrt().unwrap();
        assert_close("spread", &sampled.std, &std, 0.06, 0.0);
        let error = ((&sampled.mean - &scaled.mean).unwrap() / &std).unwrap();
        assert!(flat(&error).iter().all(|error| error.abs() < 4.5 / (samples as f64).sqrt()), "{error}");
    }
}

/// All 2⁴ sub-networks can be counted out; Monte Carlo comes near their mean, and weight scaling through a ReLU does not.
#[test]
fn monte_carlo_tends_to_the_mean_of_all_sub_networks() {
    let store = params(6);
    let first = linear(4, 1, store.pp("fc")).unwrap();
    first.weight().set(&Tensor::new(&[[1.0, -1.0, 2.0, -1.5]], &CPU).unwrap()).unwrap();
    first.bias().unwrap().set(&Tensor::new(&[-0.2], &CPU).unwrap()).unwrap();
    let x = Tensor::ones((1, 4), DType::F64, &CPU).unwrap();
    let outputs: Vec<f64> = (0..16_u32)
        .map(|bits| {
            let mask: Vec<f64> = (0..4).map(|i| f64::from(bits >> i & 1) * 2.0).collect();
            let sub = (&x * Tensor::new(mask, &CPU).unwrap().reshape((1, 4)).unwrap()).unwrap();
            number(&first.forward(&sub, Mode::Eval).unwrap()).max(0.0)
        })
        .collect();
    let mean = outputs.iter().sum::<f64>() / 16.0;
    let std = (outputs.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 16.0).sqrt();
    let model = Sequential::new().push(dropout(0.5, store.pp("drop")).unwrap()).push(first).push(Activation::Relu);
    let samples = 10_000;
    let sampled = Inference::MonteCarlo { samples }.predict(&model, &x).unwrap();
    let tolerance = 4.5 * std / (samples as f64).sqrt();
    assert!((number(&sampled.mean) - mean).abs() < tolerance, "{} {mean}", sampled.mean);
    assert!((number(&sampled.std) / std - 1.0).abs() < 0.05);
    let scaled = Inference::WeightScaling.predict(&model, &x).unwrap();
    assert!((number(&scaled.mean) - mean).abs() > 10.0 * tolerance, "the bias of weight scaling");
}

#[test]
fn mean_and_spread_are_those_of_the_passes() {
    let x = gradient::input(1, (2, 3));
    for samples in [2, 3, 5] {
        let passes: Vec<Vec<f64>> = {
            let layer = layer(0.5, Scaling::InTraining, 8);
            (0..samples).map(|_| flat(&layer.forward(&x, Mode::MonteCarlo).unwrap())).collect()
        };
        let of = |i: usize| passes.iter().map(move |pass| pass[i]);
        let mean: Vec<f64> = (0..6).map(|i| of(i).sum::<f64>() / samples as f64).collect();
        let variance = |i: usize| of(i).map(|y| (y - mean[i]).powi(2)).sum::<f64>() / samples as f64;
        let std: Vec<f64> = (0..6).map(|i| variance(i).sqrt()).collect();
        let predicted = Inference::MonteCarlo { samples }.predict(&layer(0.5, Scaling::InTraining, 8), &x).unwrap();
        let expected = |values: &[f64]| Tensor::new(values, &CPU).unwrap().reshape((2, 3)).unwrap();
        assert_close("mean", &predicted.mean, &expected(&mean), 1e-14, 1e-14);
        assert_close("spread", &predicted.std, &expected(&std), 1e-14, 1e-14);
    }
}

#[test]
fn spread_does_not_cancel_and_predictions_carry_no_graph() {
    let store = params(6);
    let model = dropout(0.0, store.pp("off")).unwrap();
    let x = Var::from_tensor(&(gradient::input(1, 3) + 1e9).unwrap()).unwrap();
    for inference in
        [Inference::WeightScaling, Inference::MonteCarlo { samples: 7 }, Inference::MonteCarlo { samples: 1 }]
    {
        let prediction = inference.predict(&model, &x).unwrap();
        assert_eq!((flat(&prediction.mean), flat(&prediction.std)), (flat(&x), vec![0.0; 3]), "{inference:?}");
        assert!(!prediction.mean.track_op() && !prediction.std.track_op());
    }
}

#[test]
fn bad_input_is_a_typed_error() {
    for p in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(dropout(p, params(0)), Err(Error::Setting { name: "p", .. })));
        assert!(matches!(dropout2d(p, params(0)), Err(Error::Setting { name: "p", .. })));
    }
    assert_eq!(DropoutConfig::default(), DropoutConfig { p: 0.5, scaling: Scaling::InTraining });
    let (flat_layer, channels) = (dropout(0.5, params(0)).unwrap(), dropout2d(0.5, params(0)).unwrap());
    let integers = Tensor::zeros((1, 1, 1, 1), DType::U32, &CPU).unwrap();
    for mode in [Mode::Train, Mode::Eval, Mode::MonteCarlo] {
        for layer in [&flat_layer as &dyn Module, &channels] {
            let result = layer.forward(&integers, mode);
            assert!(matches!(result, Err(Error::DType { actual: DType::U32, .. })), "{result:?}");
        }
        let image = Tensor::zeros((3, 5, 5), DType::F32, &CPU).unwrap();
        let message = channels.forward(&image, mode).unwrap_err().to_string();
        assert_eq!(message, "input of dropout2d: expected shape [N, C, H, W], got [3, 5, 5]");
    }
    let x = Tensor::zeros(2, DType::F32, &CPU).unwrap();
    let result = Inference::MonteCarlo { samples: 0 }.predict(&flat_layer, &x);
    assert!(matches!(result, Err(Error::Setting { name: "samples", .. })), "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_shape_and_p_pass(
        shape in proptest::collection::vec(0usize..5, 0..5),
        p in 0.0..=1.0f64,
        scaling in (0..2).prop_map(|i| BOTH[i as usize]),
        dtype in (0..2).prop_map(|i| [DType::F32, DType::F64][i as usize]),
    ) {
        let config = DropoutConfig { p, scaling };
        let x = (gradient::input(1, shape.as_slice()).abs().unwrap()).to_dtype(dtype).unwrap();
        let every = Dropout::new(config, params(1)).unwrap();
        let channels = Dropout2d::new(config, params(1)).unwrap();
        for mode in [Mode::Train, Mode::Eval, Mode::MonteCarlo] {
            let y = every.forward(&x, mode).unwrap();
            prop_assert_eq!((y.dims(), y.dtype()), (shape.as_slice(), dtype));
            prop_assert!(flat(&y).iter().all(|y| y.is_finite() && *y >= 0.0));
            prop_assert_eq!(channels.forward(&x, mode).is_ok(), shape.len() == 4);
        }
    }
}

/// If this fails, Candle has mended what `Dropout` warns of.
#[test]
fn stock_dropout_cannot_be_seeded_and_refuses_to_drop_everything() {
    assert!(CPU.set_seed(1).is_err());
    assert!(candle_nn::ops::dropout(&Tensor::ones(2, DType::F32, &CPU).unwrap(), 1.0).is_err());
}

/// What follows a dropout of five units.
fn small_net(store: &Params) -> impl Fn(&Tensor) -> Result<Tensor> + use<> {
    let model = Sequential::new()
        .push(linear(5, 4, store.pp("hidden")).unwrap())
        .push(Activation::Tanh)
        .push(linear(4, 3, store.pp("out")).unwrap())
        .push(Activation::Softmax { temperature: 1.0 });
    move |x| model.forward(x, Mode::Eval)
}

#[test]
fn the_exact_ensemble_is_the_weighted_sum_over_all_masks() {
    let (n, units) = (3, 5);
    let x = gradient::input(1, (n, units));
    for scaling in BOTH {
        for p in [0.0, 0.3, 0.5, 0.9] {
            let rest = small_net(&params(4));
            let all = SubNetworks::new(units, DropoutConfig { p, scaling }).unwrap();
            let prediction = all.predict(&x, &rest).unwrap();
            let (masks, probabilities) = (all.masks().unwrap(), all.probabilities());
            assert_eq!((masks.dims(), all.count()), (&[32, units][..], 32));
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let kept = if scaling == Scaling::InTraining { 1.0 / (1.0 - p) } else { 1.0 };
            let (mut mean, mut square) = (x.zeros_like().unwrap().narrow(1, 0, 3).unwrap(), None::<Tensor>);
            for (k, probability) in probabilities.iter().enumerate() {
                let mask = (masks.get(k).unwrap() * kept).unwrap();
                // The probability of a mask is that of its coins.
                let coins: f64 =
                    flat(&masks.get(k).unwrap()).iter().map(|m| if *m == 1.0 { 1.0 - p } else { p }).product();
                assert!((probability - coins).abs() < 1e-15);
                let y = rest(&x.broadcast_mul(&mask).unwrap()).unwrap();
                mean = (mean + (&y * *probability).unwrap()).unwrap();
                let term = (y.sqr().unwrap() * *probability).unwrap();
                square = Some(match square {
                    Some(square) => (square + term).unwrap(),
                    None => term,
                });
            }
            let variance = (square.unwrap() - mean.sqr().unwrap()).unwrap();
            assert_close("mean", &prediction.mean, &mean, 1e-12, 1e-12);
            assert_close("variance", &prediction.std.sqr().unwrap(), &variance, 0.0, 1e-12);
        }
    }
}

#[test]
fn many_units_are_taken_in_parts() {
    // 2¹⁶ masks of 3 samples are more rows than go through at once.
    let units = 16;
    let x = gradient::input(2, (3, units));
    let all = SubNetworks::new(units, DropoutConfig { p: 0.3, ..DropoutConfig::default() }).unwrap();
    let sum = all.predict(&x, |x| Ok(x.sum_keepdim(1)?)).unwrap();
    assert_close("mean of a linear map", &sum.mean, &x.sum_keepdim(1).unwrap(), 1e-9, 1e-9);
    let variance = (x.sqr().unwrap().sum_keepdim(1).unwrap() * (0.3 / 0.7)).unwrap();
    assert_close("its deviation", &sum.std, &variance.sqrt().unwrap(), 1e-9, 1e-9);
    let constant = all.predict(&x, |x| Ok(x.narrow(1, 0, 2)?.ones_like()?)).unwrap();
    assert_eq!((flat(&constant.mean), flat(&constant.std)), (vec![1.0; 6], vec![0.0; 6]));
}

#[test]
fn monte_carlo_comes_near_the_exact_ensemble() {
    let store = params(9);
    let x = gradient::input(3, (2, 5));
    let config = DropoutConfig { p: 0.4, ..DropoutConfig::default() };
    let rest = small_net(&store);
    let exact = SubNetworks::new(5, config).unwrap().predict(&x, rest).unwrap();
    let model =
        Sequential::new().push(Dropout::new(config, store.pp("drop")).unwrap()).push(Rest(small_net(&params(9))));
    let samples = 20_000;
    let sampled = Inference::MonteCarlo { samples }.predict(&model, &x).unwrap();
    for ((a, b), std) in flat(&sampled.mean).iter().zip(flat(&exact.mean)).zip(flat(&exact.std)) {
        assert!((a - b).abs() < 4.5 * std / f64::from(samples as u32).sqrt(), "{a}, exactly {b}");
    }
    assert_close("deviation", &sampled.std, &exact.std, 0.03, 0.0);
}

struct Rest<F>(F);

impl<F: Fn(&Tensor) -> Result<Tensor> + Send + Sync> Module for Rest<F> {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        self.0(x)
    }
}

#[test]
fn impossible_sub_networks_are_refused() {
    let config = DropoutConfig::default();
    for (units, p) in [(0, 0.5), (21, 0.5), (3, 1.5), (3, f64::NAN)] {
        let result = SubNetworks::new(units, DropoutConfig { p, ..config });
        assert!(matches!(result, Err(Error::Setting { .. })), "{units} {p}: {result:?}");
    }
    let all = SubNetworks::new(3, config).unwrap();
    let wrong = all.predict(&gradient::input(1, (2, 4)), |x| Ok(x.clone()));
    assert!(matches!(wrong, Err(Error::Shape { what: "x", .. })), "{wrong:?}");
    let summed = all.predict(&gradient::input(1, (2, 3)), |x| Ok(x.sum_keepdim(0)?));
    assert!(matches!(summed, Err(Error::Shape { what: "output of rest", .. })), "{summed:?}");
    // Everything dropped: only the empty sub-network is left.
    let none = SubNetworks::new(3, DropoutConfig { p: 1.0, ..config }).unwrap();
    assert_eq!(flat(&none.predict(&gradient::input(1, (2, 3)), |x| Ok(x.clone())).unwrap().mean), vec![0.0; 6]);
}
