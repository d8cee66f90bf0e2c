//! What stands around an input, where a layer reaches beyond it.

use candle_core::Tensor;

use super::tables::{Tables, table};
use crate::Result;

/// The places of a reflected input, for its size and what is added before and after it.
static REFLECTED: Tables<(usize, usize, usize), Tensor> = Tables::new();

/// What stands around the input of a layer; PyTorch's `padding_mode`, of which `replicate` is left out.
///
/// ```text
/// around a b c d, by 2:   0 0 | a b c d | 0 0   zeros
///                         c b | a b c d | c b   reflect
///                         c d | a b c d | a b   circular
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The input, reflected at its first and last place. Less padding than the input has places.
    Reflect,
    /// The input again, as if it went round in a circle: a layer with stride 1 then commutes with every cyclic shift. At
    /// most as much padding as the input has places.
    Circular,
}

impl PaddingMode {
    /// The fewest places of an input that can be padded so.
    pub(super) fn least(self, padding: usize) -> usize {
        match self {
            Self::Zeros => 0,
            Self::Reflect if padding == 0 => 0,
            Self::Reflect => padding + 1,
            Self::Circular => padding,
        }
    }

    /// For each place of the padded input that of the input which stands there, or none for a zero. The input has the
    /// places that [`PaddingMode::least`] asks for.
    pub(super) fn places(self, size: usize, before: usize, after: usize) -> Vec<Option<usize>> {
        let place = |i: usize| match self {
            _ if (before..before + size).contains(&i) => Some(i - before),
            Self::Zeros => None,
            Self::Reflect if i < before => Some(before - i),
            Self::Reflect => Some(2 * (size - 1) - (i - before)),
            Self::Circular => Some((i + size - before) % size),
        };
        (0..before + size + after).map(place).collect()
    }

    /// `x` with `before` and `after` more places along `dim`.
    pub(super) fn pad(self, x: &Tensor, dim: usize, before: usize, after: usize) -> Result<Tensor> {
        if before + after == 0 {
            return Ok(x.clone());
        }
        if self == Self::Zeros {
            return Ok(x.pad_with_zeros(dim, before, after)?);
        }
        if self == Self::Circular {
            // Whole pieces: a net of four such layers trained in three quarters of the processor time that gathering places took.
            let piece = |start, n| x.narrow(dim, start, n)?.contiguous();
            return Ok(Tensor::cat(&[piece(x.dim(dim)? - before, before)?, x.contiguous()?, piece(0, after)?], dim)?);
        }
        let places = REFLECTED.get((x.dim(dim)?, before, after), x.device(), |&(size, before, after)| {
            table(
                self.places(size, before, after).into_iter().flatten().map(|place| place as u32).collect(),
                x.device(),
            )
        })?;
        // The backward pass of `index_select` wants a contiguous input.
        Ok(x.contiguous()?.index_select(&places, dim)?)
    }
}
