//! Optimizers, two steps each: parameters, and what is remembered; clipping.

use candlelight::candle_core::backprop::GradStore;
use candlelight::optim::*;
use candlelight::params::Param;
use candlelight::prelude::*;
use candlelight_tests::elsewhere::is_composed;
use candlelight_tests::{flat, number, store};

use super::{Case, Numbers, case, check, input};

/// Three parameters, of which one fills no vector.
fn parameters() -> Result<Params> {
    let params = store(DType::F32);
    for (name, n) in [("a", 1), ("b", 7), ("c", 130)] {
        params.var(name, n, Init::Normal { mean: 0.0, std: 1.0 })?;
    }
    Ok(params)
}

fn slopes(params: &Params, seed: u64) -> Result<GradStore> {
    let mut store = GradStore::default();
    for (i, Param { var, .. }) in params.trainable().into_iter().enumerate() {
        store.insert(&var, input(seed + i as u64, var.shape())?);
    }
    Ok(store)
}

fn values(params: &Params, when: &str) -> Numbers {
    params.all().into_iter().map(|param| (format!("{} {when}", param.name), flat(&param.var))).collect()
}

/// Two steps of an optimizer; `compose` makes it the form that other devices run.
fn steps<T: Optimizer + 'static>(
    name: &str,
    make: impl Fn(Vec<Param>) -> Result<T> + 'static,
    compose: impl Fn(T) -> Result<T> + 'static,
) -> Case {
    case(name, move || {
        let params = parameters()?;
        let mut optimizer = make(params.trainable())?;
        if is_composed() {
            optimizer = compose(optimizer)?;
        }
        let mut all = Numbers::new();
        for step in 1..=2 {
            optimizer.step(&slopes(&params, 10 * step)?)?;
            all.extend(values(&params, &format!("after step {step}")));
        }
        all.extend(optimizer.state()?.tensors.into_iter().map(|(name, tensor)| (name, flat(&tensor))));
        Ok(all)
    })
}

#[test]
fn two_steps() {
    let (lr, weight_decay) = (0.05, 0.1);
    let sgd = SgdConfig { lr, weight_decay, ..Default::default() };
    let momentum = SgdConfig { momentum: 0.9, ..sgd };
    let rms = RmsPropConfig { lr, weight_decay, ..Default::default() };
    let adam = AdamConfig { lr, weight_decay, ..Default::default() };
    let adamw = AdamWConfig { lr, weight_decay, ..Default::default() };
    let adagrad = AdagradConfig { lr, weight_decay, initial_accumulator_value: 0.1, ..Default::default() };
    let adadelta = AdadeltaConfig { weight_decay, ..Default::default() };
    for case in [
        steps("SGD", move |p| Sgd::new(p, sgd), Sgd::composed),
        steps("SGD, momentum", move |p| Sgd::new(p, momentum), Sgd::composed),
        steps("SGD, Nesterov", move |p| Sgd::new(p, SgdConfig { nesterov: true, ..momentum }), Sgd::composed),
        steps("RMSprop", move |p| RmsProp::new(p, rms), RmsProp::composed),
        steps("RMSprop, momentum", move |p| RmsProp::new(p, RmsPropConfig { momentum: 0.9, ..rms }), RmsProp::composed),
        steps("Adagrad", move |p| Adagrad::new(p, adagrad), Adagrad::composed),
        steps("Adadelta", move |p| Adadelta::new(p, adadelta), Adadelta::composed),
        steps("Adam", move |p| Adam::new(p, adam), Adam::composed),
        steps("AMSGrad", move |p| Adam::new(p, AdamConfig { amsgrad: true, ..adam }), Adam::composed),
        steps("AdamW", move |p| AdamW::new(p, adamw), AdamW::composed),
    ] {
        check(&case);
    }
}

#[test]
fn clipping() {
    for (name, unread) in [("clip_grad_norm", false), ("clip_grad_norm_unread", true)] {
        check(&case(name, move || {
            let params = parameters()?;
            let mut gradients = slopes(&params, 1)?;
            let norm = match unread {
                true => number(&clip_grad_norm_unread(&mut gradients, &params.trainable(), 0.7)?),
                false => clip_grad_norm(&mut gradients, &params.trainable(), 0.7, true)?,
            };
            let of = |Param { name, var, .. }| (name, flat(gradients.get(&var).expect("a gradient")));
            Ok(std::iter::once(("norm".into(), vec![norm])).chain(params.trainable().into_iter().map(of)).collect())
        }));
    }
    check(&case("clip_grad_value and grad_norms", || {
        let params = parameters()?;
        let mut gradients = slopes(&params, 1)?;
        let norms = grad_norms(&gradients, &params.trainable())?;
        clip_grad_value(&mut gradients, &params.trainable(), 0.7)?;
        let of = |Param { name, var, .. }| (name, flat(gradients.get(&var).expect("a gradient")));
        Ok(std::iter::once(("norms".into(), norms)).chain(params.trainable().into_iter().map(of)).collect())
    }));
}
