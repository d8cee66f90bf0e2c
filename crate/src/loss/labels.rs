//! Class indices: looked at by the host, or left on their device.

use candle_core::{DType, Tensor};
use candlelight_base::transfer;

use crate::unread::{note_unread, rows_among};
use crate::{Error, Result};

/// Class indices that fit their scores.
pub(super) struct Labels {
    /// U32, contiguous, of the labels' shape; 0 where a label is ignored, or is no class.
    pub index: Tensor,
    /// Where a label counts, U8 of the same shape; `None` if all do.
    pub counts: Option<Tensor>,
    /// The label that does not count, if there is one.
    pub ignore_index: Option<i64>,
    /// Where a label is a class or ignored, U8 of the same shape, if no one has looked at them yet.
    pub fits: Option<Tensor>,
}

impl Labels {
    /// Of labels that the host looks at: U8, U32 or I64.
    ///
    /// # Errors
    /// The first label that is neither one of the `classes` nor ignored.
    pub fn looked_at(labels: &Tensor, classes: usize, ignore_index: Option<i64>) -> Result<Self> {
        let values = look(labels, classes, ignore_index)?;
        let ignored = |label: i64| Some(label) == ignore_index;
        if !values.iter().any(|&label| ignored(label)) {
            let index = labels.to_dtype(DType::U32)?.contiguous()?;
            return Ok(Self { index, counts: None, ignore_index, fits: None });
        }
        let index = values.iter().map(|&label| if ignored(label) { 0 } else { label as u32 }).collect();
        let counts = values.iter().map(|&label| u8::from(!ignored(label))).collect();
        let tensors = (labels.shape(), labels.device());
        Ok(Self {
            index: transfer::to_device::<u32>(index, tensors.0, tensors.1)?,
            counts: Some(transfer::to_device::<u8>(counts, tensors.0, tensors.1)?),
            ignore_index,
            fits: None,
        })
    }

    /// Of labels that stay where they are.
    ///
    /// # Errors
    /// If Candle cannot make the tensors.
    pub fn unread(labels: &Tensor, classes: usize, ignore_index: Option<i64>) -> Result<Self> {
        // A label that is ignored may be below 0.
        let labels = if ignore_index.is_some() { labels.to_dtype(DType::I64)? } else { labels.clone() };
        let (inside, index) = rows_among(&labels, classes)?;
        let (fits, counts) = match ignore_index {
            None => (inside, None),
            Some(ignored) => {
                let counts = labels.ne(&Tensor::full(ignored, labels.shape(), labels.device())?)?;
                (inside.maximum(&counts.eq(&counts.zeros_like()?)?)?, Some(counts))
            }
        };
        Ok(Self { index, counts, ignore_index, fits: Some(fits) })
    }

    /// `losses`, one a label, but NaN where a label that no one has looked at is no class.
    pub fn marked(&self, losses: Tensor) -> Result<Tensor> {
        let Some(fits) = &self.fits else { return Ok(losses) };
        // A choice, through which nothing flows back: the gradient of such a sample is 0, and parameters are not lost by it.
        let nan = (losses.detach().zeros_like()? + f64::NAN)?;
        Ok(fits.where_cond(&losses, &nan)?)
    }
}

/// Notes labels that no one has looked at.
pub(super) fn note_labels(labels: &Tensor, classes: usize, ignore_index: Option<i64>) {
    let labels = labels.clone();
    note_unread(move || look(&labels, classes, ignore_index).map(drop));
}

/// The labels, read by the host.
///
/// # Errors
/// As [`Labels::looked_at`].
pub(super) fn look(labels: &Tensor, classes: usize, ignore_index: Option<i64>) -> Result<Vec<i64>> {
    let values = transfer::to_host(&labels.to_dtype(DType::I64)?)?;
    let fits = |label: i64| (0..classes as i64).contains(&label) || Some(label) == ignore_index;
    match values.iter().position(|&label| !fits(label)) {
        Some(position) => Err(Error::Label { label: values[position], position, classes }),
        None => Ok(values),
    }
}
