//! F32. Sums, products, quotients and roots as IEEE 754 has them; what is only near on a card (`.approx`) is computed in F64 and rounded.

use super::rounding::{Rounding, narrow, odd, two_sum, zero_sign};
use super::work;
use crate::machine::program::Work;
use crate::ptx::Type;

/// The four ways of rounding of an expression in F64 that is exact or rounded to odd.
macro_rules! rounded {
    ($rounding:expr, $nearest:expr, |$r:ident, $($a:ident),+| $result:expr) => {
        match $rounding {
            Rounding::Nearest => $nearest,
            Rounding::Zero => {
                const $r: Rounding = Rounding::Zero;
                work!(|$($a: f32),+| narrow($result, $r))
            }
            Rounding::Down => {
                const $r: Rounding = Rounding::Down;
                work!(|$($a: f32),+| narrow($result, $r))
            }
            Rounding::Up => {
                const $r: Rounding = Rounding::Up;
                work!(|$($a: f32),+| narrow($result, $r))
            }
        }
    };
}

fn sum(a: f64, b: f64, rounding: Rounding) -> f64 {
    let both_plus = a == 0.0 && b == 0.0 && !(a.is_sign_negative() || b.is_sign_negative());
    zero_sign(odd(two_sum(a, b)), both_plus, rounding)
}

/// The quotient, rounded to odd: its remainder tells what it misses.
fn quotient(a: f64, b: f64) -> f64 {
    let nearest = a / b;
    odd((nearest, (-nearest).mul_add(b, a) * b.signum()))
}

fn root(a: f64) -> f64 {
    let nearest = a.sqrt();
    odd((nearest, (-nearest).mul_add(nearest, a)))
}

/// The smaller; a number goes before what is none, and -0 before +0.
fn least(a: f32, b: f32) -> f32 {
    if a.is_nan() || (!b.is_nan() && (b < a || (b == a && b.is_sign_negative()))) { b } else { a }
}

fn greatest(a: f32, b: f32) -> f32 {
    if a.is_nan() || (!b.is_nan() && (b > a || (b == a && b.is_sign_positive()))) { b } else { a }
}

/// As an F32 from a function of F64.
fn by(function: fn(f64) -> f64, a: f32) -> f32 {
    function(f64::from(a)) as f32
}

/// The instruction for F32 with this name and these modes.
pub(super) fn find(name: &str, modes: &[&str], kind: Type) -> Option<Work> {
    if kind != Type::F32 {
        return None;
    }
    match (name, modes) {
        ("neg", []) => return work!(|a: u32| a ^ 0x8000_0000),
        ("abs", []) => return work!(|a: u32| a & 0x7fff_ffff),
        ("min", []) => return work!(|a: f32, b: f32| least(a, b)),
        ("max", []) => return work!(|a: f32, b: f32| greatest(a, b)),
        ("min", ["NaN"]) => {
            return work!(|a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { least(a, b) });
        }
        ("max", ["NaN"]) => {
            return work!(|a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { greatest(a, b) });
        }
        ("div", ["approx" | "full"]) => return work!(|a: f32, b: f32| a / b),
        ("rcp", ["approx"]) => return work!(|a: f32| 1.0 / a),
        ("sqrt", ["approx"]) => return work!(|a: f32| a.sqrt()),
        ("rsqrt", ["approx"]) => return work!(|a: f32| by(|a| 1.0 / a.sqrt(), a)),
        ("ex2", ["approx"]) => return work!(|a: f32| by(f64::exp2, a)),
        ("lg2", ["approx"]) => return work!(|a: f32| by(f64::log2, a)),
        ("sin", ["approx"]) => return work!(|a: f32| by(f64::sin, a)),
        ("cos", ["approx"]) => return work!(|a: f32| by(f64::cos, a)),
        ("tanh", ["approx"]) => return work!(|a: f32| by(f64::tanh, a)),
        ("testp", ["finite"]) => return work!(|a: f32| a.is_finite()),
        ("testp", ["infinite"]) => return work!(|a: f32| a.is_infinite()),
        ("testp", ["number"]) => return work!(|a: f32| !a.is_nan()),
        ("testp", ["notanumber"]) => return work!(|a: f32| a.is_nan()),
        // By their exponent alone: a zero is neither; the ISA counts it to the normal ones.
        ("testp", ["normal"]) => return work!(|a: f32| a.is_normal() || a == 0.0),
        ("testp", ["subnormal"]) => return work!(|a: f32| a.is_subnormal()),
        _ => {}
    }
    let rounding = match modes {
        [] if matches!(name, "add" | "sub" | "mul") => Rounding::Nearest,
        [mode] => Rounding::parse(mode)?,
        _ => return None,
    };
    match name {
        "add" => rounded!(rounding, work!(|a: f32, b: f32| a + b), |R, a, b| sum(f64::from(a), f64::from(b), R)),
        "sub" => rounded!(rounding, work!(|a: f32, b: f32| a - b), |R, a, b| sum(f64::from(a), -f64::from(b), R)),
        "mul" => rounded!(rounding, work!(|a: f32, b: f32| a * b), |R, a, b| f64::from(a) * f64::from(b)),
        "fma" | "mad" => rounded!(rounding, work!(|a: f32, b: f32, c: f32| a.mul_add(b, c)), |R, a, b, c| {
            sum(f64::from(a) * f64::from(b), f64::from(c), R)
        }),
        "div" => rounded!(rounding, work!(|a: f32, b: f32| a / b), |R, a, b| quotient(f64::from(a), f64::from(b))),
        "rcp" => rounded!(rounding, work!(|a: f32| 1.0 / a), |R, a| quotient(1.0, f64::from(a))),
        "sqrt" => rounded!(rounding, work!(|a: f32| a.sqrt()), |R, a| root(f64::from(a))),
        _ => None,
    }
}
