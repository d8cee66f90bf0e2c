//! Samples and their targets, and parts of them.

use std::collections::BTreeMap;

use candle_core::Tensor;
use candlelight_base::range;
use rand::seq::SliceRandom;

use crate::data::Batches;
use crate::rng::{Rng, permutation};
use crate::{Error, Result};

/// Samples: row `i` of the inputs belongs to row `i` of the targets.
///
/// Cloning one, and taking consecutive rows, copies no numbers.
///
/// ```
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let data = FashionMnist::offline(&Device::Cpu)?;
/// let (train, validation) = data.train.split(0.9, &mut seeded(0))?;
/// assert_eq!((train.len(), validation.len()), (5400, 600));
/// for batch in train.shuffled_batches(64, &mut seeded(1))? {
///     let (x, y) = batch?;
///     assert_eq!(x.dims(), [y.dims1()?, 784]);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Dataset {
    pub(super) inputs: Tensor,
    pub(super) targets: Tensor,
}

impl Dataset {
    /// A set of inputs `[N, ...]` and targets `[N, ...]`.
    ///
    /// # Errors
    /// If one of them has no dimensions, or their first dimensions differ.
    pub fn new(inputs: &Tensor, targets: &Tensor) -> Result<Self> {
        let Some(&n) = inputs.dims().first() else {
            return Err(Error::shape("inputs", "[N, ...]", inputs.dims()));
        };
        if targets.dims().first() != Some(&n) {
            return Err(Error::shape("targets", format!("[{n}, ...], one row for each input"), targets.dims()));
        }
        // Rows are picked out of contiguous tensors only.
        Ok(Self { inputs: inputs.contiguous()?, targets: targets.contiguous()? })
    }

    /// The inputs, `[N, ...]`.
    pub fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    /// The targets, `[N, ...]`: for classes, u32 `[N]`.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.inputs.dims().first().copied().unwrap_or(0)
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `n` samples, as a view.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn take(&self, n: usize) -> Result<Self> {
        Ok(self.split_at(n)?.0)
    }

    /// The first `n` samples and the others, in order, as views.
    ///
    /// # Errors
    /// If there are fewer than `n`.
    pub fn split_at(&self, n: usize) -> Result<(Self, Self)> {
        let Some(rest) = self.len().checked_sub(n) else {
            return Err(Error::setting("n", "at most the number of samples", format!("{n} of {}", self.len())));
        };
        Ok((self.rows(0, n)?, self.rows(n, rest)?))
    }

    /// A random part of `fraction` of the samples, rounded, and the rest: training and validation sets.
    ///
    /// `fraction` is in [0, 1]; 0.8 to 0.9 is usual.
    ///
    /// # Errors
    /// If `fraction` is outside its range.
    pub fn split(&self, fraction: f64, rng: &mut Rng) -> Result<(Self, Self)> {
        range::share("fraction", fraction)?;
        let order = permutation(rng, self.len());
        let (first, second) = order.split_at((fraction * self.len() as f64).round() as usize);
        Ok((self.subset(first)?, self.subset(second)?))
    }

    /// The samples at `indices`, copied, in that order; an index may occur more than once.
    ///
    /// # Errors
    /// If an index is not below [`Dataset::len`].
    pub fn subset(&self, indices: &[u32]) -> Result<Self> {
        if let Some(index) = indices.iter().find(|&&index| index as usize >= self.len()) {
            return Err(Error::setting("index", "below the number of samples", format!("{index} of {}", self.len())));
        }
        self.select(&Tensor::new(indices, self.inputs.device())?)
    }

    /// A random `per_class` samples of each class, without repetition; targets are u32 `[N]`.
    ///
    /// The result runs in blocks that hold one sample of each class, in random order: where `k` is a multiple of the
    /// number of classes, `take(k)` is balanced too.
    ///
    /// # Errors
    /// If the targets are not u32 `[N]`, or a class has fewer samples.
    pub fn balanced(&self, per_class: usize, rng: &mut Rng) -> Result<Self> {
        let labels = self.targets.to_vec1::<u32>()?;
        let mut classes = BTreeMap::<u32, Vec<u32>>::new();
        for index in permutation(rng, self.len()) {
            classes.entry(labels[index as usize]).or_default().push(index);
        }
        if let Some((class, members)) = classes.iter().find(|(_, members)| members.len() < per_class) {
            let actual = format!("{per_class}, where class {class} has {}", members.len());
            return Err(Error::setting("per_class", "at most the number of samples of each class", actual));
        }
        let mut order = Vec::with_capacity(classes.len() * per_class);
        for k in 0..per_class {
            let start = order.len();
            order.extend(classes.values().map(|members| members[k]));
            order[start..].shuffle(rng);
        }
        self.subset(&order)
    }

