//! Questions on `20-gan`.

mod coverage;
mod coverage_mended;
mod draw;
mod draw_mended;

use candle_core::{DType, Device, Tensor};

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, next_line, number, predict, real, right,
    select, sound, whole, wrong,
};
use super::snippet;
use crate::Result;
use crate::data::Modes;
use crate::metrics::generative::{ModeCoverage, js_divergence};
use crate::nn::{Activation, Module, Sequential, batch_norm1d, linear};
use crate::params::Params;
use crate::probability::Normal;
use crate::rng::{normal, seeded, uniform};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("20-1", &["G1"], 1, |rng| {
            let (center, wide) = (decimal(rng, 1.0, 2.0, 1), decimal(rng, 1.5, 2.5, 1));
            let x = decimal(rng, 0.2, 0.8, 1);
            let (p, q) = (Normal::new(0.0, 1.0)?.density(x), Normal::new(center, wide)?.density(x));
            Ok(drawn(
                format!(
                    "Real numbers come from $N(0, 1)$, generated ones from a normal distribution of mean {center} and standard deviation {wide}, \
                     equally many of each. What does the best discriminator say at $x = {x}$, as the probability of *real*?"
                ),
                p / (p + q),
            )
            .within(0.005)
            .mistake(q / (p + q), "that is the probability of *generated*")
            .mistake(p / q, "that is the odds, not the probability")
            .worked(format!("$p = {p:.4}$, $q = {q:.4}$, and $p/(p + q) = {:.4}$.", p / (p + q))))
        })
        .because(
            "At each point $p \\ln D + q \\ln(1 - D)$ is largest where $p/D = q/(1 - D)$: $D^* = p/(p + q)$. As a logit it is $\\ln p - \\ln q$.",
            "What-the-best-discriminator-knows--G1",
            "let best: Vec<f64>",
        ),
        number("20-2", &["G1"], 3, |rng| {
            let (a, b) = (decimal(rng, 0.7, 0.95, 2), decimal(rng, 0.05, 0.3, 2));
            let js = js_divergence(&[a, 1.0 - a], &[b, 1.0 - b])?;
            let best = 2.0 * js - 2.0 * 2f64.ln();
            Ok(drawn(
                format!(
                    "A sample has one of two values. Real ones have the first with probability {a}, generated ones with probability {b}. What is \
                     $V = \\mathbb{{E}}_p[\\ln D] + \\mathbb{{E}}_q[\\ln(1 - D)]$ for the best discriminator?"
                ),
                best,
            )
            .within(0.005)
            .mistake(-2.0 * 2f64.ln(), "that is the value where real and generated samples are alike")
            .mistake(2.0 * js, "the constant $-2 \\ln 2$ is missing")
            .mistake(js, "that is the Jensen–Shannon divergence itself")
            .worked(format!("$D^*$ is {:.4} and {:.4}; $2\\,\\mathrm{{JS}} - 2\\ln 2 = 2 \\cdot {js:.4} - 1.3863 = {best:.4}$.", a / (a + b), (1.0 - a) / (2.0 - a - b))))
        })
        .because(
            "$V(D^*) = 2\\,\\mathrm{JS}(p, q) - 2\\ln 2$. So with a perfect discriminator at every step, minimizing over the generator is \
             minimizing the Jensen–Shannon divergence.",
            "What-the-best-discriminator-knows--G1",
            "let of_best",
        ),
        derive(
            "20-3",
            &["G1"],
            1,
            "The minimax loss of a generated sample is $\\ln(1 - \\sigma(d))$, with the discriminator's logit $d$. The next line is its derivative \
             with respect to $d$.",
            [real("d", -4.0, 4.0)],
            |v| -1.0 / (1.0 + (-v[0]).exp()),
            [
                mistake(|v| 1.0 / (1.0 + (-v[0]).exp()) - 1.0, "that is the derivative of the non-saturating loss $-\\ln\\sigma(d)$"),
                mistake(|v| -(1.0 + v[0].exp()), "that is $-1/(1 - \\sigma)$: the inner derivative $\\sigma(1 - \\sigma)$ is missing"),
            ],
        )
        .because(
            "$-\\sigma(d) = -D$. Where a sample is recognized, $D \\approx 0$, and nothing pulls it. The non-saturating loss has $D - 1$: the same \
             direction, and nearly 1 in size there.",
            "The-loss-that-stops-teaching--G1",
            "let mut pulled",
        ),
        choice(
            "20-4",
            &["G1"],
            2,
            "The discriminator is far ahead, and recognizes every generated sample. What does the generator get from the two losses?",
            [
                right("By the minimax loss next to no gradient, by the non-saturating loss a strong one, in the same direction."),
                wrong(
                    "By the minimax loss a strong gradient, by the non-saturating loss next to none, in the same direction.",
                    "A sample with $D \\approx 0$ is pulled with the strength $D$ by minimax, with $1 - D$ by the other one.",
                ),
                wrong(
                    "By the minimax loss next to no gradient, by the non-saturating loss a strong one the other way.",
                    "Both pull a sample uphill in the logit; they differ in how hard.",
                ),
                wrong(
                    "By both losses next to no gradient, since a sure discriminator is flat wherever samples lie.",
                    "Flat is $\\sigma$, and the non-saturating loss divides by it; the logit itself has a slope.",
                ),
            ],
        )
        .because(
            "After 400 steps ahead the norm of the minimax gradient was 0.16, that of the other 12. Adam, which divides by the size of a gradient, hides \
             this only while the discriminator moves slowly.",
            "The-loss-that-stops-teaching--G1",
            "by_minimax",
        ),
        choice(
            "20-5",
            &["G1"],
            2,
            "Data with 25 known modes; 2 500 samples of a generator have at least one sample near 21 of them. What does that show?",
            [
                right("Little: uniform noise reaches as many, with hardly a good sample."),
                wrong(
                    "That it makes good samples, since a bad one would lie near none of the modes.",
                    "One lucky sample per mode is enough to cover it; the others may lie anywhere.",
                ),
                wrong(
                    "That it lacks about four modes, and has learned the others in fair shares.",
                    "Covered modes may have one sample each; shares are another number.",
                ),
                wrong(
                    "That it has collapsed, since a generator that has learned covers all modes.",
                    "It may have collapsed or not; this number does not tell it from noise either.",
                ),
            ],
        )
        .because(
            "*Covered* is a necessary condition that noise fulfils, and a large enough sample covers all modes. Look at the share of good \
             samples, and at the modes that get their share of *these*.",
            "Has-it-found-all-modes?--G1",
            "let by_noise",
        ),
        predict("20-6", &["G1"], 3, |rng| {
            let n = 100 * whole(rng, 5, 15) as usize;
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let share = 9.0 * std::f64::consts::PI * 0.05 * 0.05 / 100.0;
            let covered = 25.0 * (1.0 - (-(n as f64) * share).exp());
            Ok(drawn(
                format!(
                    "Points are drawn uniformly from the square $[-5, 5]^2$, {n} at a time. A mode of the grid of 25 (σ = 0.05) is covered if a point \
                     is within 3σ of it. How many modes are covered, on average?"
                ),
                covered,
            )
            .within_share(0.15)
            .mistake(0.0, "each disk takes only 0.07 % of the square, but there are many points")
            .mistake(25.0, "many disks are missed by all points")
            .measure(move || noise_covers(n, seed))
            .worked(format!("A disk takes $\\pi \\cdot 0.15^2/100 = 0.000707$, and $25\\,(1 - e^{{-{n} \\cdot 0.000707}}) = {covered:.1}$.")))
        })
        .because(
            "With 2 500 points noise covers 20.7 modes on average, more than the GAN of the paper that set up this count. A number is worth \
             something only beside that of noise.",
            "Has-it-found-all-modes?--G1",
            "let by_noise",
        ),
        code(
            "20-7",
            &["G1"],
            1,
            "Samples are to be looked at while the generator is trained. What is wrong?",
            snippet!("gan/draw"),
            [
                fault(5, "The generator runs in training mode."),
                sound(4, "The discriminator is not asked.", "Only the generator makes samples."),
                sound(6, "The samples are cut off from their graph.", "Nobody wants a gradient of what is only looked at."),
                sound(4, "The same codes may be given again and again.", "They make pictures that can be compared."),
            ],
            || {
                let (given, mended) = (neighbours_matter(draw::draw)?, neighbours_matter(draw_mended::draw)?);
                Ok(Evidence::new("change of a sample when two codes leave its batch", given, mended, 0.0))
            },
        )
        .because(
            "It also moves the running statistics, so that *looking* at samples changes the model. The remedy is one word, `Mode::Eval`.",
            "Sampling-in-training-mode",
            "among_64",
        ),
        code(
            "20-8",
            &["G1"],
            2,
            "What is wrong?",
            snippet!("gan/coverage"),
            [
                fault(5, "The loop runs over the samples and not over the modes."),
                sound(3, "The distance is taken to one mode, not to the mean of all.", "Each mode counts by itself."),
                sound(4, "The count begins at 0, where some mode is always covered.", "Without samples no mode is covered."),
                sound(2, "The deviation is that of the data and not of the samples.", "What is good is decided by the data."),
            ],
            || {
                let (samples, modes) = ([[0.0, 0.0], [0.01, 0.0], [0.0, 0.01], [9.0, 9.0]], [[0.0, 0.0], [2.0, 0.0]]);
                let (given, mended) = (coverage::covered(&samples, &modes, 0.05), coverage_mended::covered(&samples, &modes, 0.05));
                let grid = Modes::new(modes.to_vec(), 0.05)?;
                let by_crate = ModeCoverage::new(&Tensor::new(&samples, &Device::Cpu)?, &grid)?.covered();
                Ok(Evidence::new("modes covered by three samples at one of two modes", given as f64, mended as f64, by_crate as f64))
            },
        )
        .because(
            "A generator that makes one good sample again and again has a high share of good samples and one covered mode: mode collapse. \
             Each number alone can be fooled.",
            "Has-it-found-all-modes?--G1",
            "fn coverage_table",
        ),
        next_line(
            "20-9",
            &["G1"],
            2,
            "The expected score at a point is $p \\ln D + q \\ln(1 - D)$, with the densities $p$ and $q$. Its derivative with respect to $D$ is \
             $p/D - q/(1 - D)$. The generator then makes $q = p$ everywhere. What is the best discriminator, and its score $V$?",
            [
                right("$D^* = \\frac12$ and $V = -2 \\ln 2$"),
                wrong("$D^* = \\frac12$ and $V = 0$", "Both logarithms are $\\ln\\frac12$; it is the divergence that is 0."),
                wrong("$D^* = 1$ and $V = 0$", "It cannot tell real from generated, so ½ is all that it can say."),
                wrong("$D^* = \\frac12$ and $V = -\\ln 2$", "There is one term for real and one for generated samples."),
            ],
        )
        .because(
            "$D^* = p/(p + q) = \\frac12$, and $V = 2 \\ln\\frac12 = -1.386$. A discriminator that is right on half of its samples need not mean \
             that, though: it may just be bad.",
            "What-the-best-discriminator-knows--G1",
            "let of_best",
        ),
        select(
            "20-10",
            &["G1"],
            3,
            "In ten seeds on the ring of eight modes, which of these did harm that was shown, beside the same net without it?",
            [
                right("Real and generated samples in one batch, with batch norms in the discriminator"),
                right("The discriminator's gradients never cleared, so that all of them add up"),
                wrong("The left-over of one generator step added to the discriminator's next gradient", "It acts as if generated samples had the target ½: no harm was shown."),
                wrong("Batch norms in the discriminator, with one batch of each kind", "They brought neither harm nor gain."),
            ],
        )
        .because(
            "On a generated sample the left-over adds $D - 1$ to $D$, which is 0 at ½: a discriminator that may not be sure. A mistake that \
             does no harm is found by nobody who looks at results alone. Test the gradient.",
            "A-mixed-batch,-and-gradients-left-over",
            "let settings",
        ),
    ]
}

