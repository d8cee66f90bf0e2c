//! What a call records, and how Candle's backward pass ends at it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Shape, Tensor, TensorId, Var};
use candlelight_base::{Error, Result, Scoped};

use super::graph::Value;
use super::{Backward, Node, graph};
use crate::gradient;

/// The operations of a call, in the order in which they ran.
pub(super) struct Tape {
    pub(super) nodes: Vec<Node>,
    /// The outputs of all of them.
    outputs: HashSet<TensorId, BuildHasherDefault<Spread>>,
    /// Where their numbers are in memory, and which node they are of.
    places: HashMap<usize, usize, BuildHasherDefault<Spread>>,
    /// Tells the tape from others.
    id: u64,
}

thread_local! {
    /// The present tape of this thread.
    pub(super) static TAPE: RefCell<Option<Tape>> = const { RefCell::new(None) };
    /// The present backward pass of this thread through a stretch of Candle's operations.
    static STRETCH: RefCell<Option<Stretch>> = const { RefCell::new(None) };
}

/// A backward pass of Candle, which ends at the operations of one tape.
struct Stretch {
    tape: u64,
    /// Outputs of recorded operations that it has reached, and their gradients.
    reached: Vec<(Tensor, Tensor)>,
    /// An operation of another tape that it has reached.
    foreign: Option<&'static str>,
}

impl Tape {
    pub(super) fn new() -> Self {
        static TAPES: AtomicU64 = AtomicU64::new(0);
        let id = TAPES.fetch_add(1, Ordering::Relaxed);
        Self { nodes: Vec::new(), outputs: HashSet::default(), places: HashMap::default(), id }
    }

    /// Makes tensors of what was computed, and a node of how.
    ///
    /// What they depend on is known to the tape alone. Candle's backward pass hands their gradients over to that of the
    /// tape; a pass which is not the tape's, or comes when the tape has ended, fails there, since the gradients would lack
    /// everything below.
    pub(super) fn record(
        &mut self,
        name: &'static str,
        inputs: Vec<Tensor>,
        outputs: Vec<(Value, Shape)>,
        needs: Vec<bool>,
        backward: Box<Backward>,
    ) -> Result<Vec<Tensor>> {
        let tape = self.id;
        let output = |(value, shape): (Value, Shape)| {
            let end = end(&value.device())?;
            graph::node(name, &[end], (value, shape), move |output, grad| {
                hand_over(tape, name, output, grad)?;
                Ok(vec![None])
            })
        };
        let outputs: Vec<Tensor> = outputs.into_iter().map(output).collect::<Result<_>>()?;
        self.outputs.extend(outputs.iter().map(Tensor::id));
        self.places.extend(outputs.iter().map(|output| (place(output), self.nodes.len())));
        self.nodes.push(Node { inputs, outputs: outputs.clone(), needs, backward });
        Ok(outputs)
    }

    /// Adds the gradient of a tensor: of itself, if it is a variable or an output on the tape, or of those that Candle's
    /// operations made it of.
    pub(super) fn add(&self, gradients: &mut GradStore, tensor: &Tensor, gradient: Tensor) -> Result<()> {
        if self.is_end(tensor) {
            return add(gradients, tensor, gradient);
        }
        match self.reshaped(tensor) {
            Some(output) => add(gradients, output, gradient.reshape(output.shape())?),
            None => self.stretch(gradients, &graph::seed(tensor, gradient)?),
        }
    }

    /// The output on the tape whose numbers these are, all of them and in their order, under another shape.
    ///
    /// Such a tensor depends on the output by nothing but changes of shape: every other operation of Candle makes numbers of
    /// its own, or leaves the graph. Its gradient then is that of the output, while Candle's pass would add it to zeros, on
    /// threads that go on spinning.
    pub(super) fn reshaped(&self, tensor: &Tensor) -> Option<&Tensor> {
        let whole = |output: &&Tensor| {
            place(output) == place(tensor)
                && output.elem_count() == tensor.elem_count()
                && tensor.is_contiguous()
                && tensor.layout().start_offset() == 0
        };
        self.nodes.get(*self.places.get(&place(tensor))?)?.outputs.iter().find(whole)
    }

    /// Adds the gradients of a loss.
    pub(super) fn add_loss(&self, gradients: &mut GradStore, loss: &Tensor) -> Result<()> {
        match self.is_end(loss) {
            true => add(gradients, loss, loss.ones_like()?),
            false => self.stretch(gradients, loss),
        }
    }

    pub(super) fn is_end(&self, tensor: &Tensor) -> bool {
        tensor.is_variable() || self.outputs.contains(&tensor.id())
    }

    /// Candle's backward pass from a scalar down to variables and to outputs on the tape.
    fn stretch(&self, gradients: &mut GradStore, start: &Tensor) -> Result<()> {
        let stretch = Stretch { tape: self.id, reached: Vec::new(), foreign: None };
        let scoped = Scoped::new(&STRETCH, Some(stretch));
        let of_variables = start.backward();
        let Some(Stretch { reached, foreign, .. }) = scoped.finish() else { return Ok(()) };
        if let Some(operation) = foreign {
            return Err(Error::Recorded { operation });
        }
        gradients.extend(of_variables?)?;
        reached.into_iter().try_for_each(|(output, gradient)| add(gradients, &output, gradient))
    }
}

/// Where Candle's backward pass ends: a variable below every output on a device.
fn end(device: &Device) -> Result<Tensor> {
    static CPU: OnceLock<Tensor> = OnceLock::new();
    static OTHERS: Mutex<Vec<Tensor>> = Mutex::new(Vec::new());
    let make = || Ok::<_, Error>(Var::zeros((), DType::F32, device)?.into_inner());
    if device.is_cpu() {
        return match CPU.get() {
            Some(end) => Ok(end.clone()),
            None => make().map(|end| CPU.get_or_init(|| end).clone()),
        };
    }
    let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(end) = others.iter().find(|end| end.device().same_device(device)) {
        return Ok(end.clone());
    }
    let end = make()?;
    others.push(end.clone());
    Ok(end)
}

/// Where the storage of a tensor is: tensors that share their numbers have the same.
fn place(tensor: &Tensor) -> usize {
    std::ptr::from_ref(&*tensor.storage_and_layout().0).addr()
}

fn add(gradients: &mut GradStore, tensor: &Tensor, gradient: Tensor) -> Result<()> {
    // Mostly there is none before, and one look is enough.
    if let Some(before) = gradients.insert(tensor, gradient.clone()) {
        gradients.insert(tensor, gradient::add(&before, &gradient)?);
    }
    Ok(())
}

/// Takes the gradient of a recorded output from Candle's backward pass, if that is the tape's own.
fn hand_over(tape: u64, operation: &'static str, output: &Tensor, gradient: &Tensor) -> Result<()> {
    STRETCH.with_borrow_mut(|stretch| match stretch {
        Some(stretch) if stretch.tape == tape => {
            stretch.reached.push((output.clone(), gradient.clone()));
            Ok(())
        }
        stretch => {
            if let Some(stretch) = stretch {
                stretch.foreign = Some(operation);
            }
            Err(Error::Recorded { operation })
        }
    })
}

/// A hash for numbers that count up, as the ids of tensors. The library's own took 3 % of a small step.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_usize(byte.into()));
    }

    fn write_usize(&mut self, number: usize) {
        // An odd number near 2⁶⁴/φ.
        self.0 = (self.0.rotate_left(8) ^ number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
