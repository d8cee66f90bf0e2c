//! Normalization by the numbers of the training data.

use candlelight::checkpoint::Checkpoint;
use candlelight::data::Normalization;
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight::state::Stateful;
use candlelight_tests::{assert_close, flat, strided};

const CPU: Device = Device::Cpu;

#[test]
fn channels_come_out_with_mean_0_and_deviation_1() {
    // More samples than are summed at a time, and not a multiple of it.
    for (shape, channels) in [(vec![600, 3, 4, 5], 3), (vec![257, 6], 6), (vec![1, 2, 9], 2)] {
        for dtype in [DType::F32, DType::F64] {
            let x = normal(&mut seeded(1), 0.0, 1.0, shape.as_slice(), DType::F64, &CPU).unwrap();
            let mut beside = vec![1; shape.len()];
            beside[1] = channels;
            let scale: Vec<f64> = (0..channels).map(|c| 0.1 + c as f64).collect();
            let scale = Tensor::from_vec(scale, beside, &CPU).unwrap();
            // Far from 0, where the mean of squares less the square of the mean has lost its digits.
            let x = (x.broadcast_mul(&scale).unwrap() + 1e4).unwrap().to_dtype(dtype).unwrap();
            let normalization = Normalization::new(&x).unwrap();
            let y = normalization.apply(&x).unwrap();
            assert_eq!((y.dtype(), y.dims()), (dtype, x.dims()));
            // F32 numbers at 10⁴ have steps of 10⁻³.
            let tolerance = if dtype == DType::F32 { 2e-2 } else { 1e-9 };
            for c in 0..channels {
                let values = flat(&y.narrow(1, c, 1).unwrap());
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                let std = (values.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n).sqrt();
                assert!(
                    mean.abs() < tolerance && (std - 1.0).abs() < tolerance,
                    "{shape:?} {dtype:?} {c}: {mean}, {std}"
                );
            }
            assert_close("back", &normalization.invert(&y).unwrap(), &x, 1e-6, 0.0);
            assert_eq!(Normalization::new(&strided(&x)).unwrap(), normalization);
        }
    }
}

#[test]
fn other_data_are_changed_by_the_numbers_of_the_training_data() {
    let train = Tensor::new(&[[0f32, 5.], [4., 5.]], &CPU).unwrap();
    let normalization = Normalization::new(&train).unwrap();
    assert_eq!((normalization.mean(), normalization.std()), (&[2.0, 5.0][..], &[2.0, 1.0][..]));
    let other = Tensor::new(&[[6f32, 8.]], &CPU).unwrap();
    assert_eq!(flat(&normalization.apply(&other).unwrap()), [2.0, 3.0]);
    let set = Dataset::new(&other, &Tensor::new(&[1u32], &CPU).unwrap()).unwrap();
    let changed = normalization.apply_to(&set).unwrap();
    assert_eq!((flat(changed.inputs()), flat(changed.targets())), (vec![2.0, 3.0], vec![1.0]));
}

#[test]
fn a_channel_that_never_varies_becomes_0() {
    // Counts and values whose sums round.
    for (value, n) in [(14.62, 1000), (14.63, 1000), (0.1, 3), (-7e30, 257), (1e-30, 1001), (0.0, 5)] {
        for dtype in [DType::F32, DType::F64] {
            let x = Tensor::full(value, (n, 1, 3), &CPU).unwrap().to_dtype(dtype).unwrap();
            let normalization = Normalization::new(&x).unwrap();
            assert_eq!((normalization.mean(), normalization.std()), (&flat(&x)[..1], &[1.0][..]), "{value} {dtype:?}");
            assert!(flat(&normalization.apply(&x).unwrap()).iter().all(|y| *y == 0.0), "{value} {dtype:?}");
        }
    }
}

#[test]
fn a_channel_that_varies_by_less_than_its_numbers_resolve_is_taken_for_constant() {
    let std = |values: &Tensor| Normalization::new(&values.unsqueeze(1).unwrap()).unwrap().std()[0];
    assert_eq!(std(&Tensor::new(&[14.62f32, 14.62f32.next_up(), 14.62], &CPU).unwrap()), 1.0);
    assert_eq!(std(&Tensor::new(&[14.62f64, 14.62f64.next_up(), 14.62], &CPU).unwrap()), 1.0);
    // In F64 the same numbers differ by far more than rounding.
    let wide = Tensor::new(&[14.62f32, 14.62f32.next_up()], &CPU).unwrap().to_dtype(DType::F64).unwrap();
    assert_eq!(std(&wide), f64::from(14.62f32.next_up() - 14.62f32) / 2.0);
    assert_eq!(std(&Tensor::new(&[1.0, 1.0 + 8.0 * f64::EPSILON], &CPU).unwrap()), 4.0 * f64::EPSILON);
    assert_eq!(std(&Tensor::new(&[1e-30f32, 3e-30], &CPU).unwrap()) as f32, 1e-30, "small is not constant");
}

#[test]
fn a_checkpoint_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let make =
        |seed| Normalization::new(&normal(&mut seeded(seed), 0.0, 1.0, (9, 3), DType::F32, &CPU).unwrap()).unwrap();
    let (kept, mut other) = (make(1), make(2));
    Checkpoint::new().state("inputs", &kept).unwrap().save(folder.path().join("run")).unwrap();
    let checkpoint = Checkpoint::load(folder.path().join("run")).unwrap();
    checkpoint.restore().state("inputs", &mut other).apply().unwrap();
    assert_eq!(other, kept);
    let mut wide = Normalization::new(&Tensor::zeros((1, 4), DType::F32, &CPU).unwrap()).unwrap();
    let message = checkpoint.restore().state("inputs", &mut wide).apply().unwrap_err().to_string();
    assert_eq!(message, "state `inputs/mean` expected F64 [4], got F64 [3]");
    let mut state = kept.state().unwrap();
    state.tensors.insert("std".into(), Tensor::new(&[1f64, 0., 1.], &CPU).unwrap());
    assert!(matches!(other.load_state(&state), Err(Error::State { name, .. }) if name == "std"));
}

#[test]
fn bad_inputs_are_typed_errors() {
    for shape in [vec![], vec![3], vec![0, 3], vec![3, 0], vec![3, 2, 0]] {
        let x = Tensor::zeros(shape.as_slice(), DType::F32, &CPU).unwrap();
        assert!(matches!(Normalization::new(&x), Err(Error::Shape { what: "inputs", .. })), "{shape:?}");
    }
    let ones = Tensor::ones((2, 3), DType::F32, &CPU).unwrap();
    assert!(matches!(Normalization::new(&ones.to_dtype(DType::U8).unwrap()), Err(Error::DType { .. })));
    let nan = Tensor::new(&[[0f32, f32::NAN]], &CPU).unwrap();
    assert!(matches!(Normalization::new(&nan), Err(Error::Setting { name: "inputs", .. })));
    let normalization = Normalization::new(&ones).unwrap();
    assert!(matches!(normalization.apply(&ones.t().unwrap()), Err(Error::Shape { .. })));
    assert!(matches!(normalization.apply(&ones.to_dtype(DType::U32).unwrap()), Err(Error::DType { .. })));
}
