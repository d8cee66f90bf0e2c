//! Mini-batches.

use candle_core::Tensor;
use candlelight_base::range;

use crate::Result;
use crate::data::Dataset;

/// The batches of one epoch, as pairs (inputs, targets): made by [`Dataset::batches`] and
/// [`Dataset::shuffled_batches`].
///
/// It owns what it needs, so it can be kept in a variable of a notebook.
#[derive(Debug, Clone)]
pub struct Batches {
    data: Dataset,
    size: usize,
    order: Option<Tensor>,
    position: usize,
    end: usize,
}

impl Batches {
    pub(super) fn new(data: Dataset, size: usize, order: Option<Tensor>) -> Result<Self> {
        range::at_least_one("batch size", size)?;
        Ok(Self { end: data.len(), data, size, order, position: 0 })
    }

    /// Whether to leave out a last batch that is smaller than the others (default: no, as in PyTorch).
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.end = if drop_last { self.data.len() / self.size * self.size } else { self.data.len() };
        self
    }

    fn batch(&self, start: usize, n: usize) -> Result<(Tensor, Tensor)> {
        let Dataset { inputs, targets } = match &self.order {
            None => self.data.rows(start, n)?,
            Some(order) => self.data.select(&order.narrow(0, start, n)?)?,
        };
        Ok((inputs, targets))
    }
}

impl Iterator for Batches {
    type Item = Result<(Tensor, Tensor)>;

    fn next(&mut self) -> Option<Self::Item> {
        let n = self.size.min(self.end.checked_sub(self.position).filter(|&left| left > 0)?);
        let batch = self.batch(self.position, n);
        self.position += n;
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.position).div_ceil(self.size);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batches {}
