//! Which input lies under which place of the kernel, for each output.

use candle_core::{Device, Tensor};
use candlelight_kernels::geometry::Axis;

use crate::Result;
use crate::nn::tables::{NONE, Tables, table};

/// The tables of a geometry; of a kernel of one place that sees every input once, and in order, there are none.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// For each place of the kernel and output the input there: [taps · outputs].
    pub inputs: Tensor,
    /// For each place of the kernel and input the output that sees it there, if the stride is 1 each way: then there mostly
    /// is one. [taps · inputs].
    pub outputs: Option<Tensor>,
}

static PLACES: Tables<[Axis; 2], Option<Places>> = Tables::new();

/// The tables of `axes`, rows first, on `device`.
pub(super) fn places(axes: [Axis; 2], device: &Device) -> Result<Option<Places>> {
    PLACES.get(axes, device, |&[down, across]| {
        if [down, across].iter().all(|axis| axis.kernel == 1 && axis.stride == 1 && axis.padding == 0) {
            return Ok(None);
        }
        let dense = down.stride == 1 && across.stride == 1;
        let inputs = table(flat([down, across], across.input, |axis| axis.output, input), device)?;
        let outputs =
            dense.then(|| table(flat([down, across], across.output, |axis| axis.input, output), device)).transpose()?;
        Ok(Some(Places { inputs, outputs }))
    })
}

/// The input under place `k` of the kernel at output `i`.
fn input(axis: Axis, i: usize, k: usize) -> Option<usize> {
    (i * axis.stride + k * axis.dilation).checked_sub(axis.padding).filter(|&input| input < axis.input)
}

/// The output that sees input `i` under place `k` of the kernel, with stride 1.
fn output(axis: Axis, i: usize, k: usize) -> Option<usize> {
    (i + axis.padding).checked_sub(k * axis.dilation).filter(|&output| output < axis.output)
}

/// What `find` finds for each tap, row and column, as a place in a plane of rows of `width`.
fn flat(
    [down, across]: [Axis; 2],
    width: usize,
    size: impl Fn(Axis) -> usize,
    find: impl Fn(Axis, usize, usize) -> Option<usize>,
) -> Vec<u32> {
    let mut all = Vec::with_capacity(down.kernel * across.kernel * size(down) * size(across));
    for k in 0..down.kernel {
        for l in 0..across.kernel {
            for i in 0..size(down) {
                let row = find(down, i, k);
                let place = |j| Some((row? * width + find(across, j, l)?) as u32);
                all.extend((0..size(across)).map(|j| place(j).unwrap_or(NONE)));
            }
        }
    }
    all
}
