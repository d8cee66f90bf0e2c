//! Pieces of PTX and what they give.

mod arithmetic;
mod bits;
mod comparisons;
mod conversions;
mod convolutions;
mod driver;
mod faults;
mod files;
mod libraries;
mod memories;
mod speed;
mod together;

use crate::machine::{Fault, Launch, Program, run};
use crate::ptx::{Module, decode};

/// A module with this text.
pub(crate) fn module(text: &str) -> Module {
    Module::read(&format!(".version 9.0\n.target sm_90\n.address_size 64\n{text}")).expect("a module that can be read")
}

/// The kernel with this name in a module without variables.
pub(crate) fn kernel(text: &str, name: &str) -> Program {
    decode(&module(text), name, &Default::default()).expect("a kernel that can be decoded")
}

/// Device memory for a test.
pub(crate) struct Memory(pub(crate) u64, usize);

impl Memory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(crate::memory::allocate(bytes).expect("memory"), bytes)
    }

    pub(crate) fn of(values: &[u64]) -> Self {
        let memory = Self::new(values.len() * 8);
        for (at, value) in values.iter().enumerate() {
            // SAFETY: it was allocated for this.
            unsafe { (memory.0 as *mut u64).add(at).write(*value) };
        }
        memory
    }

    pub(crate) fn read<T: Copy>(&self) -> Vec<T> {
        // SAFETY: the bytes are there as long as `self`.
        unsafe { std::slice::from_raw_parts(self.0 as *const T, self.1 / size_of::<T>()) }.to_vec()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        crate::memory::free(self.0);
    }
}

/// Runs a kernel whose parameters have 64 bits each.
pub(crate) fn launch(
    program: &Program,
    blocks: u32,
    threads: u32,
    shared: u32,
    parameters: &[u64],
) -> Result<(), Fault> {
    run(&Launch {
        program,
        blocks: [blocks, 1, 1],
        threads: [threads, 1, 1],
        shared,
        shared_limit: 49152,
        parameters: parameters.iter().flat_map(|value| value.to_le_bytes()).collect(),
    })
}

/// What an instruction leaves in `%d` of the register type `to`, for operands `%a`, `%b`, `%c` of the type `from` and these bits.
///
/// `%q` and `%p` are predicates; `%p` is stored as 0 or 1 where `to` is `pred`.
pub(crate) fn compute(instruction: &str, to: &str, from: &str, operands: &[u64]) -> u64 {
    let (bits, from_bits) = (width(to), width(from));
    let loads: String = ["a", "b", "c"]
        .iter()
        .zip(0..operands.len())
        .map(|(name, at)| format!("ld.global.b{from_bits} %{name}, [%rd0+{}];", at * 8))
        .collect();
    let (declare, store) = if to == "pred" {
        (String::new(), "selp.b32 %r0, 1, 0, %p; st.global.b32 [%rd1], %r0;".to_string())
    } else {
        (format!(".reg .b{bits} %d;"), format!("st.global.b{bits} [%rd1], %d;"))
    };
    let text = format!(
        ".visible .entry test(.param .u64 in, .param .u64 out) {{
            .reg .pred %p, %q; .reg .b64 %rd<2>; .reg .b32 %r<4>; .reg .b{from_bits} %a, %b, %c; {declare}
            ld.param.u64 %rd0, [in]; ld.param.u64 %rd1, [out];
            {loads} {instruction} {store} ret;
        }}"
    );
    let (input, output) = (Memory::of(operands), Memory::of(&[0]));
    launch(&kernel(&text, "test"), 1, 1, 0, &[input.0, output.0]).expect("a kernel that runs");
    output.read::<u64>()[0]
}

fn width(kind: &str) -> u32 {
    kind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(32)
}

/// An instruction on F32.
pub(crate) fn single(instruction: &str, operands: &[f32]) -> f32 {
    f32::from_bits(single_bits(instruction, operands))
}

/// The same, as bits.
pub(crate) fn single_bits(instruction: &str, operands: &[f32]) -> u32 {
    let operands: Vec<u64> = operands.iter().map(|value| u64::from(value.to_bits())).collect();
    compute(&written(instruction, operands.len()), "f32", "f32", &operands) as u32
}

/// An instruction on F64.
pub(crate) fn double(instruction: &str, operands: &[f64]) -> f64 {
    let operands: Vec<u64> = operands.iter().map(|value| value.to_bits()).collect();
    f64::from_bits(compute(&written(instruction, operands.len()), "f64", "f64", &operands))
}

/// `add.f32` with its operands.
pub(crate) fn written(instruction: &str, operands: usize) -> String {
    format!("{instruction} %d, {};", ["%a", "%b", "%c"][..operands].join(", "))
}
