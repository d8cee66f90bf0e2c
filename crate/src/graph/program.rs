//! Runs of a graph, in memory that is laid out once.

use ndarray::{Array2, ArrayView2};

use super::compute::{Value, compute};
use super::op::Op;
use super::{Graph, NodeId};
use crate::{Error, Result};

/// A [`Graph`] that is ready to run, any number of times.
///
/// Before the first run it is known when each value is read for the last time, so that its memory can serve a later value:
/// runs allocate nothing.
///
/// ```
/// use candlelight::{graph::{Graph, Program}, ndarray::array};
/// # fn main() -> candlelight::Result<()> {
/// let mut graph = Graph::new();
/// let (x, b) = (graph.input("x", [1, 2])?, graph.parameter("b", &array![[0.5]])?);
/// let sum = graph.add(x, b)?;
/// let y = graph.relu(sum)?;
/// graph.output("y", y)?;
/// let mut program = Program::new(&graph)?;
/// program.run(&[("x", &array![[1., -1.]])])?;
/// assert_eq!(program.output("y")?, array![[1.5, 0.]]);
/// program.set("b", &array![[2.]])?;
/// program.run(&[("x", &array![[1., -1.]])])?;
/// assert_eq!(program.output("y")?, array![[3., 1.]]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Program {
    steps: Vec<Step>,
    buffers: Vec<Vec<f64>>,
    inputs: Vec<(String, Place)>,
    parameters: Vec<(String, Place)>,
    outputs: Vec<(String, Place)>,
    unshared: usize,
}

#[derive(Debug, Clone)]
struct Step {
    op: Op,
    reads: Vec<Place>,
    writes: Place,
}

/// Where a value lies, and its shape.
#[derive(Debug, Clone, Copy)]
struct Place {
    buffer: usize,
    shape: [usize; 2],
}

impl Place {
    fn len(self) -> usize {
        self.shape[0] * self.shape[1]
    }

    fn of(self, buffers: &[Vec<f64>]) -> Value<'_> {
        Value { data: &buffers[self.buffer][..self.len()], shape: self.shape }
    }
}

