//! The functions of `libcudnn.so.9` that convolutions along two axes need.
//!
//! y = α op + β y, in F32 and F64. Products and sums of F32 are those of F64, rounded once, at the end; F64 is summed in order.
//!
//! As on cards since the A100, F32 is multiplied with the digits of TF32 unless the descriptor's math type is `CUDNN_FMA_MATH`. Each
//! operation counts as a launch, with the number of its algorithm: `cudnnConvolutionBackwardData(1)`. All algorithms give the same bits
//! here; on a card, number 0 of the two gradients does not. All of them ask for a workspace, and write to it.

mod convolution;
mod descriptor;
mod library;
mod operation;
mod status;
mod table;
mod tensor;
