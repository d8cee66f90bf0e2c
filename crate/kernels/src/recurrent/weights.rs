use super::backward::Outputs;
use super::gates::Gates;
use super::{Parts, Sizes};
use crate::panels::{Panels, multiply_transposed, tiles};
use crate::values::unwritten;
use crate::{Real, threads};

/// Gradients of W_ih and W_hh of a direction: the gradients of the sums, transposed, times the inputs and
/// times the states before.
pub(super) fn gradients<T: Real, G: Gates>(
    sizes: Sizes,
    direction: usize,
    dsums: &[T],
    x: &[T],
    outputs: &Outputs<T>,
) -> (Vec<T>, Vec<T>) {
    let Sizes { batch, inputs, hidden, .. } = sizes;
    let rows = sizes.rows();
    // The gradients of the sums are a row for each step of each sample, steps first.
    let of_inputs = Panels::of_rows((rows, inputs), |row| &x[sizes.row(row / batch, row % batch) * inputs..]);
    let of_states = Panels::of_rows((rows, hidden), |row| {
        outputs.before(direction, sizes.step(direction, row / batch), row % batch)
    });
    // SAFETY: each block of either is written for the block of sums that it belongs to.
    let (mut ih, mut hh) = unsafe { (unwritten(G::BLOCKS * hidden * inputs), unwritten(G::BLOCKS * hidden * hidden)) };
    let (all_ih, all_hh) = (Parts::new(&mut ih), Parts::new(&mut hh));
    // Pieces of a block, of about 64 rows.
    let tiles = tiles(hidden);
    let pieces: Vec<&[(usize, usize)]> = tiles.chunks(11).collect();
    threads::run(G::SUMS * pieces.len(), |task| {
        let (block, tiles) = (task / pieces.len(), pieces[task % pieces.len()]);
        let (first, m) = (tiles[0].0, tiles.iter().map(|(_, columns)| columns).sum::<usize>());
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
        multiply_transposed(&dsums[(block * hidden + first) * rows..][..m * rows], tiles, &mut products);
    });
    (ih, hh)
}
