//! Losses against PyTorch, finite differences and stock Candle.

use candlelight::activation::{log_softmax, softmax};
use candlelight::candle_nn;
use candlelight::loss::*;
use candlelight::prelude::*;
use candlelight_tests::{Case, assert_close, everywhere, fixture, flat, gradient, here, number, strided};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

const CPU: Device = Device::Cpu;

fn huber_at(delta: f64) -> HuberConfig {
    HuberConfig { delta, ..HuberConfig::default() }
}

fn smooth_l1_at(beta: f64) -> SmoothL1Config {
    SmoothL1Config { beta, ..SmoothL1Config::default() }
}

fn reduction(case: &Case) -> Reduction {
    match case.option() {
        Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        other => panic!("{other:?}"),
    }
}

/// The case's loss, as a function of its differentiated inputs.
fn compute(case: &Case, x: &[Tensor]) -> Tensor {
    let reduction = reduction(case);
    let x0 = &x[0];
    let labels = || case.f64("labels").to_dtype(DType::I64).unwrap().to_device(&here()).unwrap();
    let weight = || Some(case.tensor("weight"));
    let plain = CrossEntropyConfig { reduction, ..CrossEntropyConfig::default() };
    let ignoring = CrossEntropyConfig { ignore_index: Some(-100), ..plain.clone() };
    match case.subject() {
        "cross_entropy" => cross_entropy_with(x0, &labels(), &plain),
        "cross_entropy_weighted" => {
            cross_entropy_with(x0, &labels(), &CrossEntropyConfig { weight: weight(), ..ignoring })
        }
        "cross_entropy_smooth" => {
            cross_entropy_with(x0, &labels(), &CrossEntropyConfig { label_smoothing: 0.1, ..ignoring })
        }
        "cross_entropy_all" => {
            let config = CrossEntropyConfig { weight: weight(), label_smoothing: 0.1, ..ignoring };
            cross_entropy_with(x0, &labels(), &config)
        }
        "cross_entropy_soft" => cross_entropy_soft_with(x0, &x[1], &plain),
        "cross_entropy_soft_all" => {
            let config = CrossEntropyConfig { weight: weight(), label_smoothing: 0.1, ..plain };
            cross_entropy_soft_with(x0, &x[1], &config)
        }
        "nll" => nll_with(x0, &labels(), &NllConfig { reduction, ..NllConfig::default() }),
        "nll_weighted" => nll_with(x0, &labels(), &NllConfig { weight: weight(), ignore_index: Some(-100), reduction }),
        "multi_margin" => {
            multi_margin_with(x0, &labels(), &MultiMarginConfig { reduction, ..MultiMarginConfig::default() })
        }
        "multi_margin_all" => {
            multi_margin_with(x0, &labels(), &MultiMarginConfig { p: 2, margin: 0.7, weight: weight(), reduction })
        }
        "kl" => kl_divergence_with(
            &log_softmax(x0, D::Minus1).unwrap(),
            &x[1],
            &KlConfig { reduction, ..KlConfig::default() },
        ),
        "kl_log" => {
            kl_divergence_with(&log_softmax(x0, D::Minus1).unwrap(), &x[1], &KlConfig { log_target: true, reduction })
        }
        "mse" => mse_with(x0, &x[1], reduction),
        "mae" => mae_with(x0, &x[1], reduction),
        "huber" => huber_with(x0, &x[1], &HuberConfig { delta: 0.6, reduction }),
        "smooth_l1" => smooth_l1_with(x0, &x[1], &SmoothL1Config { beta: 0.6, reduction }),
        "bce" => binary_cross_entropy_with_logits_with(x0, &x[1], &BceConfig { reduction, ..BceConfig::default() }),
        "bce_weighted" => {
            let config = BceConfig { pos_weight: Some(case.tensor("pos_weight")), reduction };
            binary_cross_entropy_with_logits_with(x0, &x[1], &config)
        }
        "hinge" => hinge_with(x0, &case.tensor("targets"), reduction),
        other => panic!("{other}"),
    }
    .unwrap()
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("loss") {
            let names = ["logits", "log_probabilities", "prediction", "targets", "log_targets", "target"];
            let inputs: Vec<(&str, Var)> = names
                .into_iter()
                .filter(|name| case.0.get(format!("grad_{name}")).is_some())
                .map(|name| (name, Var::from_tensor(&case.tensor(name)).unwrap()))
                .collect();
            let named: Vec<(&str, &Var)> = inputs.iter().map(|(name, var)| (*name, var)).collect();
            let tensors: Vec<Tensor> = inputs.iter().map(|(_, var)| var.as_tensor().clone()).collect();
            case.check_every_way(|| Ok(compute(&case, &tensors)), &named);
            // A target that is a constant goes through the fused kernel.
            let constant: Vec<Tensor> =
                tensors.iter().enumerate().map(|(i, t)| if i == 0 { t.clone() } else { t.detach() }).collect();
            case.check_every_way(|| Ok(compute(&case, &constant)), &named[..1]);
            let tensors: Vec<Tensor> = tensors.iter().map(strided).collect();
            case.check_every_way(|| Ok(compute(&case, &tensors)), &named);
        }
    });
}

