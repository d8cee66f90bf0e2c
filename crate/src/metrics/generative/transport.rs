//! Optimal transport between two small sets, exactly.

use candle_core::Tensor;
use ndarray::{Array1, Array2};

use super::{distance, mass, two_sets};
use crate::eigen::check_finite;
use crate::{Error, Result, interrupt};

/// Wasserstein-1 distance of two samples in R^d, exactly: the least mean Euclidean distance by which one can be moved onto the
/// other.
///
/// ```text
/// W₁ = min_γ Σᵢⱼ γᵢⱼ ‖xᵢ - yⱼ‖,    γᵢⱼ ≥ 0,  Σⱼ γᵢⱼ = 1/N,  Σᵢ γᵢⱼ = 1/M
/// ```
///
/// It takes some N²M operations ([`Transport`]): 512 points a side are a matter of a second, 10 000 are not. The value for N
/// samples is larger than that of their distributions, by some N^(-1/d) for d > 2, N^(-1/2) for d = 1: compare at the same N,
/// beside the value for two real samples.
///
/// # Shapes
/// `x` [N, d], `y` [M, d], of F32 or F64.
///
/// # Errors
/// Other shapes, no sample, or a number that is not finite.
///
/// ```
/// use candlelight::metrics::generative::wasserstein;
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::new(&[[0f64, 0.], [0., 1.]], &Device::Cpu)?;
/// let y = Tensor::new(&[[3f64, 1.], [3., 0.]], &Device::Cpu)?;
/// assert_eq!(wasserstein(&x, &y)?, 3.); // straight across, not crosswise
/// # Ok(()) }
/// ```
#[doc(alias("earth mover", "emd", "optimal transport"))]
pub fn wasserstein(x: &Tensor, y: &Tensor) -> Result<f64> {
    let (x, y) = two_sets(("x", x), ("y", y), 1)?;
    let cost = Array2::from_shape_fn((x.nrows(), y.nrows()), |(i, j)| distance(x.row(i), y.row(j)));
    Ok(Transport::new(&vec![1.0; x.nrows()], &vec![1.0; y.nrows()], &cost)?.cost)
}

/// The cheapest way to turn one discrete distribution into another: the plan, its cost, and the proof that there is no cheaper
/// one.
///
/// ```text
/// primal  min_γ Σᵢⱼ γᵢⱼ cᵢⱼ         γᵢⱼ ≥ 0,  Σⱼ γᵢⱼ = pᵢ,  Σᵢ γᵢⱼ = qⱼ
/// dual    max_{u,v} Σᵢ pᵢ uᵢ + Σⱼ qⱼ vⱼ      uᵢ + vⱼ ≤ cᵢⱼ
/// ```
///
/// No plan costs less than any (u, v) that keeps its bounds; these two are equal. Where cᵢⱼ is the distance of two points of
/// one space, u is a critic: it changes by no more than the distance (Kantorovich and Rubinstein).
///
/// Mass is sent along cheapest paths, one after the other, in the costs that the prices u and v leave over (successive shortest
/// paths, by Dijkstra's method). With equal weights that is the method of Jonker and Volgenant (1987) for assignments. N²M
/// operations for those, more where masses have to be split. Peyré and Cuturi (2019), "Computational Optimal Transport",
/// sections 2.3, 2.5 and 3.
///
/// ```
/// use candlelight::metrics::generative::Transport;
/// use candlelight::ndarray::array;
/// # fn main() -> candlelight::Result<()> {
/// // Half of the mass at 0 and half at 1, to be brought to 1 and 2.
/// let way = Transport::new(&[0.5, 0.5], &[0.5, 0.5], &array![[1., 2.], [0., 1.]])?;
/// assert_eq!(way.cost, 1.);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Transport {
    /// γ [N, M]: how much goes from i to j, with a sum of 1. Of plans with equal cost, any.
    pub plan: Array2<f64>,
    /// Σ γᵢⱼ cᵢⱼ, in the unit of the costs.
    pub cost: f64,
    /// u `[N]`, the prices where the mass is.
    pub u: Array1<f64>,
    /// v `[M]`, the prices where it has to go.
    pub v: Array1<f64>,
}

