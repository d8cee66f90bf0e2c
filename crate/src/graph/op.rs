//! What a node does.

use ndarray::Array2;

/// An operation. Where shapes differ, a dimension of 1 stands for any number of equal rows or columns.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// A matrix that each run is given.
    Input(String),
    /// A matrix that training changes between runs.
    Parameter { name: String, value: Array2<f64> },
    /// A matrix that never changes.
    Constant(Array2<f64>),
    /// A B, with A or B transposed.
    MatMul { ta: bool, tb: bool },
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a b, entry by entry
    Mul,
    /// tanh a
    Tanh,
    /// 1 / (1 + e⁻ᵃ)
    Sigmoid,
    /// max(a, 0)
    Relu,
    /// 1 where a > 0, else 0
    Positive,
    /// b where a > 0, else c
    Select,
    /// Sums over rows, columns or both, so that 1 is left of that dimension.
    SumTo,
    /// Repeats rows, columns or both: the opposite.
    Expand,
    /// a, as a constant for the gradients
    Detach,
}

impl Op {
    /// Whether it computes nothing.
    pub fn is_source(&self) -> bool {
        matches!(self, Self::Input(_) | Self::Parameter { .. } | Self::Constant(_))
    }

    /// Its name, with that of the input or parameter.
    pub fn words(&self) -> String {
        let word = match self {
            Self::Input(name) => return format!("input {name}"),
            Self::Parameter { name, .. } => return format!("parameter {name}"),
            Self::Constant(_) => "constant",
            Self::MatMul { ta: false, tb: false } => "matmul",
            Self::MatMul { ta: false, tb: true } => "matmul_nt",
            Self::MatMul { ta: true, tb: false } => "matmul_tn",
            Self::MatMul { ta: true, tb: true } => "matmul_tt",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Relu => "relu",
            Self::Positive => "positive",
            Self::Select => "select",
            Self::SumTo => "sum_to",
            Self::Expand => "expand",
            Self::Detach => "detach",
        };
        word.to_owned()
    }
}
