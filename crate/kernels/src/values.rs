//! The numbers of a tensor as slices, and vectors for results.

use std::marker::PhantomData;
use std::ops::{Deref, Range};

use candle_core::{Storage, Tensor};
use candlelight_base::Result;

use super::{Real, threads};

/// Elements below which sharing the work costs more than it saves; also the length of a shared piece.
pub(crate) const PIECE: usize = 1 << 14;

/// A tensor in the order of its elements; itself if it is in order already.
pub(crate) fn contiguous(x: &Tensor) -> Result<Tensor> {
    Ok(x.contiguous()?)
}

/// The numbers of a contiguous tensor on the CPU, locked for reading.
///
/// # Errors
/// If it is somewhere else, of another dtype, or not contiguous.
pub(crate) fn values<T: Real>(x: &Tensor) -> Result<impl Deref<Target = [T]> + '_> {
    let (storage, layout) = x.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        return Err(candle_core::Error::RequiresContiguous { op: "kernel" }.bt().into());
    };
    match &*storage {
        Storage::Cpu(cpu) => _ = cpu.as_slice::<T>()?,
        _ => return Err(candle_core::Error::Msg("a kernel was given a tensor that is not on the CPU".into()).into()),
    }
    Ok(Values { storage, range: start..end, number: PhantomData })
}

struct Values<S, T> {
    storage: S,
    range: Range<usize>,
    number: PhantomData<T>,
}

impl<S: Deref<Target = Storage>, T: Real> Deref for Values<S, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &*self.storage {
            // `values` has looked at both.
            Storage::Cpu(cpu) => cpu.as_slice::<T>().map_or(&[], |all| &all[self.range.clone()]),
            _ => &[],
        }
    }
}

/// A vector of `n` numbers that nobody has written yet. Zeroing one of several megabytes takes as long as computing it
/// in many a kernel.
///
/// # Safety
/// Every element is written before it is read.
#[allow(clippy::uninit_vec)]
pub(crate) unsafe fn unwritten<T: Real>(n: usize) -> Vec<T> {
    let mut data = Vec::with_capacity(n);
    // SAFETY: the capacity is there; any bits are a number, and the caller writes before it reads.
    unsafe { data.set_len(n) };
    data
}

/// A new vector of `n` numbers; `fill` is given each piece of it, with the place where it starts, and writes all of it.
///
/// # Safety
/// `fill` writes every element of its piece and reads none before.
pub(crate) unsafe fn produce<T: Real>(n: usize, piece: usize, fill: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    // SAFETY: the caller's promise.
    let mut data = unsafe { unwritten(n) };
    threads::run_chunks(&mut data, piece, |start, out| {
        super::real::vectorized(
            #[inline(always)]
            || fill(start, out),
        )
    });
    data
}

/// A vector that tasks write disjoint parts of, where those are not pieces one after another.
pub(crate) struct Parts<'a, T> {
    start: *mut T,
    len: usize,
    data: PhantomData<&'a mut [T]>,
}

// SAFETY: tasks touch disjoint parts, as `part` demands.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    pub(crate) fn new(data: &'a mut [T]) -> Self {
        Self { start: data.as_mut_ptr(), len: data.len(), data: PhantomData }
    }

    /// The `len` elements from `start` on.
    ///
    /// # Safety
    /// No other part that is alive overlaps with it.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.len, "a part outside its vector");
        // SAFETY: inside the vector, which is borrowed as long as `self`; the caller sees to the rest.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}

/// `f` of each element.
pub(crate) fn map<T: Real>(x: &[T], f: impl Fn(T) -> T + Sync) -> Vec<T> {
    // SAFETY: both slices have the same length, so every element is written.
    unsafe {
        produce(
            x.len(),
            PIECE,
            #[inline(always)]
            |start, out| {
                let n = out.len();
                for (out, &x) in out.iter_mut().zip(&x[start..start + n]) {
                    *out = f(x);
                }
            },
        )
    }
}

/// `f` of each pair of elements of two slices of one length.
pub(crate) fn map2<T: Real>(x: &[T], y: &[T], f: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    assert_eq!(x.len(), y.len());
    // SAFETY: all slices have the same length, so every element is written.
    unsafe {
        produce(
            x.len(),
            PIECE,
            #[inline(always)]
            |start, out| {
                let n = out.len();
                for ((out, &x), &y) in out.iter_mut().zip(&x[start..start + n]).zip(&y[start..start + n]) {
                    *out = f(x, y);
                }
            },
        )
    }
}
