//! Ensembles: the averages by hand, their inequalities, and a gain on data.

use candlelight::activation::softmax;
use candlelight::loss::{cross_entropy, mse};
use candlelight::metrics::accuracy;
use candlelight::nn::{Mode, Module};
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight::train::{Average, Ensemble, evaluate};
use candlelight_tests::{assert_close, flat, number};
use proptest::prelude::*;

const CPU: Device = Device::Cpu;

/// A model that gives the same output for every input.
struct Fixed(Tensor);

impl Module for Fixed {
    fn forward(&self, _: &Tensor, _: Mode) -> Result<Tensor> {
        Ok(self.0.clone())
    }
}

fn ensemble(average: Average, outputs: &[Tensor]) -> Ensemble {
    outputs.iter().fold(Ensemble::new(average), |ensemble, output| ensemble.push(Fixed(output.clone())))
}

fn mean(tensors: &[Tensor]) -> Tensor {
    (Tensor::stack(tensors, 0).unwrap().sum(0).unwrap() / tensors.len() as f64).unwrap()
}

#[test]
fn it_averages_probabilities_or_outputs() {
    let outputs: Vec<Tensor> =
        (0..5).map(|seed| normal(&mut seeded(seed), 0.0, 3.0, (4, 7), DType::F64, &CPU).unwrap()).collect();
    let x = Tensor::zeros((4, 1), DType::F64, &CPU).unwrap();
    let probabilities = ensemble(Average::Probabilities, &outputs);
    let by_hand = mean(&outputs.iter().map(|z| softmax(z, 1).unwrap()).collect::<Vec<_>>());
    assert_close("probabilities", &probabilities.probabilities(&x).unwrap(), &by_hand, 1e-12, 1e-12);
    assert_close("their logs", &probabilities.forward(&x, Mode::Eval).unwrap(), &by_hand.log().unwrap(), 1e-12, 1e-12);
    let logits = ensemble(Average::Outputs, &outputs);
    assert_close("outputs", &logits.forward(&x, Mode::Eval).unwrap(), &mean(&outputs), 1e-12, 1e-12);
    assert_close("softmax", &logits.probabilities(&x).unwrap(), &softmax(&mean(&outputs), 1).unwrap(), 1e-12, 1e-12);
    assert_eq!((logits.len(), logits.is_empty(), logits.outputs(&x, Mode::Eval).unwrap().len()), (5, false, 5));
    // One member is itself.
    let alone = ensemble(Average::Outputs, &outputs[..1]).forward(&x, Mode::Eval).unwrap();
    assert_eq!(flat(&alone), flat(&outputs[0]));
}

#[test]
fn certain_members_do_not_underflow() {
    let sure = |z: [f32; 2]| Tensor::new(&[z], &CPU).unwrap();
    let both = ensemble(Average::Probabilities, &[sure([500.0, -500.0]), sure([400.0, -400.0])]);
    let x = Tensor::zeros((1, 1), DType::F32, &CPU).unwrap();
    let logs = flat(&both.forward(&x, Mode::Eval).unwrap());
    assert!(logs[0].abs() < 1e-6 && (logs[1] + 800.0 + 2f64.ln()).abs() < 1e-3, "{logs:?}");
}

#[test]
fn the_mode_reaches_the_members_and_gradients_reach_their_parameters() {
    struct Doubling;
    impl Module for Doubling {
        fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
            Ok(if mode == Mode::Train { (x * 2.0)? } else { x.clone() })
        }
    }
    let x = Tensor::new(&[[1f32, 3.]], &CPU).unwrap();
    let pair = Ensemble::new(Average::Outputs).push(Doubling).push(Doubling);
    assert_eq!(flat(&pair.forward(&x, Mode::Train).unwrap()), [2.0, 6.0]);
    assert_eq!(flat(&pair.forward(&x, Mode::Eval).unwrap()), [1.0, 3.0]);

    for average in [Average::Probabilities, Average::Outputs] {
        let params = Params::new(0, &CPU).unwrap();
        let members = Ensemble::new(average)
            .push(linear(2, 3, params.pp("a")).unwrap())
            .push(linear(2, 3, params.pp("b")).unwrap());
        let label = Tensor::new(&[1u32], &CPU).unwrap();
        let gradients = cross_entropy(&members.forward(&x, Mode::Train).unwrap(), &label).unwrap().backward().unwrap();
        for param in params.trainable() {
            assert!(flat(gradients.get(&param.var).unwrap()).iter().any(|g| *g != 0.0), "{average:?}: {}", param.name);
        }
    }
}

