//! Kernels of three rows at stride 1, with half the multiplications.
//!
//! Four rows of the output are sums over six rows of the input, of three products each: twelve. As polynomials, kernel and rows can instead be
//! multiplied at six points and joined again (Winograd 1980; Lavin and Gray 2016, section 4): with d six rows of the input and w a column of the kernel,
//!
//! ```text
//! y = Aᵀ [(G w) · (Bᵀ d)]        ∂L/∂w = Gᵀ [(A ∂L/∂y) · (Bᵀ d)]
//! ```
//!
//! Across, the kernel is taken as it is, which leaves all numbers of a row beside one another. The points are 0, ±2/3, ±3/2 and ∞: with them the
//! rounding error is 1.4 times that of the plain sum; with the usual 0, ±1, ±2, ∞ it is twice that.

use pulp::{Simd, WithSimd};

use super::super::matmul::{load, store};
use super::super::values::unwritten;
use super::Geometry;
use super::direct::{PIECES, Piece, Sizes, tile, tiles};
use super::plan::{Plan, SLACK};
use super::weight::{Outer, PANEL, ordered_sum, panels, piece, transposed};
use crate::kernels::{Real, pool, real};

/// Rows of the output that are made at a time, and points.
const ROWS: usize = 4;
const POINTS: usize = 6;
/// The points other than 0 and ∞ are ±P and ±Q, with P Q = 1.
const P: f64 = 2.0 / 3.0;
const Q: f64 = 1.5;
const P2: f64 = P * P;
const Q2: f64 = Q * Q;
/// Common divisors of G's rows.
const NP: f64 = 2.0 * P2 * (P2 - Q2);
const NQ: f64 = 2.0 * Q2 * (Q2 - P2);
/// G, from the three rows of the kernel to its values at the points.
const G: [[f64; 3]; POINTS] = [
    [1.0, 0.0, 0.0],
    [1.0 / NP, P / NP, P2 / NP],
    [1.0 / NP, -P / NP, P2 / NP],
    [1.0 / NQ, Q / NQ, Q2 / NQ],
    [1.0 / NQ, -Q / NQ, Q2 / NQ],
    [0.0, 0.0, 1.0],
];
/// Registers of pixels that are finished for all channels before the next ones: a multiple of every tile's.
const BLOCK: usize = 12;
/// Pixels of transformed rows that are laid out together.
const PIXELS: usize = 320;

/// Whether this way is open and faster, for so many rows that come out.
pub(super) fn pays(geometry: &Geometry, rows: usize) -> bool {
    let [down, across] = geometry.axes;
    let small = geometry.channels().min(geometry.maps()) < 3 || geometry.channels() * geometry.maps() < 48;
    let open = down.kernel == 3 && down.stride == 1 && down.dilation == 1 && across.stride == 1;
    // Rows come in fours; a quarter of the multiplications must remain to be saved.
    open && !small && 2 * rows >= 5 * rows.div_ceil(ROWS)
}

/// How transformed rows lie in memory: by point, channel, image, four rows of the output.
struct Layout {
    /// Line of the laid out image that the first row of the kernel sees at first.
    first: usize,
    /// Columns that the columns of the kernel see at first.
    columns: Vec<usize>,
    /// Groups of four rows in an image.
    down: usize,
    pitch: usize,
    /// Images side by side.
    together: usize,
    /// Numbers from one channel to the next; a multiple of 16.
    channel: usize,
}

impl Layout {
    fn new(plan: &Plan, kernel_width: usize, images: usize, pixels: usize) -> Self {
        let places = plan.passes.first().map_or(&[][..], |pass| &pass.places);
        let first = places.iter().map(|place| place[0]).min().unwrap_or_default();
        let columns = places.iter().take(kernel_width).map(|place| place[1]).collect();
        let (down, pitch) = (plan.target[0].div_ceil(ROWS), plan.pitch);
        let image = down * pitch;
        // As many as leave least of the last tile unused.
        let unused = |n: usize| (n * image).next_multiple_of(16) as f64 / (n * image) as f64;
        let most = (pixels / image).clamp(1, images);
        let together = (1..=most).rev().min_by(|&a, &b| unused(a).total_cmp(&unused(b))).unwrap_or(1);
        Self { first, columns, down, pitch, together, channel: (together * image).next_multiple_of(16) }
    }

