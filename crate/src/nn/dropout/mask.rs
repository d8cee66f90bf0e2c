//! The masks: drawn by a kernel on a card where the places of all random numbers are known before, else on the host, and sent to a device
//! once each. The bits are the same.
//!
//! The numbers are those of ChaCha with 8 rounds, whose block b, 16 words of 32 bits, is a function of key, stream and the counter b alone.
//! Let w be the place in the stream (`get_word_pos`), in words. Elements come in chunks of 4096, the last one shorter; one of m elements
//! takes the words w to w + ⌈m/2⌉ - 1, the low half of a word for an element of even number in the chunk, the high half for the next. An
//! element is 0 if its 16 bits are below ⌊p · 2¹⁶⌋, and the next chunk begins after these words: all that is parallel, and for p = 1/2, 1/4
//! and their like all there is. But an element whose bits equal that number, where p · 2¹⁶ is no integer, takes two words more, at the end
//! of its chunk, in the order of the elements: from the 53 upper bits of (second word · 2³² + first word) it is 0 if they are below the rest
//! of p · 2¹⁶, in units of 2⁻⁵³. One chunk in sixteen has such an element, and all later chunks move by two words then; so the host would
//! have to read where the stream has got to, or leave its place on the device.

use candle_core::{DType, Device, Shape, Tensor};
use candlelight_base::transfer;
use candlelight_kernels::card::{self, Words};
use rand::Rng as _;

use crate::Result;
use crate::rng::Rng;

/// A tensor of 0 with probability `p` and else `kept`.
pub(super) fn tensor(rng: &mut Rng, p: f64, kept: f64, shape: &Shape, dtype: DType, device: &Device) -> Result<Tensor> {
    let n = shape.elem_count();
    if let Some(tensor) = on_card(rng, p, kept, shape, dtype, device)? {
        return Ok(tensor);
    }
    let tensor = match dtype {
        DType::F64 => transfer::to_device(draw(rng, p, kept, n), shape, device)?,
        _ => transfer::to_device(draw(rng, p, kept as f32, n), shape, device)?.to_dtype(dtype)?,
    };
    Ok(tensor)
}

/// The same by a kernel, where p · 2¹⁶ is an integer below 2¹⁶: then all places in the stream are known before.
fn on_card(rng: &mut Rng, p: f64, kept: f64, shape: &Shape, dtype: DType, device: &Device) -> Result<Option<Tensor>> {
    let whole = p * 65_536.0;
    if whole.fract() != 0.0 || whole >= 65_536.0 {
        return Ok(None);
    }
    let words = Words { key: rng.get_seed(), stream: rng.get_stream(), place: rng.get_word_pos() };
    let mask = card::mask(&words, whole as u32, kept, shape, dtype, device)?;
    if mask.is_some() {
        rng.set_word_pos(words.place + shape.elem_count().div_ceil(2) as u128);
    }
    Ok(mask)
}

/// `n` times 0 with probability `p`, else `kept`.
///
/// Sixteen random bits decide on an element, all but one time in 65 536, when they lie in the one interval that p · 2¹⁶
/// divides: then a number of 53 more bits does. So p is met to 2⁻⁶⁹, at the price of 16 bits each.
fn draw<T: Copy + Default>(rng: &mut Rng, p: f64, kept: T, n: usize) -> Vec<T> {
    let threshold = p * 65_536.0;
    let whole = threshold as u16; // at p = 1 the last interval, all of which is dropped
    let rest = threshold - f64::from(whole);
    let mut mask = vec![kept; n];
    let mut bits = [0_u16; 4096];
    for mask in mask.chunks_mut(bits.len()) {
        let bits = &mut bits[..mask.len()];
        rng.fill(bits);
        for (value, &bits) in mask.iter_mut().zip(&*bits) {
            *value = if bits < whole { T::default() } else { kept };
        }
        // A pass of its own, so that the first one is done many elements at a time.
        if rest > 0.0 && bits.contains(&whole) {
            for (value, _) in mask.iter_mut().zip(&*bits).filter(|(_, bits)| **bits == whole) {
                if rng.random::<f64>() < rest {
                    *value = T::default();
                }
            }
        }
    }
    mask
}
