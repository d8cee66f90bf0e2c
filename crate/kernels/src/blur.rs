//! A blur with a stride along the rows and columns of planes.
//!
//! The blur is separable: an output row is first a combination of input rows, which lie in memory as vector code wants
//! them, and is then blurred along itself; backward the other way round. Both passes read and write every number once, and
//! what is between them stays in the cache, so the floor is memory: for a stride of 2, five quarters of the input forward
//! and as much backward. A task takes some planes.

use std::sync::Arc;

use candle_core::{Shape, Tensor};
use candlelight_base::Result;

use super::values::{PIECE, Parts, unwritten};
use super::{Real, contiguous, for_dtype, real, threads, values};
use crate::autograd::apply1;

/// A blur along one axis: output i is the sum of `taps[u]` times what stands at `stride` i + u of the padded axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Places of the input.
    pub input: usize,
    /// Places of the padding before it.
    pub before: usize,
    /// For each place of the padded axis that of the input which stands there, or none for a zero; from `before` on the
    /// input itself.
    pub places: Vec<Option<usize>>,
    /// From one output to the next.
    pub stride: usize,
    /// The filter, as long as the padding and one more.
    pub taps: Vec<f64>,
}

impl Axis {
    /// Places of the output.
    pub fn output(&self) -> usize {
        (self.places.len() - self.taps.len()) / self.stride + 1
    }

    /// What each output is made of: places of the input, and their weights.
    fn sources<T: Real>(&self) -> Vec<Vec<(usize, T)>> {
        let of = |i: usize| {
            let seen = self.places[i * self.stride..].iter().zip(&self.taps);
            seen.filter_map(|(place, &tap)| place.map(|place| (place, T::of(tap)))).collect()
        };
        (0..self.output()).map(of).collect()
    }

    /// The outputs that each place of the input goes to, and their weights.
    fn targets<T: Real>(&self) -> Vec<Vec<(usize, T)>> {
        let mut targets = vec![Vec::new(); self.input];
        for (i, sources) in self.sources().into_iter().enumerate() {
            sources.into_iter().for_each(|(place, weight)| targets[place].push((i, weight)));
        }
        targets
    }
}

/// The blurred planes of `x`, as a tensor of `shape`; `axes` are rows and columns.
pub fn blur(x: &Tensor, axes: [Axis; 2], shape: Shape) -> Result<Tensor> {
    for_dtype!(x.dtype(), T => forward::<T>(x, Arc::new(axes), shape))
}

fn forward<T: Real>(x: &Tensor, axes: Arc<[Axis; 2]>, shape: Shape) -> Result<Tensor> {
    let [rows, columns] = &*axes;
    let (inputs, width) = (rows.input * columns.input, columns.input);
    let (outputs, out_width) = (rows.output() * columns.output(), columns.output());
    let planes = x.elem_count() / inputs;
    // SAFETY: below, every output row of every plane is copied to.
    let mut y: Vec<T> = unsafe { unwritten(planes * outputs) };
    {
        let input = contiguous(x)?;
        let (x, y) = (values::<T>(&input)?, Parts::new(&mut y));
        let (x, sources): (&[T], _) = (&x, rows.sources::<T>());
        by_planes(
            planes,
            inputs,
            || Line::new(columns),
            #[inline(always)]
            |line, plane| {
                let x = &x[plane * inputs..(plane + 1) * inputs];
                // SAFETY: a plane belongs to one task.
                let y = unsafe { y.part(plane * outputs, outputs) };
                for (sources, y) in sources.iter().zip(y.chunks_mut(out_width)) {
                    combine(x, width, sources, &mut line.padded[columns.before..columns.before + width]);
                    line.blur(y);
                }
            },
        );
    }
    let axes = Arc::clone(&axes);
    apply1("blur", &[x], y, shape, move |grad, op| {
        let [rows, columns] = &*axes;
        let g = values::<T>(grad)?;
        let (g, targets): (&[T], _) = (&g, rows.targets::<T>());
        // SAFETY: below, every row of every plane is written.
        let mut dx: Vec<T> = unsafe { unwritten(planes * inputs) };
        {
            let dx = Parts::new(&mut dx);
            let scratch = || (Line::new(columns), vec![T::ZERO; rows.output() * width]);
            by_planes(
                planes,
                inputs,
                scratch,
                #[inline(always)]
                |(line, spread), plane| {
                    let g = g[plane * outputs..(plane + 1) * outputs].chunks(out_width);
                    // SAFETY: a plane belongs to one task.
                    let dx = unsafe { dx.part(plane * inputs, inputs) };
                    for (g, spread) in g.zip(spread.chunks_mut(width)) {
                        line.spread(g, spread);
                    }
                    for (targets, dx) in targets.iter().zip(dx.chunks_mut(width)) {
                        combine(spread, width, targets, dx);
                    }
                },
            );
        }
        Ok(vec![Some(Tensor::from_vec(dx, op.inputs[0].shape(), op.inputs[0].device())?)])
    })
}

/// Calls `task` for each of `planes` planes, by its number, in vector code, with what `scratch` makes for some of them.
fn by_planes<S>(planes: usize, inputs: usize, scratch: impl Fn() -> S + Sync, task: impl Fn(&mut S, usize) + Sync) {
    let length = (PIECE / inputs).max(1);
    threads::run(planes.div_ceil(length), |i| {
        let mut scratch = scratch();
        real::vectorized(
            #[inline(always)]
            || {
                for plane in i * length..planes.min((i + 1) * length) {
                    task(&mut scratch, plane);
                }
            },
        );
    });
}

