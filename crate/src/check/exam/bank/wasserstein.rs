//! Questions on `21-wasserstein-gan`.

mod distance;
mod distance_mended;
mod penalty;
mod penalty_mended;

use candle_core::{DType, Device, Tensor};

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, next_line, number, pick, predict, real,
    right, select, sound, whole, wrong,
};
use super::snippet;
use crate::Result;
use crate::gan::{GradientPenaltyConfig, critic_step};
use crate::init::Init;
use crate::metrics::generative::wasserstein_1d_weighted;
use crate::nn::{Linear, LinearConfig};
use crate::optim::{Sgd, SgdConfig};
use crate::params::Params;
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("21-1", &["G2"], 1, |rng| {
            let (first, second) = (f64::from(whole(rng, 1, 3)), f64::from(whole(rng, 4, 8)));
            let (at_0, at_end) = (decimal(rng, 0.2, 0.4, 1), decimal(rng, 0.2, 0.4, 1));
            let (p, q) = ([0.0, 1.0, 0.0], [at_0, 1.0 - at_0 - at_end, at_end]);
            let places = [0.0, first, second];
            let distance = wasserstein_1d_weighted((&places, &p), (&places, &q))?;
            let mean = at_0 * first - at_end * (second - first);
            Ok(drawn(
                format!(
                    "All of $P$ lies at {first}. Of $Q$ a share of {at_0} lies at 0, {at_end} at {second}, and the rest at {first}. What is the \
                     Wasserstein-1 distance of the two?"
                ),
                distance,
            )
            .within_share(0.01)
            .mistake(mean.abs(), "that is the difference of the means; mass that moves left does not make up for mass that moves right")
            .mistake(at_0 * first + at_end * second, "mass that goes to the right starts from where $P$ lies, not from 0")
            .worked(format!(
                "${at_0} \\cdot {first} + {at_end} \\cdot {} = {:.2}$.",
                second - first,
                at_0 * first + at_end * (second - first)
            )))
        })
        .because(
            "The least work of moving one heap onto the other, mass times distance. On a line it is the area between the two distribution \
             functions, $\\int |F - G|\\, dt$.",
            "Moving-earth--G2",
            "fn running_sum",
        ),
        choice(
            "21-2",
            &["G2"],
            1,
            "Real points lie on a line, generated ones on a parallel line at a gap $\\theta$. What do divergences and distance say?",
            [
                right("JS is $\\ln 2$ and KL infinite at every gap but 0; $W_1$ is the gap."),
                wrong("JS and KL grow with the gap, JS up to $\\ln 2$; $W_1$ is the gap.", "They compare densities point by point, and never see how far points are apart."),
                wrong("JS is $\\ln 2$ and KL infinite at every gap but 0; $W_1$ is its square.", "The work is mass times distance, not times its square."),
                wrong("JS is 0 and KL infinite at every gap but 0; $W_1$ is the gap.", "Where nothing overlaps JS has its largest value."),
            ],
        )
        .because(
            "A loss that does not change has no gradient. Images lie on thin sets in a space of many dimensions, and two such sets hardly \
             ever overlap.",
            "Two-lines-that-do-not-touch--G2",
            "fn on_lines",
        ),
        number("21-3", &["G2"], 2, |rng| {
            let (distance, lambda) = (decimal(rng, 2.0, 4.0, 1), pick(rng, [1.0, 2.0, 4.0]));
            let shown = distance * (1.0 + distance / (2.0 * lambda));
            Ok(drawn(
                format!(
                    "A critic was trained with the penalty $\\lambda\\, \\mathbb{{E}}(\\lVert\\nabla D\\rVert - 1)^2$, $\\lambda = {lambda}$, until it changed no more. Real \
                     samples are the generated ones, moved. The difference of the critic's means on the two is {shown:.3}. How far were they moved?"
                ),
                distance,
            )
            .within_share(0.01)
            .mistake(shown, "the penalty is soft: the critic shows more than the distance")
            .mistake(shown / (1.0 + shown / (2.0 * lambda)), "the slope is $1 + W/2\\lambda$ with the distance, not with what is shown")
            .worked(format!(
                "$W^2/(2 \\cdot {lambda}) + W = {shown:.3}$ has the root $W = {:.3}$.",
                lambda * ((1.0 + 2.0 * shown / lambda).sqrt() - 1.0)
            )))
        })
        .because(
            "A critic of slope $s$ gains $sW$ and pays $\\lambda(s - 1)^2$: $s = 1 + W/2\\lambda$, and it shows $sW$. Dividing by the slope that it has \
             gives the distance.",
            "Keeping-the-critic-Lipschitz:-clip,-or-penalize--G2",
            "let repaired",
        ),
        derive(
            "21-4",
            &["G2"],
            2,
            "Between two clouds that are $w$ apart a critic has the slope $s$: it gains $s w$ and pays $k (s - 1)^2$, with $k$ for the weight $\\lambda$ \
             of the penalty. The next line is the slope at which gain minus price is largest.",
            [real("w", 0.2, 5.0), real("k", 0.5, 10.0)],
            |v| 1.0 + v[0] / (2.0 * v[1]),
            [
                mistake(|v| 1.0 + v[0] / v[1], "the derivative of the square has a factor of 2"),
                mistake(|v| 1.0 - v[0] / (2.0 * v[1]), "a slope above 1 gains; the sign of the price is wrong"),
                mistake(|_| 1.0, "the penalty holds the slope near 1, not at 1"),
            ],
        )
        .because(
            "$w - 2k(s - 1) = 0$ gives $s = 1 + w/2k$. So a critic shows more than the distance, the more the farther the clouds are apart: \
             at $W = 4$ and $\\lambda = 10$ a fifth more.",
            "Keeping-the-critic-Lipschitz:-clip,-or-penalize--G2",
            "let penalized",
        ),
        code(
            "21-5",
            &["G2"],
            2,
            "What is wrong?",
            snippet!("wasserstein/penalty"),
            [
                fault(5, "The sum of the squares runs over one dimension only."),
                sound(6, "Norms are compared with 1, where they should be near 0.", "The comment says 1, as in WGAN-GP; 0 is another penalty."),
                sound(7, "The mean is taken, where the sum over samples is wanted.", "The penalty is a mean over samples."),
                sound(6, "Norms that are less than 1 are penalized as well.", "So it is with the two-sided penalty."),
            ],
            || {
                // Four pixels of 0.5: a norm of 1.
                let gradients = Tensor::full(0.5, (3, 1, 2, 2), &Device::Cpu)?;
                let of = |penalty: fn(&Tensor) -> Result<Tensor>| Ok::<_, crate::Error>(penalty(&gradients)?.to_scalar::<f64>()?);
                Ok(Evidence::new("penalty of images with a gradient of norm 1", of(penalty::penalty)?, of(penalty_mended::penalty)?, 0.0))
            },
        )
        .because(
            "Code for rows of numbers says `norm(dim=1)`. For images dimension 1 is the channel: each pixel is pulled towards 1, and an \
             image of 64 pixels to a slope of 8. It compiles, trains, and shows a curve.",
            "Four-errors-in-public-code--G2",
            "fn penalty_over",
        ),
        choice(
            "21-6",
            &["G2"],
            2,
            "Why should the critic of a WGAN with gradient penalty have no batch normalization?",
            [
                right("$D(x)$ would depend on the other samples, and so would its slope at $x$."),
                wrong("It would scale the critic's slope to 1, so that the penalty had nothing left to do.", "It normalizes sums inside the net, not the slope of its output."),
                wrong("Its running means are kept between real and generated batches, which mixes the two.", "Those are used in evaluation; the fault is already there in training."),
                wrong("Its scale could grow without bound, so that no clipping of weights would help.", "With a penalty no weight is clipped."),
            ],
        )
        .because(
            "The penalty is about each point by itself. The crate refuses such a critic; layer or instance normalization look at one sample \
             only, and are allowed.",
            "Four-errors-in-public-code--G2",
            "let normalized",
        ),
        predict("21-7", &["G2"], 3, |rng| {
            let (distance, lambda) = (pick(rng, [0.5, 1.0, 1.5, 2.0]), pick(rng, [0.5, 1.0, 2.0]));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let shown = distance * (1.0 + distance / (2.0 * lambda));
            Ok(drawn(
                format!(
                    "Real numbers are the generated ones plus {distance}. A linear critic $D(x) = s x$ is trained to the end with a two-sided gradient \
                     penalty of weight $\\lambda = {lambda}$. What difference of means does it then show?"
                ),
                shown,
            )
            .within_share(0.03)
            .mistake(distance, "that is the distance; the penalty is soft, so that the critic shows more")
            .mistake(distance * (1.0 + distance / lambda), "the derivative of the square has a factor of 2")
            .measure(move || shown_by_critic(distance, lambda, seed))
            .worked(format!("${distance}\\,(1 + {distance}/(2 \\cdot {lambda})) = {shown:.4}$.")))
        })
        .because(
            "The slope comes to rest at $1 + W/2\\lambda$, and the difference of means is the slope times the distance. The dual says that a \
             1-Lipschitz critic shows $W$ at best; this one is steeper than 1.",
            "Keeping-the-critic-Lipschitz:-clip,-or-penalize--G2",
            "fn by_penalty",
        ),
        choice(
            "21-8",
            &["G2"],
            2,
            "The weights of a critic of twelve layers are clipped to $[-c, c]$ after each step. What is seen?",
            [
                right("Weights gather at $\\pm c$, and gradients vanish or explode in depth."),
                wrong("Weights gather at 0, and gradients vanish in depth, whatever $c$ is.", "Pushed to be as steep as it may, the critic takes the two extreme values."),
                wrong("Weights spread evenly over $[-c, c]$, and gradients keep their size in depth.", "More than nine in ten lay at an end at $c = 0.01$."),
                wrong("Weights stay as they are, and the slope of the critic is exactly $c$.", "The slope is bounded by some constant that depends on the net."),
            ],
        )
        .because(
            "At $c = 0.01$ each layer left a few hundredths of the gradient, at 0.1 it grew. What a clipped critic shows is some unknown \
             multiple of the distance: two to three thousandths here.",
            "What-clipping-does-to-weights-and-gradients--G2",
            "let mut gathered",
        ),
        next_line(
            "21-9",
            &["G2"],
            2,
            "For any plan $\\gamma$ that moves $P$ onto $Q$, $\\mathbb{E}_P f - \\mathbb{E}_Q f = \\sum \\gamma(x, y)\\,(f(x) - f(y))$. Now $f$ is 1-Lipschitz. What follows?",
            [
                right("$\\mathbb{E}_P f - \\mathbb{E}_Q f \\le \\sum \\gamma(x, y)\\, \\lVert x - y\\rVert$, for the cheapest plan too"),
                wrong("$\\mathbb{E}_P f - \\mathbb{E}_Q f \\ge \\sum \\gamma(x, y)\\, \\lVert x - y\\rVert$, for the cheapest plan too", "Lipschitz bounds $f(x) - f(y)$ from above."),
                wrong("$\\mathbb{E}_P f - \\mathbb{E}_Q f = \\sum \\gamma(x, y)\\, \\lVert x - y\\rVert$, for every plan", "Plans differ in cost; only the best $f$ meets the cheapest."),
                wrong("$\\mathbb{E}_P f - \\mathbb{E}_Q f \\le \\sum \\gamma(x, y)\\, \\lVert x - y\\rVert^2$, for the cheapest plan too", "The bound is the distance, not its square."),
            ],
        )
        .because(
            "No 1-Lipschitz function shows more than the cheapest plan costs, and by Kantorovich and Rubinstein the best one reaches it. So \
             every critic that is kept Lipschitz proves a lower bound.",
            "The-dual:-the-best-critic--G2",
            "fn gain",
        ),
        code(
            "21-10",
            &["G2"],
            2,
            "What is wrong?",
            snippet!("wasserstein/distance"),
            [
                fault(5, "It looks at the masses of one place only."),
                sound(4, "The loop ends before the last of the places.", "From the last place nothing goes on to the right."),
                sound(6, "The sign of what is left over is lost.", "Mass that goes to the left is work as well."),
                sound(6, "The distance of the places is not squared.", "For the first Wasserstein distance it counts as it is."),
            ],
            || {
                let (places, p, q) = ([0.0, 1.0, 3.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]);
                let right = wasserstein_1d_weighted((&places, &p), (&places, &q))?;
                let (given, mended) = (distance::distance(&places, &p, &q), distance_mended::distance(&places, &p, &q));
                Ok(Evidence::new("halves at 0 and 1 moved to 1 and 3", given, mended, right))
            },
        )
        .because(
            "Across each place must go what is on its left too much: $|F(t) - G(t)|$ with the distribution functions. Here half of the mass \
             passes the place 1 on its way, where $p = q$.",
            "Moving-earth--G2",
            "fn running_sum",
        ),
        select(
            "21-11",
            &["G2"],
            3,
            "Under which conditions may one read the critic's loss as a measure of how good the samples are?",
            [
                right("Within one run, not between runs with other nets or another $\\lambda$"),
                right("While the critic stays near its optimum, by more or faster steps than the generator's"),
                wrong("Just as one may read the loss of a GAN's discriminator", "Its estimate of JS *rose* while the samples became better."),
                wrong("If $\\lambda$ is as large as possible, so that the slope is near 1", "With $\\lambda = 10$ instead of 1 what was shown said nothing about the samples here."),
            ],
        )
        .because(
            "On the ring the correlation with the exact distance was 0.993 with $\\lambda = 1$, and its interval held 0 with $\\lambda = 10$. \
             Values have a scale of their own in each setting.",
            "Does-the-loss-say-how-good-the-samples-are?--G2",
            "fn tracked",
        ),
        choice(
            "21-12",
            &["G2"],
            3,
            "The gradient penalty holds $g = \\nabla_x D$, and its gradient with respect to the weights is needed. Besides a double backward \
             pass, which way is exact?",
            [
                right("Fix $v = 2(\\lVert g\\rVert - 1)\\, g/\\lVert g\\rVert$, carry it forward as a direction, and go backward through $v \\cdot \\nabla_x D$."),
                wrong(
                    "Detach $g$, compute the penalty from it, and go backward through the penalty.",
                    "Then the penalty depends on no weight; its value is right and its gradient is missing.",
                ),
                wrong(
                    "Fix $v = g/\\lVert g\\rVert$, carry it forward as a direction, and go backward through $\\lVert v \\cdot \\nabla_x D\\rVert$.",
                    "Without the factor $2(\\lVert g\\rVert - 1)$ that makes every slope smaller, also those below 1.",
                ),
                wrong(
                    "Take the difference of $D$ at two near points for $g$, which needs no gradient at all.",
                    "One difference gives the slope along one direction, and is not exact.",
                ),
            ],
        )
        .because(
            "With $v$ held fixed, $v \\cdot \\partial g/\\partial\\theta = \\partial(v \\cdot \\nabla_x D)/\\partial\\theta$, and $v \\cdot \\nabla_x D$ is the derivative of $D$ along one \
             direction: one backward pass for $g$, one forward along $v$, one ordinary backward pass.",
            "The-penalty's-gradient,-without-a-gradient-of-a-gradient--G2",
            "fn penalty_by_hand",
        ),
    ]
}

/// The difference of means that a linear critic shows at the end of its training.
fn shown_by_critic(distance: f64, lambda: f64, seed: u64) -> Result<f64> {
    let params = Params::with_dtype(seed, DType::F64, &Device::Cpu)?;
    let config = LinearConfig { bias: false, weight_init: Some(Init::Constant(0.5)), ..LinearConfig::default() };
    let critic = Linear::new(1, 1, config, params.clone())?;
    let mut rng = seeded(seed);
    let fake = normal(&mut rng, 0.0, 1.0, (8, 1), DType::F64, &Device::Cpu)?;
    let real = (&fake + distance)?;
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.2 / lambda, ..SgdConfig::default() })?;
    let penalty = GradientPenaltyConfig { weight: lambda, ..GradientPenaltyConfig::default() };
    let mut shown = f64::NAN;
    for _ in 0..40 {
        shown = critic_step(&critic, &real, &fake, &penalty, &mut rng, &mut sgd)?.distance;
    }
    Ok(shown)
}
