//! When the gradient of a variable is complete.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, TensorId};
use candlelight_base::Result;

use super::Ready;
use super::tape::{Spread, Tape};

/// What a backward pass still has before it.
pub(super) struct Watch<'a, 'b> {
    /// How many recorded operations will yet use a variable.
    uses: HashMap<TensorId, usize, BuildHasherDefault<Spread>>,
    /// Variables that `ready` was told of, with the gradients that they had.
    told: Vec<(TensorId, TensorId)>,
    ready: &'a mut Ready<'b>,
}

impl<'a, 'b> Watch<'a, 'b> {
    pub(super) fn new(tape: &Tape, ready: &'a mut Ready<'b>) -> Self {
        let mut uses = HashMap::default();
        for input in tape.nodes.iter().flat_map(|node| &node.inputs).filter(|input| input.is_variable()) {
            *uses.entry(input.id()).or_default() += 1;
        }
        Self { uses, told: Vec::new(), ready }
    }

    /// The backward pass is through an operation with these inputs.
    pub(super) fn used(&mut self, inputs: &[Tensor], gradients: &GradStore) -> Result<()> {
        for input in inputs.iter().filter(|input| input.is_variable()) {
            let Some(left) = self.uses.get_mut(&input.id()) else { continue };
            *left -= 1;
            if *left == 0
                && let Some(gradient) = gradients.get(input)
            {
                self.told.push((input.id(), gradient.id()));
                (self.ready)(input.id(), gradient)?;
            }
        }
        Ok(())
    }

    /// The backward pass has ended: tells of those that have got more. A sum is another tensor.
    pub(super) fn finish(self, gradients: &GradStore) -> Result<()> {
        for (variable, told) in self.told {
            if let Some(gradient) = gradients.get_id(variable).filter(|gradient| gradient.id() != told) {
                (self.ready)(variable, gradient)?;
            }
        }
        Ok(())
    }
}