/// Numbers that are computed side by side.
const BLOCK: usize = 8;

/// The sum of some rows of `x`, each with its weight.
#[inline(always)]
fn combine<T: Real>(x: &[T], width: usize, rows: &[(usize, T)], out: &mut [T]) {
    if width < BLOCK {
        for from in 0..width {
            combine_block::<T, 1>(x, width, rows, from, out);
        }
        return;
    }
    for from in (0..width).step_by(BLOCK) {
        // The last block begins earlier, and computes some numbers again.
        combine_block::<T, BLOCK>(x, width, rows, from.min(width - BLOCK), out);
    }
}

#[inline(always)]
fn combine_block<T: Real, const N: usize>(x: &[T], width: usize, rows: &[(usize, T)], from: usize, out: &mut [T]) {
    let mut sums = [T::ZERO; N];
    for &(row, weight) in rows {
        let part = &x[row * width + from..][..N];
        for (sum, &x) in sums.iter_mut().zip(part) {
            *sum = x.mul_add(weight, *sum);
        }
    }
    out[from..from + N].copy_from_slice(&sums);
}

/// A row on its way forward, or one on its way back. All parts are as long as whole blocks need, and zero beyond what they
/// hold.
struct Line<'a, T> {
    axis: &'a Axis,
    taps: Vec<T>,
    /// 2 for a stride of 2, else 1: then every `axis.stride`th number is taken of all.
    step: usize,
    /// Blocks that cover the padded row, a number in `step`.
    blocks: usize,
    /// The padded row.
    padded: Vec<T>,
    /// The outputs, with zeros before them for the way back.
    outputs: Vec<T>,
}

impl<'a, T: Real> Line<'a, T> {
    fn new(axis: &'a Axis) -> Self {
        let step = if axis.stride == 2 { 2 } else { 1 };
        let blocks = axis.places.len().div_ceil(step * BLOCK);
        let (taps, lead) = (axis.taps.iter().map(|&tap| T::of(tap)).collect(), axis.taps.len());
        let padded = vec![T::ZERO; step * blocks * BLOCK + lead];
        Self { axis, taps, step, blocks, padded, outputs: vec![T::ZERO; lead + blocks * BLOCK] }
    }

    /// Blurs the row in the middle of `padded`.
    #[inline(always)]
    fn blur(&mut self, y: &mut [T]) {
        for (i, place) in self.outside() {
            self.padded[i] = place.map_or(T::ZERO, |place| self.padded[self.axis.before + place]);
        }
        match self.step {
            2 => self.blur_by::<2>(),
            _ => self.blur_by::<1>(),
        }
        let outputs = &self.outputs[self.taps.len()..];
        match self.axis.stride / self.step {
            1 => y.copy_from_slice(&outputs[..y.len()]),
            skip => {
                for (y, &output) in y.iter_mut().zip(outputs.iter().step_by(skip)) {
                    *y = output;
                }
            }
        }
    }

    #[inline(always)]
    fn blur_by<const STEP: usize>(&mut self) {
        let lead = self.taps.len();
        for (block, out) in self.outputs[lead..].chunks_exact_mut(BLOCK).take(self.blocks).enumerate() {
            let mut sums = [T::ZERO; BLOCK];
            for (u, &tap) in self.taps.iter().enumerate() {
                let part = &self.padded[STEP * BLOCK * block + u..][..STEP * BLOCK];
                for i in 0..BLOCK {
                    sums[i] = part[STEP * i].mul_add(tap, sums[i]);
                }
            }
            out.copy_from_slice(&sums);
        }
    }

    /// The gradient of a row from that of its blur.
    #[inline(always)]
    fn spread(&mut self, g: &[T], dx: &mut [T]) {
        let lead = self.taps.len();
        match self.axis.stride / self.step {
            1 => self.outputs[lead..lead + g.len()].copy_from_slice(g),
            skip => {
                for (output, &g) in self.outputs[lead..].iter_mut().step_by(skip).zip(g) {
                    *output = g;
                }
            }
        }
        match self.step {
            2 => self.spread_by::<2>(),
            _ => self.spread_by::<1>(),
        }
        let before = self.axis.before;
        dx.copy_from_slice(&self.padded[before..before + dx.len()]);
        for (i, place) in self.outside() {
            if let Some(place) = place {
                dx[place] += self.padded[i];
            }
        }
    }

    /// Each place of the padded row is under every `STEP`th tap, of one output after the other.
    #[inline(always)]
    fn spread_by<const STEP: usize>(&mut self) {
        let lead = self.taps.len();
        for (block, out) in self.padded.chunks_exact_mut(STEP * BLOCK).take(self.blocks).enumerate() {
            let mut sums = [[T::ZERO; BLOCK]; STEP];
            for (phase, sums) in sums.iter_mut().enumerate() {
                for (t, &tap) in self.taps.iter().skip(phase).step_by(STEP).enumerate() {
                    let part = &self.outputs[lead + BLOCK * block - t..][..BLOCK];
                    for i in 0..BLOCK {
                        sums[i] = part[i].mul_add(tap, sums[i]);
                    }
                }
            }
            for i in 0..BLOCK {
                for phase in 0..STEP {
                    out[STEP * i + phase] = sums[phase][i];
                }
            }
        }
    }

    /// The places of the padding, and what stands there.
    #[inline(always)]
    fn outside(&self) -> impl Iterator<Item = (usize, Option<usize>)> + use<'a, T> {
        let (axis, end) = (self.axis, self.axis.before + self.axis.input);
        (0..axis.before).chain(end..axis.places.len()).map(|i| (i, axis.places[i]))
    }
}
