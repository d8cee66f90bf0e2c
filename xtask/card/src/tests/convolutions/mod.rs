//! Convolutions and their gradients.

mod numbers;
mod refusals;
mod sums;

use super::Memory;

unsafe extern "C" {
    fn cudnnGetVersion() -> usize;
    fn cudnnSetStream(handle: usize, stream: usize) -> i32;
    fn cudnnCreate(handle: *mut usize) -> i32;
    fn cudnnDestroy(handle: usize) -> i32;
    fn cudnnCreateTensorDescriptor(descriptor: *mut usize) -> i32;
    fn cudnnSetTensor4dDescriptor(descriptor: usize, format: i32, kind: i32, n: i32, c: i32, h: i32, w: i32) -> i32;
    fn cudnnDestroyTensorDescriptor(descriptor: usize) -> i32;
    fn cudnnCreateFilterDescriptor(descriptor: *mut usize) -> i32;
    fn cudnnSetFilter4dDescriptor(descriptor: usize, kind: i32, format: i32, k: i32, c: i32, h: i32, w: i32) -> i32;
    fn cudnnDestroyFilterDescriptor(descriptor: usize) -> i32;
    fn cudnnCreateConvolutionDescriptor(descriptor: *mut usize) -> i32;
    fn cudnnSetConvolutionMathType(descriptor: usize, math: i32) -> i32;
    fn cudnnSetConvolutionGroupCount(descriptor: usize, groups: i32) -> i32;
    fn cudnnDestroyConvolutionDescriptor(descriptor: usize) -> i32;
}

/// What has more parameters than fit in a line. The operations have the same, in an order of their own.
macro_rules! declare {
    ($($name:ident, $workspace:ident;)*) => { unsafe extern "C" {
        fn cudnnSetTensor4dDescriptorEx(
            descriptor: usize, kind: i32, n: i32, c: i32, h: i32, w: i32, stride_n: i32, stride_c: i32, stride_h: i32, stride_w: i32,
        ) -> i32;
        fn cudnnSetConvolution2dDescriptor(
            descriptor: usize, pad_h: i32, pad_w: i32, stride_h: i32, stride_w: i32, dilation_h: i32, dilation_w: i32, mode: i32,
            computed: i32,
        ) -> i32;
        $(
            fn $name(
                handle: usize, alpha: usize, first: usize, at_first: u64, second: usize, at_second: u64, convolution: usize,
                algorithm: i32, workspace: u64, workspace_size: usize, beta: usize, result: usize, at_result: u64,
            ) -> i32;
            fn $workspace(
                handle: usize, first: usize, second: usize, convolution: usize, result: usize, algorithm: i32, size: *mut usize,
            ) -> i32;
        )*
    } };
}
declare! {
    cudnnConvolutionForward, cudnnGetConvolutionForwardWorkspaceSize;
    cudnnConvolutionBackwardData, cudnnGetConvolutionBackwardDataWorkspaceSize;
    cudnnConvolutionBackwardFilter, cudnnGetConvolutionBackwardFilterWorkspaceSize;
}

/// The type of F32 and that of F64; the math type with all digits.
const F32: i32 = 0;
const F64: i32 = 1;
const FMA: i32 = 3;

/// A type of numbers.
trait Number: Copy + Into<f64> + From<i16> {
    const KIND: i32;
}
impl Number for f32 {
    const KIND: i32 = F32;
}
impl Number for f64 {
    const KIND: i32 = F64;
}

/// A convolution.
#[derive(Clone, Copy, Debug)]
struct Case {
    x: [i32; 4],
    w: [i32; 4],
    y: [i32; 4],
    /// Padding, stride and dilation along the rows' axis and the columns'.
    axes: [(i32, i32, i32); 2],
    groups: i32,
    mode: i32,
    /// Those of x, if it does not lie one number after the other.
    strides: Option<[i32; 4]>,
}

/// One number times one.
const SINGLE: Case = Case { x: [1; 4], w: [1; 4], y: [1; 4], axes: [(0, 1, 1); 2], groups: 1, mode: 1, strides: None };

/// Which tensor an operation gives, from the other two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gives {
    X = 0,
    W = 1,
    Y = 2,
}

/// A handle of the library and descriptors.
#[derive(Clone, Copy)]
struct Set {
    library: usize,
    x: usize,
    w: usize,
    y: usize,
    convolution: usize,
}

