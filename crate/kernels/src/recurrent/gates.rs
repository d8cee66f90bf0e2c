//! What distinguishes the kinds of recurrent layer.

use crate::Real;

/// The element-wise part of a step, for one sample.
///
/// A step starts from sums, W_ih x + W_hh h + both biases, in blocks of `hidden` numbers. Where a block needs its two
/// parts apart (that of the candidate of a GRU), it is two blocks of sums.
pub(super) trait Gates: Copy + Send + Sync + 'static {
    /// Blocks of rows of a weight. The sums of W_ih are the first ones.
    const BLOCKS: usize;
    /// Blocks of sums.
    const SUMS: usize;
    /// Blocks of numbers that the backward pass needs of each step, beside the outputs.
    const KEPT: usize;
    /// Whether there is a second state, c; it is then the last block of what is kept.
    const MEMORY: bool;
    /// Whether a state depends on the one before by another way than the sums.
    const DIRECT: bool;
    /// Where the sums of W_hh go.
    const PARTS: &'static [Part];

    /// From `sums` without the bias and the states before, what is kept and the states: `kept` is written, `h` and `c`
    /// are overwritten.
    fn forward<T: Real>(self, sums: &[T], bias: &[T], h: &mut [T], c: &mut [T], kept: &mut [T]);

    /// From the gradients of both states, `dsums` and the gradients of the states before: that of c, and that of h
    /// without the way through the sums.
    fn backward<T: Real>(self, step: Step<T>, dh: &mut [T], dc: &mut [T], dsums: &mut [T]);
}

/// Consecutive blocks of W_hh.
pub(super) struct Part {
    /// The first.
    pub from: usize,
    /// How many.
    pub blocks: usize,
    /// The block of sums that the first goes to.
    pub to: usize,
    /// Whether sums of W_ih are there already.
    pub joined: bool,
}

/// A step as the backward pass sees it.
pub(super) struct Step<'a, T> {
    pub h: &'a [T],
    pub h_before: &'a [T],
    pub c_before: &'a [T],
    pub kept: &'a [T],
}

/// out ← f(out, one number of each of `from`), element by element.
///
/// One result a loop: LLVM makes vector code of it only if it can check that few slices do not overlap.
#[inline(always)]
pub(super) fn apply<T: Real, const K: usize>(out: &mut [T], from: [&[T]; K], f: impl Fn(T, [T; K]) -> T) {
    let n = out.len();
    let (out, from) = (&mut out[..n], from.map(|slice| &slice[..n]));
    for j in 0..n {
        // A check of the bounds that LLVM leaves in the loop keeps eight elements at its end out of the vector code.
        // SAFETY: all slices are n long, and j < n.
        unsafe {
            let out = out.get_unchecked_mut(j);
            *out = f(*out, std::array::from_fn(|k| *from.get_unchecked(k).get_unchecked(j)));
        }
    }
}

/// [`apply`] with a closure that is inlined into both copies of the code around it.
macro_rules! each {
    ($out:expr, $from:expr, |$old:pat_param, $others:pat_param| $value:expr) => {
        $crate::recurrent::gates::apply(
            $out,
            $from,
            #[inline(always)]
            |$old, $others| $value,
        )
    };
}
pub(super) use each;

/// The blocks of a row.
#[inline(always)]
pub(super) fn blocks<T, const B: usize>(row: &[T], hidden: usize) -> [&[T]; B] {
    let mut blocks = row.chunks_exact(hidden);
    std::array::from_fn(|_| blocks.next().unwrap_or_default())
}

/// [`blocks`] to write to.
#[inline(always)]
pub(super) fn blocks_mut<T, const B: usize>(row: &mut [T], hidden: usize) -> [&mut [T]; B] {
    let mut blocks = row.chunks_exact_mut(hidden);
    std::array::from_fn(|_| blocks.next().unwrap_or_default())
}

/// b_ih and b_hh as they go into the sums.
pub(super) fn joined_bias<T: Real, G: Gates>(hidden: usize, bias: Option<(&[T], &[T])>) -> Vec<T> {
    let mut joined = vec![T::ZERO; G::SUMS * hidden];
    if let Some((ih, hh)) = bias {
        joined[..ih.len()].copy_from_slice(ih);
        for part in G::PARTS {
            let hh = &hh[part.from * hidden..][..part.blocks * hidden];
            each!(&mut joined[part.to * hidden..][..hh.len()], [hh], |sum, [b]| sum + b);
        }
    }
    joined
}

/// From the gradient of the sums those of b_ih and b_hh.
pub(super) fn split_bias<T: Real, G: Gates>(hidden: usize, sums: &[T]) -> (Vec<T>, Vec<T>) {
    let hh = G::PARTS.iter().flat_map(|part| &sums[part.to * hidden..][..part.blocks * hidden]).copied().collect();
    (sums[..G::BLOCKS * hidden].to_vec(), hh)
}
