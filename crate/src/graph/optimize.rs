//! The same results by fewer nodes.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2};

use super::compute::{Value, compute};
use super::op::Op;
use super::text::line;
use super::{Graph, Node, NodeId};
use crate::{Error, Result};

/// What [`Graph::optimized`] did to how many nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Optimized {
    /// That no output needed.
    pub dead: usize,
    /// That depended on constants only, and became one.
    pub folded: usize,
    /// That changed nothing, such as adding 0 or multiplying by 1, or that repeated a value for an operation that can repeat
    /// it by itself.
    pub simplified: usize,
    /// That computed the same as an earlier one.
    pub merged: usize,
}

impl Graph {
    /// A graph with the same outputs from fewer nodes, and what was done.
    ///
    /// ```text
    /// dead-node removal:                  what no output needs
    /// constant folding:                   2 · 3 → 6
    /// neutral elements:                   x + 0, x - 0, 1 · x → x
    /// common-subexpression elimination:   tanh(x) … tanh(x) → one of them
    /// ```
    ///
    /// Outputs keep their values to the last bit (but for the sign of a zero). Nodes are numbered anew. Inputs that no
    /// output needs disappear too.
    ///
    /// # Errors
    /// None in practice.
    ///
    /// ```
    /// use candlelight::graph::Graph;
    /// # fn main() -> candlelight::Result<()> {
    /// let mut graph = Graph::new();
    /// let x = graph.input("x", [1, 1])?;
    /// let (two, three) = (graph.scalar(2.), graph.scalar(3.));
    /// let six = graph.mul(two, three)?; // folded
    /// let (a, b) = (graph.mul(x, six)?, graph.mul(x, six)?); // merged
    /// let y = graph.add(a, b)?;
    /// graph.tanh(y)?; // dead
    /// graph.output("y", y)?;
    /// let (smaller, report) = graph.optimized()?;
    /// assert_eq!((report.folded, report.merged, report.dead), (1, 1, 1));
    /// assert_eq!((graph.operations(), smaller.operations()), (5, 2));
    /// # Ok(()) }
    /// ```
    pub fn optimized(&self) -> Result<(Self, Optimized)> {
        let needed = self.needed(self.outputs.iter().map(|(_, node)| *node));
        let mut report = Optimized { dead: needed.iter().filter(|needed| !**needed).count(), ..Optimized::default() };
        let mut graph = Self::new();
        let mut new_ids = vec![NodeId(0); self.nodes.len()];
        let mut known: HashMap<String, NodeId> = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            let inputs = node.inputs.iter().map(|input| new_ids[input.0]).collect();
            let mut node = Node { op: node.op.clone(), inputs, shape: node.shape };
            report.simplified += graph.without_expand(&mut node);
            if let Some(value) = graph.folded(&node)? {
                report.folded += 1;
                node = Node { op: Op::Constant(value), inputs: Vec::new(), shape: node.shape };
            } else if let Some(same) = graph.neutral(&node) {
                report.simplified += 1;
                new_ids[index] = same;
                continue;
            }
            let key = line(&node);
            new_ids[index] = match known.get(&key) {
                Some(same) => {
                    report.merged += usize::from(!node.op.is_source());
                    *same
                }
                None => {
                    let id = graph.push(node.op, node.inputs, node.shape);
                    known.insert(key, id);
                    id
                }
            };
        }
        graph.outputs = self.outputs.iter().map(|(name, node)| (name.clone(), new_ids[node.0])).collect();
        Ok((graph.without_orphans(), report))
    }

    /// The value of a node that reads nothing but constants. A repeated constant stays as it is: it would only take memory.
    fn folded(&self, node: &Node) -> Result<Option<Array2<f64>>> {
        if node.op.is_source() || matches!(node.op, Op::Expand) {
            return Ok(None);
        }
        let mut values = [Value::NONE; 3];
        for (value, input) in values.iter_mut().zip(&node.inputs) {
            let Some(constant) = self.constant_of(*input) else { return Ok(None) };
            let Some(data) = constant.to_slice() else { return Ok(None) };
            *value = Value { data, shape: self.nodes[input.0].shape };
        }
        let mut data = vec![0.0; node.shape[0] * node.shape[1]];
        compute(&node.op, values, node.shape, &mut data);
        let folded = Array2::from_shape_vec(node.shape, data);
        Ok(Some(folded.map_err(|_| Error::shape("folded", format!("{:?}", node.shape), &[]))?))
    }

    /// The operand that a node leaves as it is.
    fn neutral(&self, node: &Node) -> Option<NodeId> {
        let is = |input: NodeId, value: f64| self.constant_of(input).is_some_and(|all| all.iter().all(|x| *x == value));
        let same = match (&node.op, node.inputs.as_slice()) {
            (Op::Add | Op::Sub, [a, b]) if is(*b, 0.0) => *a,
            (Op::Add, [a, b]) if is(*a, 0.0) => *b,
            (Op::Mul, [a, b]) if is(*b, 1.0) => *a,
            (Op::Mul, [a, b]) if is(*a, 1.0) => *b,
            // Without gradients to stop, it does nothing.
            (Op::Detach, [a]) => *a,
            _ => return None,
        };
        (self.nodes[same.0].shape == node.shape).then_some(same)
    }

    /// Lets an operation of two operands repeat one of them by itself; how many it was.
    fn without_expand(&self, node: &mut Node) -> usize {
        if !matches!(node.op, Op::Add | Op::Sub | Op::Mul) {
            return 0;
        }
        let [a, b] = [node.inputs[0], node.inputs[1]];
        for (position, (operand, other)) in [(a, b), (b, a)].into_iter().enumerate() {
            let expanded = &self.nodes[operand.0];
            if matches!(expanded.op, Op::Expand) && self.nodes[other.0].shape == node.shape {
                node.inputs[position] = expanded.inputs[0];
                return 1;
            }
        }
        0
    }

    fn constant_of(&self, node: NodeId) -> Option<ArrayView2<'_, f64>> {
        match &self.nodes[node.0].op {
            Op::Constant(value) => Some(value.view()),
            _ => None,
        }
    }

    /// Without nodes that no output needs.
    fn without_orphans(self) -> Self {
        let needed = self.needed(self.outputs.iter().map(|(_, node)| *node));
        let mut graph = Self::new();
        let mut new_ids = vec![NodeId(0); self.nodes.len()];
        for (index, node) in self.nodes.into_iter().enumerate().filter(|(index, _)| needed[*index]) {
            let inputs = node.inputs.iter().map(|input| new_ids[input.0]).collect();
            new_ids[index] = graph.push(node.op, inputs, node.shape);
        }
        graph.outputs = self.outputs.into_iter().map(|(name, node)| (name, new_ids[node.0])).collect();
        graph
    }
}
