use candlelight_base::range;
use ndarray::{Array1, Array2, Axis, s};

use super::{Objective, check_len};
use crate::{Error, Result};

/// Least squares with an L2 penalty.
///
/// ```text
/// L = 1/N ‖Xw - y‖² + λ‖w‖²        ∇L = 2/N Xᵀ(Xw - y) + 2λw        ∇²L = 2/N XᵀX + 2λ1
/// ```
///
/// The Hessian does not depend on w: Newton's first step is the solution. A bias is a column of ones in X.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::{LinearRegression, Newton, NewtonMethod}};
/// # fn main() -> candlelight::Result<()> {
/// let line = LinearRegression::new(array![[1., 0.], [1., 1.], [1., 2.]], array![1., 3., 5.], 0.)?;
/// let mut w = array![100., -100.];
/// Newton::new(NewtonMethod::default())?.step(&line, &mut w)?;
/// assert!((w - array![1., 2.]).iter().all(|error| error.abs() < 1e-12));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct LinearRegression {
    x: Array2<f64>,
    y: Array1<f64>,
    l2: f64,
}

/// Logistic regression with an L2 penalty: two classes, labels 0 and 1.
///
/// ```text
/// L = 1/N Σₙ softplus(zₙ) - yₙzₙ + λ‖w‖²,  z = Xw        ∇L = 1/N Xᵀ(σ(z) - y) + 2λw
/// ∇²L = 1/N Xᵀ diag(σ(z)(1 - σ(z))) X + 2λ1
/// ```
///
/// The loss is convex, and the Hessian equals the Gauss–Newton matrix and the Fisher information. Without a penalty, classes
/// that a plane separates have no finite solution.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::{LogisticRegression, Objective}};
/// # fn main() -> candlelight::Result<()> {
/// let objective = LogisticRegression::new(array![[2.], [-2.]], array![1., 0.], 0.)?;
/// assert_eq!(objective.hessian(&array![0.])?, array![[1.]]); // ¼ · 2²
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct LogisticRegression {
    x: Array2<f64>,
    y: Array1<f64>,
    l2: f64,
}

/// Softmax regression with an L2 penalty: C classes, labels 0 to C - 1, and W [C, D] joined row by row to one vector.
///
/// ```text
/// L = -1/N Σₙ log softmax(W xₙ)[yₙ] + λ‖W‖²        ∂L/∂W_c = 1/N Σₙ (pₙ_c - [yₙ = c]) xₙ + 2λ W_c
/// block (c, d) of ∇²L = 1/N Σₙ pₙ_c ([c = d] - pₙ_d) xₙxₙᵀ + 2λ [c = d] 1
/// ```
///
/// The same vector added to all W_c changes no probability, so the Hessian is singular unless λ > 0.
///
/// ```
/// use candlelight::{ndarray::{Array1, array}, optim::newton::{Objective, SoftmaxRegression}};
/// # fn main() -> candlelight::Result<()> {
/// let objective = SoftmaxRegression::new(array![[1.], [2.]], vec![0, 2], 3, 0.)?;
/// assert!((objective.value(&Array1::zeros(3))? - 3f64.ln()).abs() < 1e-15);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct SoftmaxRegression {
    x: Array2<f64>,
    labels: Vec<usize>,
    classes: usize,
    l2: f64,
}

impl LinearRegression {
    /// X [N, D], y `[N]`, at least one of each; `l2`: λ, finite and at least 0.
    ///
    /// # Errors
    /// Shapes that do not fit, or a λ outside its range.
    pub fn new(x: Array2<f64>, y: Array1<f64>, l2: f64) -> Result<Self> {
        check(&x, y.len(), l2)?;
        Ok(Self { x, y, l2 })
    }

    /// The same objective on some of the samples.
    ///
    /// # Errors
    /// No row, or one that does not exist.
    pub fn batch(&self, rows: &[usize]) -> Result<Self> {
        check_rows(&self.x, rows)?;
        Self::new(self.x.select(Axis(0), rows), self.y.select(Axis(0), rows), self.l2)
    }
}

impl Objective for LinearRegression {
    fn dim(&self) -> usize {
        self.x.ncols()
    }

    fn value(&self, w: &Array1<f64>) -> Result<f64> {
        check_len("w", self.dim(), w)?;
        let error = self.x.dot(w) - &self.y;
        Ok(error.dot(&error) / self.y.len() as f64 + self.l2 * w.dot(w))
    }

    fn gradient(&self, w: &Array1<f64>) -> Result<Array1<f64>> {
        check_len("w", self.dim(), w)?;
        let error = self.x.dot(w) - &self.y;
        Ok(self.x.t().dot(&error) * (2.0 / self.y.len() as f64) + w * (2.0 * self.l2))
    }

