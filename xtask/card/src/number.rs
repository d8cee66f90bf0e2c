//! The numbers of the libraries: F32 and F64, both computed in F64.

/// A number of a matrix or a tensor.
pub(crate) trait Number: Copy {
    fn wide(self) -> f64;
    fn narrow(value: f64) -> Self;
}

impl Number for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn narrow(value: f64) -> Self {
        value as Self
    }
}

impl Number for f64 {
    fn wide(self) -> f64 {
        self
    }
    fn narrow(value: f64) -> Self {
        value
    }
}
