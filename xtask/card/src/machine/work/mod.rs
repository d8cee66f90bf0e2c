//! What instructions compute, each as a function of the slots.

mod atomic;
mod bits;
mod carry;
mod compare;
mod convert;
mod float;
mod half;
mod integer;
mod rounding;
mod single;

pub(crate) use atomic::change;
pub(crate) use bits::pack;

use super::program::{Step, Work};
use crate::ptx::Type;

/// An instruction: `cvt.rzi.s32.f32` is `cvt`, the mode `rzi`, and the types S32 and F32.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) modes: Vec<&'a str>,
    pub(crate) types: Vec<Type>,
}

/// What an instruction computes, if it is known.
pub(crate) fn find(wanted: &Wanted<'_>) -> Option<Work> {
    let (name, modes) = (wanted.name, wanted.modes.as_slice());
    match (name, wanted.types.as_slice()) {
        ("cvt", [to, from]) => convert::find(modes, *to, *from),
        ("setp", [kind]) => compare::find(modes, *kind),
        (_, [kind, ..]) => bits::find(name, modes, &wanted.types)
            .or_else(|| integer::find(name, modes, *kind))
            .or_else(|| carry::find(name, modes, *kind))
            .or_else(|| single::find(name, modes, *kind))
            .or_else(|| float::find(name, modes, *kind))
            .or_else(|| half::find(name, modes, *kind)),
        _ => None,
    }
}

/// A function of the slots from an expression of its operands, each of a type.
macro_rules! work {
    (|$a:ident: $ta:ty| $result:expr) => {{
        let work: $crate::machine::Work = |slots, step| {
            let $a = <$ta as $crate::machine::value::Value>::get(slots[usize::from(step.a)]);
            slots[usize::from(step.d)] = $crate::machine::value::Value::put($result);
        };
        Some(work)
    }};
    (|$a:ident: $ta:ty, $b:ident: $tb:ty| $result:expr) => {{
        let work: $crate::machine::Work = |slots, step| {
            let $a = <$ta as $crate::machine::value::Value>::get(slots[usize::from(step.a)]);
            let $b = <$tb as $crate::machine::value::Value>::get(slots[usize::from(step.b)]);
            slots[usize::from(step.d)] = $crate::machine::value::Value::put($result);
        };
        Some(work)
    }};
    (|$a:ident: $ta:ty, $b:ident: $tb:ty, $c:ident: $tc:ty| $result:expr) => {{
        let work: $crate::machine::Work = |slots, step| {
            let $a = <$ta as $crate::machine::value::Value>::get(slots[usize::from(step.a)]);
            let $b = <$tb as $crate::machine::value::Value>::get(slots[usize::from(step.b)]);
            let $c = <$tc as $crate::machine::value::Value>::get(slots[usize::from(step.c)]);
            slots[usize::from(step.d)] = $crate::machine::value::Value::put($result);
        };
        Some(work)
    }};
}
use work;

/// d = a.
pub(crate) fn copy(slots: &mut [u64], step: &Step) {
    slots[usize::from(step.d)] = slots[usize::from(step.a)];
}

/// d = not a, of predicates.
pub(crate) fn not_predicate(slots: &mut [u64], step: &Step) {
    slots[usize::from(step.d)] = slots[usize::from(step.a)] & 1 ^ 1;
}

/// d = a + b, of addresses.
pub(crate) fn add_address(slots: &mut [u64], step: &Step) {
    slots[usize::from(step.d)] = slots[usize::from(step.a)].wrapping_add(slots[usize::from(step.b)]);
}

/// d = the low bits of a, and b above them.
macro_rules! join {
    ($name:ident, $bits:literal) => {
        #[doc = concat!("d = the low ", $bits, " bits of a, and b above them.")]
        pub(crate) fn $name(slots: &mut [u64], step: &Step) {
            let low = slots[usize::from(step.a)] & ((1 << $bits) - 1);
            slots[usize::from(step.d)] = low | slots[usize::from(step.b)] << $bits;
        }
    };
}
join!(join_8, 8);
join!(join_16, 16);
join!(join_32, 32);

/// d = a, an F32; a number below the normal ones becomes a zero of its sign (`.ftz`).
pub(crate) fn flush(slots: &mut [u64], step: &Step) {
    let value = slots[usize::from(step.a)] as u32;
    let flushed = if value & 0x7f80_0000 == 0 { value & 0x8000_0000 } else { value };
    slots[usize::from(step.d)] = u64::from(flushed);
}

/// d = a within 0 and 1, and 0 if it is not a number (`.sat`).
pub(crate) fn saturate(kind: Type) -> Option<Work> {
    match kind {
        Type::F32 => work!(|a: f32| if a > 0.0 { a.min(1.0) } else { 0.0 }),
        Type::F64 => work!(|a: f64| if a > 0.0 { a.min(1.0) } else { 0.0 }),
        Type::F16 => half::saturate(),
        _ => None,
    }
}
