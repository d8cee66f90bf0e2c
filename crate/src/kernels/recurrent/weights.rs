use super::backward::Outputs;
use super::gates::Gates;
use super::{Parts, Sizes};
use crate::kernels::matmul::{Size, View, matmul};
use crate::kernels::panels::{Panels, multiply_transposed};
use crate::kernels::values::unwritten;
use crate::kernels::{Real, pool};

/// Gradients of W_ih and W_hh of a direction: the gradients of the sums, transposed, by the inputs and by the states before.
pub(super) fn gradients<T: Real, G: Gates>(
    sizes: Sizes,
    direction: usize,
    dsums: &[T],
    x: &[T],
    outputs: &Outputs<T>,
) -> (Vec<T>, Vec<T>) {
    let Sizes { batch, inputs, hidden, .. } = sizes;
    let (rows, width) = (sizes.rows(), G::SUMS * hidden);
    // The gradients of the sums are a row for each step of each sample, steps first.
    let of_inputs = Panels::of_rows((rows, inputs), |row| &x[sizes.row(row / batch, row % batch) * inputs..]);
    let of_states = Panels::of_rows((rows, hidden), |row| {
        outputs.before(direction, sizes.step(direction, row / batch), row % batch)
    });
    // SAFETY: each block of either is written for the block of sums that it belongs to.
    let (mut ih, mut hh) = unsafe { (unwritten(G::BLOCKS * hidden * inputs), unwritten(G::BLOCKS * hidden * hidden)) };
    let (all_ih, all_hh) = (Parts::new(&mut ih), Parts::new(&mut hh));
    // Pieces of a block, of whole tiles and about 64 rows.
    let piece = hidden.div_ceil(hidden.div_ceil(96)).next_multiple_of(6);
    let pieces = hidden.div_ceil(piece);
    pool::run(G::SUMS * pieces, |task| {
        let (block, first) = (task / pieces, task % pieces * piece);
        let m = piece.min(hidden - first);
        let in_hh = G::PARTS.iter().find(|part| (part.to..part.to + part.blocks).contains(&block));
        let mut products = Vec::with_capacity(2);
        // SAFETY: rows of the weights that belong to these sums alone.
        unsafe {
            if block < G::BLOCKS {
                products.push((&of_inputs, all_ih.get((block * hidden + first) * inputs, m * inputs)));
            }
            if let Some(part) = in_hh {
                let row = (part.from + block - part.to) * hidden + first;
                products.push((&of_states, all_hh.get(row * hidden, m * hidden)));
            }
        }
        multiply_transposed(&dsums[block * hidden + first..], (m, width), &mut products);
    });
    (ih, hh)
}

/// Adds to `dx` the gradient of the inputs by way of one direction.
pub(super) fn add_inputs<T: Real, G: Gates>(sizes: Sizes, dsums: &[T], ih: &[T], dx: &mut [T]) {
    let Sizes { steps, batch, inputs, hidden, .. } = sizes;
    let (width, blocks) = (G::SUMS * hidden, G::BLOCKS * hidden);
    if !sizes.batch_first || steps == 1 {
        let size = Size { m: sizes.rows(), k: blocks, n: inputs };
        return matmul(size, View::rows(dsums, width), View::rows(ih, inputs), dx, inputs, true);
    }
    let ih = Panels::of_rows((blocks, inputs), |p| &ih[p * inputs..]);
    pool::run_chunks(dx, steps * inputs, |start, dx| {
        let sample = start / (steps * inputs);
        ih.multiply(steps, (&dsums[sample * width..], batch * width), (dx, inputs), true);
    });
}