    /// Pixels of an image, counted along the pitch.
    fn image(&self) -> usize {
        self.down * self.pitch
    }

    /// Numbers from one point to the next.
    fn point(&self, channels: usize) -> usize {
        channels * self.channel + SLACK
    }

    /// Length of a buffer for all points.
    fn buffer(&self, channels: usize) -> usize {
        POINTS * self.point(channels) + SLACK
    }

    /// Length of a buffer for one image with all the lines that are looked at.
    fn padded(&self, plan: &Plan) -> usize {
        plan.channel.max((self.first + self.down * ROWS + 2) * self.pitch) + SLACK
    }

    /// Lays out Bᵀ d for the rows of each channel of images that are `apart`; `padded` stays zero around the image.
    ///
    /// Channel by channel, because a row is written somewhat beyond its end, which the next one then writes over.
    fn rows<T: Real>(&self, plan: &Plan, channels: usize, images: &[T], apart: usize, padded: &mut [T], to: &mut [T]) {
        let (size, point) = (plan.source[0] * plan.source[1], self.point(channels));
        for c in 0..channels {
            for (i, image) in images.chunks(apart).enumerate() {
                real::vectorized(|| plan.fill(&image[c * size..][..size], padded));
                let from = &padded[self.first * self.pitch..];
                let to = &mut to[c * self.channel + i * self.image()..];
                crate::kernels::real::Arch.dispatch(Transform {
                    down: self.down,
                    pitch: self.pitch,
                    from,
                    to,
                    point,
                    grads: false,
                });
            }
        }
    }

    /// Lays out A g of each channel of such images in panels; `padded` stays zero around the image.
    fn grads<T: Real>(&self, plan: &Plan, maps: usize, images: &[T], apart: usize, padded: &mut [T], to: &mut [T]) {
        let (width, image) = (self.pitch * PANEL, plan.target[0] * plan.target[1]);
        let point = self.point(maps.next_multiple_of(PANEL));
        for (i, images) in images.chunks(apart).enumerate() {
            for (panel, g) in images[..maps * image].chunks(PANEL * image).enumerate() {
                if g.len() < PANEL * image {
                    padded.fill(T::ZERO);
                }
                let pixels = self.down * ROWS * self.pitch;
                real::vectorized(|| panels(g, plan.target, self.pitch, pixels, padded));
                let from = &*padded;
                let to = &mut to[(panel * self.channel + i * self.image()) * PANEL..];
                crate::kernels::real::Arch.dispatch(Transform {
                    down: self.down,
                    pitch: width,
                    from,
                    to,
                    point,
                    grads: true,
                });
            }
        }
    }
}

/// What a plan makes of a batch `x`.
pub(super) fn run<T: Real>(
    plan: &Plan,
    sizes: Sizes,
    batch: usize,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
) -> Vec<T> {
    let Sizes { groups, sources, targets, taps, .. } = sizes;
    let each = batch.div_ceil(PIECES);
    let layout = Layout::new(plan, taps / 3, each, PIXELS);
    let packed = pack(sizes, plan, weight);
    let image = plan.target[0] * plan.target[1];
    let (input, output) = (x.len() / batch / groups, groups * targets * image);
    let weights = packed.len() / groups;
    // SAFETY: every row of every channel of every image is written.
    let mut y = unsafe { unwritten(batch * output) };
    pool::run_chunks(&mut y, each * output, |start, y| {
        let mut padded = vec![T::ZERO; layout.padded(plan)];
        let mut rows = vec![T::ZERO; layout.buffer(sources)];
        let images = &x[start / output * groups * input..];
        for (images, y) in images.chunks(layout.together * groups * input).zip(y.chunks_mut(layout.together * output)) {
            let count = y.len() / output;
            for group in 0..groups {
                let images = &images[group * input..count * groups * input];
                layout.rows(plan, sources, images, groups * input, &mut padded, &mut rows);
                crate::kernels::real::Arch.dispatch(Products {
                    layout: &layout,
                    count,
                    target: plan.target,
                    sources,
                    targets,
                    rows: &rows,
                    packed: &packed[group * weights..][..weights],
                    bias: bias.map(|bias| &bias[group * targets..][..targets]),
                    y: &mut y[group * targets * image..],
                    image: output,
                });
            }
        }
    });
    y
}

