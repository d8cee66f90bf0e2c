//! Sums, products, quotients, functions: at the edges too.

use super::{compute, double, single, single_bits, written};

const TINY: f32 = f32::from_bits(1);
const MIN: f32 = f32::MIN_POSITIVE;

fn integer(instruction: &str, kind: &str, operands: &[u64]) -> u64 {
    compute(&written(&format!("{instruction}.{kind}"), operands.len()), kind, kind, operands)
}

#[test]
fn f32_follows_ieee_754() {
    assert_eq!(single("add.f32", &[0.1, 0.2]).to_bits(), (0.1f32 + 0.2).to_bits());
    assert_eq!(single("sub.rn.f32", &[1.0, TINY]), 1.0);
    assert_eq!(single("mul.f32", &[f32::MAX, 2.0]), f32::INFINITY);
    assert_eq!(single_bits("mul.f32", &[-0.0, 3.0]), 0x8000_0000);
    assert_eq!(single_bits("mul.f32", &[f32::INFINITY, 0.0]), 0x7fff_ffff);
    assert_eq!(single_bits("add.f32", &[f32::INFINITY, f32::NEG_INFINITY]), 0x7fff_ffff);
    assert_eq!(single("div.rn.f32", &[1.0, 3.0]), 1.0 / 3.0);
    assert_eq!(single("div.rn.f32", &[-1.0, 0.0]), f32::NEG_INFINITY);
    assert_eq!(single("sqrt.rn.f32", &[2.0]), 2f32.sqrt());
    assert!(single("sqrt.rn.f32", &[-1.0]).is_nan());
    // One rounding: the product alone would be 1 + 2⁻¹¹.
    let a = 1.0 + 2f32.powi(-12);
    assert_eq!(single("fma.rn.f32", &[a, a, -1.0 - 2f32.powi(-11)]), 2f32.powi(-24));
}

#[test]
fn f32_rounds_as_it_is_told() {
    let third = 1.0 / 3.0f32;
    // 1/3 lies below the F32 nearest to it.
    assert_eq!(single("div.rz.f32", &[1.0, 3.0]), third.next_down());
    assert_eq!(single("div.rm.f32", &[-1.0, 3.0]), -third);
    assert_eq!(single("div.rp.f32", &[-1.0, 3.0]), -third.next_down());
    assert_eq!(single("rcp.rp.f32", &[3.0]), third);
    // 1.41421354 lies below the root, and is nearest.
    assert_eq!(single("sqrt.rm.f32", &[2.0]), 2f32.sqrt());
    assert_eq!(single("sqrt.rp.f32", &[2.0]), 2f32.sqrt().next_up());
    assert_eq!(single("add.rz.f32", &[1.0, TINY]), 1.0);
    assert_eq!(single("add.rp.f32", &[1.0, TINY]), 1.0f32.next_up());
    assert_eq!(single("add.rm.f32", &[1.0, -TINY]), 1.0f32.next_down());
    assert_eq!(single("add.rz.f32", &[-1.0, TINY]), (-1.0f32).next_up());
    assert_eq!(single("add.rz.f32", &[f32::MAX, f32::MAX]), f32::MAX);
    assert_eq!(single("mul.rm.f32", &[f32::MAX, -2.0]), f32::NEG_INFINITY);
    assert_eq!(single_bits("add.rm.f32", &[1.0, -1.0]), 0x8000_0000);
    assert_eq!(single_bits("add.rm.f32", &[0.0, 0.0]), 0);
    // Farther below than an F64 reaches: the sum must still be rounded down.
    assert_eq!(single("fma.rm.f32", &[TINY, -TINY, 1.0]), 1.0f32.next_down());
    assert_eq!(single("fma.rp.f32", &[TINY, TINY, 1.0]), 1.0f32.next_up());
    // In F64 the sum rounds to 1 + 2⁻⁵², which is odd already and lies above it.
    assert_eq!(single("fma.rp.f32", &[2f32.powi(-52), 1f32.next_down(), 1.0]), 1.0f32.next_up());
    assert_eq!(single("fma.rm.f32", &[2f32.powi(-52), -(1f32.next_down()), 1.0]), 1.0f32.next_down());
}

#[test]
fn denormal_numbers_stay_unless_they_are_flushed() {
    assert_eq!(single("add.f32", &[TINY, TINY]), f32::from_bits(2));
    assert_eq!(single("add.ftz.f32", &[TINY, MIN]), MIN);
    assert_eq!(single_bits("mul.ftz.f32", &[-MIN, 0.5]), 0x8000_0000);
    assert_eq!(single("fma.rn.ftz.f32", &[TINY, 1e30, 1.0]), 1.0);
    assert_eq!(single("ex2.approx.f32", &[-149.0]), TINY);
    assert_eq!(single("ex2.approx.ftz.f32", &[-149.0]), 0.0);
    assert_eq!(single("rcp.approx.ftz.f32", &[TINY]), f32::INFINITY);
}