#[test]
fn members_that_do_not_fit_are_typed_errors() {
    let x = Tensor::zeros((1, 1), DType::F32, &CPU).unwrap();
    let none = Ensemble::new(Average::Outputs).forward(&x, Mode::Eval);
    assert!(matches!(none, Err(Error::Setting { name: "members of an ensemble", .. })));
    let zeros = |n: usize| Tensor::zeros((1, n), DType::F32, &CPU).unwrap();
    let odd = ensemble(Average::Probabilities, &[zeros(2), zeros(3)]).forward(&x, Mode::Eval);
    assert!(matches!(odd, Err(Error::Shape { what: "output of a member", .. })), "{odd:?}");
    fn check<T: Module + Send + 'static>() {}
    check::<Ensemble>();
}

#[test]
fn it_goes_where_a_model_goes() {
    let inputs = normal(&mut seeded(9), 0.0, 1.0, (50, 2), DType::F32, &CPU).unwrap();
    let labels = Tensor::from_vec((0..50u32).map(|i| i % 3).collect(), 50, &CPU).unwrap();
    let mut models = Ensemble::new(Average::Probabilities);
    for seed in 0..3 {
        models = models.push(linear(2, 3, Params::new(seed, &CPU).unwrap()).unwrap());
    }
    let evaluation = evaluate(&models, cross_entropy, &Dataset::new(&inputs, &labels).unwrap(), 7).unwrap();
    let probabilities = models.probabilities(&inputs).unwrap();
    let loss = number(&candlelight::loss::nll(&probabilities.log().unwrap(), &labels).unwrap());
    assert!((evaluation.loss - loss).abs() < 1e-6);
    assert_eq!(evaluation.accuracy, Some(accuracy(&probabilities, &labels).unwrap()));
}

proptest! {
    /// The loss is convex, so that of the average is at most the average of the losses.
    #[test]
    fn the_average_loses_no_more_than_its_members_on_average(members in 1usize..6, n in 1usize..5, c in 1usize..5, seed: u64) {
        let mut rng = seeded(seed);
        let outputs: Vec<Tensor> =
            (0..members).map(|_| normal(&mut rng, 0.0, 2.0, (n, c), DType::F64, &CPU).unwrap()).collect();
        let labels = Tensor::from_vec((0..n).map(|_| rng.random_range(0..c as u32)).collect::<Vec<_>>(), n, &CPU).unwrap();
        let target = normal(&mut rng, 0.0, 1.0, (n, c), DType::F64, &CPU).unwrap();
        let x = Tensor::zeros((n, 1), DType::F64, &CPU).unwrap();
        let average = |loss: &dyn Fn(&Tensor) -> Tensor| outputs.iter().map(|z| number(&loss(z))).sum::<f64>() / members as f64;
        for kind in [Average::Probabilities, Average::Outputs] {
            let output = ensemble(kind, &outputs).forward(&x, Mode::Eval).unwrap();
            let entropy = |z: &Tensor| cross_entropy(z, &labels).unwrap();
            prop_assert!(number(&entropy(&output)) <= average(&entropy) + 1e-12, "{:?}", kind);
        }
        let output = ensemble(Average::Outputs, &outputs).forward(&x, Mode::Eval).unwrap();
        let squares = |z: &Tensor| mse(z, &target).unwrap();
        prop_assert!(number(&squares(&output)) <= average(&squares) + 1e-12);
    }
}
