//! The way of numbers between the memory of the host and that of a device, counted.
//!
//! On a card each download waits until all that was asked of it is done, and each upload made of host numbers has to be waited for
//! by what follows: a training step that makes none of either is as fast as the card. So what the crate itself sends or fetches,
//! beyond the CPU's own kernels, goes through here, and a test can hold how often that is. It counts on the CPU too, where nothing
//! is copied far, so that the test needs no card.
//!
//! Not counted is what Candle's operations send with their own launches, such as the strides of a broadcast operand: a few bytes
//! that nobody waits for.

use std::cell::Cell;

use candle_core::{DType, Device, Result, Shape, Tensor, WithDType};

/// How often numbers went from the host to a device and back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfers {
    /// Tensors that were made of numbers of the host.
    pub uploads: u64,
    /// Tensors whose numbers were read by the host: each waits for the device.
    pub downloads: u64,
}

impl Transfers {
    /// Those since an earlier reading.
    pub fn since(self, earlier: Self) -> Self {
        Self { uploads: self.uploads - earlier.uploads, downloads: self.downloads - earlier.downloads }
    }
}

thread_local! {
    static MADE: Cell<Transfers> = const { Cell::new(Transfers { uploads: 0, downloads: 0 }) };
}

/// What the crate has sent and fetched on this thread since it began.
pub fn transfers() -> Transfers {
    MADE.get()
}

fn uploaded() {
    MADE.set(Transfers { uploads: MADE.get().uploads + 1, ..MADE.get() });
}

fn downloaded() {
    MADE.set(Transfers { downloads: MADE.get().downloads + 1, ..MADE.get() });
}

/// A tensor of `values` on `device`: an upload.
pub fn to_device<T: WithDType>(values: Vec<T>, shape: impl Into<Shape>, device: &Device) -> Result<Tensor> {
    uploaded();
    Tensor::from_vec(values, shape.into(), device)
}

/// The numbers of a tensor of any shape, in order: a download.
pub fn to_host<T: WithDType>(x: &Tensor) -> Result<Vec<T>> {
    downloaded();
    x.flatten_all()?.to_vec1()
}

/// The numbers of a tensor of any shape and dtype as F64: a download.
pub fn to_f64(x: &Tensor) -> Result<Vec<f64>> {
    to_host(&x.detach().to_dtype(DType::F64)?)
}

/// The numbers of scalars, as F64: one download for all that live on one device.
pub fn scalars(xs: &[&Tensor]) -> Result<Vec<f64>> {
    let Some((first, rest)) = xs.split_first() else { return Ok(Vec::new()) };
    if rest.is_empty() || rest.iter().any(|x| !x.device().same_device(first.device())) {
        return xs.iter().map(|x| scalar(x)).collect();
    }
    if first.device().is_cpu() {
        // Nothing to wait for: they are read where they are.
        downloaded();
        return xs.iter().map(|x| wide(x)?.to_scalar()).collect();
    }
    to_host(&stacked(xs)?)
}

/// The number of a scalar, as F64: a download.
pub fn scalar(x: &Tensor) -> Result<f64> {
    downloaded();
    wide(x)?.to_scalar()
}

fn wide(x: &Tensor) -> Result<Tensor> {
    x.detach().to_dtype(DType::F64)
}

fn stacked(xs: &[&Tensor]) -> Result<Tensor> {
    Tensor::stack(&xs.iter().map(|x| wide(x)).collect::<Result<Vec<_>>>()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_counted_on_its_own_thread() -> Result<()> {
        let before = transfers();
        let x = to_device(vec![1_f32, 2.0], 2, &Device::Cpu)?;
        assert_eq!(to_host::<f32>(&x)?, [1.0, 2.0]);
        assert_eq!(to_f64(&x.reshape((2, 1))?)?, [1.0, 2.0]);
        assert_eq!(transfers().since(before), Transfers { uploads: 1, downloads: 2 });
        let elsewhere = std::thread::spawn(transfers).join().ok();
        assert_eq!(elsewhere, Some(Transfers::default()));
        Ok(())
    }

    #[test]
    fn several_numbers_are_one_download() -> Result<()> {
        let (a, b) = (Tensor::new(1.5_f32, &Device::Cpu)?, Tensor::new(2_u8, &Device::Cpu)?);
        let before = transfers();
        assert_eq!(scalars(&[&a, &b])?, [1.5, 2.0]);
        assert_eq!(transfers().since(before).downloads, 1);
        // What a card is asked for.
        assert_eq!(stacked(&[&a, &b])?.to_vec1::<f64>()?, [1.5, 2.0]);
        assert!(scalars(&[])?.is_empty());
        assert!(scalar(&Tensor::new(&[1.0, 2.0], &Device::Cpu)?).is_err());
        Ok(())
    }
}
