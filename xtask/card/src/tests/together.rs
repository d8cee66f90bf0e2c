//! Threads that wait for each other: barriers, shuffles, votes, atomic operations.

use super::{Memory, compute, kernel, launch};

/// Each thread has its number in `%r0`, and `%rd1` is where its result goes.
fn block(declare: &str, body: &str) -> String {
    format!(
        ".extern .shared .align 16 .b8 dynamic[];
        .visible .entry test(.param .u64 out) {{
            .reg .pred %p<8>; .reg .b64 %rd<8>; .reg .b32 %r<16>; .reg .f32 %f<8>; {declare}
            mov.u32 %r0, %tid.x; ld.param.u64 %rd0, [out]; mad.wide.u32 %rd1, %r0, 4, %rd0;
            {body}
            st.global.u32 [%rd1], %r1; ret;
        }}"
    )
}

fn run(declare: &str, body: &str, threads: u32) -> Vec<u32> {
    let memory = Memory::new(threads as usize * 4);
    launch(&kernel(&block(declare, body), "test"), 1, threads, 4 * threads, &[memory.0]).unwrap();
    memory.read()
}

#[test]
fn a_sum_in_shared_memory_with_barriers() {
    let body = "mov.u32 %r2, dynamic; shl.b32 %r3, %r0, 2; add.s32 %r2, %r2, %r3; st.shared.u32 [%r2], %r0;
        mov.u32 %r4, %ntid.x;
        $again: shr.u32 %r4, %r4, 1; bar.sync 0; setp.ge.u32 %p0, %r0, %r4; @%p0 bra $over;
        shl.b32 %r5, %r4, 2; add.s32 %r6, %r2, %r5; ld.shared.u32 %r7, [%r6]; ld.shared.u32 %r8, [%r2];
        add.s32 %r8, %r8, %r7; st.shared.u32 [%r2], %r8;
        $over: setp.gt.u32 %p1, %r4, 1; @%p1 bra $again;
        bar.sync 0; ld.shared.u32 %r1, [dynamic];";
    assert_eq!(run("", body, 256), vec![255 * 128; 256]);
}

#[test]
fn threads_that_have_ended_are_not_waited_for() {
    let body = "mov.u32 %r1, 7; setp.lt.u32 %p0, %r0, 40; @%p0 bra $stay; st.global.u32 [%rd1], %r0; ret;
        $stay: bar.sync 0; barrier.sync.aligned 1, 64;";
    // The second barrier asks for 64 threads, and 40 are left.
    let memory = Memory::new(400);
    let fault = launch(&kernel(&block("", body), "test"), 1, 100, 0, &[memory.0]).unwrap_err();
    assert_eq!(fault.code, 702);
    assert!(fault.text.contains("barrier.sync.aligned 1, 64"), "{}", fault.text);
    let short = body.replace("barrier.sync.aligned 1, 64;", "");
    let expected: Vec<u32> = (0..100).map(|thread| if thread < 40 { 7 } else { thread }).collect();
    assert_eq!(run("", &short, 100), expected);
}

#[test]
fn a_barrier_that_counts() {
    let body = "and.b32 %r2, %r0, 3; setp.eq.u32 %p0, %r2, 0; bar.red.popc.u32 %r1, 0, %p0;";
    assert_eq!(run("", body, 96), vec![24; 96]);
    let body = "setp.lt.u32 %p0, %r0, 95; bar.red.and.pred %p1, 0, %p0; bar.red.or.pred %p2, 0, !%p0;
        selp.b32 %r1, 2, 0, %p1; selp.b32 %r2, 1, 0, %p2; or.b32 %r1, %r1, %r2;";
    assert_eq!(run("", body, 96), vec![1; 96]);
    assert_eq!(run("", body, 64), vec![2; 64]);
}

#[test]
fn a_sum_over_a_warp_by_shuffles() {
    let body = "cvt.rn.f32.u32 %f0, %r0; mov.b32 %r2, %f0; mov.u32 %r3, 16;
        $again: shfl.sync.bfly.b32 %r4|%p0, %r2, %r3, 31, -1; mov.b32 %f1, %r4; mov.b32 %f0, %r2; add.f32 %f0, %f0, %f1;
        mov.b32 %r2, %f0; shr.u32 %r3, %r3, 1; setp.ne.s32 %p1, %r3, 0; @%p1 bra $again; cvt.rzi.u32.f32 %r1, %f0;";
    let result = run("", body, 64);
    assert_eq!(result[..32], [496; 32]);
    assert_eq!(result[32..], [496 + 32 * 32; 32]);
}

#[test]
fn shuffles_stay_within_their_segment() {
    // Segments of 8 lanes: the mask 24 in the bits from 8 on.
    let down = run("", "shfl.sync.down.b32 %r1|%p0, %r0, 3, 0x181f, -1; @!%p0 add.s32 %r1, %r1, 1000;", 32);
    let expected: Vec<u32> = (0..32).map(|lane| if lane % 8 < 5 { lane + 3 } else { lane + 1000 }).collect();
    assert_eq!(down, expected);
    let up = run("", "shfl.sync.up.b32 %r1|%p0, %r0, 3, 0x1800, -1; @!%p0 add.s32 %r1, %r1, 1000;", 32);
    let expected: Vec<u32> = (0..32).map(|lane| if lane % 8 >= 3 { lane - 3 } else { lane + 1000 }).collect();
    assert_eq!(up, expected);
    let index = run("", "shfl.sync.idx.b32 %r1, %r0, 2, 0x181f, -1;", 32);
    assert_eq!(index, (0..32).map(|lane| lane / 8 * 8 + 2).collect::<Vec<u32>>());
}

