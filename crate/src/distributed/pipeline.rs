//! A net cut into stages, one on each rank, through which a batch goes in parts.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, TensorId, Var};
use candlelight_base::range;

use super::schedule::chunk;
use super::{Communicator, Element, MAX_TAG, Request};
use crate::autograd::{Recording, record};
use crate::loss::with_divisor;
use crate::metrics::scalar;
use crate::nn::{Mode, Module};
use crate::params::{Param, Params};
use crate::unread::{Unread, with_unread};
use crate::{Error, Result};

/// Tags of what goes to the next stage and to the one before: programs should not use them beside.
const FORWARD: u32 = MAX_TAG - 2;
const BACKWARD: u32 = MAX_TAG - 1;

/// A net whose layers are spread over the ranks: rank i has stage i and hands its output to rank i + 1.
///
/// A batch goes through in m micro-batches, so that stages work at the same time; all forward, then all backward, the
/// last one first. Of p stages that take equally long each stands still for a share of
///
/// ```text
/// (p - 1) / (m + p - 1)
/// ```
///
/// of the time: the bubble. Messages: p - 1 borders × m, of the activations forward and as many bytes backward, and a
/// broadcast of the loss. Gradients are those of the mean over the whole batch, as of the net in one piece, up to
/// rounding; a layer that looks at a whole batch, such as batch normalization, sees a micro-batch.
///
/// Each stage keeps what its layers need for their backward passes, of all micro-batches. (The paper keeps the inputs
/// of the stages alone and computes the rest anew.) Activations travel by the CPU.
///
/// Huang et al. (2019), "GPipe: Efficient Training of Giant Neural Networks using Pipeline Parallelism", section 2.
///
/// ```
/// use candlelight::{distributed::{Pipeline, cluster}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let data = FashionMnist::offline(&Device::Cpu)?.train.take(64)?;
/// let run = cluster(2, |comm| {
///     // Values are drawn by seed and name: each stage starts as its part of the whole net would.
///     let params = Params::new(0, &Device::Cpu)?;
///     let (stage, input) = match comm.rank() {
///         0 => (Sequential::new().push(linear(784, 32, params.pp("fc1"))?).push(Activation::Relu), 784),
///         _ => (Sequential::new().push(linear(32, 10, params.pp("fc2"))?), 32),
///     };
///     let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() })?;
///     let pipeline = Pipeline::new(comm, stage, &[input], &params, 4)?;
///     let mut losses = Vec::new();
///     for _ in 0..10 {
///         let (loss, gradients) = pipeline.value_and_grad(data.inputs(), data.targets(), cross_entropy)?;
///         sgd.step(&gradients)?;
///         losses.push(loss);
///     }
///     Ok(losses)
/// })?;
/// assert_eq!(run.results[0], run.results[1]);
/// assert!(run.results[0][9] < run.results[0][0]);
/// # Ok(()) }
/// ```
pub struct Pipeline {
    comm: Arc<dyn Communicator>,
    stage: Box<dyn Module>,
    input: Vec<usize>,
    params: Vec<Param>,
    dtype: DType,
    micro_batches: usize,
}

