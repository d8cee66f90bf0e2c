//! Tables of places that composed forms gather by: made once for each geometry and device, and kept there.

use std::sync::{Mutex, PoisonError};

use candle_core::{Device, Tensor};
use candlelight_base::transfer;

use crate::Result;

/// In a table, a place that is not there: Candle's `index_select` puts a zero for it, and its `index_add` passes over it.
pub(super) const NONE: u32 = u32::MAX;

/// As many geometries are kept, those that were used last: a network has a few dozen.
const KEPT: usize = 128;

/// What was made for keys of one kind.
pub(crate) struct Tables<K, V>(Mutex<Vec<(K, Device, V)>>);

impl<K: PartialEq, V: Clone> Tables<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// What belongs to `key` on `device`; made by `make` if it is not there.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) fn get(&self, key: K, device: &Device, make: impl FnOnce(&K) -> Result<V>) -> Result<V> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(other, on, _)| *other == key && on.same_device(device));
        let entry = match found {
            Some(at) => kept.remove(at),
            None => {
                let value = make(&key)?;
                (key, device.clone(), value)
            }
        };
        let value = entry.2.clone();
        // The one used last is at the end.
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(entry);
        Ok(value)
    }
}

/// A table on `device`.
pub(crate) fn table(places: Vec<u32>, device: &Device) -> Result<Tensor> {
    let n = places.len();
    Ok(transfer::to_device(places, n, device)?)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_table_is_made_once_and_the_ones_used_last_are_kept() {
        let (tables, made) = (Tables::new(), Cell::new(0));
        let get = |key: usize| {
            let make = |key: &usize| {
                made.set(made.get() + 1);
                table(vec![*key as u32, NONE], &Device::Cpu)
            };
            tables.get(key, &Device::Cpu, make).unwrap().to_vec1::<u32>().unwrap()
        };
        for key in [7, 8, 7, 8, 7] {
            assert_eq!(get(key), [key as u32, NONE]);
        }
        assert_eq!(made.get(), 2);
        // One is asked for again and again, among more than are kept.
        for key in 100..100 + 2 * KEPT {
            get(key);
            get(7);
        }
        assert_eq!(made.get(), 2 + 2 * KEPT);
        assert_eq!(tables.0.lock().unwrap().len(), KEPT);
        get(8);
        assert_eq!(made.get(), 3 + 2 * KEPT);
    }

    /// If this fails, Candle has changed what it does at a place that is not there.
    #[test]
    fn candle_puts_a_zero_for_none_and_adds_nothing_there() {
        let table = table(vec![1, NONE, 0], &Device::Cpu).unwrap();
        let x = Tensor::new(&[[2f32, 3.], [4., 5.]], &Device::Cpu).unwrap();
        let selected = x.index_select(&table, 1).unwrap();
        assert_eq!(selected.to_vec2::<f32>().unwrap(), [[3., 0., 2.], [5., 0., 4.]]);
        let added =
            x.index_add(&table, &Tensor::ones((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap(), 1).unwrap();
        assert_eq!(added.to_vec2::<f32>().unwrap(), [[3., 4.], [5., 6.]]);
    }

    #[test]
    fn a_table_that_cannot_be_made_leaves_the_others() {
        let tables = Tables::new();
        let make = |_: &u32| table(vec![1], &Device::Cpu);
        tables.get(1, &Device::Cpu, make).unwrap();
        let failed = tables.get(2, &Device::Cpu, |_| Err(crate::Error::setting("table", "one", "none")));
        assert!(failed.is_err());
        assert_eq!(
            tables.get(1, &Device::Cpu, |_| table(vec![9], &Device::Cpu)).unwrap().to_vec1::<u32>().unwrap(),
            [1]
        );
    }
}