    /// The samples of some classes, in their order, with the labels counted anew: the class `classes[k]` becomes `k`.
    ///
    /// # Errors
    /// If the targets are not u32 `[N]`, a class is named twice, or one has no samples.
    ///
    /// ```
    /// use candlelight::prelude::*;
    /// # fn main() -> candlelight::Result<()> {
    /// let shoes = FashionMnist::offline(&Device::Cpu)?.train.of_classes(&[5, 7, 9])?; // sandal, sneaker, ankle boot
    /// assert_eq!(shoes.len(), 3 * 600);
    /// assert_eq!(shoes.targets().max_all()?.to_scalar::<u32>()?, 2);
    /// # Ok(()) }
    /// ```
    pub fn of_classes(&self, classes: &[u32]) -> Result<Self> {
        let labels = self.targets.to_vec1::<u32>()?;
        let place = |label: u32| classes.iter().position(|&class| class == label);
        for (k, &class) in classes.iter().enumerate() {
            if place(class) != Some(k) {
                return Err(Error::setting("classes", "different from each other", format!("{class} twice")));
            }
            if !labels.contains(&class) {
                return Err(Error::setting("classes", "those of some samples", format!("{class}, which has none")));
            }
        }
        let (mut indices, mut targets) = (Vec::new(), Vec::new());
        for (index, &label) in (0..).zip(&labels) {
            if let Some(k) = place(label) {
                indices.push(index);
                targets.push(k as u32);
            }
        }
        let inputs = self.subset(&indices)?.inputs;
        let targets = Tensor::new(targets, inputs.device())?;
        Ok(Self { inputs, targets })
    }

    /// The same samples with each input seen in another shape, without a copy: `[1, 28, 28]` makes images of rows.
    ///
    /// # Errors
    /// If the shape does not have as many elements as an input.
    pub fn with_input_dims(&self, dims: &[usize]) -> Result<Self> {
        let shape: Vec<usize> = std::iter::once(self.len()).chain(dims.iter().copied()).collect();
        if shape.iter().product::<usize>() != self.inputs.elem_count() {
            let each = self.inputs.dims().get(1..).unwrap_or_default();
            return Err(Error::shape("input dims", format!("as many elements as {each:?}"), dims));
        }
        Ok(Self { inputs: self.inputs.reshape(shape)?, targets: self.targets.clone() })
    }

    /// The same samples with the places of each input in another order, the same for all: place `i` shows what was at place
    /// `order[i]`.
    ///
    /// Places are the numbers of inputs [N, D], and the pixels of inputs [N, C, ...], row by row; the channels of a pixel
    /// stay together. What neighbours say is lost, and nothing else: a fully connected net can learn the same from it.
    ///
    /// # Errors
    /// If the inputs have no places, or `order` does not name each of them once.
    ///
    /// ```
    /// use candlelight::{prelude::*, rng::permutation};
    /// # fn main() -> candlelight::Result<()> {
    /// let images = FashionMnist::offline(&Device::Cpu)?.as_images()?.test.take(2)?;
    /// let order = permutation(&mut seeded(0), 28 * 28);
    /// let permuted = images.permuted(&order)?;
    /// assert_eq!(permuted.inputs().dims(), [2, 1, 28, 28]);
    /// let pixel = |data: &Dataset, i: u32| data.inputs().flatten_from(1)?.i((1, i as usize))?.to_scalar::<f32>();
    /// assert_eq!(pixel(&permuted, 300)?, pixel(&images, order[300])?);
    /// # Ok(()) }
    /// ```
    pub fn permuted(&self, order: &[u32]) -> Result<Self> {
        let first = match self.inputs.rank() {
            0 | 1 => return Err(Error::shape("inputs", "[N, D] or [N, C, ...]", self.inputs.dims())),
            2 => 1,
            _ => 2,
        };
        let places = self.inputs.dims()[first..].iter().product::<usize>();
        let mut times = vec![0; places];
        for &place in order {
            match times.get_mut(place as usize) {
                Some(times) => *times += 1,
                None => {
                    let actual = format!("{place} of {places}");
                    return Err(Error::setting("place in order", "below the number of places", actual));
                }
            }
        }
        if let Some(place) = times.iter().position(|&times| times != 1) {
            let actual = format!("place {place} of {places} {} times", times[place]);
            return Err(Error::setting("order", "each place once", actual));
        }
        let order = Tensor::new(order, self.inputs.device())?;
        let permuted = self.inputs.flatten_from(first)?.index_select(&order, first)?;
        Ok(Self { inputs: permuted.reshape(self.inputs.shape())?, targets: self.targets.clone() })
    }

    /// Batches of `size` samples in order, the last one smaller if need be; each is a view, without a copy.
    ///
    /// # Errors
    /// If `size` is 0.
    pub fn batches(&self, size: usize) -> Result<Batches> {
        Batches::new(self.clone(), size, None)
    }

    /// Batches of `size` samples in a random order, one epoch: each sample occurs once.
    ///
    /// # Errors
    /// If `size` is 0.
    pub fn shuffled_batches(&self, size: usize, rng: &mut Rng) -> Result<Batches> {
        let order = Tensor::new(permutation(rng, self.len()), self.inputs.device())?;
        Batches::new(self.clone(), size, Some(order))
    }

    /// The samples at `indices`, u32 and in range.
    pub(super) fn select(&self, indices: &Tensor) -> Result<Self> {
        Ok(Self { inputs: self.inputs.index_select(indices, 0)?, targets: self.targets.index_select(indices, 0)? })
    }

    /// `n` samples from `start`, as a view.
    pub(super) fn rows(&self, start: usize, n: usize) -> Result<Self> {
        Ok(Self { inputs: self.inputs.narrow(0, start, n)?, targets: self.targets.narrow(0, start, n)? })
    }
}
