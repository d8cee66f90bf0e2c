//! What users meet, elsewhere and by the CPU's kernels: layers, activations, losses, optimizers, in F32.
//!
//! A case gives all numbers that it computes, by name. They agree within 1e-4 of the largest number of their tensor, and have the same
//! bits at each run.

mod layers;
mod losses;
mod optimizers;

use candlelight::autograd::value_and_grad;
use candlelight::candle_core::Shape;
use candlelight::candle_core::backprop::GradStore;
use candlelight::kernels::composed;
use candlelight::nn::dropout;
use candlelight::prelude::*;
use candlelight_tests::elsewhere::device;
use candlelight_tests::{elsewhere, flat, gradient, store};

/// What a case computes: outputs, gradients, what a layer or an optimizer remembers.
type Numbers = Vec<(String, Vec<f64>)>;

/// One row of the table.
struct Case {
    name: String,
    run: Box<dyn Fn() -> Result<Numbers>>,
}

fn case(name: impl Into<String>, run: impl Fn() -> Result<Numbers> + 'static) -> Case {
    Case { name: name.into(), run: Box::new(run) }
}

/// Normal draws, each at least 0.05 away from 0, in F32.
fn input(seed: u64, shape: impl Into<Shape>) -> Result<Tensor> {
    Ok(gradient::input(seed, shape).to_dtype(DType::F32)?)
}

/// Runs a case on the CPU and elsewhere, and on another device in composed form as well.
fn check(Case { name, run }: &Case) {
    let run = || run().unwrap_or_else(|error| panic!("{name}: {error}"));
    let (expected, found) = (run(), elsewhere(run));
    assert!(!expected.is_empty(), "{name}");
    // A layer that normalizes each sample by itself counts no batches.
    for (what, numbers) in expected.iter().filter(|(what, _)| what != "num_batches_tracked") {
        assert!(numbers.iter().any(|x| *x != 0.0), "{name}: {what} is all zeros, which any device gets right");
    }
    same(name, &found, &expected);
    assert_eq!(bits(&found), bits(&elsewhere(run)), "{name}: another run has other bits");
    if !device().is_cpu() {
        same(&format!("{name}, composed"), &elsewhere(|| composed(run)), &expected);
    }
}

fn same(name: &str, found: &Numbers, expected: &Numbers) {
    assert_eq!(names(found), names(expected), "{name}");
    for ((what, found), (_, expected)) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len(), "{name}: {what}");
        let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let close = (found - expected).abs() <= 1e-4 * largest;
            assert!(close, "{name}: {found} and not {expected} at {i} of {what}, the largest is {largest}");
        }
    }
}

fn names(numbers: &Numbers) -> Vec<&str> {
    numbers.iter().map(|(name, _)| name.as_str()).collect()
}

fn bits(numbers: &Numbers) -> Vec<u64> {
    numbers.iter().flat_map(|(_, numbers)| numbers.iter().map(|x| x.to_bits())).collect()
}

/// The gradients of `vars` by the tape, and by Candle's own backward pass. `output` makes a tensor of any shape; its sum is
/// taken with uneven weights, so that no gradient cancels.
fn gradients(vars: &[(String, Var)], output: impl Fn() -> Result<Tensor>) -> Result<Numbers> {
    let mut y = None;
    let mut loss = || {
        let output = output()?;
        let weights: Vec<f32> = (0..output.elem_count()).map(|i| 0.5 + (1.7 * i as f32).sin()).collect();
        let weights = Tensor::from_vec(weights, output.shape(), &Device::Cpu)?.to_device(output.device())?;
        y = Some(output.clone());
        Ok((output * weights)?.sum_all()?)
    };
    let by_tape = value_and_grad(&mut loss)?.1;
    let by_graph = loss()?.backward()?;
    let mut all: Numbers = y.iter().map(|y| ("output".into(), flat(y))).collect();
    for (way, store) in [("tape", &by_tape), ("graph", &by_graph)] {
        all.extend(vars.iter().map(|(name, var)| (format!("gradient of {name} ({way})"), of(store, name, var))));
    }
    Ok(all)
}

fn of(store: &GradStore, name: &str, var: &Var) -> Vec<f64> {
    flat(store.get(var).unwrap_or_else(|| panic!("{name} has no gradient")))
}

/// The parameters that are trained, by name.
fn trainable(params: &Params) -> Vec<(String, Var)> {
    params.trainable().into_iter().map(|param| (param.name, param.var)).collect()
}

/// What is drawn for a seed does not depend on the device.
#[test]
fn the_same_seeds_give_the_same_numbers() {
    let draw = || {
        let params = store(DType::F32);
        let w = params.var("w", (4, 5), Init::HeNormal).unwrap();
        let b = params.var("b", 7, Init::Uniform { low: -1.0, high: 2.0 }).unwrap();
        let drop = dropout(0.4, params.pp("drop")).unwrap();
        let mask = drop.forward(&w.ones_like().unwrap(), Mode::Train).unwrap();
        let x = input(3, (2, 3)).unwrap();
        [w.as_tensor(), b.as_tensor(), &mask, &x].map(flat)
    };
    assert_eq!(draw(), elsewhere(draw));
}
