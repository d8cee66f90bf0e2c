//! What the packages of candlelight share: one error type, whose every variant names what was given and what was expected;
//! files that are replaced whole; values that a thread holds for as long as a call lasts; the numbers that go to a device and back.

mod communication;
mod data;
pub mod range;
mod replace;
mod scoped;
pub mod transfer;

use std::path::PathBuf;

pub use communication::CommunicationError;
pub use data::DataError;
pub use replace::replace;
pub use scoped::Scoped;

/// What can go wrong in a call to this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor has the wrong shape.
    #[error("{what}: expected shape {expected}, got {actual:?}")]
    Shape {
        /// The argument.
        what: &'static str,
        /// The shape the call takes, in words or dimensions.
        expected: String,
        /// The shape that was given.
        actual: Vec<usize>,
    },
    /// A tensor holds the wrong type of number.
    #[error("{what}: expected dtype {expected}, got {actual:?}")]
    DType {
        /// The argument.
        what: &'static str,
        /// The dtypes the call takes.
        expected: &'static str,
        /// The dtype that was given.
        actual: candle_core::DType,
    },
    /// A setting is outside its range.
    #[error("{name} must be {expected}, got {actual}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its valid range, in words.
        expected: &'static str,
        /// The value that was given.
        actual: String,
    },
    /// A class index is not one of the classes.
    #[error("label {label} at position {position} is outside 0..{classes}")]
    Label {
        /// The index that was given.
        label: i64,
        /// Where it stands in the batch.
        position: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// An index is not one of the rows of a table.
    #[error("index {index} at position {position} is outside 0..{rows}")]
    Index {
        /// The index that was given.
        index: i64,
        /// Where it stands among those that were given, counted through all dimensions.
        position: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// Something would be larger than this machine's memory, or than what is left of it.
    #[error("{what}: {bytes} bytes do not fit into memory")]
    Memory {
        /// A parameter by its full name, or the input of which a layer would make it.
        what: String,
        /// The bytes that were asked for; the largest number there is where they cannot be counted.
        bytes: u128,
    },
    /// A parameter was asked for, or made, under a name that does not fit.
    #[error("parameter `{name}`: {problem}")]
    Parameter {
        /// The full, dotted name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Names of saved parameters differ from those of the model.
    #[error("the names do not fit: missing {missing:?}, unexpected {unexpected:?}")]
    Names {
        /// Names that the model has and the saved parameters lack.
        missing: Vec<String>,
        /// Names that the saved parameters have and the model lacks.
        unexpected: Vec<String>,
    },
    /// A file is not a checkpoint, or is damaged.
    #[error("{path} is not a whole checkpoint: {problem}", path = path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A saved state does not fit what is to go on from it.
    #[error("state `{name}` {problem}")]
    State {
        /// The entry.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A parameter that was to be trained received no gradient.
    #[error(
        "parameter `{name}` has no gradient: the loss does not depend on it, or an operation on the way has no backward"
    )]
    MissingGradient {
        /// The full, dotted name.
        name: String,
    },
    /// A backward pass met an operation that another call of `value_and_grad` or `vjp` recorded.
    #[error(
        "`{operation}` was recorded by `value_and_grad` or `vjp`, and only the backward pass of that call can go on through \
         it: compute all that is to be differentiated in one call, or detach the result of `{operation}`"
    )]
    Recorded {
        /// The operation, by the name of its kernel.
        operation: &'static str,
    },
    /// A layer has no derivative along a direction, or none that means what is asked for.
    #[error("{layer} cannot be linearized: {problem}")]
    Linearize {
        /// The layer.
        layer: &'static str,
        /// Why not.
        problem: &'static str,
    },
    /// A loss or a gradient stopped being a finite number.
    #[error("{what} is {value} at step {step}: lower the learning rate or look at the inputs")]
    NotFinite {
        /// The quantity.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The step of training, counted from 0.
        step: usize,
    },
    /// Gradients that were to be clipped are not finite.
    #[error("the norm of the gradients is {value}: lower the learning rate or look at the inputs")]
    GradientNorm {
        /// The norm.
        value: f64,
    },
    /// An environment cannot take a step, or begin an episode, now.
    #[error("environment: {problem}")]
    Episode {
        /// What came too early, or is missing.
        problem: &'static str,
    },
    /// Ctrl-C was pressed.
    #[error("interrupted: all is as after the last whole step")]
    Interrupted,
    /// A linear system has no single solution.
    #[error("the {size} × {size} matrix is singular: no pivot for column {pivot}")]
    Singular {
        /// Rows and columns.
        size: usize,
        /// The column that depends on those before it.
        pivot: usize,
    },
    /// A text is not a static graph.
    #[error("line {line} of the graph: {problem}")]
    Graph {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A data set could not be found, read or understood.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Ranks could not work together.
    #[error(transparent)]
    Communication(#[from] CommunicationError),
    /// A figure could not be drawn.
    #[error("figure: {0}")]
    Figure(String),
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The answer to an exercise is not right.
    #[error("{0}")]
    Exercise(String),
    /// A second copy of this crate's statics is loaded in the process.
    #[error(
        "a second copy of candlelight (and of Candle) is loaded in this process: gradients would reach the wrong tensors. \
         Depend on candlelight only, use `candlelight::candle_core` instead of a dependency on Candle, and leave evcxr's \
         linking settings as they are"
    )]
    DuplicateStatics,
    /// `CANDLELIGHT_INSTRUCTIONS` holds something else than the name of an instruction set.
    #[error("CANDLELIGHT_INSTRUCTIONS is \"{given}\"; expected base, avx2 or avx512")]
    Instructions {
        /// What it holds.
        given: String,
    },
    /// Candle refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// A result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Setting`].
    pub fn setting(name: &'static str, expected: &'static str, actual: impl std::fmt::Display) -> Self {
        Self::Setting { name, expected, actual: actual.to_string() }
    }

    /// The same error, where a state is a part of another: `prefix` goes before the name of its entry.
    pub fn within(self, prefix: &str) -> Self {
        match self {
            Self::State { name, problem } => Self::State { name: format!("{prefix}{name}"), problem },
            Self::Parameter { name, problem } => Self::Parameter { name: format!("{prefix}{name}"), problem },
            Self::Names { missing, unexpected } => {
                let put = |names: Vec<String>| names.into_iter().map(|name| format!("{prefix}{name}")).collect();
                Self::Names { missing: put(missing), unexpected: put(unexpected) }
            }
            other => other,
        }
    }

    /// An [`Error::Shape`].
    pub fn shape(what: &'static str, expected: impl Into<String>, actual: &[usize]) -> Self {
        Self::Shape { what, expected: expected.into(), actual: actual.to_vec() }
    }
}
