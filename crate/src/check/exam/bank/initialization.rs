//! Questions on `08-initialization`.

mod he;
mod he_mended;

use super::super::{
    Evidence, Question, choice, code, derive, drawn, fault, mistake, number, pick, predict, real, right, sound, whole,
    wrong,
};
use super::snippet;
use crate::prelude::*;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("08-1", &["N2"], 2, |rng| {
            let (n, weight) = (f64::from(pick(rng, [16, 25, 50, 64])), pick(rng, [0.02, 0.04, 0.1]));
            let (mean, variance) = (f64::from(whole(rng, 1, 3)), pick(rng, [0.5, 1.0, 2.0]));
            let square = variance + mean * mean;
            Ok(drawn(
                format!(
                    "A unit adds up {n} inputs with independent weights of mean 0 and variance {weight}. The inputs have mean {mean} and variance \
                     {variance}. Over draws of weights and inputs, what is the variance of the unit's output?"
                ),
                n * weight * square,
            )
            .mistake(n * weight * variance, "that holds for inputs of mean 0: what counts is their mean square")
            .mistake(weight * square, "the terms of all inputs add up")
            .mistake(n * n * weight * square, "variances of uncorrelated terms add up, deviations do not")
            .worked(format!("${n} \\cdot {weight} \\cdot ({variance} + {mean}^2) = {:.3}$.", n * weight * square)))
        })
        .because(
            "$\\operatorname{Var}(Y) = \\sum_i \\mathbb{E}[W_i^2]\\,\\mathbb{E}[X_i^2] = n \\operatorname{Var}(W)\\,\\mathbb{E}[X^2]$. With \
             $\\operatorname{Var}(X)$ in the place of $\\mathbb{E}[X^2]$ it holds for inputs of mean 0 only; behind a ReLU it is too small by a third.",
            "What-does-one-unit-do-to-the-variance?--N2",
            "by_square",
        ),
        number("08-2", &["N2"], 2, |rng| {
            let layers = f64::from(whole(rng, 8, 40));
            Ok(drawn(
                format!(
                    "A net of {layers} equally wide layers with ReLU between them starts with $\\operatorname{{Var}}(W) = 1/n$. From layer 1 to layer \
                     {layers} the mean square of $z$ is expected to fall by a factor $2^k$. What is $k$?"
                ),
                layers - 1.0,
            )
            .within(0.0)
            .mistake(layers, "between layer 1 and the last there is one ReLU less than there are layers")
            .mistake(0.0, "$1/n$ keeps the mean square through linear layers; each ReLU cuts half of it off")
            .mistake((layers - 1.0) / 2.0, "that is the fall of the deviation, the root of the mean square")
            .worked(format!("{} ReLUs, a factor of 2 each.", layers - 1.0)))
        })
        .because(
            "$z$ is symmetric about 0, so a ReLU keeps half of the mean square. With thirty layers that is $2^{29}$: all images get the same answer, \
             and none of three learning rates trained such a net. He's $2/n$ makes up for it.",
            "Forward-and-backward,-with-and-without-activation",
            "fn gaussian_mean_square",
        ),
        number("08-3", &["N2"], 2, |rng| {
            let (channels, side) = (f64::from(whole(rng, 3, 32)), f64::from(pick(rng, [3, 5])));
            let fan = channels * side * side;
            Ok(drawn(
                format!(
                    "The weights of a convolution over {channels} input channels with a field of {side} × {side} are drawn uniformly from $[-b, b]$ by He's \
                     rule, forward. What is $b$?"
                ),
                (6.0 / fan).sqrt(),
            )
            .mistake((2.0 / fan).sqrt(), "that is the standard deviation: a uniform distribution has the variance $b^2/3$")
            .mistake((6.0 / channels).sqrt(), "an output sees the whole field of each channel")
            .mistake((3.0 / fan).sqrt(), "that is the bound for $1/n$, without the factor 2 for the ReLU")
            .worked(format!("fan_in is {fan}, and $\\sqrt{{6/{fan}}} = {:.4}$.", (6.0 / fan).sqrt())))
        })
        .because(
            "Uniform on $[-b, b]$ has the variance $b^2/3$, and He's rule asks for $2/\\text{fan\\_in}$; in a convolution fan_in counts the channels \
             and the whole field.",
            "Exercise-3",
            "fn he_uniform",
        ),
        code(
            "08-4",
            &["N2"],
            1,
            "What is wrong?",
            snippet!("initialization/he"),
            [
                fault(4, "Each output sees a whole field of each channel, which counts for the fan."),
                sound(
                    3,
                    "The gain must be 1, since the weights alone decide on the variance.",
                    "A ReLU halves the mean square: He's rule has a 2 for that.",
                ),
                sound(
                    5,
                    "The fan must stand below a root here, as in $1/\\sqrt n$.",
                    "The variance is $2/n$; the root is taken in the next line.",
                ),
                sound(
                    6,
                    "The deviation must be multiplied by $\\sqrt 3$, which makes it a bound.",
                    "It would be, if a bound were asked for; this is the deviation.",
                ),
            ],
            || {
                let drawn = |init: Init| init.tensor(&mut seeded(1), (4, 3, 5, 5), DType::F64, &Device::Cpu);
                let first = |init: Init| Ok::<f64, crate::Error>(drawn(init)?.flatten_all()?.get(0)?.to_scalar()?);
                // The same draw, with He's deviation and with 1.
                let right = first(Init::HeNormal)? / first(Init::Normal { mean: 0.0, std: 1.0 })?;
                let shape = [4, 3, 5, 5];
                Ok(Evidence::new("deviation of a weight [4, 3, 5, 5]", he::he(shape), he_mended::he(shape), right))
            },
        )
        .because(
            "fan_in is the number of terms that an output adds up: the input channels times the places of the field. Without the places \
             the weights of a 5 × 5 field would be five times too large.",
            "Exercise-1",
            "fn fans",
        ),
        predict("08-5", &["N2"], 2, |rng| {
            let (fan_in, fan_out) = pick(rng, [(400usize, 100usize), (300, 60), (250, 100), (200, 100), (100, 400), (60, 300), (150, 300), (100, 250)]);
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let (a, b) = (fan_in as f64, fan_out as f64);
            let factor = 2.0 * a / (a + b);
            Ok(drawn(
                format!(
                    "A linear layer of {fan_in} inputs and {fan_out} outputs, without bias, starts by the rule of Xavier Glorot (`Init::XavierNormal`). By \
                     which factor does it multiply the mean square of its input, on average?"
                ),
                factor,
            )
            .within_share(0.08)
            .mistake(1.0, "that is $1/\\text{fan\\_in}$; Glorot's rule has the mean of both fans in its place")
            .mistake(2.0 * b / (a + b), "that is the factor on the way back")
            .mistake(2.0, "that is He's rule")
            .measure(move || {
                let w = Init::XavierNormal.tensor(&mut seeded(seed), (fan_out, fan_in), DType::F64, &Device::Cpu)?;
                Ok(a * w.sqr()?.mean_all()?.to_scalar::<f64>()?)
            })
            .worked(format!("$2 \\cdot {fan_in}/({fan_in} + {fan_out}) = {factor:.3}$.")))
        })
        .because(
            "Forward a layer puts on $\\text{fan\\_in} \\cdot \\operatorname{Var}(W)$, backward $\\text{fan\\_out} \\cdot \\operatorname{Var}(W)$. Where a \
             layer is not square, no variance makes both 1; $2/(\\text{fan\\_in} + \\text{fan\\_out})$ is the compromise.",
            "Which-fan?--N2",
            "const FANS",
        ),
        choice(
            "08-6",
            &["N2"],
            3,
            "The widths of 50 linear layers take turns: 100, 400, 100, 400, … What do $1/\\text{fan\\_in}$ and Glorot's rule do to signal and gradient?",
            [
                right("Glorot's loses five orders of magnitude in both directions; $1/\\text{fan\\_in}$ a factor of 4 at most in either."),
                wrong(
                    "Glorot's keeps both within a factor of 4; $1/\\text{fan\\_in}$ keeps the signal, and the gradient falls by $4^{25}$.",
                    "The gradient's factors are $d_\\ell/d_{\\ell-1}$, 4 and $\\tfrac14$ in turn: their product telescopes.",
                ),
                wrong(
                    "Glorot's loses 2.5 orders of magnitude in both; $1/\\text{fan\\_in}$ loses five of the gradient, and none of the signal.",
                    "A compromise of two rules need not lie between them: its factors in a pair of layers multiply to 0.64.",
                ),
                wrong(
                    "Both keep signal and gradient to within a factor of 4, since the widths on average are the same in both directions.",
                    "Under Glorot's rule each pair of layers has the factor $4ab/(a + b)^2 = 0.64$, and there are 25 pairs.",
                ),
            ],
        )
        .because(
            "Under $1/\\text{fan\\_in}$ the factors on the way back telescope to $d_L/d_1$, whatever lies between. Glorot's factors \
             $2d_{\\ell-1}/(d_{\\ell-1} + d_\\ell)$ do not, and $0.64^{25} \\approx 10^{-5}$. One fan, used throughout, serves both directions.",
            "Which-fan?--N2",
            "let turns",
        ),
        derive(
            "08-7",
            &["N2"],
            3,
            "Wide layers, $z$ symmetric about 0, and the activation $\\varphi(z) = z$ for $z > 0$, $\\varphi(z) = az$ for $z < 0$. The mean square is to be the \
             same in each layer: $1 = n \\operatorname{Var}(W)\\, \\mathbb{E}[\\varphi(z)^2]/\\mathbb{E}[z^2]$. The next line is $n \\operatorname{Var}(W)$, as a \
             function of $a$.",
            [real("a", 0.05, 0.9)],
            |v| 2.0 / (1.0 + v[0] * v[0]),
            [
                mistake(|v| 2.0 / (1.0 + v[0]), "the mean *square* counts: the slope $a$ is squared"),
                mistake(|_| 2.0, "that is for $a = 0$, ReLU: what is kept below 0 counts too"),
                mistake(|v| 2.0 * (1.0 + v[0] * v[0]), "what the activation takes away, the weights must give back: divide"),
            ],
        )
        .because(
            "Half of the square lies above 0 and is kept, half lies below and is multiplied by $a^2$: $\\mathbb{E}[\\varphi^2] = \\tfrac12(1 + a^2)\\,\\mathbb{E}[z^2]$. \
             For $a = 0$ that is He's 2, for $a = 1$ the rule of linear layers.",
            "Forward-and-backward,-with-and-without-activation",
            "fn gaussian_mean_square",
        ),
        number("08-8", &["N2"], 3, |rng| {
            let (layers, width) = (f64::from(pick(rng, [40, 50, 60])), f64::from(pick(rng, [16, 20, 32])));
            let median = (-layers / width).exp();
            Ok(drawn(
                format!(
                    "Linear nets of {layers} layers, {width} wide, with $\\operatorname{{Var}}(W) = 1/n$: over many nets the mean square of the output is, on \
                     average, that of the input. About which share of it is left in the *median* net?"
                ),
                median,
            )
            .within_share(0.12)
            .mistake(1.0, "that is the mean, which a few huge values carry: the distribution is skewed")
            .mistake((-width / layers).exp(), "what counts is depth over width, not width over depth")
            .worked(format!("$e^{{-{layers}/{width}}} = {median:.3}$.")))
        })
        .because(
            "The mean square behind $L$ layers is a product of random factors, so its logarithm is a sum, nearly normal. Half of all nets lie below \
             $e^{-L/n}$; at 50 layers of width 16 the chapter measured a mean of 1 within its band and a median of 0.043.",
            "A-law-for-the-mean,-not-for-your-net",
            "let mut net",
        ),
    ]
}
