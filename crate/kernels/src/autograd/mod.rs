//! A loss and its gradients, taken in one call.
//!
//! `loss.backward()` of Candle is right for every layer of this crate, and [`value_and_grad`] gives the same gradients.
//! It is faster, because it goes backwards through the layers' own kernels by itself: Candle adds each gradient into
//! fresh zeros, on one thread, and keeps all intermediate results until the end.

mod graph;
mod saved;

use std::cell::RefCell;

use candle_core::backprop::GradStore;
use candle_core::{Shape, Tensor, Var, WithDType};
use candlelight_base::{Error, Result};

use graph::{seed, stock};
pub use saved::saved_bytes;

use crate::contiguous;
use crate::gradient::add;

/// Computes a loss and its gradients for every parameter it depends on.
///
/// Inside `loss`, layers are recorded on a tape of their own; operations of Candle may stand between them. Do not call
/// `backward` in there: it would end at the last layer.
///
/// # Errors
/// Those of `loss`, or if it is not a scalar.
///
/// ```
/// use candlelight::{autograd::value_and_grad, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = linear(3, 2, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
/// let (loss, gradients) = value_and_grad(|| Ok(layer.forward(&x, Mode::Train)?.sum_all()?))?;
/// assert_eq!(loss.rank(), 0);
/// assert_eq!(gradients.get(layer.weight()).unwrap().to_vec2::<f32>()?, [[1., 2., 3.], [1., 2., 3.]]);
/// # Ok(()) }
/// ```
pub fn value_and_grad(loss: impl FnOnce() -> Result<Tensor>) -> Result<(Tensor, GradStore)> {
    let scalar = || {
        let loss = loss()?;
        match loss.elem_count() {
            1 => Ok(loss),
            _ => Err(Error::shape("loss", "one element", loss.dims())),
        }
    };
    recorded(scalar, None)
}

/// Computes an output and the product of a given gradient with its derivatives, for every parameter it depends on: PyTorch's
/// `output.backward(gradient)`.
///
/// ```text
/// ∂/∂θ Σᵢ gᵢ yᵢ(θ)    for the gradient g of y
/// ```
///
/// What is said of the loss in [`value_and_grad`] holds for the output.
///
/// # Errors
/// Those of `output`, or if `gradient` has another shape or dtype.
///
/// ```
/// use candlelight::{autograd::vjp, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = linear(3, 2, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
/// let (y, gradients) = vjp(|| layer.forward(&x, Mode::Train), &Tensor::new(&[[1f32, -2.]], &Device::Cpu)?)?;
/// assert_eq!(y.dims(), [1, 2]);
/// assert_eq!(gradients.get(layer.weight()).unwrap().to_vec2::<f32>()?, [[1., 2., 3.], [-2., -4., -6.]]);
/// # Ok(()) }
/// ```
pub fn vjp(output: impl FnOnce() -> Result<Tensor>, gradient: &Tensor) -> Result<(Tensor, GradStore)> {
    let fitting = || {
        let output = output()?;
        if output.shape() != gradient.shape() {
            return Err(Error::shape("gradient", format!("{:?}", output.dims()), gradient.dims()));
        }
        if output.dtype() != gradient.dtype() {
            return Err(Error::DType { what: "gradient", expected: "that of the output", actual: gradient.dtype() });
        }
        Ok(output)
    };
    recorded(fitting, Some(gradient))
}

/// An output and the gradients that start from `gradient`, or from ones.
fn recorded(output: impl FnOnce() -> Result<Tensor>, gradient: Option<&Tensor>) -> Result<(Tensor, GradStore)> {
    // A worker of rayon's pool may take up other work while it waits in an operation of Candle: what that records would
    // end up on this tape.
    let (output, tape) = match rayon::current_thread_index() {
        Some(_) => (output()?, Vec::new()),
        None => {
            let recording = Recording::start();
            (output()?, recording.finish())
        }
    };
    let gradients = backward(&output, gradient, tape)?;
    Ok((output.detach(), gradients))
}

