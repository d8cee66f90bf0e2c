use candle_core::Tensor;
use candlelight_base::Result;

use super::{Argument as _, Grid, Source, address, address_or_null, card, launch, ptx, room, suffix, tensor};
use crate::card::LstmStep;
use crate::contiguous;

const SOURCE: Source = Source { name: "candlelight-lstm", text: ptx::LSTM };

pub(in crate::card) fn step(of_input: &Tensor, of_state: &Tensor, cell: &Tensor) -> Result<LstmStep> {
    let (card, (n, hidden), dtype) = (card(cell)?, cell.dims2()?, cell.dtype());
    let [of_input, of_state, cell] = [of_input, of_state, cell].map(contiguous);
    let (h, h_at) = room(&card, n * hidden, dtype)?;
    let (next, next_at) = room(&card, n * hidden, dtype)?;
    let (gates, gates_at) = room(&card, 4 * n * hidden, dtype)?;
    let (of_input, of_state, cell) = (of_input?, of_state?, cell?);
    let arguments = [
        (n as u32).bits(),
        (hidden as u32).bits(),
        address(&of_input)?,
        address(&of_state)?,
        address(&cell)?,
        h_at,
        next_at,
        gates_at,
    ];
    launch(&card, SOURCE, &format!("lstm_step_{}", suffix(dtype)), Grid::over(n * hidden), &arguments)?;
    let state = |storage| tensor(storage, (n, hidden));
    Ok(LstmStep { h: state(h), before: cell, cell: state(next), gates: tensor(gates, (n, 4 * hidden)) })
}

pub(in crate::card) fn back(step: &LstmStep, dh: &Tensor, later: Option<&Tensor>) -> Result<(Tensor, Tensor)> {
    let (card, (n, hidden), dtype) = (card(dh)?, dh.dims2()?, dh.dtype());
    let (dh, later) = (contiguous(dh)?, later.map(contiguous).transpose()?);
    let (dsums, dsums_at) = room(&card, 4 * n * hidden, dtype)?;
    let (dcell, dcell_at) = room(&card, n * hidden, dtype)?;
    let arguments = [
        (n as u32).bits(),
        (hidden as u32).bits(),
        address(&step.gates)?,
        address(&step.before)?,
        address(&step.cell)?,
        address(&dh)?,
        address_or_null(later.as_ref())?,
        dsums_at,
        dcell_at,
    ];
    launch(&card, SOURCE, &format!("lstm_back_{}", suffix(dtype)), Grid::over(n * hidden), &arguments)?;
    Ok((tensor(dsums, (n, 4 * hidden)), tensor(dcell, (n, hidden))))
}
