//! Which images can be multiplied at the points.
//!
//! A number at a point is a sum over all rows that are taken together. What an output does not see of them cancels when
//! the points are joined, but for the rounding, which is that of the largest: a number far above all others would show
//! in the outputs beside those that see it, and NaN and ∞ do not cancel at all. Such images are computed without points.

use crate::{Real, real};

/// How far the largest number may be above what the image holds elsewhere: what cancels then costs an output six of its 24
/// bits at most, in F32. Inputs and gradients of small networks in training had up to 10.
const RANGE: f64 = 64.0;

/// Parts of an image whose largest numbers are compared.
const PARTS: usize = 32;
const LANES: usize = 32;

/// Whether all numbers are finite and the largest is within [`RANGE`] of those of three quarters of the image's parts,
/// of those that are not zero throughout.
pub(super) fn even<T: Real>(image: &[T]) -> bool {
    let mut largest = [0.0; PARTS];
    let finite = real::vectorized(
        #[inline(always)]
        || maxima(image, &mut largest),
    );
    largest.sort_unstable_by(|a, b| b.total_cmp(a));
    let parts = largest.iter().take_while(|&&size| size > 0.0).count();
    finite && (parts == 0 || largest[0] <= RANGE * largest[parts * 3 / 4])
}

/// The largest size in each part; whether all numbers are finite.
#[inline(always)]
fn maxima<T: Real>(image: &[T], largest: &mut [f64; PARTS]) -> bool {
    let length = image.len().div_ceil(PARTS).next_multiple_of(LANES);
    // 0, or NaN after a number that is not finite.
    let mut zeros = [T::ZERO; LANES];
    for (part, largest) in image.chunks(length).zip(largest) {
        let mut sizes = [T::ZERO; LANES];
        let (blocks, rest) = part.as_chunks::<LANES>();
        for block in blocks {
            for ((size, zero), &x) in sizes.iter_mut().zip(&mut zeros).zip(block) {
                let abs = x.abs();
                *size = if abs > *size { abs } else { *size };
                *zero = x.mul_add(T::ZERO, *zero);
            }
        }
        for ((size, zero), &x) in sizes.iter_mut().zip(&mut zeros).zip(rest) {
            *size = size.larger(x.abs());
            *zero = x.mul_add(T::ZERO, *zero);
        }
        *largest = sizes.iter().fold(T::ZERO, |largest, &size| largest.larger(size)).wide();
    }
    zeros.iter().all(|&zero| zero == T::ZERO)
}
