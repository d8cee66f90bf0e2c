//! A loss and its gradients, taken in one call.
//!
//! `loss.backward()` of Candle is right for every layer of this crate, and [`value_and_grad`] gives the same gradients.
//! It is faster, because it goes backwards through the layers' own kernels by itself: Candle adds each gradient into
//! fresh zeros, on one thread, and keeps all intermediate results until the end.

mod graph;
mod no_grad;
mod numbers;
mod ready;
mod recording;
mod saved;
mod tape;
mod wanted;

use candle_core::backprop::GradStore;
use candle_core::{Shape, Storage, Tensor, TensorId, WithDType};
use candlelight_base::{Error, Result, Scoped};

use graph::{Value, stock};
pub(crate) use no_grad::is_tracked;
pub use no_grad::no_grad;
pub use numbers::Numbers;
use ready::Watch;
pub use recording::{Recording, record};
pub use saved::saved_bytes;
use tape::{TAPE, Tape};
pub use wanted::{grad, value_and_grad_of};

use crate::contiguous;

/// Computes a loss and its gradients for every parameter it depends on.
///
/// Inside `loss`, layers are recorded on a tape of their own; operations of Candle may stand between them. The tape
/// ends with the call. A backward pass that reaches a recorded result from elsewhere, be it Candle's `backward` or a
/// later or an inner `value_and_grad`, is an error and not a gradient in parts: compute all that is to be
/// differentiated in one call, or detach the result, as of the generator's images where the discriminator learns.
///
/// # Errors
/// Those of `loss`; if it is not a scalar; or [`Error::Recorded`] if it depends on what another call recorded.
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
    recorded(|| scalar(loss), None, None)
}

/// [`value_and_grad`] that says when a gradient is complete, while the backward pass goes on: what data parallelism
/// sends early.
///
/// `ready` is called with a variable and its gradient once the backward pass has gone through all recorded operations
/// that use the variable: in the order of the backward pass, the last layer first. What Candle's own operations still
/// add cannot be known before: where they do, `ready` is called once more, at the end, with the whole gradient. It is
/// not called for a variable that no recorded operation takes as it is; that gradient is in the result, as all are.
///
/// # Errors
/// Those of [`value_and_grad`] and of `ready`, which end the backward pass.
///
/// ```
/// use candlelight::{autograd::value_and_grad_with, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new().push(linear(3, 4, params.pp("first"))?).push(linear(4, 2, params.pp("last"))?);
/// let x = Tensor::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
/// let mut order = Vec::new();
/// value_and_grad_with(
///     || Ok(model.forward(&x, Mode::Train)?.sum_all()?),
///     |variable, _gradient| {
///         order.extend(params.all().into_iter().find(|param| param.var.id() == variable).map(|param| param.name));
///         Ok(())
///     },
/// )?;
/// assert_eq!(order, ["last.weight", "last.bias", "first.weight", "first.bias"]);
/// # Ok(()) }
/// ```
pub fn value_and_grad_with(
    loss: impl FnOnce() -> Result<Tensor>,
    mut ready: impl FnMut(TensorId, &Tensor) -> Result<()>,
) -> Result<(Tensor, GradStore)> {
    recorded(|| scalar(loss), None, Some(&mut ready))
}

fn scalar(loss: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
    let loss = loss()?;
    match loss.elem_count() {
        1 => Ok(loss),
        _ => Err(Error::shape("loss", "one element", loss.dims())),
    }
}

/// Computes an output and the product of a given gradient with its derivatives, for every parameter it depends on:
/// PyTorch's `output.backward(gradient)`.
///
/// ```text
/// ∂/∂θ Σᵢ gᵢ yᵢ(θ)    for the gradient g of y
/// ```
///
/// What is said of the loss in [`value_and_grad`] holds for the output.
///
/// # Errors
/// Those of `output`; if `gradient` has another shape or dtype; or [`Error::Recorded`].
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
        check_gradient(&output, gradient)?;
        Ok(output)
    };
    recorded(fitting, Some(gradient), None)
}

fn check_gradient(output: &Tensor, gradient: &Tensor) -> Result<()> {
    if output.shape() != gradient.shape() {
        return Err(Error::shape("gradient", format!("{:?}", output.dims()), gradient.dims()));
    }
    if output.dtype() != gradient.dtype() {
        return Err(Error::DType { what: "gradient", expected: "that of the output", actual: gradient.dtype() });
    }
    Ok(())
}

/// An output and the gradients that start from `gradient`, or from ones.
fn recorded(
    output: impl FnOnce() -> Result<Tensor>,
    gradient: Option<&Tensor>,
    ready: Option<&mut Ready>,
) -> Result<(Tensor, GradStore)> {
    let (output, tape) = run(output)?;
    let gradients = backward(&output, gradient, tape, ready)?;
    Ok((output.detach(), gradients))
}

