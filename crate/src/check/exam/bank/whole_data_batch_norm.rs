//! Questions on `09b-whole-data-batch-norm`.

mod statistics;
mod statistics_mended;

use super::super::{
    Evidence, Question, choice, code, count, derive, drawn, fault, mistake, number, pick, predict, real, right, sound,
    whole, wrong,
};
use super::snippet;
use crate::autograd::vjp;
use crate::prelude::*;
use crate::rng::normal;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("09b-1", &["N3"], 1, |rng| {
            let times = f64::from(whole(rng, 5, 30));
            Ok(drawn(
                format!(
                    "The mean of a unit over a batch stands for its mean over the data set. Of how many independent samples must the batch be, for a root mean \
                     square error of one {times}th of the unit's standard deviation?"
                ),
                times * times,
            )
            .within(0.0)
            .mistake(times, "the error falls with the root of the number of samples")
            .mistake(2.0 * times, "four times the samples for half the error, not twice as many")
            .worked(format!("$\\sigma/\\sqrt M = \\sigma/{times}$ for $M = {times}^2$.")))
        })
        .because(
            "$\\sqrt{\\mathbb{E}(\\mu_B - \\mu)^2} = \\sigma/\\sqrt M$: a batch of 64 knows the mean to an eighth of a standard deviation. The chapter \
             fitted a slope of $-0.504$.",
            "How-good-is-an-estimate-from-M-samples?--N3",
            "let of_mean",
        ),
        predict("09b-2", &["N3"], 2, |rng| {
            let (a, apart) = (f64::from(whole(rng, 0, 100)), f64::from(whole(rng, 5, 500)));
            let (gamma, beta) = (pick(rng, [1.5, 2.0, 3.0]), pick(rng, [-0.5, 0.5, 1.0]));
            let b = a + apart;
            Ok(drawn(
                format!(
                    "A batch of two samples: a unit has the values {a} and {b}. What does batch norm put out for the second in training, with \
                     $\\gamma = {gamma}$ and $\\beta = {beta}$?"
                ),
                gamma + beta,
            )
            .mistake(gamma / 2f64.sqrt() + beta, "the variance that normalizes divides by $M = 2$, not by $M - 1$")
            .mistake(gamma / 2.0 + beta, "half the distance is one standard deviation, not two")
            .mistake(beta, "that is the output for the mean of the two, and of a batch of one")
            .measure(move || {
                let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
                let layer = batch_norm1d(1, params.pp("bn"))?;
                params.set("bn.weight", &Tensor::new(&[gamma], &Device::Cpu)?)?;
                params.set("bn.bias", &Tensor::new(&[beta], &Device::Cpu)?)?;
                let y = layer.forward(&Tensor::new(&[[a], [b]], &Device::Cpu)?, Mode::Train)?;
                Ok(y.get(1)?.get(0)?.to_scalar()?)
            })
            .worked(format!("$\\hat z = +1$, so $\\gamma + \\beta = {}$.", gamma + beta)))
        })
        .because(
            "The mean lies in the middle, and both samples are one standard deviation away: $\\hat z$ is $-1$ and $+1$, whatever the two numbers are. Only \
             the order of two samples passes through. In the chapter statistics of two cost more than 15 points of accuracy.",
            "The-mini-batch-must-not-be-too-small--N3",
            "let unit = batch_norm1d",
        ),
        choice(
            "09b-3",
            &["N3"],
            2,
            "In all nets a step took 64 images, but batch norm took its statistics in groups of 2, 4, 8, … 64 of them. What did the test accuracy show?",
            [
                right("Groups of two were far worse than no batch norm, groups of eight or more better."),
                wrong(
                    "The larger the group, the better: from 2 to 64 each doubling added about a point.",
                    "From 8 to 64 no difference was seen.",
                ),
                wrong(
                    "Groups of two were best: the noise of their statistics regularizes the most.",
                    "They were more than 15 points below a net without batch norm.",
                ),
                wrong(
                    "All sizes did as well as each other, as the running statistics average over the noise.",
                    "Here all nets had exact statistics in evaluation, and groups of two lost by far: the training differs.",
                ),
            ],
        )
        .because(
            "With groups of 2 the net lost 22.5 points to one without batch norm, with 4 no difference was seen, from 8 on it was some 4 points ahead. So the \
             mini-batch must *not* be too small. With groups inside one step nothing but the statistics differed.",
            "The-mini-batch-must-not-be-too-small--N3",
            "let gains",
        ),
        number("09b-4", &["N4"], 1, |rng| {
            let samples = pick(rng, [50_000.0, 60_000.0, 1_000_000.0]);
            let (layers, units) = (pick(rng, [2.0, 3.0, 5.0, 6.0]), pick(rng, [128.0, 256.0, 512.0]));
            let megabytes = samples * layers * units * 4.0 / 1e6;
            Ok(drawn(
                format!(
                    "A net has {layers} batch norms of {units} units. It takes all {samples} samples as one batch. How many megabytes ($10^6$ bytes, numbers \
                     in f32) do the values $\\hat z$ alone take, which wait for the backward pass?"
                ),
                megabytes,
            )
            .unit("MB")
            .mistake(megabytes / samples * 64.0, "that is a mini-batch of 64: now every sample waits")
            .mistake(megabytes / layers, "each of the batch norms keeps its own")
            .mistake(megabytes / 4.0, "an f32 takes four bytes")
            .worked(format!("${samples} \\cdot {layers} \\cdot {units} \\cdot 4 / 10^6 = {megabytes}$.")))
        })
        .because(
            "The gradient needs $\\hat z_k$ of every sample, so a number for each sample, unit and layer lies in memory between the two passes: $N$ for each \
             unit in place of $M$, at every step. The small net of the chapter kept 3.1 kB for each sample, all its layers together.",
            "The-whole-data-set-as-one-batch:-what-must-be-kept?--N4",
            "bytes.push(saved_bytes",
        ),
        number("09b-5", &["N4", "E1"], 2, |rng| {
            let layers = f64::from(whole(rng, 4, 20));
            Ok(drawn(
                format!(
                    "A net with {layers} batch norms is to get its exact gradient over the whole data set, with statistics of the whole set, and keeps no \
                     sample in memory. No weights lie below the lowest batch norm. How often must the data be read for one update?"
                ),
                2.0 * layers,
            )
            .within(0.0)
            .mistake(layers, "that is the forward pass: each layer has two sums to find on the way back as well")
            .mistake(2.0, "a layer needs the statistics of those below, and the sums of those above: each takes its own pass")
            .mistake(layers * layers, "each pass finds the numbers of one layer, and goes through all others with what is known")
            .worked(format!("{layers} passes for the statistics, from the bottom up, and {layers} for the sums, from the top down.")))
        })
        .because(
            "$L$ passes find mean and variance of one layer after the other, $L$ more find $\\frac1N\\sum g_j$ and $\\frac1N\\sum g_j\\hat z_j$, each sample \
             computed forward again. The chapter did it for three layers in six passes, and agreed with one batch.",
            "Why-is-the-backward-pass-worse?--E1",
            "passes += 1",
        ),
        choice(
            "09b-6",
            &["N4"],
            2,
            "\"To normalize over the whole data set, the forward pass must cache $N$ values for each hidden unit.\" Must it?",
            [
                right("No: two numbers for each unit do, found in one pass over the data for each batch-norm layer."),
                wrong(
                    "No: two numbers for each unit do, found in one pass over the data for all layers together.",
                    "What reaches a layer depends on the statistics of the layers below, which must be known first.",
                ),
                wrong(
                    "Yes: no sample can be normalized before all were seen, so that all of them must wait.",
                    "They need not wait: each can be read again, and computed anew up to this layer.",
                ),
                wrong(
                    "Yes: a mean from a running sum over batches is an estimate, and not that of the set.",
                    "It is exact: the chapter's streamed outputs agreed with one batch to rounding.",
                ),
            ],
        )
        .because(
            "The cache is what saves those passes, and what the backward pass needs. With mean and variance known, samples pass one by one; read in \
             mini-batches, three layers took three passes.",
            "The-whole-data-set-as-one-batch:-what-must-be-kept?--N4",
            "fn stream_statistics",
        ),
        code(
            "09b-7",
            &["N4", "N3"],
            2,
            "What is wrong?",
            snippet!("whole_data_batch_norm/statistics"),
            [
                fault(8, "The distance of the batch's mean from the mean so far adds to the squares too."),
                sound(
                    9,
                    "The mean of the batches' means is needed: each batch counts alike.",
                    "Batches of different sizes count by their size, as they do here.",
                ),
                sound(
                    7,
                    "The distances must be taken from 0, or the batches cannot be added up.",
                    "Distances from the own mean are safe where the mean is large, and can be added up.",
                ),
                sound(
                    12,
                    "The squares must be divided by $n - 1$, since the mean is estimated.",
                    "These are all samples of the set: its variance divides by $n$, as batch norm's does.",
                ),
            ],
            || {
                let batches = [vec![1.0, 3.0], vec![8.0, 9.0, 13.0], vec![2.0]];
                let layer = batch_norm1d(1, Params::with_dtype(0, DType::F64, &Device::Cpu)?)?;
                let column = |z: &Vec<f64>| -> Result<Tensor> { Ok(Tensor::from_slice(z, (z.len(), 1), &Device::Cpu)?) };
                layer.fit_statistics(batches.iter().map(column))?;
                let right = layer.running_var().map_or(Ok(f64::NAN), |var| var.get(0)?.to_scalar())?;
                let (given, mended) = (statistics::statistics(&batches).1, statistics_mended::statistics(&batches).1);
                Ok(Evidence::new("variance of 1, 3 | 8, 9, 13 | 2", given, mended, right))
            },
        )
        .because(
            "The mean of the variances within batches leaves out the spread between their means, and is too small. For two parts of $n$ and $m$ samples \
             the squares about the common mean gain $(\\bar z_2 - \\bar z_1)^2\\, nm/(n + m)$.",
            "Exercise-4",
            "fn add_batch",
        ),
        derive(
            "09b-8",
            &["E1"],
            2,
            "$\\hat z_j = (z_j - \\mu)/s$ over $n$ samples, with $\\partial\\mu/\\partial z_k = 1/n$ and $\\partial s/\\partial z_k = \\hat z_k/n$. The next line is \
             $\\partial\\hat z_j/\\partial z_k$ for $j \\ne k$; `zj` and `zk` are the normalized values.",
            [real("zj", -2.0, 2.0), real("zk", -2.0, 2.0), real("s", 0.5, 3.0), count("n", 4, 40)],
            |v| -(1.0 + v[0] * v[1]) / (v[3] * v[2]),
            [
                mistake(|v| (1.0 - (1.0 + v[0] * v[1]) / v[3]) / v[2], "the 1 belongs to $j = k$"),
                mistake(|_| 0.0, "that is with fixed statistics: here $z_k$ moves $\\mu$ and $s$, and so every output"),
                mistake(|v| -1.0 / (v[3] * v[2]), "$z_k$ moves $s$ as well"),
            ],
        )
        .because(
            "$\\partial\\hat z_j/\\partial z_k = \\frac1s(\\delta_{jk} - \\frac1n - \\frac{\\hat z_j\\hat z_k}{n})$: no entry of the Jacobian is zero in general, \
             it is the identity less a matrix of rank 2.",
            "Why-is-the-backward-pass-worse?--E1",
            "let formula",
        ),
        predict("09b-9", &["E1"], 2, |rng| {
            let samples = whole(rng, 5, 12) as usize;
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let zeros = samples * (samples - 1);
            Ok(drawn(
                format!(
                    "All derivatives of the outputs of one unit's batch norm with respect to its inputs, for {samples} samples, in *evaluation*: how many of \
                     the {samples} × {samples} are 0?"
                ),
                zeros as f64,
            )
            .within(0.0)
            .mistake(0.0, "that is with the statistics of the batch, as in training: there every output depends on every input")
            .mistake((samples * samples) as f64, "the output of a sample depends on its own input")
            .mistake(samples as f64, "those are the derivatives other than 0")
            .measure(move || {
                let layer = batch_norm1d(1, Params::with_dtype(0, DType::F64, &Device::Cpu)?)?;
                let z = normal(&mut seeded(seed), 3.0, 2.0, (samples, 1), DType::F64, &Device::Cpu)?;
                layer.fit_statistics([Ok(z.clone())])?;
                let input = Var::from_tensor(&z)?;
                let mut zeros = 0;
                for j in 0..samples {
                    let one: Vec<f64> = (0..samples).map(|k| f64::from(u8::from(k == j))).collect();
                    let one = Tensor::from_vec(one, (samples, 1), &Device::Cpu)?;
                    let (_, gradients) = vjp(|| layer.forward(&input, Mode::Eval), &one)?;
                    let row = gradients.get(&input).map_or(Ok(vec![]), |row| row.flatten_all()?.to_vec1::<f64>())?;
                    zeros += row.iter().filter(|entry| **entry == 0.0).count();
                }
                Ok(zeros as f64)
            })
            .worked(format!("The Jacobian is diagonal: ${samples} \\cdot {}$ zeros.", samples - 1)))
        })
        .because(
            "With fixed statistics each sample goes its own way, and the Jacobian is diagonal. With those of the batch the chapter counted no zero in 144 \
             entries. That is why the gradient of a sample waits for all others.",
            "Why-is-the-backward-pass-worse?--E1",
            "fn jacobian",
        ),
        choice(
            "09b-10",
            &["E1", "N4"],
            2,
            "Why is the backward pass of batch norm over a whole data set worse than its forward pass?",
            [
                right("In each layer two sums over the gradients of *all* samples must be complete before any sample goes on."),
                wrong(
                    "In each layer an $N \\times N$ Jacobian must be stored, and multiplied with the gradients of all samples.",
                    "It is the identity less a matrix of rank 2: two sums do it, in a time in proportion to $N$.",
                ),
                wrong(
                    "In each layer $\\gamma$ and $\\beta$ have a gradient for each of the $N$ samples, which must be kept.",
                    "They are sums over the samples, two numbers for each unit.",
                ),
                wrong(
                    "In each layer the root and the quotient have derivatives that cost many times their values.",
                    "They are computed once for each unit; the passes over the samples are 5 against 4.",
                ),
            ],
        )
        .because(
            "$\\sum_j g_j$ and $\\sum_j g_j\\hat z_j$ are known only after the gradients of all $N$ samples have arrived, and each waits with its $\\hat z$ and its \
             $g$. They are new at every step, while the forward pass may go on with known statistics. All that is for one update.",
            "Why-is-the-backward-pass-worse?--E1",
            "only now may layer",
        ),
        choice(
            "09b-11",
            &["E1"],
            3,
            "The exact statistics of a whole set are found, then held fixed, and the gradients of its mini-batches are added up. How do loss and gradient \
             compare with those of the whole set as one batch?",
            [
                right("The loss is the same, the gradient is not: it takes $\\mu$ and $\\sigma$ for constants."),
                wrong(
                    "Both are the same, since gradients of disjoint samples always add up.",
                    "They add up where each sample goes its own way; with batch norm each moves the statistics of all.",
                ),
                wrong(
                    "Both differ, since mini-batches have other statistics than the set has.",
                    "The statistics are those of the set, and were held fixed: the outputs are the same.",
                ),
                wrong(
                    "The loss is the same, the gradient too but for one factor, which the rate takes up.",
                    "It points elsewhere: what is missing are the parts along a shift and along a stretch.",
                ),
            ],
        )
        .because(
            "In the chapter the losses agreed to twelve digits, and the gradient of the first weights was off by 29 % of its length. Without the two sums it \
             believes that it can lower the loss by shifting and stretching units, which batch norm undoes.",
            "Why-is-the-backward-pass-worse?--E1",
            "fn loss_and_gradient",
        ),
    ]
}
