//! Where the suites compute: with the CPU's kernels, and the same once more elsewhere.
//!
//! `CANDLELIGHT_DEVICE` says what elsewhere is. Unset or `cpu`, it is the CPU with every layer in its composed form, which is what other
//! devices run; `cuda`, it is the first card, for which the suites are built with `--features cuda`.

use std::cell::RefCell;
use std::sync::OnceLock;

use candlelight::kernels::composed;
use candlelight::prelude::*;

use crate::flat;

/// The device that `CANDLELIGHT_DEVICE` names. Every call gives the same one: tensors of two handles of a card do not mix.
///
/// # Panics
/// If the variable names no device that is known, or one that is not there: no test falls back to the CPU.
pub fn device() -> Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    DEVICE.get_or_init(named).clone()
}

fn named() -> Device {
    let name = std::env::var_os("CANDLELIGHT_DEVICE").unwrap_or_else(|| "cpu".into());
    match name.to_str() {
        Some("cpu") => Device::Cpu,
        Some("cuda") => match best_device() {
            Ok(Device::Cpu) => panic!("CANDLELIGHT_DEVICE is cuda, and there is no card, or no feature `cuda`"),
            Ok(card) => card,
            Err(error) => panic!("CANDLELIGHT_DEVICE is cuda: {error}"),
        },
        _ => panic!("CANDLELIGHT_DEVICE must be cpu or cuda, got {name:?}"),
    }
}

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// What this thread computes on, and whether a test has asked for it.
struct Place {
    device: Device,
    asked: bool,
}

/// Puts back what was there before, also after a panic: a property is tried again on the same thread.
struct Before(Option<Place>);

impl Drop for Before {
    fn drop(&mut self) {
        PLACE.replace(self.0.take());
    }
}

/// Where the tensors of a test belong: inside [`elsewhere`] there, else on the CPU.
pub fn here() -> Device {
    PLACE.with_borrow_mut(|place| match place {
        None => Device::Cpu,
        Some(place) => {
            place.asked = true;
            place.device.clone()
        }
    })
}

/// Runs `f` elsewhere. It makes its layers and inputs itself, on [`here`]; with the same seeds they hold the same numbers, which are
/// drawn on the host.
///
/// # Panics
/// If `f` has not asked for [`here`]: it would compare the CPU with itself.
#[track_caller]
pub fn elsewhere<T>(f: impl FnOnce() -> T) -> T {
    let device = device();
    if device.is_cpu() { composed(|| at(device, f)) } else { at(device, f) }
}

#[track_caller]
fn at<T>(device: Device, f: impl FnOnce() -> T) -> T {
    let _before = Before(PLACE.replace(Some(Place { device, asked: false })));
    let result = f();
    let asked = PLACE.with_borrow(|place| place.as_ref().is_some_and(|place| place.asked));
    assert!(asked, "nothing was made elsewhere");
    result
}

/// Whether this is [`elsewhere`] and that is the CPU: optimizers do not see by themselves that they are to be composed.
pub fn is_composed() -> bool {
    PLACE.with_borrow(|place| place.as_ref().is_some_and(|place| place.device.is_cpu()))
}

/// Runs `f` with the CPU's kernels, and then [`elsewhere`].
#[track_caller]
pub fn everywhere(f: impl Fn()) {
    f();
    elsewhere(f);
}

/// `all` on the CPU; on another device a part of these cases of a property, for every operation has to be launched.
pub fn cases(all: u32) -> u32 {
    if device().is_cpu() { all } else { (all / 10).max(8) }
}

/// How many samples of this many numbers a batch has: on the CPU all, on another device no more than make some 10 000 numbers together.
pub fn batch(samples: usize, numbers: usize) -> usize {
    if device().is_cpu() { samples } else { samples.min((10_000 / numbers).max(1)) }
}

/// Whether a tensor of this many numbers may be computed elsewhere: on the CPU any, on another device up to 10 000.
pub fn is_small(numbers: usize) -> bool {
    device().is_cpu() || numbers <= 10_000
}

/// By how much numbers may differ because one of two tensors is not on the CPU, where sums are taken in another order: 1e-4 of the largest
/// number in F32, 1e-12 in F64.
pub(crate) fn tolerance(actual: &Tensor, expected: &Tensor) -> f64 {
    let both = [actual, expected];
    if both.iter().all(|tensor| tensor.device().is_cpu()) {
        return 0.0;
    }
    let share = if both.iter().any(|tensor| tensor.dtype() == DType::F32) { 1e-4 } else { 1e-12 };
    let finite = flat(expected).into_iter().filter(|number| number.is_finite());
    share * finite.fold(0.0, |most: f64, number| most.max(number.abs()))
}