impl Pipeline {
    /// This rank's stage, with the dimensions of one sample that it is given, without the batch, and its own parameters.
    ///
    /// `micro_batches`: m, at least 1, the same on all ranks; a batch must have as many samples.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(
        comm: &Arc<dyn Communicator>,
        stage: impl Module + 'static,
        input_dims: &[usize],
        params: &Params,
        micro_batches: usize,
    ) -> Result<Self> {
        range::at_least_one("micro_batches", micro_batches)?;
        Ok(Self {
            comm: comm.clone(),
            stage: Box::new(stage),
            input: input_dims.to_vec(),
            params: params.trainable(),
            dtype: params.dtype(),
            micro_batches,
        })
    }

    /// The mean loss of a batch, on all ranks, and its gradients for the parameters of this stage.
    ///
    /// All ranks call it with the same batch: the first stage takes `inputs` [N, ...], the last `targets` [N, ...], the
    /// others the number of samples. `loss`: the mean of a micro-batch, as those in [`loss`](crate::loss).
    ///
    /// # Errors
    /// Those of the stage and of the loss; fewer samples than micro-batches; no sample that counts;
    /// [`Error::MissingGradient`]; a stage that is given other than it expects
    /// ([`CommunicationError::Message`](crate::CommunicationError::Message)); or a rank that is gone or silent.
    pub fn value_and_grad(
        &self,
        inputs: &Tensor,
        targets: &Tensor,
        loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<(f64, GradStore)> {
        match self.dtype {
            DType::F64 => self.run::<f64>(inputs, targets, loss),
            _ => self.run::<f32>(inputs, targets, loss),
        }
    }

    fn run<T: Element>(
        &self,
        inputs: &Tensor,
        targets: &Tensor,
        loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<(f64, GradStore)> {
        let (samples, m) = (targets.dims().first().copied().unwrap_or(0), self.micro_batches);
        if samples < m || inputs.dims().first() != Some(&samples) {
            let expected = format!("[N, ...], as many as targets, {samples}, and at least {m}");
            return Err(Error::shape("inputs of a pipeline", expected, inputs.dims()));
        }
        let mut going: Vec<Request<T>> = Vec::new();
        let (mut parts, mut unread) = (Vec::new(), Vec::new());
        for part in (0..m).map(|k| chunk(k, m, samples)) {
            let x = match self.is_first() {
                true => inputs.narrow(0, part.start, part.len())?,
                false => self.receive::<T>(&self.dims(part.len()), self.comm.rank() - 1, FORWARD)?,
            };
            // Its gradient goes back to where it came from; data have none.
            let entry = if self.is_first() { None } else { Some(Var::from_tensor(&x)?) };
            let x = entry.as_deref().unwrap_or(&x);
            let mut weight = part.len() as f64;
            let (recording, left) = with_unread(|| {
                record(|| {
                    let y = self.stage.forward(x, Mode::Train)?;
                    if !self.is_last() {
                        return Ok(y);
                    }
                    let targets = targets.narrow(0, part.start, part.len())?;
                    let (loss, divisor) = with_divisor(|| loss(&y, &targets))?;
                    weight = divisor.map_or(Ok(weight), |divisor| divisor.read())?;
                    Ok(loss)
                })
            })?;
            unread.push(left);
            if !self.is_last() {
                going.push(self.send::<T>(&recording.output(), self.comm.rank() + 1, FORWARD)?);
            }
            parts.push(Part { recording, weight, entry });
        }
        let (loss, weight) = if self.is_last() { mean_loss(&parts)? } else { (0.0, 1.0) };
        let gradients = self.backward::<T>(parts, weight, &mut going)?;
        for request in going {
            request.wait()?;
        }
        let mut loss = vec![loss];
        self.comm.broadcast(&mut loss, self.comm.size() - 1)?;
        if loss[0].is_nan() {
            unread.iter().try_for_each(Unread::check)?;
        }
        Ok((loss[0], gradients))
    }

    /// The last micro-batch first.
    fn backward<T: Element>(&self, parts: Vec<Part>, weight: f64, going: &mut Vec<Request<T>>) -> Result<GradStore> {
        let mut sums: HashMap<TensorId, Tensor> = HashMap::new();
        for Part { recording, weight: own, entry } in parts.into_iter().rev() {
            let output = recording.output();
            let gradient = match self.is_last() {
                true => (output.ones_like()? * (own / weight))?,
                false => self.receive::<T>(output.dims(), self.comm.rank() + 1, BACKWARD)?,
            };
            let gradients = recording.vjp(&gradient)?;
            if let Some(entry) = entry {
                let gradient = match gradients.get(&entry) {
                    Some(gradient) => gradient.clone(),
                    None => entry.zeros_like()?,
                };
                going.push(self.send::<T>(&gradient, self.comm.rank() - 1, BACKWARD)?);
            }
            for param in &self.params {
                let Some(gradient) = gradients.get(&param.var) else { continue };
                let sum = match sums.remove(&param.var.id()) {
                    Some(sum) => (sum + gradient.detach())?,
                    None => gradient.detach(),
                };
                sums.insert(param.var.id(), sum);
            }
        }
        let mut gradients = GradStore::default();
        for Param { name, var, .. } in &self.params {
            let gradient = sums.remove(&var.id()).ok_or_else(|| Error::MissingGradient { name: name.clone() })?;
            gradients.insert(var, gradient);
        }
        Ok(gradients)
    }

    fn is_first(&self) -> bool {
        self.comm.rank() == 0
    }

    fn is_last(&self) -> bool {
        self.comm.rank() + 1 == self.comm.size()
    }

    fn dims(&self, samples: usize) -> Vec<usize> {
        [&[samples], self.input.as_slice()].concat()
    }

    fn send<T: Element>(&self, tensor: &Tensor, to: usize, tag: u32) -> Result<Request<T>> {
        self.comm.isend(tensor.detach().flatten_all()?.to_vec1::<T>()?, to, tag)
    }

    fn receive<T: Element>(&self, dims: &[usize], from: usize, tag: u32) -> Result<Tensor> {
        let values = self.comm.recv::<T>(dims.iter().product(), from, tag)?.values;
        Ok(Tensor::from_vec(values, dims, &Device::Cpu)?)
    }
}

/// A micro-batch between its forward and its backward pass.
struct Part {
    recording: Recording,
    weight: f64,
    /// What came from the stage before.
    entry: Option<Var>,
}

/// Over all micro-batches, with the sum of their weights.
fn mean_loss(parts: &[Part]) -> Result<(f64, f64)> {
    let mut sums = (0.0, 0.0);
    for Part { recording, weight, .. } in parts {
        let output = recording.output();
        if output.elem_count() != 1 {
            return Err(Error::shape("loss", "one element", output.dims()));
        }
        sums = (sums.0 + scalar(&output.reshape(())?)? * weight, sums.1 + weight);
    }
    match sums.1 > 0.0 {
        true => Ok((sums.0 / sums.1, sums.1)),
        false => {
            Err(Error::setting("samples of a batch", "such that one counts", "weights of 0 or ignored labels only"))
        }
    }
}
