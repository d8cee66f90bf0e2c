//! Define-and-run: a small static graph. It is built once, checked, optimized, and then run many times.
//!
//! Candle, like PyTorch, is define-by-run: an operation computes at once, and the graph for the gradients grows as a trace of
//! what ran. Here nothing is computed while the graph is built. That has a price, since Rust's `if` and `for` act when the
//! graph is built and not when it runs, and a gain: the whole computation is known before it starts.
//!
//! | step | call | what it does |
//! |---|---|---|
//! | build | [`Graph::input`], [`Graph::matmul`], … | appends a node; shapes are checked here |
//! | differentiate | [`Graph::gradients`] | appends the nodes that compute gradients: they are nodes like any other |
//! | optimize | [`Graph::optimized`] | removes what no output needs, folds constants, merges equal nodes |
//! | plan, run | [`Program::new`], [`Program::run`] | computes in memory that is laid out once |
//! | ship | [`Graph::to_text`], [`Graph::from_text`] | runs without the code that built it |
//!
//! Every value is a matrix of F64 [rows, columns]: a scalar is `[1, 1]`, a bias `[1, n]`.
//!
//! ```
//! use candlelight::{graph::{Graph, Program}, ndarray::array};
//! # fn main() -> candlelight::Result<()> {
//! let mut graph = Graph::new();
//! let x = graph.input("x", [1, 2])?;
//! let w = graph.parameter("w", &array![[0.5], [-1.]])?;
//! let y = graph.matmul(x, w)?;
//! let loss = graph.mul(y, y)?;
//! let gradient = graph.gradients(loss, &[w])?[0];
//! graph.output("loss", loss)?;
//! graph.output("gradient", gradient)?;
//!
//! let mut program = Program::new(&graph.optimized()?.0)?;
//! program.run(&[("x", &array![[4., 1.]])])?;
//! assert_eq!(program.output("loss")?, array![[1.]]); // (4 · 0.5 - 1)²
//! assert_eq!(program.output("gradient")?, array![[8.], [2.]]); // 2 y x
//! # Ok(()) }
//! ```
//!
//! Abadi et al. (2016), *TensorFlow: A System for Large-Scale Machine Learning*, sections 3 and 4.

mod build;
mod compute;
mod gradient;
mod op;
mod optimize;
mod program;
mod text;

use ndarray::Array2;

use crate::{Error, Result};
use op::Op;

pub use optimize::Optimized;
pub use program::Program;

/// A computation that is described before it runs: nodes in an order in which each comes after those that it reads.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    outputs: Vec<(String, NodeId)>,
}

/// A node of the [`Graph`] that made it. In another graph it means another node, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(usize);

/// An operation and the nodes that it reads.
#[derive(Debug, Clone)]
struct Node {
    op: Op,
    inputs: Vec<NodeId>,
    shape: [usize; 2],
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many nodes there are, inputs, parameters and constants among them.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many nodes compute something when the graph runs: all but inputs, parameters and constants.
    pub fn operations(&self) -> usize {
        self.nodes.iter().filter(|node| !node.op.is_source()).count()
    }

    /// [rows, columns] of the value of a node.
    ///
    /// # Errors
    /// A node of another graph.
    pub fn shape(&self, node: NodeId) -> Result<[usize; 2]> {
        Ok(self.node(node)?.shape)
    }

    /// Makes a node a result of the graph.
    ///
    /// # Errors
    /// A node of another graph; a name that is taken, empty, or has a space in it.
    pub fn output(&mut self, name: &str, node: NodeId) -> Result<()> {
        self.node(node)?;
        check_name(name, self.outputs.iter().map(|(name, _)| name.as_str()))?;
        self.outputs.push((name.to_owned(), node));
        Ok(())
    }

    /// The same graph with its parameters as constants: what a trained model is when it is deployed. [`Graph::optimized`] then
    /// folds all that depends on nothing but them.
    ///
    /// ```
    /// use candlelight::{graph::Graph, ndarray::array};
    /// # fn main() -> candlelight::Result<()> {
    /// let mut graph = Graph::new();
    /// let (x, w) = (graph.input("x", [1, 1])?, graph.parameter("w", &array![[2.]])?);
    /// let squared = graph.mul(w, w)?;
    /// let y = graph.mul(x, squared)?;
    /// graph.output("y", y)?;
    /// assert_eq!(graph.optimized()?.0.operations(), 2);
    /// assert_eq!(graph.frozen().optimized()?.0.operations(), 1);
    /// # Ok(()) }
    /// ```
    pub fn frozen(&self) -> Self {
        let mut graph = self.clone();
        for node in &mut graph.nodes {
            if let Op::Parameter { value, .. } = &node.op {
                node.op = Op::Constant(value.clone());
            }
        }
        graph
    }

    fn node(&self, NodeId(index): NodeId) -> Result<&Node> {
        self.nodes.get(index).ok_or_else(|| Error::setting("node", "one of this graph", index))
    }

    fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: [usize; 2]) -> NodeId {
        self.nodes.push(Node { op, inputs, shape });
        NodeId(self.nodes.len() - 1)
    }

    /// Which of the nodes are read, directly or not, by those that are `wanted`.
    fn needed(&self, wanted: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for NodeId(node) in wanted {
            needed[node] = true;
        }
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if needed[index] {
                for NodeId(input) in &node.inputs {
                    needed[*input] = true;
                }
            }
        }
        needed
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match &node.op {
            Op::Input(name) | Op::Parameter { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }
}

/// The structure: a line for each node, without the values of parameters and large constants.
impl std::fmt::Display for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, node) in self.nodes.iter().enumerate() {
            let [rows, columns] = node.shape;
            let reads: String = node.inputs.iter().map(|NodeId(input)| format!(" %{input}")).collect();
            let value = match &node.op {
                Op::Constant(value) if value.len() == 1 => format!(" {}", value.sum()),
                _ => String::new(),
            };
            writeln!(f, "%{index} = {}{reads}{value}  [{rows}, {columns}]", node.op.words())?;
        }
        self.outputs.iter().try_for_each(|(name, NodeId(node))| writeln!(f, "output {name} = %{node}"))
    }
}

fn check_name<'a>(name: &str, mut taken: impl Iterator<Item = &'a str>) -> Result<()> {
    let problem = match name {
        _ if taken.any(|other| other == name) => "the graph has one of that name",
        _ if name.is_empty() || name.contains(char::is_whitespace) => "a name in a graph has letters and no spaces",
        _ => return Ok(()),
    };
    Err(Error::Parameter { name: name.to_owned(), problem: problem.to_owned() })
}

fn check_value(what: &'static str, value: &Array2<f64>) -> Result<[usize; 2]> {
    let (rows, columns) = value.dim();
    check_shape(what, [rows, columns])
}

fn check_shape(what: &'static str, shape: [usize; 2]) -> Result<[usize; 2]> {
    if shape.contains(&0) { Err(Error::shape(what, "at least one row and one column", &shape)) } else { Ok(shape) }
}