/// An output, and what was recorded of it.
fn run(output: impl FnOnce() -> Result<Tensor>) -> Result<(Tensor, Tape)> {
    // A worker of rayon's pool may take up other work while it waits in an operation of Candle: what that records would
    // end up on this tape.
    let (output, tape) = match rayon::current_thread_index() {
        Some(_) => (no_grad::with_grad(output)?, None),
        None => {
            let recording = Scoped::new(&TAPE, Some(Tape::new()));
            (no_grad::with_grad(output)?, recording.finish())
        }
    };
    Ok((output, tape.unwrap_or_else(Tape::new)))
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
    if !is_tracked(inputs) {
        let plain = |(data, shape)| Ok(Tensor::from_vec(data, shape, device)?);
        return outputs.into_iter().map(plain).collect();
    }
    let (data, shapes): (Vec<Vec<T>>, Vec<Shape>) = outputs.into_iter().unzip();
    let value = |data| Value::Storage(Storage::Cpu(T::to_cpu_storage_owned(data)));
    let values = match TAPE.with_borrow(Option::is_some) {
        true => data.into_iter().map(value).collect(),
        // Beside a tape they are one vector.
        false => match <[_; 1]>::try_from(data) {
            Ok([data]) => vec![value(data)],
            Err(data) => vec![value(data.concat())],
        },
    };
    above(name, inputs, values, shapes, Box::new(backward))
}

