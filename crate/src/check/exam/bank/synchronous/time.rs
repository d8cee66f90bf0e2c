//! Questions on messages and stragglers.

use super::super::super::{
    Question, choice, count, derive, drawn, mistake, number, pick, predict, real, right, whole, wrong,
};
use crate::distributed::schedule::log2_ceil;
use crate::distributed::{Algorithm, CostModel, Reduction, Slowdown, cluster};

pub(super) fn questions() -> Vec<Question> {
    vec![
        predict("16-10", &["D4"], 2, |rng| {
            let workers = pick(rng, [5, 6, 7, 9, 10, 11, 12]);
            let log = log2_ceil(workers) as f64;
            Ok(drawn(
                format!(
                    "{workers} workers add up their gradients by a binary tree, and the sum comes back to all of them the same way. How many rounds \
                     of messages, one after another, does that take?"
                ),
                2.0 * log,
            )
            .within(0.0)
            .mistake(log, "the sum has to come down again")
            .mistake(2.0 * (log - 1.0), "a last, half-filled round is a round too")
            .mistake(2.0 * (workers as f64 - 1.0), "those are the messages, of which most travel at the same time")
            .measure(move || {
                let run = cluster(workers, |comm| comm.all_reduce_with(&mut vec![1f32; 8], Reduction::Sum, Algorithm::Tree))?;
                Ok(run.rounds() as f64)
            })
            .worked(format!("$2 \\lceil \\log_2 {workers} \\rceil = {}$.", 2.0 * log)))
        })
        .because(
            "Up in $\\lceil\\log_2 N\\rceil$ rounds, and down in as many. This is the $O(\\log N)$ of a tree: its rounds, each of which carries \
             *all* the numbers.",
            "What-does-adding-up-cost?--D4",
            "fn formula",
        ),
        number("16-11", &["D4"], 2, |rng| {
            let (workers, megabytes) = (pick(rng, [4, 8, 16, 32]), pick(rng, [8, 16, 32, 64]));
            let model = CostModel { seconds_per_reduced_byte: 0.0, ..CostModel::default() };
            let bytes = megabytes * 1_000_000;
            let seconds = Algorithm::Ring.seconds(&model, workers, bytes);
            let (n, transfer) = (workers as f64, bytes as f64 * 1e-9);
            Ok(drawn(
                format!(
                    "{workers} workers add up {megabytes} MB of gradients by a ring. A message takes 50 µs and 1 ns a byte; adding up takes no time. \
                     How long does it take?"
                ),
                1e3 * seconds,
            )
            .within_share(0.02)
            .unit("milliseconds")
            .mistake(2e3 * (n - 1.0) * (50e-6 + transfer), "each round carries only one of the $N$ pieces")
            .mistake(500.0 * seconds, "after the sums the pieces have to go round once more")
            .mistake(2e3 * n.log2() * (50e-6 + transfer), "that is the tree")
            .worked(format!(
                "$2 \\cdot {} \\cdot (0.05 + {megabytes}/{workers})$ ms $= {:.2}$ ms.",
                workers - 1,
                2.0 * (n - 1.0) * (0.05 + 1e3 * transfer / n)
            )))
        })
        .because(
            "$2(N - 1)$ rounds of $n/N$ bytes: the bytes cost at most $2 \\beta n$ for any $N$, the latency grows as $N$. For gradients, \
             which are large messages, the ring beats the tree.",
            "What-does-adding-up-cost?--D4",
            "fn clock",
        ),
        choice(
            "16-12",
            &["D4"],
            2,
            "\"A tree adds up the gradients of $N$ workers in $O(\\log N)$, so it beats the ring, which needs $O(N)$ rounds.\" What is wrong \
             with this for 100 MB of gradients?",
            [
                right("Each round of the tree carries all bytes, each round of the ring only $1/N$ of them."),
                wrong(
                    "Each round of the tree needs a barrier of its own, while the ring has a single one.",
                    "Neither has barriers: a worker goes on when its message has come.",
                ),
                wrong(
                    "The tree sends $N$ times as many bytes in all as the ring, which sends each number once.",
                    "All bytes together are $2(N - 1)\\,n$ for both; they differ in who sends them, and when.",
                ),
                wrong(
                    "The rounds of the tree are $O(\\log N)$ on the way up only; on the way down they are $O(N)$.",
                    "The way down is the way up, backwards.",
                ),
            ],
        )
        .because(
            "Bytes cost $2\\lceil\\log_2 N\\rceil \\beta n$ in a tree and less than $2\\beta n$ in a ring. From 4 to 32 workers the tree takes two and a \
             half times as long for any size, the ring less than a third longer for 64 MB.",
            "What-does-adding-up-cost?--D4",
            "let growth",
        ),
        derive(
            "16-13",
            &["D4"],
            3,
            "With $l = \\lceil\\log_2 N\\rceil$ a tree takes $2l(\\alpha + \\beta n)$ seconds and a ring $2(N - 1)\\alpha + 2\\frac{N - 1}{N}\\beta n$; adding up is \
             free. Let $w$ be the number $N$ of workers, $a = \\alpha$ and $b = \\beta$. The next line is the $n$ at which both take the same time.",
            [real("a", 1.0, 5.0), real("b", 0.1, 1.0), count("w", 8, 60), count("l", 3, 5)],
            |v| v[0] * (v[2] - 1.0 - v[3]) / (v[1] * (v[3] - (v[2] - 1.0) / v[2])),
            [
                mistake(|v| v[0] * (v[2] - 1.0 - v[3]) / (v[1] * v[3]), "the bytes of the ring cost something as well"),
                mistake(
                    |v| v[0] * (v[2] - 1.0 + v[3]) / (v[1] * (v[3] - (v[2] - 1.0) / v[2])),
                    "the latencies are to be subtracted: they stand on different sides",
                ),
            ],
        )
        .because(
            "$\\alpha (N - 1 - l) = \\beta n\\, (l - \\frac{N - 1}{N})$: what the ring loses in latency it wins in bytes. Below this $n$ the tree is \
             faster, above it the ring. With time $\\gamma$ for adding up, $2\\beta + \\gamma$ takes the place of $2\\beta$.",
            "What-does-adding-up-cost?--D4",
            "let crossing",
        ),
        number("16-14", &["D5"], 1, |rng| {
            let (workers, p, slow) = (pick(rng, [20, 30, 40]), pick(rng, [0.02, 0.03, 0.05]), pick(rng, [3.0, 5.0, 9.0]));
            let fast = (1.0f64 - p).powi(workers);
            let seconds = slow - (slow - 1.0) * fast;
            Ok(drawn(
                format!(
                    "A gradient takes 1 second, but with probability {p} it takes {slow} seconds, independently for each worker and step. \
                     {workers} workers meet at a barrier. How long does a step take on average?"
                ),
                seconds,
            )
            .within_share(0.02)
            .unit("seconds")
            .mistake(1.0 + p * (slow - 1.0), "that is the mean of one worker; a step waits for the slowest")
            .mistake(slow - (slow - 1.0) * p, "the probability that *all* are fast is $(1 - p)^N$")
            .mistake(1.0 + (slow - 1.0) * fast, "fast and slow have changed places")
            .worked(format!(
                "All are fast with probability $(1 - {p})^{{{workers}}} = {fast:.3}$, so ${fast:.3} + {slow} \\cdot {:.3} = {seconds:.3}$.",
                1.0 - fast
            )))
        })
        .because(
            "A step takes $\\max_r T_r$. What is rare for one worker is common for many: the more workers, the more surely one of them is \
             late.",
            "The-barrier-waits-for-the-slowest--D5",
            "fn arrivals",
        ),
        number("16-15", &["D5"], 2, |rng| {
            let (workers, scale) = (whole(rng, 4, 32), pick(rng, [0.5, 1.5, 2.0]));
            let n = workers as usize;
            let seconds = Slowdown::Exponential { scale }.expected(n, n)?;
            Ok(drawn(
                format!(
                    "A gradient takes $1 + {scale} X$ seconds with $X$ exponential of mean 1, independently for each of {workers} workers. How long \
                     does a step with a barrier take on average?"
                ),
                seconds,
            )
            .within_share(0.02)
            .unit("seconds")
            .mistake(1.0 + scale, "that is the mean of one worker; a step waits for the slowest")
            .mistake(1.0 + scale * f64::from(workers), "the largest of $N$ exponential times grows as $\\ln N$, not as $N$")
            .mistake(1.0 + scale / f64::from(workers), "that is when the *first* worker is done")
            .worked(format!("$1 + {scale}\\,(1 + \\frac12 + \\dots + \\frac1{{{workers}}}) = {seconds:.3}$.")))
        })
        .because(
            "While $j$ workers are still at work, the next is done after $1/j$ of the mean: the gaps add up to $H_N \\approx \\ln N + 0.58$. With a \
             heavy tail, as of Pareto's distribution, it grows as a power of $N$.",
            "The-barrier-waits-for-the-slowest--D5",
            "let laws",
        ),
        choice(
            "16-16",
            &["D5"],
            2,
            "Of 16 workers a step waits for the first 15, and drops the gradient of the last. For independent delays this gives more \
             gradients a second. When is it wrong all the same?",
            [
                right("If how late a worker is depends on its data: where long sentences take longer, say."),
                wrong(
                    "If the delays have a heavy tail, since then the last gradient is worth most.",
                    "A heavy tail makes it worth more to drop the last; the time it takes says nothing of its worth.",
                ),
                wrong(
                    "If the learning rate is not lowered, since 15 gradients make a noisier step than 16.",
                    "The noise of 15 is hardly larger than that of 16.",
                ),
                wrong(
                    "If the dropped worker is another one at each step, since then the replicas part.",
                    "All take the same mean of the same 15, so that replicas stay the same.",
                ),
            ],
        )
        .because(
            "What is dropped must be a random choice. Where long sentences take longer, the net sees few of them. And what was counted are \
             gradients, which are not yet progress.",
            "The-barrier-waits-for-the-slowest--D5",
            "counted[14]",
        ),
    ]
}