#[test]
fn the_short_forms_average() {
    let x = gradient::input(1, (3, 4));
    let soft = softmax(&gradient::input(2, (3, 4)), 1).unwrap();
    let labels = Tensor::new(&[3u32, 0, 1], &CPU).unwrap();
    let mean = Reduction::Mean;
    assert_eq!(mean, Reduction::default());
    for (short, long) in [
        (cross_entropy(&x, &labels), cross_entropy_with(&x, &labels, &CrossEntropyConfig::default())),
        (cross_entropy_soft(&x, &soft), cross_entropy_soft_with(&x, &soft, &CrossEntropyConfig::default())),
        (nll(&x, &labels), nll_with(&x, &labels, &NllConfig::default())),
        (mse(&x, &soft), mse_with(&x, &soft, mean)),
        (mae(&x, &soft), mae_with(&x, &soft, mean)),
        (huber(&x, &soft), huber_with(&x, &soft, &HuberConfig { delta: 1.0, reduction: mean })),
        (smooth_l1(&x, &soft), smooth_l1_with(&x, &soft, &SmoothL1Config { beta: 1.0, reduction: mean })),
        (smooth_l1_with(&x, &soft, &smooth_l1_at(0.0)), mae_with(&x, &soft, mean)),
        (hinge(&x, &soft), hinge_with(&x, &soft, mean)),
        (multi_margin(&x, &labels), multi_margin_with(&x, &labels, &MultiMarginConfig::default())),
        (kl_divergence(&x, &soft), kl_divergence_with(&x, &soft, &KlConfig::default())),
        (
            binary_cross_entropy_with_logits(&x, &soft),
            binary_cross_entropy_with_logits_with(&x, &soft, &BceConfig::default()),
        ),
    ] {
        assert_eq!(number(&short.unwrap()), number(&long.unwrap()));
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let labels = Tensor::new(&[3i64, 0, 1], &CPU).unwrap();
    let soft = softmax(&gradient::input(2, (3, 4)), 1).unwrap();
    let signs = gradient::input(3, (3, 4)).sign().unwrap();
    let weight = Some(Tensor::new(&[0.5f64, 1.0, 2.0, 0.3], &CPU).unwrap());
    let all = CrossEntropyConfig {
        weight: weight.clone(),
        ignore_index: Some(1),
        label_smoothing: 0.2,
        reduction: Reduction::Mean,
    };
    let x = [gradient::input(1, (3, 4))];
    gradient::check(|x| cross_entropy(&x[0], &labels), &x).unwrap();
    gradient::check(
        |x| {
            cross_entropy_with(
                &x[0],
                &labels,
                &CrossEntropyConfig { reduction: Reduction::None, ..CrossEntropyConfig::default() },
            )
        },
        &x,
    )
    .unwrap();
    gradient::check(|x| cross_entropy_with(&x[0], &labels, &all), &x).unwrap();
    gradient::check(|x| nll(&log_softmax(&x[0], 1)?, &labels), &x).unwrap();
    gradient::check(|x| hinge(&x[0], &signs), &x).unwrap();
    gradient::check(|x| multi_margin(&x[0], &labels), &x).unwrap();
    let squared = MultiMarginConfig { p: 2, weight: weight.clone(), ..MultiMarginConfig::default() };
    gradient::check(|x| multi_margin_with(&x[0], &labels, &squared), &x).unwrap();
    // A teacher's probabilities may be learned too: both arguments have gradients.
    let both = [x[0].clone(), soft];
    let soft_all = CrossEntropyConfig { ignore_index: None, ..all };
    let weighted = BceConfig { pos_weight: weight, ..BceConfig::default() };
    gradient::check(|x| cross_entropy_soft(&x[0], &x[1]), &both).unwrap();
    gradient::check(|x| cross_entropy_soft_with(&x[0], &x[1], &soft_all), &both).unwrap();
    gradient::check(|x| binary_cross_entropy_with_logits(&x[0], &x[1]), &both).unwrap();
    gradient::check(|x| binary_cross_entropy_with_logits_with(&x[0], &x[1], &weighted), &both).unwrap();
    gradient::check(|x| kl_divergence(&log_softmax(&x[0], 1)?, &x[1]), &both).unwrap();
    let log_target = KlConfig { log_target: true, ..KlConfig::default() };
    gradient::check(|x| kl_divergence_with(&log_softmax(&x[0], 1)?, &log_softmax(&x[1], 1)?, &log_target), &both)
        .unwrap();
    gradient::check(|x| mse(&x[0], &x[1]), &both).unwrap();
    gradient::check(|x| mae(&x[0], &x[1]), &both).unwrap();
    gradient::check(|x| huber_with(&x[0], &x[1], &huber_at(0.7)), &both).unwrap();
    gradient::check(|x| smooth_l1_with(&x[0], &x[1], &smooth_l1_at(0.7)), &both).unwrap();
}

#[test]
fn the_gradient_of_cross_entropy_is_p_minus_y() {
    let logits = Var::from_tensor(&gradient::input(5, (2, 3))).unwrap();
    let labels = Tensor::new(&[2i64, 0], &CPU).unwrap();
    let gradients = cross_entropy_with(
        &logits,
        &labels,
        &CrossEntropyConfig { reduction: Reduction::Sum, ..CrossEntropyConfig::default() },
    )
    .unwrap()
    .backward()
    .unwrap();
    let mut expected = flat(&softmax(&logits, 1).unwrap());
    expected[2] -= 1.0;
    expected[3] -= 1.0;
    for (actual, expected) in flat(gradients.get(&logits).unwrap()).iter().zip(expected) {
        assert!((actual - expected).abs() < 1e-15);
    }
}

#[test]
fn labels_of_every_integer_dtype_and_layout_agree() {
    let logits = gradient::input(6, (2, 2, 3));
    let labels = Tensor::new(&[[2u32, 0], [1, 2]], &CPU).unwrap();
    let expected = number(&cross_entropy(&logits, &labels).unwrap());
    for dtype in [DType::U8, DType::I64] {
        assert_eq!(number(&cross_entropy(&logits, &labels.to_dtype(dtype).unwrap()).unwrap()), expected);
    }
    assert_eq!(number(&cross_entropy(&logits, &strided(&labels)).unwrap()), expected);
}

#[test]
fn finite_and_with_the_right_gradient_at_extreme_logits() {
    everywhere(|| {
        let logits = Var::new(&[[1e4f32, -1e4], [-1e4, 1e4]], &here()).unwrap();
        let wrong = Tensor::new(&[1u32, 0], &here()).unwrap();
        let loss = cross_entropy(&logits, &wrong).unwrap();
        assert_eq!(number(&loss), 2e4);
        assert_eq!(flat(loss.backward().unwrap().get(&logits).unwrap()), [0.5, -0.5, -0.5, 0.5]);

        let z = Var::new(&[-1e4f64, -100.0, 0.0, 100.0, 1e4], &here()).unwrap();
        let y = Tensor::new(&[1.0f64, 1.0, 1.0, 0.0, 0.0], &here()).unwrap();
        let losses = binary_cross_entropy_with_logits_with(
            &z,
            &y,
            &BceConfig { reduction: Reduction::None, ..BceConfig::default() },
        )
        .unwrap();
        let expected = Tensor::new(&[1e4, 100.0, 2f64.ln(), 100.0, 1e4], &Device::Cpu).unwrap();
        assert_close("losses", &losses, &expected, 0.0, 0.0);
        assert_eq!(flat(losses.sum_all().unwrap().backward().unwrap().get(&z).unwrap()), [-1.0, -1.0, -0.5, 1.0, 1.0]);
    });
}

/// A broadcast tensor has strides of 0; its gradient is the sum over the copies.
#[test]
fn broadcast_rows_count_as_copies() {
    everywhere(|| {
        let row = gradient::input(4, (1, 3));
        let targets = softmax(&gradient::input(5, (4, 3)), 1).unwrap();
        let labels = Tensor::new(&[2u32, 0, 1, 1], &here()).unwrap();
        type Loss<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;
        let losses: [Loss; 11] = [
            &|x| cross_entropy(x, &labels),
            &|x| cross_entropy_soft(x, &targets),
            &|x| nll(x, &labels),
            &|x| multi_margin(x, &labels),
            &|x| kl_divergence(x, &targets),
            &|x| hinge(x, &targets),
            &|x| binary_cross_entropy_with_logits(x, &targets),
            &|x| mse(x, &targets),
            &|x| mae(x, &targets),
            &|x| huber_with(x, &targets, &huber_at(0.5)),
            &|x| smooth_l1_with(x, &targets, &smooth_l1_at(0.5)),
        ];
        for (i, loss) in losses.into_iter().enumerate() {
            let run = |x: &Tensor| {
                let var = Var::from_tensor(x).unwrap();
                let loss = loss(&var.broadcast_as((4, 3)).unwrap()).unwrap();
                (number(&loss), loss.backward().unwrap().get(&var).unwrap().clone())
            };
            let (broadcast, gradient) = run(&row);
            let (copies, gradients) = run(&row.broadcast_as((4, 3)).unwrap().contiguous().unwrap());
            assert!((broadcast - copies).abs() < 1e-14, "loss {i}");
            assert_close(&format!("loss {i}"), &gradient, &gradients.sum_keepdim(0).unwrap(), 1e-12, 1e-14);
        }
    });
}

#[test]
fn binary_cross_entropy_keeps_the_digits_of_small_losses() {
    for (z, y) in [(30.0, 1.0), (-30.0, 0.0)] {
        let (z, y) = (Tensor::new(&[z], &CPU).unwrap(), Tensor::new(&[y], &CPU).unwrap());
        let expected = (-30f64).exp().ln_1p();
        let pos_weight = Some(Tensor::ones(1, DType::F64, &CPU).unwrap());
        let weighted = BceConfig { pos_weight, ..BceConfig::default() };
        for loss in [binary_cross_entropy_with_logits(&z, &y), binary_cross_entropy_with_logits_with(&z, &y, &weighted)]
        {
            assert!((number(&loss.unwrap()) / expected - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn kinks_have_subgradient_zero() {
    everywhere(|| {
        let x = Var::new(&[0.5f64, 1.0], &here()).unwrap();
        let derivative = |loss: Result<Tensor>| flat(loss.unwrap().backward().unwrap().get(&x).unwrap());
        assert_eq!(derivative(mae(&x, &x.detach())), [0.0, 0.0]);
        assert_eq!(derivative(smooth_l1_with(&x, &x.detach(), &smooth_l1_at(0.0))), [0.0, 0.0]);
        // Exactly at the margin.
        assert_eq!(derivative(hinge(&x, &Tensor::new(&[2.0f64, 1.0], &here()).unwrap())), [0.0, 0.0]);
        let config = MultiMarginConfig { margin: 0.5, ..MultiMarginConfig::default() };
        assert_eq!(derivative(multi_margin_with(&x, &Tensor::new(1u32, &here()).unwrap(), &config)), [0.0, 0.0]);
        // Where Huber's branches meet, both have the same slope.
        assert_eq!(
            derivative(huber_with(
                &x,
                &x.zeros_like().unwrap(),
                &HuberConfig { delta: 0.5, reduction: Reduction::Sum }
            )),
            [0.5, 0.5]
        );
    });
}

#[test]
fn what_is_ignored_has_no_part_in_loss_or_gradient() {
    everywhere(|| {
        let rows = gradient::input(9, (4, 3));
        let labels = Tensor::new(&[2i64, 255, 0, 255], &here()).unwrap();
        let counted = rows.index_select(&Tensor::new(&[0u32, 2], &here()).unwrap(), 0).unwrap();
        let expected = number(&cross_entropy(&counted, &Tensor::new(&[2u32, 0], &here()).unwrap()).unwrap());
        for dtype in [DType::I64, DType::U8] {
            let logits = Var::from_tensor(&rows).unwrap();
            let config = CrossEntropyConfig { ignore_index: Some(255), ..CrossEntropyConfig::default() };
            let loss = cross_entropy_with(&logits, &labels.to_dtype(dtype).unwrap(), &config).unwrap();
            assert!((number(&loss) - expected).abs() < 1e-15);
            let gradient = flat(loss.backward().unwrap().get(&logits).unwrap());
            assert!(gradient[..3].iter().all(|&g| g != 0.0) && gradient[3..6].iter().all(|&g| g == 0.0));
        }
        // An ignored sample may have an infinite loss.
        let config = NllConfig { ignore_index: Some(1), ..NllConfig::default() };
        let log_p = Tensor::new(&[[-1f64, f64::NEG_INFINITY], [-2.0, f64::NEG_INFINITY]], &here()).unwrap();
        assert_eq!(number(&nll_with(&log_p, &Tensor::new(&[0u32, 1], &here()).unwrap(), &config).unwrap()), 1.0);
    });
}

#[test]
fn a_mean_over_nothing_is_a_typed_error_and_a_sum_is_zero() {
    let logits = gradient::input(9, (2, 3));
    let labels = Tensor::new(&[-100i64, -100], &CPU).unwrap();
    let ignoring =
        |reduction| CrossEntropyConfig { ignore_index: Some(-100), reduction, ..CrossEntropyConfig::default() };
    let message = cross_entropy_with(&logits, &labels, &ignoring(Reduction::Mean)).unwrap_err().to_string();
    assert_eq!(message, "ignore_index must be not the label of every sample of a mean, got -100");
    assert_eq!(number(&cross_entropy_with(&logits, &labels, &ignoring(Reduction::Sum)).unwrap()), 0.0);
    assert_eq!(flat(&cross_entropy_with(&logits, &labels, &ignoring(Reduction::None)).unwrap()), [0.0, 0.0]);

    let weight = Some(Tensor::new(&[0f64, 1.0, 1.0], &CPU).unwrap());
    let config = NllConfig { weight, ..NllConfig::default() };
    let result = nll_with(&logits, &Tensor::new(&[0u32, 0], &CPU).unwrap(), &config);
    assert!(matches!(result, Err(Error::Setting { name: "weight", .. })), "{result:?}");
}

#[test]
fn kl_divergence_is_cross_entropy_less_entropy_and_takes_impossible_classes() {
    everywhere(|| {
        let log_p = log_softmax(&gradient::input(1, (3, 4)), 1).unwrap();
        let targets = softmax(&gradient::input(2, (3, 4)), 1).unwrap();
        let entropy = (&targets * targets.log().unwrap()).unwrap().sum_all().unwrap().neg().unwrap();
        let expected = number(&cross_entropy_soft(&log_p, &targets).unwrap()) - number(&entropy) / 3.0;
        assert!((number(&kl_divergence(&log_p, &targets).unwrap()) - expected).abs() < 1e-12);
        assert!(number(&kl_divergence(&targets.log().unwrap(), &targets).unwrap()).abs() < 1e-15);

        // 0 log 0 = 0, and the gradients stay finite, also where the model has probability 0 too.
        let log_p = Var::new(&[[0f64, f64::NEG_INFINITY], [0.25f64.ln(), 0.75f64.ln()]], &here()).unwrap();
        let targets = Tensor::new(&[[1f64, 0.0], [1.0, 0.0]], &here()).unwrap();
        for log_target in [false, true] {
            let var = Var::from_tensor(&if log_target { targets.log().unwrap() } else { targets.clone() }).unwrap();
            let loss = kl_divergence_with(&log_p, &var, &KlConfig { log_target, reduction: Reduction::Sum }).unwrap();
            assert!((number(&loss) - 4f64.ln()).abs() < 1e-12);
            let gradients = loss.backward().unwrap();
            assert_eq!(flat(gradients.get(&log_p).unwrap()), [-1.0, 0.0, -1.0, 0.0]);
            assert!(flat(gradients.get(&var).unwrap()).iter().all(|g| g.is_finite()));
        }
    });
}

#[test]
fn bad_input_is_a_typed_error() {
    let logits = Tensor::zeros((2, 3), DType::F32, &CPU).unwrap();
    let labels = |labels: &[i64]| Tensor::new(labels, &CPU).unwrap();
    type Labelled = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let empty = Tensor::zeros((0, 3), DType::F32, &CPU).unwrap();
    for loss in [cross_entropy as Labelled, nll, multi_margin] {
        for (given, position, label) in [(&[0, 3], 1, 3), (&[-1, 0], 0, -1), (&[-100, 9], 0, -100)] {
            let result = loss(&logits, &labels(given));
            let expected = (position, label, 3);
            assert!(
                matches!(result, Err(Error::Label { label, position, classes }) if (position, label, classes) == expected),
                "{result:?}"
            );
        }
        assert!(matches!(loss(&logits, &labels(&[0])), Err(Error::Shape { what: "labels", .. })));
        assert!(matches!(loss(&logits, &logits.narrow(1, 0, 1).unwrap()), Err(Error::Shape { .. })));
        let float_labels = Tensor::zeros(2, DType::F32, &CPU).unwrap();
        assert!(matches!(loss(&logits, &float_labels), Err(Error::DType { what: "labels", .. })));
        assert!(matches!(loss(&labels(&[0]), &labels(&[0])), Err(Error::DType { .. })));
        assert!(matches!(loss(&Tensor::new(0f32, &CPU).unwrap(), &labels(&[])), Err(Error::Shape { .. })));
        assert!(matches!(loss(&empty, &labels(&[])), Err(Error::Shape { .. })));
    }

    type Pair = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let (huber1, smooth1): (Pair, Pair) = (|p, t| huber(p, t), |p, t| smooth_l1(p, t));
    let bce: Pair = binary_cross_entropy_with_logits;
    for loss in [mse as Pair, mae, huber1, smooth1, hinge, cross_entropy_soft, kl_divergence, bce] {
        let column = Tensor::zeros((2, 1), DType::F32, &CPU).unwrap();
        assert!(matches!(loss(&logits, &column), Err(Error::Shape { .. })), "nothing is broadcast");
        assert!(matches!(loss(&logits, &logits.to_dtype(DType::F64).unwrap()), Err(Error::DType { .. })));
        assert!(matches!(loss(&labels(&[1]), &labels(&[1])), Err(Error::DType { .. })));
        assert!(matches!(loss(&empty, &empty), Err(Error::Shape { .. })));
    }
    let scalar = Tensor::new(0f32, &CPU).unwrap();
    for loss in [cross_entropy_soft as Pair, kl_divergence] {
        assert!(matches!(loss(&scalar, &scalar), Err(Error::Shape { .. })), "no classes");
    }
}

#[test]
fn settings_outside_their_range_are_typed_errors() {
    let logits = Tensor::zeros((2, 3), DType::F32, &CPU).unwrap();
    let labels = Tensor::new(&[0u32, 1], &CPU).unwrap();
    let refused = |result: Result<Tensor>, setting: &str| {
        assert!(matches!(result, Err(Error::Setting { name, .. }) if name == setting), "{setting}: {result:?}");
    };
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(huber_with(&logits, &logits, &huber_at(value)), "delta");
        if value != 0.0 {
            refused(smooth_l1_with(&logits, &logits, &smooth_l1_at(value)), "beta");
        }
    }
    for label_smoothing in [-0.1, 1.1, f64::NAN] {
        let config = CrossEntropyConfig { label_smoothing, ..CrossEntropyConfig::default() };
        refused(cross_entropy_with(&logits, &labels, &config), "label_smoothing");
        refused(cross_entropy_soft_with(&logits, &logits, &config), "label_smoothing");
    }
    let ignoring = CrossEntropyConfig { ignore_index: Some(0), ..CrossEntropyConfig::default() };
    refused(cross_entropy_soft_with(&logits, &logits, &ignoring), "ignore_index");
    let margins = MultiMarginConfig::default();
    refused(multi_margin_with(&logits, &labels, &MultiMarginConfig { p: 3, ..margins.clone() }), "p");
    refused(multi_margin_with(&logits, &labels, &MultiMarginConfig { margin: f64::NAN, ..margins.clone() }), "margin");

    let with_weight = |weight: Tensor| {
        let weight = Some(weight);
        [
            cross_entropy_with(
                &logits,
                &labels,
                &CrossEntropyConfig { weight: weight.clone(), ..CrossEntropyConfig::default() },
            ),
            cross_entropy_soft_with(
                &logits,
                &logits,
                &CrossEntropyConfig { weight: weight.clone(), ..CrossEntropyConfig::default() },
            ),
            nll_with(&logits, &labels, &NllConfig { weight: weight.clone(), ..NllConfig::default() }),
            multi_margin_with(&logits, &labels, &MultiMarginConfig { weight: weight.clone(), ..margins.clone() }),
            binary_cross_entropy_with_logits_with(
                &logits,
                &logits,
                &BceConfig { pos_weight: weight, ..BceConfig::default() },
            ),
        ]
    };
    for value in [-1f32, f32::NAN, f32::INFINITY] {
        for result in with_weight(Tensor::new(&[1f32, value, 1.0], &CPU).unwrap()) {
            assert!(matches!(result, Err(Error::Setting { name: "weight" | "pos_weight", .. })), "{result:?}");
        }
    }
    for result in with_weight(Tensor::new(&[1f32, 1.0], &CPU).unwrap()) {
        assert!(matches!(result, Err(Error::Shape { what: "weight" | "pos_weight", .. })), "{result:?}");
    }
    for result in with_weight(Tensor::new(&[1f64, 1.0, 1.0], &CPU).unwrap()) {
        assert!(matches!(result, Err(Error::DType { what: "weight" | "pos_weight", .. })), "{result:?}");
    }
    let scalar = Tensor::new(0f32, &CPU).unwrap();
    let config = BceConfig { pos_weight: Some(Tensor::new(&[1f32], &CPU).unwrap()), ..BceConfig::default() };
    let result = binary_cross_entropy_with_logits_with(&scalar, &scalar, &config);
    assert!(matches!(result, Err(Error::Shape { .. })), "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn losses_of_any_shapes_are_finite_or_typed_errors(
        shape in proptest::collection::vec(0usize..4, 0..4),
        unrelated in proptest::collection::vec(0usize..4, 0..4),
        relation in 0..3,
        labels in proptest::collection::vec(0i64..3, 27),
        seed in 0u64..1000,
    ) {
        let other = match relation {
            0 => shape.clone(),
            1 => shape[..shape.len().saturating_sub(1)].to_vec(), // as of labels
            _ => unrelated,
        };
        let x = gradient::input(seed, shape.as_slice());
        let t = gradient::input(seed + 1, other.as_slice()).abs().unwrap();
        let fits = shape == other && x.elem_count() > 0;
        for (loss, rows) in [
            (mse(&x, &t), false),
            (mae(&x, &t), false),
            (huber_with(&x, &t, &huber_at(0.5)), false),
            (smooth_l1_with(&x, &t, &smooth_l1_at(0.5)), false),
            (hinge(&x, &t), false),
            (binary_cross_entropy_with_logits(&x, &t), false),
            (cross_entropy_soft(&x, &t), true),
            (kl_divergence(&x, &t), true),
        ] {
            prop_assert_eq!(loss.is_ok(), fits && !(rows && shape.is_empty()), "{:?}", loss);
            if let Ok(loss) = loss {
                prop_assert!(loss.rank() == 0 && number(&loss).is_finite());
            }
        }

        let n: usize = other.iter().product();
        let labels = Tensor::from_vec(labels[..n].to_vec(), other.as_slice(), &CPU).unwrap();
        let rows = shape.split_last();
        let all_classes = flat(&labels).iter().all(|&label| label >= 0.0 && (label as usize) < *rows.unwrap_or((&0, &[])).0);
        let fits = rows.is_some_and(|(_, batch)| batch == other) && x.elem_count() > 0 && all_classes;
        let smooth = CrossEntropyConfig { label_smoothing: 0.1, ..CrossEntropyConfig::default() };
        for loss in [
            cross_entropy(&x, &labels),
            cross_entropy_with(&x, &labels, &smooth),
            nll(&x, &labels),
            multi_margin(&x, &labels),
        ] {
            prop_assert_eq!(loss.is_ok(), fits, "{:?}", loss);
        }
    }
}

/// If this fails, Candle has mended what `binary_cross_entropy_with_logits` is here for.
#[test]
fn stock_binary_cross_entropy_is_nan_at_100() {
    for z in [100f32, -100.0] {
        let logits = Tensor::new(&[[z]], &CPU).unwrap();
        let target = Tensor::new(&[[f32::from(z > 0.0)]], &CPU).unwrap();
        assert!(number(&candle_nn::loss::binary_cross_entropy_with_logit(&logits, &target).unwrap()).is_nan());
        assert!(number(&binary_cross_entropy_with_logits(&logits, &target).unwrap()) < 1e-30);
    }
}

/// If this fails, Candle has mended what `mae` warns of.
#[test]
fn stock_abs_pushes_a_prediction_that_is_right() {
    let x = Var::new(&[2f64], &CPU).unwrap();
    let stock = (x.as_tensor() - x.detach()).unwrap().abs().unwrap();
    assert_eq!(flat(stock.backward().unwrap().get(&x).unwrap()), [1.0]);
}

#[test]
fn a_beta_beyond_the_range_of_f32_is_that_of_the_formula() {
    for (beta, expected, slopes) in [
        // Far below every difference: the absolute error.
        (1e-50, 1.0, [1.0, 0.0, -1.0]),
        // Far above: d²/(2β), 0 in F32.
        (1e50, 0.0, [0.0; 3]),
        // (10¹⁹)² is beyond F32, and (10¹⁹)²/(2 · 10³⁹) is not.
        (1e39, 0.05, [1e-20, 0.0, -1e-20]),
    ] {
        let scale = if beta == 1e39 { 1e19 } else { 1.0 };
        everywhere(|| {
            let prediction = Var::new(&[1.5f32 * scale, 0.0, -1.5 * scale], &here()).unwrap();
            let target = Tensor::new(&[0.5f32 * scale, 0.0, -0.5 * scale], &here()).unwrap();
            let config = SmoothL1Config { beta, reduction: Reduction::Sum };
            let loss = smooth_l1_with(&prediction, &target, &config).unwrap();
            let expected = 2.0 * expected;
            assert!((number(&loss) - expected).abs() <= 1e-6 * expected, "{beta}: {}", number(&loss));
            let gradient = flat(loss.backward().unwrap().get(&prediction).unwrap());
            for (gradient, slope) in gradient.iter().zip(slopes) {
                assert!((gradient - slope).abs() <= 1e-6 * slope.abs(), "{beta}: {gradient} {slope}");
            }
        });
    }
}
