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
    real::vectorized(
        #[inline(always)]
        || maxima(image, &mut largest),
    );
    let (all, least) = largest.iter().fold((0.0, f64::INFINITY), |(all, least): (f64, f64), &size| {
        (if size > all { size } else { all }, if size > 0.0 && size < least { size } else { least })
    });
    // Most often already the smallest of them is near enough.
    if all <= RANGE * least && largest.iter().all(|size| size.is_finite()) {
        return true;
    }
    largest.sort_unstable_by(|a, b| b.total_cmp(a));
    let parts = largest.iter().take_while(|&&size| size > 0.0).count();
    largest[0].is_finite() && (parts == 0 || largest[0] <= RANGE * largest[parts * 3 / 4])
}

/// The largest size in each part: NaN or ∞ where a number is. Bits are compared, which takes half as long as numbers do.
#[inline(always)]
fn maxima<T: Real>(image: &[T], largest: &mut [f64; PARTS]) {
    let length = image.len().div_ceil(PARTS).next_multiple_of(LANES);
    for (part, largest) in image.chunks(length).zip(largest) {
        let mut sizes = [T::Bits::default(); LANES];
        let (blocks, rest) = part.as_chunks::<LANES>();
        for block in blocks {
            for (size, &x) in sizes.iter_mut().zip(block) {
                *size = x.size_bits().max(*size);
            }
        }
        for (size, &x) in sizes.iter_mut().zip(rest) {
            *size = x.size_bits().max(*size);
        }
        *largest = T::of_size(sizes.iter().copied().fold(T::Bits::default(), Ord::max)).wide();
    }
}
