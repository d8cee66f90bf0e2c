use std::sync::Arc;

use candle_core::DType;
use candle_core::backprop::GradStore;

use super::flat::{FlatParams, from_f64, to_f64};
use super::{Communicator, Values};
use crate::params::Params;
use crate::{Error, Result};

/// Above this an index is no F32 any more.
const LARGEST_IN_F32: usize = 1 << 24;

/// The mean of the ranks' gradients, of each only the k entries of greatest magnitude: 2k numbers a rank travel instead of P.
///
/// ```text
/// p_r = g_r + e_r            s_r = the k entries of p_r that are largest in magnitude, else 0
/// g = (1/N) Σ_r s_r          e_r ← p_r - s_r, or 0 without feedback
/// ```
///
/// g_r: the gradient of rank r; e_r: its memory, at first 0. With the memory everything travels in the end: what was sent and
/// what is remembered add up to all gradients. Without it, an entry that is never among the largest is lost. The indices
/// travel as numbers of the parameters' dtype. Stich, Cordonnier and Jaggi (2018), "Sparsified SGD with Memory", algorithm 1;
/// Karimireddy, Rebjock, Stich and Jaggi (2019), "Error Feedback Fixes SignSGD", algorithm 2. There the memory holds η g; here
/// it holds g, so that it can stand before any optimizer. That is the same while the rate stays.
///
/// ```
/// use candlelight::{distributed::{TopK, cluster}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let run = cluster(2, |comm| {
///     let params = Params::new(0, &Device::Cpu)?;
///     let x = params.var("x", 3, Init::Constant(0.))?;
///     let factors = Tensor::new(&[3f32, -5., 4.], &Device::Cpu)?;
///     let gradients = (x.as_tensor() * factors)?.sum_all()?.backward()?;
///     let mut top = TopK::new(comm, &params, 1, true)?;
///     let sent: Vec<Vec<f32>> = (0..2)
///         .map(|_| Ok(top.mean(&gradients)?.get(&x).expect("a gradient").to_vec1()?))
///         .collect::<Result<_>>()?;
///     Ok(sent)
/// })?;
/// assert_eq!(run.results[0], [[0., -5., 0.], [0., 0., 8.]]); // the second time 4 + 4 was the largest
/// # Ok(()) }
/// ```
pub struct TopK {
    comm: Arc<dyn Communicator>,
    flat: FlatParams,
    k: usize,
    feedback: bool,
    memory: Vec<f64>,
}

impl TopK {
    /// `k`: entries that travel, 1 to the number of all; `feedback`: whether the others are remembered.
    ///
    /// # Errors
    /// `k` outside its range; no parameter to train; more than 2²⁴ numbers in F32, which cannot hold their indices.
    pub fn new(comm: &Arc<dyn Communicator>, params: &Params, k: usize, feedback: bool) -> Result<Self> {
        let flat = FlatParams::new(params)?;
        if !(1..=flat.len()).contains(&k) {
            let actual = format!("{k} of {}", flat.len());
            return Err(Error::setting("k", "at least 1 and at most the numbers of the model", actual));
        }
        if flat.dtype() == DType::F32 && flat.len() > LARGEST_IN_F32 {
            return Err(Error::setting("numbers of the model", "at most 2^24 in F32", flat.len()));
        }
        Ok(Self { comm: comm.clone(), k, feedback, memory: vec![0.0; flat.len()], flat })
    }

    /// The mean gradient, the same on all ranks. All of them call this.
    ///
    /// # Errors
    /// A missing gradient or one of another shape; a rank that is gone or silent, or has another `k` or model.
    pub fn mean(&mut self, gradients: &GradStore) -> Result<GradStore> {
        let dtype = self.flat.dtype();
        let mut whole = to_f64(&self.flat.gradients(gradients)?);
        whole.iter_mut().zip(&self.memory).for_each(|(g, e)| *g += e);
        let indices = largest(&whole, self.k);
        let entries = indices.iter().map(|&i| whole[i]);
        let message = from_f64(dtype, indices.iter().map(|&i| i as f64).chain(entries).collect());
        if self.feedback {
            // What the rounding of the entries loses stays in the memory as well.
            let sent = to_f64(&message);
            self.memory = whole;
            indices.iter().zip(&sent[self.k..]).for_each(|(&i, sent)| self.memory[i] -= sent);
        }
        let all = to_f64(&match &message {
            Values::F32(numbers) => Values::F32(self.comm.all_gather(numbers)?),
            Values::F64(numbers) => Values::F64(self.comm.all_gather(numbers)?),
        });
        let mut mean = vec![0.0; self.flat.len()];
        for (rank, of_rank) in all.chunks(2 * self.k).enumerate() {
            let (indices, entries) = of_rank.split_at(self.k);
            for (index, entry) in indices.iter().zip(entries) {
                let Some(place) = mean.get_mut(*index as usize) else {
                    let actual = format!("{index} of rank {rank}, whose model is another");
                    return Err(Error::setting("index of an entry", "below the numbers of the model", actual));
                };
                *place += entry / self.comm.size() as f64;
            }
        }
        self.flat.store(&from_f64(dtype, mean))
    }

    /// Σ e² of what is remembered on this rank.
    pub fn remembered(&self) -> f64 {
        self.memory.iter().map(|e| e * e).sum()
    }
}

/// The indices of the k entries of greatest magnitude, in ascending order; of equal ones the first.
fn largest(values: &[f64], k: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..values.len()).collect();
    if k < indices.len() {
        let order = |&a: &usize, &b: &usize| values[b].abs().total_cmp(&values[a].abs()).then(a.cmp(&b));
        indices.select_nth_unstable_by(k, order);
        indices.truncate(k);
    }
    indices.sort_unstable();
    indices
}
