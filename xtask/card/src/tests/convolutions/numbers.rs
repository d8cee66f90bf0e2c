//! How numbers are rounded, and in which order they are summed.

use super::{Case, FMA, Gives, Memory, Number, SINGLE, Set, holding};

/// The math types that round F32 to TF32.
const DEFAULT: i32 = 0;
const TENSOR: i32 = 1;

/// What an operation of a row gives: the memory of the result is that of the third tensor in the order of its parameters.
fn result<T: Number>(case: &Case, math: i32, gives: Gives, tensors: [&[T]; 3], factors: [T; 2]) -> Vec<T> {
    let set = Set::new(T::KIND, math, case);
    let (memories, workspace) = (tensors.map(holding), Memory::new(256));
    let at = memories.each_ref().map(|memory| memory.0);
    assert_eq!(set.run(gives, 1, &factors, at, (workspace.0, 256)), 0);
    memories[gives as usize].read()
}

/// The product of two numbers of F32, as each of the operations has it.
fn products(math: i32, first: f32, second: f32) -> [f32; 3] {
    let product = |gives, tensors: [f32; 3]| {
        result(&SINGLE, math, gives, tensors.each_ref().map(std::slice::from_ref), [1.0, 0.0])[0]
    };
    [
        product(Gives::Y, [first, second, 0.0]),
        product(Gives::X, [0.0, first, second]),
        product(Gives::W, [first, 0.0, second]),
    ]
}

#[test]
fn f32_has_the_digits_of_tf32_unless_the_math_type_says_otherwise() {
    let unit = 1.0 / 1024.0;
    let cases = [
        (1.0 + unit, 1.0 + unit),
        // Of two that are equally near the even one.
        (1.0 + 0.5 * unit, 1.0),
        (1.0 + 1.5 * unit, 1.0 + 2.0 * unit),
        (-1.0 - 1.5 * unit, -1.0 - 2.0 * unit),
        (1.0 + 0.5 * unit + f32::EPSILON, 1.0 + unit),
        (1.0 + 0.5 * unit - f32::EPSILON, 1.0),
        // On to the next power of two, and beyond the largest number.
        (2.0 - 0.25 * unit, 2.0),
        (f32::MAX, f32::INFINITY),
        (f32::NEG_INFINITY, f32::NEG_INFINITY),
        (-0.0, -0.0),
    ];
    for (value, rounded) in cases {
        for (first, second) in [(value, 1.0), (1.0, value)] {
            assert_eq!(products(DEFAULT, first, second), [rounded; 3], "{value}");
            assert_eq!(products(TENSOR, first, second), [rounded; 3], "{value}");
            assert_eq!(products(FMA, first, second), [value; 3], "{value}");
        }
    }
    assert!(products(DEFAULT, f32::from_bits(0x7fff_ffff), 1.0).iter().all(|value| value.is_nan()));
    // What is rounded is the factors, not their product or α.
    assert_eq!(products(DEFAULT, 1.0 + unit, 1.0 + unit), [(1.0 + unit) * (1.0 + unit); 3]);
    let alpha = 1.0 + f32::EPSILON;
    assert_eq!(result(&SINGLE, DEFAULT, Gives::Y, [&[1.0], &[1.0], &[0.0]], [alpha, 0.0]), [alpha]);
    assert_eq!(result(&SINGLE, DEFAULT, Gives::Y, [&[0.0], &[1.0], &[alpha]], [1.0, 1.0]), [alpha]);
}

#[test]
fn the_default_math_has_all_digits_of_f64() {
    let value = 1.0 + f64::EPSILON;
    assert_eq!(result(&SINGLE, DEFAULT, Gives::Y, [&[value], &[1.0], &[0.0]], [1.0, 0.0]), [value]);
}

/// Sums of three products: over taps, over channels of the output, over columns of the output.
const SUMS: [(Gives, Case); 3] = [
    (Gives::Y, Case { x: [1, 1, 1, 3], w: [1, 1, 1, 3], ..SINGLE }),
    (Gives::X, Case { w: [3, 1, 1, 1], y: [1, 3, 1, 1], ..SINGLE }),
    (Gives::W, Case { x: [1, 1, 1, 3], y: [1, 1, 1, 3], ..SINGLE }),
];

/// One of the sums of three numbers, plus what was there.
fn sum<T: Number>(gives: Gives, case: &Case, terms: [T; 3], before: T) -> T {
    let one = T::from(1);
    let tensors: [&[T]; 3] = match gives {
        Gives::Y => [&terms, &[one; 3], &[before]],
        Gives::X => [&[before], &[one; 3], &terms],
        Gives::W => [&terms, &[before], &[one; 3]],
    };
    result(case, FMA, gives, tensors, [one; 2])[0]
}

#[test]
fn sums_of_f32_are_rounded_once_and_those_of_f64_are_taken_in_order() {
    for (gives, case) in &SUMS {
        assert_eq!(sum::<f32>(*gives, case, [1e8, 1.0, -1e8], 2.0), 3.0, "{gives:?}");
        // 1e8 + 1 is no number of F32, but what remains is.
        assert_eq!(sum::<f32>(*gives, case, [1e8, 1.0, 0.0], -1e8), 1.0, "{gives:?}");
        assert_eq!(sum::<f64>(*gives, case, [1e16, 1.0, -1e16], 2.0), 2.0, "{gives:?}");
        assert_eq!(sum::<f64>(*gives, case, [1e16, -1e16, 1.0], 2.0), 3.0, "{gives:?}");
    }
}
