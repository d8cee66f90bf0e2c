//! Loads, stores, spaces, parameters, calls.

use super::{Memory, compute, kernel, launch, module};
use crate::ptx::decode;

#[test]
fn short_integers_are_read_with_their_sign_or_without() {
    let through = |load: &str, store: &str| {
        compute(
            &format!("st.global.b64 [%rd1], %a; ld.global.{load} %d, [%rd1+1]; {store}"),
            "u32",
            "b64",
            &[0x8081_8283_8485_f687],
        )
    };
    assert_eq!(through("u8", ""), 0x8081_8283_0000_00f6);
    assert_eq!(through("s8", "") as u32, 0xffff_fff6);
    assert_eq!(through("u8", "st.global.u8 [%rd1], %d; ld.global.u32 %d, [%rd1];") as u32, 0x8485_f6f6);
}

#[test]
fn vectors_go_to_their_registers_even_over_the_address() {
    let text = ".visible .entry test(.param .u64 in) {
        .reg .b64 %rd<4>; .reg .f32 %f<4>;
        ld.param.u64 %rd0, [in]; ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd0];
        st.global.v4.f32 [%rd0], {%f3, %f2, %f1, %f0};
        mov.u64 %rd2, %rd0; ld.global.v2.u64 {%rd2, %rd3}, [%rd2+0]; st.global.v2.b64 [%rd0+16], {%rd3, %rd2}; ret;
    }";
    let memory = Memory::of(&[0x2_0000_0001, 0x4_0000_0003, 0, 0]);
    launch(&kernel(text, "test"), 1, 1, 0, &[memory.0]).unwrap();
    assert_eq!(memory.read::<u32>(), [4, 3, 2, 1, 2, 1, 4, 3]);
}

#[test]
fn parameters_have_their_places() {
    let text = ".visible .entry test(.param .u8 a, .param .f32 b, .param .align 8 .b8 c[12], .param .u64 out) {
        .reg .b64 %rd<4>; .reg .b32 %r<4>;
        ld.param.u8 %r0, [a]; ld.param.u32 %r1, [b]; ld.param.u32 %r2, [c+8]; ld.param.u64 %rd0, [out];
        mov.b64 %rd1, c; ld.param.u32 %r3, [%rd1+4];
        st.global.v4.u32 [%rd0], {%r0, %r1, %r2, %r3}; ret;
    }";
    let program = kernel(text, "test");
    let places: Vec<(usize, usize)> =
        program.parameters.iter().map(|parameter| (parameter.offset, parameter.size)).collect();
    assert_eq!(places, [(0, 1), (4, 4), (8, 12), (24, 8)]);
    let memory = Memory::new(16);
    launch(&program, 1, 1, 0, &[0x2_0000_0001, 0x4_0000_0003, 5, memory.0]).unwrap();
    assert_eq!(memory.read::<u32>(), [1, 2, 5, 4]);
}

#[test]
fn local_memory_and_generic_addresses() {
    let text = ".visible .entry test(.param .u64 out) {
        .local .align 8 .b8 depot[16]; .shared .align 4 .b8 board[64];
        .reg .b64 %rd<8>; .reg .b64 %SP, %SPL; .reg .b32 %r<4>; .reg .pred %p<3>;
        mov.u64 %SPL, depot; cvta.local.u64 %SP, %SPL; add.u64 %rd1, %SP, 4; mov.u32 %r0, %tid.x;
        st.u32 [%rd1], %r0; ld.local.u32 %r1, [%SPL+4];
        mov.u64 %rd2, board; cvta.shared.u64 %rd3, %rd2; mad.wide.u32 %rd3, %r0, 4, %rd3; st.u32 [%rd3], %r1;
        cvta.to.shared.u64 %rd4, %rd3; ld.shared.u32 %r2, [%rd4];
        isspacep.shared %p0, %rd3; isspacep.local %p1, %rd3; isspacep.global %p2, %rd3;
        @!%p0 mov.u32 %r2, 77; @%p1 mov.u32 %r2, 78; @%p2 mov.u32 %r2, 79;
        ld.param.u64 %rd5, [out]; cvta.to.global.u64 %rd5, %rd5; mad.wide.u32 %rd5, %r0, 4, %rd5; st.global.u32 [%rd5], %r2; ret;
    }";
    let memory = Memory::new(64);
    launch(&kernel(text, "test"), 1, 16, 0, &[memory.0]).unwrap();
    assert_eq!(memory.read::<u32>(), (0..16).collect::<Vec<u32>>());
}

