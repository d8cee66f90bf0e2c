//! Graphs as text, to be run elsewhere.

use ndarray::Array2;

use super::op::Op;
use super::{Graph, Node, NodeId};
use crate::{Error, Result};

/// The first line of every file; the number counts changes of the format.
const HEAD: &str = "candlelight graph 1";

impl Graph {
    /// The whole graph, parameters included, as text that [`Graph::from_text`] reads.
    ///
    /// ```text
    /// candlelight graph 1
    /// input x [8, 3]
    /// parameter w [3, 1] 0.25 -1 1.5      numbers are written so that they come back bit for bit
    /// matmul 0 1 [8, 1]                   nodes are counted from 0, one a line
    /// output y 2
    /// ```
    ///
    /// ```
    /// use candlelight::graph::{Graph, Program};
    /// use candlelight::ndarray::array;
    /// # fn main() -> candlelight::Result<()> {
    /// let text = "candlelight graph 1\ninput x [1, 2]\nparameter w [2, 1] 0.5 -1\nmatmul 0 1 [1, 1]\noutput y 2\n";
    /// let graph = Graph::from_text(text)?;
    /// assert_eq!(graph.to_text(), text);
    /// let mut program = Program::new(&graph)?;
    /// program.run(&[("x", &array![[4., 1.]])])?;
    /// assert_eq!(program.output("y")?, array![[1.]]);
    /// # Ok(()) }
    /// ```
    pub fn to_text(&self) -> String {
        let lines = self.nodes.iter().map(line);
        let outputs = self.outputs.iter().map(|(name, NodeId(node))| format!("output {name} {node}"));
        std::iter::once(HEAD.to_owned()).chain(lines).chain(outputs).map(|line| line + "\n").collect()
    }

    /// Reads what [`Graph::to_text`] wrote, and checks it as if it were built anew.
    ///
    /// # Errors
    /// [`Error::Graph`] with the line, if the text is not a graph or its shapes do not fit.
    pub fn from_text(text: &str) -> Result<Self> {
        let mut graph = Self::new();
        for (number, line) in text.lines().enumerate() {
            let read = match number {
                0 if line == HEAD => Ok(()),
                0 => Err(format!("expected {HEAD:?}, got {:?}", line.chars().take(40).collect::<String>())),
                _ => graph.read(line),
            };
            read.map_err(|problem| Error::Graph { line: number + 1, problem })?;
        }
        if graph.is_empty() {
            return Err(Error::Graph { line: 1, problem: "there are no nodes".into() });
        }
        Ok(graph)
    }

    /// Appends what a line describes, or says why not.
    fn read(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let mut next = |what: &str| words.next().ok_or_else(|| format!("no {what}"));
        let op = next("operation")?;
        if op == "output" {
            let (name, node) = (next("name")?, NodeId(number(next("node")?)?));
            return self.output(name, node).map_err(|error| error.to_string());
        }
        if matches!(op, "input" | "parameter" | "constant") {
            let name = if op == "constant" { "" } else { next("name")? };
            let shape = [number(next("rows")?)?, number(next("columns")?)?];
            let values: Vec<f64> = words.map(number).collect::<Result<_, _>>()?;
            let matrix = || {
                let found = values.len();
                Array2::from_shape_vec(shape, values.clone()).map_err(|_| format!("{found} numbers for {shape:?}"))
            };
            let node = match op {
                "input" if values.is_empty() => self.input(name, shape),
                "input" => return Err("an input with numbers".into()),
                "parameter" => self.parameter(name, &matrix()?),
                _ => self.constant(&matrix()?),
            };
            return node.map(drop).map_err(|error| error.to_string());
        }
        let numbers: Vec<usize> = words.map(number).collect::<Result<_, _>>()?;
        let Some((inputs, &[rows, columns])) = numbers.split_last_chunk::<2>() else { return Err("no shape".into()) };
        let inputs: Vec<NodeId> = inputs.iter().copied().map(NodeId).collect();
        let before = self.len();
        let made = self.operation(op, &inputs, [rows, columns])?.map_err(|error| error.to_string())?;
        match self.shape(made) {
            Ok(shape) if shape == [rows, columns] && self.len() == before + 1 => Ok(()),
            _ => Err(format!("{op} does not give the shape {:?}", [rows, columns])),
        }
    }

    /// Appends the operation of this name, if there is one.
    fn operation(&mut self, op: &str, inputs: &[NodeId], shape: [usize; 2]) -> Result<Result<NodeId>, String> {
        Ok(match (op, inputs) {
            ("matmul", &[a, b]) => self.matmul(a, b),
            ("matmul_nt", &[a, b]) => self.matmul_of(a, b, false, true),
            ("matmul_tn", &[a, b]) => self.matmul_of(a, b, true, false),
            ("matmul_tt", &[a, b]) => self.matmul_of(a, b, true, true),
            ("add", &[a, b]) => self.add(a, b),
            ("sub", &[a, b]) => self.sub(a, b),
            ("mul", &[a, b]) => self.mul(a, b),
            ("tanh", &[a]) => self.tanh(a),
            ("sigmoid", &[a]) => self.sigmoid(a),
            ("relu", &[a]) => self.relu(a),
            ("positive", &[a]) => self.positive(a),
            ("select", &[condition, yes, no]) => self.select(condition, yes, no),
            ("sum_to", &[a]) => self.sum_to(a, shape),
            ("expand", &[a]) => self.expand(a, shape),
            ("detach", &[a]) => self.detach(a),
            (op, inputs) => return Err(format!("no operation {op:?} of {} operands", inputs.len())),
        })
    }
}

/// A node as a line.
pub(super) fn line(node: &Node) -> String {
    let inputs: String = node.inputs.iter().map(|NodeId(input)| format!(" {input}")).collect();
    let values: String = match &node.op {
        Op::Parameter { value, .. } | Op::Constant(value) => value.iter().map(|x| format!(" {x}")).collect(),
        _ => String::new(),
    };
    format!("{}{inputs} {:?}{values}", node.op.words(), node.shape)
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    let digits = word.trim_matches(['[', ']', ',']);
    digits.parse().map_err(|_| format!("{word:?} is no number"))
}
