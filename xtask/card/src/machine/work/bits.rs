//! Bits: logic, shifts, fields, choices; and pieces of registers.

use super::work;
use crate::machine::program::{Step, Work};
use crate::ptx::Type;

macro_rules! logic {
    ($name:expr, $t:ty) => {
        match $name {
            "and" => work!(|a: $t, b: $t| a & b),
            "or" => work!(|a: $t, b: $t| a | b),
            "xor" => work!(|a: $t, b: $t| a ^ b),
            "not" => work!(|a: $t| !a),
            "mov" => work!(|a: $t| a),
            "selp" => work!(|a: $t, b: $t, c: bool| if c { a } else { b }),
            _ => None,
        }
    };
}

/// A shift by as many bits as the type has, or more, leaves nothing, or copies of the sign.
macro_rules! shift {
    ($name:expr, $t:ty) => {
        match $name {
            "shl" => work!(|a: $t, b: u32| a.checked_shl(b).unwrap_or(0)),
            "shr" => work!(|a: $t, b: u32| {
                #[allow(unused_comparisons)]
                a.checked_shr(b).unwrap_or(if a < 0 { !0 } else { 0 })
            }),
            "cnot" => work!(|a: $t| <$t>::from(a == 0)),
            _ => None,
        }
    };
}

/// A field of bits: position and length are numbers of 8 bits; beyond the end of a signed number stands its sign.
macro_rules! field {
    ($name:expr, $t:ty, $signed:literal) => {
        match $name {
            "bfe" => work!(|a: $t, b: u8, c: u8| {
                let (bits, position, length) = (<$t>::BITS, u32::from(b), u32::from(c));
                let last = (position + length).saturating_sub(1).min(bits - 1);
                let sign = $signed && length > 0 && (a >> last) & 1 == 1;
                let mask = if length >= bits { !0 } else { !(!0 << length) };
                let held = a.checked_shr(position).unwrap_or(0) & mask;
                let known = length.min(bits.saturating_sub(position));
                if sign { held | (!0 as $t).checked_shl(known).unwrap_or(0) } else { held }
            }),
            _ => None,
        }
    };
}

macro_rules! counts {
    ($name:expr, $t:ty) => {
        match $name {
            "popc" => work!(|a: $t| a.count_ones()),
            "clz" => work!(|a: $t| a.leading_zeros()),
            "brev" => work!(|a: $t| a.reverse_bits()),
            // The position and the length come in one slot: [`pack`].
            "bfi" => work!(|a: $t, b: $t, c: u16| {
                let (position, length) = (u32::from(c & 255), u32::from(c >> 8));
                let mask: $t = if length >= <$t>::BITS { !0 } else { !(!0 << length) };
                let mask = mask.checked_shl(position).unwrap_or(0);
                b & !mask | a.checked_shl(position).unwrap_or(0) & mask
            }),
            _ => None,
        }
    };
}

macro_rules! highest {
    ($name:expr, $t:ty, $flip:expr) => {
        match $name {
            "bfind" => work!(|a: $t| {
                let flip: fn($t) -> $t = $flip;
                let zeros = flip(a).leading_zeros();
                (<$t>::BITS - 1).checked_sub(zeros).unwrap_or(u32::MAX)
            }),
            _ => None,
        }
    };
}

