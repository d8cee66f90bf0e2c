//! Products of matrices and random numbers.

use super::Memory;

unsafe extern "C" {
    fn cublasSgemmStridedBatched(
        handle: usize,
        op_a: i32,
        op_b: i32,
        m: i32,
        n: i32,
        k: i32,
        alpha: *const f32,
        a: u64,
        lda: i32,
        stride_a: i64,
        b: u64,
        ldb: i32,
        stride_b: i64,
        beta: *const f32,
        c: u64,
        ldc: i32,
        stride_c: i64,
        batch: i32,
    ) -> i32;
    fn cublasGemmEx(
        handle: usize,
        op_a: i32,
        op_b: i32,
        m: i32,
        n: i32,
        k: i32,
        alpha: *const f64,
        a: u64,
        type_a: i32,
        lda: i32,
        b: u64,
        type_b: i32,
        ldb: i32,
        beta: *const f64,
        c: u64,
        type_c: i32,
        ldc: i32,
        compute: i32,
        algorithm: i32,
    ) -> i32;
    fn curandCreateGenerator(generator: *mut usize, kind: i32) -> i32;
    fn curandSetPseudoRandomGeneratorSeed(generator: usize, seed: u64) -> i32;
    fn curandSetGeneratorOffset(generator: usize, offset: u64) -> i32;
    fn curandGenerateUniform(generator: usize, to: u64, count: usize) -> i32;
    fn curandGenerateNormalDouble(generator: usize, to: u64, count: usize, mean: f64, deviation: f64) -> i32;
    fn curandDestroyGenerator(generator: usize) -> i32;
}

fn floats(values: &[f32]) -> Memory {
    let memory = Memory::new(values.len() * 4);
    // SAFETY: it was allocated for this.
    unsafe { (memory.0 as *mut f32).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    memory
}

#[test]
fn batches_of_products_in_columns() {
    // Of each batch: A = [1 2 3; 4 5 6] and the same times ten, B = [1 0; 2 1; 0 1].
    let a_plain = [1., 4., 2., 5., 3., 6., 10., 40., 20., 50., 30., 60.];
    let a_transposed = [1., 2., 3., 4., 5., 6., 10., 20., 30., 40., 50., 60.];
    let b_plain = [1., 2., 0., 0., 1., 1.];
    let b_transposed = [1., 0., 2., 1., 0., 1.];
    for (op_a, a, lda) in [(0, a_plain, 2), (1, a_transposed, 3)] {
        for (op_b, b, ldb) in [(0, b_plain, 3), (1, b_transposed, 2)] {
            let (a, b, c) = (floats(&a), floats(&b), floats(&[f32::NAN; 10]));
            let status = |beta: f32, batch: i32| {
                // SAFETY: the factors are there for the call. One B serves all; C has a gap between its matrices.
                unsafe {
                    cublasSgemmStridedBatched(
                        1,
                        op_a,
                        op_b,
                        2,
                        2,
                        3,
                        &2.0,
                        a.0,
                        lda,
                        6,
                        b.0,
                        ldb,
                        0,
                        &raw const beta,
                        c.0,
                        2,
                        6,
                        batch,
                    )
                }
            };
            assert_eq!(status(0.0, 2), 0);
            let result = c.read::<f32>();
            assert_eq!(result[..4], [10., 28., 10., 22.]);
            assert_eq!(result[6..], [100., 280., 100., 220.]);
            assert!(result[4].is_nan());
            assert_eq!(status(1.0, 1), 0);
            assert_eq!(c.read::<f32>()[..4], [20., 56., 20., 44.]);
            assert_eq!(status(0.0, 3), 13);
        }
    }
}

#[test]
fn sums_of_f32_are_rounded_once() {
    let (a, b, c) = (floats(&[1e8, 1.0, -1e8]), floats(&[1.0; 3]), floats(&[0.0]));
    // SAFETY: the factors are there for the call.
    let status = unsafe { cublasSgemmStridedBatched(1, 0, 0, 1, 1, 3, &1.0, a.0, 1, 0, b.0, 3, 0, &0.0, c.0, 1, 0, 1) };
    assert_eq!((status, c.read::<f32>()), (0, vec![1.0]));
}

#[test]
fn types_that_are_known_and_one_that_is_not() {
    let two = 2f64.to_bits();
    let (a, c) = (Memory::of(&[two]), Memory::of(&[0]));
    let product = |kind: i32, compute: i32| {
        // SAFETY: the factors are there for the call.
        unsafe { cublasGemmEx(1, 0, 0, 1, 1, 1, &3.0, a.0, kind, 1, a.0, kind, 1, &0.0, c.0, kind, 1, compute, -1) }
    };
    assert_eq!((product(1, 70), c.read::<f64>()), (0, vec![12.0]));
    assert_eq!(product(2, 68), 15);
}

#[test]
fn random_numbers_come_from_their_seed() {
    let (first, second) = (Memory::new(40_000), Memory::new(40_000));
    let mut generator = 0;
    // SAFETY: as the library's documentation asks for.
    unsafe {
        assert_eq!(curandCreateGenerator(&raw mut generator, 100), 0);
        assert_eq!(curandSetPseudoRandomGeneratorSeed(generator, 7), 0);
        assert_eq!(curandGenerateUniform(generator, first.0, 10_000), 0);
        assert_eq!(curandSetPseudoRandomGeneratorSeed(generator, 7), 0);
        assert_eq!(curandGenerateUniform(generator, second.0, 5_000), 0);
        assert_eq!(curandGenerateUniform(generator, second.0 + 20_000, 5_000), 0);
    }
    let values = first.read::<f32>();
    assert_eq!(values, second.read::<f32>());
    // SAFETY: as above.
    unsafe {
        assert_eq!(curandSetGeneratorOffset(generator, 9_000), 0);
        assert_eq!(curandGenerateUniform(generator, second.0, 1_000), 0);
    }
    assert_eq!(values[9_000..], second.read::<f32>()[..1_000]);
    assert!(values.iter().all(|&value| value > 0.0 && value <= 1.0));
    let mean = values.iter().sum::<f32>() / 1e4;
    // Four standard deviations of a mean of 10 000 are 0.0115.
    assert!((mean - 0.5).abs() < 0.0115, "{mean}");
    // SAFETY: as above.
    unsafe {
        assert_eq!(curandSetPseudoRandomGeneratorSeed(generator, 8), 0);
        assert_eq!(curandGenerateUniform(generator, second.0, 10_001), 201);
        assert_eq!(curandGenerateUniform(generator, second.0, 10_000), 0);
        assert_ne!(values, second.read::<f32>());
        assert_eq!(curandGenerateNormalDouble(generator, first.0, 4_999, 0.0, 1.0), 105);
        assert_eq!(curandGenerateNormalDouble(generator, first.0, 5_000, 3.0, 2.0), 0);
    }
    let values = first.read::<f64>();
    let mean = values.iter().sum::<f64>() / 5e3;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 5e3;
    assert!((mean - 3.0).abs() < 0.12 && (variance - 4.0).abs() < 0.33, "{mean} {variance}");
    // SAFETY: as above.
    unsafe {
        assert_eq!(curandDestroyGenerator(generator), 0);
        assert_eq!(curandDestroyGenerator(generator), 101);
    }
}
