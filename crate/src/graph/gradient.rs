//! Gradients as further nodes.

use ndarray::Array2;

use super::op::Op;
use super::{Graph, Node, NodeId};
use crate::{Error, Result};

impl Graph {
    /// Appends the nodes that compute the derivatives of `loss` with respect to each of `of`, and returns these.
    ///
    /// ```text
    /// from the loss back:  gradient of an input += gradient of the node · ∂node/∂input
    /// ```
    ///
    /// They are nodes like any other: the optimizer sees them, and they can be differentiated again. Where the loss
    /// does not depend on a node, or only through [`Graph::detach`], its gradient is a constant of zeros.
    ///
    /// # Errors
    /// A loss that is not `[1, 1]`; a node of another graph.
    ///
    /// ```
    /// use candlelight::{graph::{Graph, Program}, ndarray::array};
    /// # fn main() -> candlelight::Result<()> {
    /// let mut graph = Graph::new();
    /// let x = graph.input("x", [1, 1])?;
    /// let y = graph.tanh(x)?;
    /// let first = graph.gradients(y, &[x])?[0];
    /// let second = graph.gradients(first, &[x])?[0];
    /// graph.output("first", first)?;
    /// graph.output("second", second)?;
    /// let mut program = Program::new(&graph)?;
    /// program.run(&[("x", &array![[0.5]])])?;
    /// let t = 0.5_f64.tanh();
    /// assert!((program.output("first")?[[0, 0]] - (1. - t * t)).abs() < 1e-15);
    /// assert!((program.output("second")?[[0, 0]] + 2. * t * (1. - t * t)).abs() < 1e-15);
    /// # Ok(()) }
    /// ```
    pub fn gradients(&mut self, loss: NodeId, of: &[NodeId]) -> Result<Vec<NodeId>> {
        match self.shape(loss)? {
            [1, 1] => {}
            shape => return Err(Error::shape("loss", "[1, 1]", &shape)),
        }
        let depends = self.depends_on(of)?;
        let mut gradients: Vec<Option<NodeId>> = vec![None; loss.0 + 1];
        gradients[loss.0] = Some(self.scalar(1.0));
        // Every reader of a node comes after it, so its gradient is complete when its turn comes.
        for index in (0..=loss.0).rev() {
            let Some(gradient) = gradients[index].filter(|_| depends[index]) else { continue };
            let node = self.nodes[index].clone();
            for (position, input) in node.inputs.iter().enumerate() {
                if !depends[input.0] {
                    continue;
                }
                let Some(part) = self.pull_back(NodeId(index), &node, position, gradient)? else { continue };
                let part = self.sum_to(part, self.shape(*input)?)?;
                gradients[input.0] = Some(match gradients[input.0] {
                    Some(sum) => self.add(sum, part)?,
                    None => part,
                });
            }
        }
        of.iter()
            .map(|node| match gradients.get(node.0).copied().flatten() {
                Some(gradient) => Ok(gradient),
                None => self.constant(&Array2::zeros(self.shape(*node)?)),
            })
            .collect()
    }

    /// What one of its inputs receives from a node with this gradient, before repeated entries are summed up.
    fn pull_back(&mut self, id: NodeId, node: &Node, position: usize, gradient: NodeId) -> Result<Option<NodeId>> {
        let inputs = &node.inputs;
        Ok(Some(match (&node.op, position) {
            (Op::Input(_) | Op::Parameter { .. } | Op::Constant(_) | Op::Positive | Op::Detach, _) => return Ok(None),
            (&Op::MatMul { ta: false, tb }, 0) => self.matmul_of(gradient, inputs[1], false, !tb)?,
            (&Op::MatMul { ta: true, tb }, 0) => self.matmul_of(inputs[1], gradient, tb, true)?,
            (&Op::MatMul { ta, tb: false }, _) => self.matmul_of(inputs[0], gradient, !ta, false)?,
            (&Op::MatMul { ta, tb: true }, _) => self.matmul_of(gradient, inputs[0], true, ta)?,
            (Op::Add, _) | (Op::Sub, 0) => gradient,
            (Op::Sub, _) => {
                let minus = self.scalar(-1.0);
                self.mul(gradient, minus)?
            }
            (Op::Mul, _) => self.mul(gradient, inputs[1 - position])?,
            (Op::Tanh, _) => {
                let squared = self.mul(id, id)?;
                let (one, factor) = (self.scalar(1.0), gradient);
                let slope = self.sub(one, squared)?;
                self.mul(factor, slope)?
            }
            (Op::Sigmoid, _) => {
                let one = self.scalar(1.0);
                let rest = self.sub(one, id)?;
                let slope = self.mul(id, rest)?;
                self.mul(gradient, slope)?
            }
            (Op::Relu, _) => {
                let slope = self.positive(inputs[0])?;
                self.mul(gradient, slope)?
            }
            (Op::Select, 0) => return Ok(None),
            (Op::Select, position) => {
                let zero = self.scalar(0.0);
                let (yes, no) = if position == 1 { (gradient, zero) } else { (zero, gradient) };
                self.select(inputs[0], yes, no)?
            }
            (Op::SumTo, _) => self.expand(gradient, self.shape(inputs[0])?)?,
            // The caller sums.
            (Op::Expand, _) => gradient,
        }))
    }

    /// Which nodes change when one of these does, as far as gradients know.
    fn depends_on(&self, of: &[NodeId]) -> Result<Vec<bool>> {
        let mut depends = vec![false; self.nodes.len()];
        for node in of {
            self.node(*node)?;
            depends[node.0] = true;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            depends[index] |= node.inputs.iter().any(|input| depends[input.0]);
        }
        Ok(depends)
    }
}
