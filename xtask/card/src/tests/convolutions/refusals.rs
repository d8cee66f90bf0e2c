//! What is refused, and that only what runs is counted.

use super::{
    Case, F32, F64, FMA, Gives, Memory, SINGLE, Set, created, cudnnConvolutionForward, cudnnCreate,
    cudnnCreateConvolutionDescriptor, cudnnCreateFilterDescriptor, cudnnCreateTensorDescriptor, cudnnDestroy,
    cudnnDestroyConvolutionDescriptor, cudnnDestroyFilterDescriptor, cudnnDestroyTensorDescriptor, cudnnGetVersion,
    cudnnSetConvolution2dDescriptor, cudnnSetConvolutionGroupCount, cudnnSetConvolutionMathType,
    cudnnSetFilter4dDescriptor, cudnnSetStream, cudnnSetTensor4dDescriptor, cudnnSetTensor4dDescriptorEx, holding,
};
use crate::counts::launches;

const SUCCESS: i32 = 0;
const BAD_PARAM: i32 = 2000;
const NOT_SUPPORTED: i32 = 3000;
const EXECUTION_FAILED: i32 = 5000;

const ALL: [Gives; 3] = [Gives::X, Gives::W, Gives::Y];
const FACTORS: [f32; 2] = [1.0, 0.0];

/// Four channels by two groups, with room for one filter along each axis.
const CASE: Case =
    Case { x: [1, 4, 3, 4], w: [2, 2, 3, 2], y: [1, 2, 1, 2], axes: [(0, 1, 1), (0, 2, 1)], groups: 2, ..SINGLE };

/// Memory of x, w and y of [`CASE`] and of a workspace.
fn memories() -> [Memory; 4] {
    [48 * 4, 24 * 4, 4 * 4, 256].map(Memory::new)
}

/// The statuses of all operations and of their workspaces, which are the same.
fn statuses(set: &Set) -> Vec<i32> {
    let memories = memories();
    let run = |gives| set.run(gives, 2, &FACTORS, [memories[0].0, memories[1].0, memories[2].0], (memories[3].0, 256));
    let statuses: Vec<i32> = ALL.map(run).to_vec();
    assert_eq!(statuses, ALL.map(|gives| set.workspace(gives, 2).0));
    statuses
}

#[test]
fn sizes_that_do_not_fit() {
    assert_eq!(statuses(&Set::new(F32, FMA, &CASE)), [SUCCESS; 3]);
    let wrong = [
        Case { y: [2, 2, 1, 2], ..CASE },
        Case { y: [1, 1, 1, 2], ..CASE },
        Case { y: [1, 2, 2, 2], ..CASE },
        Case { y: [1, 2, 1, 1], ..CASE },
        Case { w: [2, 1, 3, 2], ..CASE },
        Case { groups: 1, ..CASE },
        // Neither the channels of the input nor those of the output can be divided.
        Case { x: [1, 5, 3, 4], ..CASE },
        Case { w: [3, 2, 3, 2], y: [1, 3, 1, 2], ..CASE },
        // The filter is larger than the input.
        Case { w: [2, 2, 4, 2], ..CASE },
        Case { axes: [(0, 1, 2), (0, 2, 1)], ..CASE },
    ];
    for case in wrong {
        assert_eq!(statuses(&Set::new(F32, FMA, &case)), [BAD_PARAM; 3], "{case:?}");
    }
}

#[test]
fn types_that_differ() {
    // SAFETY: the functions take numbers.
    unsafe {
        let set = Set::new(F32, FMA, &CASE);
        assert_eq!(cudnnSetTensor4dDescriptor(set.x, 0, F64, 1, 4, 3, 4), SUCCESS);
        assert_eq!(statuses(&set), [BAD_PARAM; 3]);
        let set = Set::new(F32, FMA, &CASE);
        assert_eq!(cudnnSetConvolution2dDescriptor(set.convolution, 0, 0, 1, 2, 1, 1, 1, F64), SUCCESS);
        assert_eq!(statuses(&set), [BAD_PARAM; 3]);
    }
}

