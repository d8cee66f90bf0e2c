use candle_core::{D, Tensor};

use crate::activation::{log_softmax, logsumexp, softmax};
use crate::nn::{Mode, Module};
use crate::{Error, Result};

/// What an [`Ensemble`] averages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Average {
    /// The probabilities of classes: the arithmetic mean.
    #[default]
    Probabilities,
    /// The outputs: logits, which gives the geometric mean of the probabilities, or the predictions of a regression.
    Outputs,
}

/// Several models that answer as one.
///
/// ```text
/// Probabilities:  p(c | x) = 1/M Σₘ softmax(zₘ)_c,    the output is log p
/// Outputs:        z = 1/M Σₘ zₘ
/// ```
///
/// The logarithm makes the output logits (their softmax is p), so that it goes into
/// [`cross_entropy`](crate::loss::cross_entropy), [`accuracy`](crate::metrics::accuracy) and
/// [`evaluate`](super::evaluate) like that of a single model. As -log is convex, the cross-entropy of the average of
/// probabilities is at most the mean of the members'; the squared error of the average of outputs likewise. Hansen and
/// Salamon (1990), "Neural Network Ensembles"; Lakshminarayanan et al. (2017), section 2.4, for the mean of
/// probabilities over members that differ in their initial values and the order of their data.
///
/// # Shapes
/// Those of the members, [..., C]; all members give the same.
///
/// ```
/// use candlelight::{nn::linear, prelude::*, train::Ensemble};
/// # fn main() -> candlelight::Result<()> {
/// let mut ensemble = Ensemble::new(Default::default());
/// for seed in 0..3 {
///     ensemble = ensemble.push(linear(4, 10, Params::new(seed, &Device::Cpu)?)?);
/// }
/// let p = ensemble.probabilities(&Tensor::ones((2, 4), DType::F32, &Device::Cpu)?)?;
/// assert_eq!(p.dims(), [2, 10]);
/// assert!((p.sum_all()?.to_scalar::<f32>()? - 2.).abs() < 1e-5);
/// # Ok(()) }
/// ```
pub struct Ensemble {
    members: Vec<Box<dyn Module>>,
    average: Average,
}

impl Ensemble {
    /// No members yet.
    pub fn new(average: Average) -> Self {
        Self { members: Vec::new(), average }
    }

    /// Adds a member; hands the ensemble back, for the next.
    #[must_use]
    pub fn push(mut self, member: impl Module + 'static) -> Self {
        self.members.push(Box::new(member));
        self
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The output of every member, in order: their spread is a measure of doubt.
    ///
    /// # Errors
    /// No member, members whose outputs differ in shape, or what they report.
    pub fn outputs(&self, x: &Tensor, mode: Mode) -> Result<Vec<Tensor>> {
        let outputs: Vec<Tensor> = self.members.iter().map(|member| member.forward(x, mode)).collect::<Result<_>>()?;
        let Some(first) = outputs.first() else {
            return Err(Error::setting("members of an ensemble", "at least one", 0));
        };
        match outputs.iter().find(|output| output.dims() != first.dims()) {
            Some(other) => Err(Error::shape("output of a member", format!("{:?}", first.dims()), other.dims())),
            None => Ok(outputs),
        }
    }

    /// Probabilities of the classes, [..., C], in [`Mode::Eval`]: the softmax of the output.
    ///
    /// # Errors
    /// As [`Ensemble::outputs`].
    pub fn probabilities(&self, x: &Tensor) -> Result<Tensor> {
        softmax(&self.forward(x, Mode::Eval)?, D::Minus1)
    }
}

impl Module for Ensemble {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let outputs = self.outputs(x, mode)?;
        let members = outputs.len() as f64;
        match self.average {
            Average::Outputs => Ok((Tensor::stack(&outputs, 0)?.sum(0)? / members)?),
            Average::Probabilities => {
                // In logarithms, where a probability that underflows keeps its rank and its gradient.
                let logs: Vec<Tensor> = outputs.iter().map(|z| log_softmax(z, D::Minus1)).collect::<Result<_>>()?;
                Ok((logsumexp(&Tensor::stack(&logs, 0)?, 0)? - members.ln())?)
            }
        }
    }
}
