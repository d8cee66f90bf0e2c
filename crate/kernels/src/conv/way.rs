//! How a convolution is computed, and what that makes of the weight before it multiplies.

use std::any::Any;
use std::sync::{Arc, Mutex};

use super::Geometry;
use super::direct::{self, Sizes};
use super::plan::Plan;
use super::winograd::{self, Kernel, Streams, Three, Two};
use crate::Real;
use crate::threads::lock;

/// A plan with the weight as it is multiplied.
pub(super) struct Way<T> {
    pub plan: Plan,
    pub sizes: Sizes,
    /// Where there are fewer multiplications, the rows of the kernel.
    kernel: Option<Kernel>,
    /// The columns of the kernel, by pass; empty where all products are made.
    pub streams: Vec<Streams>,
    /// By pass, or all in one.
    pub packed: Vec<Vec<T>>,
}

impl<T: Real> Way<T> {
    pub fn new(plan: Plan, sizes: Sizes, weight: &[T]) -> Self {
        let kernel = winograd::kernel(&plan, sizes);
        let streams: Vec<Streams> = match kernel {
            Some(Kernel::Two | Kernel::Three) => plan.passes.iter().map(|pass| Streams::new(&plan, pass)).collect(),
            Some(Kernel::Square(_)) | None => Vec::new(),
        };
        let packed = match kernel {
            Some(Kernel::Two) => winograd::pack::<T, Two>(&plan, sizes, &streams, weight),
            Some(Kernel::Three) => winograd::pack::<T, Three>(&plan, sizes, &streams, weight),
            Some(Kernel::Square(square)) => vec![winograd::pack_squares(&square, sizes, weight)],
            None => vec![direct::pack(&plan, sizes, weight)],
        };
        Self { plan, sizes, kernel, streams, packed }
    }

    /// What it makes of a batch `x`; `weight` is the one that it was made for.
    pub fn run(&self, batch: usize, x: &[T], weight: &[T], bias: Option<&[T]>) -> Vec<T> {
        match self.kernel {
            Some(Kernel::Two) => winograd::run::<T, Two>(self, batch, x, weight, bias),
            Some(Kernel::Three) => winograd::run::<T, Three>(self, batch, x, weight, bias),
            Some(Kernel::Square(square)) => winograd::squares(self, &square, batch, x, weight, bias),
            None => direct::run(&self.plan, self.sizes, &self.packed[0], batch, x, bias),
        }
    }
}

/// Keeps what a convolution makes of its weight from call to call: for one weight, which does not change.
///
/// It holds what the last size of image needed; another size is prepared anew.
#[derive(Default)]
pub struct Prepared(Mutex<Option<(Geometry, Arc<dyn Any + Send + Sync>)>>);

impl Prepared {
    /// What was made for these sizes, for any number of images; or what `make` makes.
    pub(super) fn way<T: Real>(&self, geometry: &Geometry, make: impl FnOnce() -> Way<T>) -> Arc<Way<T>> {
        let geometry = Geometry { batch: 0, ..*geometry };
        let mut kept = lock(&self.0);
        if let Some((of, way)) = &*kept
            && of == &geometry
            && let Ok(way) = Arc::clone(way).downcast()
        {
            return way;
        }
        let way = Arc::new(make());
        *kept = Some((geometry, way.clone()));
        way
    }
}
