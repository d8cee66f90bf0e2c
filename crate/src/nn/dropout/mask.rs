//! The masks: drawn on the host, and sent to a device once each.
//!
//! What a kernel would have to do to draw the same bits on a card. The numbers are those of ChaCha with 8 rounds, whose block b, 16
//! words of 32 bits, is a function of key, stream and the counter b alone: a thread can compute any of them. Let w be the place in
//! the stream (`get_word_pos`), in words. Elements come in chunks of 4096, the last one shorter; one of m elements takes the words w
//! to w + ⌈m/2⌉ - 1, the low half of a word for an element of even number in the chunk, the high half for the next. An element is 0
//! if its 16 bits are below ⌊p · 2¹⁶⌋, and the next chunk begins after these words: all that is parallel. But an element whose bits
//! equal that number, where p · 2¹⁶ is no integer, takes two words more, at the end of its chunk, in the order of the elements: from
//! the 53 upper bits of (second word · 2³² + first word) it is 0 if they are below the rest of p · 2¹⁶, in units of 2⁻⁵³. One chunk
//! in sixteen has such an element, and all later chunks move by two words then. So a first pass has to find these elements chunk
//! after chunk, as one thread block can do (its threads share a chunk, and one scan counts), and the second pass fills all chunks at
//! once from their places. For p = 1/2 and 1/4 there are none, and one pass is enough. The host then moves the stream on by as many
//! words as were taken: for other p it would have to read that number, or leave the place on the device until it is asked for.

use candle_core::{DType, Device, Shape, Tensor};
use candlelight_base::transfer;
use rand::Rng as _;

use crate::Result;
use crate::rng::Rng;

/// A tensor of 0 with probability `p` and else `kept`.
pub(super) fn tensor(rng: &mut Rng, p: f64, kept: f64, shape: &Shape, dtype: DType, device: &Device) -> Result<Tensor> {
    let n = shape.elem_count();
    let tensor = match dtype {
        DType::F64 => transfer::to_device(draw(rng, p, kept, n), shape, device)?,
        _ => transfer::to_device(draw(rng, p, kept as f32, n), shape, device)?.to_dtype(dtype)?,
    };
    Ok(tensor)
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