/// How many modes of the grid a set of uniform points covers, the mean of as many sets as make 30 000 points.
fn noise_covers(n: usize, seed: u64) -> Result<f64> {
    let (sets, modes) = (30_000 / n, Modes::grid());
    let points = uniform(&mut seeded(seed), -5.0, 5.0, (sets * n, 2), DType::F64, &Device::Cpu)?;
    let mut covered = 0;
    for set in 0..sets {
        covered += ModeCoverage::new(&points.narrow(0, set * n, n)?, &modes)?.covered();
    }
    Ok(covered as f64 / sets as f64)
}

/// How much the first of four samples changes when the last two codes are taken away.
fn neighbours_matter(draw: fn(&dyn Module, &Tensor) -> Result<Tensor>) -> Result<f64> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    let generator = Sequential::new()
        .push(linear(3, 4, params.pp("fc1"))?)
        .push(batch_norm1d(4, params.pp("bn"))?)
        .push(Activation::Relu)
        .push(linear(4, 2, params.pp("fc2"))?);
    let codes = normal(&mut seeded(1), 0.0, 1.0, (4, 3), DType::F64, &Device::Cpu)?;
    let first = |codes: &Tensor| draw(&generator, codes)?.narrow(0, 0, 1).map_err(crate::Error::from);
    let change = (first(&codes)? - first(&codes.narrow(0, 0, 2)?)?)?;
    Ok(change.abs()?.sum_all()?.to_scalar()?)
}