#[test]
fn handles_that_are_none() {
    let changes: [fn(&mut Set, usize); 5] = [
        |set, handle| set.library = handle,
        |set, handle| set.x = handle,
        |set, handle| set.w = handle,
        |set, handle| set.y = handle,
        |set, handle| set.convolution = handle,
    ];
    let set = Set::new(F32, FMA, &CASE);
    let gone = created(cudnnCreateTensorDescriptor);
    // SAFETY: the function takes a number.
    assert_eq!([gone; 2].map(|gone| unsafe { cudnnDestroyTensorDescriptor(gone) }), [SUCCESS, BAD_PARAM]);
    // Made and not set, where they are of the right kind.
    let [tensor, filter, convolution] =
        [cudnnCreateTensorDescriptor, cudnnCreateFilterDescriptor, cudnnCreateConvolutionDescriptor].map(created);
    for handle in [0, 7, gone, tensor, filter, convolution] {
        for change in changes {
            let mut set = set;
            change(&mut set, handle);
            assert_eq!(statuses(&set), [BAD_PARAM; 3], "{handle}");
        }
    }
    assert_eq!(statuses(&set), [SUCCESS; 3]);
    // SAFETY: the functions take numbers, and see null.
    unsafe {
        assert_eq!(cudnnCreate(std::ptr::null_mut()), BAD_PARAM);
        assert_eq!([cudnnSetStream(set.library, 5), cudnnSetStream(set.x, 5)], [SUCCESS, BAD_PARAM]);
        assert_eq!([set.w, set.x].map(|filter| cudnnDestroyFilterDescriptor(filter)), [SUCCESS, BAD_PARAM]);
        assert_eq!(cudnnDestroyConvolutionDescriptor(set.convolution), SUCCESS);
        assert_eq!([set.library; 2].map(|library| cudnnDestroy(library)), [SUCCESS, BAD_PARAM]);
    }
}

#[test]
fn what_descriptors_cannot_say() {
    let Set { x, w, convolution: c, .. } = Set::new(F32, FMA, &CASE);
    // SAFETY: the functions take numbers.
    unsafe {
        // F16; NHWC; no images; more than 2³¹ numbers, and more than 2⁶⁴.
        assert_eq!(cudnnSetTensor4dDescriptor(x, 0, 2, 1, 1, 1, 1), NOT_SUPPORTED);
        assert_eq!(cudnnSetTensor4dDescriptor(x, 1, F32, 1, 1, 1, 1), NOT_SUPPORTED);
        assert_eq!(cudnnSetTensor4dDescriptor(x, 0, F32, 0, 1, 1, 1), BAD_PARAM);
        assert_eq!(cudnnSetTensor4dDescriptor(x, 0, F32, 1, 1 << 16, 1, (1 << 15) + 1), NOT_SUPPORTED);
        assert_eq!(cudnnSetTensor4dDescriptor(x, 0, F32, i32::MAX, i32::MAX, i32::MAX, i32::MAX), NOT_SUPPORTED);
        assert_eq!(cudnnSetTensor4dDescriptorEx(x, F32, 1, 1, 1, 2, 2, 2, 2, 0), BAD_PARAM);
        assert_eq!(cudnnSetTensor4dDescriptorEx(x, F32, 1, 1, 3, 2, 1, 1, 1 << 30, 1), NOT_SUPPORTED);
        assert_eq!(cudnnSetFilter4dDescriptor(w, F32, 1, 1, 1, 1, 1), NOT_SUPPORTED);
        assert_eq!(cudnnSetFilter4dDescriptor(w, F32, 0, 1, 1, -1, 1), BAD_PARAM);
        // Padding, strides, dilation, mode, type, math type, groups.
        assert_eq!(cudnnSetConvolution2dDescriptor(c, -1, 0, 1, 1, 1, 1, 1, F32), BAD_PARAM);
        assert_eq!(cudnnSetConvolution2dDescriptor(c, 0, 0, 1, 0, 1, 1, 1, F32), BAD_PARAM);
        assert_eq!(cudnnSetConvolution2dDescriptor(c, 0, 0, 1, 1, 0, 1, 1, F32), BAD_PARAM);
        assert_eq!(cudnnSetConvolution2dDescriptor(c, 0, 0, 1, 1, 1, 1, 2, F32), BAD_PARAM);
        assert_eq!(cudnnSetConvolution2dDescriptor(c, 0, 0, 1, 1, 1, 1, 1, 9), NOT_SUPPORTED);
        assert_eq!(cudnnSetConvolutionMathType(c, 2), NOT_SUPPORTED);
        assert_eq!(cudnnSetConvolutionGroupCount(c, 0), BAD_PARAM);
    }
}