/// G w in the order in which it is used: by group, point, tile, source channel, column of the kernel, channel of the tile.
fn pack<T: Real>(sizes: Sizes, plan: &Plan, weight: &[T]) -> Vec<T> {
    let Sizes { groups, sources, targets, taps, source, target } = sizes;
    let (all, width) = (sources * targets * taps, taps / 3);
    assert!(weight.len() == groups * all);
    // The lines that the rows of the kernel see come in the order of the rows, or the other way round.
    let downward = plan.passes.first().is_none_or(|pass| pass.places[0][0] <= pass.places[taps - 1][0]);
    let rows = if downward { [0, 1, 2] } else { [2, 1, 0] };
    let part = sources * targets * width;
    let mut packed = vec![T::ZERO; groups * POINTS * part];
    pool::run_chunks(&mut packed, part, |start, packed| {
        let (group, point) = (start / part / POINTS, start / part % POINTS);
        let weight = &weight[group * all..][..all];
        let factors = G[point].map(T::of);
        let (mut first, mut at) = (0, 0);
        for tile in tiles(targets) {
            for c in 0..sources {
                for x in 0..width {
                    for t in first..first + tile {
                        let column = &weight[t * target + c * source + x..];
                        let [a, b, c] = rows.map(|row| column[row * width]);
                        packed[at] = a.mul_add(factors[0], b.mul_add(factors[1], c * factors[2]));
                        at += 1;
                    }
                }
            }
            first += tile;
        }
    });
    packed
}

/// The gradient of W [out, in / groups, 3, ...] for x [N, in, ...] and the gradient g of y [N, out, ...].
pub(super) fn gradient<T: Real>(geometry: &Geometry, x: &[T], g: &[T]) -> Vec<T> {
    let &Geometry { batch, groups, .. } = geometry;
    let (channels, maps, taps) = (geometry.channels(), geometry.maps(), geometry.taps());
    let (input, output) = (geometry.input() / groups, geometry.output() / groups);
    let plan = &Plan::correlate(geometry);
    let width = taps / 3;
    let all_maps = maps.next_multiple_of(PANEL);
    let sums = channels * taps * all_maps;
    let each = piece(batch, groups * sums);
    let layout = &Layout::new(plan, width, each, PIXELS);
    let offsets: Vec<usize> =
        (0..channels).flat_map(|c| layout.columns.iter().map(move |x| c * layout.channel + x)).collect();
    let offsets = offsets.as_slice();
    let mut partial = vec![T::ZERO; batch.div_ceil(each) * groups * sums];
    pool::run_chunks(&mut partial, groups * sums, |start, partial| {
        let first = start / (groups * sums) * each;
        let last = (first + each).min(batch);
        let mut padded = vec![T::ZERO; layout.padded(plan)];
        let mut padded_grads = vec![T::ZERO; layout.down * ROWS * layout.pitch * PANEL];
        let mut rows = vec![T::ZERO; layout.buffer(channels)];
        let mut grads = vec![T::ZERO; layout.buffer(all_maps)];
        let mut products = vec![T::ZERO; POINTS * offsets.len() * all_maps];
        for (group, partial) in partial.chunks_exact_mut(sums).enumerate() {
            products.fill(T::ZERO);
            for start in (first..last).step_by(layout.together) {
                let count = layout.together.min(last - start);
                let of = |one: usize| (start * groups + group) * one..(start + count) * groups * one;
                let (images, outputs) = (&x[of(input)], &g[of(output)]);
                layout.rows(plan, channels, images, groups * input, &mut padded, &mut rows);
                layout.grads(plan, maps, outputs, groups * output, &mut padded_grads, &mut grads);
                for (point, sums) in products.chunks_exact_mut(offsets.len() * all_maps).enumerate() {
                    let images = &rows[point * layout.point(channels)..];
                    let grads = &grads[point * layout.point(all_maps)..];
                    let pixels = count * layout.image();
                    crate::kernels::real::Arch.dispatch(Outer {
                        offsets,
                        pixels,
                        images,
                        grads,
                        apart: layout.channel,
                        sums,
                    });
                }
            }
            real::vectorized(|| join(&products, width, all_maps, partial));
        }
    });
    transposed(&ordered_sum(partial, groups * sums), groups, channels * taps, all_maps, maps)
}

