//! What part of the input each layer can see, by arithmetic.

use std::collections::HashSet;
#[cfg(feature = "plot")]
use std::fmt;

use candle_core::{Shape, Tensor, TensorId, Var};

use crate::nn::summary::{Reach, Record, Trace, recorded};
use crate::nn::{Mode, Module};
use crate::params::Params;
#[cfg(feature = "plot")]
use crate::plot::Table;
use crate::{Error, Result, memory};

/// What part of the input one place of each layer's output can see, from [`receptive_field`].
#[derive(Debug, Clone, PartialEq)]
pub struct ReceptiveField {
    /// The layers, in the order in which they run.
    pub layers: Vec<LayerField>,
}

/// One layer of a [`ReceptiveField`].
#[derive(Debug, Clone, PartialEq)]
pub struct LayerField {
    /// The name before that of its parameters; empty if it has none.
    pub name: String,
    /// What it is, as `conv2d`.
    pub kind: &'static str,
    /// The shape of its output.
    pub output: Vec<usize>,
    /// The field along each dimension: of sequences one, of images height and width.
    pub axes: Vec<AxisField>,
}

/// A receptive field along one dimension, in places of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxisField {
    /// How many places one place of the output can see. Those beyond the border are counted, though there is only padding.
    pub size: usize,
    /// By how much the field moves from one place of the output to the next; 0 where all see the same.
    pub jump: usize,
    /// The middle of the first field. The first place of the input is 0; less lies in the padding.
    pub start: f64,
}

impl AxisField {
    /// One place of the input that sees itself.
    const INPUT: Self = Self { size: 1, jump: 1, start: 0.0 };

    /// The field behind a layer that takes `places` of those with this field.
    fn behind(self, reach: Reach, places: usize) -> Self {
        let Self { size, jump, start } = self;
        let gather = |count: usize| size + count.saturating_sub(1) * jump;
        match reach {
            Reach::Place => self,
            Reach::Kernel { size: kernel, stride, padding, dilation } => {
                let reach = (kernel - 1) * dilation;
                let middle = reach as f64 / 2.0 - padding as f64;
                Self { size: gather(reach + 1), jump: jump * stride, start: start + middle * jump as f64 }
            }
            Reach::All => {
                let middle = places.saturating_sub(1) as f64 / 2.0;
                Self { size: gather(places), jump: 0, start: start + middle * jump as f64 }
            }
        }
    }

    /// The smallest field that covers both, where two ways meet; none if they do not move alike.
    fn covering(self, other: Self) -> Option<Self> {
        let jump = match (self.jump, other.jump) {
            (a, b) if a == b => a,
            (0, _) | (_, 0) => 0,
            _ => return None,
        };
        let half = |field: Self| (field.size - 1) as f64 / 2.0;
        let first = (self.start - half(self)).min(other.start - half(other));
        let last = (self.start + half(self)).max(other.start + half(other));
        Some(Self { size: (last - first).round() as usize + 1, jump, start: (first + last) / 2.0 })
    }
}

/// Runs `model` once on zeros of `shape`, [N, C, L] or [N, C, H, W], in [`Mode::Eval`], and tells the receptive field of each
/// layer.
///
/// ```text
/// size ← size + (k - 1) d jump        k: kernel, s: stride, p: padding, d: dilation of a layer
/// start ← start + ((k - 1) d / 2 - p) jump
/// jump ← jump s                       at the input: size 1, jump 1, start 0
/// ```
///
/// It follows the numbers, not the order of the layers: any model of this crate's layers will do, with branches too. A layer
/// that takes everything (`flatten`, `linear`, `global_avg_pool`, a norm that takes its statistics over places) sees what all
/// places of its input see together. Where ways meet, the field covers those of the last layers on each way. What is not
/// a layer must leave each number at its place, as activations, sums and concatenations of channels do. The field is what
/// *can* have an influence; [`effective_field`](super::effective_field) measures what has.
///
/// Araujo, Norris and Sim (2019), "Computing receptive fields of convolutional neural networks", Distill, eq. 1 to 3, whose
/// r₀, S₀ and v₀ these are, from the last layer to the first.
///
/// # Errors
/// Those of the model for this shape; an input without places; a layer whose field these three numbers cannot tell, such as
/// a transposed convolution or a recurrent layer; ways that meet with different jumps.
///
/// ```
/// use candlelight::{nn::{Conv2d, Conv2dConfig, features::receptive_field}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// let padded = Conv2dConfig { padding: (1, 1), ..Default::default() };
/// let model = Sequential::new()
///     .push(Conv2d::new(1, 8, 3, padded, params.pp("conv1"))?)
///     .push(max_pool2d(2)?)
///     .push(Conv2d::new(8, 8, 3, padded, params.pp("conv2"))?);
/// let field = receptive_field(&model, &params, (1, 1, 28, 28))?;
/// let sizes: Vec<usize> = field.layers.iter().map(|layer| layer.axes[0].size).collect();
/// assert_eq!(sizes, [3, 4, 8]);
/// # Ok(()) }
/// ```
pub fn receptive_field(model: &dyn Module, params: &Params, shape: impl Into<Shape>) -> Result<ReceptiveField> {
    let shape = shape.into();
    let axes = shape.rank().saturating_sub(2);
    if axes == 0 {
        return Err(Error::shape("input of a receptive field", "[N, C, L] or [N, C, H, W]", shape.dims()));
    }
    memory::check("input of a receptive field", shape.dims(), params.dtype().size_in_bytes())?;
    // A variable, so that Candle keeps what is made of it.
    let input = Var::zeros(shape, params.dtype(), params.device())?;
    let records = recorded(true, || model.forward(&input, Mode::Eval))?;
    let all = params.all();
    let mut seen: Vec<Seen> =
        vec![Seen { output: input.id(), made_of: HashSet::new(), axes: vec![AxisField::INPUT; axes] }];
    let mut layers = Vec::new();
    for record in &records {
        if let Some(new) = Seen::of(record, &seen)? {
            let (name, output) = (record.name(&all), record.output.clone());
            layers.push(LayerField { name, kind: record.kind, output, axes: new.axes.clone() });
            seen.push(new);
        }
    }
    Ok(ReceptiveField { layers })
}

