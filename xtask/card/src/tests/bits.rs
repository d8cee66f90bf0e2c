//! Logic, shifts, fields, and pieces of registers.

use super::{compute, written};

fn of(instruction: &str, kind: &str, operands: &[u64]) -> u64 {
    compute(&written(&format!("{instruction}.{kind}"), operands.len()), kind, kind, operands)
}

#[test]
fn logic() {
    assert_eq!(of("and", "b32", &[12, 10]), 8);
    assert_eq!(of("or", "b64", &[1 << 63, 1]), (1 << 63) | 1);
    assert_eq!(of("xor", "b16", &[0xffff, 0xff]), 0xff00);
    assert_eq!(of("not", "b32", &[0]), 0xffff_ffff);
    assert_eq!(of("cnot", "b32", &[0]), 1);
    // The majority of three, and a choice by the first.
    assert_eq!(compute("lop3.b32 %d, %a, %b, %c, 0xE8;", "b32", "b32", &[12, 10, 9]), 8);
    assert_eq!(compute("lop3.b32 %d, %a, %b, %c, 0xCA;", "b32", "b32", &[12, 10, 5]), 9);
}

#[test]
fn shifts_beyond_the_last_bit() {
    assert_eq!(of("shl", "b32", &[1, 31]), 1 << 31);
    assert_eq!(of("shl", "b32", &[1, 32]), 0);
    assert_eq!(of("shr", "u64", &[1 << 63, 64]), 0);
    assert_eq!(of("shr", "s32", &[0x8000_0000, 40]), 0xffff_ffff);
    assert_eq!(of("shr", "s64", &[(-8i64) as u64, 1]), (-4i64) as u64);
    assert_eq!(of("shr", "s16", &[0x8000, 3]), 0xf000);
    assert_eq!(of("shf.l.wrap", "b32", &[0x8000_0000, 1, 1]), 3);
    assert_eq!(of("shf.r.wrap", "b32", &[2, 1, 33]), 0x8000_0001);
    assert_eq!(of("shf.r.clamp", "b32", &[2, 7, 33]), 7);
    assert_eq!(of("shf.l.clamp", "b32", &[7, 1, 33]), 7);
}

#[test]
fn counts_and_places() {
    assert_eq!(compute("popc.b64 %d, %a;", "u32", "b64", &[u64::MAX]), 64);
    assert_eq!(compute("clz.b64 %d, %a;", "u32", "b64", &[1]), 63);
    assert_eq!(of("clz", "b32", &[0]), 32);
    assert_eq!(of("brev", "b32", &[1]), 1 << 31);
    assert_eq!(of("bfind", "u32", &[0x100]), 8);
    assert_eq!(of("bfind", "s32", &[0xffff_ffff]), 0xffff_ffff);
}

#[test]
fn fields() {
    assert_eq!(of("bfe", "u32", &[0xabcd, 4, 8]), 0xbc);
    assert_eq!(of("bfe", "s32", &[0xabcd, 4, 8]), 0xffff_ffbc);
    assert_eq!(of("bfe", "u32", &[0xabcd, 4, 0]), 0);
    assert_eq!(of("bfe", "s32", &[0x8000_0000, 28, 16]), 0xffff_fff8);
    assert_eq!(of("bfe", "u64", &[u64::MAX, 60, 32]), 15);
    assert_eq!(compute("bfi.b32 %d, %a, %b, 8, 4;", "b32", "b32", &[0xff, 0]), 0xf00);
    assert_eq!(compute("bfi.b64 %d, %a, %b, 32, 32;", "b64", "b64", &[7, 5]), (7 << 32) | 5);
    assert_eq!(compute("bfi.b32 %d, %a, %b, 40, 4;", "b32", "b32", &[0xff, 3]), 3);
    assert_eq!(of("prmt", "b32", &[0x4433_2211, 0x8877_6655, 0x7140]), 0x8822_5511);
    // A nibble from 8 on spreads the sign of its byte.
    assert_eq!(of("prmt", "b32", &[0x80, 0, 0x8888]), 0xffff_ffff);
}

#[test]
fn choices() {
    assert_eq!(compute("setp.eq.s32 %q, %a, 1; selp.b32 %d, %a, %b, %q;", "b32", "b32", &[1, 2]), 1);
    assert_eq!(compute("setp.eq.s32 %q, %a, 1; selp.b32 %d, %a, %b, %q;", "b32", "b32", &[3, 2]), 2);
    assert_eq!(compute("slct.b32.s32 %d, %a, %b, %c;", "b32", "b32", &[1, 2, 0xffff_ffff]), 2);
    assert_eq!(compute("slct.b32.f32 %d, %a, %b, %c;", "b32", "b32", &[1, 2, 0x8000_0000]), 1);
}

#[test]
fn registers_are_taken_apart_and_put_together() {
    let halves = ".reg .b16 %low, %high; mov.b32 {%low, %high}, %a; mov.b32 %d, {%high, %low};";
    assert_eq!(compute(halves, "b32", "b32", &[0x1234_abcd]), 0xabcd_1234);
    assert_eq!(
        compute("mov.b64 {%r0, %r1}, %a; mov.b64 %d, {%r1, %r0};", "b64", "b64", &[0x1_0000_0002]),
        0x2_0000_0001
    );
    assert_eq!(compute("mov.b64 {_, %r1}, %a; cvt.u64.u32 %d, %r1;", "b64", "b64", &[0x7_0000_0002]), 7);
    // What a register held above its type does not count.
    assert_eq!(compute("cvt.u16.u32 %d, %a;", "u32", "u32", &[0x1_2345]) as u16, 0x2345);
}
