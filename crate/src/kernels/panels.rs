//! Products with one right matrix that is used again and again, such as the weight of a recurrence at every step.
//!
//! As it lies, the columns of a tile are a row apart in memory; with rows of a power of two they fall into a few places of the first cache and
//! push one another out. So the matrix is copied once into panels as wide as a tile, each in one piece.

use pulp::{Simd, WithSimd};

use super::Real;
use super::matmul::{DEPTH, TILE_ROWS, TILE_VECTORS, tile_by_rows};

/// A k × n matrix in panels of columns.
pub(crate) struct Panels<T> {
    data: Vec<T>,
    /// Where the first panel starts: at a cache line.
    start: usize,
    width: usize,
    k: usize,
    n: usize,
}

impl<T: Real> Panels<T> {
    /// Copies a matrix whose element (p, j) is at `p * row + j * col`.
    pub(crate) fn new(data: &[T], (k, n): (usize, usize), (row, col): (usize, usize)) -> Self {
        assert!(k > 0 && n > 0 && (k - 1) * row + (n - 1) * col < data.len(), "panels outside their matrix");
        let width = pulp::Arch::new().dispatch(Width::<T>(std::marker::PhantomData));
        let line = 64 / size_of::<T>();
        let mut panels = vec![T::ZERO; n.div_ceil(width) * width * k + line];
        let start = panels.as_ptr().align_offset(64).min(line);
        for (panel, to) in panels[start..].chunks_exact_mut(width * k).take(n.div_ceil(width)).enumerate() {
            let columns = width.min(n - panel * width);
            let from = &data[panel * width * col..];
            if col == 1 {
                for (p, to) in to.chunks_exact_mut(width).enumerate() {
                    to[..columns].copy_from_slice(&from[p * row..p * row + columns]);
                }
            } else {
                for j in 0..columns {
                    for (p, to) in to.chunks_exact_mut(width).enumerate() {
                        to[j] = from[p * row + j * col];
                    }
                }
            }
        }
        Self { data: panels, start, width, k, n }
    }

    /// c ← a b, or c ← c + a b if `add`, on the calling thread; a is m × k with rows `a.1` apart, c is m × n with rows `c.1` apart.
    ///
    /// # Safety
    /// `a` may be read and `c` written there, and nobody else writes to either meanwhile.
    pub(crate) unsafe fn multiply(&self, m: usize, a: (*const T, usize), c: (*mut T, usize), add: bool) {
        pulp::Arch::new().dispatch(Multiply { panels: self, m, a, c, add });
    }
}

/// Columns of a tile.
struct Width<T>(std::marker::PhantomData<T>);

impl<T: Real> WithSimd for Width<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        TILE_VECTORS * size_of::<T::Vector<S>>() / size_of::<T>()
    }
}

struct Multiply<'a, T> {
    panels: &'a Panels<T>,
    m: usize,
    a: (*const T, usize),
    c: (*mut T, usize),
    add: bool,
}

impl<T: Real> WithSimd for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels: &Panels { ref data, start: first, width, k, n }, m, a, c, add } = self;
        assert_eq!(width, TILE_VECTORS * size_of::<T::Vector<S>>() / size_of::<T>());
        for start in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - start);
            let add = add || start > 0;
            for (panel, j) in (0..n).step_by(width).enumerate() {
                let panel = &data[first + (panel * k + start) * width..][..depth * width];
                let columns = width.min(n - j);
                let mut i = 0;
                while i < m {
                    // SAFETY: i < m, start < k and j < n; the caller's promise for a and c.
                    let (from, to) = unsafe { ((a.0.add(i * a.1 + start), a.1, 1), (c.0.add(i * c.1 + j), c.1)) };
                    macro_rules! tile {
                        ($rows:literal) => {{
                            // SAFETY: $rows rows of a and c, `depth` rows of the panel and `columns` columns of c lie inside.
                            unsafe {
                                tile_by_rows::<T, S, $rows>(
                                    simd,
                                    depth,
                                    from,
                                    (panel.as_ptr(), width),
                                    to,
                                    columns,
                                    add,
                                );
                            }
                            i += $rows;
                        }};
                    }
                    match m - i {
                        // 8 is better as 4 + 4 than as 6 + 2: two rows do not keep the multipliers busy.
                        8 => tile!(4),
                        TILE_ROWS.. => tile!(6),
                        5 => tile!(5),
                        4 => tile!(4),
                        3 => tile!(3),
                        2 => tile!(2),
                        _ => tile!(1),
                    }
                }
            }
        }
    }
}
