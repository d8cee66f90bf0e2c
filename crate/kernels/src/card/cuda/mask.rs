use candle_core::{DType, Device, Shape, Tensor};
use candlelight_base::Result;

use super::{Argument as _, Grid, Source, launch, ptx, real, room, suffix, tensor};
use crate::card::{Odds, Words};

const SOURCE: Source = Source { name: "candlelight-mask", text: ptx::MASK };

pub(in crate::card) fn mask(
    words: &Words,
    odds: Odds,
    kept: f64,
    shape: &Shape,
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    let (card, n) = (device.as_cuda_device()?, shape.elem_count());
    let (mask, mask_at) = room(card, n, dtype)?;
    // 16 words a block.
    let (counter, first) = ((words.place / 16) as u64, (words.place % 16) as u32);
    let mut arguments = vec![(n as u32).bits()];
    arguments.extend(words.key.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes).bits()));
    arguments.extend([words.stream.bits(), counter.bits(), first.bits()]);
    arguments.extend([u32::from(odds.whole).bits(), odds.rest.bits(), real(kept, dtype), mask_at]);
    launch(card, SOURCE, &format!("mask_{}", suffix(dtype)), Grid::over(n.div_ceil(32) + 1), &arguments)?;
    Ok(tensor(mask, shape))
}
