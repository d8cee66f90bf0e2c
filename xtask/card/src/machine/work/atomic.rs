//! What atomic operations leave in memory.

use crate::machine::program::Change;
use crate::machine::value::{BF16, F16, Value};
use crate::ptx::Type;

macro_rules! change {
    ($t:ty, |$old:ident, $b:ident, $c:ident| $result:expr) => {{
        let change: Change = |old, b, c| {
            let ($old, $b, $c) = (<$t>::get(old), <$t>::get(b), <$t>::get(c));
            let _ = ($old, $c);
            ($result).put()
        };
        Some(change)
    }};
}

macro_rules! integer {
    ($name:expr, $t:ty) => {
        match $name {
            "add" => change!($t, |old, b, c| old.wrapping_add(b)),
            "min" => change!($t, |old, b, c| old.min(b)),
            "max" => change!($t, |old, b, c| old.max(b)),
            "inc" => change!($t, |old, b, c| if old >= b { 0 } else { old + 1 }),
            "dec" => change!($t, |old, b, c| if old == 0 || old > b { b } else { old - 1 }),
            "and" => change!($t, |old, b, c| old & b),
            "or" => change!($t, |old, b, c| old | b),
            "xor" => change!($t, |old, b, c| old ^ b),
            "exch" => change!($t, |old, b, c| b),
            "cas" => change!($t, |old, b, c| if old == b { c } else { old }),
            _ => None,
        }
    };
}

/// The operation with this name on numbers of a type.
pub(crate) fn change(name: &str, kind: Type) -> Option<Change> {
    match (name, kind) {
        (_, Type::B16 | Type::U16) => integer!(name, u16),
        (_, Type::B32 | Type::U32) => integer!(name, u32),
        (_, Type::B64 | Type::U64) => integer!(name, u64),
        (_, Type::S32) => integer!(name, i32),
        (_, Type::S64) => integer!(name, i64),
        ("add", Type::F32) => change!(f32, |old, b, c| old + b),
        ("add", Type::F64) => change!(f64, |old, b, c| old + b),
        ("add", Type::F16) => change!(F16, |old, b, c| F16(old.0 + b.0)),
        ("add", Type::BF16) => change!(BF16, |old, b, c| BF16(old.0 + b.0)),
        _ => None,
    }
}
