//! Room for what collective operations add up, used again: to get it anew from the system takes longer than to fill it. On two
//! ranks an all-reduce of 4 MB took ten times as long.

use std::cell::RefCell;

use candle_core::DType;

use super::Values;

/// So many pieces a thread keeps: one for each operation under way at the same time, as a rule.
const KEPT: usize = 4;

thread_local! {
    static FREE: RefCell<Vec<Values>> = const { RefCell::new(Vec::new()) };
}

/// At least `len` numbers, whatever they are.
pub(super) fn take(dtype: DType, len: usize) -> Values {
    FREE.with_borrow_mut(|free| {
        let fits = |(_, values): &(usize, &Values)| values.dtype() == dtype && values.len() >= len;
        let smallest = free.iter().enumerate().filter(fits).min_by_key(|(_, values)| values.len());
        match smallest.map(|(place, _)| place) {
            Some(place) if len > 0 => free.swap_remove(place),
            _ => Values::zeros(dtype, len),
        }
    })
}

/// Gives it back, to the thread that calls; the smallest piece goes if there are too many.
pub(super) fn give(values: Values) {
    if values.is_empty() {
        return;
    }
    FREE.with_borrow_mut(|free| {
        free.push(values);
        if free.len() > KEPT
            && let Some((place, _)) = free.iter().enumerate().min_by_key(|(_, values)| values.bytes())
        {
            free.swap_remove(place);
        }
    });
}
