//! What goes wrong is told: kernel, thread, instruction, address.

use super::{Memory, kernel, launch, module};
use crate::ptx::decode;

fn entry(body: &str) -> String {
    format!(
        ".visible .entry test(.param .u64 in) {{
            .shared .align 4 .b8 board[64]; .local .align 4 .b8 depot[8];
            .reg .pred %p<4>; .reg .b64 %rd<4>; .reg .b32 %r<4>; .reg .f32 %f<4>; ld.param.u64 %rd0, [in]; mov.u32 %r0, %tid.x;
            mad.wide.u32 %rd1, %r0, 4, %rd0; {body} ret;
        }}"
    )
}

fn fault(body: &str, bytes: usize) -> (i32, String) {
    let memory = Memory::new(bytes);
    let fault = launch(&kernel(&entry(body), "test"), 1, 64, 0, &[memory.0]).unwrap_err();
    (fault.code, fault.text.replace(&format!("{:#x}", memory.0 + bytes as u64), "the end"))
}

#[test]
fn a_store_behind_the_end() {
    let (code, text) = fault("st.global.u32 [%rd1], %r0;", 40 * 4);
    assert_eq!(code, 700);
    assert_eq!(
        text,
        "kernel test, block (0, 0, 0), thread (40, 0, 0), `st.global.u32 [%rd1], %r0`: 4 bytes at the end of device memory, \
         which is 160 bytes behind the beginning of an allocation of 160"
    );
    // A part of it lies within.
    let (code, text) = fault("ld.global.u32 %r1, [%rd1];", 40 * 4 + 2);
    assert_eq!(code, 700);
    assert!(text.contains("thread (40, 0, 0)"), "{text}");
}

#[test]
fn memory_that_was_freed_or_never_was() {
    assert_eq!(fault("ld.global.u32 %r1, [8];", 256).0, 700);
    let memory = Memory::new(256);
    let (address, program) = (memory.0, kernel(&entry("ld.global.u32 %r1, [%rd1];"), "test"));
    launch(&program, 1, 64, 0, &[address]).unwrap();
    drop(memory);
    assert_eq!(launch(&program, 1, 64, 0, &[address]).unwrap_err().code, 700);
}

#[test]
fn shared_and_local_memory_have_an_end() {
    let (code, text) = fault("mov.u32 %r1, board; mad.lo.s32 %r1, %r0, 4, %r1; st.shared.u32 [%r1], %r0;", 256);
    assert_eq!(code, 700);
    assert!(text.contains("thread (16, 0, 0)") && text.contains("of shared memory, of 64 bytes"), "{text}");
    let (code, text) = fault("mov.u64 %rd2, depot; ld.local.u32 %r1, [%rd2+8];", 256);
    assert_eq!(code, 700);
    assert!(text.contains("of local memory, of 8 bytes"), "{text}");
}

#[test]
fn addresses_are_multiples_of_what_is_read() {
    let (code, text) = fault("ld.global.u32 %r1, [%rd0+2];", 256);
    assert_eq!(code, 716);
    assert!(text.contains("no multiple of 4"), "{text}");
    assert_eq!(fault("ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%rd0+4];", 256).0, 716);
    // Also where the thread before has met the same allocation.
    let (code, text) = fault("mad.wide.u32 %rd1, %r0, 2, %rd0; ld.global.u32 %r1, [%rd1];", 256);
    assert_eq!(code, 716);
    assert!(text.contains("thread (1, 0, 0)"), "{text}");
}

#[test]
fn what_nobody_wrote_is_not_a_number() {
    let text = entry("ld.shared.f32 %f0, [board]; add.f32 %f0, %f0, 0f3F800000; st.global.f32 [%rd1], %f0;");
    let memory = Memory::new(256);
    assert!(memory.read::<f32>().iter().all(|value| value.is_nan()));
    launch(&kernel(&text, "test"), 1, 64, 0, &[memory.0]).unwrap();
    assert!(memory.read::<f32>().iter().all(|value| value.is_nan()));
}

#[test]
fn an_unknown_instruction_is_that_of_its_kernel() {
    let text = format!(
        "{} .visible .entry other() {{ .reg .b32 %r<4>; tcgen05.alloc.b32 %r0, %r1; ret; }}
        .visible .entry type() {{ .reg .b32 %r<4>; cvt.rn.satfinite.e4m3x2.f32 %r0, %r1, %r2; ret; }}",
        entry("st.global.u32 [%rd1], %r0;")
    );
    let module = module(&text);
    assert!(decode(&module, "test", &Default::default()).is_ok());
    let error = decode(&module, "other", &Default::default()).unwrap_err();
    assert_eq!(error, "`tcgen05.alloc.b32 %r0, %r1`: an instruction that is not known here");
    assert!(decode(&module, "type", &Default::default()).unwrap_err().contains("e4m3x2"));
    assert_eq!(decode(&module, "none", &Default::default()).unwrap_err(), "there is no kernel `none`");
}

#[test]
fn names_that_are_none() {
    let error = |body: &str| decode(&module(&entry(body)), "test", &Default::default()).unwrap_err();
    assert!(error("mov.u32 %r1, %clock;").contains("nothing is called `%clock`"));
    assert!(error("bra $nowhere;").contains("no label `$nowhere`"));
    assert!(error("mov.u32 %r9, 1;").contains("nothing is called `%r9`"));
    assert!(error("call elsewhere, ();").contains("there is no function `elsewhere`"));
}

#[test]
fn threads_that_wait_for_nobody() {
    let (code, text) = fault("setp.lt.u32 %p0, %r0, 8; @%p0 bar.sync 1; bar.sync 0; @!%p0 bar.sync 0;", 256);
    assert_eq!(code, 702);
    assert!(text.contains("wait for others that do not come"), "{text}");
    let (code, text) = fault("shfl.sync.bfly.b32 %r1, %r0, 1, 31, 1;", 256);
    assert_eq!(code, 719);
    assert!(text.contains("not among those that it names"), "{text}");
}

#[test]
fn assertions_of_a_kernel_and_traps() {
    assert_eq!(fault("setp.eq.u32 %p0, %r0, 5; @%p0 trap;", 256).0, 719);
    let text = entry(
        "{ .param .b64 param0; st.param.b64 [param0+0], %rd0; .param .b64 param1; st.param.b64 [param1+0], %rd0;
           .param .b32 param2; st.param.b32 [param2+0], 42; .param .b64 param3; st.param.b64 [param3+0], %rd0;
           .param .b64 param4; st.param.b64 [param4+0], 1; call.uni __assertfail, (param0, param1, param2, param3, param4); }",
    );
    let memory = Memory::of(&[u64::from_le_bytes(*b"i < n\0\0\0")]);
    let fault = launch(&kernel(&text, "test"), 1, 1, 0, &[memory.0]).unwrap_err();
    assert_eq!(fault.code, 710);
    assert!(fault.text.contains("assertion `i < n` failed in line 42"), "{}", fault.text);
}

#[test]
fn launches_that_no_card_takes() {
    let (program, memory) = (kernel(&entry(""), "test"), Memory::new(8));
    for (blocks, threads, shared) in [(1, 1025, 0), (0, 1, 0), (1, 0, 0), (1, 1, 49_153)] {
        assert_eq!(launch(&program, blocks, threads, shared, &[memory.0]).unwrap_err().code, 1);
    }
}
