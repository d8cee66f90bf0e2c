//! Questions on the program.

use std::sync::Arc;

use candle_core::Device;

use super::super::super::{Evidence, Question, choice, code, drawn, fault, number, right, select, sound, whole, wrong};
use super::super::snippet;
use super::{average, average_mended, rates, rates_mended};
use crate::distributed::{Communicator, cluster};
use crate::init::Init;
use crate::params::Params;
use crate::{Error, Result};

pub(super) fn questions() -> Vec<Question> {
    vec![
        code(
            "16-17",
            &["D6", "E3"],
            2,
            "What is wrong?",
            snippet!("rates"),
            [
                fault(10, "The rate is changed before the epoch and not after it."),
                sound(6, "The optimizer is made before its scheduler.", "The scheduler needs an optimizer that is there."),
                sound(7, "The factor is less than 1 and is applied every five epochs.", "So it halves the rate after every five, as it should."),
                sound(9, "The epochs are counted from 0 and not from 1.", "How they are numbered makes no difference to the rates."),
            ],
            || {
                let fifth = |rates: fn(&Params, usize) -> Result<Vec<f64>>| {
                    let params = Params::new(0, &Device::Cpu)?;
                    params.var("w", 1, Init::Constant(0.0))?;
                    Ok::<_, Error>(rates(&params, 8)?[4])
                };
                Ok(Evidence::new("learning rate of the fifth epoch", fifth(rates::rates)?, fifth(rates_mended::rates)?, 1.0))
            },
        )
        .because(
            "That was the place of `scheduler.step()` before PyTorch 1.1. Since then making a scheduler counts as its first step, so that \
             one before the first epoch skips the first value.",
            "The-faults-of-the-notes'-loop--E3",
            "fn rate_of_epochs",
        ),
        choice(
            "16-18",
            &["D6"],
            1,
            "A step of synchronous training: each worker has made its forward and its backward pass. What comes next?",
            [
                right("An all-reduce of the gradients, which are then divided by the number of workers"),
                wrong("A step of each optimizer, and then an all-reduce of the new parameters", "That is local SGD: with it replicas part between two means."),
                wrong("An all-reduce of the losses, and then a backward pass of their mean", "A number that has come over the network has no graph behind it."),
                wrong("A broadcast of the gradients of rank 0, which all optimizers then use", "Then the work of all other workers would be lost."),
            ],
        )
        .because(
            "The all-reduce is the barrier as well: nobody has the sum before all have come. All workers then make the same update, so that \
             replicas stay identical to the bit.",
            "The-training-loop,-complete--D6-·-E3",
            "fn train(",
        ),
        number("16-19", &["D6"], 2, |rng| {
            let (workers, samples) = (whole(rng, 2, 12), 1000 * whole(rng, 2, 9));
            let n = f64::from(workers);
            let unseen = (1.0 - 1.0 / n).powi(workers as i32);
            Ok(drawn(
                format!(
                    "Each of {workers} workers shuffles all {samples} samples with a seed of its own, and stops after a share of $1/{workers}$ of them. \
                     How many samples does nobody see in such an epoch, on average?"
                ),
                unseen * f64::from(samples),
            )
            .within_share(0.02)
            .unit("samples")
            .mistake(0.0, "the shares are not parts of one order, so that some samples come twice and some never")
            .mistake(f64::from(samples) / n, "that is the share of one worker")
            .mistake((1.0 - unseen) * f64::from(samples), "those are the samples that somebody sees")
            .worked(format!("$(1 - 1/{workers})^{{{workers}}} \\cdot {samples} = {:.0}$.", unseen * f64::from(samples))))
        })
        .because(
            "A worker misses a sample with probability $1 - 1/N$, all of them with $(1 - 1/N)^N$, about a third. One common order, new in \
             each epoch, of which each takes its share, leaves out none.",
            "The-faults-of-the-notes'-loop--E3",
            "let expected",
        ),
        code(
            "16-20",
            &["D6", "D2"],
            2,
            "What is wrong?",
            snippet!("average"),
            [
                fault(11, "All ranks are taken to have as many samples as this one."),
                sound(8, "The means are multiplied before they are added up.", "Each mean weighs as much as it has samples."),
                sound(9, "The number of samples travels as if it were a gradient.", "Nobody else knows how many this rank has."),
                sound(13, "The sums are divided by samples and not by ranks as well.", "The sum over all samples is divided by their number, once."),
            ],
            || {
                type Average = fn(&Arc<dyn Communicator>, &[f64], f64) -> Result<Vec<f64>>;
                let of_first = |average: Average| {
                    // Rank 0 has one sample with the gradient 1, rank 1 three with the mean 4.
                    let run = cluster(2, |comm| match comm.rank() {
                        0 => average(comm, &[1.0], 1.0),
                        _ => average(comm, &[4.0], 3.0),
                    })?;
                    Ok::<_, Error>(run.results[0][0])
                };
                let (given, mended) = (of_first(average::average)?, of_first(average_mended::average)?);
                Ok(Evidence::new("mean gradient of one sample with 1 and three with 4", given, mended, 3.25))
            },
        )
        .because(
            "With equal shares both agree, so that the fault shows in the last batch of an epoch only. Then even the replicas part, since \
             each rank divides by a number of its own.",
            "Synchronous-SGD:-N-workers-are-one-with-N-times-the-batch--D2",
            "fn average",
        ),
        choice(
            "16-21",
            &["E3", "D6"],
            2,
            "In a synchronous loop the parameters are never broadcast: each process draws its own. Gradients are averaged at every step. How \
             far apart are two replicas after a thousand steps?",
            [
                right("Exactly as far as at the start, and each learns worse than with a broadcast."),
                wrong(
                    "Hardly at all: the averaged gradient pulls all replicas to the same minimum.",
                    "Both subtract the same numbers, so their difference never changes.",
                ),
                wrong(
                    "Much farther than at the start, since each goes its own way to another minimum.",
                    "None goes its own way: all make the same updates.",
                ),
                wrong(
                    "Exactly as far as at the start, which does no harm, since each is a good net by itself.",
                    "Each follows the mean of gradients that were taken elsewhere; every replica learned worse.",
                ),
            ],
        )
        .because(
            "$\\theta_a - \\theta_b \\leftarrow (\\theta_a - \\eta\\bar g) - (\\theta_b - \\eta\\bar g)$. Averaging makes the *updates* equal, not the replicas: \
             broadcast parameters and buffers once, from rank 0.",
            "The-faults-of-the-notes'-loop--E3",
            "fn distance",
        ),
        select(
            "16-22",
            &["E3"],
            3,
            "Data-parallel training with batch norm: broadcast start, one shared order, averaged gradients, and per-worker batch \
             statistics. Which of these still differ from worker to worker after an epoch?",
            [
                right("The running means and variances of the batch norms"),
                right("The answers in evaluation mode to the same image"),
                right("The loss that each worker prints for its own samples"),
                wrong("The weights and biases of all layers", "All made the same updates from the same start."),
                wrong("The momentum that the optimizer remembers", "It is made of the averaged gradients, which are the same on all."),
            ],
        )
        .because(
            "Running statistics are buffers: no gradient updates them, so no all-reduce makes them equal. They stand in the forward pass \
             of evaluation, so replicas with equal parameters answer differently.",
            "The-faults-of-the-notes'-loop--E3",
            "let off",
        ),
    ]
}