/// What a layer, or the input, can see.
struct Seen {
    output: TensorId,
    /// What its input was made of, and the input itself.
    made_of: HashSet<TensorId>,
    axes: Vec<AxisField>,
}

impl Seen {
    /// What the layer of a record can see; none if nothing of the input arrives there.
    fn of(record: &Record, before: &[Self]) -> Result<Option<Self>> {
        let Some(Trace { x, y, reach }) = &record.trace else {
            let expected = "one that takes windows, single places, or everything";
            return Err(Error::setting("layer in a receptive field", expected, record.kind));
        };
        let made_of: HashSet<TensorId> = x.sorted_nodes().into_iter().map(Tensor::id).chain([x.id()]).collect();
        let above: Vec<&Self> = before.iter().filter(|layer| made_of.contains(&layer.output)).collect();
        // The last on each way: no other lies behind it.
        let last = above.iter().filter(|layer| !above.iter().any(|other| other.made_of.contains(&layer.output)));
        let mut met: Option<Vec<AxisField>> = None;
        for layer in last {
            met = Some(match met {
                None => layer.axes.clone(),
                Some(axes) => {
                    let both = axes.iter().zip(&layer.axes).map(|(a, b)| a.covering(*b));
                    both.collect::<Option<_>>().ok_or_else(|| {
                        let jumps = |axes: &[AxisField]| axes.iter().map(|axis| axis.jump).collect::<Vec<_>>();
                        let actual = format!("{:?} and {:?} before {}", jumps(&axes), jumps(&layer.axes), record.kind);
                        Error::setting("jumps of ways that meet", "the same", actual)
                    })?
                }
            });
        }
        let Some(mut axes) = met else { return Ok(None) };
        if !reach.is_empty() && reach.len() != axes.len() {
            let actual = format!(
                "{} with places in {} dimensions, where the input has {}",
                record.kind,
                reach.len(),
                axes.len()
            );
            return Err(Error::setting(
                "layer in a receptive field",
                "one with as many dimensions as the input",
                actual,
            ));
        }
        // Without places, as behind `flatten`, a layer sees what its input sees.
        let places = &x.dims()[x.rank() - reach.len()..];
        for ((axis, &reach), &places) in axes.iter_mut().zip(reach).zip(places) {
            *axis = axis.behind(reach, places);
        }
        Ok(Some(Self { output: y.id(), made_of, axes }))
    }
}

impl ReceptiveField {
    /// The fields as a table, for a notebook.
    #[cfg(feature = "plot")]
    pub fn table(&self) -> Table {
        let mut table = Table::new(["layer", "kind", "output", "field", "jump", "start"]);
        for LayerField { name, kind, output, axes } in &self.layers {
            let each = |of: &dyn Fn(&AxisField) -> String| {
                let mut all: Vec<String> = axes.iter().map(of).collect();
                all.dedup();
                all.join(" × ")
            };
            let (size, jump) = (each(&|axis| axis.size.to_string()), each(&|axis| axis.jump.to_string()));
            table = table.row((name, *kind, format!("{output:?}"), size, jump, each(&|axis| axis.start.to_string())));
        }
        table
    }

    /// Shows the table in a notebook; evcxr calls this for the last expression of a cell.
    #[cfg(all(feature = "notebook", feature = "plot"))]
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }
}

#[cfg(feature = "plot")]
impl fmt::Display for ReceptiveField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table().text().map_err(|_| fmt::Error)?)
    }
}
