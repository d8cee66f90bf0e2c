//! Where the largest number stands, on every device the first of equal ones.

use candle_core::{D, DType, Tensor};

use super::tables::{Tables, table};
use crate::Result;
use crate::unread::is_unread;

/// How much a place is worth among equal ones, for their number: more the earlier it comes.
static WORTH: Tables<usize, Tensor> = Tables::new();

/// Where the largest number of each row of `x` [N, n] stands, U32 \[N\]: the first of equal ones, while a card's `argmax` takes any.
/// In a row with NaN, any place.
pub(crate) fn argmax(x: &Tensor) -> Result<Tensor> {
    if !is_unread(x) {
        return Ok(x.argmax(D::Minus1)?);
    }
    let n = x.dim(1)?;
    let worth = WORTH.get(n, x.device(), |&n| table((1..=n as u32).rev().collect(), x.device()))?;
    let equal = x.broadcast_eq(&x.max_keepdim(D::Minus1)?)?.to_dtype(DType::U32)?;
    Ok(equal.broadcast_mul(&worth)?.argmax(D::Minus1)?)
}