#[test]
fn who_reads_a_lane_that_takes_no_part_gets_no_number() {
    // 20 threads: the lanes from 20 on are not there.
    let result = run("", "shfl.sync.bfly.b32 %r1, %r0, 16, 31, -1;", 20);
    let expected: Vec<u32> = (0..20)
        .map(|lane| {
            if lane < 4 {
                lane + 16
            } else if lane < 16 {
                u32::MAX
            } else {
                lane - 16
            }
        })
        .collect();
    assert_eq!(result, expected);
}

#[test]
fn half_a_warp_shuffles_while_the_other_does_something_else() {
    let body = "setp.lt.u32 %p0, %r0, 16; @%p0 bra $low; mov.u32 %r1, 5; bra.uni $together;
        $low: shfl.sync.idx.b32 %r1, %r0, 15, 31, 0xffff;
        $together: bar.warp.sync -1; shfl.sync.bfly.b32 %r1, %r1, 16, 31, -1;";
    let expected: Vec<u32> = (0..32).map(|lane| if lane < 16 { 5 } else { 15 }).collect();
    assert_eq!(run("", body, 32), expected);
}

#[test]
fn votes_matches_and_sums_of_a_warp() {
    let body = "and.b32 %r2, %r0, 1; setp.eq.u32 %p0, %r2, 1; vote.sync.ballot.b32 %r1, %p0, -1;";
    assert_eq!(run("", body, 32), [0xaaaa_aaaa; 32]);
    let body = "setp.lt.u32 %p0, %r0, 31; vote.sync.all.pred %p1, %p0, -1; vote.sync.any.pred %p2, %p0, -1;
        vote.sync.uni.pred %p3, %p0, -1; vote.sync.all.pred %p4, %p0, 0x7fffffff; mov.u32 %r1, 0;
        @%p1 add.s32 %r1, %r1, 1; @%p2 add.s32 %r1, %r1, 2; @%p3 add.s32 %r1, %r1, 4; @%p4 add.s32 %r1, %r1, 8;";
    let body = body.replace(
        "vote.sync.all.pred %p4, %p0, 0x7fffffff;",
        "setp.ne.u32 %p4, %r0, %r0; @%p0 vote.sync.all.pred %p4, %p0, 0x7fffffff;",
    );
    assert_eq!(run("", &body, 32)[..31], [10; 31]);
    assert_eq!(run("", "redux.sync.max.u32 %r1, %r0, -1;", 32), [31; 32]);
    assert_eq!(run("", "redux.sync.add.s32 %r1, %r0, -1;", 32), [496; 32]);
    let body = "and.b32 %r2, %r0, 1; match.any.sync.b32 %r1, %r2, -1;";
    assert_eq!(run("", body, 32)[..2], [0x5555_5555, 0xaaaa_aaaa]);
}

#[test]
fn atomic_operations_on_shared_and_device_memory() {
    let declare = ".shared .align 4 .b8 sums[8];";
    let body = "mov.u32 %r2, 0; st.shared.u32 [sums], %r2; st.shared.u32 [sums+4], %r2; bar.sync 0;
        atom.shared.add.u32 %r3, [sums], 1; mov.f32 %f0, 0f3F000000; red.shared.add.f32 [sums+4], %f0; bar.sync 0;
        ld.shared.f32 %f1, [sums+4]; cvt.rzi.u32.f32 %r4, %f1; ld.shared.u32 %r1, [sums]; mad.lo.u32 %r1, %r4, 1000, %r1;";
    assert_eq!(run(declare, body, 128), vec![64_128; 128]);
    let atom = |name: &str, old: u64, b: &str| {
        let text = format!("st.global.b64 [%rd1], %a; atom.global.{name} %b, [%rd1], {b}; ld.global.b64 %d, [%rd1];");
        compute(&text, "b64", "b64", &[old])
    };
    assert_eq!(atom("add.u64", u64::MAX, "2"), 1);
    assert_eq!(atom("min.s64", 5, "-1"), u64::MAX);
    assert_eq!(atom("max.u64", 5, "-1"), u64::MAX);
    assert_eq!(atom("exch.b64", 5, "9"), 9);
    assert_eq!(atom("cas.b64", 5, "5, 8"), 8);
    assert_eq!(atom("cas.b64", 5, "6, 8"), 5);
    assert_eq!(atom("and.b64", 6, "3"), 2);
    assert_eq!(atom("or.b64", 6, "3"), 7);
    assert_eq!(atom("add.f64", 1.5f64.to_bits(), "0d4000000000000000"), 3.5f64.to_bits());
    assert_eq!(atom("inc.u32", 3, "3") as u32, 0);
    assert_eq!(atom("dec.u32", 0, "3") as u32, 3);
}
