//! What a model consists of. Layers report what they do while a summary is taken, so a struct of layers needs nothing for it.

use std::cell::RefCell;
use std::collections::HashSet;
#[cfg(feature = "plot")]
use std::fmt;

use candle_core::{Shape, Tensor, TensorId};
use candlelight_base::Scoped;

use super::{Mode, Module};
use crate::params::{Param, Params};
#[cfg(feature = "plot")]
use crate::plot::Table;
use crate::{Result, memory};

/// The layers of a model in the order in which they run, from [`summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    /// The layers.
    pub layers: Vec<LayerSummary>,
    /// How many numbers there are to train in the model, whether a layer reported them or not.
    pub params: usize,
}

/// One layer of a [`ModelSummary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// The name before that of its parameters, as `layer1.0.conv1`; empty if it has none.
    pub name: String,
    /// What it is, as `conv2d`.
    pub kind: &'static str,
    /// The shape of its output.
    pub output: Vec<usize>,
    /// How many numbers it has to train; 0 if they were counted before, in a layer that shares them.
    pub params: usize,
    /// Floating-point operations of one pass forward: two for each multiplication of an input with a weight and the
    /// addition that goes with it. Biases, activations, statistics and pooling are not counted.
    pub flops: usize,
}

/// Runs `model` once on zeros of `shape`, in [`Mode::Eval`], and lists its layers.
///
/// Layers of this crate are listed where they have parameters or change the shape; what else `forward` does is not
/// seen. Floating-point operations grow with the batch, which is a part of `shape`.
///
/// # Errors
/// Those of the model for this shape.
///
/// ```
/// use candlelight::{nn::{Flatten, Sequential, max_pool2d, summary}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = Sequential::new().push(max_pool2d(2)?).push(Flatten).push(linear(196, 10, params.pp("fc"))?);
/// let summary = summary(&model, &params, (1, 1, 28, 28))?;
/// assert_eq!(
///     summary.to_string(),
///     "layer  kind        output          parameters  FLOPs\n\
///      ─────  ──────────  ──────────────  ──────────  ─────\n       \
///             max_pool2d  [1, 1, 14, 14]           0      0\n       \
///             flatten     [1, 196]                 0      0\n\
///      fc     linear      [1, 10]               1970   3920\n\
///      total                                    1970   3920\n"
/// );
/// # Ok(()) }
/// ```
pub fn summary(model: &dyn Module, params: &Params, shape: impl Into<Shape>) -> Result<ModelSummary> {
    let shape = shape.into();
    memory::check("input of a summary", shape.dims(), params.dtype().size_in_bytes())?;
    ModelSummary::of(model, params, &Tensor::zeros(shape, params.dtype(), params.device())?)
}

impl ModelSummary {
    /// [`summary`] for an input of the caller's choice, such as class indices for an embedding.
    ///
    /// # Errors
    /// Those of the model for this input.
    pub fn of(model: &dyn Module, params: &Params, x: &Tensor) -> Result<Self> {
        let (records, all) = (recorded(false, || model.forward(x, Mode::Eval))?, params.all());
        let mut seen = HashSet::new();
        let layer = |record: Record| {
            let own = all.iter().filter(|param| record.parameters.contains(&param.var.id()));
            let new = own.filter(|param| param.trainable && seen.insert(param.var.id()));
            let params = new.map(|param| param.var.elem_count()).sum();
            let (name, flops) = (record.name(&all), 2 * record.multiply_adds);
            LayerSummary { name, kind: record.kind, output: record.output, params, flops }
        };
        Ok(Self { layers: records.into_iter().map(layer).collect(), params: params.count() })
    }

    /// Floating-point operations of all layers; see [`LayerSummary::flops`].
    pub fn flops(&self) -> usize {
        self.layers.iter().map(|layer| layer.flops).sum()
    }

