//! Rounding other than to nearest, without changing how the processor rounds.
//!
//! What lies beyond F32 is computed in F64 and rounded *to odd*: a result that is not exact gets an odd last digit. Then it is rounded once
//! more, as asked, and that is right, because F64 has more than two digits more (Boldo and Melquiond 2008, theorem 3).

/// How a result that lies between two numbers is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rounding {
    /// To nearest, ties to even.
    Nearest,
    /// Toward zero.
    Zero,
    /// Toward minus infinity.
    Down,
    /// Toward infinity.
    Up,
}

impl Rounding {
    /// `rn`, `rz`, `rm`, `rp`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "rn" => Self::Nearest,
            "rz" => Self::Zero,
            "rm" => Self::Down,
            "rp" => Self::Up,
            _ => return None,
        })
    }
}

/// The sum rounded to nearest, and what it misses, exactly (Knuth's two-sum).
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let second = sum - a;
    (sum, (a - (sum - second)) + (b - second))
}

/// A sum to nearest and what it misses, rounded to odd.
pub(super) fn odd((sum, missed): (f64, f64)) -> f64 {
    if missed == 0.0 || missed.is_nan() || !sum.is_finite() || sum.to_bits() & 1 == 1 {
        return sum;
    }
    if (missed > 0.0) == (sum > 0.0) { f64::from_bits(sum.to_bits() + 1) } else { f64::from_bits(sum.to_bits() - 1) }
}

/// An F64 as F32.
pub(super) fn narrow(value: f64, rounding: Rounding) -> f32 {
    let nearest = value as f32;
    let back = f64::from(nearest);
    match rounding {
        Rounding::Zero if back.abs() > value.abs() => {
            if nearest > 0.0 {
                nearest.next_down()
            } else {
                nearest.next_up()
            }
        }
        Rounding::Down if back > value => nearest.next_down(),
        Rounding::Up if back < value => nearest.next_up(),
        // A sum that is exactly zero is -0 when rounding down; products and conversions keep their sign.
        _ => nearest,
    }
}

/// An F64 to nearest and what it misses, rounded as asked. `finite` tells whether the operands were.
pub(super) fn adjust((nearest, missed): (f64, f64), finite: bool, rounding: Rounding) -> f64 {
    if finite && nearest.is_infinite() {
        let inward = match rounding {
            Rounding::Zero => true,
            Rounding::Down => nearest > 0.0,
            Rounding::Up => nearest < 0.0,
            Rounding::Nearest => false,
        };
        return if inward { f64::MAX.copysign(nearest) } else { nearest };
    }
    match rounding {
        Rounding::Zero if missed < 0.0 && nearest > 0.0 => nearest.next_down(),
        Rounding::Zero if missed > 0.0 && nearest < 0.0 => nearest.next_up(),
        Rounding::Down if missed < 0.0 => nearest.next_down(),
        Rounding::Up if missed > 0.0 => nearest.next_up(),
        _ => nearest,
    }
}

/// The sum of two numbers, -0 where rounding down makes zero of numbers that are not both +0.
pub(super) fn zero_sign(sum: f64, both_plus: bool, rounding: Rounding) -> f64 {
    if sum == 0.0 && rounding == Rounding::Down && !both_plus { -0.0 } else { sum }
}

/// To a whole number.
pub(super) fn whole(value: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::Nearest => value.round_ties_even(),
        Rounding::Zero => value.trunc(),
        Rounding::Down => value.floor(),
        Rounding::Up => value.ceil(),
    }
}
