//! The numbers that travel between ranks.

use std::ops::Range;

use candle_core::{DType, WithDType};

/// Numbers of one dtype, as they travel.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of 4 bytes each.
    F32(Vec<f32>),
    /// Of 8 bytes each.
    F64(Vec<f64>),
}

/// Runs the same lines for either dtype.
macro_rules! of_either {
    ($values:expr, $numbers:ident => $body:expr) => {
        match $values {
            Values::F32($numbers) => $body,
            Values::F64($numbers) => $body,
        }
    };
}

impl Values {
    /// `len` zeros.
    pub fn zeros(dtype: DType, len: usize) -> Self {
        match dtype {
            DType::F64 => Self::F64(vec![0.0; len]),
            _ => Self::F32(vec![0.0; len]),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        of_either!(self, numbers => numbers.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// F32 or F64.
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
        }
    }

    /// The size of all of them, in bytes.
    pub fn bytes(&self) -> usize {
        self.len() * self.dtype().size_in_bytes()
    }

    /// A copy of a part, which must lie inside.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        match self {
            Self::F32(numbers) => Self::F32(numbers[range].to_vec()),
            Self::F64(numbers) => Self::F64(numbers[range].to_vec()),
        }
    }

    /// Puts numbers of the same dtype into a place of their length.
    pub(super) fn put(&mut self, range: Range<usize>, new: &Self) {
        match (self, new) {
            (Self::F32(numbers), Self::F32(new)) => numbers[range].copy_from_slice(new),
            (Self::F64(numbers), Self::F64(new)) => numbers[range].copy_from_slice(new),
            _ => {}
        }
    }

    /// Joins numbers of the same dtype, those of `other` at `there`, to those at `here`, one by one.
    pub(super) fn join(&mut self, here: Range<usize>, other: &Self, there: Range<usize>, op: Reduction) {
        match (self, other) {
            (Self::F32(a), Self::F32(b)) => op.join(&mut a[here], &b[there]),
            (Self::F64(a), Self::F64(b)) => op.join(&mut a[here], &b[there]),
            _ => {}
        }
    }
}

/// How the numbers of several ranks become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum.
    #[default]
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl Reduction {
    fn join<T: Element>(self, here: &mut [T], there: &[T]) {
        let pairs = here.iter_mut().zip(there);
        match self {
            Self::Sum => pairs.for_each(|(a, &b)| *a += b),
            Self::Max => pairs.for_each(|(a, &b)| *a = if b > *a { b } else { *a }),
            Self::Min => pairs.for_each(|(a, &b)| *a = if b < *a { b } else { *a }),
        }
    }
}

/// A number that can travel: `f32` or `f64`.
pub trait Element: WithDType + std::ops::AddAssign + PartialOrd + sealed::Sealed {
    /// Numbers for the way.
    fn wrap(numbers: Vec<Self>) -> Values;

    /// Numbers that have arrived; none if they are of the other dtype.
    fn unwrap(values: Values) -> Vec<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Element for f32 {
    fn wrap(numbers: Vec<Self>) -> Values {
        Values::F32(numbers)
    }

    fn unwrap(values: Values) -> Vec<Self> {
        match values {
            Values::F32(numbers) => numbers,
            Values::F64(_) => Vec::new(),
        }
    }
}

impl Element for f64 {
    fn wrap(numbers: Vec<Self>) -> Values {
        Values::F64(numbers)
    }

    fn unwrap(values: Values) -> Vec<Self> {
        match values {
            Values::F64(numbers) => numbers,
            Values::F32(_) => Vec::new(),
        }
    }
}