    fn hessian(&self, w: &Array1<f64>) -> Result<Array2<f64>> {
        check_len("w", self.dim(), w)?;
        Ok(penalized(self.x.t().dot(&self.x) * (2.0 / self.y.len() as f64), self.l2))
    }

    fn hessian_vector(&self, w: &Array1<f64>, v: &Array1<f64>) -> Result<Array1<f64>> {
        check_len("w", self.dim(), w)?;
        check_len("v", self.dim(), v)?;
        Ok(self.x.t().dot(&self.x.dot(v)) * (2.0 / self.y.len() as f64) + v * (2.0 * self.l2))
    }
}

impl LogisticRegression {
    /// X [N, D], y `[N]` of 0 and 1, at least one of each; `l2`: λ, finite and at least 0.
    ///
    /// # Errors
    /// Shapes that do not fit, another label, or a λ outside its range.
    pub fn new(x: Array2<f64>, y: Array1<f64>, l2: f64) -> Result<Self> {
        check(&x, y.len(), l2)?;
        if let Some(label) = y.iter().find(|label| **label != 0.0 && **label != 1.0) {
            return Err(Error::setting("label", "0 or 1", label));
        }
        Ok(Self { x, y, l2 })
    }

    /// The same objective on some of the samples.
    ///
    /// # Errors
    /// No row, or one that does not exist.
    pub fn batch(&self, rows: &[usize]) -> Result<Self> {
        check_rows(&self.x, rows)?;
        Self::new(self.x.select(Axis(0), rows), self.y.select(Axis(0), rows), self.l2)
    }

    /// σ(Xw)
    fn probabilities(&self, w: &Array1<f64>) -> Result<Array1<f64>> {
        check_len("w", self.dim(), w)?;
        // e^-z is infinite for z below -709, which gives the right 0.
        Ok(self.x.dot(w).mapv(|z| 1.0 / (1.0 + (-z).exp())))
    }

    /// σ(z)(1 - σ(z)) / N for each sample
    fn curvatures(&self, w: &Array1<f64>) -> Result<Array1<f64>> {
        let n = self.y.len() as f64;
        Ok(self.probabilities(w)?.mapv(|p| p * (1.0 - p) / n))
    }
}

impl Objective for LogisticRegression {
    fn dim(&self) -> usize {
        self.x.ncols()
    }

    fn value(&self, w: &Array1<f64>) -> Result<f64> {
        check_len("w", self.dim(), w)?;
        let softplus = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
        let losses = self.x.dot(w).iter().zip(&self.y).map(|(&z, y)| softplus(z) - y * z).sum::<f64>();
        Ok(losses / self.y.len() as f64 + self.l2 * w.dot(w))
    }

    fn gradient(&self, w: &Array1<f64>) -> Result<Array1<f64>> {
        let error = (self.probabilities(w)? - &self.y) / self.y.len() as f64;
        Ok(self.x.t().dot(&error) + w * (2.0 * self.l2))
    }

    fn hessian(&self, w: &Array1<f64>) -> Result<Array2<f64>> {
        let weighted = &self.x * &self.curvatures(w)?.insert_axis(Axis(1));
        Ok(penalized(self.x.t().dot(&weighted), self.l2))
    }

    fn hessian_vector(&self, w: &Array1<f64>, v: &Array1<f64>) -> Result<Array1<f64>> {
        check_len("v", self.dim(), v)?;
        Ok(self.x.t().dot(&(self.curvatures(w)? * self.x.dot(v))) + v * (2.0 * self.l2))
    }
}

impl SoftmaxRegression {
    /// X [N, D] and N labels below `classes`, at least one of each; `classes`: at least 2; `l2`: λ, finite and at least 0.
    ///
    /// # Errors
    /// Shapes that do not fit, a label that is no class, or a setting outside its range.
    pub fn new(x: Array2<f64>, labels: Vec<usize>, classes: usize, l2: f64) -> Result<Self> {
        check(&x, labels.len(), l2)?;
        if classes < 2 {
            return Err(Error::setting("classes", "at least 2", classes));
        }
        match labels.iter().position(|&label| label >= classes) {
            Some(position) => Err(Error::Label { label: labels[position] as i64, position, classes }),
            None => Ok(Self { x, labels, classes, l2 }),
        }
    }

