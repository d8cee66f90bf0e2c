//! Questions on `11-optimizers`.

mod adam;
mod adam_mended;
mod rmsprop;
mod rmsprop_mended;

use super::super::{
    Evidence, Question, choice, code, derive, drawn, fault, mistake, number, pick, predict, real, right, sound, whole,
    wrong,
};
use super::snippet;
use crate::params::Param;
use crate::prelude::*;
use candle_core::backprop::GradStore;

/// Where an optimizer brings a weight that starts at 0, after each of these gradients.
fn path<O: Optimizer>(gradients: &[f64], make: impl FnOnce(Vec<Param>) -> Result<O>) -> Result<Vec<f64>> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    let w = params.var("w", (), Init::Constant(0.0))?;
    let mut optimizer = make(params.trainable())?;
    let step = |g: &f64| {
        let mut gradient = GradStore::default();
        gradient.insert(&w, Tensor::new(*g, &Device::Cpu)?);
        optimizer.step(&gradient)?;
        Ok(w.to_scalar()?)
    };
    gradients.iter().map(step).collect()
}

/// The length of the last step.
fn last_step(path: &[f64]) -> f64 {
    if let [.., before, after] = path { (after - before).abs() } else { f64::NAN }
}

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("11-1", &["O1"], 1, |rng| {
            let (lr, alpha) = (pick(rng, [0.001, 0.002, 0.01, 0.05]), pick(rng, [0.9, 0.96, 0.99]));
            let g = whole(rng, 30, 90);
            let step = lr / f64::sqrt(1.0 - alpha);
            Ok(drawn(
                format!(
                    "RMSprop with $\\eta = {lr}$, $\\alpha = {alpha}$ and $v_0 = 0$ ($\\varepsilon$ does not matter). The first gradient of a weight is {g}. How \
                     long is the first step?"
                ),
                step,
            )
            .mistake(lr, "the running mean starts from 0, and RMSprop does not correct for that")
            .mistake(lr / (1.0 - alpha), "it is divided by the root of $v$")
            .mistake(lr * f64::from(g), "it is divided by the size of the gradient")
            .worked(format!("$v = (1 - {alpha}) \\cdot {g}^2$, so the step is ${lr}/\\sqrt{{1 - {alpha}}} = {step:.5}$.")))
        })
        .because(
            "In step 1 $v = (1 - \\alpha) g^2$, so $g/\\sqrt v = 1/\\sqrt{1 - \\alpha}$ whatever the gradient: ten times $\\eta$ at $\\alpha = 0.99$. Adam corrects \
             its running means, and its first step is $\\eta$.",
            "RMSprop,-step-by-step--O1",
            "let by_torch",
        ),
        predict("11-2", &["O1"], 3, |rng| {
            let later = whole(rng, 200, 400);
            let share = 0.99f64.powi(later as i32) - 0.99f64.powi(later as i32 + 50);
            let length = 1.0 / (1.0 + 9999.0 * share).sqrt();
            Ok(drawn(
                format!(
                    "RMSprop with $\\alpha = 0.99$ gets a gradient of 100 for 50 steps, and of 1 for {later} steps more. How long is the last step, in units of \
                     $\\eta$?"
                ),
                length,
            )
            .within_share(0.05)
            .mistake(1.0, "squares of 10 000 are forgotten by a factor of 0.99 a step: that takes several times 100 steps")
            .mistake(0.01, "a part of the large squares is forgotten by now")
            .mistake(1.0 / (50.0 * 1e4 + f64::from(later)).sqrt(), "that is Adagrad, which never forgets")
            .measure(move || {
                let gradients: Vec<f64> = (0..50 + later).map(|t| if t < 50 { 100.0 } else { 1.0 }).collect();
                let path = path(&gradients, |params| RmsProp::new(params, RmsPropConfig::default()))?;
                Ok(last_step(&path) / RmsPropConfig::default().lr)
            })
            .worked(format!(
                "$v \\approx 1 + 9999\\,(0.99^{{{later}}} - 0.99^{{{}}}) = {:.1}$, and its root divides.",
                later + 50,
                1.0 + 9999.0 * share
            )))
        })
        .because(
            "$v$ is a mean of past squares with weights that fall by $\\alpha$ a step, so RMSprop forgets, in some $1/(1 - \\alpha) = 100$ steps for each factor \
             $e$. Adagrad adds the squares up: after 950 steps more the chapter saw 0.88 $\\eta$ for RMSprop and 0.0014 $\\eta$ for Adagrad.",
            "RMSprop,-step-by-step--O1",
            "rms_end",
        ),
        choice(
            "11-3",
            &["O1"],
            2,
            "On a bowl of condition number 100 along the axes RMSprop brings the loss to 0 in 100 steps. Turned by 45° it is as slow as plain gradient descent. \
             Why?",
            [
                right("It has a rate for each weight; turned, each gradient mixes steep and flat."),
                wrong(
                    "It has no momentum, and without momentum a turned bowl is worse conditioned.",
                    "A turn leaves the condition number as it is: plain descent is as fast on both.",
                ),
                wrong(
                    "It divides by the length of the gradient, which is larger on the turned bowl.",
                    "It divides each entry by its own size; and a common factor would be a matter of the rate.",
                ),
                wrong(
                    "It forgets too slowly: turned, the gradient changes its direction at each step.",
                    "Adagrad, which forgets nothing, shows the same: 60 orders of magnitude straight, 3.3 turned.",
                ),
            ],
        )
        .because(
            "RMSprop and Adagrad mend a bad scale of single weights, not curvature. Turned, they fell by 3.6 and 3.3 orders of magnitude, plain descent by 3.8 \
             on either bowl.",
            "Which-problems-are-the-same-to-Adam?--O2",
            "fell[3..5]",
        ),
        number("11-4", &["O1"], 1, |rng| {
            let kappa = f64::from(whole(rng, 5, 20));
            Ok(drawn(
                format!(
                    "Gradient descent on $L(x, y) = \\tfrac12(x^2 + {kappa} y^2)$. Below which learning rate does it converge from every start?"
                ),
                2.0 / kappa,
            )
            .mistake(1.0 / kappa, "that rate brings $y$ to 0 in one step; up to twice as much only overshoots")
            .mistake(2.0 / (1.0 + kappa), "that is the best rate, and not the largest")
            .mistake(2.0, "that is the limit along $x$; $y$ is steeper")
            .worked(format!("$\\lvert 1 - {kappa}\\eta \\rvert < 1$ for $\\eta < 2/{kappa} = {:.4}$.", 2.0 / kappa)))
        })
        .because(
            "A step multiplies $x$ by $1 - \\eta$ and $y$ by $1 - \\eta\\kappa$. The best compromise $2/(1 + \\kappa)$ shrinks both by \
             $(\\kappa - 1)/(\\kappa + 1)$ a step, so the number of steps is in proportion to $\\kappa$; with momentum to its root.",
            "What-is-wrong-with-plain-gradient-descent?--O1",
            "fn steps_needed",
        ),
        code(
            "11-5",
            &["O1"],
            2,
            "What is wrong?",
            snippet!("optimizers/rmsprop"),
            [
                fault(5, "The new gradient is not yet in $v$: the first step divides by $10^{-8}$ alone."),
                sound(
                    3,
                    "$v$ must start at 1, so that the first steps do not become too long.",
                    "It starts at 0, as in PyTorch; that is why the first step is $1/\\sqrt{1 - \\alpha}$ times $\\eta$.",
                ),
                sound(
                    7,
                    "The running mean of the gradients belongs here, in the place of `g`.",
                    "That is Adam; RMSprop divides the gradient itself.",
                ),
                sound(
                    7,
                    "The root must be divided by that of $1 - \\alpha^t$, since $v$ starts from 0.",
                    "RMSprop has no bias correction.",
                ),
            ],
            || {
                let gradients = [1.0, -2.0, 0.5];
                let config = RmsPropConfig { lr: 0.01, alpha: 0.9, ..RmsPropConfig::default() };
                let by_crate = path(&gradients, |params| RmsProp::new(params, config))?[2];
                let given = rmsprop::rmsprop(0.0, &gradients, 0.01, 0.9);
                let mended = rmsprop_mended::rmsprop(0.0, &gradients, 0.01, 0.9);
                Ok(Evidence::new("weight after the gradients 1, −2, 0.5", given, mended, by_crate))
            },
        )
        .because(
            "$v \\leftarrow \\alpha v + (1 - \\alpha) g^2$ comes first, with the new gradient in it; then $\\theta \\leftarrow \\theta - \\eta g/(\\sqrt v + \\varepsilon)$. \
             $\\varepsilon$ only guards against dividing by 0.",
            "RMSprop,-step-by-step--O1",
            "fn rmsprop_by_hand",
        ),
        number("11-6", &["O2"], 2, |rng| {
            let t = whole(rng, 2, 60) as i32;
            let (m, v) = (1.0 - 0.9f64.powi(t), 1.0 - 0.999f64.powi(t));
            Ok(drawn(
                format!(
                    "Adam *without* bias correction, with $\\beta_1 = 0.9$ and $\\beta_2 = 0.999$, under a constant gradient. How long is step {t}, counted from 1, \
                     in units of $\\eta$?"
                ),
                m / v.sqrt(),
            )
            .mistake(1.0, "that is with the correction")
            .mistake(m / v, "the second mean stands below a root")
            .mistake(v.sqrt() / m, "the first mean stands above, the second below")
            .worked(format!("$(1 - 0.9^{{{t}}})/\\sqrt{{1 - 0.999^{{{t}}}}} = {:.3}$.", m / v.sqrt())))
        })
        .because(
            "Both means start from 0 and are too small at first, $v$ for longer. The quotient is too large: 3.2 $\\eta$ at the first step, 6.6 $\\eta$ at worst, \
             and a quarter too long after a thousand steps. In the chapter this worked like a higher rate.",
            "What-the-bias-correction-corrects--O2",
            "fn constant_gradient",
        ),
        choice(
            "11-7",
            &["O2"],
            3,
            "On a bowl of condition number 100 Adam falls about equally far whether the bowl lies straight or is turned by 45°, unlike RMSprop. Is that \
             because it sees through the turn?",
            [
                right("No: its mean $m$ acts as momentum; with $\\beta_1 = 0$ it is as slow on the turned bowl as plain descent."),
                wrong(
                    "No: its bias correction sets the rate in the first steps; without it the turn shows as with RMSprop.",
                    "At each step it is one factor for all weights, which cannot tell steep from flat.",
                ),
                wrong(
                    "Yes: $m/\\sqrt v$ is the gradient in units of its own length, which no turn can change.",
                    "The division is by the root of each entry's own square, which a turn does change.",
                ),
                wrong(
                    "Yes: $\\sqrt{\\hat v}$ estimates the curvature in the direction in which Adam moves.",
                    "It knows the size of each weight's gradients, and no curvature between weights.",
                ),
            ],
        )
        .because(
            "With $\\beta_1 = 0$ it fell by 34 orders straight and 3.5 turned. With 0.9 it falls by a factor of 0.9 a step in the long run on both, as momentum \
             with that share does; Nesterov's momentum did better, 8.9 orders against 5.4 and 5.2.",
            "Which-problems-are-the-same-to-Adam?--O2",
            "NO_MEAN",
        ),
        number("11-8", &["O2"], 2, |rng| {
            let (size, times) = (whole(rng, 3, 6), whole(rng, 1, 3));
            let (lr, gamma) = (pick(rng, [0.1, 0.2, 0.4]), pick(rng, [0.1, 0.5]));
            let epoch = size * times - 1;
            let rate = lr * f64::powi(gamma, times as i32);
            Ok(drawn(
                format!(
                    "`StepLR(optimizer, step_size={size}, gamma={gamma})` with a rate of {lr}. The loop calls `scheduler.step()` as the *first* thing in each epoch. \
                     With which rate does epoch {epoch} train, counted from 0?"
                ),
                rate,
            )
            .mistake(rate / gamma, "that is with the call at the end of the epoch, where it belongs")
            .mistake(lr * f64::powi(gamma, epoch as i32 + 1), "the factor comes every `step_size` calls, not at each")
            .worked(format!("Before it trains, {} calls have been made: ${lr} \\cdot {gamma}^{{{times}}} = {rate:.5}$.", epoch + 1)))
        })
        .because(
            "Called first, it skips the first value of the schedule: the first rate lasts one epoch less. Before PyTorch 1.1 that was the right place; since then \
             it belongs after the optimizer's steps of the epoch.",
            "Schedules--O2",
            "fn rates_used",
        ),
        derive(
            "11-9",
            &["O2"],
            2,
            "SGD on $L = \\tfrac12\\theta^2$ with the gradient $\\theta + \\epsilon$, $\\epsilon$ of mean 0 and variance $\\sigma^2$: \
             $\\theta' = (1 - \\eta)\\theta - \\eta\\epsilon$. In the long run $\\mathbb{E}[\\theta^2] = (1 - \\eta)^2\\,\\mathbb{E}[\\theta^2] + \\eta^2\\sigma^2$. The next \
             line is $\\mathbb{E}[L]$, solved for.",
            [real("eta", 0.05, 0.9), real("sigma", 0.5, 3.0)],
            |v| v[0] * v[1] * v[1] / (2.0 * (2.0 - v[0])),
            [
                mistake(|v| v[0] * v[0] * v[1] * v[1] / 2.0, "$(1 - \\eta)^2\\,\\mathbb{E}[\\theta^2]$ stays as well: that is the noise of one step"),
                mistake(|v| v[0] * v[1] * v[1] / (2.0 * (1.0 - v[0])), "$1 - (1 - \\eta)^2 = \\eta(2 - \\eta)$"),
                mistake(|v| v[0] * v[1] / (2.0 * (2.0 - v[0])), "the noise enters with its variance"),
            ],
        )
        .because(
            "$\\mathbb{E}[\\theta^2]\\,\\eta(2 - \\eta) = \\eta^2\\sigma^2$, so $\\mathbb{E}[L] = \\eta\\sigma^2/(2(2 - \\eta))$: a constant rate ends at a floor about in \
             proportion to it. The chapter measured 0.099 ± 0.014 for $\\eta = 0.3$, where the formula has 0.088. A schedule lowers the floor on the way.",
            "Schedules--O2",
            "fn ends_of",
        ),
        predict("11-10", &["O2"], 3, |rng| {
            let beta = pick(rng, [0.5, 0.8, 0.9]);
            let g = f64::from(whole(rng, 1, 50));
            let length = (1.0 - beta) / (1.0 + beta);
            Ok(drawn(
                format!(
                    "Adam with $\\beta_1 = {beta}$ and $\\beta_2 = 0.999$ gets the gradients $+{g}, -{g}, +{g}, \\dots$ of one weight. How long are its steps after a \
                     hundred of them, in units of $\\eta$?"
                ),
                length,
            )
            .within_share(0.03)
            .mistake(1.0, "that is for a constant gradient; here $m$ nearly cancels")
            .mistake(1.0 - beta, "the new gradient enters $m$ with that share, but most of the last $m$, of the other sign, stays")
            .mistake(0.0, "they cancel over two steps; each single step is not 0")
            .measure(move || {
                let gradients: Vec<f64> = (0..101).map(|t| if t % 2 == 0 { g } else { -g }).collect();
                let config = AdamConfig { betas: (beta, 0.999), ..AdamConfig::default() };
                Ok(last_step(&path(&gradients, |params| Adam::new(params, config))?) / config.lr)
            })
            .worked(format!("$(1 - {beta})/(1 + {beta}) = {length:.4}$.")))
        })
        .because(
            "$m$ changes its sign with the gradient: $m = \\beta_1(-m) + (1 - \\beta_1)g$ gives $m = g(1 - \\beta_1)/(1 + \\beta_1)$, while $\\hat v = g^2$. So across a \
             valley, where the gradient changes its sign, Adam takes short steps; along it, where it keeps it, steps of $\\eta$.",
            "Adam,-step-by-step--O2",
            "fn adam_by_hand",
        ),
        code(
            "11-11",
            &["O2"],
            1,
            "What is wrong?",
            snippet!("optimizers/adam"),
            [
                fault(4, "$t$ must count from 1: at the first step the corrections divide by 0."),
                sound(
                    5,
                    "The two factors are exchanged: the new gradient must count most.",
                    "$m$ is a running mean: it keeps $\\beta_1 = 0.9$ of the old one.",
                ),
                sound(
                    8,
                    "The second mean must be corrected with the root of $1 - \\beta_2^t$.",
                    "The mean itself is corrected; the root is taken afterwards.",
                ),
                sound(
                    9,
                    "$\\varepsilon$ must stand below the root, where it guards $v$ itself.",
                    "Adam adds it to the root, as the paper and PyTorch do.",
                ),
            ],
            || {
                let gradients = [2.0, -1.0, 0.5];
                let config = AdamConfig { lr: 0.1, ..AdamConfig::default() };
                let by_crate = path(&gradients, |params| Adam::new(params, config))?[2];
                let (given, mended) = (adam::adam(0.0, &gradients, 0.1), adam_mended::adam(0.0, &gradients, 0.1));
                Ok(Evidence::new("weight after the gradients 2, −1, 0.5", given, mended, by_crate))
            },
        )
        .because(
            "$\\hat m = m/(1 - \\beta_1^t)$ and $\\hat v = v/(1 - \\beta_2^t)$, with $t = 1$ at the first step: both means start from 0, and $1 - \\beta^0$ is 0. \
             Infinity over infinity is not a number, and the weight stays so.",
            "Adam,-step-by-step--O2",
            "fn adam_by_hand",
        ),
        number("11-12", &["O2"], 2, |rng| {
            let (warm, length) = (pick(rng, [10, 20]), pick(rng, [80, 100, 120]));
            let quarter = pick(rng, [1, 3]);
            let (total, t) = (warm + length, warm + length / 4 * quarter);
            let (rate, share) = (pick(rng, [0.1, 0.2, 0.4]), f64::from(quarter) / 4.0);
            let cosine = |share: f64| 0.5 * rate * (1.0 + (std::f64::consts::PI * share).cos());
            Ok(drawn(
                format!(
                    "The rate rises along a line from 0 to {rate} at step {warm}, and from there falls by half a cosine to 0 at step {total}. What is it at step \
                     {t}?"
                ),
                cosine(share),
            )
            .mistake(cosine(f64::from(t) / f64::from(total)), "the cosine counts from the end of the warm-up")
            .mistake(2.0 * cosine(share) - rate, "the cosine runs from 1 to $-1$: half of $1 + \\cos$ is needed")
            .worked(format!("$\\tfrac12 \\cdot {rate}\\,(1 + \\cos {share}\\pi) = {:.5}$.", cosine(share))))
        })
        .because(
            "$\\tfrac12\\eta\\,(1 + \\cos\\frac{\\pi(t - w)}{T - w})$ after a warm-up of $w$ steps: slowly, fast, slowly, to 0 at $T$. A warm-up protects a net \
             that is still raw; on the noisy parabola of the chapter, which has no raw start, it did not help.",
            "Schedules--O2",
            "let warm: Warmup",
        ),
        choice(
            "11-13",
            &["O1", "O2"],
            2,
            "Seven optimizers without schedules, each with six learning rates and the same budget for tuning. What does the chapter's race support?",
            [
                right("Each varies more over its grid of rates than the seven do at their best rates."),
                wrong(
                    "Adam beats all others once each has its best rate, which is why it is so popular.",
                    "Adagrad, RMSprop and Nesterov's momentum were no worse; Adam's usual rate is near its best, which is a comfort.",
                ),
                wrong(
                    "Each of the seven does as well as any other once it has its best rate on the grid.",
                    "Plain SGD was behind Nesterov's momentum, seed by seed.",
                ),
                wrong(
                    "A schedule makes up for the choice of rates: with one, all rates end at one loss.",
                    "Schedules lowered the loss at the best rate; no such thing was seen of the other rates.",
                ),
            ],
        )
        .because(
            "Worst over best loss was 1.12 between the seven at their best rates, and 1.78 or more for each over its six rates. Untuned, at 0.001, Adam reached \
             80 % and SGD 31 %. So compare at equal tuning, and say what was tuned.",
            "A-fair-race--O1-O2",
            "let spans",
        ),
    ]
}
