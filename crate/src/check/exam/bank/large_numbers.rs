//! Questions on `02-law-of-large-numbers`.

mod distance;
mod distance_mended;

use super::super::{
    Evidence, Question, choice, code, count, decimal, derive, drawn, fault, mistake, number, pick, predict, real,
    right, select, sound, whole, wrong,
};
use super::snippet;
use crate::probability::{Binomial, Cauchy, KolmogorovSmirnov, Normal, quantile};
use crate::rng::seeded;

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "02-1",
            &["B5"],
            1,
            "A fair coin has shown 60 heads in 100 throws and is thrown 900 times more. What does the law of large numbers say?",
            [
                right("The share of heads goes to one half; the excess of ten heads need not be made good."),
                wrong(
                    "Tails are now a little more probable, until the excess has gone.",
                    "The throws are independent: no coin remembers.",
                ),
                wrong(
                    "The number of heads less the number of tails goes to 0.",
                    "Its mean size grows as $\\sqrt n$; only divided by $n$ it goes to 0.",
                ),
                wrong(
                    "After 1 000 throws the share is certainly nearer to one half than after 100.",
                    "That is probable, not certain: more draws can give a worse mean.",
                ),
            ],
        )
        .because(
            "The share settles because an excess that grows as $\\sqrt n$ is divided by $n$.",
            "Do-more-trials-always-come-closer?--B5",
            "let grows",
        ),
        number("02-2", &["B5"], 1, |rng| {
            let (n, times) = (whole(rng, 2, 30) * 50, whole(rng, 3, 12));
            let (size, k) = (f64::from(n), f64::from(times));
            Ok(drawn(
                format!(
                    "The mean of {n} independent draws has a standard error that is {times} times too large. How many draws, all in all, make it \
                     small enough?"
                ),
                size * k * k,
            )
            .within(0.0)
            .unit("draws")
            .mistake(size * k, "the error falls as $1/\\sqrt n$, not as $1/n$")
            .mistake(size * k.sqrt(), "that has the root on the wrong side")
            .mistake(size * (k * k - 1.0), "these are the further draws; the first ones count as well")
            .worked(format!("${times}^2 \\cdot {n} = {}$.", size * k * k)))
        })
        .because("The standard error is $\\sigma/\\sqrt n$: $k$ times the precision costs $k^2$ times the draws.", "How-fast?--B5", "let waiting: Exponential"),
        choice(
            "02-3",
            &["B6"],
            2,
            "Waiting times are drawn from an exponential distribution, more and more of them. What becomes normal?",
            [
                right("The distribution of their standardized mean, over repetitions"),
                wrong(
                    "The histogram of all the waiting times drawn so far",
                    "It approaches the exponential distribution, from which they are drawn.",
                ),
                wrong(
                    "The distribution of the mean itself, without standardizing",
                    "It shrinks to a point, the expectation: that is the law of large numbers.",
                ),
                wrong(
                    "The distribution of the largest waiting time",
                    "Extremes have limits of their own; this one's is Gumbel's.",
                ),
            ],
        )
        .because(
            "$\\sqrt n (\\bar X_n - \\mu)/\\sigma$ becomes standard normal, whatever the draws follow, if their variance is finite. The draws keep \
             their distribution.",
            "What-becomes-normal?--B6",
            "fn standardized",
        ),
        predict("02-4", &["B5"], 3, |rng| {
            let (n, seed) = (whole(rng, 2, 20) * 100, u64::from(whole(rng, 0, 1 << 30)));
            let size = f64::from(n);
            let theory = (size / std::f64::consts::TAU).sqrt();
            Ok(drawn(
                format!(
                    "A fair coin is thrown {n} times, and the distance of the number of heads from {} is noted. What is the mean of that distance, \
                     over 4 000 such series?",
                    n / 2
                ),
                theory,
            )
            .within_share(0.06)
            .unit("heads")
            .mistake(size.sqrt() / 2.0, "that is the standard deviation; the mean size of a normal deviation is $\\sqrt{2/\\pi}$ of it")
            .mistake(0.0, "the signed excess is 0 on average, its size is not")
            .mistake(size.sqrt(), "one throw has the standard deviation one half, not one")
            .measure(move || {
                let heads = Binomial::new(u64::from(n), 0.5)?.sample(4000, &mut seeded(seed))?;
                Ok(heads.iter().map(|x| (*x as f64 - size / 2.0).abs()).sum::<f64>() / 4000.0)
            })
            .worked(format!("$\\sqrt{{{n}/(2\\pi)}} = {theory:.2}$.")))
        })
        .because(
            "The number of heads is nearly normal with standard deviation $\\sqrt n / 2$; the mean size of such a deviation is $\\sqrt{2/\\pi}$ of \
             that. It grows with $n$.",
            "Do-more-trials-always-come-closer?--B5",
            "let grows",
        ),
        code(
            "02-5",
            &["B6"],
            3,
            "The Kolmogorov–Smirnov distance comes out too small for some samples. What is wrong?",
            snippet!("large_numbers/distance"),
            [
                fault(7, "At a jump the share just before it must be compared as well."),
                sound(3, "The values must not be sorted, since the order of a sample counts.", "The draws are exchangeable, and shares are counted from below."),
                sound(4, "It should be $n - 1$.", "A share counts all values."),
                sound(8, "The gaps should be added up, not compared.", "The distance is the largest gap."),
            ],
            || {
                let (values, normal) = ([0.5, 1.0, 2.0], Normal::new(0.0, 1.0)?);
                let right = KolmogorovSmirnov::new(&values, |x| normal.cumulative(x))?.distance;
                let given = distance::distance(values.to_vec(), |x| normal.cumulative(x));
                let mended = distance_mended::distance(values.to_vec(), |x| normal.cumulative(x));
                Ok(Evidence::new("distance of [0.5, 1, 2] from the standard normal distribution", given, mended, right))
            },
        )
        .because(
            "The share of the sample jumps at each value. The largest gap may lie on either side of a jump.",
            "How-many-draws-until-it-is-normal?--B6",
            "fn distance_to_normal",
        ),
        predict("02-6", &["B5", "B6"], 3, |rng| {
            let (n, scale) = (whole(rng, 10, 40), decimal(rng, 0.5, 3.0, 1));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            Ok(drawn(
                format!(
                    "Half of the draws from a Cauchy distribution with centre 0 and scale {scale} lie within {scale} of 0. Now {n} draws are \
                     averaged, 2 000 times. Within which distance of 0 lie half of these means?"
                ),
                scale,
            )
            .within_share(0.2)
            .mistake(scale / f64::from(n).sqrt(), "that needs a variance, which this distribution does not have")
            .mistake(scale / f64::from(n), "averaging does not help here at all")
            .mistake(0.0, "the law of large numbers needs an expectation, which this distribution does not have")
            .measure(move || {
                let (cauchy, mut rng) = (Cauchy::new(0.0, scale)?, seeded(seed));
                let mut size = || (cauchy.sample(n as usize, &mut rng).iter().sum::<f64>() / f64::from(n)).abs();
                quantile(&(0..2000).map(|_| size()).collect::<Vec<f64>>(), 0.5)
            }))
        })
        .because(
            "The mean of $n$ Cauchy draws has exactly the distribution of one. A single draw as large as all others together throws it off, at any \
             $n$.",
            "Distributions-that-do-not-obey--B5",
            "fn typical_error",
        ),
        derive(
            "02-7",
            &["B5"],
            2,
            "Draws have the standard deviation $\\sigma$. Chebyshev's inequality says $P(|Y - \\mathbb{E} Y| \\ge \\varepsilon) \\le \
             \\operatorname{Var}(Y)/\\varepsilon^2$. Take for $Y$ the mean of $n$ of them: which bound proves the weak law?",
            [real("sigma", 0.5, 3.0), count("n", 2, 50), real("eps", 0.1, 2.0)],
            |v| v[0] * v[0] / (v[1] * v[2] * v[2]),
            [
                mistake(|v| v[0] / (v[1] * v[2]), "variance and distance are to be squared"),
                mistake(|v| v[0] * v[0] / (v[2] * v[2]), "that is the bound for one draw: it does not fall with $n$"),
                mistake(|v| v[0] * v[0] / (v[1] * v[1] * v[2] * v[2]), "the variance of a mean falls as $1/n$, not as $1/n^2$"),
            ],
        )
        .because(
            "$\\operatorname{Var}(\\bar X_n) = \\sigma^2/n$, so the probability is at most $\\sigma^2/(n \\varepsilon^2)$, which goes to 0 for every \
             $\\varepsilon$.",
            "Where-does-a-mean-go?--B5",
            "Chebyshev: at most",
        ),
        select(
            "02-8",
            &["B6", "B5"],
            2,
            "For which of these distributions can the mean of $n$ independent draws be shifted and scaled so that it becomes normal as $n$ \
             grows?",
            [
                right("A fair coin, heads 1 and tails 0"),
                right("Waiting times with the density $e^{-x}$"),
                right("Pixel values between 0 and 1, however distributed, if they vary"),
                wrong("The Cauchy distribution", "It has no variance, and not even an expectation: its means stay Cauchy."),
                wrong(
                    "A Pareto distribution with $P(X > x) = x^{-3/2}$",
                    "Its variance is infinite: its means converge, more slowly, and to another shape.",
                ),
            ],
        )
        .because(
            "The theorem needs independent draws of one distribution with a finite variance above 0. Bounded values always have one.",
            "Where-the-normal-distribution-fails--B6",
            "let quartile",
        ),
        number("02-9", &["B5", "B6"], 2, |rng| {
            let (m, k) = (pick(rng, [20_u32, 48, 96, 150]), pick(rng, [4_u32, 9, 16, 25]));
            let noise = decimal(rng, 0.2, 2.0, 2);
            let right = noise / f64::from(k).sqrt();
            Ok(drawn(
                format!(
                    "The gradient of a mini-batch of {m} independent samples has the root mean squared error {noise}. What is that of a batch of {} \
                     samples?",
                    m * k
                ),
                right,
            )
            .mistake(noise / f64::from(k), "the variance falls so; its root falls as the root")
            .mistake(noise, "a larger batch is more precise")
            .mistake(noise / f64::from(m * k).sqrt(), "the error that is given is that of a batch, not of one sample")
            .worked(format!("${noise} / \\sqrt{{{k}}} = {right:.4}$.")))
        })
        .because(
            "The gradient of a mini-batch is a mean over samples, and its error falls as $1/\\sqrt M$: sixteen times the work buys four times the \
             precision.",
            "What-a-mini-batch-knows--B5-·-B6",
            "let batch_sizes",
        ),
    ]
}
