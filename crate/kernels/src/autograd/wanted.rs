//! Gradients of some tensors only, without the work for the others.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, TensorId};
use candlelight_base::{Error, Result};

use super::tape::{Spread, TAPE, Tape};
use super::{backward, run, scalar, visit};

/// [`value_and_grad`](super::value_and_grad) for some variables alone: the gradients of others, which a network shares
/// the loss with, are not computed.
///
/// So a generator learns from a discriminator that stays as it is: the gradient goes through the discriminator's layers
/// and leaves out their weights, a third of the work of a backward pass. The result may hold gradients of other
/// variables where operations of Candle's own lead to them.
///
/// # Errors
/// Those of [`value_and_grad`](super::value_and_grad).
///
/// ```
/// use candlelight::{autograd::value_and_grad_of, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let (generator, judge) = (linear(2, 3, params.pp("generator"))?, linear(3, 1, params.pp("judge"))?);
/// let z = Tensor::ones((4, 2), DType::F32, &Device::Cpu)?;
/// let wanted = [generator.weight().as_tensor()];
/// let (_, gradients) =
///     value_and_grad_of(wanted, || Ok(judge.forward(&generator.forward(&z, Mode::Train)?, Mode::Train)?.mean_all()?))?;
/// assert!(gradients.get(generator.weight()).is_some() && gradients.get(judge.weight()).is_none());
/// # Ok(()) }
/// ```
pub fn value_and_grad_of<'a>(
    variables: impl IntoIterator<Item = &'a Tensor>,
    loss: impl FnOnce() -> Result<Tensor>,
) -> Result<(Tensor, GradStore)> {
    let (loss, mut tape) = run(|| scalar(loss))?;
    let wanted = Wanted::new(&tape, variables);
    let needs: Vec<Vec<bool>> = tape.nodes.iter().map(|node| wanted.needs(&tape, node)).collect();
    for (node, needs) in tape.nodes.iter_mut().zip(needs) {
        node.needs = needs;
    }
    let gradients = backward(&loss, None, tape, None)?;
    Ok((loss.detach(), gradients))
}

/// The derivative of the sum of `output` with respect to `input`, in the middle of a computation that is to be
/// differentiated itself: PyTorch's `torch.autograd.grad` with `retain_graph`.
///
/// Inside of [`value_and_grad`](super::value_and_grad), what was recorded stays recorded. The derivative itself is a
/// constant to it: derivatives of derivatives go another way, see `Module::linearize` of candlelight.
///
/// `input` is a variable, or what a layer of this crate gave.
///
/// # Errors
/// An `input` that is something else, or [`Error::Recorded`].
///
/// ```
/// use candlelight::{autograd::grad, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let layer = linear(3, 1, Params::new(0, &Device::Cpu)?)?;
/// let x = Var::zeros((2, 3), DType::F32, &Device::Cpu)?;
/// let slope = grad(&layer.forward(&x, Mode::Train)?, &x)?;
/// assert_eq!(slope.get(1)?.to_vec1::<f32>()?, layer.weight().get(0)?.to_vec1::<f32>()?);
/// # Ok(()) }
/// ```
pub fn grad(output: &Tensor, input: &Tensor) -> Result<Tensor> {
    // What backward passes compute is not to be recorded, so the tape is away meanwhile.
    let tape = TAPE.take();
    let found = of_sum(output, input, tape.as_ref());
    TAPE.set(tape);
    found
}

fn of_sum(output: &Tensor, input: &Tensor, tape: Option<&Tape>) -> Result<Tensor> {
    let none;
    let tape = match tape {
        Some(tape) => tape,
        None => {
            none = Tape::new();
            &none
        }
    };
    if !tape.is_end(input) {
        return Err(Error::setting("input of grad", "a variable, or the output of a layer", "neither"));
    }
    let wanted = Wanted::new(tape, [input]);
    let mut gradients = GradStore::default();
    tape.add(&mut gradients, output, output.ones_like()?)?;
    for node in tape.nodes.iter().rev() {
        // What is wanted may itself be an output, whose gradient `visit` would take away.
        if node.outputs.iter().any(|output| output.id() == input.id()) {
            break;
        }
        visit(tape, node, &wanted.needs(tape, node), &mut gradients, None)?;
    }
    match gradients.remove(input) {
        Some(gradient) => Ok(gradient.detach()),
        None => Ok(input.zeros_like()?),
    }
}

/// The tensors on a tape that depend on wanted ones.
pub(super) struct Wanted(HashSet<TensorId, BuildHasherDefault<Spread>>);

impl Wanted {
    pub(super) fn new<'a>(tape: &Tape, tensors: impl IntoIterator<Item = &'a Tensor>) -> Self {
        let mut wanted = Self(tensors.into_iter().map(Tensor::id).collect());
        for node in &tape.nodes {
            if node.inputs.iter().any(|input| wanted.leads(tape, input)) {
                wanted.0.extend(node.outputs.iter().map(Tensor::id));
            }
        }
        wanted
    }

    /// Which inputs of `node` lead down to a wanted tensor.
    pub(super) fn needs(&self, tape: &Tape, node: &super::Node) -> Vec<bool> {
        node.inputs.iter().zip(&node.needs).map(|(input, need)| *need && self.leads(tape, input)).collect()
    }

    /// Of what Candle's operations made in between it is not known, so it is taken to lead there.
    fn leads(&self, tape: &Tape, input: &Tensor) -> bool {
        let input = tape.reshaped(input).unwrap_or(input);
        self.0.contains(&input.id()) || (!tape.is_end(input) && input.track_op())
    }
}
