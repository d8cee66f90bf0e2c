//! What each operation computes: used by runs, and by the optimizer to fold constants.

use candlelight_kernels::matmul::{Size, View, matmul};

use super::op::Op;

/// A matrix in rows.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub data: &'a [f64],
    pub shape: [usize; 2],
}

impl Value<'_> {
    /// In place of an operand that an operation does not have.
    pub const NONE: Self = Self { data: &[], shape: [0, 0] };

    /// How far apart neighbours of a column and of a row are; 0 where the only one is repeated.
    fn strides(&self) -> [usize; 2] {
        let [rows, columns] = self.shape;
        [if rows == 1 { 0 } else { columns }, if columns == 1 { 0 } else { 1 }]
    }
}

/// Computes an operation, which is no source, into `out` of this shape.
pub(super) fn compute(op: &Op, [a, b, c]: [Value; 3], shape: [usize; 2], out: &mut [f64]) {
    match op {
        Op::MatMul { ta, tb } => {
            let size = Size { m: shape[0], k: a.shape[if *ta { 0 } else { 1 }], n: shape[1] };
            matmul(size, turned(a, *ta), turned(b, *tb), out, shape[1], false);
        }
        Op::Add => zip(a, b, shape, out, |a, b| a + b),
        Op::Sub => zip(a, b, shape, out, |a, b| a - b),
        Op::Mul => zip(a, b, shape, out, |a, b| a * b),
        Op::Tanh => map(a, out, f64::tanh),
        Op::Sigmoid => map(a, out, |a| 1.0 / (1.0 + (-a).exp())),
        Op::Relu => map(a, out, |a| a.max(0.0)),
        Op::Positive => map(a, out, |a| if a > 0.0 { 1.0 } else { 0.0 }),
        Op::Select => select([a, b, c], shape, out),
        Op::SumTo => sum_to(a, shape, out),
        Op::Expand => zip(a, a, shape, out, |a, _| a),
        Op::Detach | Op::Input(_) | Op::Parameter { .. } | Op::Constant(_) => map(a, out, |a| a),
    }
}

fn turned(a: Value, transposed: bool) -> View<f64> {
    let view = View::rows(a.data, a.shape[1]);
    if transposed { view.t() } else { view }
}

fn map(a: Value, out: &mut [f64], f: impl Fn(f64) -> f64) {
    for (out, a) in out.iter_mut().zip(a.data) {
        *out = f(*a);
    }
}

fn zip(a: Value, b: Value, shape: [usize; 2], out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    if a.shape == shape && b.shape == shape {
        for ((out, a), b) in out.iter_mut().zip(a.data).zip(b.data) {
            *out = f(*a, *b);
        }
        return;
    }
    let ([a_row, a_column], [b_row, b_column]) = (a.strides(), b.strides());
    for (i, row) in out.chunks_exact_mut(shape[1]).enumerate() {
        let (a, b) = (&a.data[i * a_row..], &b.data[i * b_row..]);
        match (a_column, b_column) {
            (1, 1) => row.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = f(*a, *b)),
            (1, _) => row.iter_mut().zip(a).for_each(|(out, a)| *out = f(*a, b[0])),
            (_, 1) => row.iter_mut().zip(b).for_each(|(out, b)| *out = f(a[0], *b)),
            _ => row.fill(f(a[0], b[0])),
        }
    }
}

fn select([condition, yes, no]: [Value; 3], shape: [usize; 2], out: &mut [f64]) {
    let at = |value: Value, i: usize, j: usize| {
        let [row, column] = value.strides();
        value.data[i * row + j * column]
    };
    for (i, row) in out.chunks_exact_mut(shape[1]).enumerate() {
        for (j, out) in row.iter_mut().enumerate() {
            *out = at(if at(condition, i, j) > 0.0 { yes } else { no }, i, j);
        }
    }
}

fn sum_to(a: Value, shape: [usize; 2], out: &mut [f64]) {
    out.fill(0.0);
    for (i, row) in a.data.chunks_exact(a.shape[1]).enumerate() {
        let start = if shape[0] == 1 { 0 } else { i * shape[1] };
        if shape[1] == 1 {
            out[start] += row.iter().sum::<f64>();
        } else {
            for (out, a) in out[start..].iter_mut().zip(row) {
                *out += a;
            }
        }
    }
}
