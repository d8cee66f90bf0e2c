//! The driver's functions as a program calls them.

use std::ffi::{CStr, CString, c_char, c_void};

unsafe extern "C" {
    fn cuInit(flags: u32) -> i32;
    fn cuDeviceGetName(name: *mut c_char, length: i32, device: i32) -> i32;
    fn cuGetErrorName(code: i32, name: *mut *const c_char) -> i32;
    fn cuGetErrorString(code: i32, text: *mut *const c_char) -> i32;
    fn cuMemAlloc_v2(address: *mut u64, size: usize) -> i32;
    fn cuMemAllocAsync(address: *mut u64, size: usize, stream: usize) -> i32;
    fn cuMemFree_v2(address: u64) -> i32;
    fn cuMemcpyHtoD_v2(to: u64, from: u64, size: usize) -> i32;
    fn cuMemcpyDtoHAsync_v2(to: u64, from: u64, size: usize, stream: usize) -> i32;
    fn cuMemcpyDtoD_v2(to: u64, from: u64, size: usize) -> i32;
    fn cuMemsetD8Async(to: u64, value: u8, size: usize, stream: usize) -> i32;
    fn cuModuleLoadData(module: *mut usize, image: *const c_char) -> i32;
    fn cuModuleGetFunction(function: *mut usize, module: usize, name: *const c_char) -> i32;
    fn cuModuleGetGlobal_v2(address: *mut u64, size: *mut usize, module: usize, name: *const c_char) -> i32;
    fn cuModuleUnload(module: usize) -> i32;
    fn cuLaunchKernel(
        function: usize,
        bx: u32,
        by: u32,
        bz: u32,
        tx: u32,
        ty: u32,
        tz: u32,
        shared: u32,
        stream: usize,
        parameters: *const *const c_void,
        extra: *const c_void,
    ) -> i32;
    fn cuStreamSynchronize(stream: usize) -> i32;
    fn candlelight_card_counts(out: *mut u64);
}

const TEXT: &str = ".version 9.0
    .target sm_90
    .address_size 64
    .global .align 4 .u32 step = 3;
    .visible .entry fill(.param .u64 out, .param .u32 count, .param .f32 value) {
        .reg .pred %p; .reg .b64 %rd<3>; .reg .b32 %r<4>; .reg .f32 %f; ld.param.u64 %rd0, [out]; ld.param.u32 %r0, [count];
        ld.param.f32 %f, [value]; mov.u32 %r1, %tid.x; setp.ge.u32 %p, %r1, %r0; @%p bra $end; mad.wide.u32 %rd1, %r1, 4, %rd0;
        st.global.f32 [%rd1], %f; $end: ret;
    }
    .visible .entry odd() { .reg .b32 %r<2>; wgmma.fence %r0; ret; }";

fn text(get: unsafe extern "C" fn(i32, *mut *const c_char) -> i32, code: i32) -> String {
    let mut found = std::ptr::null();
    // SAFETY: the driver gives a text that stays.
    unsafe {
        assert_eq!(get(code, &raw mut found), 0);
        CStr::from_ptr(found).to_string_lossy().into_owned()
    }
}

fn counts() -> [u64; 5] {
    let mut counts = [0; 5];
    // SAFETY: there is room for five numbers.
    unsafe { candlelight_card_counts(counts.as_mut_ptr()) };
    counts
}

#[test]
fn a_module_is_loaded_and_its_kernel_runs() {
    let (image, fill) = (CString::new(TEXT).unwrap(), CString::new("fill").unwrap());
    let (mut module, mut function, mut address, mut size) = (0, 0, 0, 0);
    let before = counts();
    // SAFETY: as the driver's documentation asks for.
    unsafe {
        assert_eq!(cuInit(0), 0);
        assert_eq!(cuModuleLoadData(&raw mut module, image.as_ptr()), 0);
        assert_eq!(cuModuleGetFunction(&raw mut function, module, fill.as_ptr()), 0);
        assert_eq!(cuMemAlloc_v2(&raw mut address, 40), 0);
        assert_eq!(cuMemsetD8Async(address, 0, 40, 0), 0);
        let (count, value) = (5u32, 1.5f32);
        let launch = |count: u32| {
            let parameters =
                [(&raw const address).cast(), (&raw const count).cast(), (&raw const value).cast::<c_void>()];
            cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, 2, parameters.as_ptr(), std::ptr::null())
        };
        assert_eq!(launch(count), 0);
        // 40 bytes are 10 numbers.
        assert_eq!(launch(11), 700);
        let mut back = [0f32; 10];
        assert_eq!(cuMemcpyDtoHAsync_v2(back.as_mut_ptr() as u64, address, 40, 0), 0);
        assert_eq!(back, [1.5; 10]);
        assert_eq!(cuStreamSynchronize(0), 0);
        let (mut variable, step) = (0, CString::new("step").unwrap());
        assert_eq!(cuModuleGetGlobal_v2(&raw mut variable, &raw mut size, module, step.as_ptr()), 0);
        let mut value = [0u32];
        assert_eq!(cuMemcpyDtoHAsync_v2(value.as_mut_ptr() as u64, variable, size, 0), 0);
        assert_eq!((size, value), (4, [3]));
        assert_eq!(cuMemFree_v2(address), 0);
        assert_eq!(cuMemFree_v2(address), 1);
        assert_eq!(cuModuleUnload(module), 0);
        assert_eq!(cuModuleUnload(module), 400);
    }
    // Other tests count too: at least what was done here.
    let after = counts();
    for (at, least) in [2, 0, 2, 1, 1].into_iter().enumerate() {
        assert!(after[at] - before[at] >= least, "{before:?} {after:?}");
    }
}

