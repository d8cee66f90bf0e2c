//! The same parameters on all ranks: checked, and made so.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::distributed::{Communicator, Element};
use crate::params::Param;
use crate::{Error, Result};

/// Refuses parameters whose names, shapes, order or kind are not those of rank 0: with the same error on all ranks.
pub(super) fn check(comm: &Arc<dyn Communicator>, params: &[Param]) -> Result<()> {
    let lines: Vec<String> = params.iter().map(describe).collect();
    let mine = lines.join("\n").into_bytes();
    // Ranks that differ may have texts of different lengths.
    let lengths = comm.all_gather(&[mine.len() as f64])?;
    let longest = lengths.iter().copied().fold(0.0, f64::max) as usize;
    let mut padded: Vec<f32> = mine.into_iter().map(f32::from).collect();
    padded.resize(longest, 0.0);
    let all = comm.all_gather(&padded)?;
    let text = |rank: usize| -> Vec<u8> {
        let own = &all[rank * longest..][..lengths[rank] as usize];
        own.iter().map(|&byte| byte as u8).collect()
    };
    let first = text(0);
    for rank in 1..comm.size() {
        let other = text(rank);
        if other != first {
            return Err(difference(rank, &String::from_utf8_lossy(&first), &String::from_utf8_lossy(&other)));
        }
    }
    Ok(())
}

/// In a line, with the name first.
fn describe(param: &Param) -> String {
    let kind = match (param.buffer, param.trainable) {
        (true, _) => "buffer",
        (false, true) => "trainable",
        (false, false) => "frozen",
    };
    format!("{}: {kind} {:?} {:?}", param.name, param.var.dtype(), param.var.dims())
}

fn difference(rank: usize, first: &str, other: &str) -> Error {
    let (mut first, mut other) = (first.lines(), other.lines());
    loop {
        let (left, right) = (first.next(), other.next());
        if left == right && left.is_some() {
            continue;
        }
        let name = |line: &str| line.split_once(": ").unwrap_or((line, "")).0.to_owned();
        let name = left.or(right).map(name).unwrap_or_default();
        let or_none = |line: Option<&str>| line.map_or("no further parameter".to_owned(), |line| format!("`{line}`"));
        let problem = format!("rank {rank} has {}, rank 0 {}", or_none(right), or_none(left));
        return Error::Parameter { name, problem };
    }
}

/// Gives all ranks the values of rank 0, in messages of about so many bytes.
pub(super) fn broadcast(comm: &Arc<dyn Communicator>, params: &[Param], dtype: DType, bytes: usize) -> Result<()> {
    match dtype {
        DType::F64 => broadcast_as::<f64>(comm, params, bytes),
        _ => broadcast_as::<f32>(comm, params, bytes),
    }
}

fn broadcast_as<T: Element>(comm: &Arc<dyn Communicator>, params: &[Param], bytes: usize) -> Result<()> {
    let mut rest = params;
    while !rest.is_empty() {
        let mut values: Vec<T> = Vec::new();
        let mut count = 0;
        for param in rest {
            if count > 0 && size_of_val(values.as_slice()) >= bytes {
                break;
            }
            values.extend(param.var.as_detached_tensor().flatten_all()?.to_vec1::<T>()?);
            count += 1;
        }
        comm.broadcast(&mut values, 0)?;
        let (part, after) = rest.split_at(count);
        let mut start = 0;
        for Param { var, .. } in part.iter().filter(|_| comm.rank() > 0) {
            let end = start + var.elem_count();
            var.set(&Tensor::from_slice(&values[start..end], var.shape(), &Device::Cpu)?.to_device(var.device())?)?;
            start = end;
        }
        rest = after;
    }
    Ok(())
}
