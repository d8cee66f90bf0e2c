//! What a card computes to the bit as the CPU's kernels do: updates of parameters, and masks.

use candlelight::nn::dropout;
use candlelight::optim::{Adadelta, AdadeltaConfig, Adagrad, AdagradConfig};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::device;
use candlelight_tests::{elsewhere, flat, here};

fn optimizers(params: &Params) -> Vec<Box<dyn Optimizer>> {
    let all = || params.trainable();
    let nesterov = SgdConfig { lr: 0.1, momentum: 0.9, weight_decay: 0.01, nesterov: true, ..SgdConfig::default() };
    vec![
        Box::new(Sgd::new(all(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap()),
        Box::new(Sgd::new(all(), nesterov).unwrap()),
        Box::new(Adam::new(all(), AdamConfig { amsgrad: true, weight_decay: 0.1, ..AdamConfig::default() }).unwrap()),
        Box::new(AdamW::new(all(), AdamWConfig::default()).unwrap()),
        Box::new(
            RmsProp::new(all(), RmsPropConfig { momentum: 0.5, centered: true, ..RmsPropConfig::default() }).unwrap(),
        ),
        Box::new(Adagrad::new(all(), AdagradConfig::default()).unwrap()),
        Box::new(Adadelta::new(all(), AdadeltaConfig::default()).unwrap()),
    ]
}

/// All parameters after three steps, more of them than one launch takes, and one of more numbers than a block has threads.
fn after_steps(which: usize, dtype: DType) -> Vec<Vec<u64>> {
    let params = Params::with_dtype(0, dtype, &here()).unwrap();
    let normal = Init::Normal { mean: 0.0, std: 1.0 };
    for i in 0..70 {
        params.var(&format!("p{i}"), if i == 3 { 1000 } else { 1 + i % 5 }, normal).unwrap();
    }
    let mut optimizer = optimizers(&params).remove(which);
    for _ in 0..3 {
        let loss = |param: &candlelight::params::Param| param.var.sqr()?.sqr()?.sum_all();
        let losses: Vec<Tensor> = params.trainable().iter().map(|param| loss(param).unwrap()).collect();
        optimizer.backward_step(&Tensor::stack(&losses, 0).unwrap().sum_all().unwrap()).unwrap();
    }
    params.trainable().iter().map(|param| flat(&param.var).into_iter().map(f64::to_bits).collect()).collect()
}

#[test]
fn updates_have_the_bits_of_the_cpu() {
    if device().is_cpu() {
        return; // there the composed rule is another order of operations
    }
    for dtype in [DType::F32, DType::F64] {
        for which in 0..7 {
            let on_card = elsewhere(|| after_steps(which, dtype));
            assert!(after_steps(which, dtype) == on_card, "{dtype:?}, optimizer {which}");
        }
    }
}

#[test]
fn masks_have_the_bits_of_the_cpu() {
    // Sixteen bits decide, but one time in 65 536 for the last four: then a coin for the third p.
    for (p, many) in [(0.5, 10_001), (0.8125, 10_001), (19_660.5 / 65_536.0, 600_001), (1e-5, 10_001), (1.0, 200_001)] {
        for dtype in [DType::F32, DType::F64] {
            let masks = || {
                let layer = dropout(p, Params::with_dtype(0, dtype, &here()).unwrap()).unwrap();
                // An odd number leaves half a word, which is passed over.
                [1, 33, 4097, many, 64]
                    .map(|n| flat(&layer.forward(&Tensor::ones(n, dtype, &here()).unwrap(), Mode::Train).unwrap()))
            };
            assert_eq!(elsewhere(masks), masks(), "{p} {dtype:?}");
        }
    }
}
