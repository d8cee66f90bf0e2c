//! Questions on the program.

use std::sync::Arc;

use super::super::super::{Evidence, Question, choice, code, drawn, fault, number, right, select, sound, whole, wrong};
use super::super::snippet;
use super::{compensated, compensated_mended, receive, receive_mended, serve, serve_mended};
use crate::distributed::{Communicator, CostModel, cluster};
use crate::{Error, Result};

pub(super) fn questions() -> Vec<Question> {
    vec![
        code(
            "17-13",
            &["D10", "E3"],
            1,
            "The notes' server, without the network: `came` holds the gradients in the order in which they came. What is wrong?",
            snippet!("serve"),
            [
                fault(7, "The step is made with another vector than the message."),
                sound(4, "Each message makes a step, where all should make one.", "An asynchronous server makes an update with each."),
                sound(6, "The message replaces what was there and is not added.", "A buffer takes the message as it is."),
                sound(8, "The rate is not divided by the number of messages.", "Each update takes a step of the full rate."),
            ],
            || {
                let came = [vec![1.0], vec![2.0]];
                let (given, mended) = (serve::serve(vec![5.0], &came, 0.1)[0], serve_mended::serve(vec![5.0], &came, 0.1)[0]);
                Ok(Evidence::new("from 5 with the gradients 1 and 2 at a rate of 0.1", given, mended, 5.0 - 0.1 - 0.2))
            },
        )
        .because(
            "The listing receives into a *copy* of the gradient on the CPU, and then calls `optimizer.step()`, which looks at the original. \
             Nothing moves, and no error says so.",
            "Seven-faults-of-two-listings--D10",
            "fn listing",
        ),
        code(
            "17-14",
            &["D10", "D7"],
            2,
            "What is wrong?",
            snippet!("receive"),
            [
                fault(9, "The second number may come from another worker."),
                sound(8, "The first number may come from any of the workers.", "Whoever comes first is what makes it asynchronous."),
                sound(10, "The numbers are not added up to one gradient.", "They are two parts of one gradient."),
                sound(7, "The number of workers is not known to the function.", "Whoever sends is served; the number plays no part."),
            ],
            || {
                // Each of two workers sends its own number twice; mixed, the difference of the two parts is not 0.
                let mixed = |receive: fn(&Arc<dyn Communicator>) -> Result<[f64; 2]>| {
                    let run = cluster(3, |comm| match comm.rank() {
                        0 => (0..2).map(|_| receive(comm).map(|[a, b]| (a - b).abs())).sum(),
                        rank => (0..2).try_for_each(|_| comm.send(&[rank as f64], 0, 0)).map(|()| 0.0),
                    })?;
                    Ok::<_, Error>(run.results[0])
                };
                Ok(Evidence::new("differences within two gradients of equal numbers", mixed(receive::receive)?, mixed(receive_mended::receive)?, 0.0))
            },
        )
        .because(
            "Message by message the server puts together a gradient from pieces of several workers. Send the whole gradient as one message, \
             which also costs one latency, or receive the rest from the sender of the first piece.",
            "Seven-faults-of-two-listings--D10",
            "fn pieces",
        ),
        choice(
            "17-15",
            &["D10"],
            1,
            "A worker calls `isend(gradient)` and `wait()` in the next line, then `irecv(parameters)` and `wait()`. What does it gain over \
             `send` and `recv`?",
            [
                right("Nothing: time is saved only by work that stands between a call and its `wait`."),
                wrong(
                    "Half of the time: the gradient and the parameters travel at the same moment.",
                    "The second call begins when the first `wait` has ended; and the answer needs the gradient first.",
                ),
                wrong(
                    "The time of the messages: they travel while the next gradient is computed.",
                    "The next gradient begins after both `wait`s.",
                ),
                wrong(
                    "Asynchrony: it no longer waits for the other workers to finish their steps.",
                    "That is decided by the server, which takes whoever comes first.",
                ),
            ],
        )
        .because(
            "On the virtual clock a step took 1.8 ms with blocking calls and with `wait` at once, and 1.0 ms where the messages of the last \
             step travelled during the computation. The price: each gradient is one exchange older.",
            "Seven-faults-of-two-listings--D10",
            "fn step_time",
        ),
        number("17-16", &["D10"], 2, |rng| {
            let (tensors, numbers) = (whole(rng, 20, 60), 100 * whole(rng, 2, 20));
            let (n, bytes) = (f64::from(tensors), f64::from(4 * numbers));
            let model = CostModel::default();
            let (many, one) = (n * model.message(4 * numbers as usize), model.message((4 * numbers * tensors) as usize));
            Ok(drawn(
                format!(
                    "A gradient consists of {tensors} tensors of {numbers} numbers of 4 bytes. A message takes 50 µs and 1 ns a byte, one after \
                     another. How much longer does it travel as one message for each tensor than as a single one?"
                ),
                1e3 * (many - one),
            )
            .within_share(0.01)
            .unit("milliseconds")
            .mistake(0.05 * n, "the single message has a latency, too")
            .mistake(0.0, "the bytes are the same, but each message has a latency of its own")
            .mistake(1e3 * n * (50e-6 + 1e-9 * bytes), "that is the time of all the messages")
            .worked(format!("${} \\cdot 0.05 = {:.2}$ ms.", tensors - 1, 0.05 * (n - 1.0))))
        })
        .because(
            "Both carry the same bytes; the difference is one latency for each message but the first. And a gradient in pieces can be put \
             together from several workers, if the server takes whoever comes first.",
            "Seven-faults-of-two-listings--D10",
            "fn travel_time",
        ),
        code(
            "17-17",
            &["D9"],
            2,
            "What is wrong?",
            snippet!("compensated"),
            [
                fault(5, "The way of the parameters has the wrong sign."),
                sound(6, "The gradient is squared, where its size would do.", "$g^2$ stands for the diagonal of the Hessian."),
                sound(7, "The correction is added and not multiplied.", "It is a term of Taylor's series."),
                sound(4, "Entries that have not moved are corrected as well.", "Their correction is 0."),
            ],
            || {
                let (g, w, read) = ([2.0], [1.0], [1.5]);
                let (given, mended) =
                    (compensated::compensated(&g, &w, &read, 0.5)[0], compensated_mended::compensated(&g, &w, &read, 0.5)[0]);
                Ok(Evidence::new("g = 2, taken at 1.5 and used at 1, κ = 0.5", given, mended, 2.0 + 0.5 * 4.0 * (1.0 - 1.5)))
            },
        )
        .because(
            "$g + \\kappa\\, g \\odot g \\odot (w_t - w_{t-\\tau})$ adds the missing term $H (w_t - w_{t-\\tau})$. On its way down $w$ has come nearer to the \
             minimum, so that the fresh gradient is smaller than the old one.",
            "Five-cures,-compared--D9",
            "fn method",
        ),
        select(
            "17-18",
            &["D10", "E3"],
            2,
            "Which of these keep a parameter server from working as it should?",
            [
                right("The received gradient is not stored where the optimizer looks for it."),
                right("The value of `irecv` is read in the next line, without `wait`."),
                right("The server receives from worker 1, 2, 3, 1, 2, 3 and so on."),
                wrong("The server answers each worker before it serves the next.", "That is what it should do, so that nobody waits for others."),
                wrong("The workers all start with the same parameters.", "They should, as long as they read different data."),
            ],
        )
        .because(
            "Without `wait` the buffer holds whatever was in it; in a fixed order the server waits for the slowest in every round, with \
             non-blocking calls just as without.",
            "Seven-faults-of-two-listings--D10",
            "fn in_order",
        ),
        choice(
            "17-19",
            &["D9"],
            3,
            "On a small net, eight asynchronous workers, each method with the learning rate that suits it: what was seen of dividing the \
             rate by the staleness, of delay compensation and of bounded staleness?",
            [
                right("None was seen to beat plain asynchronous SGD with a smaller learning rate."),
                wrong(
                    "All beat plain asynchronous SGD clearly, and delay compensation most.",
                    "Over five seeds no gain was shown, and compensation with $\\kappa = 10$ diverged at a large rate.",
                ),
                wrong(
                    "None learned at all, since stale gradients cannot be repaired after they were taken.",
                    "All learned, as plain asynchronous SGD with a rate of its own does.",
                ),
                wrong(
                    "Only bounded staleness beat it, since with a bound of 0 no gradient is stale.",
                    "With a bound of 0 it is the synchronous method, with its waiting and its fewer steps.",
                ),
            ],
        )
        .because(
            "A comparison at one rate for all shows mostly which method bears that rate: at 0.08, the best rate of one worker, dividing by \
             the staleness was the mildest. Lower the rate with $N$ first.",
            "Five-cures,-compared--D9",
            "let at_008",
        ),
    ]
}