    /// The summary as a table, for a notebook.
    #[cfg(feature = "plot")]
    pub fn table(&self) -> Table {
        let mut table = Table::new(["layer", "kind", "output", "parameters", "FLOPs"]).decimals(0);
        for LayerSummary { name, kind, output, params, flops } in &self.layers {
            table = table.row((name, *kind, format!("{output:?}"), *params as f64, *flops as f64));
        }
        let missing = self.params - self.layers.iter().map(|layer| layer.params).sum::<usize>().min(self.params);
        if missing > 0 {
            table = table.row(("(not in a layer)", "", "", missing as f64, 0.0));
        }
        table.row(("total", "", "", self.params as f64, self.flops() as f64))
    }

    /// Shows the table in a notebook; evcxr calls this for the last expression of a cell.
    #[cfg(all(feature = "notebook", feature = "plot"))]
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }
}

#[cfg(feature = "plot")]
impl fmt::Display for ModelSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table().text().map_err(|_| fmt::Error)?)
    }
}

/// What a layer reports: its kind, its parameters, its output, and how many products with weights it took.
pub(super) fn record<'a>(
    kind: &'static str,
    parameters: impl IntoIterator<Item = &'a Tensor>,
    output: &Tensor,
    multiply_adds: usize,
) {
    RECORDS.with_borrow_mut(|records| {
        if let Some(records) = records {
            let parameters = parameters.into_iter().map(Tensor::id).collect();
            let output = output.dims().to_vec();
            records.layers.push(Record { kind, parameters, output, multiply_adds, trace: None });
        }
    });
}

/// What a layer that has just been recorded reports besides: its input, its output, and what part of the input each place
/// of the output is made of. `reach` names it for each dimension of the input from the third on.
pub(super) fn trace(x: &Tensor, y: &Tensor, reach: impl FnOnce() -> Vec<Reach>) {
    RECORDS.with_borrow_mut(|records| {
        if let Some(Recording { layers, traced: true }) = records
            && let Some(record) = layers.last_mut()
        {
            record.trace = Some(Trace { x: x.clone(), y: y.clone(), reach: reach() });
        }
    });
}

/// As [`trace`], with the same reach along each axis.
pub(super) fn trace_alike(x: &Tensor, y: &Tensor, reach: Reach) {
    trace(x, y, || vec![reach; x.rank().saturating_sub(2)]);
}

/// What part of its input, along one axis, each place of an output is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The same place.
    Place,
    /// The places under a kernel.
    Kernel { size: usize, stride: usize, padding: usize, dilation: usize },
    /// All of them.
    All,
}

/// Runs `forward` and hands back what its layers recorded, with their traces if they are wanted (which keep every input and
/// output alive).
pub(super) fn recorded(traced: bool, forward: impl FnOnce() -> Result<Tensor>) -> Result<Vec<Record>> {
    let recording = Scoped::new(&RECORDS, Some(Recording { layers: Vec::new(), traced }));
    forward()?;
    Ok(recording.finish().map(|recording| recording.layers).unwrap_or_default())
}

/// What a layer reported.
pub(super) struct Record {
    pub kind: &'static str,
    pub output: Vec<usize>,
    pub trace: Option<Trace>,
    parameters: Vec<TensorId>,
    multiply_adds: usize,
}

impl Record {
    /// The name before that of its parameters, as `layer1.0.conv1`; empty if it has none.
    pub fn name(&self, all: &[Param]) -> String {
        let own = all.iter().find(|param| self.parameters.contains(&param.var.id()));
        let name = own.and_then(|param| param.name.rsplit_once('.')).map_or("", |(layer, _)| layer);
        // `conv.parametrizations.weight.original` is the weight of `conv`.
        name.split_once("parametrizations.").map_or(name, |(layer, _)| layer.trim_end_matches('.')).to_owned()
    }
}

/// Where a layer took its input from, and what it made of it.
pub(super) struct Trace {
    pub x: Tensor,
    pub y: Tensor,
    pub reach: Vec<Reach>,
}

#[derive(Default)]
struct Recording {
    layers: Vec<Record>,
    traced: bool,
}

thread_local! {
    static RECORDS: RefCell<Option<Recording>> = const { RefCell::new(None) };
}
