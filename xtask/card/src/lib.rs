//! A CUDA card in software: stands in for NVIDIA's driver and three of its libraries, and executes the PTX that a program hands them.
//!
//! A tool for tests, on machines without a card: right and legible before fast. The shared library exports what Candle asks of
//! `libcuda.so.1`, `libcublas.so.13` and `libcurand.so.10`, and what convolutions need of `libcudnn.so.9`; links under these names in a
//! folder of the loader's search path bring it in. `cuInit` gives the number in `CU_INIT` if it is set (100: there is no card); without,
//! there is one card.
//!
//! - `ptx`: from the text of a kernel to steps. An instruction that is not known is an error of the kernel that has it.
//! - `machine`: the steps, thread after thread, up to where threads wait for each other. Blocks run one after another, so every run of
//!   a kernel gives the same bits.
//! - `memory`: device memory is memory of the host; each access of a kernel must lie in something that was allocated.
//! - `driver`, `blas`, `dnn`, `random`: the functions that programs call. All is done when a call returns.
//!   With `CARD_ASSEMBLER=path`, NVIDIA's `ptxas` has to take each module that its compiler has not written.
//! - `counts`: launches, copies and waits, for tests and, with `CARD_REPORT=file`, as a report.

#![allow(unsafe_code)] // Pointers come from programs in C's calling convention, and kernels compute with addresses.
#![allow(non_snake_case)] // NVIDIA's names.

mod blas;
mod counts;
mod dnn;
mod driver;
mod errors;
mod machine;
mod memory;
mod number;
mod ptx;
mod random;

#[cfg(test)]
mod tests;
