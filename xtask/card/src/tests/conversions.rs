//! `cvt`, in all ways of rounding and at the edges of the types.

use super::compute;

fn of(name: &str, to: &str, from: &str, bits: u64) -> u64 {
    let dot = if name.is_empty() { String::new() } else { format!(".{name}") };
    compute(&format!("cvt{dot}.{to}.{from} %d, %a;"), to, from, &[bits])
}

fn f32_to(name: &str, to: &str, value: f32) -> u64 {
    of(name, to, "f32", u64::from(value.to_bits()))
}

fn f64_to(name: &str, to: &str, value: f64) -> u64 {
    of(name, to, "f64", value.to_bits())
}

#[test]
fn floats_to_integers_round_and_stop_at_the_ends() {
    for (mode, values) in [("rni", [-2, 2, 4]), ("rzi", [-1, 2, 3]), ("rmi", [-2, 2, 3]), ("rpi", [-1, 3, 4])] {
        for (value, expected) in [-1.5f32, 2.5, 3.5].into_iter().zip(values) {
            assert_eq!(f32_to(mode, "s32", value) as u32 as i32, expected, "{mode} {value}");
            assert_eq!(f64_to(mode, "s64", f64::from(value)) as i64, i64::from(expected), "{mode} {value}");
        }
    }
    assert_eq!(f32_to("rzi", "s32", 1e20), 0x7fff_ffff);
    assert_eq!(f32_to("rzi", "u32", -5.0), 0);
    assert_eq!(f32_to("rzi", "s32", f32::NEG_INFINITY), 0x8000_0000);
    assert_eq!(f32_to("rzi", "u8", 300.0) as u8, 255);
    assert_eq!(f32_to("rzi", "s32", f32::NAN), 0);
    assert_eq!(f32_to("rzi", "s64", f32::NAN), 1 << 63);
    assert_eq!(f64_to("rzi", "u64", f64::NAN), 1 << 63);
    assert_eq!(f64_to("rzi", "u32", f64::NAN), 1 << 31);
    assert_eq!(f64_to("rzi", "u64", 1e30), u64::MAX);
}

#[test]
fn floats_to_whole_floats() {
    for (mode, values) in [("rni", [-0.0f32, 2.0]), ("rzi", [-0.0, 2.0]), ("rmi", [-1.0, 2.0]), ("rpi", [-0.0, 3.0])] {
        for (value, expected) in [-0.5f32, 2.5].into_iter().zip(values) {
            assert_eq!(f32_to(mode, "f32", value) as u32, expected.to_bits(), "{mode} {value}");
        }
    }
    assert_eq!(f64_to("rmi", "f64", -1.5), (-2f64).to_bits());
    assert_eq!(f32_to("sat", "f32", -3.0), 0);
    assert_eq!(f32_to("sat", "f32", 3.0), u64::from(1f32.to_bits()));
    assert_eq!(f64_to("sat", "f64", f64::NAN), 0);
}

#[test]
fn floats_to_shorter_floats() {
    let near = 1.0 + 2f64.powi(-24) + 2f64.powi(-50);
    for (mode, expected) in [("rn", 1f32.next_up()), ("rz", 1.0), ("rm", 1.0), ("rp", 1f32.next_up())] {
        assert_eq!(f64_to(mode, "f32", near) as u32, expected.to_bits(), "{mode}");
        assert_eq!(
            f64_to(mode, "f32", -near) as u32,
            match mode {
                "rn" | "rm" => (-1f32).next_down().to_bits(),
                _ => (-1f32).to_bits(),
            }
        );
    }
    assert_eq!(f64_to("rz", "f32", 1e300) as u32, f32::MAX.to_bits());
    assert_eq!(f64_to("rn", "f32", 1e300) as u32, f32::INFINITY.to_bits());
    assert_eq!(f32_to("", "f64", 0.1), f64::from(0.1f32).to_bits());
    assert_eq!(f32_to("ftz", "f64", f32::from_bits(3)), 0);
}

#[test]
fn integers_to_floats() {
    // 2²⁴ + 1 lies between two F32.
    let between = (1u64 << 24) + 1;
    assert_eq!(of("rn", "f32", "u32", between) as u32, 16_777_216f32.to_bits());
    assert_eq!(of("rz", "f32", "u64", between) as u32, 16_777_216f32.to_bits());
    assert_eq!(of("rp", "f32", "s64", between) as u32, 16_777_218f32.to_bits());
    assert_eq!(of("rm", "f32", "s32", (-(between as i64)) as u32 as u64) as u32, (-16_777_218f32).to_bits());
    assert_eq!(of("rn", "f64", "s64", u64::MAX), (-1f64).to_bits());
    assert_eq!(of("rn", "f64", "u64", u64::MAX), 2f64.powi(64).to_bits());
    assert_eq!(of("rz", "f64", "u64", u64::MAX), 2f64.powi(64).next_down().to_bits());
    assert_eq!(of("rn", "f32", "s8", 0xff) as u32, (-1f32).to_bits());
}

#[test]
fn integers_to_integers() {
    assert_eq!(of("", "s32", "s8", 0x80) as u32, 0xffff_ff80);
    assert_eq!(of("", "u32", "u8", 0x180), 0x80);
    assert_eq!(of("", "s64", "s32", 0x8000_0000), 0xffff_ffff_8000_0000);
    assert_eq!(of("", "u64", "u32", u64::MAX), 0xffff_ffff);
    assert_eq!(of("sat", "u8", "s32", (-5i32) as u32 as u64) as u8, 0);
    assert_eq!(of("sat", "s8", "s32", 1000) as u8, 127);
}

#[test]
fn sixteen_bits() {
    assert_eq!(f32_to("rn", "f16", 65504.0) as u16, 0x7bff);
    assert_eq!(f32_to("rn", "f16", 65520.0) as u16, 0x7c00);
    assert_eq!(f32_to("rn", "f16", 2f32.powi(-24)) as u16, 1);
    assert_eq!(f32_to("rn", "f16", 2f32.powi(-25)) as u16, 0);
    assert_eq!(f32_to("rn", "f16", -1.0) as u16, 0xbc00);
    // Rounded once, not by way of F32.
    assert_eq!(f64_to("rn", "f16", 1.0 + 2f64.powi(-11) + 2f64.powi(-40)) as u16, 0x3c01);
    assert_eq!(of("", "f32", "f16", 1) as u32, 2f32.powi(-24).to_bits());
    assert_eq!(of("", "f32", "f16", 0xfc00) as u32, f32::NEG_INFINITY.to_bits());
    assert_eq!(of("", "f32", "bf16", 0x3fc0) as u32, 1.5f32.to_bits());
    assert_eq!(of("rzi", "s32", "f16", 0xc100), (-2i32) as u32 as u64);
}
