//! The masks: drawn by a kernel on a card, else on the host and sent to the device. The bits are the same, for each element has random
//! numbers of its own, whose places are known before.
//!
//! Sixteen random bits decide on an element, all but one time in 65 536, when they lie in the one interval that p · 2¹⁶ divides: then 53
//! more do. So p is met to 2⁻⁶⁹, at the price of 16 bits each. The numbers are those of ChaCha with 8 rounds. From the place of the stream
//! on, each word of 32 bits has those of two elements, the low half first; a mask of n elements takes ⌈n/2⌉ words. The 53 are of another
//! stream, that with all bits of its number flipped: for the half h = 0 or 1 of word w the upper ones of its words 4 w + 2 h and the next.

use candle_core::{DType, Device, Shape, Tensor};
use candlelight_base::transfer;
use candlelight_kernels::card::{self, Odds, Words};
use rand::{Rng as _, RngCore as _};

use crate::Result;
use crate::rng::Rng;

/// A tensor of 0 with probability `p` and else `kept`.
pub(super) fn tensor(rng: &mut Rng, p: f64, kept: f64, shape: &Shape, dtype: DType, device: &Device) -> Result<Tensor> {
    let (odds, n) = (odds(p), shape.elem_count());
    let words = Words { key: rng.get_seed(), stream: rng.get_stream(), place: rng.get_word_pos() };
    if let Some(mask) = card::mask(&words, odds, kept, shape, dtype, device)? {
        rng.set_word_pos(words.place + n.div_ceil(2) as u128);
        return Ok(mask);
    }
    let tensor = match dtype {
        DType::F64 => transfer::to_device(draw(rng, odds, kept, n), shape, device)?,
        _ => transfer::to_device(draw(rng, odds, kept as f32, n), shape, device)?.to_dtype(dtype)?,
    };
    Ok(tensor)
}

/// `p` in units of 2⁻¹⁶, for p = 1 with a rest of one.
fn odds(p: f64) -> Odds {
    let units = p * 65_536.0;
    let whole = units as u16;
    Odds { whole, rest: ((units - f64::from(whole)) * 53_f64.exp2()).ceil() as u64 }
}

/// `n` times 0 with the probability `odds`, else `kept`.
fn draw<T: Copy + Default>(rng: &mut Rng, odds: Odds, kept: T, n: usize) -> Vec<T> {
    let mut mask = vec![kept; n];
    let (start, mut bits) = (rng.get_word_pos(), [0_u16; 4096]);
    for (chunk, mask) in mask.chunks_mut(bits.len()).enumerate() {
        let first = chunk * bits.len();
        let bits = &mut bits[..mask.len()];
        rng.fill(bits);
        for (value, &bits) in mask.iter_mut().zip(&*bits) {
            *value = if bits < odds.whole { T::default() } else { kept };
        }
        // A pass of its own, so that the first one is done many elements at a time.
        if odds.rest > 0 && bits.contains(&odds.whole) {
            let mut more = rng.clone();
            more.set_stream(!rng.get_stream());
            for (i, value) in mask.iter_mut().enumerate().filter(|(i, _)| bits[*i] == odds.whole) {
                more.set_word_pos(4 * start + 2 * (first + i) as u128);
                if more.next_u64() >> 11 < odds.rest {
                    *value = T::default();
                }
            }
        }
    }
    mask
}