impl Transport {
    /// From the masses `p` `[N]` to `q` `[M]`, at `cost` [N, M] for each unit from i to j.
    ///
    /// Masses: finite, at least 0, not all 0; each list is divided by its sum. Costs: finite; they may be negative.
    ///
    /// # Errors
    /// Masses or costs that differ from these, or that do not fit one another.
    pub fn new(p: &[f64], q: &[f64], cost: &Array2<f64>) -> Result<Self> {
        let (p_sum, q_sum) = (mass("p", p)?, mass("q", q)?);
        if cost.dim() != (p.len(), q.len()) {
            let (rows, columns) = cost.dim();
            return Err(Error::shape("cost", format!("[{}, {}], as p and q", p.len(), q.len()), &[rows, columns]));
        }
        check_finite("cost", cost)?;
        // In units of 1 / (p_sum q_sum): whole masses stay whole, and then every sum below is exact.
        let mut search = Search {
            supply: p.iter().map(|p| p * q_sum).collect(),
            demand: q.iter().map(|q| q * p_sum).collect(),
            flow: Array2::zeros(cost.dim()),
            u: cost.rows().into_iter().map(|row| row.fold(f64::INFINITY, |least, &c| least.min(c))).collect(),
            v: Array1::zeros(q.len()),
            cost,
        };
        let total = p_sum * q_sum;
        for source in 0..p.len() {
            interrupt::check()?;
            // Less than this is rounding of the masses given.
            while search.supply[source] > 1e-15 * total && search.send(source) {}
        }
        let plan = search.flow / total;
        Ok(Self { cost: (&plan * cost).sum(), plan, u: search.u, v: search.v })
    }
}

/// What is still to be sent, what is under way, and the prices so far.
struct Search<'a> {
    cost: &'a Array2<f64>,
    supply: Vec<f64>,
    demand: Vec<f64>,
    flow: Array2<f64>,
    u: Array1<f64>,
    v: Array1<f64>,
}

impl Search<'_> {
    /// Sends as much as possible from `source` along one cheapest path to where something is missing. A path may take back
    /// what an earlier one has sent. False if nothing is missing anywhere.
    fn send(&mut self, source: usize) -> bool {
        let (n, m) = self.cost.dim();
        // Of each target: the cost left over on the way there, the last source on it, and whether it is final.
        let (mut far, mut from, mut done) = (vec![f64::INFINITY; m], vec![source; m], vec![false; m]);
        // Of each source: the target before it on the way, with the cost left over up to there.
        let mut reached: Vec<Option<(usize, f64)>> = vec![None; n];
        self.relax(source, 0.0, (&mut far, &mut from), &done);
        let end = loop {
            let open = (0..m).filter(|&j| !done[j]).min_by(|&a, &b| far[a].total_cmp(&far[b]));
            let Some(target) = open else { return false };
            done[target] = true;
            if self.demand[target] > 0.0 {
                break target;
            }
            for (i, reached) in reached.iter_mut().enumerate() {
                if i != source && self.flow[[i, target]] > 0.0 && reached.is_none() {
                    *reached = Some((target, far[target]));
                    self.relax(i, far[target], (&mut far, &mut from), &done);
                }
            }
        };
        // New prices: no cost left over is negative, and none is left on the path.
        self.u[source] += far[end];
        for (i, reached) in reached.iter().enumerate() {
            self.u[i] += reached.map_or(0.0, |(_, far_i)| far[end] - far_i);
        }
        for j in (0..m).filter(|&j| done[j]) {
            self.v[j] -= far[end] - far[j];
        }
        self.push(source, end, &from, &reached);
        true
    }

    /// Shorter ways through source `i`, to which the way costs `far_i`.
    fn relax(&self, i: usize, far_i: f64, (far, from): (&mut [f64], &mut [usize]), done: &[bool]) {
        let row = self.cost.row(i);
        for (j, &cost) in row.iter().enumerate() {
            let way = far_i + (cost - self.u[i] - self.v[j]).max(0.0);
            if !done[j] && way < far[j] {
                (far[j], from[j]) = (way, i);
            }
        }
    }

    /// The largest amount that the path to `end` can take.
    fn push(&mut self, source: usize, end: usize, from: &[usize], reached: &[Option<(usize, f64)>]) {
        // Pairs of a source and the target after it, and what is taken back from the target before it.
        let (mut amount, mut target, mut path) = (self.supply[source].min(self.demand[end]), end, Vec::new());
        loop {
            let i = from[target];
            let before = reached[i].map(|(before, _)| before);
            path.push((i, target, before));
            let Some(before) = before else { break };
            amount = amount.min(self.flow[[i, before]]);
            target = before;
        }
        for (i, target, before) in path {
            self.flow[[i, target]] += amount;
            if let Some(before) = before {
                self.flow[[i, before]] -= amount;
            }
        }
        self.supply[source] -= amount;
        self.demand[end] -= amount;
    }
}
