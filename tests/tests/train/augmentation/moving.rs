//! Shifts, flips, rotations and cut-outs.

use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight::train::augmentation::{
    Augmentation, Compose, Cutout, HorizontalFlip, RandomRotation, RandomShift, cut_out, flip_horizontally, rotate,
    shift,
};
use candlelight_tests::{assert_close, fixture, flat, strided};
use proptest::prelude::*;

const CPU: Device = Device::Cpu;

fn images(seed: u64, shape: (usize, usize, usize, usize)) -> Tensor {
    normal(&mut seeded(seed), 0.0, 1.0, shape, DType::F32, &CPU).unwrap()
}

fn labels(n: usize) -> Tensor {
    Tensor::arange(0u32, n as u32, &CPU).unwrap()
}

/// N images of which only the pixel at `place` is 1.
fn one_hot(n: usize, h: usize, w: usize, place: (usize, usize)) -> Tensor {
    let mut image = vec![0f32; h * w];
    image[place.0 * w + place.1] = 1.0;
    Tensor::from_vec(image, (1, 1, h, w), &CPU).unwrap().repeat((n, 1, 1, 1)).unwrap()
}

/// Where the one 1 of each image is; `None` for an empty one.
fn places(images: &Tensor) -> Vec<Option<(usize, usize)>> {
    let (_, _, h, w) = images.dims4().unwrap();
    let find = |image: &[f64]| {
        assert!(image.iter().all(|x| *x == 0.0 || *x == 1.0) && image.iter().sum::<f64>() <= 1.0);
        image.iter().position(|x| *x == 1.0).map(|i| (i / w, i % w))
    };
    flat(images).chunks(h * w).map(find).collect()
}

/// How often each of `kinds` came up, tested against equal chances: the 99.9 % quantile of χ² is below n + 4√(2n) + 8.
#[track_caller]
fn check_uniform(counts: &[usize], kinds: usize) {
    assert_eq!(counts.len(), kinds);
    let expected = counts.iter().sum::<usize>() as f64 / kinds as f64;
    let chi_square: f64 = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    let freedom = kinds as f64 - 1.0;
    assert!(chi_square < freedom + 4.0 * (2.0 * freedom).sqrt() + 8.0, "{chi_square} of {freedom}: {counts:?}");
}

#[test]
fn a_shift_moves_what_it_is_told_and_fills_with_zero() {
    let all: Vec<(i64, i64)> = (-5..=5).flat_map(|d| (-5..=5).map(move |r| (d, r))).collect();
    let moved = shift(&one_hot(all.len(), 4, 5, (1, 3)), &all).unwrap();
    for (offset, place) in all.iter().zip(places(&moved)) {
        let (i, j) = (1 + offset.0, 3 + offset.1);
        let expected = ((0..4).contains(&i) && (0..5).contains(&j)).then_some((i as usize, j as usize));
        assert_eq!(place, expected, "{offset:?}");
    }
    // Channels move together, images each by its own offset.
    let x = Tensor::arange(1f64, 17.0, &CPU).unwrap().reshape((2, 2, 2, 2)).unwrap();
    let moved = flat(&shift(&x, &[(0, 1), (-1, 0)]).unwrap());
    assert_eq!(moved, [0., 1., 0., 3., 0., 5., 0., 7., 11., 12., 0., 0., 15., 16., 0., 0.]);
    let far = [(i64::MAX, 0), (0, i64::MIN)];
    assert_eq!(flat(&shift(&x, &far).unwrap()), [0.0; 16]);
}

#[test]
fn random_shifts_take_every_offset_equally_often() {
    let x = one_hot(20_000, 7, 7, (3, 3));
    let (moved, y) = RandomShift::new(2).apply(&x, &labels(20_000), &mut seeded(1)).unwrap();
    assert_eq!(flat(&y), flat(&labels(20_000)));
    let mut counts = std::collections::BTreeMap::new();
    for place in places(&moved) {
        *counts.entry(place.unwrap()).or_insert(0usize) += 1;
    }
    assert!(counts.keys().all(|(i, j)| (1..=5).contains(i) && (1..=5).contains(j)));
    check_uniform(&counts.into_values().collect::<Vec<_>>(), 25);
}

#[test]
fn flips_mirror_and_undo_themselves() {
    let x = images(2, (5, 3, 4, 7));
    let all = [true; 5];
    let flipped = flip_horizontally(&x, &all).unwrap();
    let expected = x.index_select(&Tensor::new(&[6u32, 5, 4, 3, 2, 1, 0], &CPU).unwrap(), 3).unwrap();
    assert_eq!(flat(&flipped), flat(&expected));
    assert_eq!(flat(&flip_horizontally(&flipped, &all).unwrap()), flat(&x));
    assert_eq!(flat(&flip_horizontally(&x, &[false; 5]).unwrap()), flat(&x));

    let n = 10_000;
    let x = one_hot(n, 1, 2, (0, 0));
    for p in [0.0, 0.3, 1.0] {
        let (flipped, _) = HorizontalFlip::new(p).unwrap().apply(&x, &labels(n), &mut seeded(3)).unwrap();
        let share = places(&flipped).iter().filter(|place| **place == Some((0, 1))).count() as f64 / n as f64;
        assert!((share - p).abs() <= 4.5 * (p * (1.0 - p) / n as f64).sqrt(), "{share} of {p}");
    }
}

