use candlelight_base::range;
use ndarray::{Array1, Array2};

use super::linear::factor;
use super::{Objective, check_len, cholesky_solve, solve};
use crate::{Error, Result};

/// Share of the decrease that the slope promises, with which backtracking is content.
const DECREASE: f64 = 1e-4;
/// How often a step is halved, or a damping raised, before the method gives up: then the point is a minimum to rounding.
const TRIALS: usize = 60;

/// How [`Newton`] uses the Hessian H and the gradient g.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NewtonMethod {
    /// x ← x - η H⁻¹ g. With η = 1 exact on a quadratic in one step; elsewhere it goes to any point without slope, be it a
    /// minimum, a saddle or a maximum, or diverges.
    Full {
        /// η, finite and at least 0.
        step_size: f64,
    },
    /// x ← x - t (H + τ1)⁻¹ g, with the least of τ = 0, τ₀, 2τ₀, 4τ₀, … that makes the matrix positive definite, so that the
    /// direction descends, and the first of t = 1, ½, ¼, … with f(x - t p) ≤ f(x) - 10⁻⁴ t gᵀp. Nocedal and Wright (2006),
    /// algorithms 3.1 to 3.3.
    Backtracking,
    /// x ← x - (H + λ1)⁻¹ g if that lowers f, and λ ← λ/10; else λ ← 10 λ and again. Levenberg (1944), who has the
    /// Gauss–Newton matrix JᵀJ for H; Marquardt (1963) for the rule of λ (he scales by the diagonal instead of 1).
    LevenbergMarquardt {
        /// The first λ, finite and above 0.
        damping: f64,
    },
}

impl Default for NewtonMethod {
    fn default() -> Self {
        Self::Full { step_size: 1.0 }
    }
}

/// What a step of [`Newton`] did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewtonStep {
    /// f before the step.
    pub value: f64,
    /// ‖g‖ before the step.
    pub gradient_norm: f64,
    /// η or t; 0 if no step lowered f.
    pub step_size: f64,
    /// τ or λ that the step was made with; 0 for the full step.
    pub damping: f64,
}

/// Newton's method: steps to the minimum of the parabola that has the function's value, gradient and Hessian.
///
/// ```text
/// f(x + p) ≈ f(x) + gᵀp + ½ pᵀHp,   least at p = -H⁻¹ g if H is positive definite
/// ```
///
/// Near a minimum, each step about doubles the number of right digits. It computes in F64.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::{Exact, Function, Newton, NewtonMethod, Scalar}};
/// // Convex outside ±1/√3 only: around 0 the parabola opens downwards.
/// struct Bell;
///
/// impl Function for Bell {
///     fn dim(&self) -> usize {
///         1
///     }
///
///     fn value<S: Scalar>(&self, x: &[S]) -> S {
///         -(-x[0] * x[0]).exp()
///     }
/// }
///
/// # fn main() -> candlelight::Result<()> {
/// let run = |method| -> candlelight::Result<f64> {
///     let (mut newton, mut x) = (Newton::new(method)?, array![1.]);
///     for _ in 0..20 {
///         newton.step(&Exact(Bell), &mut x)?;
///     }
///     Ok(x[0])
/// };
/// assert!(run(NewtonMethod::Full { step_size: 1. })?.abs() > 2.); // away from the minimum at 0
/// assert!(run(NewtonMethod::Backtracking)?.abs() < 1e-8);
/// assert!(run(NewtonMethod::LevenbergMarquardt { damping: 1. })?.abs() < 1e-8);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Newton {
    method: NewtonMethod,
    /// λ of the next step of Levenberg and Marquardt.
    damping: f64,
    steps: usize,
}

