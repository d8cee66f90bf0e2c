//! Losses and penalties: values, and gradients of predictions.

use candlelight::activation::{log_softmax, softmax};
use candlelight::loss::*;
use candlelight::prelude::*;
use candlelight::regularization::{elastic_net, l1, l2};
use candlelight_tests::{here, store};

use super::{Case, case, check, gradients, input, trainable};

type Loss = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// A loss of predictions and targets of one shape.
fn of_targets(name: &str, loss: Loss, targets: fn(Tensor) -> Result<Tensor>) -> Case {
    case(name, move || {
        let (x, t) = (Var::from_tensor(&input(1, (5, 4))?)?, targets(input(2, (5, 4))?)?);
        gradients(&[("x".into(), x.clone())], || loss(&x, &t))
    })
}

/// A loss of rows of scores and one label a row.
fn of_labels(name: &str, labels: &'static [i64], loss: Loss) -> Case {
    case(name, move || {
        let x = Var::from_tensor(&(input(3, (6, 4))? * 0.5)?)?;
        let labels = Tensor::new(labels, &here())?;
        gradients(&[("x".into(), x.clone())], || loss(&x, &labels))
    })
}

const LABELS: &[i64] = &[2, 0, 3, 1, 1, 3];
const IGNORED: &[i64] = &[2, -100, 3, 1, -100, 3];

fn weight() -> Result<Option<Tensor>> {
    Ok(Some(Tensor::new(&[0.5f32, 1.0, 2.0, 0.3], &here())?))
}

#[test]
fn losses_of_labels() {
    let ignoring = || CrossEntropyConfig { ignore_index: Some(-100), ..CrossEntropyConfig::default() };
    let all = [
        of_labels("cross_entropy", LABELS, cross_entropy),
        of_labels("cross_entropy, each", LABELS, |x, y| {
            cross_entropy_with(x, y, &CrossEntropyConfig { reduction: Reduction::None, ..Default::default() })
        }),
        of_labels("nll", LABELS, |x, y| nll(&log_softmax(x, 1)?, y)),
        of_labels("nll, weights, some ignored", IGNORED, |x, y| {
            let config = NllConfig { weight: weight()?, ignore_index: Some(-100), ..Default::default() };
            nll_with(&log_softmax(x, 1)?, y, &config)
        }),
        of_labels("multi_margin", LABELS, multi_margin),
        of_labels("multi_margin, squared", LABELS, |x, y| {
            let config = MultiMarginConfig { p: 2, margin: 0.7, weight: weight()?, ..Default::default() };
            multi_margin_with(x, y, &config)
        }),
    ];
    all.iter().for_each(check);
    // More classes than a byte counts, with labels of a byte.
    check(&case("cross_entropy of 300 classes", || {
        let x = Var::from_tensor(&input(4, (3, 300))?)?;
        let labels = Tensor::new(&[3u8, 255, 0], &here())?;
        gradients(&[("x".into(), x.clone())], || cross_entropy(&x, &labels))
    }));
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
        for weighted in [false, true] {
            check(&case(format!("cross_entropy, some ignored, {reduction:?}, weights {weighted}"), move || {
                let x = Var::from_tensor(&input(3, (6, 4))?)?;
                let labels = Tensor::new(IGNORED, &here())?;
                let weight = if weighted { weight()? } else { None };
                let label_smoothing = if weighted { 0.1 } else { 0.0 };
                let config = CrossEntropyConfig { weight, label_smoothing, reduction, ..ignoring() };
                gradients(&[("x".into(), x.clone())], || cross_entropy_with(&x, &labels, &config))
            }));
        }
    }
}

#[test]
fn losses_of_targets() {
    let as_is = |t| Ok(t);
    let probabilities = |t: Tensor| softmax(&t, 1);
    let signs = |t: Tensor| Ok(t.sign()?);
    let bits = |t: Tensor| Ok(((t.sign()? + 1.0)? * 0.5)?);
    let all = [
        of_targets("mse", mse, as_is),
        of_targets("mse, sum", |x, t| mse_with(x, t, Reduction::Sum), as_is),
        of_targets("mae", mae, as_is),
        of_targets("huber", |x, t| huber_with(x, t, &HuberConfig { delta: 0.6, ..Default::default() }), as_is),
        of_targets(
            "smooth_l1",
            |x, t| smooth_l1_with(x, t, &SmoothL1Config { beta: 0.6, ..Default::default() }),
            as_is,
        ),
        of_targets("hinge", hinge, signs),
        of_targets("binary_cross_entropy_with_logits", binary_cross_entropy_with_logits, bits),
        of_targets(
            "binary_cross_entropy_with_logits, weights",
            |x, t| {
                let config = BceConfig { pos_weight: weight()?, ..Default::default() };
                binary_cross_entropy_with_logits_with(x, t, &config)
            },
            bits,
        ),
        of_targets("cross_entropy_soft", cross_entropy_soft, probabilities),
        of_targets("kl_divergence", |x, t| kl_divergence(&log_softmax(x, 1)?, t), probabilities),
        of_targets(
            "kl_divergence, logarithms",
            |x, t| {
                let config = KlConfig { log_target: true, ..Default::default() };
                kl_divergence_with(&log_softmax(x, 1)?, &log_softmax(t, 1)?, &config)
            },
            as_is,
        ),
    ];
    all.iter().for_each(check);
}

#[test]
fn penalties() {
    for (name, penalty) in [
        ("l1", l1 as fn(&[candlelight::params::Param]) -> Result<Tensor>),
        ("l2", l2),
        ("elastic_net", |params| elastic_net(params, 0.3, 0.7)),
    ] {
        check(&case(name, move || {
            let params = store(DType::F32);
            linear(5, 4, params.pp("a"))?;
            linear(4, 3, params.pp("b"))?;
            gradients(&trainable(&params), || penalty(&params.trainable()))
        }));
    }
}
