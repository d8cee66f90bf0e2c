use candle_core::Tensor;
use candlelight_base::Result;

use super::{Argument as _, Grid, Source, address_or_null, card, launch, ptx, room, suffix, tensor};

const SOURCE: Source = Source { name: "candlelight-recurrent", text: ptx::RECURRENT };

/// A matrix on the card of `like` that is to be written, each row before it is read.
pub(in crate::card) fn unwritten(like: &Tensor, rows: usize, width: usize) -> Result<Tensor> {
    let (storage, _) = room(&card(like)?, rows * width, like.dtype())?;
    Ok(tensor(storage, (rows, width)))
}

/// The kernel of a step, or of its way back, for `n` states of `hidden` numbers; `relu` where a cell has the choice.
pub(in crate::card) fn launch_step(
    name: &str,
    like: &Tensor,
    (n, hidden): (usize, usize),
    relu: Option<bool>,
    arrays: &[Option<Tensor>],
) -> Result<()> {
    let sizes = [n as u32, hidden as u32].into_iter().chain(relu.map(u32::from));
    let mut arguments: Vec<u64> = sizes.map(|size| size.bits()).collect();
    for array in arrays {
        arguments.push(address_or_null(array.as_ref())?);
    }
    launch(&card(like)?, SOURCE, &format!("{name}_{}", suffix(like.dtype())), Grid::over(n * hidden), &arguments)
}
