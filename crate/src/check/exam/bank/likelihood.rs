//! Questions on `01-likelihood`.

mod standard_error;
mod standard_error_mended;

use super::super::{
    Evidence, Question, choice, code, count, derive, drawn, fault, mistake, next_line, number, predict, real, right,
    select, sound, whole, wrong,
};
use super::snippet;
use crate::probability::{Autoregressive, Summary};
use crate::rng::seeded;

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "01-1",
            &["B2"],
            1,
            "A coin shows 52 heads in 100 throws. Which sentence about $f(x, \\theta)$, the binomial probability of $x$ heads if the \
             probability of heads is $\\theta$, is right?",
            [
                right("Summed over all $x$ at a fixed $\\theta$ it gives 1; integrated over $\\theta$ at $x = 52$ it does not."),
                wrong(
                    "Integrated over $\\theta$ at $x = 52$ it gives 1, since some $\\theta$ must be the true one.",
                    "The likelihood is no density of $\\theta$: its integral is $1/(n + 1) = 1/101$.",
                ),
                wrong(
                    "Likelihood and probability are two functions that are equal only at $\\hat\\theta = 0.52$.",
                    "They are one function; what differs is which argument is held fixed.",
                ),
                wrong(
                    "At $x = 52$ it is the probability that $\\theta$ is the true parameter.",
                    "That would be a posterior, and needs a prior.",
                ),
            ],
        )
        .because(
            "Likelihood and probability are one function of two arguments, $L(\\theta \\mid x) = f(x \\mid \\theta)$. Only as a function \
             of $x$ is it a distribution.",
            "One-function,-two-readings--B2",
            "fn integral",
        ),
        select(
            "01-2",
            &["B3"],
            2,
            "Which of these are minus the logarithm of a likelihood, up to constants?",
            [
                right("Mean squared error"),
                right("Mean absolute error"),
                right("Cross-entropy"),
                wrong("Hinge loss", "No distribution of the target has it as its negative logarithm for every score."),
            ],
        )
        .because(
            "Squared error assumes normal noise, absolute error Laplace noise, cross-entropy a categorical target.",
            "Losses-that-are-likelihoods--B3",
            "let [entropy, hinge]",
        ),
        number("01-3", &["B3"], 2, |rng| {
            let n = whole(rng, 80, 200);
            let heads = whole(rng, 8, 20);
            let (n, heads) = (f64::from(n), f64::from(heads));
            let theta = heads / n;
            let error = (theta * (1.0 - theta) / n).sqrt();
            Ok(drawn(
                format!(
                    "A coin shows heads {heads} times in {n} throws. What is the standard error of the maximum-likelihood estimate of its \
                     probability of heads, from the curvature of the log-likelihood?"
                ),
                error,
            )
            .within_share(0.02)
            .mistake(error * error, "that is the variance: its root is missing")
            .mistake(0.5 / n.sqrt(), "that is the standard error of a fair coin")
            .mistake((theta * (1.0 - theta)).sqrt(), "that is the deviation of one throw, not of the mean of $n$")
            .worked(format!(
                "$\\hat\\theta = {heads}/{n} = {theta:.3}$, and $\\sqrt{{\\hat\\theta (1 - \\hat\\theta) / n}} = {error:.4}$."
            )))
        })
        .because(
            "The curvature of $\\ln L$ at $\\hat\\theta$ is $-n / (\\hat\\theta(1 - \\hat\\theta))$; one over the root of its size is the \
             standard error.",
            "How-sure?-The-curvature-knows--B3",
            "let by_curvature",
        ),
        code(
            "01-4",
            &["B4", "B3"],
            2,
            "What is wrong?",
            snippet!("likelihood/standard_error"),
            [
                fault(7, "The standard deviation is divided by $n$, not by $\\sqrt n$."),
                sound(6, "It should divide by $n$.", "Bessel's correction makes the variance unbiased, as the standard error needs it."),
                sound(4, "The mean of independent draws divides by $n - 1$.", "Only the variance loses a degree of freedom."),
                sound(5, "The absolute deviation should be added up.", "The variance is the mean of the squared deviations."),
            ],
            || {
                let draws = [1.0, 3.0, 5.0, 7.0];
                let right = Summary::new(&draws)?.standard_error();
                let (given, mended) = (standard_error::standard_error(&draws), standard_error_mended::standard_error(&draws));
                Ok(Evidence::new("standard error of the mean of [1, 3, 5, 7]", given, mended, right))
            },
        )
        .because(
            "For independent draws $\\operatorname{Var}(\\bar x) = \\sigma^2/n$, so the standard error is $\\sigma/\\sqrt n$.",
            "Independent-and-identically-distributed--B4",
            "process.variance_of_mean",
        ),
        derive(
            "01-5",
            &["B3"],
            2,
            "The log-likelihood of $x$ heads in $n$ throws is $\\ell(\\theta) = x \\ln\\theta + (n - x)\\ln(1 - \\theta) + c$. The next line is its \
             derivative with respect to $\\theta$.",
            [count("x", 1, 20), count("n", 25, 60), real("theta", 0.1, 0.9)],
            |v| v[0] / v[2] - (v[1] - v[0]) / (1.0 - v[2]),
            [
                mistake(|v| v[0] / v[2] + (v[1] - v[0]) / (1.0 - v[2]), "the inner derivative of $1 - \\theta$ is $-1$"),
                mistake(|v| v[0] * v[2].ln() + (v[1] - v[0]) * (1.0 - v[2]).ln(), "that is the log-likelihood itself"),
            ],
        )
        .because(
            "$\\ell'(\\theta) = x/\\theta - (n - x)/(1 - \\theta)$, which is 0 at $\\hat\\theta = x/n$.",
            "The-most-likely-coin--B3",
            "fn slope",
        ),
        next_line(
            "01-6",
            &["B3"],
            1,
            "For a coin $p = \\theta^{52} (1 - \\theta)^{48}$ is to be made as large as possible. What is the first line of the usual derivation?",
            [
                right("$\\ln p = 52 \\ln\\theta + 48 \\ln(1 - \\theta)$"),
                wrong("$\\ln p = \\ln 52\\theta + \\ln 48(1 - \\theta)$", "The exponent comes before the logarithm as a factor."),
                wrong("$\\ln p = 52 \\ln\\theta \\cdot 48 \\ln(1 - \\theta)$", "The logarithm of a product is a sum."),
            ],
        )
        .because("The logarithm is increasing, so it moves no maximum, and makes the product a sum.", "The-most-likely-coin--B3", "fn log_likelihood"),
        predict("01-7", &["B4"], 3, |rng| {
            let phi = f64::from(whole(rng, 3, 8)) / 10.0;
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let factor = (1.0 + phi) / (1.0 - phi);
            Ok(drawn(
                format!(
                    "The mean of 200 draws of an AR(1) chain with $\\varphi = {phi}$ and $\\operatorname{{Var}}(x_t) = 1$ is taken 2 000 times. \
                     How many times $1/200$ is the variance of these means?"
                ),
                factor,
            )
            .within_share(0.15)
            .mistake(1.0, "that holds for independent draws")
            .mistake(1.0 / factor, "neighbours that resemble each other tell less, not more")
            .measure(move || {
                let (process, mut rng) = (Autoregressive::new(phi)?, seeded(seed));
                let mut mean = || process.sample(200, &mut rng).iter().sum::<f64>() / 200.0;
                let means: Vec<f64> = (0..2000).map(|_| mean()).collect();
                Ok(Summary::new(&means)?.std.powi(2) * 200.0)
            })
            .worked(format!("$(1 + {phi})/(1 - {phi}) = {factor:.2}$.")))
        })
        .because(
            "Adding up the covariances $\\varphi^{|t - s|}$ gives $\\sigma^2/n \\cdot (1 + \\varphi)/(1 - \\varphi)$ for long chains.",
            "Independent-and-identically-distributed--B4",
            "process.variance_of_mean",
        ),
        number("01-8", &["B2"], 2, |rng| {
            let n = whole(rng, 9, 60);
            let x = whole(rng, 2, n - 2);
            let size = f64::from(n);
            Ok(drawn(
                format!("Of {n} throws {x} were heads. What is the integral of the likelihood of $\\theta$ over all $\\theta$ from 0 to 1?"),
                1.0 / (size + 1.0),
            )
            .within_share(0.005)
            .mistake(1.0, "the likelihood is a distribution over data, not over $\\theta$")
            .mistake(1.0 / size, "nearly: all $n + 1$ outcomes have the same integral, and these add up to 1")
            .mistake(f64::from(x) / size, "that is the most likely $\\theta$")
            .worked(format!("$1/({n} + 1)$, whatever $x$.")))
        })
        .because(
            "$\\int_0^1 \\binom{n}{x} \\theta^x (1 - \\theta)^{n - x} d\\theta = 1/(n + 1)$: added up over the $n + 1$ values of $x$ that is the \
             integral of 1.",
            "One-function,-two-readings--B2",
            "fn integral",
        ),
    ]
}
