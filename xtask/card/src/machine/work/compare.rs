//! `setp`: comparisons, ordered and unordered.

use super::work;
use crate::machine::program::Work;
use crate::machine::value::{BF16, F16};
use crate::ptx::Type;

macro_rules! integer {
    ($how:expr, $t:ty) => {
        match $how {
            "eq" => work!(|a: $t, b: $t| a == b),
            "ne" => work!(|a: $t, b: $t| a != b),
            "lt" | "lo" => work!(|a: $t, b: $t| a < b),
            "le" | "ls" => work!(|a: $t, b: $t| a <= b),
            "gt" | "hi" => work!(|a: $t, b: $t| a > b),
            "ge" | "hs" => work!(|a: $t, b: $t| a >= b),
            _ => None,
        }
    };
}

/// Where one is not a number, the ordered comparisons are false and those with a `u` true.
macro_rules! float {
    ($how:expr, $t:ty, $($field:tt)*) => {
        match $how {
            "eq" => work!(|a: $t, b: $t| a$($field)* == b$($field)*),
            "ne" => work!(|a: $t, b: $t| a$($field)*.partial_cmp(&b$($field)*).is_some_and(std::cmp::Ordering::is_ne)),
            "lt" => work!(|a: $t, b: $t| a$($field)* < b$($field)*),
            "le" => work!(|a: $t, b: $t| a$($field)* <= b$($field)*),
            "gt" => work!(|a: $t, b: $t| a$($field)* > b$($field)*),
            "ge" => work!(|a: $t, b: $t| a$($field)* >= b$($field)*),
            "equ" => work!(|a: $t, b: $t| unordered(a$($field)*.partial_cmp(&b$($field)*), std::cmp::Ordering::is_eq)),
            "neu" => work!(|a: $t, b: $t| a$($field)* != b$($field)*),
            "ltu" => work!(|a: $t, b: $t| unordered(a$($field)*.partial_cmp(&b$($field)*), std::cmp::Ordering::is_lt)),
            "leu" => work!(|a: $t, b: $t| unordered(a$($field)*.partial_cmp(&b$($field)*), std::cmp::Ordering::is_le)),
            "gtu" => work!(|a: $t, b: $t| unordered(a$($field)*.partial_cmp(&b$($field)*), std::cmp::Ordering::is_gt)),
            "geu" => work!(|a: $t, b: $t| unordered(a$($field)*.partial_cmp(&b$($field)*), std::cmp::Ordering::is_ge)),
            "num" => work!(|a: $t, b: $t| !a$($field)*.is_nan() && !b$($field)*.is_nan()),
            "nan" => work!(|a: $t, b: $t| a$($field)*.is_nan() || b$($field)*.is_nan()),
            _ => None,
        }
    };
}

/// True also where two numbers have no order.
fn unordered(order: Option<std::cmp::Ordering>, holds: impl Fn(std::cmp::Ordering) -> bool) -> bool {
    order.is_none_or(holds)
}

/// The comparison with this name, of two numbers of a type.
pub(super) fn find(modes: &[&str], kind: Type) -> Option<Work> {
    let &[how] = modes else {
        return None;
    };
    match kind {
        Type::B16 | Type::U16 => integer!(how, u16),
        Type::B32 | Type::U32 => integer!(how, u32),
        Type::B64 | Type::U64 => integer!(how, u64),
        Type::S16 => integer!(how, i16),
        Type::S32 => integer!(how, i32),
        Type::S64 => integer!(how, i64),
        Type::F32 => float!(how, f32,),
        Type::F64 => float!(how, f64,),
        Type::F16 => float!(how, F16, .0),
        Type::BF16 => float!(how, BF16, .0),
        _ => None,
    }
}
