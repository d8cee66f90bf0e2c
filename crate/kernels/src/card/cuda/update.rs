use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, LaunchConfig, PushKernelArg};
use candle_core::{Tensor, Var};
use candlelight_base::Result;

use super::{BLOCKS, THREADS, address, card, real};
use crate::card::rule::{MEMORIES, NAME, Program, ROWS};
use crate::update::Rule;

/// A parameter of a launch: the addresses of its numbers, gradients and memories, and how many numbers they are.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Row {
    theta: u64,
    gradient: u64,
    memory: [u64; MEMORIES],
    n: u64,
}

/// The first argument of the kernel.
#[repr(C)]
struct Table([Row; ROWS]);

// SAFETY: numbers of eight bytes alone, which lie as in C.
unsafe impl DeviceRepr for Table {}

pub(in crate::card) fn update<R: Rule>(rule: R, parameters: &[(&Var, &Tensor)], memory: &[Tensor]) -> Result<()> {
    let Some((first, _)) = parameters.first() else { return Ok(()) };
    let (card, dtype) = (card(first)?, first.dtype());
    let Program { text, constants } = Program::new(rule, dtype, memory.len());
    let constants: Vec<u64> = constants.into_iter().map(|constant| real(constant, dtype)).collect();
    // What the driver has compiled is kept under its text.
    let function = card.get_or_load_custom_func(NAME, &text, &text)?;
    let starts = memory.iter().map(address).collect::<Result<Vec<u64>>>()?;
    let mut before = 0;
    for parameters in parameters.chunks(ROWS) {
        let mut table = Table([Row::default(); ROWS]);
        let mut most = 0;
        for (row, (theta, gradient)) in table.0.iter_mut().zip(parameters) {
            let n = theta.elem_count();
            let mut own = [0; MEMORIES];
            for (own, start) in own.iter_mut().zip(&starts) {
                *own = start + (before * dtype.size_in_bytes()) as u64;
            }
            *row = Row { theta: address(theta)?, gradient: address(gradient)?, memory: own, n: n as u64 };
            before += n;
            most = most.max(n);
        }
        let mut builder = function.builder();
        builder.arg(&table);
        for constant in &constants {
            builder.arg(constant);
        }
        let blocks = most.div_ceil(THREADS as usize).clamp(1, BLOCKS) as u32;
        let config = LaunchConfig {
            grid_dim: (blocks, parameters.len() as u32, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the table and the constants are what `Program` has declared; each row names memory of `n` numbers, which
        // the caller holds.
        unsafe { builder.launch(config) }.w().map_err(candle_core::Error::from)?;
    }
    Ok(())
}
