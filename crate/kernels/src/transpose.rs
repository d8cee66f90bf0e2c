//! The transpose of a square of numbers in registers.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;
#[cfg(target_arch = "x86_64")]
use std::mem::transmute_copy;

use pulp::Simd;

use crate::Real;

/// The most registers, and numbers in each.
pub(crate) const MOST: usize = 16;

/// The transpose of as many registers as each has lanes; the others are as they were.
#[inline(always)]
pub(crate) fn transposed<T: Real, S: Simd>(simd: S, mut block: [T::Vector<S>; MOST]) -> [T::Vector<S>; MOST] {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    #[cfg(target_arch = "x86_64")]
    if size_of::<T>() == 4 {
        // SAFETY: registers of these sizes are those of the instructions, which the caller runs with.
        match size_of::<T::Vector<S>>() {
            64 => return unsafe { transmute_copy(&sixteen(transmute_copy(&block))) },
            32 => return unsafe { transmute_copy(&eight(transmute_copy(&block))) },
            _ => {}
        }
    }
    // Mixing the first half of them with the second, number by number, moves one bit of the place of each from register to
    // lane. Written out: in a loop, LLVM would keep the registers in memory.
    macro_rules! round {
        ($half:literal: $($i:literal)*) => {{
            let old = block;
            $((block[2 * $i], block[2 * $i + 1]) = T::interleave(simd, old[$i], old[$i + $half]);)*
        }};
    }
    match lanes {
        16 => {
            round!(8: 0 1 2 3 4 5 6 7);
            round!(8: 0 1 2 3 4 5 6 7);
            round!(8: 0 1 2 3 4 5 6 7);
            round!(8: 0 1 2 3 4 5 6 7);
        }
        8 => {
            round!(4: 0 1 2 3);
            round!(4: 0 1 2 3);
            round!(4: 0 1 2 3);
        }
        4 => {
            round!(2: 0 1);
            round!(2: 0 1);
        }
        2 => round!(1: 0),
        _ => {}
    }
    block
}

/// In each quarter of a register four numbers of four rows; then quarters, two by two.
///
/// # Safety
/// The processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn sixteen(rows: [x86::__m512; MOST]) -> [x86::__m512; MOST] {
    macro_rules! four {
        ($first:literal) => {{
            let [a, b, c, d] = [rows[$first], rows[$first + 1], rows[$first + 2], rows[$first + 3]];
            let (ab, cd) = (x86::_mm512_unpacklo_ps(a, b), x86::_mm512_unpacklo_ps(c, d));
            let (ab, cd) = (x86::_mm512_castps_pd(ab), x86::_mm512_castps_pd(cd));
            let (low, high) = (x86::_mm512_unpackhi_ps(a, b), x86::_mm512_unpackhi_ps(c, d));
            let (low, high) = (x86::_mm512_castps_pd(low), x86::_mm512_castps_pd(high));
            [
                x86::_mm512_castpd_ps(x86::_mm512_unpacklo_pd(ab, cd)),
                x86::_mm512_castpd_ps(x86::_mm512_unpackhi_pd(ab, cd)),
                x86::_mm512_castpd_ps(x86::_mm512_unpacklo_pd(low, high)),
                x86::_mm512_castpd_ps(x86::_mm512_unpackhi_pd(low, high)),
            ]
        }};
    }
    let [a, b, c, d] = [four!(0), four!(4), four!(8), four!(12)];
    macro_rules! quarters {
        ($j:literal) => {{
            let (even, odd) =
                (x86::_mm512_shuffle_f32x4::<0x88>(a[$j], b[$j]), x86::_mm512_shuffle_f32x4::<0xdd>(a[$j], b[$j]));
            let (even2, odd2) =
                (x86::_mm512_shuffle_f32x4::<0x88>(c[$j], d[$j]), x86::_mm512_shuffle_f32x4::<0xdd>(c[$j], d[$j]));
            [
                x86::_mm512_shuffle_f32x4::<0x88>(even, even2),
                x86::_mm512_shuffle_f32x4::<0x88>(odd, odd2),
                x86::_mm512_shuffle_f32x4::<0xdd>(even, even2),
                x86::_mm512_shuffle_f32x4::<0xdd>(odd, odd2),
            ]
        }};
    }
    let [a, b, c, d] = [quarters!(0), quarters!(1), quarters!(2), quarters!(3)];
    [a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1], a[2], b[2], c[2], d[2], a[3], b[3], c[3], d[3]]
}

/// Likewise of halves.
///
/// # Safety
/// The processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn eight(rows: [x86::__m256; MOST]) -> [x86::__m256; MOST] {
    macro_rules! four {
        ($first:literal) => {{
            let [a, b, c, d] = [rows[$first], rows[$first + 1], rows[$first + 2], rows[$first + 3]];
            let (ab, cd) = (x86::_mm256_unpacklo_ps(a, b), x86::_mm256_unpacklo_ps(c, d));
            let (ab, cd) = (x86::_mm256_castps_pd(ab), x86::_mm256_castps_pd(cd));
            let (low, high) = (x86::_mm256_unpackhi_ps(a, b), x86::_mm256_unpackhi_ps(c, d));
            let (low, high) = (x86::_mm256_castps_pd(low), x86::_mm256_castps_pd(high));
            [
                x86::_mm256_castpd_ps(x86::_mm256_unpacklo_pd(ab, cd)),
                x86::_mm256_castpd_ps(x86::_mm256_unpackhi_pd(ab, cd)),
                x86::_mm256_castpd_ps(x86::_mm256_unpacklo_pd(low, high)),
                x86::_mm256_castpd_ps(x86::_mm256_unpackhi_pd(low, high)),
            ]
        }};
    }
    let [a, b] = [four!(0), four!(4)];
    macro_rules! half {
        ($which:literal, $j:literal) => {
            x86::_mm256_permute2f128_ps::<$which>(a[$j], b[$j])
        };
    }
    let mut columns = rows;
    columns[0] = half!(0x20, 0);
    columns[1] = half!(0x20, 1);
    columns[2] = half!(0x20, 2);
    columns[3] = half!(0x20, 3);
    columns[4] = half!(0x31, 0);
    columns[5] = half!(0x31, 1);
    columns[6] = half!(0x31, 2);
    columns[7] = half!(0x31, 3);
    columns
}
