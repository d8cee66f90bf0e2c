//! Integers: sums, products, quotients.

use super::work;
use crate::machine::program::Work;
use crate::ptx::Type;

macro_rules! plain {
    ($name:expr, $t:ty, $wide:ty) => {
        match $name {
            "add" => work!(|a: $t, b: $t| a.wrapping_add(b)),
            "sub" => work!(|a: $t, b: $t| a.wrapping_sub(b)),
            "mul.lo" => work!(|a: $t, b: $t| a.wrapping_mul(b)),
            "mul.hi" => work!(|a: $t, b: $t| ((<$wide>::from(a) * <$wide>::from(b)) >> <$t>::BITS) as $t),
            "mad.lo" => work!(|a: $t, b: $t, c: $t| a.wrapping_mul(b).wrapping_add(c)),
            "mad.hi" => {
                work!(
                    |a: $t, b: $t, c: $t| (((<$wide>::from(a) * <$wide>::from(b)) >> <$t>::BITS) as $t).wrapping_add(c)
                )
            }
            // What a card gives for a division by zero is not laid down; all bits set is what it is seen to give.
            "div" => work!(|a: $t, b: $t| if b == 0 { !0 } else { a.wrapping_div(b) }),
            "rem" => work!(|a: $t, b: $t| if b == 0 { a } else { a.wrapping_rem(b) }),
            "min" => work!(|a: $t, b: $t| a.min(b)),
            "max" => work!(|a: $t, b: $t| a.max(b)),
            "sad" => {
                work!(|a: $t, b: $t, c: $t| c.wrapping_add(if a < b { b.wrapping_sub(a) } else { a.wrapping_sub(b) }))
            }
            _ => None,
        }
    };
}

macro_rules! signed {
    ($name:expr, $t:ty) => {
        match $name {
            "neg" => work!(|a: $t| a.wrapping_neg()),
            "abs" => work!(|a: $t| a.wrapping_abs()),
            _ => None,
        }
    };
}

macro_rules! wide {
    ($name:expr, $t:ty, $wide:ty) => {
        match $name {
            "mul.wide" => work!(|a: $t, b: $t| <$wide>::from(a) * <$wide>::from(b)),
            "mad.wide" => work!(|a: $t, b: $t, c: $wide| (<$wide>::from(a) * <$wide>::from(b)).wrapping_add(c)),
            _ => None,
        }
    };
}

/// The instruction for integers with this name, modes and type.
pub(super) fn find(name: &str, modes: &[&str], kind: Type) -> Option<Work> {
    let name = match modes {
        [] => name.to_string(),
        [part @ ("lo" | "hi" | "wide")] => format!("{name}.{part}"),
        ["sat"] if kind == Type::S32 => {
            return match name {
                "add" => work!(|a: i32, b: i32| a.saturating_add(b)),
                "sub" => work!(|a: i32, b: i32| a.saturating_sub(b)),
                _ => None,
            };
        }
        _ => return None,
    };
    let name = name.as_str();
    match kind {
        Type::U16 => plain!(name, u16, u32).or_else(|| wide!(name, u16, u32)),
        Type::U32 => plain!(name, u32, u64).or_else(|| wide!(name, u32, u64)),
        Type::U64 => plain!(name, u64, u128),
        Type::S16 => plain!(name, i16, i32).or_else(|| wide!(name, i16, i32)).or_else(|| signed!(name, i16)),
        Type::S32 => plain!(name, i32, i64).or_else(|| wide!(name, i32, i64)).or_else(|| signed!(name, i32)),
        Type::S64 => plain!(name, i64, i128).or_else(|| signed!(name, i64)),
        _ => None,
    }
}
