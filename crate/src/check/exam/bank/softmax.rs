//! Questions on `03-softmax-and-cross-entropy`.

mod loss;
mod loss_mended;

use candle_core::{DType, Device, Tensor};

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, next_line, number, pick, predict, real,
    right, select, sound, whole, wrong,
};
use super::snippet;
use crate::loss::cross_entropy;
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("03-1", &["B7"], 1, |rng| {
            let (first, second) = (decimal(rng, 1.2, 2.5, 1), decimal(rng, -1.0, -0.2, 1));
            let odds = (first - second).exp();
            let right = odds / (1.0 + odds);
            Ok(drawn(format!("Two logits are {first} and {second}. Which probability does softmax give to the first class?"), right)
                .within(0.005)
                .mistake(first / (first + second), "softmax divides exponentials, not logits")
                .mistake(1.0 - right, "that is the probability of the second class")
                .mistake(odds, "these are the odds of the two classes")
                .worked(format!("$1/(1 + e^{{-({first} - ({second}))}}) = {right:.4}$.")))
        })
        .because(
            "With two classes softmax is a sigmoid of the difference of the logits: only differences count.",
            "From-scores-to-probabilities--B7",
            "fn naive_softmax",
        ),
        choice(
            "03-2",
            &["B7"],
            2,
            "Why can one not train through an argmax by gradient descent?",
            [
                right("Its derivative is 0 wherever no two logits tie."),
                wrong(
                    "It has no derivative, at a tie or elsewhere.",
                    "It is constant around every point without a tie, and a constant has a derivative: 0.",
                ),
                wrong(
                    "Its derivative explodes at most points.",
                    "Only at ties, which have probability 0, does the difference quotient grow without bound.",
                ),
                wrong(
                    "It gives no distribution over the classes.",
                    "It does: 1 for the largest, 0 for the others.",
                ),
            ],
        )
        .because(
            "What training lacks is not the derivative but the slope. Softmax has a slope at every point, for every pair of output and logit.",
            "What-argmax-lacks--B7",
            "fn sloping",
        ),
        derive(
            "03-3",
            &["B7"],
            2,
            "A loss is $L = -\\ln p$, where $p$ is the probability that $\\operatorname{softmax}(z/T)$ gives the class of the label. What is the \
             derivative of $L$ with respect to the logit of that class, in $p$ and $T$?",
            [real("p", 0.05, 0.95), real("t", 0.5, 4.0)],
            |v| (v[0] - 1.0) / v[1],
            [
                mistake(|v| v[0] - 1.0, "the inner derivative $1/T$ is missing"),
                mistake(|v| (1.0 - v[0]) / v[1], "raising the logit of the label lowers the loss"),
                mistake(|v| v[0] * (1.0 - v[0]) / v[1], "that is the derivative of $p$, not of $-\\ln p$"),
            ],
        )
        .because(
            "With respect to $z/T$ the gradient is $p - y$, and $y = 1$ at the label; the chain rule adds the factor $1/T$.",
            "Why-the-two-belong-together:-p-−-y--B7",
            "fn loss_of",
        ),
        code(
            "03-4",
            &["B7", "B8"],
            3,
            "With the logits 1000 and 0 and the label 1 this loss is infinite. What has to change?",
            snippet!("softmax/loss"),
            [
                fault(6, "The probability is rounded to 0 before its logarithm is taken."),
                sound(3, "The mean of the logits should be subtracted, not the largest.", "Behind the largest no exponent is above 0; behind the mean one could still overflow."),
                sound(4, "The logits must not be shifted, since that changes the loss.", "Softmax, and so the loss, depends on differences of logits only."),
                sound(5, "A small number should be added to the sum, lest it be 0.", "The largest logit adds $e^0 = 1$: the sum lies between 1 and $K$."),
            ],
            || {
                let (logits, label) = ([1000.0, 0.0], 1);
                let by_crate = cross_entropy(&Tensor::new(&[logits], &Device::Cpu)?, &Tensor::new(&[1u32], &Device::Cpu)?)?;
                let (given, mended) = (loss::loss(&logits, label), loss_mended::loss(&logits, label));
                Ok(Evidence::new("loss of the logits (1000, 0) with the label 1", given, mended, by_crate.to_scalar()?))
            },
        )
        .because(
            "A stable softmax is half the repair: $e^{-1000}$ rounds to 0, and the logarithm of 0 is $-\\infty$. The log-sum-exp never takes the \
             logarithm of a small number.",
            "Where-the-formula-overflows,-and-the-repair--B7",
            "fn log_sum_exp",
        ),
        predict("03-5", &["B11"], 2, |rng| {
            let (classes, std) = (whole(rng, 20, 100), pick(rng, [0.1, 0.2, 0.3]));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let (k, theory) = (f64::from(classes), f64::from(classes).ln() + std * std / 2.0);
            Ok(drawn(
                format!(
                    "A new classifier of {classes} classes gives logits that are normal with standard deviation {std} and know nothing of the \
                     labels. What is its mean cross-entropy on 1 000 samples?"
                ),
                theory,
            )
            .within_share(0.03)
            .unit("nats")
            .mistake(k.log2(), "that is in bits; the crate's loss is in nats")
            .mistake(1.0 / k, "that is the probability of the label, not minus its logarithm")
            .mistake(1.0 - 1.0 / k, "that is the share of wrong guesses")
            .measure(move || {
                let logits = normal(&mut seeded(seed), 0.0, std, (1000, classes as usize), DType::F64, &Device::Cpu)?;
                let labels: Vec<u32> = (0..1000).map(|i| i % classes).collect();
                Ok(cross_entropy(&logits, &Tensor::new(labels, &Device::Cpu)?)?.to_scalar()?)
            })
            .worked(format!("$\\ln {classes} + {std}^2/2 = {theory:.3}$.")))
        })
        .because(
            "Who knows nothing gives each class $1/K$ and pays $\\ln K$; random logits add half of their variance. A first loss far above says that \
             the logits are huge.",
            "The-same-through-the-crate--B11",
            "fn at_start",
        ),
        select(
            "03-6",
            &["B8"],
            1,
            "Why is training done on minus the logarithm of the likelihood, and not on the likelihood?",
            [
                right("The product of thousands of probabilities underflows to 0."),
                right("The logarithm turns the product into a sum over samples, of which a batch can take a part."),
                right("Optimizers minimize, and the minus turns the maximum into a minimum."),
                wrong("The logarithm moves the maximum to where it is easier to find.", "It is increasing, and moves no maximum."),
                wrong("The likelihood may be negative, its logarithm is not.", "A likelihood is never negative; its logarithm mostly is."),
            ],
        )
        .because(
            "$-\\ln \\prod_n p_n = -\\sum_n \\ln p_n$: same optimum, no underflow, and a mean over samples in place of a product.",
            "The-likelihood-of-a-data-set:-a-product--B8",
            "let lost",
        ),
        next_line(
            "03-7",
            &["B11"],
            2,
            "The cross-entropy $-\\sum_k y_k \\ln p_k$ of a soft label $y$ is to be split into a part that training can reduce and one that it \
             cannot. What is the next line?",
            [
                right("$= -\\sum_k y_k \\ln y_k + \\sum_k y_k \\ln (y_k / p_k)$"),
                wrong(
                    "$= -\\sum_k y_k \\ln y_k + \\sum_k y_k \\ln (p_k / y_k)$",
                    "The second sum has the wrong sign: together that is $\\sum_k y_k \\ln p_k - 2 \\sum_k y_k \\ln y_k$.",
                ),
                wrong(
                    "$= -\\sum_k p_k \\ln p_k + \\sum_k p_k \\ln (p_k / y_k)$",
                    "The mean is taken over the label $y$, not over the prediction.",
                ),
                wrong(
                    "$= -\\sum_k p_k \\ln p_k + \\sum_k y_k \\ln (y_k / p_k)$",
                    "The entropy is that of the label; the prediction's can be changed by training.",
                ),
            ],
        )
        .because(
            "Cross-entropy is the label's entropy plus the Kullback–Leibler divergence $\\mathrm{KL}(y \\,\\|\\, p) \\ge 0$. For one-hot labels the \
             entropy is 0.",
            "Cross-entropy-as-a-distance--B11",
            "fn kl",
        ),
        number("03-8", &["B11"], 2, |rng| {
            let q = decimal(rng, 0.3, 0.5, 2);
            let other = (1.0 - q) / 3.0;
            let (right, entropy) = (q + 8.0 * other, -q * q.log2() - 3.0 * other * other.log2());
            Ok(drawn(
                format!(
                    "Four letters are sent as 0, 10, 110 and 111. The first comes with probability {q}, the others are equally frequent. How many bits \
                     does a letter take on average?"
                ),
                right,
            )
            .within(0.005)
            .unit("bits")
            .mistake(entropy, "that is the entropy, which only a code made for these letters reaches")
            .mistake(1.75, "that holds for the probabilities that the code was made for: 1/2, 1/4, 1/8, 1/8")
            .mistake(2.25, "that is the mean length of the four words; letters are not equally frequent")
            .worked(format!("${q} \\cdot 1 + {other:.4} \\cdot (2 + 3 + 3) = {right:.3}$.")))
        })
        .because(
            "Word lengths are $-\\log_2 p$ of the distribution that the code was made for. Their mean over the letters that come is the cross-entropy.",
            "Surprise,-and-what-it-costs-to-send--B11",
            "const WORDS",
        ),
        number("03-9", &["B8"], 3, |rng| {
            // Above one half a factor rounds the least numbers back up: the product would stay above 0.
            let p = decimal(rng, 0.1, 0.49, 2);
            let right = 1075.0 * 2f64.ln() / -p.ln();
            Ok(drawn(
                format!(
                    "A model gives the label of every sample the probability {p}. After about how many factors is their product, taken one by one, 0 \
                     in `f64`, whose smallest number above 0 is $2^{{-1074}}$?"
                ),
                right,
            )
            .unit("factors")
            .mistake(1024.0 * 2f64.ln() / -p.ln(), "that is where numbers above 1 overflow; below 1 there is more room")
            .mistake(1074.0 * 2f64.ln() * p, "solve $p^n = 2^{-1074}$ for $n$")
            .mistake(324.0 / -p.ln(), "$10^{-324}$ has the natural logarithm $-746$")
            .worked(format!("$1075 \\ln 2 / (-\\ln {p}) = {right:.0}$.")))
        })
        .because(
            "$n \\ln p$ passes $-745$, and what is below half of the smallest number rounds to 0. The sum of the logarithms has no such floor.",
            "The-likelihood-of-a-data-set:-a-product--B8",
            "let lost",
        ),
    ]
}
