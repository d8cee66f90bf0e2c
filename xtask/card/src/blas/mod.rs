//! The functions of `libcublas.so.13`: products of matrices.
//!
//! C = α op(A) op(B) + β C, in columns. Products and sums of F32 are those of F64, rounded once, at the end; F64 is summed in order.

mod product;

use crate::number::Number;
use product::{INVALID_VALUE, Matrix, NOT_SUPPORTED, Product, SUCCESS, Status};

/// `cudaDataType_t`.
const F32: i32 = 0;
const F64: i32 = 1;
/// `cublasComputeType_t`: in F32, also where the card might take fewer digits; in F64.
const IN_F32: [i32; 5] = [68, 69, 74, 75, 77];
const IN_F64: [i32; 2] = [70, 71];
/// `cublasOperation_t`.
const PLAIN: i32 = 0;
const CONJUGATED: i32 = 2;

/// # Safety
///
/// `handle` points to room for a handle.
#[unsafe(no_mangle)]
unsafe extern "C" fn cublasCreate_v2(handle: *mut usize) -> Status {
    // SAFETY: by the caller.
    unsafe { handle.write(1) };
    SUCCESS
}

/// Functions that set what changes nothing here.
macro_rules! nothing {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name($(_: $kind),*) -> Status {
            SUCCESS
        }
    )*};
}
nothing! {
    cublasDestroy_v2(handle: usize);
    cublasSetStream_v2(handle: usize, stream: usize);
    cublasSetMathMode(handle: usize, mode: i32);
    cublasSetAtomicsMode(handle: usize, mode: i32);
    cublasSetWorkspace_v2(handle: usize, workspace: usize, size: usize);
}

/// The factors of a product lie with the host: other ways are not known here.
#[unsafe(no_mangle)]
extern "C" fn cublasSetPointerMode_v2(_handle: usize, mode: i32) -> Status {
    if mode == 0 { SUCCESS } else { NOT_SUPPORTED }
}

/// # Safety
///
/// `mode` points to room for a number.
#[unsafe(no_mangle)]
unsafe extern "C" fn cublasGetPointerMode_v2(_handle: usize, mode: *mut i32) -> Status {
    // SAFETY: by the caller.
    unsafe { mode.write(0) };
    SUCCESS
}

/// A product whose types are those of the function.
macro_rules! plain {
    ($($name:ident, $batched:ident: $t:ty;)*) => {$(
        /// # Safety
        ///
        /// `alpha` and `beta` point to a number each.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            handle: usize, op_a: i32, op_b: i32, m: i32, n: i32, k: i32, alpha: *const $t, a: u64, lda: i32, b: u64, ldb: i32,
            beta: *const $t, c: u64, ldc: i32,
        ) -> Status {
            // SAFETY: by the caller.
            unsafe { $batched(handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1) }
        }

        /// # Safety
        ///
        /// `alpha` and `beta` point to a number each.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $batched(
            _handle: usize, op_a: i32, op_b: i32, m: i32, n: i32, k: i32, alpha: *const $t, a: u64, lda: i32, stride_a: i64, b: u64,
            ldb: i32, stride_b: i64, beta: *const $t, c: u64, ldc: i32, stride_c: i64, batch: i32,
        ) -> Status {
            // SAFETY: by the caller.
            let (alpha, beta) = unsafe { ((*alpha).wide(), (*beta).wide()) };
            let [a, b, c] = [(a, lda, stride_a, op_a), (b, ldb, stride_b, op_b), (c, ldc, stride_c, PLAIN)].map(matrix);
            let [Some(m), Some(n), Some(k), Some(batch)] = [m, n, k, batch].map(|size| usize::try_from(size).ok()) else {
                return INVALID_VALUE;
            };
            if ![op_a, op_b].iter().all(|op| (PLAIN..=CONJUGATED).contains(op)) {
                return INVALID_VALUE;
            }
            Product { m, n, k, batch, a, b, c, alpha, beta }.run::<$t>(stringify!($batched))
        }
    )*};
}
plain! {
    cublasSgemm_v2, cublasSgemmStridedBatched: f32;
    cublasDgemm_v2, cublasDgemmStridedBatched: f64;
}

fn matrix((address, column, stride, op): (u64, i32, i64, i32)) -> Matrix {
    Matrix { address, column, stride, transposed: op != PLAIN }
}

/// # Safety
///
/// `alpha` and `beta` point to a number of the type that is computed in.
#[unsafe(no_mangle)]
unsafe extern "C" fn cublasGemmStridedBatchedEx(
    handle: usize,
    op_a: i32,
    op_b: i32,
    m: i32,
    n: i32,
    k: i32,
    alpha: u64,
    a: u64,
    type_a: i32,
    lda: i32,
    stride_a: i64,
    b: u64,
    type_b: i32,
    ldb: i32,
    stride_b: i64,
    beta: u64,
    c: u64,
    type_c: i32,
    ldc: i32,
    stride_c: i64,
    batch: i32,
    compute: i32,
    _algorithm: i32,
) -> Status {
    let types = [type_a, type_b, type_c];
    if types == [F32; 3] && IN_F32.contains(&compute) {
        let (alpha, beta) = (alpha as *const f32, beta as *const f32);
        // SAFETY: by the caller.
        unsafe {
            cublasSgemmStridedBatched(
                handle, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c, batch,
            )
        }
    } else if types == [F64; 3] && IN_F64.contains(&compute) {
        let (alpha, beta) = (alpha as *const f64, beta as *const f64);
        // SAFETY: by the caller.
        unsafe {
            cublasDgemmStridedBatched(
                handle, op_a, op_b, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c, batch,
            )
        }
    } else {
        eprintln!(
            "card: a product of the types {types:?} (2: F16, 14: BF16), computed as {compute}, is not known here: F32 and F64 are"
        );
        NOT_SUPPORTED
    }
}

/// # Safety
///
/// As [`cublasGemmStridedBatchedEx`].
#[unsafe(no_mangle)]
unsafe extern "C" fn cublasGemmEx(
    handle: usize,
    op_a: i32,
    op_b: i32,
    m: i32,
    n: i32,
    k: i32,
    alpha: u64,
    a: u64,
    type_a: i32,
    lda: i32,
    b: u64,
    type_b: i32,
    ldb: i32,
    beta: u64,
    c: u64,
    type_c: i32,
    ldc: i32,
    compute: i32,
    algorithm: i32,
) -> Status {
    // SAFETY: by the caller.
    unsafe {
        cublasGemmStridedBatchedEx(
            handle, op_a, op_b, m, n, k, alpha, a, type_a, lda, 0, b, type_b, ldb, 0, beta, c, type_c, ldc, 0, 1,
            compute, algorithm,
        )
    }
}