impl Program {
    /// Lays out the memory for a graph; nodes that no output needs take part in nothing.
    ///
    /// # Errors
    /// A graph without outputs.
    pub fn new(graph: &Graph) -> Result<Self> {
        if graph.outputs.is_empty() {
            return Err(Error::setting("outputs", "at least one", "none"));
        }
        let results = || graph.outputs.iter().map(|(_, node)| *node);
        let needed = graph.needed(results());
        let last_reads = last_reads(graph, &needed, results());
        let mut program = Self {
            steps: Vec::new(),
            buffers: Vec::new(),
            inputs: Vec::new(),
            parameters: Vec::new(),
            outputs: Vec::new(),
            unshared: 0,
        };
        let mut free: Vec<usize> = Vec::new();
        let mut places = vec![Place { buffer: 0, shape: [0, 0] }; graph.nodes.len()];
        for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            let len = node.shape[0] * node.shape[1];
            program.unshared += len;
            let reusable = free.iter().position(|buffer| program.buffers[*buffer].len() >= len);
            let buffer = match reusable.filter(|_| !node.op.is_source()) {
                Some(position) => free.remove(position),
                None => {
                    program.buffers.push(vec![0.0; len]);
                    program.buffers.len() - 1
                }
            };
            let place = Place { buffer, shape: node.shape };
            places[index] = place;
            match &node.op {
                Op::Input(name) => program.inputs.push((name.clone(), place)),
                Op::Parameter { name, value } => {
                    program.write(place, value);
                    program.parameters.push((name.clone(), place));
                }
                Op::Constant(value) => program.write(place, value),
                op => {
                    let reads: Vec<Place> = node.inputs.iter().map(|input| places[input.0]).collect();
                    program.steps.push(Step { op: op.clone(), reads, writes: place });
                }
            }
            // The smallest first, so that a small value does not take the place of a large one.
            for read in &last_reads[index] {
                let buffer = places[read.0].buffer;
                let size = |buffer: usize| program.buffers[buffer].len();
                let position = free.partition_point(|other| size(*other) < size(buffer));
                free.insert(position, buffer);
            }
        }
        program.outputs = graph.outputs.iter().map(|(name, node)| (name.clone(), places[node.0])).collect();
        Ok(program)
    }

    /// Runs once: `inputs` are the names and values of all inputs that an output needs, in any order.
    ///
    /// # Errors
    /// [`Error::Names`] if one is missing, or is no input; [`Error::Shape`] if one has another shape. Nothing has run then.
    pub fn run(&mut self, inputs: &[(&str, &Array2<f64>)]) -> Result<()> {
        self.check_inputs(inputs)?;
        for (name, value) in inputs {
            if let Some((_, place)) = self.inputs.iter().find(|(input, _)| input == name) {
                self.write(*place, value);
            }
        }
        for step in &self.steps {
            // Taken out, so that the others can be read meanwhile; no step writes to what it reads.
            let mut out = std::mem::take(&mut self.buffers[step.writes.buffer]);
            let mut values = [Value::NONE; 3];
            for (value, place) in values.iter_mut().zip(&step.reads) {
                *value = place.of(&self.buffers);
            }
            compute(&step.op, values, step.writes.shape, &mut out[..step.writes.len()]);
            self.buffers[step.writes.buffer] = out;
        }
        Ok(())
    }

    /// An output of the last run.
    ///
    /// # Errors
    /// A name that is no output.
    pub fn output(&self, name: &str) -> Result<ArrayView2<'_, f64>> {
        self.view(&self.outputs, name)
    }

    /// The present value of a parameter.
    ///
    /// # Errors
    /// A name that is no parameter, or that no output needs.
    pub fn parameter(&self, name: &str) -> Result<ArrayView2<'_, f64>> {
        self.view(&self.parameters, name)
    }

    /// Gives a parameter a new value.
    ///
    /// # Errors
    /// As for [`Program::parameter`], or another shape.
    pub fn set(&mut self, name: &str, value: &Array2<f64>) -> Result<()> {
        let place = find(&self.parameters, name)?;
        if value.shape() != place.shape {
            return Err(Error::shape("parameter", format!("{:?}", place.shape), value.shape()));
        }
        self.write(place, value);
        Ok(())
    }

    /// How many operations a run computes.
    pub fn operations(&self) -> usize {
        self.steps.len()
    }

    /// Memory of all values, in bytes.
    pub fn bytes(&self) -> usize {
        8 * self.buffers.iter().map(Vec::len).sum::<usize>()
    }

    /// Memory that they would take if none served twice, in bytes.
    pub fn bytes_without_reuse(&self) -> usize {
        8 * self.unshared
    }

    fn check_inputs(&self, inputs: &[(&str, &Array2<f64>)]) -> Result<()> {
        let given = |name: &str| inputs.iter().filter(|(input, _)| *input == name).count() == 1;
        let known = |name: &str| self.inputs.iter().any(|(input, _)| input == name);
        let missing: Vec<String> =
            self.inputs.iter().filter(|(name, _)| !given(name)).map(|(name, _)| name.clone()).collect();
        let unexpected: Vec<String> =
            inputs.iter().filter(|(name, _)| !known(name)).map(|(name, _)| (*name).to_owned()).collect();
        if !missing.is_empty() || !unexpected.is_empty() {
            return Err(Error::Names { missing, unexpected });
        }
        for (name, place) in &self.inputs {
            for (_, value) in inputs.iter().filter(|(input, _)| input == name) {
                if value.shape() != place.shape {
                    return Err(Error::shape("input", format!("{:?} for `{name}`", place.shape), value.shape()));
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, place: Place, value: &Array2<f64>) {
        for (to, from) in self.buffers[place.buffer].iter_mut().zip(value) {
            *to = *from;
        }
    }

    fn view(&self, places: &[(String, Place)], name: &str) -> Result<ArrayView2<'_, f64>> {
        let Value { data, shape } = find(places, name)?.of(&self.buffers);
        ArrayView2::from_shape(shape, data).map_err(|_| Error::shape("value", format!("{shape:?}"), &[data.len()]))
    }
}

fn find(places: &[(String, Place)], name: &str) -> Result<Place> {
    let place = places.iter().find(|(other, _)| other == name).map(|(_, place)| *place);
    place.ok_or_else(|| Error::Parameter { name: name.to_owned(), problem: "the program has none of that name".into() })
}

/// For each node, the values that nothing after it reads. Sources and results are kept.
fn last_reads(graph: &Graph, needed: &[bool], results: impl Iterator<Item = NodeId>) -> Vec<Vec<NodeId>> {
    let mut kept: Vec<bool> = graph.nodes.iter().map(|node| node.op.is_source()).collect();
    for NodeId(result) in results {
        kept[result] = true;
    }
    let mut last_reads = vec![Vec::new(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev().filter(|(index, _)| needed[*index]) {
        for input in &node.inputs {
            if !std::mem::replace(&mut kept[input.0], true) {
                last_reads[index].push(*input);
            }
        }
    }
    last_reads
}