impl Newton {
    /// A method that has made no step yet.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(method: NewtonMethod) -> Result<Self> {
        let damping = match method {
            NewtonMethod::Full { step_size } => {
                range::not_negative("step_size", step_size)?;
                0.0
            }
            NewtonMethod::Backtracking => 0.0,
            NewtonMethod::LevenbergMarquardt { damping } if damping.is_finite() && damping > 0.0 => damping,
            NewtonMethod::LevenbergMarquardt { damping } => {
                return Err(Error::setting("damping", "finite and above 0", damping));
            }
        };
        Ok(Self { method, damping, steps: 0 })
    }

    /// Makes one step from `x`. If it fails, `x` has not changed.
    ///
    /// # Errors
    /// What the objective reports; [`Error::NotFinite`] if value, gradient or Hessian are not finite, or a full step leads to
    /// such a point; [`Error::Singular`] if a full step has no single solution.
    pub fn step(&mut self, objective: &dyn Objective, x: &mut Array1<f64>) -> Result<NewtonStep> {
        check_len("x", objective.dim(), x)?;
        let (value, g, h) = (objective.value(x)?, objective.gradient(x)?, objective.hessian(x)?);
        self.check("the value of the objective", [&value])?;
        self.check("the gradient of the objective", &g)?;
        self.check("the Hessian of the objective", &h)?;
        let start = Start { objective, x, value, g: &g, h: &h };
        let (next, step_size, damping) = match self.method {
            NewtonMethod::Full { step_size } => (&*x - &(solve(&h, &g)? * step_size), step_size, 0.0),
            NewtonMethod::Backtracking => start.backtrack()?,
            NewtonMethod::LevenbergMarquardt { .. } => start.levenberg_marquardt(&mut self.damping)?,
        };
        self.check("a step of Newton's method", &next)?;
        *x = next;
        self.steps += 1;
        Ok(NewtonStep { value, gradient_norm: g.dot(&g).sqrt(), step_size, damping })
    }

    fn check<'a>(&self, what: &'static str, values: impl IntoIterator<Item = &'a f64>) -> Result<()> {
        match values.into_iter().find(|value| !value.is_finite()) {
            Some(&value) => Err(Error::NotFinite { what, value, step: self.steps }),
            None => Ok(()),
        }
    }
}

/// Where a step starts from.
struct Start<'a> {
    objective: &'a dyn Objective,
    x: &'a Array1<f64>,
    value: f64,
    g: &'a Array1<f64>,
    h: &'a Array2<f64>,
}

impl Start<'_> {
    /// The next point, t and τ.
    fn backtrack(&self) -> Result<(Array1<f64>, f64, f64)> {
        let diagonal = self.h.diag();
        let least = diagonal.iter().fold(f64::INFINITY, |least, entry| least.min(*entry));
        let margin = 1e-3 * diagonal.iter().fold(1e-3, |greatest: f64, entry| greatest.max(entry.abs()));
        let mut shift = if least > 0.0 { 0.0 } else { margin - least };
        for _ in 0..TRIALS {
            let Some(p) = self.shifted_solution(shift)? else {
                shift = (2.0 * shift).max(margin);
                continue;
            };
            let slope = self.g.dot(&p);
            let mut t = 1.0;
            for _ in 0..TRIALS {
                let next = self.x - &(&p * t);
                if self.objective.value(&next)? <= self.value - DECREASE * t * slope {
                    return Ok((next, t, shift));
                }
                t /= 2.0;
            }
            break;
        }
        Ok((self.x.clone(), 0.0, shift))
    }

    /// The next point, whether it is one (1 or 0), and the λ that led there; changes the λ of the next step.
    fn levenberg_marquardt(&self, damping: &mut f64) -> Result<(Array1<f64>, f64, f64)> {
        let mut lambda = *damping;
        for _ in 0..TRIALS {
            if let Some(p) = self.shifted_solution(lambda)? {
                let next = self.x - &p;
                if self.objective.value(&next)? < self.value {
                    // Not to 0, from where no factor leads back.
                    *damping = (lambda / 10.0).max(1e-15);
                    return Ok((next, 1.0, lambda));
                }
            }
            lambda *= 10.0;
        }
        Ok((self.x.clone(), 0.0, lambda))
    }

    /// (H + shift 1)⁻¹ g, if the matrix is positive definite.
    fn shifted_solution(&self, shift: f64) -> Result<Option<Array1<f64>>> {
        let mut h = self.h.clone();
        h.diag_mut().map_inplace(|entry| *entry += shift);
        match factor(&h)? {
            Some(l) => Ok(Some(cholesky_solve(&l, self.g)?)),
            None => Ok(None),
        }
    }
}