#[test]
fn a_workspace_that_is_too_small_or_not_allocated() {
    let set = Set::new(F32, FMA, &CASE);
    let [x, w, y, workspace] = memories();
    let run = |gives, workspace| set.run(gives, 1, &FACTORS, [x.0, w.0, y.0], workspace);
    for gives in ALL {
        let (status, size) = set.workspace(gives, 1);
        assert_eq!((status, size), (SUCCESS, 256));
        assert_eq!(run(gives, (workspace.0, size)), SUCCESS);
        assert_eq!(run(gives, (workspace.0, size - 1)), BAD_PARAM);
        assert_eq!(run(gives, (0, 0)), BAD_PARAM);
        assert_eq!(run(gives, (workspace.0 + 1, size)), EXECUTION_FAILED);
        assert_eq!(run(gives, (workspace.0, size + 1)), EXECUTION_FAILED);
        assert_eq!(run(gives, (0, size)), EXECUTION_FAILED);
    }
}

#[test]
fn a_workspace_is_written_to() {
    let set = Set::new(F32, FMA, &SINGLE);
    let (both, y) = (holding(&[1f32; 64]), holding(&[1f32]));
    assert_eq!(set.run(Gives::Y, 1, &FACTORS, [both.0, both.0, y.0], (both.0, 256)), SUCCESS);
    assert!(y.read::<f32>()[0].is_nan());
}

#[test]
fn tensors_that_are_not_allocated_as_a_whole() {
    let set = Set::new(F32, FMA, &CASE);
    let memories = memories();
    for gives in ALL {
        let run = |at| set.run(gives, 1, &FACTORS, at, (memories[3].0, 256));
        let whole = [memories[0].0, memories[1].0, memories[2].0];
        assert_eq!(run(whole), SUCCESS);
        for tensor in 0..3 {
            for place in [0, whole[tensor] + 4, whole[tensor] - 4] {
                let mut at = whole;
                at[tensor] = place;
                assert_eq!(run(at), EXECUTION_FAILED, "{gives:?} {tensor} {place:#x}");
            }
        }
    }
}

#[test]
fn a_result_whose_numbers_overlap() {
    // As inputs they may.
    let set = Set::new(F32, FMA, &Case { strides: Some([48, 6, 4, 1]), ..CASE });
    assert_eq!(statuses(&set), [NOT_SUPPORTED, SUCCESS, SUCCESS]);
}

#[test]
fn factors_that_are_null() {
    let Set { library, x, w, y, convolution } = Set::new(F32, FMA, &CASE);
    let [at_x, at_w, at_y, workspace] = memories();
    let one = FACTORS.as_ptr() as usize;
    for (alpha, beta) in [(0, one), (one, 0)] {
        // SAFETY: null is seen.
        let status = unsafe {
            cudnnConvolutionForward(
                library,
                alpha,
                x,
                at_x.0,
                w,
                at_w.0,
                convolution,
                1,
                workspace.0,
                256,
                beta,
                y,
                at_y.0,
            )
        };
        assert_eq!(status, BAD_PARAM);
    }
}

#[test]
fn algorithms_and_how_they_are_counted() {
    let set = Set::new(F32, FMA, &CASE);
    let [x, w, y, workspace] = memories();
    // No other test takes these algorithms.
    for (gives, name, number, numbers) in [
        (Gives::Y, "cudnnConvolutionForward", 7, 8),
        (Gives::X, "cudnnConvolutionBackwardData", 5, 6),
        (Gives::W, "cudnnConvolutionBackwardFilter", 6, 7),
    ] {
        let run = |number, size| set.run(gives, number, &FACTORS, [x.0, w.0, y.0], (workspace.0, size));
        let launched = || launches(&format!("{name}({number})"));
        assert_eq!(launched(), 0);
        assert_eq!([run(number, 256), run(0, 256), run(number, 256)], [SUCCESS; 3]);
        assert_eq!([run(number, 0), run(-1, 256), run(numbers, 256)], [BAD_PARAM; 3]);
        assert_eq!([-1, numbers].map(|number| set.workspace(gives, number).0), [BAD_PARAM; 2]);
        assert_eq!(launched(), 2, "{name}");
    }
    // SAFETY: the function takes nothing.
    assert_eq!(unsafe { cudnnGetVersion() } / 10_000, 9);
}
