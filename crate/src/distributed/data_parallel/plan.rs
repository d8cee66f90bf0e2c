//! Which gradients travel together.

use std::ops::Range;

/// The first bucket is smaller, so that communication starts early: PyTorch's `_DEFAULT_FIRST_BUCKET_BYTES`.
const FIRST_BUCKET_BYTES: usize = 1 << 20;

/// How many numbers the last bucket carries beside gradients: the weighted loss and its weight.
pub(super) const NUMBERS: usize = 2;

/// Parameters whose gradients travel in one all-reduce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    /// How many there are.
    pub params: usize,
    /// How many numbers, with those that the last bucket carries beside.
    pub len: usize,
    /// Whether it waits for the end of the backward pass.
    pub at_end: bool,
}

/// Where the gradient of a parameter travels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub bucket: usize,
    pub range: Range<usize>,
}

/// All buckets, in the order in which they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub buckets: Vec<Bucket>,
    /// By parameter.
    pub places: Vec<Place>,
}

impl Plan {
    /// Buckets for parameters of so many numbers of `width` bytes, in this order; those that are `late` come last, apart.
    ///
    /// A bucket is full when it has at least `bucket_bytes`, as in PyTorch: it may be larger by a part of one parameter.
    pub fn new(sizes: &[usize], width: usize, order: &[usize], late: &[bool], bucket_bytes: usize) -> Self {
        let mut plan = Self { buckets: Vec::new(), places: vec![Place::default(); sizes.len()] };
        let mut limit = 0;
        for at_end in [false, true] {
            let mut open = false;
            for &param in order.iter().filter(|&&param| late[param] == at_end) {
                if !open {
                    limit = if plan.buckets.is_empty() { bucket_bytes.min(FIRST_BUCKET_BYTES) } else { bucket_bytes };
                    plan.buckets.push(Bucket { params: 0, len: 0, at_end });
                }
                let index = plan.buckets.len() - 1;
                let bucket = &mut plan.buckets[index];
                plan.places[param] = Place { bucket: index, range: bucket.len..bucket.len + sizes[param] };
                bucket.params += 1;
                bucket.len += sizes[param];
                open = bucket.len * width < limit;
            }
        }
        if let Some(last) = plan.buckets.last_mut() {
            last.len += NUMBERS;
        }
        plan
    }

    /// Where the weighted loss and its weight travel.
    pub fn numbers(&self) -> Place {
        let len = self.buckets.last().map_or(NUMBERS, |bucket| bucket.len);
        Place { bucket: self.buckets.len().saturating_sub(1), range: len - NUMBERS..len }
    }
}