#[test]
fn minima_and_maxima_pass_over_what_is_no_number() {
    assert_eq!(single("min.f32", &[f32::NAN, 1.0]), 1.0);
    assert_eq!(single("max.f32", &[1.0, f32::NAN]), 1.0);
    assert_eq!(single_bits("max.f32", &[f32::NAN, -f32::NAN]), 0x7fff_ffff);
    assert_eq!(single_bits("max.NaN.f32", &[f32::NAN, 1.0]), 0x7fff_ffff);
    assert_eq!(single_bits("min.f32", &[0.0, -0.0]), 0x8000_0000);
    assert_eq!(single_bits("max.f32", &[-0.0, 0.0]), 0);
    assert_eq!(double("min.f64", &[f64::NAN, 2.0]), 2.0);
    assert_eq!(double("max.f64", &[-0.0, 0.0]).to_bits(), 0);
    assert_eq!(double("min.f64", &[-1.0, f64::NEG_INFINITY]), f64::NEG_INFINITY);
}

#[test]
fn signs_are_bits() {
    assert_eq!(single_bits("neg.f32", &[0.0]), 0x8000_0000);
    assert_eq!(single_bits("abs.f32", &[f32::from_bits(0xffc0_1234)]), 0x7fc0_1234);
    assert_eq!(single_bits("copysign.f32", &[-0.0, 3.0]), (-3.0f32).to_bits());
    assert_eq!(double("copysign.f64", &[-1.0, f64::INFINITY]), f64::NEG_INFINITY);
    assert_eq!(double("neg.f64", &[2.0]), -2.0);
    assert_eq!(double("abs.f64", &[-2.0]), 2.0);
}

#[test]
fn what_is_only_near_on_a_card_is_rounded_here() {
    assert_eq!(single("ex2.approx.f32", &[0.5]), std::f64::consts::SQRT_2 as f32);
    assert_eq!(single("lg2.approx.f32", &[0.0]), f32::NEG_INFINITY);
    assert_eq!(single("lg2.approx.f32", &[8.0]), 3.0);
    assert_eq!(single("rsqrt.approx.f32", &[4.0]), 0.5);
    assert_eq!(single("tanh.approx.f32", &[f32::INFINITY]), 1.0);
    assert_eq!(single("sin.approx.f32", &[1.0]), 1f64.sin() as f32);
    assert_eq!(single("cos.approx.f32", &[1.0]), 1f64.cos() as f32);
    assert_eq!(single("div.full.f32", &[1.0, 4.0]), 0.25);
    assert_eq!(single("sqrt.approx.f32", &[9.0]), 3.0);
    assert_eq!(single("add.sat.f32", &[0.75, 0.5]), 1.0);
    assert_eq!(single_bits("add.sat.f32", &[f32::NAN, 0.5]), 0);
    // Only the upper half counts: 1/3 cut to 20 digits behind the point.
    let coarse = f64::from_bits((1.0f64 / 3.0).to_bits() & (!0 << 32));
    assert_eq!(double("rcp.approx.ftz.f64", &[3.0]), coarse);
}

#[test]
fn f64_follows_ieee_754() {
    assert_eq!(double("add.f64", &[0.1, 0.2]), 0.1 + 0.2);
    assert_eq!(double("add.rz.f64", &[1.0, -1e-300]), 1.0f64.next_down());
    assert_eq!(double("add.rp.f64", &[1.0, 1e-300]), 1.0f64.next_up());
    assert_eq!(double("mul.rm.f64", &[0.1, 3.0]), (0.1f64 * 3.0).next_down());
    assert_eq!(double("mul.rz.f64", &[f64::MAX, 2.0]), f64::MAX);
    assert_eq!(double("fma.rn.f64", &[0.1, 10.0, -1.0]), 0.1f64.mul_add(10.0, -1.0));
    assert_eq!(double("div.rn.f64", &[1.0, -0.0]), f64::NEG_INFINITY);
    assert_eq!(double("sqrt.rn.f64", &[2.0]), 2f64.sqrt());
    assert_eq!(double("rcp.rn.f64", &[3.0]), 1.0 / 3.0);
}

