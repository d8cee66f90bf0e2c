//! `cvt`: from one type to another.
//!
//! A number that does not fit an integer becomes the nearest that does; what is not a number becomes 0, or the integer with only its
//! first bit set where one side has 64 bits (PTX ISA, "cvt").

use super::rounding::{Rounding, narrow, odd, whole};
use super::work;
use crate::machine::program::Work;
use crate::machine::value::{BF16, F16, Value};
use crate::ptx::Type;

macro_rules! to_integer {
    ($from:ident, $to:ty, $rounding:expr, |$a:ident| $float:expr) => {
        match $rounding {
            Rounding::Nearest => work!(|$a: $from| integer!($float, $to, $from, Rounding::Nearest)),
            Rounding::Zero => work!(|$a: $from| integer!($float, $to, $from, Rounding::Zero)),
            Rounding::Down => work!(|$a: $from| integer!($float, $to, $from, Rounding::Down)),
            Rounding::Up => work!(|$a: $from| integer!($float, $to, $from, Rounding::Up)),
        }
    };
}

macro_rules! integer {
    ($value:expr, $to:ty, $from:ident, $rounding:expr) => {{
        let value = whole($value, $rounding);
        let long = <$to>::BITS == 64 || size_of::<$from>() == 8;
        if value.is_nan() && long { <$to>::MIN | 1 << (<$to>::BITS - 1) } else { value as $to }
    }};
}

macro_rules! from_float {
    ($from:ident, $to:expr, $rounding:expr, |$a:ident| $float:expr) => {
        match $to {
            Type::U8 => to_integer!($from, u8, $rounding, |$a| $float),
            Type::U16 => to_integer!($from, u16, $rounding, |$a| $float),
            Type::U32 => to_integer!($from, u32, $rounding, |$a| $float),
            Type::U64 => to_integer!($from, u64, $rounding, |$a| $float),
            Type::S8 => to_integer!($from, i8, $rounding, |$a| $float),
            Type::S16 => to_integer!($from, i16, $rounding, |$a| $float),
            Type::S32 => to_integer!($from, i32, $rounding, |$a| $float),
            Type::S64 => to_integer!($from, i64, $rounding, |$a| $float),
            _ => None,
        }
    };
}

macro_rules! widen {
    ($from:ty, $to:expr, $saturate:expr) => {
        match ($to, $saturate) {
            (Type::U8, false) => work!(|a: $from| a as u8),
            (Type::U16, false) => work!(|a: $from| a as u16),
            (Type::U32, false) => work!(|a: $from| a as u32),
            (Type::U64, false) => work!(|a: $from| a as u64),
            (Type::S8, false) => work!(|a: $from| a as i8),
            (Type::S16, false) => work!(|a: $from| a as i16),
            (Type::S32, false) => work!(|a: $from| a as i32),
            (Type::S64, false) => work!(|a: $from| a as i64),
            (Type::U8, true) => clamp!($from, u8),
            (Type::U16, true) => clamp!($from, u16),
            (Type::U32, true) => clamp!($from, u32),
            (Type::U64, true) => clamp!($from, u64),
            (Type::S8, true) => clamp!($from, i8),
            (Type::S16, true) => clamp!($from, i16),
            (Type::S32, true) => clamp!($from, i32),
            (Type::S64, true) => clamp!($from, i64),
            _ => None,
        }
    };
}

macro_rules! clamp {
    ($from:ty, $to:ty) => {
        work!(|a: $from| i128::from(a).clamp(i128::from(<$to>::MIN), i128::from(<$to>::MAX)) as $to)
    };
}

macro_rules! to_float {
    ($from:ty, $to:expr, $rounding:expr) => {
        match ($to, $rounding) {
            (Type::F32, Rounding::Nearest) => work!(|a: $from| a as f32),
            (Type::F32, Rounding::Zero) => work!(|a: $from| narrow(exact(i128::from(a)), Rounding::Zero)),
            (Type::F32, Rounding::Down) => work!(|a: $from| narrow(exact(i128::from(a)), Rounding::Down)),
            (Type::F32, Rounding::Up) => work!(|a: $from| narrow(exact(i128::from(a)), Rounding::Up)),
            (Type::F64, Rounding::Nearest) => work!(|a: $from| a as f64),
            (Type::F64, Rounding::Zero) => work!(|a: $from| long(i128::from(a), Rounding::Zero)),
            (Type::F64, Rounding::Down) => work!(|a: $from| long(i128::from(a), Rounding::Down)),
            (Type::F64, Rounding::Up) => work!(|a: $from| long(i128::from(a), Rounding::Up)),
            (Type::F16, Rounding::Nearest) => work!(|a: $from| F16(narrow_odd(exact(i128::from(a))))),
            (Type::BF16, Rounding::Nearest) => work!(|a: $from| BF16(narrow_odd(exact(i128::from(a))))),
            _ => None,
        }
    };
}

/// An integer of at most 64 bits, rounded to odd.
fn exact(value: i128) -> f64 {
    let nearest = value as f64;
    odd((nearest, (value - nearest as i128) as f64))
}