/// What the backward pass of an operation is given.
pub(crate) struct Grads<'a> {
    /// The operation's inputs.
    pub inputs: &'a [Tensor],
    /// Its outputs.
    pub outputs: &'a [Tensor],
    /// The gradient of each output; `None` where the loss does not depend on it. At least one is there.
    pub grads: &'a [Option<Tensor>],
    /// Which inputs want a gradient.
    pub needs: &'a [bool],
}

/// Gradients of the inputs: `Some`, of the input's shape, wherever [`Grads::needs`] says so.
type Backward = dyn Fn(Grads) -> Result<Vec<Option<Tensor>>> + Send + Sync;

/// Makes tensors of what a kernel computed, with `backward` as their derivative.
///
/// `backward` must not hold the outputs (it is given them), or they would never be freed.
pub(crate) fn apply<T: WithDType>(
    name: &'static str,
    inputs: &[&Tensor],
    outputs: Vec<(Vec<T>, Shape)>,
    backward: impl Fn(Grads) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Vec<Tensor>> {
    let device = &candle_core::Device::Cpu;
    let needs: Vec<bool> = inputs.iter().map(|input| input.track_op()).collect();
    if !needs.contains(&true) {
        let plain = |(data, shape)| Ok(Tensor::from_vec(data, shape, device)?);
        return outputs.into_iter().map(plain).collect();
    }
    let inputs: Vec<Tensor> = inputs.iter().copied().cloned().collect();
    TAPE.with_borrow_mut(|tape| match tape {
        Some(tape) => {
            // A variable, so that Candle's own backward pass stops here and hands over the gradient.
            let leaf = |(data, shape): (Vec<T>, Shape)| Ok(Var::from_vec(data, shape, device)?.into_inner());
            let outputs: Vec<Tensor> = outputs.into_iter().map(leaf).collect::<Result<_>>()?;
            tape.push(Node { inputs, outputs: outputs.clone(), needs, backward: Box::new(backward) });
            Ok(outputs)
        }
        None => stock(name, inputs, outputs, needs, Box::new(backward)),
    })
}

/// [`apply`] for one output.
pub(crate) fn apply1<T: WithDType>(
    name: &'static str,
    inputs: &[&Tensor],
    output: Vec<T>,
    shape: impl Into<Shape>,
    backward: impl Fn(&Tensor, Grads) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let backward = move |grads: Grads| match grads.grads {
        [Some(grad)] => backward(&contiguous(grad)?, grads),
        _ => Err(Error::MissingGradient { name: name.into() }),
    };
    let mut outputs = apply(name, inputs, vec![(output, shape.into())], backward)?;
    outputs.pop().ok_or_else(|| Error::MissingGradient { name: name.into() })
}

/// One recorded operation.
struct Node {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    needs: Vec<bool>,
    backward: Box<Backward>,
}

thread_local! {
    static TAPE: RefCell<Option<Vec<Node>>> = const { RefCell::new(None) };
}

/// The present tape of this thread; the one before it comes back at the end, whatever happens.
struct Recording {
    before: Option<Vec<Node>>,
}

impl Recording {
    fn start() -> Self {
        Self { before: TAPE.replace(Some(Vec::new())) }
    }

    fn finish(self) -> Vec<Node> {
        TAPE.take().unwrap_or_default()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        TAPE.set(self.before.take());
    }
}

/// Walks the tape backwards. The stretches between its operations are Candle's: for each, Candle's own backward pass
/// ends at the outputs of recorded operations, since they are variables.
fn backward(output: &Tensor, gradient: Option<&Tensor>, tape: Vec<Node>) -> Result<GradStore> {
    let mut gradients = match (output.is_variable(), gradient) {
        (false, None) => output.backward()?,
        (false, Some(gradient)) => seed(output, gradient.clone())?.backward()?,
        (true, gradient) => {
            let mut gradients = GradStore::default();
            gradients.insert(output, gradient.map_or_else(|| output.ones_like(), |gradient| Ok(gradient.detach()))?);
            gradients
        }
    };
    // Every user of an output was recorded after it, so its gradient is complete when its turn comes.
    for Node { inputs, outputs, needs, backward } in tape.into_iter().rev() {
        let grads: Vec<Option<Tensor>> = outputs.iter().map(|output| gradients.remove(output)).collect();
        if grads.iter().all(Option::is_none) {
            continue;
        }
        let results = backward(Grads { inputs: &inputs, outputs: &outputs, grads: &grads, needs: &needs })?;
        for ((input, need), result) in inputs.iter().zip(needs).zip(results) {
            let Some(result) = result.filter(|_| need) else { continue };
            if !input.is_variable() {
                gradients.extend(seed(input, result)?.backward()?)?;
            } else if let Some(sum) = gradients.remove(input) {
                gradients.insert(input, add(&sum, &result)?);
            } else {
                gradients.insert(input, result);
            }
        }
    }
    Ok(gradients)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// (Πᵢ xᵢ, Σᵢ xᵢ) of any number of vectors.
    fn product_and_sum(inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
        let values: Vec<Vec<f64>> = inputs.iter().map(|x| x.to_vec1()).collect::<candle_core::Result<_>>()?;
        let n = values[0].len();
        let product: Vec<f64> = (0..n).map(|i| values.iter().map(|x| x[i]).product()).collect();
        let sum: Vec<f64> = (0..n).map(|i| values.iter().map(|x| x[i]).sum()).collect();
        apply("product_and_sum", inputs, vec![(product, n.into()), (sum, n.into())], |op| {
            let zeros = op.outputs[0].zeros_like()?;
            let [product, sum] = [0, 1].map(|i| op.grads[i].clone().unwrap_or_else(|| zeros.clone()));
            let gradient = |(x, &need): (&Tensor, &bool)| match need {
                true => Ok(Some((((&product * &op.outputs[0])? / x)? + &sum)?)),
                false => Ok(None),
            };
            op.inputs.iter().zip(op.needs).map(gradient).collect()
        })
    }

    #[test]
    fn any_number_of_inputs_and_outputs_passes_through_either_graph() {
        let device = Device::Cpu;
        for count in 1..=9 {
            for constant in [None, Some(0), Some(count - 1)] {
                let vars: Vec<Var> = (0..count).map(|i| Var::new(&[1.0 + i as f64, 0.5], &device).unwrap()).collect();
                let inputs: Vec<Tensor> = vars
                    .iter()
                    .enumerate()
                    .map(|(i, var)| if Some(i) == constant { var.detach() } else { var.as_tensor().clone() })
                    .collect();
                let inputs: Vec<&Tensor> = inputs.iter().collect();
                let loss = || -> Result<Tensor> {
                    let outputs = product_and_sum(&inputs)?;
                    Ok(((&outputs[0] * 3.0)? + outputs[1].sqr()?)?.sum_all()?)
                };
                let plain = loss().unwrap().backward().unwrap();
                let (value, taped) = value_and_grad(loss).unwrap();
                let x = |j: usize| vars.iter().map(move |v| v.to_vec1::<f64>().unwrap()[j]);
                let expected: f64 = (0..2).map(|j| 3.0 * x(j).product::<f64>() + x(j).sum::<f64>().powi(2)).sum();
                assert!((value.to_scalar::<f64>().unwrap() - expected).abs() < 1e-9 * expected);
                for (i, var) in vars.iter().enumerate() {
                    if Some(i) == constant {
                        assert!(plain.get(var).is_none() && taped.get(var).is_none());
                        continue;
                    }
                    for gradients in [&plain, &taped] {
                        let gradient = gradients.get(var).expect("a gradient").to_vec1::<f64>().unwrap();
                        for (j, gradient) in gradient.into_iter().enumerate() {
                            let own = var.to_vec1::<f64>().unwrap()[j];
                            let expected = 3.0 * x(j).product::<f64>() / own + 2.0 * x(j).sum::<f64>();
                            assert!(
                                (gradient - expected).abs() < 1e-9 * expected,
                                "{count} {i}: {gradient} {expected}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_output_that_is_not_used_needs_no_gradient() {
        let x = Var::new(&[2f64, 3.0], &Device::Cpu).unwrap();
        for used in [0, 1] {
            let (_, gradients) =
                value_and_grad(|| Ok(product_and_sum(&[x.as_tensor()])?.swap_remove(used).sum_all()?)).unwrap();
            assert_eq!(gradients.get(&x).unwrap().to_vec1::<f64>().unwrap(), [1.0, 1.0]);
        }
    }
}