#[test]
fn kernels_that_are_not_there_or_not_known() {
    let image = CString::new(TEXT).unwrap();
    let (mut module, mut function) = (0, 0);
    // SAFETY: as the driver's documentation asks for.
    unsafe {
        assert_eq!(cuModuleLoadData(&raw mut module, image.as_ptr()), 0);
        assert_eq!(cuModuleGetFunction(&raw mut function, module, c"odd".as_ptr()), 218);
        assert_eq!(cuModuleGetFunction(&raw mut function, module, c"none".as_ptr()), 500);
        assert_eq!(cuModuleLoadData(&raw mut module, c"ELF".as_ptr()), 200);
    }
}

#[test]
fn copies_reach_only_what_is_allocated() {
    let mut address = 0;
    let data = [7u8; 16];
    // SAFETY: as the driver's documentation asks for.
    unsafe {
        assert_eq!(cuMemAlloc_v2(&raw mut address, 0), 1);
        assert_eq!(cuMemAllocAsync(&raw mut address, 0, 0), 0);
        assert_eq!(cuMemFree_v2(0), 0);
        assert_eq!(cuMemAlloc_v2(&raw mut address, 16), 0);
        assert_eq!(cuMemcpyHtoD_v2(address, data.as_ptr() as u64, 16), 0);
        assert_eq!(cuMemcpyHtoD_v2(address, data.as_ptr() as u64, 17), 1);
        assert_eq!(cuMemcpyHtoD_v2(address + 1, data.as_ptr() as u64, 16), 1);
        assert_eq!(cuMemcpyDtoD_v2(address, address + 8, 8), 0);
        assert_eq!(cuMemcpyDtoD_v2(address + 9, address, 8), 1);
        assert_eq!(cuMemAlloc_v2(&raw mut address, usize::MAX), 2);
    }
}

#[test]
fn the_card_has_a_name_and_errors_have_theirs() {
    let mut name = [0 as c_char; 64];
    // SAFETY: there is room for 64 bytes.
    unsafe { assert_eq!(cuDeviceGetName(name.as_mut_ptr(), 64, 0), 0) };
    // SAFETY: the driver ends it with a zero.
    assert_eq!(unsafe { CStr::from_ptr(name.as_ptr()) }, c"a card in software");
    assert_eq!(text(cuGetErrorName, 700), "CUDA_ERROR_ILLEGAL_ADDRESS");
    assert_eq!(text(cuGetErrorString, 100), "no CUDA-capable device is detected");
}

#[test]
fn the_environment_asks_for_an_error() {
    // Runs this test once more, with the number, which the driver reads when it starts.
    if std::env::var_os("CU_INIT").is_some() {
        // SAFETY: nothing is asked for.
        let code = unsafe { cuInit(0) };
        println!("{code} {} {}", text(cuGetErrorName, code), text(cuGetErrorString, code));
        return;
    }
    for (number, expected) in [
        ("0", "0 CUDA_SUCCESS no error"),
        ("100", "100 CUDA_ERROR_NO_DEVICE no CUDA-capable device is detected"),
        ("2", "2 CUDA_ERROR_OF_THE_STAND_IN what the stand-in says"),
        ("999", "999 CUDA_ERROR_OF_THE_STAND_IN what the stand-in says"),
    ] {
        let report = std::env::temp_dir().join(format!("card-{}-{number}", std::process::id()));
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again
            .args(["tests::driver::the_environment_asks_for_an_error", "--exact", "--nocapture"])
            .env("CU_INIT", number);
        let output = again.env("CARD_REPORT", &report).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(expected), "{said}");
        let written = std::fs::read_to_string(&report).unwrap();
        assert_eq!(written, "launches 0\nuploads 0\ndownloads 0\nsynchronizations 0\nallocations 0\n");
        std::fs::remove_file(report).unwrap();
    }
}
