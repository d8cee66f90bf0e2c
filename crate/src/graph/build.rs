//! Nodes, with the shapes that they take.

use ndarray::{Array2, arr2};

use super::op::Op;
use super::{Graph, NodeId, check_name, check_shape, check_value};
use crate::{Error, Result};

/// The calls that append a node.
///
/// # Errors
/// All refuse a node of another graph. Those with two operands refuse shapes that do not fit: in each dimension the
/// sizes must be equal, or one of them 1 (it is then repeated).
impl Graph {
    /// A matrix that each run is given under `name`.
    ///
    /// # Errors
    /// A name that is taken, empty, or has a space in it; a shape with a zero.
    pub fn input(&mut self, name: &str, shape: [usize; 2]) -> Result<NodeId> {
        check_shape("input", shape)?;
        check_name(name, self.names())?;
        Ok(self.push(Op::Input(name.to_owned()), Vec::new(), shape))
    }

    /// A matrix that keeps its value from run to run, until [`Program::set`](super::Program::set) changes it.
    ///
    /// # Errors
    /// As for [`Graph::input`].
    pub fn parameter(&mut self, name: &str, value: &Array2<f64>) -> Result<NodeId> {
        let shape = check_value("parameter", value)?;
        check_name(name, self.names())?;
        Ok(self.push(Op::Parameter { name: name.to_owned(), value: in_rows(value) }, Vec::new(), shape))
    }

    /// A matrix that never changes.
    ///
    /// # Errors
    /// A shape with a zero.
    pub fn constant(&mut self, value: &Array2<f64>) -> Result<NodeId> {
        let shape = check_value("constant", value)?;
        Ok(self.push(Op::Constant(in_rows(value)), Vec::new(), shape))
    }

    /// A constant `[1, 1]`.
    pub fn scalar(&mut self, value: f64) -> NodeId {
        self.push(Op::Constant(arr2(&[[value]])), Vec::new(), [1, 1])
    }

