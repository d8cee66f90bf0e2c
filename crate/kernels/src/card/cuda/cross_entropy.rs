use candle_core::{DType, Tensor};
use candlelight_base::{Error, Result};

use super::{Argument as _, Grid, Source, THREADS, address, card, launch, ptx, real, room, suffix, tensor};
use crate::autograd::made;
use crate::contiguous;

const SOURCE: Source = Source { name: "candlelight-cross-entropy", text: ptx::CROSS_ENTROPY };

/// Threads of a warp, which takes a row.
const WARP: usize = 32;

pub(in crate::card) fn cross_entropy(logits: &Tensor, labels: &Tensor, scale: f64) -> Result<Tensor> {
    let (card, dtype) = (card(logits)?, logits.dtype());
    let of_labels = match labels.dtype() {
        DType::U8 => "u8",
        DType::U32 => "u32",
        DType::I64 => "i64",
        actual => return Err(Error::DType { what: "labels", expected: "U8, U32 or I64", actual }),
    };
    let suffix = format!("{}_{of_labels}", suffix(dtype));
    let (input, labels) = (contiguous(&logits.detach())?, contiguous(labels)?);
    let count = labels.elem_count();
    let classes = logits.elem_count() / count.max(1);
    let known =
        [(count as u32).bits(), (classes as u32).bits(), address(&input)?, address(&labels)?, real(scale, dtype)];
    let (loss, loss_at) = room(&card, 1, dtype)?;
    // One block: a sum in a fixed order, without a second launch.
    let all = Grid { blocks: (1, 1), threads: ((count * WARP).min(1024) as u32, 1) };
    launch(&card, SOURCE, &format!("cross_entropy_{suffix}"), all, &[&known[..], &[loss_at]].concat())?;
    made("cross_entropy", &[logits], loss, (), move |gradient, _| {
        // The addresses in `known` are of these two.
        let (input, _labels) = (&input, &labels);
        let (dz, dz_at) = room(&card, input.elem_count(), dtype)?;
        let grid = Grid { blocks: ((count * WARP).div_ceil(THREADS as usize) as u32, 1), threads: (THREADS, 1) };
        let arguments = [&known[..], &[address(gradient)?, dz_at]].concat();
        launch(&card, SOURCE, &format!("cross_entropy_backward_{suffix}"), grid, &arguments)?;
        Ok(vec![Some(tensor(dz, input.shape()))])
    })
}