    /// The same objective on some of the samples.
    ///
    /// # Errors
    /// No row, or one that does not exist.
    pub fn batch(&self, rows: &[usize]) -> Result<Self> {
        check_rows(&self.x, rows)?;
        let labels = rows.iter().map(|&row| self.labels[row]).collect();
        Self::new(self.x.select(Axis(0), rows), labels, self.classes, self.l2)
    }

    /// A vector of parameters as [C, D].
    fn matrix(&self, what: &'static str, w: &Array1<f64>) -> Result<Array2<f64>> {
        check_len(what, self.dim(), w)?;
        let shape = (self.classes, self.x.ncols());
        Array2::from_shape_vec(shape, w.to_vec()).map_err(|_| Error::shape(what, format!("{shape:?}"), &[w.len()]))
    }

    /// log softmax(XWᵀ), [N, C]
    fn log_probabilities(&self, w: &Array1<f64>) -> Result<Array2<f64>> {
        let mut z = self.x.dot(&self.matrix("w", w)?.t());
        for mut row in z.rows_mut() {
            let greatest = row.iter().fold(f64::NEG_INFINITY, |greatest, z| z.max(greatest));
            let log_sum = greatest + row.iter().map(|z| (z - greatest).exp()).sum::<f64>().ln();
            row -= log_sum;
        }
        Ok(z)
    }
}

impl Objective for SoftmaxRegression {
    fn dim(&self) -> usize {
        self.classes * self.x.ncols()
    }

    fn value(&self, w: &Array1<f64>) -> Result<f64> {
        let log_p = self.log_probabilities(w)?;
        let sum: f64 = self.labels.iter().enumerate().map(|(n, &label)| log_p[[n, label]]).sum();
        Ok(-sum / self.labels.len() as f64 + self.l2 * w.dot(w))
    }

    fn gradient(&self, w: &Array1<f64>) -> Result<Array1<f64>> {
        let mut error = self.log_probabilities(w)?.exp();
        for (n, &label) in self.labels.iter().enumerate() {
            error[[n, label]] -= 1.0;
        }
        let gradient = error.t().dot(&self.x) / self.labels.len() as f64;
        Ok(gradient.flatten().to_owned() + w * (2.0 * self.l2))
    }

    fn hessian(&self, w: &Array1<f64>) -> Result<Array2<f64>> {
        let p = self.log_probabilities(w)?.exp();
        let (n, d) = (self.labels.len() as f64, self.x.ncols());
        let mut hessian = Array2::zeros((self.dim(), self.dim()));
        for c in 0..self.classes {
            for e in 0..=c {
                let same = if c == e { 1.0 } else { 0.0 };
                let weights = (&p.column(c) * &p.column(e).mapv(|p| same - p)) / n;
                let block = self.x.t().dot(&(&self.x * &weights.insert_axis(Axis(1))));
                hessian.slice_mut(s![c * d..(c + 1) * d, e * d..(e + 1) * d]).assign(&block);
                hessian.slice_mut(s![e * d..(e + 1) * d, c * d..(c + 1) * d]).assign(&block.t());
            }
        }
        Ok(penalized(hessian, self.l2))
    }

    fn hessian_vector(&self, w: &Array1<f64>, v: &Array1<f64>) -> Result<Array1<f64>> {
        // The derivative of the gradient along v: of p, it is p (u - pᵀu) with the logits' change u.
        let p = self.log_probabilities(w)?.exp();
        let u = self.x.dot(&self.matrix("v", v)?.t());
        let mean = (&p * &u).sum_axis(Axis(1)).insert_axis(Axis(1));
        let change = (p * (u - mean)).t().dot(&self.x) / self.labels.len() as f64;
        Ok(change.flatten().to_owned() + v * (2.0 * self.l2))
    }
}

/// The Hessian of the loss with that of the penalty.
fn penalized(mut hessian: Array2<f64>, l2: f64) -> Array2<f64> {
    hessian.diag_mut().map_inplace(|entry| *entry += 2.0 * l2);
    hessian
}

fn check(x: &Array2<f64>, targets: usize, l2: f64) -> Result<()> {
    range::not_negative("l2", l2)?;
    if x.is_empty() {
        return Err(Error::shape("X", "[N, D] with at least one sample and one feature", x.shape()));
    }
    if targets != x.nrows() {
        return Err(Error::shape("targets", format!("[{}]", x.nrows()), &[targets]));
    }
    Ok(())
}

fn check_rows(x: &Array2<f64>, rows: &[usize]) -> Result<()> {
    match rows.iter().find(|row| **row >= x.nrows()) {
        Some(row) => Err(Error::setting("row", "one of the samples", row)),
        None if rows.is_empty() => Err(Error::setting("rows", "at least one", "none")),
        None => Ok(()),
    }
}