fn created(create: unsafe extern "C" fn(*mut usize) -> i32) -> usize {
    let mut handle = 0;
    // SAFETY: there is room for a handle.
    assert_eq!(unsafe { create(&raw mut handle) }, 0);
    handle
}

impl Set {
    fn new(kind: i32, math: i32, case: &Case) -> Self {
        let set = Self {
            library: created(cudnnCreate),
            x: created(cudnnCreateTensorDescriptor),
            w: created(cudnnCreateFilterDescriptor),
            y: created(cudnnCreateTensorDescriptor),
            convolution: created(cudnnCreateConvolutionDescriptor),
        };
        let Case { x: [n, c, h, w], w: [k, part, r, s], y: [batch, channels, p, q], axes, groups, mode, strides } =
            *case;
        let [(pad_h, stride_h, dilation_h), (pad_w, stride_w, dilation_w)] = axes;
        // SAFETY: the functions take numbers.
        let statuses = unsafe {
            [
                match strides {
                    Some([sn, sc, sh, sw]) => cudnnSetTensor4dDescriptorEx(set.x, kind, n, c, h, w, sn, sc, sh, sw),
                    None => cudnnSetTensor4dDescriptor(set.x, 0, kind, n, c, h, w),
                },
                cudnnSetFilter4dDescriptor(set.w, kind, 0, k, part, r, s),
                cudnnSetTensor4dDescriptor(set.y, 0, kind, batch, channels, p, q),
                cudnnSetConvolution2dDescriptor(
                    set.convolution,
                    pad_h,
                    pad_w,
                    stride_h,
                    stride_w,
                    dilation_h,
                    dilation_w,
                    mode,
                    kind,
                ),
                cudnnSetConvolutionMathType(set.convolution, math),
                cudnnSetConvolutionGroupCount(set.convolution, groups),
            ]
        };
        assert_eq!(statuses, [0; 6]);
        set
    }

    /// The status of an operation on the x, w and y that lie at these addresses, with a workspace at an address and of a size.
    fn run<T>(&self, gives: Gives, number: i32, factors: &[T; 2], at: [u64; 3], workspace: (u64, usize)) -> i32 {
        let Self { library, x, w, y, convolution } = *self;
        let [alpha, beta] = factors.each_ref().map(|factor| &raw const *factor as usize);
        let ([at_x, at_w, at_y], (room, size)) = (at, workspace);
        // SAFETY: the factors are there for the call.
        unsafe {
            match gives {
                Gives::Y => cudnnConvolutionForward(
                    library,
                    alpha,
                    x,
                    at_x,
                    w,
                    at_w,
                    convolution,
                    number,
                    room,
                    size,
                    beta,
                    y,
                    at_y,
                ),
                Gives::X => cudnnConvolutionBackwardData(
                    library,
                    alpha,
                    w,
                    at_w,
                    y,
                    at_y,
                    convolution,
                    number,
                    room,
                    size,
                    beta,
                    x,
                    at_x,
                ),
                Gives::W => cudnnConvolutionBackwardFilter(
                    library,
                    alpha,
                    x,
                    at_x,
                    y,
                    at_y,
                    convolution,
                    number,
                    room,
                    size,
                    beta,
                    w,
                    at_w,
                ),
            }
        }
    }

    /// The status with which the size of a workspace is given, and the size.
    fn workspace(&self, gives: Gives, number: i32) -> (i32, usize) {
        let Self { library, x, w, y, convolution } = *self;
        let (ask, first, second, result): (unsafe extern "C" fn(_, _, _, _, _, _, _) -> _, _, _, _) = match gives {
            Gives::Y => (cudnnGetConvolutionForwardWorkspaceSize, x, w, y),
            Gives::X => (cudnnGetConvolutionBackwardDataWorkspaceSize, w, y, x),
            Gives::W => (cudnnGetConvolutionBackwardFilterWorkspaceSize, x, y, w),
        };
        let mut size = 0;
        // SAFETY: there is room for a size.
        let status = unsafe { ask(library, first, second, convolution, result, number, &raw mut size) };
        (status, size)
    }
}

/// Memory with these numbers.
fn holding<T: Copy>(values: &[T]) -> Memory {
    let memory = Memory::new(size_of_val(values));
    // SAFETY: it was allocated for this.
    unsafe { (memory.0 as *mut T).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    memory
}
