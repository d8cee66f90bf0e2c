//! F16 and BF16, one or two in a register.

use super::convert::narrow_odd;
use super::rounding::{odd, two_sum};
use super::work;
use crate::machine::program::Work;
use crate::machine::value::{BF16, F16, Value};
use crate::ptx::Type;

macro_rules! plain {
    ($name:expr, $t:ident) => {
        match $name {
            "add" => work!(|a: $t, b: $t| $t(a.0 + b.0)),
            "sub" => work!(|a: $t, b: $t| $t(a.0 - b.0)),
            "mul" => work!(|a: $t, b: $t| $t(a.0 * b.0)),
            "fma" => work!(|a: $t, b: $t, c: $t| $t(fused(a.0, b.0, c.0))),
            "min" => work!(|a: $t, b: $t| if a.0.is_nan() || b.0 < a.0 { b } else { a }),
            "max" => work!(|a: $t, b: $t| if a.0.is_nan() || b.0 > a.0 { b } else { a }),
            "min.NaN" => work!(|a: $t, b: $t| if b.0.is_nan() || b.0 < a.0 { b } else { a }),
            "max.NaN" => work!(|a: $t, b: $t| if b.0.is_nan() || b.0 > a.0 { b } else { a }),
            "ex2.approx" => work!(|a: $t| $t(f64::from(a.0).exp2() as f32)),
            "tanh.approx" => work!(|a: $t| $t(f64::from(a.0).tanh() as f32)),
            "neg" => work!(|a: u16| a ^ 0x8000),
            "abs" => work!(|a: u16| a & 0x7fff),
            _ => None,
        }
    };
}

/// Both halves of a register.
macro_rules! pair {
    ($name:expr, $t:ident) => {
        match $name {
            "add" => work!(|a: u64, b: u64| pair::<$t>([a, b, 0], |a, b, _| $t(a.0 + b.0))),
            "sub" => work!(|a: u64, b: u64| pair::<$t>([a, b, 0], |a, b, _| $t(a.0 - b.0))),
            "mul" => work!(|a: u64, b: u64| pair::<$t>([a, b, 0], |a, b, _| $t(a.0 * b.0))),
            "fma" => work!(|a: u64, b: u64, c: u64| pair::<$t>([a, b, c], |a, b, c| { $t(fused(a.0, b.0, c.0)) })),
            "neg" => work!(|a: u32| a ^ 0x8000_8000),
            "abs" => work!(|a: u32| a & 0x7fff_7fff),
            _ => None,
        }
    };
}

/// The product is exact in F64; the sum is rounded to odd, for the rounding that comes after.
fn fused(a: f32, b: f32, c: f32) -> f32 {
    narrow_odd(odd(two_sum(f64::from(a) * f64::from(b), f64::from(c))))
}

fn pair<T: Value>(operands: [u64; 3], compute: fn(T, T, T) -> T) -> u32 {
    let half = |shift: u32| {
        let [a, b, c] = operands.map(|operand| T::get(operand >> shift));
        compute(a, b, c).put() as u32
    };
    half(0) | half(16) << 16
}

/// Within 0 and 1, and 0 if it is not a number.
pub(super) fn saturate() -> Option<Work> {
    work!(|a: F16| if a.0 > 0.0 { F16(a.0.min(1.0)) } else { F16(0.0) })
}

/// The instruction for F16 or BF16 with this name and these modes.
pub(super) fn find(name: &str, modes: &[&str], kind: Type) -> Option<Work> {
    let modes = if modes.first() == Some(&"rn") { &modes[1..] } else { modes };
    let full = std::iter::once(name).chain(modes.iter().copied()).collect::<Vec<_>>().join(".");
    match kind {
        Type::F16 => plain!(full.as_str(), F16),
        Type::BF16 => plain!(full.as_str(), BF16),
        Type::F16x2 => pair!(full.as_str(), F16),
        Type::BF16x2 => pair!(full.as_str(), BF16),
        _ => None,
    }
}