/// The tensors of `values` as what was made of `inputs`: on the tape, or, where there is none and all values are one, in
/// Candle's graph.
fn above(
    name: &'static str,
    inputs: &[&Tensor],
    values: Vec<Value>,
    shapes: Vec<Shape>,
    backward: Box<Backward>,
) -> Result<Vec<Tensor>> {
    let needs: Vec<bool> = inputs.iter().map(|input| input.track_op()).collect();
    let inputs: Vec<Tensor> = inputs.iter().copied().cloned().collect();
    TAPE.with_borrow_mut(|tape| match tape {
        Some(tape) => tape.record(name, inputs, values.into_iter().zip(shapes).collect(), needs, backward),
        None => match <[_; 1]>::try_from(values) {
            Ok([whole]) => stock(name, inputs, whole, shapes, needs, backward),
            Err(values) => Err(Error::shape("values of a node", "one", &[values.len()])),
        },
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
    only(name, apply(name, inputs, vec![(output, shape.into())], of_one(name, backward))?)
}

/// The backward pass of an operation with one output, whose gradient is given as it lies in order.
fn of_one(
    name: &'static str,
    backward: impl Fn(&Tensor, Grads) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> impl Fn(Grads) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static {
    move |grads: Grads| match grads.grads {
        [Some(grad)] => backward(&contiguous(grad)?, grads),
        _ => Err(Error::MissingGradient { name: name.into() }),
    }
}

fn only(name: &'static str, mut outputs: Vec<Tensor>) -> Result<Tensor> {
    outputs.pop().ok_or_else(|| Error::MissingGradient { name: name.into() })
}

/// A tensor of what a kernel of a device has written, with `backward` as its derivative, which is given the gradient in order.
#[cfg(feature = "cuda")]
pub(crate) fn made(
    name: &'static str,
    inputs: &[&Tensor],
    storage: candle_core::CudaStorage,
    shape: impl Into<Shape>,
    backward: impl Fn(&Tensor, Grads) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let numbers = Numbers::written(Storage::Cuda(storage), shape);
    if !is_tracked(inputs) {
        return Ok(numbers.into_tensor());
    }
    let shapes = vec![numbers.shape().clone()];
    only(name, above(name, inputs, vec![numbers.value], shapes, Box::new(of_one(name, backward)))?)
}

/// An operation of your own on any device, made of tensor operations: a tensor of `shape` with the numbers of `value`, in
/// their order, whose derivative is `backward` and not what Candle would take by itself.
///
/// Candle's own backward pass makes a tensor of zeros and a sum for each step back, through every change of shape. Where the
/// derivative of the whole is a few operations, it is written down instead.
///
/// `value` is made of `inputs` that are detached; the numbers of a tensor are copied. `backward` is as that of [`differentiable`]; what
/// it holds is detached, too.
///
/// # Errors
/// No input, or another number of elements in `value` than in `shape`.
///
/// ```
/// use candlelight::{autograd::{value_and_grad, with_backward}, prelude::*};
/// /// √x, and half of its reciprocal.
/// fn sqrt(x: &Tensor) -> Result<Tensor> {
///     let root = x.detach().sqrt()?;
///     let half = (root.recip()? * 0.5)?;
///     with_backward("sqrt", &[x], &root, x.shape(), move |gradient, _| Ok(vec![Some((gradient * &half)?)]))
/// }
/// # fn main() -> candlelight::Result<()> {
/// let x = Var::new(&[4f64, 25.], &Device::Cpu)?;
/// let (_, gradients) = value_and_grad(|| Ok(sqrt(&x)?.sum_all()?))?;
/// assert_eq!(gradients.get(&x).unwrap().to_vec1::<f64>()?, [0.25, 0.1]);
/// # Ok(()) }
/// ```
pub fn with_backward(
    name: &'static str,
    inputs: &[&Tensor],
    value: impl Into<Numbers>,
    shape: impl Into<Shape>,
    backward: impl Fn(&Tensor, &[bool]) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let (value, shape) = (value.into(), shape.into());
    if shape.elem_count() != value.shape().elem_count() {
        return Err(Error::shape("value", format!("{} numbers", shape.elem_count()), value.shape().dims()));
    }
    if !is_tracked(inputs) {
        return Ok(value.into_tensor().reshape(shape)?);
    }
    let backward = of_one(name, move |gradient, grads| backward(gradient, grads.needs));
    only(name, above(name, inputs, vec![value.value], vec![shape], Box::new(backward))?)
}

/// Is told of a variable whose gradient is complete.
type Ready<'a> = dyn FnMut(TensorId, &Tensor) -> Result<()> + 'a;

/// An operation of your own: makes a tensor of the numbers that it computed, with its derivative.
///
/// `backward` is given the gradient of the output, contiguous, and for each of `inputs` whether its gradient is wanted;
/// where it is, it returns one of the shape and dtype of that input. Inside of [`value_and_grad`] it is recorded as the
/// layers of this crate are, so that its errors stay what they are; elsewhere it is a custom operation of Candle.
/// Everything is on the CPU.
///
/// `backward` may hold the inputs; it must not hold the output, which would never be freed then.
///
/// # Errors
/// A shape that does not have as many elements as there are numbers.
///
/// ```
/// use candlelight::{autograd::{differentiable, value_and_grad}, prelude::*};
/// /// √x, from its definition.
/// fn sqrt(x: &Tensor) -> Result<Tensor> {
///     let roots: Vec<f64> = x.flatten_all()?.to_vec1::<f64>()?.into_iter().map(f64::sqrt).collect();
///     let derivative = Tensor::from_vec(roots.iter().map(|y| 0.5 / y).collect(), x.shape(), &Device::Cpu)?;
///     differentiable("sqrt", &[x], roots, x.shape(), move |gradient, _| Ok(vec![Some((gradient * &derivative)?)]))
/// }
/// # fn main() -> candlelight::Result<()> {
/// let x = Var::new(&[4f64, 25.], &Device::Cpu)?;
/// let (_, gradients) = value_and_grad(|| Ok(sqrt(&x)?.sum_all()?))?;
/// assert_eq!(gradients.get(&x).unwrap().to_vec1::<f64>()?, [0.25, 0.1]);
/// # Ok(()) }
/// ```
pub fn differentiable<T: WithDType>(
    name: &'static str,
    inputs: &[&Tensor],
    output: Vec<T>,
    shape: impl Into<Shape>,
    backward: impl Fn(&Tensor, &[bool]) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let shape = shape.into();
    if shape.elem_count() != output.len() {
        return Err(Error::shape("output", format!("{} numbers", output.len()), shape.dims()));
    }
    apply1(name, inputs, output, shape, move |gradient, grads| backward(gradient, grads.needs))
}

/// One recorded operation.
struct Node {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    needs: Vec<bool>,
    backward: Box<Backward>,
}

/// Walks the tape backwards. The stretches between its operations are Candle's.
fn backward(
    output: &Tensor,
    gradient: Option<&Tensor>,
    mut tape: Tape,
    ready: Option<&mut Ready>,
) -> Result<GradStore> {
    let mut gradients = GradStore::default();
    let mut watch = ready.map(|ready| Watch::new(&tape, ready));
    match gradient {
        Some(gradient) => tape.add(&mut gradients, output, gradient.detach())?,
        None => tape.add_loss(&mut gradients, output)?,
    }
    // Every user of an output was recorded after it, so its gradient is complete when its turn comes.
    while let Some(node) = tape.nodes.pop() {
        visit(&tape, &node, &node.needs, &mut gradients, watch.as_mut())?;
    }
    watch.map_or(Ok(()), |watch| watch.finish(&gradients))?;
    Ok(gradients)
}

/// Takes the gradients of a node's outputs out of `gradients`, and adds those of the inputs that `needs` names.
fn visit(
    tape: &Tape,
    node: &Node,
    needs: &[bool],
    gradients: &mut GradStore,
    mut watch: Option<&mut Watch>,
) -> Result<()> {
    let Node { inputs, outputs, backward, .. } = node;
    let grads: Vec<Option<Tensor>> = outputs.iter().map(|output| gradients.remove(output)).collect();
    let mut results = Vec::new();
    if needs.contains(&true) && grads.iter().any(Option::is_some) {
        results = backward(Grads { inputs, outputs, grads: &grads, needs })?;
    }
    // Of variables first: the way from others down to the next operations may take a while.
    for of_variables in [true, false] {
        for ((input, need), result) in inputs.iter().zip(needs).zip(&mut results) {
            if input.is_variable() == of_variables
                && let Some(result) = result.take().filter(|_| *need)
            {
                tape.add(gradients, input, result)?;
            }
        }
        if let Some(watch) = watch.as_mut().filter(|_| of_variables) {
            watch.used(inputs, gradients)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
