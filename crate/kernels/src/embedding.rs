//! Rows of a table by index.

use candle_core::Tensor;
use candlelight_base::Result;

use super::values::{PIECE, unwritten};
use super::{Real, contiguous, for_dtype, real, threads, values};
use crate::autograd::apply1;

/// Rows of `weight`, each index below their number; the gradient leaves row `padding` out.
pub fn embedding(weight: &Tensor, indices: Vec<u32>, padding: Option<usize>, shape: Vec<usize>) -> Result<Tensor> {
    for_dtype!(weight.dtype(), T => forward::<T>(weight, indices, padding, shape))
}

fn forward<T: Real>(weight: &Tensor, indices: Vec<u32>, padding: Option<usize>, shape: Vec<usize>) -> Result<Tensor> {
    let (rows, width) = weight.dims2()?;
    let y = {
        let weight = contiguous(weight)?;
        let weight = values::<T>(&weight)?;
        // SAFETY: the tasks write all rows.
        let mut y = unsafe { unwritten(indices.len() * width) };
        threads::run_chunks(&mut y, pieces(width), |start, y| {
            for (y, &index) in y.chunks_exact_mut(width).zip(&indices[start / width..]) {
                y.copy_from_slice(&weight[index as usize * width..][..width]);
            }
        });
        y
    };
    apply1("embedding", &[weight], y, shape, move |grad, _| {
        let g = values::<T>(grad)?;
        // SAFETY: the tasks write all rows.
        let mut dw = unsafe { unwritten(rows * width) };
        // A piece of the table belongs to one task, which goes through all indices in order. Few pieces, since each
        // reads all indices.
        let piece = rows.div_ceil(16) * width;
        threads::run_chunks(&mut dw, piece.max(pieces(width)), |start, dw| {
            dw.fill(T::ZERO);
            let (first, count) = (start / width, dw.len() / width);
            real::vectorized(
                #[inline(always)]
                || {
                    for (&index, g) in indices.iter().zip(g.chunks_exact(width)) {
                        // Wraps far beyond `count` for the rows before the first.
                        let row = (index as usize).wrapping_sub(first);
                        if row < count && Some(index as usize) != padding {
                            dw[row * width..][..width].iter_mut().zip(g).for_each(|(sum, &g)| *sum += g);
                        }
                    }
                },
            );
        });
        Ok(vec![Some(Tensor::from_vec(dw, (rows, width), grad.device())?)])
    })
}

/// The length of pieces of whole rows.
fn pieces(width: usize) -> usize {
    (PIECE / width).max(1) * width
}
