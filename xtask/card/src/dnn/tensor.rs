//! Tensors with four axes: how they lie, and their numbers.

use super::status::{Outcome, bad, failed, unsupported};
use crate::memory::Live;
use crate::number::Number;

/// The reach that a tensor may have, in numbers.
const LARGEST: u128 = 1 << 31;

/// A `cudnnDataType_t` that is known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    F32,
    F64,
}

impl Kind {
    pub(super) fn of(code: i32) -> Outcome<Self> {
        match code {
            0 => Ok(Self::F32),
            1 => Ok(Self::F64),
            _ => unsupported(format!(
                "numbers of the type {code} (2: F16, 9: BF16), where F32 (0) and F64 (1) are known"
            )),
        }
    }
}

/// How a tensor lies: NCHW, also for filters, whose batch is the channels of the output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tensor {
    pub(super) kind: Kind,
    pub(super) sizes: [usize; 4],
    strides: [usize; 4],
}

impl Tensor {
    /// One number after the other; NCHW is format 0.
    pub(super) fn dense(format: i32, code: i32, sizes: [i32; 4]) -> Outcome<Self> {
        if format != 0 {
            return unsupported(format!("the format {format}, where NCHW (0) is known"));
        }
        let mut strides = [1u128; 4];
        for axis in (0..3).rev() {
            strides[axis] = strides[axis + 1] * sizes[axis + 1].max(0) as u128;
        }
        Self::new(code, sizes, strides)
    }

    pub(super) fn strided(code: i32, sizes: [i32; 4], strides: [i32; 4]) -> Outcome<Self> {
        if strides.iter().any(|&stride| stride < 1) {
            return bad(format!("the strides {strides:?}, where each is to be above 0"));
        }
        Self::new(code, sizes, strides.map(|stride| stride as u128))
    }

    fn new(code: i32, sizes: [i32; 4], strides: [u128; 4]) -> Outcome<Self> {
        let kind = Kind::of(code)?;
        if sizes.iter().any(|&size| size < 1) {
            return bad(format!("the sizes {sizes:?}, where each is to be above 0"));
        }
        let reach = 1 + sizes.iter().zip(strides).map(|(&size, stride)| (size - 1) as u128 * stride).sum::<u128>();
        if reach > LARGEST {
            return unsupported(format!("a tensor of {sizes:?} that reaches over {reach} numbers, more than 2³¹"));
        }
        // A stride has 32 bits, or is at most the reach.
        Ok(Self { kind, sizes: sizes.map(|size| size as usize), strides: strides.map(|stride| stride as usize) })
    }

    /// From the first number to the last, with both.
    fn reach(&self) -> usize {
        1 + self.sizes.iter().zip(self.strides).map(|(size, stride)| (size - 1) * stride).sum::<usize>()
    }

    /// Where the numbers lie, in the order of NCHW.
    fn offsets(&self) -> impl Iterator<Item = usize> + use<> {
        let ([batch, channels, rows, columns], [s, t, u, v]) = (self.sizes, self.strides);
        (0..batch * channels * rows).flat_map(move |line| {
            let (image, channel, row) = (line / rows / channels, line / rows % channels, line % rows);
            (0..columns).map(move |column| image * s + channel * t + row * u + column * v)
        })
    }

    /// Refuses to write to a tensor of which two numbers may lie at the same place.
    pub(super) fn check_distinct(&self) -> Outcome {
        let mut axes: Vec<(usize, usize)> =
            self.strides.into_iter().zip(self.sizes).filter(|axis| axis.1 > 1).collect();
        axes.sort_unstable();
        if axes.windows(2).any(|pair| pair[1].0 < pair[0].0 * pair[0].1) {
            return unsupported(format!("a result whose numbers overlap: {self:?}"));
        }
        Ok(())
    }
}

/// A tensor that was found allocated as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    tensor: Tensor,
    address: u64,
    /// Keeps it allocated.
    _live: &'a Live,
}

impl<'a> Placed<'a> {
    pub(super) fn new<T>(tensor: Tensor, address: u64, live: &'a Live) -> Outcome<Self> {
        if !live.holds(address, tensor.reach() * size_of::<T>()) {
            return failed(format!("a tensor that is not allocated as a whole: {tensor:?} at {address:#x}"));
        }
        Ok(Self { tensor, address, _live: live })
    }

    fn places<T>(self) -> impl Iterator<Item = *mut T> {
        self.tensor.offsets().map(move |offset| (self.address as *mut T).wrapping_add(offset))
    }

    /// The numbers, one after the other; those of F32 with the digits of TF32 if that is asked for.
    pub(super) fn read<T: Number>(self, tf32: bool) -> Vec<f64> {
        let rounds = tf32 && self.tensor.kind == Kind::F32;
        // SAFETY: the tensor was found allocated, and is kept so.
        let wide = self.places::<T>().map(|place| unsafe { place.read_unaligned() }.wide());
        if rounds { wide.map(to_tf32).collect() } else { wide.collect() }
    }

    /// Writes α times these numbers, plus β times what is there; what is multiplied by a β of 0 is not read.
    pub(super) fn write<T: Number>(self, numbers: &[f64], alpha: f64, beta: f64) {
        for (place, number) in self.places::<T>().zip(numbers) {
            // SAFETY: as for reading.
            let before = if beta == 0.0 { 0.0 } else { beta * unsafe { place.read_unaligned() }.wide() };
            // SAFETY: as for reading.
            unsafe { place.write_unaligned(T::narrow(alpha * number + before)) };
        }
    }
}

/// To the nearest number with ten digits behind the point, of two the even one; the exponent is that of F32.
fn to_tf32(value: f64) -> f64 {
    let value = value as f32;
    let bits = value.to_bits();
    if !value.is_finite() {
        return value.wide();
    }
    f32::from_bits((bits + 0xfff + (bits >> 13 & 1)) & !0x1fff).wide()
}
