//! How good agents are, judged from a few runs.

use candlelight_base::range;
use rand::Rng as _;

use super::Environment;
use crate::probability::{Proportion, quantile};
use crate::rng::Rng;
use crate::{Error, Result, interrupt};

/// The returns (sums of rewards, without discount) of `episodes` whole episodes in which `policy` acts.
///
/// The first episode begins with `seed`, the others go on in its random numbers. An environment whose episodes need not end
/// wants a [`TimeLimit`](super::TimeLimit).
///
/// # Errors
/// Those of the environment and of the policy; no episodes; [`Error::Interrupted`] after Ctrl-C.
///
/// ```
/// use candlelight::rl::{CartPole, episode_returns};
/// # fn main() -> candlelight::Result<()> {
/// // The best policy that fits on a line: push to where the pole goes, and a little to the middle.
/// let linear = |s: &[f64; 4]| Ok(usize::from(0.1 * s[0] + 0.5 * s[1] + 5. * s[2] + s[3] > 0.));
/// assert_eq!(episode_returns(&mut CartPole::v1(), linear, 10, 0)?, [500.; 10]);
/// # Ok(()) }
/// ```
pub fn episode_returns<E: Environment>(
    env: &mut E,
    mut policy: impl FnMut(&E::Observation) -> Result<usize>,
    episodes: usize,
    seed: u64,
) -> Result<Vec<f64>> {
    range::at_least_one("episodes", episodes)?;
    let mut episode = |i: usize| {
        let mut observation = env.reset((i == 0).then_some(seed))?;
        let mut total = 0.0;
        loop {
            interrupt::check()?;
            let step = env.step(policy(&observation)?)?;
            total += step.reward;
            if step.ended() {
                return Ok(total);
            }
            observation = step.observation;
        }
    };
    (0..episodes).map(&mut episode).collect()
}

/// The mean of the middle half: less noisy than the median, less swayed by a single run than the mean.
///
/// ```text
/// IQM = mean of x₍ₖ₊₁₎, …, x₍ₙ₋ₖ₎,    k = ⌊n / 4⌋,  in order of size
/// ```
///
/// SciPy's `trim_mean(x, 0.25)`, which rliable uses: whole values are left out, so that n = 10 leaves six. Agarwal et al. (2021),
/// "Deep reinforcement learning at the edge of the statistical precipice", section 4.3.
///
/// # Errors
/// No score, or one that is not finite.
///
/// ```
/// use candlelight::rl::interquartile_mean;
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(interquartile_mean(&[500., 490., 9., 510.])?, 495.);
/// # Ok(()) }
/// ```
pub fn interquartile_mean(scores: &[f64]) -> Result<f64> {
    checked(scores)?;
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    let middle = &sorted[cut..sorted.len() - cut];
    Ok(middle.iter().sum::<f64>() / middle.len() as f64)
}

/// The 95 % interval of a statistic of the scores of several runs in each of several tasks, by a stratified bootstrap.
///
/// ```text
/// `resamples` times: from the runs of each task as many again, with replacement; the statistic of all of them together
/// interval: the 2.5 % and 97.5 % quantiles of these
/// ```
///
/// `scores`: a row for each task (the strata), at least one, with a score for each run. With one task it is the plain bootstrap.
/// Scores of tasks with other units are to be normalized first. `resamples`: at least 1; 2000 give two digits, rliable takes
/// 50 000. The interval is too narrow for few runs: of three runs nothing outside of the three is ever drawn.
///
/// Agarwal et al. (2021), section 4.2.
///
/// # Errors
/// No task, a task without runs, no resamples; a score or a statistic that is not finite; those of `statistic`.
///
/// ```
/// use candlelight::{prelude::*, rl::{bootstrap_interval, interquartile_mean}};
/// # fn main() -> candlelight::Result<()> {
/// let scores = vec![vec![500., 500., 480., 460., 500.]];
/// let (low, high) = bootstrap_interval(&scores, interquartile_mean, 2000, &mut seeded(0))?;
/// assert!(low < 490. && high == 500.);
/// # Ok(()) }
/// ```
pub fn bootstrap_interval(
    scores: &[Vec<f64>],
    statistic: impl Fn(&[f64]) -> Result<f64>,
    resamples: usize,
    rng: &mut Rng,
) -> Result<(f64, f64)> {
    range::at_least_one("tasks", scores.len())?;
    range::at_least_one("resamples", resamples)?;
    scores.iter().try_for_each(|runs| checked(runs))?;
    let mut drawn = Vec::with_capacity(scores.iter().map(Vec::len).sum());
    let mut statistics = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        interrupt::check()?;
        drawn.clear();
        for runs in scores {
            drawn.extend((0..runs.len()).map(|_| runs[rng.random_range(0..runs.len())]));
        }
        statistics.push(statistic(&drawn)?);
    }
    Ok((quantile(&statistics, 0.025)?, quantile(&statistics, 0.975)?))
}

/// How many runs reach `threshold`.
///
/// # Errors
/// No score, or one that is not finite.
///
/// ```
/// use candlelight::rl::share_solved;
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(share_solved(&[500., 474.9, 475.], 475.)?.share(), 2. / 3.);
/// # Ok(()) }
/// ```
pub fn share_solved(scores: &[f64], threshold: f64) -> Result<Proportion> {
    checked(scores)?;
    Proportion::new(scores.iter().filter(|score| **score >= threshold).count() as u64, scores.len() as u64)
}

/// The probability that a run of `x` is better than one of `y`, both in the same task; equal ones count half.
///
/// The U of Mann and Whitney over the number of pairs. Agarwal et al. (2021), section 4.3.
///
/// # Errors
/// No score, or one that is not finite.
///
/// ```
/// use candlelight::rl::probability_of_improvement;
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(probability_of_improvement(&[3., 2.], &[2., 1.])?, 0.875);
/// # Ok(()) }
/// ```
pub fn probability_of_improvement(x: &[f64], y: &[f64]) -> Result<f64> {
    checked(x)?;
    checked(y)?;
    let better = |(x, y): (f64, f64)| f64::from(u8::from(x > y)) + 0.5 * f64::from(u8::from(x == y));
    let pairs = x.iter().flat_map(|&x| y.iter().map(move |&y| (x, y)));
    Ok(pairs.map(better).sum::<f64>() / (x.len() * y.len()) as f64)
}

fn checked(scores: &[f64]) -> Result<()> {
    if scores.is_empty() {
        return Err(Error::setting("scores", "at least one", "none"));
    }
    scores.iter().try_for_each(|&score| range::finite("score", score))
}