#[test]
fn integers_wrap() {
    assert_eq!(integer("add", "u32", &[0xffff_ffff, 2]), 1);
    assert_eq!(integer("sub", "s64", &[0, 1]), u64::MAX);
    assert_eq!(integer("mul.lo", "s32", &[0x8000_0000, 3]), 0x8000_0000);
    assert_eq!(integer("mul.hi", "u32", &[0xffff_ffff, 0xffff_ffff]), 0xffff_fffe);
    assert_eq!(integer("mul.hi", "s64", &[u64::MAX, 5]), u64::MAX);
    assert_eq!(integer("mad.lo", "s32", &[7, 6, 0xffff_ffff]), 41);
    assert_eq!(integer("neg", "s32", &[0x8000_0000]), 0x8000_0000);
    assert_eq!(integer("abs", "s64", &[(-5i64) as u64]), 5);
    assert_eq!(integer("div", "s32", &[(-7i32) as u32 as u64, 2]), (-3i32) as u32 as u64);
    assert_eq!(integer("rem", "s32", &[(-7i32) as u32 as u64, 2]), (-1i32) as u32 as u64);
    assert_eq!(integer("div", "u64", &[7, 0]), u64::MAX);
    assert_eq!(integer("div", "s32", &[0x8000_0000, 0xffff_ffff]), 0x8000_0000);
    assert_eq!(integer("min", "s64", &[u64::MAX, 0]), u64::MAX);
    assert_eq!(integer("min", "u64", &[u64::MAX, 0]), 0);
    assert_eq!(integer("max", "s32", &[0xffff_ffff, 3]), 3);
    assert_eq!(integer("sad", "s32", &[0xffff_ffff, 3, 10]), 14);
    assert_eq!(integer("add.sat", "s32", &[0x7fff_ffff, 1]), 0x7fff_ffff);
    assert_eq!(compute("mul.wide.s32 %d, %a, %b;", "s64", "s32", &[0xffff_ffff, 3]), (-3i64) as u64);
    assert_eq!(compute("mul.wide.u32 %d, %a, %b;", "u64", "u32", &[0xffff_ffff, 3]), 0x2_ffff_fffd);
    assert_eq!(compute("mad.wide.u16 %d, %a, %b, 7;", "u32", "u16", &[0xffff, 0xffff]), 0xfffe_0008);
}

#[test]
fn carries_go_from_one_to_the_next() {
    let sum = "add.cc.u32 %r0, %a, %b; addc.u32 %d, 0, 0;";
    assert_eq!(compute(sum, "u32", "u32", &[0xffff_ffff, 1]), 1);
    assert_eq!(compute(sum, "u32", "u32", &[0xffff_fffe, 1]), 0);
    let difference = "sub.cc.u32 %r0, %a, %b; subc.u32 %d, 5, 1;";
    assert_eq!(compute(difference, "u32", "u32", &[1, 2]), 3);
    assert_eq!(compute(difference, "u32", "u32", &[2, 2]), 4);
    // 2⁶⁴ − 1 squared, word by word: the third word of 2¹²⁸ − 2⁶⁵ + 1.
    let product = "mul.lo.u32 %r0, %a, %b; mul.hi.u32 %r1, %a, %b; mad.lo.cc.u32 %r1, %a, %b, %r1; madc.hi.u32 %r2, %a, %b, 0;
        mad.lo.cc.u32 %r1, %a, %b, %r1; madc.hi.cc.u32 %r2, %a, %b, %r2; addc.u32 %r3, 0, 0; mad.lo.cc.u32 %d, %a, %b, %r2;";
    assert_eq!(compute(product, "u32", "u32", &[0xffff_ffff, 0xffff_ffff]), 0xffff_fffe);
}

#[test]
fn f16_and_bf16_round_to_nearest_even() {
    // 1 + 2⁻¹¹ lies between two F16.
    assert_eq!(compute("add.f16 %d, %a, %b;", "f16", "f16", &[0x3c00, 0x1000]), 0x3c00);
    assert_eq!(compute("add.f16 %d, %a, %b;", "f16", "f16", &[0x3c01, 0x1000]), 0x3c02);
    assert_eq!(compute("mul.f16 %d, %a, %b;", "f16", "f16", &[0x7bff, 0x4000]), 0x7c00);
    assert_eq!(compute("fma.rn.f16 %d, %a, %b, %c;", "f16", "f16", &[0x3c00, 0x3c00, 0xbc00]), 0);
    assert_eq!(compute("add.bf16 %d, %a, %b;", "b16", "b16", &[0x3f80, 0x3b80]), 0x3f80);
    assert_eq!(compute("add.f16x2 %d, %a, %b;", "b32", "b32", &[0x3c00_4000, 0x3c00_3c00]), 0x4000_4200);
}
