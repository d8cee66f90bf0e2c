//! Descriptors of tensors, filters and convolutions.

use super::convolution::{Axis, Convolution};
use super::status::{Outcome, Status, bad, finish, give, unsupported};
use super::table::Table;
use super::tensor::{Kind, Tensor};

static TENSORS: Table<Option<Tensor>> = Table::new("descriptor of a tensor");
static FILTERS: Table<Option<Tensor>> = Table::new("descriptor of a filter");
static CONVOLUTIONS: Table<Convolution> = Table::new("descriptor of a convolution");

/// A tensor that was made and set.
pub(super) fn tensor(handle: usize) -> Outcome<Tensor> {
    TENSORS.get(handle)?.map_or_else(|| bad(format!("{handle:#x}, the descriptor of a tensor that was not set")), Ok)
}

/// A filter that was made and set.
pub(super) fn filter(handle: usize) -> Outcome<Tensor> {
    FILTERS.get(handle)?.map_or_else(|| bad(format!("{handle:#x}, the descriptor of a filter that was not set")), Ok)
}

/// A convolution that was made.
pub(super) fn convolution(handle: usize) -> Outcome<Convolution> {
    CONVOLUTIONS.get(handle)
}

/// How descriptors of a kind are made and destroyed.
macro_rules! lives {
    ($($create:ident, $destroy:ident: $table:ident, $first:expr;)*) => {$(
        /// # Safety
        ///
        /// `descriptor` is null or points to room for a handle.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $create(descriptor: *mut usize) -> Status {
            // SAFETY: by the caller.
            finish(stringify!($create), unsafe { give(descriptor, $table.insert($first)) })
        }

        #[unsafe(no_mangle)]
        extern "C" fn $destroy(descriptor: usize) -> Status {
            finish(stringify!($destroy), $table.remove(descriptor))
        }
    )*};
}
lives! {
    cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor: TENSORS, None;
    cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor: FILTERS, None;
    cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor: CONVOLUTIONS, Convolution::default();
}

/// Sets a tensor or a filter, if it can be.
fn set(table: &Table<Option<Tensor>>, handle: usize, tensor: Outcome<Tensor>) -> Outcome {
    let tensor = tensor?;
    table.change(handle, |set| *set = Some(tensor))
}

#[unsafe(no_mangle)]
extern "C" fn cudnnSetTensor4dDescriptor(
    descriptor: usize,
    format: i32,
    kind: i32,
    n: i32,
    c: i32,
    h: i32,
    w: i32,
) -> Status {
    let tensor = Tensor::dense(format, kind, [n, c, h, w]);
    finish("cudnnSetTensor4dDescriptor", set(&TENSORS, descriptor, tensor))
}

#[unsafe(no_mangle)]
extern "C" fn cudnnSetTensor4dDescriptorEx(
    descriptor: usize,
    kind: i32,
    n: i32,
    c: i32,
    h: i32,
    w: i32,
    stride_n: i32,
    stride_c: i32,
    stride_h: i32,
    stride_w: i32,
) -> Status {
    let tensor = Tensor::strided(kind, [n, c, h, w], [stride_n, stride_c, stride_h, stride_w]);
    finish("cudnnSetTensor4dDescriptorEx", set(&TENSORS, descriptor, tensor))
}

#[unsafe(no_mangle)]
extern "C" fn cudnnSetFilter4dDescriptor(
    descriptor: usize,
    kind: i32,
    format: i32,
    k: i32,
    c: i32,
    h: i32,
    w: i32,
) -> Status {
    let filter = Tensor::dense(format, kind, [k, c, h, w]);
    finish("cudnnSetFilter4dDescriptor", set(&FILTERS, descriptor, filter))
}

#[unsafe(no_mangle)]
extern "C" fn cudnnSetConvolution2dDescriptor(
    descriptor: usize,
    pad_h: i32,
    pad_w: i32,
    stride_h: i32,
    stride_w: i32,
    dilation_h: i32,
    dilation_w: i32,
    mode: i32,
    computed: i32,
) -> Status {
    let axes = [(pad_h, stride_h, dilation_h), (pad_w, stride_w, dilation_w)];
    finish("cudnnSetConvolution2dDescriptor", set_convolution(descriptor, axes, mode, computed))
}

fn set_convolution(descriptor: usize, axes: [(i32, i32, i32); 2], mode: i32, computed: i32) -> Outcome {
    if axes.iter().any(|&(pad, stride, dilation)| pad < 0 || stride < 1 || dilation < 1) {
        return bad(format!("(padding, stride, dilation) {axes:?}, where they are to be at least (0, 1, 1)"));
    }
    if !(0..=1).contains(&mode) {
        return bad(format!("the mode {mode}, where it is to be 0 or 1, a cross-correlation"));
    }
    let computed = Kind::of(computed)?;
    let axes = axes.map(|(pad, stride, dilation)| Axis {
        pad: pad as usize,
        stride: stride as usize,
        dilation: dilation as usize,
    });
    CONVOLUTIONS.change(descriptor, |convolution| {
        (convolution.axes, convolution.turned, convolution.computed) = (Some(axes), mode == 0, computed);
    })
}

/// The default (0) and tensor cores (1) take TF32, fused multiplications and additions (3) all digits; conversion to fewer bytes (2) is
/// not known here.
#[unsafe(no_mangle)]
extern "C" fn cudnnSetConvolutionMathType(descriptor: usize, math: i32) -> Status {
    let outcome = match math {
        0 | 1 | 3 => CONVOLUTIONS.change(descriptor, |convolution| convolution.tf32 = math != 3),
        _ => unsupported(format!("the math type {math}, where 0 and 1 (TF32) and 3 (F32) are known")),
    };
    finish("cudnnSetConvolutionMathType", outcome)
}

#[unsafe(no_mangle)]
extern "C" fn cudnnSetConvolutionGroupCount(descriptor: usize, groups: i32) -> Status {
    let outcome = match usize::try_from(groups) {
        Ok(groups @ 1..) => CONVOLUTIONS.change(descriptor, |convolution| convolution.groups = groups),
        _ => bad(format!("{groups} groups, where at least one is expected")),
    };
    finish("cudnnSetConvolutionGroupCount", outcome)
}