    /// The product of a matrix `[m, k]` with one `[k, n]`.
    ///
    /// # Errors
    /// As above; other shapes.
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.matmul_of(a, b, false, false)
    }

    /// The product of a or aᵀ with b or bᵀ.
    pub(super) fn matmul_of(&mut self, a: NodeId, b: NodeId, ta: bool, tb: bool) -> Result<NodeId> {
        let (left, right) = (turned(self.shape(a)?, ta), turned(self.shape(b)?, tb));
        if left[1] != right[0] {
            return Err(Error::shape("right factor", format!("[{}, n] for a left one of {left:?}", left[1]), &right));
        }
        Ok(self.push(Op::MatMul { ta, tb }, vec![a, b], [left[0], right[1]]))
    }

    /// a + b
    ///
    /// # Errors
    /// As above.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Add, vec![a, b])
    }

    /// a - b
    ///
    /// # Errors
    /// As above.
    pub fn sub(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Sub, vec![a, b])
    }

    /// a b, entry by entry
    ///
    /// # Errors
    /// As above.
    pub fn mul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Mul, vec![a, b])
    }

    /// tanh a
    ///
    /// # Errors
    /// As above.
    pub fn tanh(&mut self, a: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Tanh, vec![a])
    }

    /// 1 / (1 + e⁻ᵃ)
    ///
    /// # Errors
    /// As above.
    pub fn sigmoid(&mut self, a: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Sigmoid, vec![a])
    }

    /// max(a, 0); its derivative at 0 is 0.
    ///
    /// # Errors
    /// As above.
    pub fn relu(&mut self, a: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Relu, vec![a])
    }

    /// 1 where a > 0, else 0; without a gradient.
    ///
    /// # Errors
    /// As above.
    pub fn positive(&mut self, a: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Positive, vec![a])
    }

    /// `yes` where `condition` > 0, else `no`: an `if` that is decided when the graph runs. *Both* are computed. The condition
    /// has no gradient.
    ///
    /// # Errors
    /// As above.
    ///
    /// ```
    /// use candlelight::{graph::{Graph, Program}, ndarray::array};
    /// # fn main() -> candlelight::Result<()> {
    /// let mut graph = Graph::new();
    /// let x = graph.input("x", [1, 3])?;
    /// let (double, minus_one) = (graph.add(x, x)?, graph.scalar(-1.));
    /// let y = graph.select(x, double, minus_one)?;
    /// graph.output("y", y)?;
    /// let mut program = Program::new(&graph)?;
    /// program.run(&[("x", &array![[3., 0., -2.]])])?;
    /// assert_eq!(program.output("y")?, array![[6., -1., -1.]]);
    /// # Ok(()) }
    /// ```
    pub fn select(&mut self, condition: NodeId, yes: NodeId, no: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Select, vec![condition, yes, no])
    }

    /// Sums over rows, columns or both: `shape` is that of `a`, with 1 in some dimensions.
    ///
    /// # Errors
    /// As above; another shape.
    pub fn sum_to(&mut self, a: NodeId, shape: [usize; 2]) -> Result<NodeId> {
        let from = self.shape(a)?;
        if !fits(shape, from) {
            return Err(Error::shape("sum", format!("{from:?} with 1 in some dimensions"), &shape));
        }
        Ok(if shape == from { a } else { self.push(Op::SumTo, vec![a], shape) })
    }

    /// Repeats rows, columns or both: `shape` is that of `a`, with any size where `a` has 1.
    ///
    /// # Errors
    /// As above; another shape.
    pub fn expand(&mut self, a: NodeId, shape: [usize; 2]) -> Result<NodeId> {
        let from = self.shape(a)?;
        check_shape("expanded", shape)?;
        if !fits(from, shape) {
            return Err(Error::shape("expanded", format!("{from:?} with other sizes for its dimensions of 1"), &shape));
        }
        Ok(if shape == from { a } else { self.push(Op::Expand, vec![a], shape) })
    }

    /// The sum of all entries, `[1, 1]`.
    ///
    /// # Errors
    /// As above.
    pub fn sum(&mut self, a: NodeId) -> Result<NodeId> {
        self.sum_to(a, [1, 1])
    }

    /// The mean of all entries, `[1, 1]`.
    ///
    /// # Errors
    /// As above.
    pub fn mean(&mut self, a: NodeId) -> Result<NodeId> {
        let [rows, columns] = self.shape(a)?;
        let (sum, share) = (self.sum(a)?, self.scalar(1.0 / (rows * columns) as f64));
        self.mul(sum, share)
    }

    /// The mean of (a - b)², `[1, 1]`.
    ///
    /// # Errors
    /// As above; other shapes than the same for both, since a repeated target is more often a mistake.
    pub fn mse(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        let (prediction, target) = (self.shape(a)?, self.shape(b)?);
        if prediction != target {
            return Err(Error::shape("targets", format!("{prediction:?}, as the predictions"), &target));
        }
        let error = self.sub(a, b)?;
        let squared = self.mul(error, error)?;
        self.mean(squared)
    }

    /// a, as a constant for the gradients: they end here.
    ///
    /// # Errors
    /// As above.
    pub fn detach(&mut self, a: NodeId) -> Result<NodeId> {
        self.broadcast(Op::Detach, vec![a])
    }

    /// A node that works entry by entry.
    fn broadcast(&mut self, op: Op, inputs: Vec<NodeId>) -> Result<NodeId> {
        let mut shape = [1, 1];
        for input in &inputs {
            let other = self.shape(*input)?;
            for (size, other) in shape.iter_mut().zip(other) {
                *size = (*size).max(other);
            }
        }
        for input in &inputs {
            let other = self.shape(*input)?;
            if !fits(other, shape) {
                return Err(Error::shape("operand", format!("{shape:?}, or 1 in place of a size"), &other));
            }
        }
        Ok(self.push(op, inputs, shape))
    }
}

/// A copy that lies row by row, as operations read it.
fn in_rows(value: &Array2<f64>) -> Array2<f64> {
    value.as_standard_layout().into_owned()
}

/// Whether `small` is `large` with 1 in some dimensions.
fn fits(small: [usize; 2], large: [usize; 2]) -> bool {
    small.iter().zip(large).all(|(small, large)| *small == large || *small == 1)
}

fn turned([rows, columns]: [usize; 2], transposed: bool) -> [usize; 2] {
    if transposed { [columns, rows] } else { [rows, columns] }
}