fn funnel(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// `prmt`: each nibble of c chooses a byte of b:a, or its sign.
fn permute(a: u32, b: u32, c: u32) -> u32 {
    let bytes = funnel(b, a).to_le_bytes();
    let choose = |at: u32| {
        let nibble = (c >> (4 * at)) & 15;
        let byte = bytes[(nibble & 7) as usize];
        if nibble & 8 == 0 { byte } else { ((byte as i8) >> 7) as u8 }
    };
    u32::from_le_bytes([choose(0), choose(1), choose(2), choose(3)])
}

fn lookup(slots: &mut [u64], step: &Step) {
    let [a, b, c] = [step.a, step.b, step.c].map(|slot| slots[usize::from(slot)] as u32);
    let mut result = 0;
    for row in 0..8u32 {
        if step.offset >> row & 1 == 1 {
            let side = |value: u32, bit: u32| if row & bit != 0 { value } else { !value };
            result |= side(a, 4) & side(b, 2) & side(c, 1);
        }
    }
    slots[usize::from(step.d)] = u64::from(result);
}

/// d = the low 8 bits of a, and above those the low 8 of b.
pub(crate) fn pack(slots: &mut [u64], step: &Step) {
    let [a, b] = [step.a, step.b].map(|slot| slots[usize::from(slot)] & 255);
    slots[usize::from(step.d)] = a | b << 8;
}

/// The instruction on bits with this name and these modes and types.
pub(super) fn find(name: &str, modes: &[&str], types: &[Type]) -> Option<Work> {
    let kind = types[0];
    match (name, modes, types) {
        ("shf", ["l", "wrap"], _) => return work!(|a: u32, b: u32, c: u32| (funnel(b, a) << (c & 31) >> 32) as u32),
        ("shf", ["l", "clamp"], _) => return work!(|a: u32, b: u32, c: u32| (funnel(b, a) << c.min(32) >> 32) as u32),
        ("shf", ["r", "wrap"], _) => return work!(|a: u32, b: u32, c: u32| (funnel(b, a) >> (c & 31)) as u32),
        ("shf", ["r", "clamp"], _) => return work!(|a: u32, b: u32, c: u32| (funnel(b, a) >> c.min(32)) as u32),
        ("prmt", [], _) => return work!(|a: u32, b: u32, c: u32| permute(a, b, c)),
        ("lop3", [], _) => return Some(lookup),
        ("slct", [], [_, Type::S32]) => return work!(|a: u64, b: u64, c: i32| if c >= 0 { a } else { b }),
        ("slct", [], [_, Type::F32]) => return work!(|a: u64, b: u64, c: f32| if c >= 0.0 { a } else { b }),
        ("bfind", ["shiftamt"], [Type::U32]) => {
            return work!(|a: u32| if a == 0 { u32::MAX } else { a.leading_zeros() });
        }
        ("copysign", [], [Type::F32]) => return work!(|a: u32, b: u32| b & 0x7fff_ffff | a & 0x8000_0000),
        ("copysign", [], [Type::F64]) => return work!(|a: u64, b: u64| b & (u64::MAX >> 1) | a & (1 << 63)),
        (_, [], [_]) => {}
        _ => return None,
    }
    match kind {
        Type::Pred => logic!(name, bool),
        Type::B8 => logic!(name, u8),
        Type::S16 => shift!(name, i16).or_else(|| logic!(name, u16)),
        Type::S32 => shift!(name, i32)
            .or_else(|| logic!(name, u32))
            .or_else(|| field!(name, i32, true))
            .or_else(|| highest!(name, i32, |a| if a < 0 { !a } else { a })),
        Type::S64 => shift!(name, i64)
            .or_else(|| logic!(name, u64))
            .or_else(|| field!(name, i64, true))
            .or_else(|| highest!(name, i64, |a| if a < 0 { !a } else { a })),
        Type::B16 | Type::U16 | Type::F16 | Type::BF16 => logic!(name, u16).or_else(|| shift!(name, u16)),
        Type::B32 | Type::U32 | Type::F32 | Type::F16x2 | Type::BF16x2 => logic!(name, u32)
            .or_else(|| shift!(name, u32))
            .or_else(|| counts!(name, u32))
            .or_else(|| field!(name, u32, false))
            .or_else(|| highest!(name, u32, |a| a)),
        Type::B64 | Type::U64 | Type::F64 => logic!(name, u64)
            .or_else(|| shift!(name, u64))
            .or_else(|| counts!(name, u64))
            .or_else(|| field!(name, u64, false))
            .or_else(|| highest!(name, u64, |a| a)),
        Type::U8 | Type::S8 => None,
    }
}
