//! Questions on `12-newton`.

mod damped_step;
mod damped_step_mended;
mod inverse_curvature;
mod inverse_curvature_mended;

use candle_core::{DType, Device};
use ndarray::{Array2, array};

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, next_line, number, pick, predict, real,
    right, sound, whole, wrong,
};
use super::snippet;
use crate::Result;
use crate::optim::newton::InverseBias;
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("12-1", &["E2"], 1, |rng| {
            let (b, x) = (pick(rng, [2.0, 3.0]), decimal(rng, 1.5, 2.5, 1));
            let (slope, curvature) = (x.exp() - b, x.exp());
            Ok(drawn(
                format!("Newton's method minimizes $f(x) = e^x - {b}x$ and stands at $x = {x}$. Where is it after one step?"),
                x - slope / curvature,
            )
            .within(0.005)
            .mistake(x - slope, "that is a step of gradient descent with rate 1")
            .mistake(x + slope / curvature, "that goes uphill: the step is minus slope over curvature")
            .mistake(x - curvature / slope, "the slope is divided by the curvature, not the other way round")
            .worked(format!(
                "$f'({x}) = {slope:.3}$, $f''({x}) = {curvature:.3}$, and ${x} - {slope:.3}/{curvature:.3} = {:.3}$.",
                x - slope / curvature
            )))
        })
        .because(
            "The step goes to the lowest point of the parabola that has the value, the slope and the curvature of $f$ at $x$: \
             $p = -f'(x)/f''(x)$. There is no learning rate to choose.",
            "What-does-a-step-compute?--E2",
            "let next: f64",
        ),
        number("12-2", &["E2"], 1, |rng| {
            let p = f64::from(pick(rng, [20_000, 30_000, 40_000, 60_000, 70_000, 80_000, 90_000]));
            let speed = pick(rng, [1e12, 2e12]);
            let seconds = p.powi(3) / 3.0 / speed;
            let tera = speed / 1e12;
            Ok(drawn(
                format!(
                    "A model has {p} parameters. How long does the Cholesky factorization of its Hessian take on a machine that does \
                     ${tera} \\cdot 10^{{12}}$ operations a second?"
                ),
                seconds,
            )
            .within_share(0.03)
            .unit("seconds")
            .mistake(p.powi(3) / speed, "a product and a subtraction for each of about $P^3/6$ terms make $P^3/3$ operations")
            .mistake(p * p / speed, "that is one operation for each entry of the matrix")
            .mistake(8.0 * p * p / 1e9, "those are the gigabytes that it takes")
            .worked(format!("${p}^3 / 3 / ({tera} \\cdot 10^{{12}}) = {seconds:.1}$.")))
        })
        .because(
            "Counted, the factorization takes $(P^3 - P)/6$ products, each with a subtraction. So its time grows as $P^3$, while the \
             memory of the Hessian grows as $P^2$ and a gradient as $P$.",
            "(a)-What-does-a-step-cost?--E2",
            "fn cholesky_by_hand",
        ),
        number("12-3", &["E2"], 2, |rng| {
            let (a, b) = (f64::from(whole(rng, 1, 2)), f64::from(whole(rng, 4, 9)));
            let mean = (a + b) / 2.0;
            let bias = InverseBias::new(&array![[mean]], &[array![[a]], array![[b]]])?.bias[[0, 0]];
            let inverses = (1.0 / a + 1.0 / b) / 2.0;
            Ok(drawn(
                format!(
                    "A model has one parameter. Half of its samples have curvature {a}, the other half {b}. Batches consist of one sample. \
                     What is $\\mathbb{{E}}[1/H_B] - 1/H$, with $H$ the curvature of the whole set?"
                ),
                bias,
            )
            .within_share(0.02)
            .mistake(0.0, "the Hessian of a batch is unbiased, but expectation and inversion do not commute")
            .mistake(-bias, "by Jensen's inequality the mean of inverses is too large, not too small")
            .mistake(inverses, "that is $\\mathbb{E}[1/H_B]$; $1/H$ is to be subtracted")
            .worked(format!("$\\frac12 (1/{a} + 1/{b}) - 1/{mean} = {inverses:.4} - {:.4} = {bias:.4}$.", 1.0 / mean)))
        })
        .because(
            "$1/h$ is convex, so its mean over batches lies above its value at the mean curvature. The bias falls as $1/B$: with a batch \
             of $B$ samples it is about $\\operatorname{Var}(h)/(B H^3)$.",
            "(b)-Is-the-inverse-of-a-batch's-Hessian-unbiased?--E2",
            "fn bias_of",
        ),
        number("12-4", &["E2"], 2, |rng| {
            let p = f64::from(10 * whole(rng, 2, 20) + 9);
            let share = pick(rng, [0.05, 0.1, 0.2, 0.25]);
            let batch = (p + 1.0) * (1.0 + 1.0 / share);
            Ok(drawn(
                format!(
                    "Least squares with {p} parameters and normal inputs: $\\mathbb{{E}}[H_B^{{-1}}] = \\frac{{B}}{{B - P - 1}} H^{{-1}}$. For which \
                     batch size $B$ is the inverse on average {:.0} % too large?",
                    100.0 * share
                ),
                batch,
            )
            .within_share(0.01)
            .unit("samples")
            .mistake((p + 1.0) / share, "the share is $(P + 1)/(B - P - 1)$, not $(P + 1)/B$")
            .mistake((p + 1.0) / (share * share), "the bias falls as $1/B$; it is the spread that falls as $1/\\sqrt B$")
            .mistake(1.0 / share, "what counts is $B$ in comparison with the number of parameters")
            .worked(format!(
                "$(P + 1)/(B - P - 1) = {share}$ gives $B = {} \\cdot (1 + 1/{share}) = {batch:.0}$.",
                p + 1.0
            )))
        })
        .because(
            "The inverse is too large by the share $B/(B - P - 1) - 1 = (P + 1)/(B - P - 1)$. A batch is large or small in comparison with \
             $P$: for a tenth one needs about $11P$ samples, and below $P$ samples there is no inverse at all.",
            "Large-compared-to-what?",
            "fn normal_hessian",
        ),
        choice(
            "12-5",
            &["E2"],
            2,
            "Each of many mini-batches has a positive definite Hessian. They are inverted, and the inverses are averaged. How does the \
             result compare with the inverse of the full Hessian?",
            [
                right("It is too large in every direction, by an amount that falls as $1/B$ with the batch size."),
                wrong(
                    "It is too large in every direction, by an amount that falls as $1/\\sqrt B$ with the batch size.",
                    "That is how fast the spread of a single inverse falls; its mean is off by a term of second order.",
                ),
                wrong(
                    "It is too small in every direction, since the inverse of a sum is smaller than a sum of inverses.",
                    "For positive definite matrices Jensen gives $\\mathbb{E}[H_B^{-1}] \\succeq \\mathbb{E}[H_B]^{-1}$.",
                ),
                wrong(
                    "It is right on average, since the Hessian of a batch is an unbiased estimate of the full one.",
                    "The Hessian is unbiased, but its inverse is not: expectation does not commute with inversion.",
                ),
            ],
        )
        .because(
            "With $H_B = H + \\Delta$ the identity $H_B^{-1} = H^{-1} - H^{-1}\\Delta H^{-1} + (H^{-1}\\Delta) H_B^{-1} (H^{-1}\\Delta)^\\top$ is exact. \
             The second term has mean 0, the third is positive semidefinite and of second order in $\\Delta$, whose size is $O(1/\\sqrt B)$.",
            "For-matrices",
            "let third",
        ),
        choice(
            "12-6",
            &["E2"],
            2,
            "Undamped Newton stands where the Hessian has one negative eigenvalue, and the gradient has a component along its \
             eigenvector. What does the step $-H^{-1}g$ do along that direction?",
            [
                right("It goes uphill, to where the fitted parabola is highest."),
                wrong(
                    "It goes downhill, but by a distance that may be far too long.",
                    "Dividing by a negative curvature turns minus the slope round: the step is uphill.",
                ),
                wrong(
                    "It goes downhill, since $-H^{-1}g$ always points against the gradient.",
                    "It does so only where $H$ is positive definite.",
                ),
                wrong(
                    "It stays where it is, since the parabola has no lowest point there.",
                    "The formula asks for a point without slope, and takes the highest one just as well.",
                ),
            ],
        )
        .because(
            "To Newton every point without slope is the same. Without damping a third of the starts on Himmelblau's function ended at a \
             saddle or at the maximum; with damping all ended at a minimum.",
            "When-the-function-is-not-convex--E2",
            "fn kind_of_end",
        ),
        code(
            "12-7",
            &["E2"],
            2,
            "The function should make use of many small batches. What is wrong?",
            snippet!("newton/inverse_curvature"),
            [
                fault(6, "It inverts each curvature before the mean is taken."),
                sound(3, "It counts all batches, where one less would be unbiased.", "A mean of unbiased estimates divides by their number."),
                sound(4, "The sum begins at 0 and not at the first curvature.", "The loop adds the first curvature, too."),
                sound(2, "It takes batches, whose curvatures say less than those of samples.", "Means over equal batches are as unbiased as means over samples."),
            ],
            || {
                let batches = [1.0, 3.0];
                let (given, mended) = (
                    inverse_curvature::inverse_curvature(&batches),
                    inverse_curvature_mended::inverse_curvature(&batches),
                );
                Ok(Evidence::new("1/h from the curvatures 1 and 3, whose mean is 2", given, mended, 0.5))
            },
        )
        .because(
            "Average Hessians first and invert afterwards: the mean of the last $k$ Hessians has the bias of one batch of $kB$ samples, \
             while each step reads only $B$. Averaging inverses keeps the bias of a batch of $B$.",
            "Is-a-large-batch-the-only-remedy?--E2",
            "let (plain, averaged)",
        ),
        predict("12-8", &["E2"], 3, |rng| {
            let (p, ratio) = (whole(rng, 3, 5) as usize, whole(rng, 4, 6) as usize);
            let (b, seed) = (p * ratio, u64::from(whole(rng, 0, 1 << 30)));
            let share = (p + 1) as f64 / (b - p - 1) as f64;
            Ok(drawn(
                format!(
                    "The Hessian of a squared error with {p} independent normal inputs is taken on 1 000 batches of {b} samples, and each \
                     is inverted. By which share of $H^{{-1}}$ is the mean of the inverses too large? (0.1 means 10 %.)"
                ),
                share,
            )
            .within_share(0.15)
            .mistake(0.0, "the inverse of an unbiased estimate is biased")
            .mistake(-share, "the mean of inverses is too large, not too small")
            .mistake(share / p as f64, "all $P$ parameters share the samples of a batch")
            .measure(move || mean_inverse_share(p, b, seed))
            .worked(format!("$(P + 1)/(B - P - 1) = {}/{} = {share:.3}$.", p + 1, b - p - 1)))
        })
        .because(
            "For normal inputs $H_B$ has a Wishart distribution, whose inverse has the mean $\\frac{B}{B - P - 1} H^{-1}$. A step with a \
             gradient from elsewhere is too long by this share.",
            "Large-compared-to-what?",
            "fn normal_hessian",
        ),
        derive(
            "12-9",
            &["E2"],
            3,
            "The curvature of a batch is $h + d$, with $d$ of mean 0. Exactly, $\\frac{1}{h + d} = \\frac1h - \\frac{d}{h^2} + r(h, d)$. The mean of \
             the second term is 0; the sign of $r$ is that of the bias. The next line is $r(h, d)$, exactly and not as the first term of \
             a series.",
            [real("h", 0.5, 3.0), real("d", 0.1, 1.0)],
            |v| v[1] * v[1] / (v[0] * v[0] * (v[0] + v[1])),
            [
                mistake(|v| v[1] * v[1] / v[0].powi(3), "that is the next term of the series, which leaves out the rest"),
                mistake(|v| -v[1] * v[1] / (v[0] * v[0] * (v[0] + v[1])), "the sign: $1/h$ is convex and lies above its tangent"),
                mistake(|v| v[1] / (v[0] * (v[0] + v[1])), "that is $1/h - 1/(h + d)$, without the second term"),
            ],
        )
        .because(
            "$r = \\frac{d^2}{h^2 (h + d)}$, which is positive for every batch with $h + d > 0$: that is the sign. It is of second order \
             in $d$, whose variance is $O(1/B)$: that is the rate. For matrices it reads $(H^{-1}\\Delta) H_B^{-1} (H^{-1}\\Delta)^\\top$.",
            "For-matrices",
            "let third",
        ),
        choice(
            "12-10",
            &["E2"],
            1,
            "A logistic regression with three parameters is fitted to a tiny loss gap. The values of one feature are then divided by \
             ten, so that the condition number $\\kappa$ of the Hessian grows a hundredfold. What happens to the number of steps?",
            [
                right("Gradient descent at its best rate needs about 100 times as many; Newton needs as many as before."),
                wrong(
                    "Gradient descent at its best rate needs about 100 times as many, and so does Newton.",
                    "Newton's step is the same in any linear change of the parameters.",
                ),
                wrong(
                    "Gradient descent at its best rate needs as many as before; Newton needs about 100 times as many.",
                    "It is descent that has one rate for steep and flat directions.",
                ),
                wrong(
                    "Gradient descent at its best rate needs about 10 times as many; Newton needs as many as before.",
                    "Measured, its steps grow as $\\kappa$ and not as $\\sqrt\\kappa$.",
                ),
            ],
        )
        .because(
            "Gradient descent must make its step small enough for the steepest direction, so along the flattest it needs steps in \
             proportion to $\\kappa$. Newton divides each direction by its own curvature: with $w = Av$ its step is the same step.",
            "Is-it-more-accurate-per-step?--E2",
            "by_newton",
        ),
        code(
            "12-11",
            &["E2"],
            2,
            "Damping should make the curvature positive. What is wrong?",
            snippet!("newton/damped_step"),
            [
                fault(3, "The sum with what is added may still be below `floor`."),
                sound(4, "The slope is divided by the curvature, not multiplied by it.", "A parabola's lowest point is slope over curvature away."),
                sound(5, "The step is subtracted, so that it goes uphill.", "With a positive curvature, minus the step goes downhill."),
                sound(2, "The bound is positive, so that no saddle can be left.", "A positive curvature is what makes the step go downhill."),
            ],
            || {
                let (given, mended) =
                    (damped_step::damped_step(1.0, 2.0, -3.0, 0.5), damped_step_mended::damped_step(1.0, 2.0, -3.0, 0.5));
                Ok(Evidence::new("from x = 1 with slope 2 and curvature -3, floor 0.5", given, mended, 1.0 - 2.0 / 0.5))
            },
        )
        .because(
            "The least $\\tau$ with $f'' + \\tau \\ge$ `floor` is `floor` $- f''$. With a negative sum the step goes uphill, which is what \
             damping was to prevent.",
            "When-the-function-is-not-convex--E2",
            "let damped",
        ),
        next_line(
            "12-12",
            &["E2"],
            2,
            "The loss is replaced by $f(x) + g^\\top p + \\frac12 p^\\top H p$, and its gradient with respect to $p$ is set to 0. What is the next \
             line, as it is computed?",
            [
                right("$H p = -g$, solved by a factorization of $H$"),
                wrong("$H p = g$, solved by a factorization of $H$", "The gradient of the model is $g + Hp$, and that is set to 0."),
                wrong("$p = -g / \\lVert H \\rVert$, one length for all directions", "Each direction is divided by its own curvature."),
                wrong("$\\frac12 H p = -g$, solved by a factorization of $H$", "The derivative of $\\frac12 p^\\top H p$ is $Hp$."),
            ],
        )
        .because(
            "$\\nabla_p = g + Hp = 0$ gives $Hp = -g$. Where the function is a convex quadratic the model is exact, and one step arrives \
             from anywhere.",
            "One-step-solves-a-quadratic--E2",
            "h_inverse",
        ),
    ]
}

/// By which share the mean of the inverses of 1 000 Hessians is too large: squared error, normal inputs.
fn mean_inverse_share(p: usize, b: usize, seed: u64) -> Result<f64> {
    let mut rng = seeded(seed);
    let draws: Vec<f64> = normal(&mut rng, 0.0, 1.0, 1000 * b * p, DType::F64, &Device::Cpu)?.to_vec1()?;
    let hessian = |x: &[f64]| {
        let x = Array2::from_shape_fn((b, p), |(i, j)| x[i * p + j]);
        x.t().dot(&x) * (2.0 / b as f64)
    };
    let batches: Vec<Array2<f64>> = draws.chunks_exact(b * p).map(hessian).collect();
    Ok(InverseBias::new(&(Array2::eye(p) * 2.0), &batches)?.relative.mean)
}
