//! The buffers of the buckets, and their all-reduces under way.

use std::sync::Arc;

use candle_core::{DType, Device, Storage, Tensor};

use super::plan::{Bucket, Place};
use crate::distributed::{Algorithm, AllReduce, Communicator, Element, Reduction};
use crate::{Error, Result};

/// Buckets of one dtype.
pub(super) trait Exchange: Send {
    /// Makes place for buckets; buffers that fit are kept.
    fn lay_out(&mut self, buckets: &[Bucket]);

    /// Puts a gradient into its place; zeros if there is none.
    fn put(&mut self, place: &Place, gradient: Option<&Tensor>) -> Result<()>;

    /// Puts further numbers.
    fn put_numbers(&mut self, place: &Place, numbers: [f64; 2]);

    /// Begins to add up a bucket over the ranks.
    fn start(&mut self, bucket: usize) -> Result<()>;

    /// Lets those under way go on.
    fn look(&mut self) -> Result<()>;

    /// Waits for the sum.
    fn wait(&mut self, bucket: usize) -> Result<()>;

    /// The sum of a gradient over the ranks, divided, as a tensor like `param`.
    fn divided(&self, place: &Place, divisor: f64, param: &Tensor) -> Result<Tensor>;

    /// The sums of the further numbers.
    fn numbers(&self, place: &Place) -> [f64; 2];
}

/// For parameters of this dtype, F32 or F64.
pub(super) fn exchange(
    comm: &Arc<dyn Communicator>,
    algorithm: Option<Algorithm>,
    dtype: DType,
) -> Result<Box<dyn Exchange>> {
    match dtype {
        DType::F32 => Ok(Box::new(Buffers::<f32>::new(comm, algorithm))),
        DType::F64 => Ok(Box::new(Buffers::<f64>::new(comm, algorithm))),
        actual => Err(Error::DType { what: "parameters", expected: "F32 or F64", actual }),
    }
}

/// They live from step to step; while a bucket is under way, its buffer is on loan.
struct Buffers<T> {
    comm: Arc<dyn Communicator>,
    algorithm: Option<Algorithm>,
    values: Vec<Vec<T>>,
    under_way: Vec<Option<AllReduce<T>>>,
}

impl<T: Element> Buffers<T> {
    fn new(comm: &Arc<dyn Communicator>, algorithm: Option<Algorithm>) -> Self {
        Self { comm: comm.clone(), algorithm, values: Vec::new(), under_way: Vec::new() }
    }
}

impl<T: Element> Exchange for Buffers<T> {
    fn lay_out(&mut self, buckets: &[Bucket]) {
        self.values.resize_with(buckets.len(), Vec::new);
        for (values, bucket) in self.values.iter_mut().zip(buckets) {
            values.resize(bucket.len, T::zero());
        }
        self.under_way.clear();
        self.under_way.resize_with(buckets.len(), || None);
    }

    fn put(&mut self, place: &Place, gradient: Option<&Tensor>) -> Result<()> {
        let to = &mut self.values[place.bucket][place.range.clone()];
        match gradient {
            Some(gradient) => copy(gradient, to),
            None => {
                to.fill(T::zero());
                Ok(())
            }
        }
    }

    fn put_numbers(&mut self, place: &Place, numbers: [f64; 2]) {
        let to = &mut self.values[place.bucket][place.range.clone()];
        to.copy_from_slice(&numbers.map(T::from_f64));
    }

    fn start(&mut self, bucket: usize) -> Result<()> {
        let values = std::mem::take(&mut self.values[bucket]);
        let usual = || Algorithm::usual(self.comm.size(), size_of_val(values.as_slice()));
        let algorithm = self.algorithm.unwrap_or_else(usual);
        self.under_way[bucket] = Some(AllReduce::start(&self.comm, values, Reduction::Sum, algorithm)?);
        Ok(())
    }

    fn look(&mut self) -> Result<()> {
        self.under_way.iter_mut().flatten().try_for_each(|sum| sum.test().map(drop))
    }

    fn wait(&mut self, bucket: usize) -> Result<()> {
        if let Some(sum) = self.under_way[bucket].take() {
            self.values[bucket] = sum.wait()?;
        }
        Ok(())
    }

    fn divided(&self, place: &Place, divisor: f64, param: &Tensor) -> Result<Tensor> {
        let divisor = T::from_f64(divisor);
        let mean = self.values[place.bucket][place.range.clone()].iter().map(|&sum| sum / divisor).collect();
        Ok(Tensor::from_vec(mean, param.shape(), &Device::Cpu)?.to_device(param.device())?)
    }

    fn numbers(&self, place: &Place) -> [f64; 2] {
        let range = &place.range;
        [range.start, range.start + 1].map(|at| self.values[place.bucket][at].to_f64())
    }
}

/// Copies the numbers of a tensor into a place of their size.
fn copy<T: Element>(tensor: &Tensor, to: &mut [T]) -> Result<()> {
    if tensor.elem_count() != to.len() {
        return Err(Error::shape("gradient", format!("{} numbers, those of its parameter", to.len()), tensor.dims()));
    }
    let tensor = tensor.detach().contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(numbers), Some((start, end))) => to.copy_from_slice(&numbers.as_slice::<T>()?[start..end]),
        _ => {
            drop(storage);
            to.copy_from_slice(&tensor.flatten_all()?.to_vec1::<T>()?);
        }
    }
    Ok(())
}
