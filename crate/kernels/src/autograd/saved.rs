//! How much memory a forward pass keeps for its backward pass.

use std::collections::HashSet;

use candle_core::{CpuStorage, Storage, Tensor};
use candlelight_base::{Error, Result, Scoped};

use super::tape::{TAPE, Tape};

/// Bytes of all activations that the layers of a forward pass keep until the backward pass has used them: PyTorch's saved
/// tensors.
///
/// Counted are the outputs of this crate's layers and losses, each once, as [`value_and_grad`](super::value_and_grad) holds
/// them. Not counted are parameters and data, which are there anyway, the few numbers that an operation keeps beside its
/// inputs and outputs (such as the mean and the variance of a channel), and results of Candle's own operations in between.
///
/// # Errors
/// Those of `forward`, or on a worker thread of rayon, where nothing is recorded.
///
/// ```
/// use candlelight::{autograd::saved_bytes, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new().push(linear(3, 8, params.pp("fc"))?).push(batch_norm1d(8, params.pp("bn"))?);
/// let x = Tensor::zeros((100, 3), DType::F32, &Device::Cpu)?;
/// // The 100 × 8 numbers of either layer, of 4 bytes each.
/// assert_eq!(saved_bytes(|| model.forward(&x, Mode::Train))?, 2 * 100 * 8 * 4);
/// # Ok(()) }
/// ```
pub fn saved_bytes(forward: impl FnOnce() -> Result<Tensor>) -> Result<usize> {
    if rayon::current_thread_index().is_some() {
        return Err(Error::setting("thread", "one outside of rayon's pool", "a worker"));
    }
    let recording = Scoped::new(&TAPE, Some(Tape::new()));
    let _output = forward()?;
    let tape = recording.finish();
    let mut seen = HashSet::new();
    let outputs = tape.iter().flat_map(|tape| &tape.nodes).flat_map(|node| &node.outputs);
    Ok(outputs.map(storage).filter(|(place, _)| seen.insert(*place)).map(|(_, bytes)| bytes).sum())
}

/// Where the numbers of a tensor lie, and how many bytes they take.
fn storage(tensor: &Tensor) -> (usize, usize) {
    let (storage, _) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(values)) => (values.as_ptr().addr(), size_of_val(values.as_slice())),
        Storage::Cpu(CpuStorage::F64(values)) => (values.as_ptr().addr(), size_of_val(values.as_slice())),
        // The kernels make no other.
        _ => (0, 0),
    }
}
