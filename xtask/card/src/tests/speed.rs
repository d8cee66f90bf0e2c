//! How many instructions a second: a measure, and a floor far below it.

use super::{Memory, kernel, launch};

#[test]
fn a_loop_runs_fast_enough_for_tests() {
    let text = ".visible .entry test(.param .u64 in, .param .u64 n) {
        .reg .pred %p; .reg .b64 %rd<4>; .reg .b32 %r<4>; .reg .f32 %f<4>;
        ld.param.u64 %rd0, [in]; ld.param.u64 %rd1, [n]; mov.f32 %f1, 0f00000000; mov.u64 %rd2, 0;
        $again:
        ld.global.f32 %f0, [%rd0]; fma.rn.f32 %f1, %f0, %f0, %f1; mul.f32 %f2, %f1, 0f3F000000; add.f32 %f1, %f1, %f2;
        add.s64 %rd2, %rd2, 1; and.b64 %rd3, %rd2, 7; setp.lt.u64 %p, %rd2, %rd1; @%p bra $again;
        st.global.f32 [%rd0], %f1; ret;
    }";
    let (program, memory) = (kernel(text, "test"), Memory::new(1024));
    let rounds = 1_000_000u64;
    let start = std::time::Instant::now();
    launch(&program, 1, 1, 0, &[memory.0, rounds]).unwrap();
    let rate = 8.0 * rounds as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("{rate:.0} million instructions a second");
    assert!(rate > 5.0, "{rate} million instructions a second");
}