/// Gᵀ of the products [6, channels, width, maps]: [channels, 3, width, maps].
#[inline(always)]
fn join<T: Real>(products: &[T], width: usize, maps: usize, to: &mut [T]) {
    let point = products.len() / POINTS;
    let factors = G.map(|row| row.map(T::of));
    for (i, to) in to.chunks_exact_mut(maps).enumerate() {
        let (c, row, x) = (i / width / 3, i / width % 3, i % width);
        let at = |i: usize| &products[i * point + (c * width + x) * maps..][..maps];
        let values: [&[T]; POINTS] = std::array::from_fn(at);
        let factors: [T; POINTS] = std::array::from_fn(|i| factors[i][row]);
        for (m, to) in to.iter_mut().enumerate() {
            *to = (0..POINTS).map(|i| values[i][m] * factors[i]).sum();
        }
    }
}

/// Bᵀ d, or A g, of all rows of an image whose lines are `pitch` apart.
struct Transform<'a, T> {
    down: usize,
    pitch: usize,
    from: &'a [T],
    to: &'a mut [T],
    /// Numbers from one point to the next.
    point: usize,
    grads: bool,
}

impl<T: Real> WithSimd for Transform<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { down, pitch, from, to, point, grads } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let last = if grads { 3 } else { 5 };
        let width = pitch.next_multiple_of(lanes);
        assert!(
            down > 0
                && ((down - 1) * ROWS + last) * pitch + width <= from.len()
                && (POINTS - 1) * point + (down - 1) * pitch + width <= to.len()
        );
        let constant = |x: f64| T::splat(simd, T::of(x));
        let fma = |a, b, c| T::fma(simd, a, b, c);
        let (one, minus, zero) = (constant(1.0), constant(-1.0), constant(0.0));
        for u in 0..down {
            for x in (0..width).step_by(lanes) {
                // SAFETY: by the assertion; what lies beyond the pitch is written over by the next row, or is slack.
                unsafe {
                    let at = |r: usize| load::<T, S>(from.as_ptr().add((u * ROWS + r) * pitch + x));
                    let points = if grads {
                        let g: [T::Vector<S>; 4] = std::array::from_fn(at);
                        let even = |p: f64| fma(constant(p * p), g[2], g[0]);
                        let odd = |p: f64| fma(constant(p * p * p), g[3], fma(constant(p), g[1], zero));
                        let (e, o, f, p) = (even(P), odd(P), even(Q), odd(Q));
                        [g[0], fma(one, o, e), fma(minus, o, e), fma(one, p, f), fma(minus, p, f), g[3]]
                    } else {
                        let d: [T::Vector<S>; 6] = std::array::from_fn(at);
                        let both = constant(-P2 - Q2);
                        let odd = |p: f64, q: f64| fma(constant(p), d[3], fma(constant(-q), d[1], zero));
                        let (e, f) = (fma(constant(-Q2), d[2], d[4]), fma(constant(-P2), d[2], d[4]));
                        let (o, p) = (odd(P, Q), odd(Q, P));
                        [
                            fma(both, d[2], fma(one, d[0], d[4])),
                            fma(one, o, e),
                            fma(minus, o, e),
                            fma(one, p, f),
                            fma(minus, p, f),
                            fma(both, d[3], fma(one, d[1], d[5])),
                        ]
                    };
                    for (i, value) in points.into_iter().enumerate() {
                        store::<T, S>(to.as_mut_ptr().add(i * point + u * pitch + x), value);
                    }
                }
            }
        }
    }
}

/// Products at all points, summed over channels and columns of the kernel, and joined to rows of the output.
struct Products<'a, T> {
    layout: &'a Layout,
    /// Images that are laid out.
    count: usize,
    target: [usize; 2],
    sources: usize,
    targets: usize,
    rows: &'a [T],
    packed: &'a [T],
    bias: Option<&'a [T]>,
    y: &'a mut [T],
    /// Numbers of y from one image to the next.
    image: usize,
}