fn long(value: i128, rounding: Rounding) -> f64 {
    let nearest = value as f64;
    super::rounding::adjust((nearest, (value - nearest as i128) as f64), true, rounding)
}

/// An F64 as an F32 that rounds further as the F64 would: to odd.
pub(super) fn narrow_odd(value: f64) -> f32 {
    let zero = narrow(value, Rounding::Zero);
    if f64::from(zero) == value || value.is_nan() { zero } else { f32::from_bits(zero.to_bits() | 1) }
}

fn between_floats(to: Type, from: Type, mode: Option<Rounding>, to_whole: Option<Rounding>) -> Option<Work> {
    macro_rules! each {
        ($mode:expr, |$r:ident| $work:expr) => {
            match $mode {
                Rounding::Nearest => {
                    const $r: Rounding = Rounding::Nearest;
                    $work
                }
                Rounding::Zero => {
                    const $r: Rounding = Rounding::Zero;
                    $work
                }
                Rounding::Down => {
                    const $r: Rounding = Rounding::Down;
                    $work
                }
                Rounding::Up => {
                    const $r: Rounding = Rounding::Up;
                    $work
                }
            }
        };
    }
    match (to, from, mode, to_whole) {
        (Type::F32, Type::F32, None, Some(rounding)) => {
            each!(rounding, |R| work!(|a: f32| whole(f64::from(a), R) as f32))
        }
        (Type::F64, Type::F64, None, Some(rounding)) => each!(rounding, |R| work!(|a: f64| whole(a, R))),
        (Type::F32, Type::F32, None, None) => work!(|a: f32| a),
        (Type::F64, Type::F64, None, None) => work!(|a: f64| a),
        (Type::F64, Type::F32, None, None) => work!(|a: f32| f64::from(a)),
        (Type::F32, Type::F64, Some(rounding), None) => each!(rounding, |R| work!(|a: f64| narrow(a, R))),
        (Type::F32, Type::F16, None, None) => work!(|a: F16| a.0),
        (Type::F32, Type::BF16, None, None) => work!(|a: BF16| a.0),
        (Type::F64, Type::F16, None, None) => work!(|a: F16| f64::from(a.0)),
        (Type::F64, Type::BF16, None, None) => work!(|a: BF16| f64::from(a.0)),
        (Type::F16, Type::F32, Some(Rounding::Nearest), None) => work!(|a: f32| F16(a)),
        (Type::BF16, Type::F32, Some(Rounding::Nearest), None) => work!(|a: f32| BF16(a)),
        (Type::F16, Type::F64, Some(Rounding::Nearest), None) => work!(|a: f64| F16(narrow_odd(a))),
        (Type::BF16, Type::F64, Some(Rounding::Nearest), None) => work!(|a: f64| BF16(narrow_odd(a))),
        // Two numbers: the first becomes the upper half.
        (Type::F16x2, Type::F32, Some(Rounding::Nearest), None) => {
            work!(|a: f32, b: f32| (F16(a).put() << 16 | F16(b).put()) as u32)
        }
        (Type::BF16x2, Type::F32, Some(Rounding::Nearest), None) => {
            work!(|a: f32, b: f32| (BF16(a).put() << 16 | BF16(b).put()) as u32)
        }
        (Type::F16, Type::F16, None, Some(rounding)) => {
            each!(rounding, |R| work!(|a: F16| F16(whole(f64::from(a.0), R) as f32)))
        }
        _ => None,
    }
}

/// The conversion from one type to another with these modes.
pub(super) fn find(modes: &[&str], to: Type, from: Type) -> Option<Work> {
    let (mut saturate, mut mode, mut to_whole) = (false, None, None);
    for name in modes {
        match *name {
            "sat" => saturate = true,
            "rn" | "rz" | "rm" | "rp" => mode = Rounding::parse(name),
            "rni" | "rzi" | "rmi" | "rpi" => to_whole = Rounding::parse(&name[..2]),
            _ => return None,
        }
    }
    if from.float() {
        if to.float() || matches!(to, Type::F16x2 | Type::BF16x2) {
            return between_floats(to, from, mode, to_whole);
        }
        let rounding = to_whole?;
        return match from {
            Type::F32 => from_float!(f32, to, rounding, |a| f64::from(a)),
            Type::F64 => from_float!(f64, to, rounding, |a| a),
            Type::F16 => from_float!(F16, to, rounding, |a| f64::from(a.0)),
            Type::BF16 => from_float!(BF16, to, rounding, |a| f64::from(a.0)),
            _ => None,
        };
    }
    macro_rules! from_integer {
        ($from:ty) => {
            if to.float() { to_float!($from, to, mode?) } else { widen!($from, to, saturate) }
        };
    }
    match from {
        Type::U8 => from_integer!(u8),
        Type::U16 => from_integer!(u16),
        Type::U32 => from_integer!(u32),
        Type::U64 => from_integer!(u64),
        Type::S8 => from_integer!(i8),
        Type::S16 => from_integer!(i16),
        Type::S32 => from_integer!(i32),
        Type::S64 => from_integer!(i64),
        _ => None,
    }
}
