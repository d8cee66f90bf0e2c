//! Questions on split models, averaged gradients and the learning rate.

use super::super::super::{Question, choice, decimal, drawn, number, pick, right, whole, wrong};
use crate::distributed::critical_batch_steps;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("16-1", &["D1"], 2, |rng| {
            let (inputs, hidden, outputs) = (10 * whole(rng, 2, 30), 16 * whole(rng, 2, 16), whole(rng, 8, 12));
            let (h, k) = (f64::from(hidden), f64::from(outputs));
            let params = f64::from(hidden * (inputs + outputs));
            Ok(drawn(
                format!(
                    "A net of two linear layers without biases, from {inputs} to {hidden} to {outputs} numbers, is trained on two workers. Data \
                     parallel, each sends all gradients once. Split by layers, the hidden activations go forward and their gradients come back. \
                     For which batch size are the bytes that travel the same?"
                ),
                params / h,
            )
            .within(0.0)
            .unit("samples")
            .mistake(params / k, "that is the crossing with a split by units, where the outputs travel")
            .mistake(params / (2.0 * h), "twice on both sides: each worker sends its gradients, too")
            .mistake(params, "each sample makes as many numbers as there are hidden units")
            .worked(format!("$2P = 2MH$ gives $M = P/H = {params}/{hidden} = {}$.", params / h)))
        })
        .because(
            "The gradients of the parameters are $P$ numbers whatever the batch; activations are $H$ numbers for each sample. They cross \
             at $M = P/H$: below it the split by layers sends less, above it data parallel.",
            "Divide-the-data,-or-divide-the-model?--D1",
            "let ways",
        ),
        choice(
            "16-2",
            &["D1"],
            1,
            "What travels between the workers at each step of training?",
            [
                right("Data parallel: gradients of the parameters; model parallel: activations and their gradients."),
                wrong(
                    "Data parallel: samples of the batch; model parallel: parameters of the layers.",
                    "Each worker reads its own samples, and in a split model each keeps its own layers.",
                ),
                wrong(
                    "Data parallel: activations and their gradients; model parallel: gradients of the parameters.",
                    "It is the other way round: a worker that has the whole model keeps its activations for itself.",
                ),
                wrong(
                    "Data parallel: gradients of the parameters; model parallel: the same, of fewer parameters.",
                    "Nobody else has the parameters of a part of the model, so nobody needs their gradients.",
                ),
            ],
        )
        .because(
            "The bytes of data parallel do not depend on the batch, those of a split model grow with it. Data parallel needs room for the \
             whole model on each worker, which decides more often.",
            "Divide-the-data,-or-divide-the-model?--D1",
            "let ways",
        ),
        choice(
            "16-3",
            &["D1"],
            2,
            "A net is split by layers between two workers. Why is its batch cut into micro-batches?",
            [
                right("So that the second worker is busy while the first goes on with the next piece."),
                wrong(
                    "So that fewer bytes travel, since the activations of a small batch are smaller.",
                    "All pieces together have as many activations as the batch.",
                ),
                wrong(
                    "So that the gradient is less noisy, since it becomes a mean over several batches.",
                    "The sum over the pieces is the gradient of the same batch.",
                ),
                wrong(
                    "So that each worker can update its layers after each piece, without waiting.",
                    "The update comes once, with the gradient of the whole batch.",
                ),
            ],
        )
        .because(
            "With the batch in one piece one worker idles while the other works. A pipeline fills the gap: one stage works on a piece while \
             the next works on the piece before.",
            "Divide-the-data,-or-divide-the-model?--D1",
            None,
        ),
        number("16-4", &["D2"], 1, |rng| {
            let (first, second) = (decimal(rng, 1.0, 2.0, 1), decimal(rng, 3.0, 5.0, 1));
            let (few, many) = (f64::from(8 * whole(rng, 1, 3)), f64::from(16 * whole(rng, 3, 6)));
            let mean = (few * first + many * second) / (few + many);
            Ok(drawn(
                format!(
                    "The last batch of an epoch is shared out unevenly: one worker has {few} samples and the mean gradient {first}, the other \
                     {many} samples and the mean gradient {second}. What is the mean gradient of the batch?"
                ),
                mean,
            )
            .within_share(0.01)
            .mistake((first + second) / 2.0, "the mean of the means is right only for equal numbers of samples")
            .mistake((many * first + few * second) / (few + many), "the weights have changed places")
            .mistake(first + second, "that is the sum, which would be a step twice as long")
            .worked(format!("$({few} \\cdot {first} + {many} \\cdot {second})/{} = {mean:.3}$.", few + many)))
        })
        .because(
            "$\\frac{1}{NM}\\sum \\nabla\\ell$ over all samples is the mean of the workers' means if each has the same number $M$; else each \
             mean weighs as much as it has samples.",
            "Synchronous-SGD:-N-workers-are-one-with-N-times-the-batch--D2",
            "fn average",
        ),
        choice(
            "16-5",
            &["D2"],
            1,
            "Four workers with 16 samples each are to compute the same update as one worker with all 64. Which layer prevents that, unless \
             something is done about it?",
            [
                right("Batch normalization, which divides by the deviation over the samples that a worker has"),
                wrong("Layer normalization, which divides by the deviation over the units of a sample", "It looks at one sample at a time."),
                wrong("Max-pooling, which passes the gradient to a single place of each window", "Windows lie within one sample."),
                wrong("Softmax with cross-entropy, whose gradient depends on all classes at once", "It looks at all classes of one sample."),
            ],
        )
        .because(
            "A sum over samples can be taken apart if the loss of a sample depends on that sample alone. Synchronized batch norm takes its \
             means over all workers, and then agrees with the large batch to rounding.",
            "Unless-a-layer-looks-at-the-whole-batch",
            "let per_worker",
        ),
        number("16-6", &["D2", "E3"], 3, |rng| {
            let (c, a, b) = (f64::from(whole(rng, 3, 4)), decimal(rng, 4.5, 6.0, 1), decimal(rng, -4.0, -2.0, 1));
            let rest = c + (a - b) / 2.0;
            Ok(drawn(
                format!(
                    "Two workers minimize the same loss $\\frac12 (w - {c})^2$. They average their gradients at every step, but nobody has broadcast \
                     the start: worker A begins at $w = {a}$, worker B at $w = {b}$. Where does A come to rest?"
                ),
                rest,
            )
            .within(0.01)
            .mistake(c, "averaging makes the updates equal, not the replicas")
            .mistake((a + b) / 2.0, "that is the middle of the starts; the middle moves to the minimum")
            .mistake(c - (a - b) / 2.0, "that is where B comes to rest")
            .worked(format!("The middle of the two goes to {c}, and A stays $({a} - ({b}))/2 = {:.2}$ above it.", (a - b) / 2.0)))
        })
        .because(
            "$w_A - w_B$ never changes, since both subtract the same $\\eta \\bar g$. The mean gradient is 0 where the *middle* of the two is at \
             the minimum, so neither of them is.",
            "The-faults-of-the-notes'-loop--E3",
            "fn distance",
        ),
        number("16-7", &["D3"], 1, |rng| {
            let (least, critical, batch) =
                (pick(rng, [50.0, 100.0, 200.0]), pick(rng, [256.0, 512.0, 1000.0]), pick(rng, [32.0, 64.0, 128.0]));
            Ok(drawn(
                format!(
                    "However large the batch, at least {least} steps are needed to reach a loss. The critical batch size is {critical}. How many \
                     steps are needed with a batch of {batch}, if each batch has its best rate?"
                ),
                critical_batch_steps(least, critical, batch),
            )
            .within_share(0.01)
            .unit("steps")
            .mistake(least * (1.0 + batch / critical), "the fraction is upside down: smaller batches need more steps")
            .mistake(least * critical / batch, "that is the law of small batches; the least steps come on top")
            .mistake(least, "that is for a batch without end")
            .worked(format!("${least} \\cdot (1 + {critical}/{batch}) = {:.0}$.", least * (1.0 + critical / batch))))
        })
        .because(
            "$\\text{steps}(B) = S\\,(1 + B_{\\text{crit}}/B)$. Far below $B_{\\text{crit}}$ twice the batch nearly halves the steps; far above it hardly any \
             step is saved.",
            "What-is-a-larger-batch-worth?--D3",
            "let critical",
        ),
        number("16-8", &["D3"], 3, |rng| {
            let (least, critical) = (f64::from(whole(rng, 40, 80)), f64::from(10 * whole(rng, 15, 30)));
            let steps = |batch: f64| (least * (1.0 + critical / batch)).round();
            let (small, large) = (steps(16.0), steps(1024.0));
            let found = (large * 1024.0 - small * 16.0) / 1008.0;
            let size = (small / found - 1.0) * 16.0;
            Ok(drawn(
                format!(
                    "To reach a loss, batches of 16 need {small} steps and batches of 1024 need {large}, each with its best rate. The law is \
                     $S\\,(1 + B_{{\\text{{crit}}}}/B)$. What is $B_{{\\text{{crit}}}}$?"
                ),
                size,
            )
            .within_share(0.02)
            .unit("samples")
            .mistake((small / large - 1.0) * 16.0, "1024 samples are not without end: their steps are more than $S$")
            .mistake(small / large * 16.0, "that is where 16 samples' perfect scaling would meet the steps of 1024")
            .worked(format!(
                "$S = ({large} \\cdot 1024 - {small} \\cdot 16)/(1024 - 16) = {found:.2}$, and $({small}/S - 1) \\cdot 16 = {size:.0}$."
            )))
        })
        .because(
            "The number of samples is $S B + S B_{\\text{crit}}$, a line in $B$: its slope is $S$, and the rest follows from one of the points. At \
             $B_{\\text{crit}}$ twice the least steps and twice the least samples are needed.",
            "What-is-a-larger-batch-worth?--D3",
            "let least_steps",
        ),
        choice(
            "16-9",
            &["D3"],
            2,
            "With $N$ times the batch the learning rate was multiplied by $N$. With 8 workers this went well, with 32 every run diverged. \
             What is the reason, and did a warm-up help?",
            [
                right("The rate became larger than the curvature of the loss allows; a warm-up did not save these runs."),
                wrong(
                    "The gradient of the large batch became too noisy; a warm-up averaged the noise and saved the runs.",
                    "A larger batch has less noise, not more.",
                ),
                wrong(
                    "The first steps were too long for random weights; a warm-up shortened them and saved the runs.",
                    "That is what a warm-up is for, but here they diverged after it as well.",
                ),
                wrong(
                    "The workers' replicas drifted apart; a warm-up kept them together for a while, but not for good.",
                    "Replicas that make the same update stay the same, to the bit.",
                ),
            ],
        )
        .because(
            "$N$ small steps add up to one large one only as long as the gradient hardly changes along them. Beyond that linear scaling \
             breaks, and with it the gain.",
            "What-is-a-larger-batch-worth?--D3",
            "fn behind",
        ),
    ]
}
