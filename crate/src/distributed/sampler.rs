//! Which samples of an epoch are whose.

use std::sync::Arc;

use candle_core::Tensor;
use candlelight_base::range;

use super::Communicator;
use super::schedule::chunk;
use crate::data::Dataset;
use crate::rng::{Rng, permutation};
use crate::{Error, Result};

/// Cuts each batch of an epoch into a share for each rank.
///
/// ```text
/// global batch b = samples b·N·M … (b + 1)·N·M - 1 of the epoch's order;   rank r has ⌊r n/N⌋ … ⌊(r + 1) n/N⌋ - 1 of its n
/// ```
///
/// N ranks, M samples each. The order of an epoch depends on the generator alone, not on N: the global batches of N ranks of M
/// samples are those of one rank of N·M, sample by sample. The last of an epoch has what is left, n below N·M; shares then
/// differ by at most 1 sample, and may be empty, which [`DataParallel`](super::DataParallel) takes. So every sample is seen once.
///
/// PyTorch's `DistributedSampler` repeats samples until the ranks have equal shares, and deals them out one by one.
///
/// ```
/// use candlelight::{distributed::{ShardedSampler, cluster}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::arange(0f32, 10., &Device::Cpu)?;
/// let data = Dataset::new(&x, &x)?;
/// let run = cluster(2, |comm| {
///     let batches = ShardedSampler::new(comm, 4)?.batches(&data);
///     batches.map(|batch| Ok(batch?.0.to_vec1::<f32>()?)).collect::<Result<Vec<_>>>()
/// })?;
/// assert_eq!(run.results[0], [vec![0., 1., 2., 3.], vec![8.]]);
/// assert_eq!(run.results[1], [vec![4., 5., 6., 7.], vec![9.]]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardedSampler {
    rank: usize,
    size: usize,
    batch_size: usize,
}

impl ShardedSampler {
    /// Shares of `batch_size` samples a rank, at least 1: M.
    ///
    /// # Errors
    /// A size outside its range.
    pub fn new(comm: &Arc<dyn Communicator>, batch_size: usize) -> Result<Self> {
        range::at_least_one("batch size", batch_size)?;
        let (rank, size) = (comm.rank(), comm.size());
        if size.checked_mul(batch_size).is_none() {
            return Err(Error::setting("batch size", "such that that of all ranks is a number of samples", batch_size));
        }
        Ok(Self { rank, size, batch_size })
    }

    /// This rank's shares of an epoch in the order of the data.
    pub fn batches(&self, data: &Dataset) -> ShardedBatches {
        ShardedBatches { sampler: *self, data: data.clone(), order: None, position: 0 }
    }

    /// This rank's shares of an epoch in a random order, that of [`Dataset::shuffled_batches`]. All ranks need generators in
    /// the same state.
    pub fn shuffled_batches(&self, data: &Dataset, rng: &mut Rng) -> ShardedBatches {
        let order = Some(permutation(rng, data.len()));
        ShardedBatches { order, ..self.batches(data) }
    }
}

/// A rank's shares of the batches of one epoch, as pairs (inputs, targets): made by [`ShardedSampler`].
///
/// All ranks get as many, so that they can work together on each.
#[derive(Debug, Clone)]
pub struct ShardedBatches {
    sampler: ShardedSampler,
    data: Dataset,
    order: Option<Vec<u32>>,
    position: usize,
}

impl ShardedBatches {
    fn global(&self) -> usize {
        self.sampler.size * self.sampler.batch_size
    }

    fn share(&self, start: usize, n: usize) -> Result<(Tensor, Tensor)> {
        let mine = chunk(self.sampler.rank, self.sampler.size, n);
        let (start, n) = (start + mine.start, mine.len());
        match &self.order {
            None => Ok((self.data.inputs().narrow(0, start, n)?, self.data.targets().narrow(0, start, n)?)),
            Some(order) => {
                let share = self.data.subset(&order[start..start + n])?;
                Ok((share.inputs().clone(), share.targets().clone()))
            }
        }
    }
}

impl Iterator for ShardedBatches {
    type Item = Result<(Tensor, Tensor)>;

    fn next(&mut self) -> Option<Self::Item> {
        let n = self.global().min(self.data.len().checked_sub(self.position).filter(|&left| left > 0)?);
        let share = self.share(self.position, n);
        self.position += n;
        Some(share)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.data.len().saturating_sub(self.position).div_ceil(self.global());
        (left, Some(left))
    }
}

impl ExactSizeIterator for ShardedBatches {}
