//! Sums with a carry: `add.cc`, `addc`, `madc` and their like, which leave it in a slot or take it from there.

use crate::machine::program::{Work, own};
use crate::machine::value::Value;
use crate::ptx::Type;

const CARRY: usize = own::CARRY as usize;

/// a + b, or a + not b + 1 for a difference, with the carry (of a difference: what is borrowed) if `$take`, which is left if `$leave`.
macro_rules! sum {
    ($t:ty, $take:literal, $leave:literal, |$a:ident, $b:ident, $c:ident| $terms:expr, $minus:literal) => {{
        let work: Work = |slots, step| {
            let $a = <$t>::get(slots[usize::from(step.a)]);
            let $b = <$t>::get(slots[usize::from(step.b)]);
            let $c = <$t>::get(slots[usize::from(step.c)]);
            let _ = $c;
            let (first, second): ($t, $t) = $terms;
            let second = if $minus { !second } else { second };
            let before = u64::from($minus) ^ if $take { slots[CARRY] & 1 } else { 0 };
            let sum = u128::from(first) + u128::from(second) + u128::from(before);
            slots[usize::from(step.d)] = (sum as $t).put();
            if $leave {
                slots[CARRY] = u64::from($minus) ^ ((sum >> <$t>::BITS) & 1) as u64;
            }
        };
        Some(work)
    }};
}

macro_rules! all {
    ($name:expr, $t:ty) => {
        match $name {
            "add.cc" => sum!($t, false, true, |a, b, c| (a, b), false),
            "addc" => sum!($t, true, false, |a, b, c| (a, b), false),
            "addc.cc" => sum!($t, true, true, |a, b, c| (a, b), false),
            "sub.cc" => sum!($t, false, true, |a, b, c| (a, b), true),
            "subc" => sum!($t, true, false, |a, b, c| (a, b), true),
            "subc.cc" => sum!($t, true, true, |a, b, c| (a, b), true),
            "mad.lo.cc" => sum!($t, false, true, |a, b, c| (a.wrapping_mul(b), c), false),
            "mad.hi.cc" => sum!($t, false, true, |a, b, c| (high(a, b), c), false),
            "madc.lo" => sum!($t, true, false, |a, b, c| (a.wrapping_mul(b), c), false),
            "madc.hi" => sum!($t, true, false, |a, b, c| (high(a, b), c), false),
            "madc.lo.cc" => sum!($t, true, true, |a, b, c| (a.wrapping_mul(b), c), false),
            "madc.hi.cc" => sum!($t, true, true, |a, b, c| (high(a, b), c), false),
            _ => None,
        }
    };
}

/// The upper half of a product.
fn high<T>(a: T, b: T) -> T
where
    u128: From<T>,
    T: TryFrom<u128> + Default,
{
    let bits = size_of::<T>() as u32 * 8;
    T::try_from((u128::from(a) * u128::from(b)) >> bits).unwrap_or_default()
}

/// The instruction with a carry of this name, modes and type. Signed ones do the same as unsigned, but for products' upper halves.
pub(super) fn find(name: &str, modes: &[&str], kind: Type) -> Option<Work> {
    let full = std::iter::once(name).chain(modes.iter().copied()).collect::<Vec<_>>().join(".");
    match kind {
        Type::S32 | Type::S64 if full.contains("hi") => None,
        Type::U32 | Type::S32 | Type::B32 => all!(full.as_str(), u32),
        Type::U64 | Type::S64 | Type::B64 => all!(full.as_str(), u64),
        _ => None,
    }
}
