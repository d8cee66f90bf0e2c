//! F64.

use super::rounding::{Rounding, adjust, two_sum, zero_sign};
use super::work;
use crate::machine::program::Work;
use crate::ptx::Type;

/// The ways of rounding that are not to nearest, of a result to nearest with what it misses.
macro_rules! directed {
    ($rounding:expr, |$r:ident, $a:ident, $b:ident| $result:expr) => {
        match $rounding {
            Rounding::Nearest => None,
            Rounding::Zero => {
                const $r: Rounding = Rounding::Zero;
                work!(|$a: f64, $b: f64| $result)
            }
            Rounding::Down => {
                const $r: Rounding = Rounding::Down;
                work!(|$a: f64, $b: f64| $result)
            }
            Rounding::Up => {
                const $r: Rounding = Rounding::Up;
                work!(|$a: f64, $b: f64| $result)
            }
        }
    };
}

fn sum(a: f64, b: f64, rounding: Rounding) -> f64 {
    let both_plus = a == 0.0 && b == 0.0 && !(a.is_sign_negative() || b.is_sign_negative());
    zero_sign(adjust(two_sum(a, b), a.is_finite() && b.is_finite(), rounding), both_plus, rounding)
}

fn product(a: f64, b: f64, rounding: Rounding) -> f64 {
    let nearest = a * b;
    adjust((nearest, a.mul_add(b, -nearest)), a.is_finite() && b.is_finite(), rounding)
}

fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || (!b.is_nan() && (b < a || (b == a && b.is_sign_negative()))) { b } else { a }
}

fn greatest(a: f64, b: f64) -> f64 {
    if a.is_nan() || (!b.is_nan() && (b > a || (b == a && b.is_sign_positive()))) { b } else { a }
}

/// `.approx.ftz.f64`: the upper half of the operand decides, and the lower half of the result is zero.
fn coarse(function: fn(f64) -> f64, a: f64) -> f64 {
    const UPPER: u64 = !0 << 32;
    let flush = |value: f64| if value.is_subnormal() { 0f64.copysign(value) } else { value };
    flush(f64::from_bits(function(flush(f64::from_bits(a.to_bits() & UPPER))).to_bits() & UPPER))
}

/// The instruction for F64 with this name and these modes.
pub(super) fn find(name: &str, modes: &[&str], kind: Type) -> Option<Work> {
    if kind != Type::F64 {
        return None;
    }
    match (name, modes) {
        ("neg", []) => work!(|a: u64| a ^ 1 << 63),
        ("abs", []) => work!(|a: u64| a & !(1 << 63)),
        ("min", []) => work!(|a: f64, b: f64| least(a, b)),
        ("max", []) => work!(|a: f64, b: f64| greatest(a, b)),
        ("add", [] | ["rn"]) => work!(|a: f64, b: f64| a + b),
        ("sub", [] | ["rn"]) => work!(|a: f64, b: f64| a - b),
        ("mul", [] | ["rn"]) => work!(|a: f64, b: f64| a * b),
        ("fma" | "mad", ["rn"]) => work!(|a: f64, b: f64, c: f64| a.mul_add(b, c)),
        ("div", ["rn"]) => work!(|a: f64, b: f64| a / b),
        ("rcp", ["rn"]) => work!(|a: f64| 1.0 / a),
        ("sqrt", ["rn"]) => work!(|a: f64| a.sqrt()),
        ("rcp", ["approx", "ftz"]) => work!(|a: f64| coarse(|a| 1.0 / a, a)),
        ("rsqrt", ["approx"]) => work!(|a: f64| 1.0 / a.sqrt()),
        ("rsqrt", ["approx", "ftz"]) => work!(|a: f64| coarse(|a| 1.0 / a.sqrt(), a)),
        ("testp", ["finite"]) => work!(|a: f64| a.is_finite()),
        ("testp", ["infinite"]) => work!(|a: f64| a.is_infinite()),
        ("testp", ["number"]) => work!(|a: f64| !a.is_nan()),
        ("testp", ["notanumber"]) => work!(|a: f64| a.is_nan()),
        ("testp", ["normal"]) => work!(|a: f64| a.is_normal() || a == 0.0),
        ("testp", ["subnormal"]) => work!(|a: f64| a.is_subnormal()),
        ("add", [mode]) => directed!(Rounding::parse(mode)?, |R, a, b| sum(a, b, R)),
        ("sub", [mode]) => directed!(Rounding::parse(mode)?, |R, a, b| sum(a, -b, R)),
        ("mul", [mode]) => directed!(Rounding::parse(mode)?, |R, a, b| product(a, b, R)),
        _ => None,
    }
}
