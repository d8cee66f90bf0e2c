use candlelight_kernels::threads;

use crate::{Result, interrupt};

/// Does `run` for each of `of`, several at the same time, and gives the results in the order of `of`: the seeds of an
/// experiment, the members of an ensemble, the points of a grid.
///
/// Small nets gain most: a step of theirs is too short to share well, whole runs are not. Each run keeps to one thread;
/// there are as many as `RAYON_NUM_THREADS` says, one for each core by default, less those that other threads of the program
/// compute with in this crate at the time; when such a thread pauses, a run starts in its place. The results are the same to
/// the bit as one after another. Memory is that of all runs which go on at the same time. Inside a run, a further
/// `parallel_map` does its runs one after another.
///
/// # Errors
/// That of the first run in the order of `of` which failed; the others still run. After Ctrl-C, if the program asked for it
/// ([`interrupt`]), runs that have not begun end with [`Error::Interrupted`](crate::Error::Interrupted).
///
/// ```
/// use candlelight::{nn::linear, prelude::*, train::parallel_map};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::ones((2, 4), DType::F32, &Device::Cpu)?;
/// let means: Vec<f32> = parallel_map(0..3, |seed| {
///     let layer = linear(4, 10, Params::new(seed, &Device::Cpu)?)?;
///     Ok(layer.forward(&x, Mode::Eval)?.mean_all()?.to_scalar()?)
/// })?;
/// assert!(means.len() == 3 && means[0] != means[1]);
/// # Ok(()) }
/// ```
pub fn parallel_map<I: Send, T: Send>(
    of: impl IntoIterator<Item = I>,
    run: impl Fn(I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let items: Vec<I> = of.into_iter().collect();
    let mut results: Vec<Option<Result<T>>> = items.iter().map(|_| None).collect();
    threads::run_each(items.into_iter().zip(&mut results), |_, (item, result)| {
        *result = Some(interrupt::check().and_then(|()| run(item)))
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::Error;
    use crate::loss::cross_entropy;
    use crate::nn::{Activation, Mode, Module, Sequential, linear};
    use crate::optim::{Optimizer, Sgd};
    use crate::params::Params;
    use crate::rng::{normal, seeded};

    /// The loss of each of ten steps, on layers large enough that their kernels share work.
    fn losses(seed: u64) -> Result<Vec<u32>> {
        let params = Params::new(seed, &Device::Cpu)?;
        let (first, last) = (linear(64, 256, params.pp("fc1"))?, linear(256, 10, params.pp("fc2"))?);
        let model = Sequential::new().push(first).push(Activation::Relu).push(last);
        let mut sgd = Sgd::new(params.trainable(), Default::default())?;
        let x = normal(&mut seeded(seed), 0.0, 1.0, (128, 64), DType::F32, &Device::Cpu)?;
        let y = Tensor::from_iter((0..128).map(|i| i % 10), &Device::Cpu)?.to_dtype(DType::U32)?;
        let step = |_| {
            let loss = || cross_entropy(&model.forward(&x, Mode::Train)?, &y);
            let (loss, gradients) = crate::autograd::value_and_grad(loss)?;
            sgd.step(&gradients)?;
            Ok(loss.to_scalar::<f32>()?.to_bits())
        };
        (0..10).map(step).collect()
    }

    #[test]
    fn runs_at_the_same_time_give_the_bits_of_runs_one_after_another() -> Result<()> {
        let alone: Vec<_> = (0..6).map(losses).collect::<Result<_>>()?;
        assert_eq!(parallel_map(0..6, losses)?, alone);
        Ok(())
    }

    #[test]
    fn the_first_error_in_order_is_given() {
        let run = |i: usize| if i % 3 == 2 { Err(Error::setting("run", "another", format!("{i}"))) } else { Ok(i) };
        assert_eq!(parallel_map(0..2, run).unwrap(), [0, 1]);
        assert!(parallel_map(0..9, run).unwrap_err().to_string().contains('2'));
        assert!(parallel_map(0..0, run).unwrap().is_empty());
    }
}