#[test]
fn variables_of_the_module() {
    let text = ".const .align 4 .b32 table[4] = {1, -2, 0x10, 7}; .global .align 4 .f32 half = 0f3F000000; .global .align 1 .b8 text[3] = {65, 66};
        .visible .entry test(.param .u64 out) {
            .reg .b64 %rd<4>; .reg .b32 %r<4>; ld.param.u64 %rd0, [out]; ld.const.u32 %r0, [table+4]; mov.u64 %rd1, table;
            ld.const.u32 %r1, [%rd1+8]; ld.global.u32 %r2, [half]; ld.global.u8 %r3, [text+1];
            st.global.v4.u32 [%rd0], {%r0, %r1, %r2, %r3}; ret;
        }";
    let module = module(text);
    let held: Vec<Memory> = module
        .variables
        .iter()
        .map(|variable| {
            let memory = Memory::new(variable.size);
            // SAFETY: it was allocated for this.
            unsafe { (memory.0 as *mut u8).copy_from_nonoverlapping(variable.begins.as_ptr(), variable.begins.len()) };
            memory
        })
        .collect();
    let addresses =
        module.variables.iter().zip(&held).map(|(variable, memory)| (variable.name.clone(), memory.0)).collect();
    let (program, memory) = (decode(&module, "test", &addresses).unwrap(), Memory::new(16));
    launch(&program, 1, 1, 0, &[memory.0]).unwrap();
    assert_eq!(memory.read::<u32>(), [-2i32 as u32, 16, 0x3f00_0000, 66]);
}

#[test]
fn functions_are_called_each_time_anew() {
    let text = ".func (.param .b32 result) square_or_zero(.param .b32 a, .param .b32 least) {
            .reg .b32 %r<4>; .reg .pred %p; ld.param.b32 %r0, [a]; ld.param.b32 %r1, [least]; mov.u32 %r2, 0;
            setp.lt.u32 %p, %r0, %r1; @%p bra $done; mul.lo.s32 %r2, %r0, %r0;
            $done: st.param.b32 [result], %r2; ret;
        }
        .visible .entry test(.param .u64 out) {
            .reg .b64 %rd<4>; .reg .b32 %r<4>; ld.param.u64 %rd0, [out]; mov.u32 %r0, %tid.x;
            { .reg .b32 temp; .param .b32 param0; st.param.b32 [param0+0], %r0; .param .b32 param1; st.param.b32 [param1+0], 3;
              .param .b32 retval0; call.uni (retval0), square_or_zero, (param0, param1); ld.param.b32 %r1, [retval0+0]; }
            { .param .b32 param0; st.param.b32 [param0+0], %r1; .param .b32 param1; st.param.b32 [param1+0], 10;
              .param .b32 retval0; call.uni (retval0), square_or_zero, (param0, param1); ld.param.b32 %r2, [retval0+0]; }
            mad.wide.u32 %rd1, %r0, 4, %rd0; st.global.u32 [%rd1], %r2; ret;
        }";
    let memory = Memory::new(20);
    launch(&kernel(text, "test"), 1, 5, 0, &[memory.0]).unwrap();
    assert_eq!(memory.read::<u32>(), [0, 0, 0, 0, 256]);
}

#[test]
fn blocks_and_threads_know_their_places() {
    let text = ".visible .entry test(.param .u64 out) {
        .reg .b64 %rd<2>; .reg .b32 %r<8>; ld.param.u64 %rd0, [out]; mov.u32 %r0, %ctaid.x; mov.u32 %r1, %ntid.x; mov.u32 %r2, %tid.x;
        mad.lo.s32 %r3, %r0, %r1, %r2; mov.u32 %r4, %nctaid.x; mov.u32 %r5, %laneid; mad.lo.s32 %r4, %r4, 100, %r5; add.s32 %r4, %r4, %tid.y;
        mad.wide.u32 %rd1, %r3, 4, %rd0; st.global.u32 [%rd1], %r4; ret;
    }";
    let memory = Memory::new(2 * 40 * 4);
    launch(&kernel(text, "test"), 2, 40, 0, &[memory.0]).unwrap();
    assert_eq!(memory.read::<u32>(), (0..80).map(|at| 200 + at % 40 % 32).collect::<Vec<u32>>());
}

#[test]
fn a_table_of_targets() {
    let text = "ts: .branchtargets $zero, $one, $two; brx.idx %a, ts;
        $zero: mov.u32 %d, 10; bra $end; $one: mov.u32 %d, 11; bra $end; $two: mov.u32 %d, 12; $end:";
    for chosen in 0..3 {
        assert_eq!(compute(text, "u32", "u32", &[chosen]), 10 + chosen);
    }
}

#[test]
fn lines_of_the_source_are_passed_over() {
    let text = ".loc 1 20 3 mov.u32 %d, 1; .loc 1 21 3, function_name $L__info_string0, inlined_at 1 9 2 add.u32 %d, %d, %a; .pragma \"nounroll\";
        .loc 1 22 0 add.u32 %d, %d, %a;";
    assert_eq!(compute(text, "u32", "u32", &[5]), 11);
}