#[test]
fn rotations_are_torchvisions() {
    for case in fixture("augmentation") {
        let degrees = flat(&case.f64("degrees"));
        let turned = rotate(&case.f64("images"), &degrees).unwrap();
        assert_close("F64", &turned, &case.f64("output"), 1e-9, 1e-9);
        let turned = rotate(&case.f64("images").to_dtype(DType::F32).unwrap(), &degrees).unwrap();
        assert_eq!(turned.dtype(), DType::F32);
        assert_close("F32", &turned, &case.f64("output"), 1.3e-6, 1e-6);
    }
}

#[test]
fn right_angles_are_symmetries() {
    let x = images(4, (3, 2, 6, 6)).to_dtype(DType::F64).unwrap();
    let turn = |degrees: f64| rotate(&x, &[degrees; 3]).unwrap();
    assert_eq!(flat(&turn(0.0)), flat(&x));
    let backwards = |t: &Tensor, dim| t.index_select(&Tensor::new(&[5u32, 4, 3, 2, 1, 0], &CPU).unwrap(), dim).unwrap();
    let transposed = x.transpose(2, 3).unwrap().contiguous().unwrap();
    // Counter-clockwise: the last column becomes the first row.
    assert_close("90", &turn(90.0), &backwards(&transposed, 2), 0.0, 1e-12);
    assert_close("-90", &turn(-90.0), &backwards(&transposed, 3), 0.0, 1e-12);
    assert_close("180", &turn(180.0), &backwards(&backwards(&x, 2), 3), 0.0, 1e-12);
    assert_close("360", &turn(360.0), &x, 0.0, 1e-12);
    let odd = Tensor::new(&[[[[-0f64, f64::INFINITY, 2.]]]], &CPU).unwrap();
    let bits = |t: &Tensor| flat(t).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&rotate(&odd, &[0.0]).unwrap()), bits(&odd), "not a bit changes");
}

#[test]
fn random_angles_are_uniform_in_their_range() {
    // A linear ramp through the centre: bilinear interpolation is exact, so the pixel beside the centre tells the angle.
    let n = 4000;
    let ramp = Tensor::new(&[[-1f64, 0., 1.], [-1., 0., 1.], [-1., 0., 1.]], &CPU).unwrap();
    let x = ramp.reshape((1, 1, 3, 3)).unwrap().repeat((n, 1, 1, 1)).unwrap();
    let (turned, _) = RandomRotation::new(40.0).unwrap().apply(&x, &labels(n), &mut seeded(5)).unwrap();
    let mut bins = vec![0; 8];
    for image in flat(&turned).chunks(9) {
        let degrees = image[1].asin().to_degrees();
        assert!(degrees.abs() <= 40.0, "{degrees}");
        bins[((degrees + 40.0) / 10.0).min(7.0) as usize] += 1;
    }
    check_uniform(&bins, 8);
    let (same, _) = RandomRotation::new(0.0).unwrap().apply(&x, &labels(n), &mut seeded(5)).unwrap();
    assert_eq!(flat(&same), flat(&x));
}

#[test]
fn a_cut_out_is_a_clipped_square() {
    let (h, w) = (6, 7);
    let all: Vec<(usize, usize)> = (0..h).flat_map(|i| (0..w).map(move |j| (i, j))).collect();
    let x = (images(6, (all.len(), 2, h, w)).abs().unwrap() + 1.0).unwrap();
    let numbers = flat(&x);
    for size in [1usize, 2, 3, 4, 5, 100] {
        let cut = flat(&cut_out(&x, &all, size).unwrap());
        let inside = |centre: usize, i: usize| {
            let start = centre as i64 - size as i64 / 2;
            (start..start + size as i64).contains(&(i as i64))
        };
        for (k, (before, after)) in numbers.iter().zip(&cut).enumerate() {
            let (image, i, j) = (k / (2 * h * w), k / w % h, k % w);
            let is_cut = inside(all[image].0, i) && inside(all[image].1, j);
            assert_eq!(*after, if is_cut { 0.0 } else { *before }, "size {size}, image {image}, pixel {i}, {j}");
        }
    }
    assert!(flat(&cut_out(&x, &all, usize::MAX).unwrap()).iter().all(|x| *x == 0.0));
}

