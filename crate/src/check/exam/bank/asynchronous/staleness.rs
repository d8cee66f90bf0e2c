//! Questions on the server, its traffic and staleness.

use super::super::super::{
    Question, choice, decimal, derive, drawn, mistake, number, pick, predict, real, right, whole, wrong,
};
use crate::distributed::{
    ClusterConfig, CostModel, Exchange, SimulationConfig, Slowdown, delay_limit, server_saturation, simulate,
};

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "17-1",
            &["D7", "E3"],
            2,
            "Which line of a parameter server makes the training asynchronous?",
            [
                right("The receive that names no source, and so takes the gradient of whoever comes first"),
                wrong(
                    "The receive that does not block, and so lets the server go on while the message travels",
                    "A server with non-blocking calls that asks its workers in a fixed order waits for the slowest.",
                ),
                wrong(
                    "The send that does not block, and so lets the server forget the worker it has answered",
                    "It saves the server some time; who is served next is decided by the receive.",
                ),
                wrong(
                    "The update of the optimizer, which is made with one gradient instead of a mean of all",
                    "Gradients of workers in a fixed order could be taken one by one as well.",
                ),
            ],
        )
        .because(
            "In the chapter's first server every call waits, and yet no worker waits for another, since `Source::Any` takes what is there. \
             Non-blocking calls do something else: they let *one* rank compute while its message travels.",
            "One-server,-and-workers-that-never-wait-for-each-other--D7",
            "fn server",
        ),
        number("17-2", &["D7", "D5"], 1, |rng| {
            let times = [decimal(rng, 0.8, 1.2, 1), decimal(rng, 1.5, 2.5, 1), decimal(rng, 4.0, 8.0, 1)];
            let rate: f64 = times.iter().map(|t| 1.0 / t).sum();
            let (slowest, mean) = (times[2], times.iter().sum::<f64>() / 3.0);
            Ok(drawn(
                format!(
                    "Three workers take {}, {} and {} seconds for a gradient, always. Messages cost nothing. How many updates a second does an \
                     asynchronous server make, in the long run?",
                    times[0], times[1], times[2]
                ),
                rate,
            )
            .within_share(0.01)
            .mistake(3.0 / slowest, "so many gradients come to a barrier, where all wait for the slowest")
            .mistake(3.0 / mean, "the rates of the workers add up, not their times")
            .mistake(1.0 / slowest, "so many steps are made with a barrier")
            .worked(format!("$1/{} + 1/{} + 1/{} = {rate:.3}$.", times[0], times[1], times[2])))
        })
        .because(
            "Nobody waits for anybody, so each worker sends at a pace of its own. Behind a barrier all would have sent as many gradients as \
             the slowest.",
            "One-server,-and-workers-that-never-wait-for-each-other--D7",
            "let fifth",
        ),
        choice(
            "17-3",
            &["D7"],
            1,
            "A worker of an asynchronous server has sent its gradient. What does it get back?",
            [
                right("The newest parameters, with all gradients in them that have come so far"),
                wrong("The mean of the newest gradients of all workers, for a step of its own", "That is an all-reduce; here the server makes the step."),
                wrong("Its old parameters with its own gradient applied, as if it were alone", "Then the copies would part for good."),
                wrong("The newest gradients of the other workers, one message from each", "Workers exchange nothing with each other."),
            ],
        )
        .because(
            "Gradients go to the server, which holds the parameters and the optimizer; parameters come back. Each gradient makes an update \
             as it comes: $w \\leftarrow w - \\eta g$.",
            "One-server,-and-workers-that-never-wait-for-each-other--D7",
            "fn worker",
        ),
        number("17-4", &["D8"], 1, |rng| {
            let (millions, workers) = (whole(rng, 2, 30), whole(rng, 5, 16));
            let (p, n) = (f64::from(millions), f64::from(workers));
            Ok(drawn(
                format!(
                    "A model has {millions} million parameters of 4 bytes. In a round each of {workers} workers sends one gradient to the server and \
                     gets the parameters back. How many bytes pass through the server in a round?"
                ),
                8.0 * p * n,
            )
            .within_share(0.01)
            .unit("million bytes")
            .mistake(4.0 * p * n, "parameters go back as well")
            .mistake(8.0 * p, "that is what passes through one worker")
            .mistake(8.0 * p * n.log2(), "there is no tree: every message has the server at one of its ends")
            .worked(format!("$2 \\cdot {millions} \\cdot {workers} \\cdot 4 = {}$.", 8.0 * p * n)))
        })
        .because(
            "$2PN$ numbers a round, at one place: the traffic of the server is $O(N)$. In a ring each rank sends less than $2P$ numbers, \
             however many there are.",
            "How-much-goes-through-the-server?--D8",
            "run.counts[0]",
        ),
        number("17-5", &["D8"], 2, |rng| {
            let (milliseconds, thousands) = (10 * whole(rng, 1, 6), pick(rng, [250, 500, 1000]));
            let (compute, numbers) = (f64::from(milliseconds) * 1e-3, thousands * 1000);
            let model = CostModel::default();
            let message = model.message(4 * numbers);
            let most = server_saturation(&model, compute, 0.0, numbers);
            Ok(drawn(
                format!(
                    "A worker computes for {milliseconds} ms. Gradient and parameters have {thousands} 000 numbers of 4 bytes each, and a message \
                     takes 50 µs and 1 ns a byte. The link of the server carries one message at a time in each direction, and updates take no \
                     time. From how many workers on is it full? (The answer need not be whole.)"
                ),
                most,
            )
            .within_share(0.01)
            .unit("workers")
            .mistake(compute / message, "a worker's round takes two messages besides the computation")
            .mistake(compute / message + 1.0, "a worker's round takes *two* messages, there and back")
            .worked(format!(
                "A message takes $m = {:.2}$ ms, and $N^* = 2 + T/m = 2 + {milliseconds}/{:.2} = {:.2}$.",
                1e3 * message,
                1e3 * message,
                2.0 + compute / message
            )))
        })
        .because(
            "$N$ workers make $N/(T + 2m)$ updates a second, until the link, which carries $1/m$, is full: $N^* = (T + 2m)/m$.",
            "How-much-goes-through-the-server?--D8",
            "fn predicted",
        ),
        choice(
            "17-6",
            &["D8", "D9"],
            2,
            "The link of a parameter server is full at seven workers. What do seven more bring?",
            [
                right("As many updates a second as before, made with gradients that are older"),
                wrong("Twice as many updates a second, made with gradients that are older", "The link carries no more than it did."),
                wrong("As many updates a second as before, made with gradients of twice the batch", "Each update takes the gradient of one worker."),
                wrong("Half as many updates a second, since each has to wait for twice as many", "The link is as busy as before; it is the workers that wait."),
            ],
        )
        .because(
            "Beyond $N^*$ the queue before the server grows, and the staleness with it, whose mean is $N - 1$. Remedies are several servers \
             with a part of the parameters each, larger batches, or fewer bytes.",
            "How-much-goes-through-the-server?--D8",
            "fn throughput",
        ),
        number("17-7", &["D9"], 2, |rng| {
            let (delay, lambda) = (whole(rng, 2, 7) as usize, pick(rng, [0.5, 2.0, 4.0, 10.0]));
            let t = delay as f64;
            Ok(drawn(
                format!(
                    "Gradient descent on $\\frac{{\\lambda}}{{2}} x^2$ with $\\lambda = {lambda}$ uses gradients that are always {delay} steps old. Below which \
                     learning rate does it converge?"
                ),
                delay_limit(delay) / lambda,
            )
            .within_share(0.01)
            .mistake(2.0 / lambda, "that is the limit for fresh gradients")
            .mistake(2.0 / (lambda * (t + 1.0)), "the limit falls about as $\\pi/(2\\tau + 1)$")
            .mistake(1.0 / (lambda * t), "that is where the first-order bias is as large as the gradient, which is no limit")
            .worked(format!("$\\frac{{2}}{{{lambda}}} \\sin\\frac{{\\pi}}{{2 \\cdot {}}} = {:.4}$.", 2 * delay + 1, delay_limit(delay) / lambda)))
        })
        .because(
            "$0 < \\eta\\lambda < 2\\sin\\frac{\\pi}{2(2\\tau + 1)}$: there a root of $z^\\tau (z - 1) = -\\eta\\lambda$ has the magnitude 1. An old gradient does \
             not know that $x$ has crossed 0, and pushes on.",
            "What-does-staleness-do?-The-smallest-case--D9",
            "fn diverges",
        ),
        predict("17-8", &["D9"], 2, |rng| {
            let workers = whole(rng, 3, 8) as usize;
            let slow = pick(rng, [3.0, 5.0, 8.0]);
            Ok(drawn(
                format!(
                    "{workers} workers train with a parameter server. All but one are nearly equally fast, that one takes {slow} times as long for a \
                     gradient. What is the *mean* staleness of the gradients, in updates, in the long run?"
                ),
                workers as f64 - 1.0,
            )
            .within_share(0.04)
            .mistake(workers as f64, "the update that a gradient makes itself does not count")
            .mistake((workers as f64 - 1.0) / 2.0, "all others come in between, not half of them")
            .mistake(slow * (workers as f64 - 1.0), "so old are about those of the slow one, which are few")
            .measure(move || {
                // The server's factor is the first.
                let nearly = |k: usize| if k == workers { slow } else { 1.0 + 0.01 * k as f64 };
                let slowdown = Slowdown::Fixed((0..=workers).map(nearly).collect());
                let exchange = Exchange::Server { update: 1e-6 };
                let config = SimulationConfig { exchange, compute: 0.1, numbers: 10, steps: 400 };
                Ok(simulate(workers, &config, &ClusterConfig { slowdown, ..ClusterConfig::default() })?.mean_staleness())
            })
            .worked(format!("${workers} - 1 = {}$.", workers - 1)))
        })
        .because(
            "Every update makes the $N - 1$ gradients that are under way one update older, and each gradient is used once: the mean is \
             $N - 1$ for workers of any speed. Only the distribution depends on the speeds.",
            "How-old-is-a-gradient?--D9",
            "one_slow",
        ),
        choice(
            "17-9",
            &["D9"],
            2,
            "In which sense is a gradient of asynchronous SGD biased?",
            [
                right("As an estimate of the gradient where it is used; where it was taken it is unbiased."),
                wrong(
                    "As an estimate of the gradient where it was taken; each worker sees its own part of the data.",
                    "A random mini-batch is unbiased at the point where it is evaluated.",
                ),
                wrong(
                    "As an estimate of the minimum: on a quadratic the parameters come to rest beside it.",
                    "On a quadratic the mean at rest was 0 to within the noise; what grows is the variance.",
                ),
                wrong(
                    "As an estimate of its own size: old gradients are averaged, and so become too short.",
                    "Nothing is averaged; on the way down old gradients are too *long*, since they come from higher up.",
                ),
            ],
        )
        .because(
            "$\\nabla L(w_{t-\\tau}) - \\nabla L(w_t) = H\\,(w_{t-\\tau} - w_t)$, relative to the gradient about $\\eta\\lambda(N - 1)$. It grows with $N$ and \
             vanishes with $\\eta$: a bias of the way, not of the goal.",
            "In-which-sense-is-it-biased?--D9",
            "let first_order",
        ),
        number("17-10", &["D9"], 2, |rng| {
            let (workers, k) = (whole(rng, 3, 11), whole(rng, 5, 15));
            let stay = 1.0 - 1.0 / f64::from(workers);
            Ok(drawn(
                format!(
                    "{workers} workers take exponential times for their gradients, all with the same mean. With which probability is a gradient at \
                     least {k} updates old when it is used?"
                ),
                stay.powi(k as i32),
            )
            .within_share(0.01)
            .mistake(stay.powi(k as i32) / f64::from(workers), "that is the probability of exactly so many updates")
            .mistake(1.0 - stay.powi(k as i32), "that is the probability of fewer updates")
            .mistake(stay.powi(k as i32 + 1), "that is the probability of *more* updates")
            .worked(format!("$(1 - 1/{workers})^{{{k}}} = {:.4}$.", stay.powi(k as i32))))
        })
        .because(
            "Exponential times have no memory: the next to come is any of the $N$ with the same probability, and the staleness is geometric. \
             Its mean is $N - 1$, but its tail is long.",
            "How-old-is-a-gradient?--D9",
            "let geometric",
        ),
        number("17-11", &["D9"], 2, |rng| {
            let (workers, rate, lambda) = (whole(rng, 4, 12), pick(rng, [0.001, 0.002, 0.004]), pick(rng, [0.5, 1.5, 2.5]));
            let n = f64::from(workers);
            let bias = rate * lambda * (n - 1.0);
            Ok(drawn(
                format!(
                    "Asynchronous SGD with {workers} workers and the rate {rate} descends $\\frac{{\\lambda}}{{2}} w^2$ with $\\lambda = {lambda}$. To first order: \
                     how large is the bias of a gradient, as a share of the gradient where it is used?"
                ),
                bias,
            )
            .within_share(0.02)
            .mistake(rate * lambda * n, "the mean staleness is $N - 1$: the others come in between")
            .mistake(rate * lambda, "that is for a gradient that is one update old")
            .mistake(rate * (n - 1.0), "the gradient changes by $\\lambda$ times the way that $w$ has gone")
            .worked(format!("${rate} \\cdot {lambda} \\cdot ({workers} - 1) = {bias:.4}$.")))
        })
        .because(
            "In $\\tau$ updates $w$ has moved by about $\\eta\\lambda\\tau w$, and the mean of $\\tau$ is $N - 1$. Measured, the share agreed with \
             $\\eta\\lambda(N - 1)$ to a fifth.",
            "In-which-sense-is-it-biased?--D9",
            "let first_order",
        ),
        derive(
            "17-12",
            &["D9"],
            3,
            "The staleness is geometric, $q_s = \\frac1n (1 - \\frac1n)^s$ for $n$ workers. In $\\mathbb{E}[w_{t+1} - w_t] = -\\eta \\sum_s q_s\\, \\mathbb{E}\\nabla L(w_{t-s})$ the \
             first term is split off, and $q_{s+1} = (1 - \\frac1n) q_s$ is used for the rest. Let $d = \\mathbb{E}[w_t - w_{t-1}]$, \
             $g = \\mathbb{E}\\nabla L(w_t)$, and `r` the rate $\\eta$. The next line is $\\mathbb{E}[w_{t+1} - w_t]$ in these.",
            [real("d", -1.0, -0.1), real("g", 0.1, 2.0), real("n", 2.0, 20.0), real("r", 0.01, 0.5)],
            |v| (1.0 - 1.0 / v[2]) * v[0] - v[3] / v[2] * v[1],
            [
                mistake(|v| (1.0 - 1.0 / v[2]) * v[0] - v[3] * v[1], "the fresh gradient has the weight $q_0 = 1/n$ only"),
                mistake(|v| v[0] / v[2] - v[3] / v[2] * v[1], "what is left of the sum is $1 - 1/n$ of the step before"),
            ],
        )
        .because(
            "$(1 - \\frac1n)\\, d - \\frac{\\eta}{n}\\, g$: momentum $\\mu = 1 - 1/N$ with the rate $\\eta/N$. So the best momentum of the optimizer itself \
             falls as workers are added.",
            "Asynchrony-begets-momentum",
            "fn momentum",
        ),
    ]
}