impl<T: Real> WithSimd for Products<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layout, count, target: [height, width], sources, targets, rows, packed, bias, y, image } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let block = BLOCK * lanes;
        let columns = &layout.columns;
        let offsets: Vec<usize> =
            (0..sources).flat_map(|c| columns.iter().map(move |x| c * layout.channel + x)).collect();
        let (depth, point, pitch) = (offsets.len(), layout.point(sources), layout.pitch);
        let pixels = count * layout.image();
        let furthest = offsets.iter().max().map_or(0, |&last| last);
        assert!(
            (POINTS - 1) * point + furthest + pixels + 8 * lanes <= rows.len()
                && packed.len() == POINTS * depth * targets
        );
        // A register more, because the last of them may be read beyond its end.
        let mut sums = [T::ZERO; (POINTS * 6 * BLOCK + 1) * 16];
        let sums = &mut sums[..(POINTS * 6 * BLOCK + 1) * lanes];
        let mut pieces = Vec::new();
        for start in (0..pixels).step_by(block) {
            let size = block.min(pixels - start);
            pieces.clear();
            for u in start / pitch..=(start + size - 1) / pitch {
                let (from, end) = ((u * pitch).max(start), (u * pitch + width).min(start + size));
                if from < end {
                    let (i, top) = (u / layout.down, u % layout.down * ROWS);
                    let to = i * image + top * width + from - u * pitch;
                    let piece = Piece { from: from - start, to, length: end - from };
                    pieces.push((piece, i * image, ROWS.min(height - top), from == u * pitch));
                }
            }
            let mut first = 0;
            for tall in tiles(targets) {
                for i in 0..POINTS {
                    let weights = &packed[i * depth * targets + first * depth..][..depth * tall];
                    let sums = &mut sums[i * 6 * block..][..6 * block];
                    macro_rules! tiles {
                        ($rows:literal, $vectors:literal) => {
                            for p in (0..size).step_by($vectors * lanes) {
                                // SAFETY: a tile reads at most 8 registers from each offset on, which the assertion leaves room for; it writes
                                // 6 rows at most, each inside its block, of which its width is a divisor.
                                unsafe {
                                    let from = rows.as_ptr().add(i * point + start + p);
                                    let to = sums.as_mut_ptr().add(p);
                                    tile::<T, S, $rows, $vectors>(simd, &offsets, weights.as_ptr(), from, to, block);
                                }
                            }
                        };
                    }
                    match tall {
                        6 => tiles!(6, 2),
                        5 => tiles!(5, 2),
                        4 => tiles!(4, 2),
                        3 => tiles!(3, 3),
                        2 => tiles!(2, 4),
                        _ => tiles!(1, 6),
                    }
                }
                for r in 0..tall {
                    let bias = bias.map_or(T::ZERO, |bias| bias[first + r]);
                    finish::<T, S>(simd, &mut sums[r * block..], 6 * block, size, bias);
                    for &(Piece { from, to, length }, image, rows, whole) in &pieces {
                        let y = &mut y[image + (first + r) * height * width..][..height * width];
                        for k in 0..rows {
                            let piece = Piece { from, to: to - image + k * width, length };
                            let sums = &sums[(k * 6 + r) * block..];
                            // Of a row that was begun in the last block, the next row was begun too.
                            piece.write::<T, S>(simd, sums, T::ZERO, 1, y, whole);
                        }
                    }
                }
                first += tall;
            }
        }
    }
}

/// Aᵀ of products at six points `pitch` apart, plus b, in place of the first four.
#[inline(always)]
fn finish<T: Real, S: Simd>(simd: S, sums: &mut [T], pitch: usize, size: usize, bias: T) {
    let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
    assert!((POINTS - 1) * pitch + size.next_multiple_of(lanes) <= sums.len());
    let constant = |x: f64| T::splat(simd, T::of(x));
    let fma = |a, b, c| T::fma(simd, a, b, c);
    let (one, minus, bias) = (constant(1.0), constant(-1.0), T::splat(simd, bias));
    for x in (0..size).step_by(lanes) {
        // SAFETY: by the assertion.
        unsafe {
            let at = sums.as_mut_ptr().add(x);
            let m: [T::Vector<S>; POINTS] = std::array::from_fn(|i| load::<T, S>(at.add(i * pitch)));
            let (a, b) = (fma(one, m[2], m[1]), fma(minus, m[2], m[1]));
            let (c, d) = (fma(one, m[4], m[3]), fma(minus, m[4], m[3]));
            let row = |p: f64, q: f64, a, c, plus| fma(constant(p), a, fma(constant(q), c, plus));
            store::<T, S>(at, fma(one, a, fma(one, c, fma(one, m[0], bias))));
            store::<T, S>(at.add(pitch), row(P, Q, b, d, bias));
            store::<T, S>(at.add(2 * pitch), row(P2, Q2, a, c, bias));
            store::<T, S>(at.add(3 * pitch), row(P * P2, Q * Q2, b, d, fma(one, m[5], bias)));
        }
    }
}
