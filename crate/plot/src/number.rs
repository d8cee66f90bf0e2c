//! What may stand in a series.

/// A number that can be plotted: the primitive ones, and references to them, so that slices, vectors, `ndarray` arrays,
/// ranges and iterators all do.
pub trait Number: Copy {
    /// The nearest double.
    fn to_f64(self) -> f64;
}

impl<T: Number> Number for &T {
    fn to_f64(self) -> f64 {
        (*self).to_f64()
    }
}

macro_rules! number {
    ($($type:ty)*) => {$(
        impl Number for $type {
            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}

number!(f64 f32 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

/// All values.
pub(super) fn collect(values: impl IntoIterator<Item = impl Number>) -> Vec<f64> {
    values.into_iter().map(Number::to_f64).collect()
}

/// All values, or of an endless range such as `0..` as many as there are values that go with them.
pub(super) fn collect_along(values: impl IntoIterator<Item = impl Number>, count: usize) -> Vec<f64> {
    let values = values.into_iter();
    let most = if values.size_hint().0 == usize::MAX { count } else { usize::MAX };
    values.take(most).map(Number::to_f64).collect()
}