#[test]
fn cut_outs_are_centred_on_every_pixel_equally_often() {
    let n = 20_000;
    let x = Tensor::ones((n, 1, 4, 5), DType::F32, &CPU).unwrap();
    let (cut, _) = Cutout::new(1).unwrap().apply(&x, &labels(n), &mut seeded(7)).unwrap();
    let mut counts = vec![0; 20];
    for image in flat(&cut).chunks(20) {
        let zeros: Vec<usize> = (0..20).filter(|&i| image[i] == 0.0).collect();
        assert_eq!(zeros.len(), 1);
        counts[zeros[0]] += 1;
    }
    check_uniform(&counts, 20);
}

/// Each random change of images.
fn every() -> Vec<(&'static str, Box<dyn Augmentation>)> {
    vec![
        ("shift", Box::new(RandomShift::new(1))),
        ("flip", Box::new(HorizontalFlip::new(0.5).unwrap())),
        ("rotation", Box::new(RandomRotation::new(30.0).unwrap())),
        ("cut-out", Box::new(Cutout::new(2).unwrap())),
        ("all", Box::new(Compose::new().push(RandomShift::new(1)).push(RandomRotation::new(9.0).unwrap()))),
    ]
}

#[test]
fn a_seed_fixes_the_change_whatever_the_layout() {
    let x = images(8, (16, 2, 5, 6));
    for (name, augmentation) in every() {
        let run = |x: &Tensor, seed| flat(&augmentation.apply(x, &labels(16), &mut seeded(seed)).unwrap().0);
        assert_eq!(run(&x, 1), run(&x, 1), "{name}");
        assert_eq!(run(&x, 1), run(&strided(&x), 1), "{name}");
        assert_ne!(run(&x, 1), run(&x, 2), "{name}");
        assert_ne!(run(&x, 1), flat(&x), "{name}");
    }
    let none = Compose::new().apply(&x, &labels(16), &mut seeded(0)).unwrap();
    assert_eq!((flat(&none.0), flat(&none.1)), (flat(&x), flat(&labels(16))));
}

#[test]
fn what_are_no_images_is_a_typed_error() {
    let rng = &mut seeded(0);
    for (name, augmentation) in every() {
        for shape in [vec![4, 9], vec![2, 3, 3], vec![0, 1, 3, 3], vec![2, 1, 0, 3], vec![]] {
            let x = Tensor::zeros(shape.as_slice(), DType::F32, &CPU).unwrap();
            let result = augmentation.apply(&x, &labels(2), rng);
            assert!(matches!(&result, Err(Error::Shape { what: "images", .. })), "{name}, {shape:?}: {result:?}");
        }
        let x = Tensor::zeros((2, 1, 3, 3), DType::U8, &CPU).unwrap();
        let result = augmentation.apply(&x, &labels(2), rng);
        assert!(matches!(result, Err(Error::DType { actual: DType::U8, .. })), "{name}");
    }
    let x = images(9, (2, 1, 3, 4));
    for result in [shift(&x, &[(0, 0)]), flip_horizontally(&x, &[true; 3]), rotate(&x, &[]), cut_out(&x, &[(0, 0)], 1)]
    {
        assert!(matches!(result, Err(Error::Shape { .. })), "{result:?}");
    }
    assert!(matches!(rotate(&x, &[0.0, f64::NAN]), Err(Error::Setting { name: "degrees", .. })));
    assert!(matches!(RandomShift::new(3).apply(&x, &labels(2), rng), Err(Error::Setting { name: "max", .. })));
    assert!(HorizontalFlip::new(-0.1).is_err() && HorizontalFlip::new(f64::NAN).is_err() && Cutout::new(0).is_err());
    assert!(RandomRotation::new(181.0).is_err() && RandomRotation::new(f64::NAN).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_shape_keeps_its_shape(n in 1usize..4, c in 1usize..4, h in 1usize..7, w in 1usize..7, seed: u64) {
        let x = images(seed, (n, c, h, w));
        for (name, augmentation) in every() {
            match augmentation.apply(&x, &labels(n), &mut seeded(seed)) {
                Ok((changed, _)) => {
                    prop_assert_eq!(changed.dims(), x.dims());
                    prop_assert!(flat(&changed).iter().all(|value| value.is_finite()));
                }
                Err(error) => prop_assert!(h == 1 || w == 1, "{}: {}", name, error),
            }
        }
    }

    #[test]
    fn opposite_shifts_leave_the_middle(d in -3i64..=3, r in -3i64..=3, seed: u64) {
        let x = images(seed, (1, 1, 9, 9));
        let back = shift(&shift(&x, &[(d, r)]).unwrap(), &[(-d, -r)]).unwrap();
        let middle = |t: &Tensor| flat(&t.narrow(2, 3, 3).unwrap().narrow(3, 3, 3).unwrap());
        prop_assert_eq!(middle(&back), middle(&x));
    }
}
