//! The activation after a normalization, in the same pass.

use crate::Real;
use crate::activation::above;

/// What comes after a normalization.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum After<T> {
    #[default]
    Nothing,
    Relu,
    /// Leaky ReLU, with its slope below 0.
    Leaky(T),
}

impl<T: Real> After<T> {
    /// Of a slope below 0, which is 0 for ReLU.
    pub fn of(negative_slope: Option<f64>) -> Self {
        match negative_slope {
            None => Self::Nothing,
            Some(0.0) => Self::Relu,
            Some(slope) => Self::Leaky(T::of(slope)),
        }
    }

    /// What it makes of `y`.
    #[inline(always)]
    pub fn value(self, y: T) -> T {
        match self {
            Self::Nothing => y,
            // This way round, NaN stays NaN.
            Self::Relu => {
                if y <= T::ZERO {
                    T::ZERO
                } else {
                    y
                }
            }
            Self::Leaky(slope) => above(y, y, slope),
        }
    }

    /// The gradient before it, where it was given `y`.
    #[inline(always)]
    pub fn before(self, y: T, g: T) -> T {
        match self {
            Self::Nothing => g,
            // A choice rather than a product: ∞ · 0 would be NaN.
            Self::Relu => {
                if y > T::ZERO {
                    g
                } else {
                    T::ZERO
                }
            }
            Self::Leaky(slope) => above(y, g, slope),
        }
    }
}

/// Runs an expression with `$known` standing for an `After` whose kind the compiler knows, so that loops do not ask for it.
macro_rules! for_kind {
    ($after:expr, $known:ident => $body:expr) => {
        match $after {
            $crate::norm::after::After::Nothing => {
                let $known = $crate::norm::after::After::<T>::Nothing;
                $body
            }
            $crate::norm::after::After::Relu => {
                let $known = $crate::norm::after::After::<T>::Relu;
                $body
            }
            $crate::norm::after::After::Leaky(slope) => {
                let $known = $crate::norm::after::After::Leaky(slope);
                $body
            }
        }
    };
}
pub(super) use for_kind;
