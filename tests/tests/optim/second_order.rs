//! Newton's method, its derivatives and linear systems; L-BFGS against PyTorch.

use candlelight::loss::{cross_entropy, mse};
use candlelight::ndarray::{Array1, Array2, Axis, array};
use candlelight::nn::linear;
use candlelight::optim::newton::*;
use candlelight::optim::*;
use candlelight::params::Param;
use candlelight::prelude::*;
use candlelight::state::Stateful;
use candlelight_tests::{Case, assert_close, fixture, flat, number};
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use serde_json::Value;

use crate::normal;

/// Normal numbers.
fn vector(seed: u64, len: usize) -> Array1<f64> {
    normal(seed, 1, len).row(0).to_owned()
}

#[track_caller]
fn assert_near<'a>(
    what: &str,
    actual: impl IntoIterator<Item = &'a f64>,
    expected: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
) {
    let (actual, expected): (Vec<_>, Vec<_>) = (actual.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        assert!((*actual - *expected).abs() <= tolerance, "{what}: entry {i} is {actual}, expected {expected}");
    }
}

/// Every operation of a [`Scalar`], away from poles and kinks.
struct Everything;

impl Function for Everything {
    fn dim(&self) -> usize {
        3
    }

    fn value<S: Scalar>(&self, x: &[S]) -> S {
        let [a, b, c] = [x[0], x[1], x[2]];
        let trigonometric = a.sin() * b.cos() - (a * c).tanh();
        let positive = a * a + b * b + 1.0;
        let powers = positive.sqrt() + positive.ln() + c.powi(3) - b.powi(-2) + a.powi(1) + a.powi(0);
        trigonometric + powers / positive + (-c / 2.0 - 0.5).exp() * 2.0 + S::from(3.0) / (b - 5.0)
    }
}

/// Gradient by differences of the value, Hessian and its product with a vector by differences of the gradient.
fn check_derivatives(what: &str, objective: &dyn Objective, x: &Array1<f64>) {
    let (n, h) = (objective.dim(), 1e-5);
    let at = |i: usize, h: f64| {
        let mut moved = x.clone();
        moved[i] += h;
        moved
    };
    let (gradient, hessian) = (objective.gradient(x).unwrap(), objective.hessian(x).unwrap());
    let v = vector(5, n);
    for i in 0..n {
        let (up, down) = (at(i, h), at(i, -h));
        let slope = (objective.value(&up).unwrap() - objective.value(&down).unwrap()) / (2.0 * h);
        assert_near(&format!("{what}: slope"), [&gradient[i]], [&slope], 1e-6);
        let row = (objective.gradient(&up).unwrap() - objective.gradient(&down).unwrap()) / (2.0 * h);
        assert_near(&format!("{what}: row {i}"), hessian.row(i), &row, 1e-6);
    }
    assert_near(&format!("{what}: symmetry"), &hessian, hessian.t(), 1e-15);
    assert_near(what, &objective.hessian_vector(x, &v).unwrap(), &hessian.dot(&v), 1e-7);
    assert!(gradient.iter().any(|g| *g != 0.0) && hessian.iter().any(|h| *h != 0.0));
}

#[test]
fn derivatives_are_those_of_the_value() {
    check_derivatives("everything", &Exact(Everything), &array![0.7, -1.3, 0.4]);
    let (x, y) = (normal(1, 11, 4), vector(2, 11));
    let labels = y.mapv(|y| if y > 0.0 { 1.0 } else { 0.0 });
    check_derivatives("linear", &LinearRegression::new(x.clone(), y, 0.1).unwrap(), &vector(3, 4));
    check_derivatives("logistic", &LogisticRegression::new(x.clone(), labels, 0.1).unwrap(), &vector(3, 4));
    let classes = (0..11).map(|n| n % 3).collect();
    check_derivatives("softmax", &SoftmaxRegression::new(x, classes, 3, 0.1).unwrap(), &vector(3, 12));
}

#[test]
fn the_regressions_are_the_crates_layers_and_losses() {
    let (x, y) = (normal(1, 9, 4), vector(2, 9));
    let tensor = |a: &Array2<f64>| Tensor::from_vec(a.iter().copied().collect(), a.dim(), &Device::Cpu).unwrap();
    let labels: Vec<usize> = (0..9).map(|n| n % 3).collect();
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let config = candlelight::nn::LinearConfig { bias: false, ..Default::default() };
    let one = candlelight::nn::Linear::new(4, 1, config, params.pp("one")).unwrap();
    let three = candlelight::nn::Linear::new(4, 3, config, params.pp("three")).unwrap();
    let (x_one, x_three) = (tensor(&x), tensor(&x));
    let (y_one, y_three) = (
        Tensor::from_vec(y.to_vec(), (9, 1), &Device::Cpu).unwrap(),
        Tensor::from_vec(labels.iter().map(|&label| label as u32).collect::<Vec<_>>(), 9, &Device::Cpu).unwrap(),
    );
    let l2 = 0.3;
    let (w_one, w_three) = (one.weight().clone(), three.weight().clone());
    let ours = Differences::new(params.pp("one").trainable(), move || {
        Ok((mse(&one.forward(&x_one, Mode::Train)?, &y_one)? + (w_one.sqr()?.sum_all()? * l2)?)?)
    });
    let mut pairs: Vec<(Differences, Box<dyn Objective>)> =
        vec![(ours.unwrap(), Box::new(LinearRegression::new(x.clone(), y, l2).unwrap()))];
    let ours = Differences::new(params.pp("three").trainable(), move || {
        Ok((cross_entropy(&three.forward(&x_three, Mode::Train)?, &y_three)? + (w_three.sqr()?.sum_all()? * l2)?)?)
    });
    pairs.push((ours.unwrap(), Box::new(SoftmaxRegression::new(x, labels, 3, l2).unwrap())));
    for (candle, formula) in pairs {
        let before = candle.start().unwrap();
        let (w, v) = (vector(7, formula.dim()), vector(8, formula.dim()));
        assert_eq!(candle.dim(), formula.dim());
        assert!((candle.value(&w).unwrap() - formula.value(&w).unwrap()).abs() < 1e-12);
        assert_near("gradient", &candle.gradient(&w).unwrap(), &formula.gradient(&w).unwrap(), 1e-12);
        assert_near("Hessian", &candle.hessian(&w).unwrap(), &formula.hessian(&w).unwrap(), 1e-8);
        let product = candle.hessian_vector(&w, &v).unwrap();
        assert_near("product", &product, &formula.hessian_vector(&w, &v).unwrap(), 1e-8);
        assert_eq!(candle.hessian_vector(&w, &Array1::zeros(v.len())).unwrap(), Array1::<f64>::zeros(v.len()));
        assert_eq!(candle.start().unwrap(), before, "the parameters keep their values");
        candle.set(&w).unwrap();
        assert_eq!(candle.start().unwrap(), w);
    }
}

#[test]
fn logistic_regression_is_stable_and_the_softmax_of_two_classes() {
    let (x, y) = (normal(1, 7, 2), array![0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    let labels = y.iter().map(|y| *y as usize).collect();
    let logistic = LogisticRegression::new(x.clone(), y.clone(), 0.0).unwrap();
    let softmax = SoftmaxRegression::new(x.clone(), labels, 2, 0.0).unwrap();
    let (w, joined) = (array![0.5, -2.0], array![0.0, 0.0, 0.5, -2.0]);
    assert!((logistic.value(&w).unwrap() - softmax.value(&joined).unwrap()).abs() < 1e-14);
    let block = softmax.hessian(&joined).unwrap().select(Axis(0), &[2, 3]).select(Axis(1), &[2, 3]);
    assert_near("Hessian", &logistic.hessian(&w).unwrap(), &block, 1e-14);
    let far = &w * 1e5;
    assert!(logistic.value(&far).unwrap().is_finite() && softmax.value(&(&joined * 1e5)).unwrap().is_finite());
    assert!(logistic.hessian(&far).unwrap().iter().all(|entry| entry.is_finite()));
    assert!(logistic.gradient(&far).unwrap().iter().all(|entry| entry.is_finite()));
}

#[test]
fn the_mean_of_batch_hessians_is_the_hessian() {
    let (x, y) = (normal(1, 12, 3), vector(2, 12).mapv(|y| if y > 0.0 { 1.0 } else { 0.0 }));
    let (w, classes) = (vector(3, 3), y.iter().map(|y| *y as usize).collect());
    let linear = LinearRegression::new(x.clone(), y.clone(), 0.1).unwrap();
    let logistic = LogisticRegression::new(x.clone(), y, 0.1).unwrap();
    let softmax = SoftmaxRegression::new(x, classes, 2, 0.1).unwrap();
    let halves: [Vec<usize>; 2] = [(0..6).collect(), (6..12).collect()];
    let mean = |of: &dyn Fn(&[usize]) -> Array2<f64>| (of(&halves[0]) + of(&halves[1])) / 2.0;
    let w2 = vector(4, 6);
    let linear_mean = mean(&|rows| linear.batch(rows).unwrap().hessian(&w).unwrap());
    assert_near("linear", &linear_mean, &linear.hessian(&w).unwrap(), 1e-14);
    let logistic_mean = mean(&|rows| logistic.batch(rows).unwrap().hessian(&w).unwrap());
    assert_near("logistic", &logistic_mean, &logistic.hessian(&w).unwrap(), 1e-14);
    let softmax_mean = mean(&|rows| softmax.batch(rows).unwrap().hessian(&w2).unwrap());
    assert_near("softmax", &softmax_mean, &softmax.hessian(&w2).unwrap(), 1e-14);
    for error in [linear.batch(&[]).map(drop), logistic.batch(&[12]).map(drop), softmax.batch(&[99]).map(drop)] {
        assert!(matches!(error, Err(Error::Setting { .. })));
    }
}

fn run(method: NewtonMethod, objective: &dyn Objective, mut x: Array1<f64>, steps: usize) -> Array1<f64> {
    let mut newton = Newton::new(method).unwrap();
    for _ in 0..steps {
        newton.step(objective, &mut x).unwrap();
    }
    x
}

const DAMPED: [NewtonMethod; 2] = [NewtonMethod::Backtracking, NewtonMethod::LevenbergMarquardt { damping: 1e-3 }];

struct Rosenbrock;

impl Function for Rosenbrock {
    fn dim(&self) -> usize {
        2
    }

    fn value<S: Scalar>(&self, x: &[S]) -> S {
        (-x[0] + 1.0).powi(2) + (x[1] - x[0] * x[0]).powi(2) * 100.0
    }
}

/// (x² - 1)² + y²: minima at (±1, 0), a saddle at 0.
struct TwoValleys;

impl Function for TwoValleys {
    fn dim(&self) -> usize {
        2
    }

    fn value<S: Scalar>(&self, x: &[S]) -> S {
        (x[0] * x[0] - 1.0).powi(2) + x[1] * x[1]
    }
}

#[test]
fn one_step_solves_a_quadratic_and_few_steps_rosenbrocks_valley() {
    let (x, y) = (normal(1, 20, 5), vector(2, 20));
    let objective = LinearRegression::new(x, y, 0.01).unwrap();
    let solution = run(NewtonMethod::default(), &objective, vector(3, 5) * 100.0, 1);
    assert!(objective.gradient(&solution).unwrap().iter().all(|g| g.abs() < 1e-12));
    assert_near("backtracking", &run(DAMPED[0], &objective, vector(3, 5) * 100.0, 1), &solution, 1e-12);

    for (method, steps) in [(NewtonMethod::default(), 7), (DAMPED[0], 25), (DAMPED[1], 40)] {
        let end = run(method, &Exact(Rosenbrock), array![-1.2, 1.0], steps);
        assert_near(&format!("{method:?}"), &end, &array![1.0, 1.0], 1e-9);
        let end = run(method, &LinearRegression::new(array![[1.0]], array![3.0], 0.0).unwrap(), array![0.0], 20);
        assert_near(&format!("parabola, {method:?}"), &end, &array![3.0], 1e-9);
    }
}

#[test]
fn full_steps_go_to_a_saddle_and_damped_ones_to_a_minimum() {
    // Where the valley's floor is convex upwards, the full step goes up.
    let start = array![0.1, 1.0];
    let saddle = run(NewtonMethod::default(), &Exact(TwoValleys), start.clone(), 10);
    assert_near("full", &saddle, &array![0.0, 0.0], 1e-12);
    for method in DAMPED {
        let mut newton = Newton::new(method).unwrap();
        let (mut x, mut last) = (start.clone(), f64::INFINITY);
        for _ in 0..30 {
            let step = newton.step(&Exact(TwoValleys), &mut x).unwrap();
            assert!(step.value <= last, "{method:?} went up");
            last = step.value;
        }
        assert_near(&format!("{method:?}"), &x, &array![1.0, 0.0], 1e-9);
        // At the minimum nothing is left to do, and nothing goes wrong.
        let before = x.clone();
        for _ in 0..3 {
            newton.step(&Exact(TwoValleys), &mut x).unwrap();
        }
        assert_near("at rest", &x, &before, 1e-9);
    }
}

#[test]
fn newton_refuses_what_does_not_fit() {
    let mut x = array![0.0, 0.0];
    let mut newton = Newton::new(NewtonMethod::default()).unwrap();
    let line = LinearRegression::new(array![[1.0, 1.0], [2.0, 2.0]], array![1.0, 2.0], 0.0).unwrap();
    let error = newton.step(&line, &mut x).unwrap_err();
    assert_eq!(error.to_string(), "the 2 × 2 matrix is singular: no pivot for column 1");
    let mut short = array![0.0];
    assert!(matches!(newton.step(&line, &mut short), Err(Error::Shape { what: "x", .. })));
    for x in [array![f64::NAN, 0.0], array![1e200, 0.0]] {
        for method in [NewtonMethod::default(), DAMPED[0], DAMPED[1]] {
            let mut moved = x.clone();
            let result = Newton::new(method).unwrap().step(&Exact(Rosenbrock), &mut moved);
            assert!(matches!(result, Err(Error::NotFinite { .. })), "{method:?}: {result:?}");
            assert!(moved.iter().zip(&x).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
    assert!(matches!(
        Newton::new(NewtonMethod::LevenbergMarquardt { damping: 0.0 }),
        Err(Error::Setting { name: "damping", .. })
    ));
    assert!(matches!(
        Newton::new(NewtonMethod::Full { step_size: f64::NAN }),
        Err(Error::Setting { name: "step_size", .. })
    ));
    let (x, y) = (normal(1, 3, 2), array![0.0, 1.0, 0.0]);
    assert!(matches!(LinearRegression::new(x.clone(), array![1.0], 0.0), Err(Error::Shape { what: "targets", .. })));
    assert!(matches!(LinearRegression::new(x.clone(), y.clone(), -1.0), Err(Error::Setting { name: "l2", .. })));
    assert!(matches!(LinearRegression::new(Array2::zeros((0, 2)), array![], 0.0), Err(Error::Shape { .. })));
    assert!(matches!(LogisticRegression::new(x.clone(), &y * 2.0, 0.0), Err(Error::Setting { name: "label", .. })));
    assert!(matches!(SoftmaxRegression::new(x.clone(), vec![0, 1, 2], 2, 0.0), Err(Error::Label { position: 2, .. })));
    assert!(matches!(SoftmaxRegression::new(x, vec![0; 3], 1, 0.0), Err(Error::Setting { name: "classes", .. })));
    assert!(cholesky(&Array2::zeros((2, 3))).is_err() && inverse(&Array2::zeros((2, 3))).is_err());
    assert!(solve(&Array2::eye(2), &array![1.0]).is_err() && cholesky_solve(&Array2::eye(2), &array![1.0]).is_err());
    assert!(matches!(solve(&array![[0.0]], &array![1.0]), Err(Error::Singular { size: 1, pivot: 0 })));

    let single = Params::new(0, &Device::Cpu).unwrap();
    let x = single.var("x", 1, Init::Constant(1.0)).unwrap();
    let loss = move || Ok(x.sqr()?.sum_all()?);
    assert!(matches!(Differences::new(single.trainable(), loss), Err(Error::DType { .. })));
    let double = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let x = double.var("x", 2, Init::Constant(1.0)).unwrap();
    let objective = Differences::new(double.trainable(), move || Ok(x.sqr()?)).unwrap();
    assert!(matches!(objective.value(&array![1.0, 2.0]), Err(Error::Shape { what: "loss", .. })));
    assert!(matches!(objective.gradient(&array![1.0, 2.0]), Err(Error::Shape { what: "loss", .. })));
    assert!(objective.hessian(&array![1.0]).is_err());
    assert_eq!(objective.start().unwrap(), array![1.0, 1.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn systems_are_solved(n in 1usize..12, seed in any::<u64>()) {
        let (a, b) = (normal(seed, n, n), vector(seed ^ 1, n));
        let x = solve(&a, &b).unwrap();
        let scale = x.iter().fold(1.0f64, |scale, x| scale.max(x.abs()));
        prop_assert!((a.dot(&x) - &b).iter().all(|error| error.abs() < 1e-11 * scale));
        let identity = a.dot(&inverse(&a).unwrap()) - Array2::<f64>::eye(n);
        prop_assert!(identity.iter().all(|error| error.abs() < 1e-7));

        let definite = a.dot(&a.t()) + Array2::<f64>::eye(n) * 0.1;
        let l = cholesky(&definite).unwrap().unwrap();
        prop_assert!((l.dot(&l.t()) - &definite).iter().all(|error| error.abs() < 1e-11 * n as f64));
        let x = cholesky_solve(&l, &b).unwrap();
        prop_assert!((definite.dot(&x) - &b).iter().all(|error| error.abs() < 1e-9));
        prop_assert!(cholesky(&(definite * -1.0)).unwrap().is_none());
    }
}

fn function(name: &str, p: &Tensor) -> Result<Tensor> {
    let n = p.dim(0)?;
    match name {
        "rosenbrock" => {
            let (head, tail) = (p.narrow(0, 0, n - 1)?, p.narrow(0, 1, n - 1)?);
            let valley = ((tail - head.sqr()?)?.sqr()? * 100.0)?;
            Ok(((1.0 - head)?.sqr()? + valley)?.sum_all()?)
        }
        "quartic" => {
            let curvature: Vec<f64> = (1..=n).map(|i| i as f64).collect();
            let square = p.sqr()?;
            let bowl = (&square * Tensor::new(curvature, &Device::Cpu)?)?;
            Ok(((bowl + (square.sqr()? * 0.1)?)? + p)?.sum_all()?)
        }
        other => panic!("{other}"),
    }
}

fn lbfgs_config(case: &Case) -> LbfgsConfig {
    let settings = &case.0["settings"];
    let real = |key: &str| settings[key].as_f64().unwrap();
    let whole = |key: &str| settings[key].as_u64().unwrap() as usize;
    LbfgsConfig {
        lr: real("lr"),
        max_iter: whole("max_iter"),
        max_eval: Some(whole("max_eval")),
        tolerance_grad: real("tolerance_grad"),
        tolerance_change: real("tolerance_change"),
        history_size: whole("history_size"),
        line_search_fn: if settings["line_search_fn"] == Value::Null {
            LineSearch::None
        } else {
            LineSearch::StrongWolfe
        },
    }
}

/// Two parameters that together are the fixture's vector.
fn split(case: &Case) -> (Params, Var, Var) {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let start = case.f64("start");
    let a = params.var("a", 2, Init::Constant(0.0)).unwrap();
    let b = params.var("b", (3, 1), Init::Constant(0.0)).unwrap();
    params.set("a", &start.narrow(0, 0, 2).unwrap()).unwrap();
    params.set("b", &start.narrow(0, 2, 3).unwrap().reshape((3, 1)).unwrap()).unwrap();
    (params, a, b)
}

#[test]
fn lbfgs_follows_pytorch() {
    let cases: Vec<_> = fixture("optim").into_iter().filter(|case| case.subject() == "lbfgs").collect();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (params, a, b) = split(&case);
        let joined = || Tensor::cat(&[a.as_tensor(), &b.flatten_all().unwrap()], 0);
        let mut lbfgs = Lbfgs::new(params.trainable(), lbfgs_config(&case)).unwrap();
        let trajectory = case.f64("trajectory");
        for step in 0..trajectory.dim(0).unwrap() {
            let what = format!("{} {} after step {step}", case.0["name"], case.0["settings"]);
            if step == 3 {
                let mut resumed = Lbfgs::new(params.trainable(), lbfgs_config(&case)).unwrap();
                resumed.load_state(&lbfgs.state().unwrap()).unwrap();
                lbfgs = resumed;
            }
            let loss = lbfgs.step(&mut || function(case.option().unwrap(), &joined()?)).unwrap();
            assert_near(&what, [&loss], [&case.0["losses"][step].as_f64().unwrap()], 1e-9);
            assert_eq!(lbfgs.evaluations(), case.0["evaluations"][step].as_u64().unwrap(), "{what}");
            assert_close(&what, &joined().unwrap(), &trajectory.get(step).unwrap(), 1e-9, 1e-9);
        }
    }
}

#[test]
fn counts_of_lbfgs_at_their_end_stay_there() {
    let case = fixture("optim").into_iter().find(|case| case.subject() == "lbfgs").unwrap();
    let (params, a, b) = split(&case);
    let joined = || Tensor::cat(&[a.as_tensor(), &b.flatten_all().unwrap()], 0);
    let mut lbfgs = Lbfgs::new(params.trainable(), lbfgs_config(&case)).unwrap();
    let step = |lbfgs: &mut Lbfgs| lbfgs.step(&mut || function(case.option().unwrap(), &joined()?)).unwrap();
    step(&mut lbfgs);
    let mut state = lbfgs.state().unwrap();
    for count in ["n_iter", "func_evals"] {
        state.set(count, u64::MAX);
    }
    lbfgs.load_state(&state).unwrap();
    step(&mut lbfgs);
    assert_eq!((lbfgs.iterations(), lbfgs.evaluations()), (u64::MAX, u64::MAX));
}

#[test]
fn lbfgs_goes_on_bit_for_bit_and_finds_the_end_of_the_valley() {
    let case = fixture("optim").into_iter().find(|case| case.subject() == "lbfgs").unwrap();
    let run = |resume: bool| {
        let (params, a, b) = split(&case);
        // From here the valley leads to (1, …, 1).
        params.set("a", &Tensor::new(&[0.5f64, 0.5], &Device::Cpu).unwrap()).unwrap();
        let joined = || Tensor::cat(&[a.as_tensor(), &b.flatten_all().unwrap()], 0);
        let config = LbfgsConfig { line_search_fn: LineSearch::StrongWolfe, max_iter: 5, ..LbfgsConfig::default() };
        let mut lbfgs = Lbfgs::new(params.trainable(), config).unwrap();
        for step in 0..30 {
            if step == 2 && resume {
                let state = lbfgs.state().unwrap();
                lbfgs = Lbfgs::new(params.trainable(), config).unwrap();
                lbfgs.load_state(&state).unwrap();
            }
            lbfgs.step(&mut || function("rosenbrock", &joined()?)).unwrap();
        }
        flat(&joined().unwrap())
    };
    let end = run(false);
    assert_near("end", &end, &[1.0; 5], 1e-5);
    assert_eq!(end, run(true));
}

#[test]
fn lbfgs_trains_single_precision_too() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let layer = linear(2, 1, params.pp("fc")).unwrap();
    let x = candlelight::rng::normal(&mut seeded(0), 0.0, 1.0, (50, 2), DType::F32, &Device::Cpu).unwrap();
    let y = (x.matmul(&Tensor::new(&[[2f32], [-3.0]], &Device::Cpu).unwrap()).unwrap() + 0.5).unwrap();
    let config = LbfgsConfig { line_search_fn: LineSearch::StrongWolfe, ..LbfgsConfig::default() };
    let mut lbfgs = Lbfgs::new(params.trainable(), config).unwrap();
    lbfgs.step(&mut || mse(&layer.forward(&x, Mode::Train)?, &y)).unwrap();
    assert!(number(&mse(&layer.forward(&x, Mode::Eval).unwrap(), &y).unwrap()) < 1e-8);
}

#[test]
fn a_failing_step_of_lbfgs_changes_nothing() {
    let case = fixture("optim").into_iter().find(|case| case.subject() == "lbfgs").unwrap();
    let (params, a, b) = split(&case);
    let joined = || Tensor::cat(&[a.as_tensor(), &b.flatten_all().unwrap()], 0);
    let config = LbfgsConfig { line_search_fn: LineSearch::StrongWolfe, max_iter: 4, ..LbfgsConfig::default() };
    let mut lbfgs = Lbfgs::new(params.trainable(), config).unwrap();
    lbfgs.step(&mut || function("rosenbrock", &joined()?)).unwrap();
    let seen = |lbfgs: &Lbfgs| {
        let state = lbfgs.state().unwrap();
        (state.values, state.tensors.values().map(flat).collect::<Vec<_>>(), flat(&joined().unwrap()))
    };
    let before = seen(&lbfgs);
    let mut left = 3;
    let error = lbfgs.step(&mut || {
        left -= 1;
        if left == 0 { Err(Error::Figure("no".into())) } else { function("rosenbrock", &joined()?) }
    });
    assert!(matches!(error, Err(Error::Figure(_))));
    assert_eq!(seen(&lbfgs), before);
    let error = lbfgs.step(&mut || Ok((function("rosenbrock", &joined()?)? * f64::NAN)?)).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }));
    let error = lbfgs.step(&mut || Ok(joined()?)).unwrap_err();
    assert!(matches!(error, Error::Shape { what: "loss", .. }));
    let error = lbfgs.step(&mut || Ok(a.sum_all()?)).unwrap_err();
    assert!(matches!(error, Error::MissingGradient { name } if name == "b"));
    assert_eq!(seen(&lbfgs), before);

    for (name, change) in [("d", None), ("old_stps.0", None), ("prev_flat_grad", Some(2))] {
        let mut state = lbfgs.state().unwrap();
        match change {
            None => state.tensors.remove(name),
            Some(n) => state.tensors.insert(name.into(), Tensor::zeros(n, DType::F64, &Device::Cpu).unwrap()),
        };
        assert!(matches!(lbfgs.load_state(&state), Err(Error::State { name: at, .. }) if at == name));
    }
    let mut state = lbfgs.state().unwrap();
    state.set("pairs", 101);
    assert_eq!(lbfgs.load_state(&state).unwrap_err().to_string(), "state `pairs` must be at most 100, got 101");
    assert_eq!(seen(&lbfgs), before);
}

#[test]
fn lbfgs_checks_its_settings_and_has_pytorchs_defaults() {
    let config = LbfgsConfig::default();
    assert_eq!((config.lr, config.max_iter, config.max_eval, config.history_size), (1.0, 20, None, 100));
    assert_eq!((config.tolerance_grad, config.tolerance_change), (1e-7, 1e-9));
    assert_eq!(config.line_search_fn, LineSearch::None);
    let params = Params::new(0, &Device::Cpu).unwrap();
    params.var("x", 2, Init::Constant(0.0)).unwrap();
    for (config, expected) in [
        (LbfgsConfig { lr: f64::NAN, ..config }, "lr must be finite and at least 0, got NaN"),
        (LbfgsConfig { max_iter: 0, ..config }, "max_iter must be at least 1, got 0"),
        (LbfgsConfig { max_eval: Some(0), ..config }, "max_eval must be at least 1, got 0"),
        (LbfgsConfig { history_size: 0, ..config }, "history_size must be at least 1, got 0"),
        (LbfgsConfig { tolerance_grad: -1.0, ..config }, "tolerance_grad must be finite and at least 0, got -1"),
    ] {
        assert_eq!(Lbfgs::new(params.trainable(), config).unwrap_err().to_string(), expected);
    }
    assert!(matches!(Lbfgs::new(vec![], config), Err(Error::Setting { name: "params", .. })));
    let twice: Vec<Param> = params.trainable().into_iter().chain(params.trainable()).collect();
    assert!(matches!(Lbfgs::new(twice, config), Err(Error::Parameter { .. })));
}

#[test]
fn eigenvalues_of_a_symmetric_matrix() {
    for n in [1, 2, 5, 40] {
        let a = normal(n as u64, n, n);
        let a = &a + &a.t();
        let SymmetricEigen { values, vectors } = symmetric_eigen(&a).unwrap();
        assert!(values.windows(2).into_iter().all(|pair| pair[0] <= pair[1]));
        let scale = values.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        let near = |x: Array2<f64>, y: Array2<f64>| (x - y).iter().all(|entry| entry.abs() < 1e-13 * (1.0 + scale));
        assert!(near(vectors.t().dot(&vectors), Array2::eye(n)), "{n}: the vectors should be orthonormal");
        assert!(near((&vectors * &values).dot(&vectors.t()), a), "{n}: Q diag(λ) Qᵀ should be the matrix");
    }
    // Equal and zero eigenvalues are found.
    let eigen = symmetric_eigen(&array![[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]).unwrap();
    assert!((&eigen.values - &array![0.0, 2.0, 2.0]).iter().all(|error| error.abs() < 1e-15));
    assert_eq!(symmetric_eigen(&array![[1.0, 0.0], [0.0, -1.0]]).unwrap().condition(), f64::INFINITY);
    assert_eq!(symmetric_eigen(&array![[8.0, 0.0], [0.0, 2.0]]).unwrap().condition(), 4.0);
    assert_eq!(
        symmetric_eigen(&array![[1.0], [2.0]]).unwrap_err().to_string(),
        "matrix: expected shape [P, P], got [2, 1]"
    );
    assert!(matches!(symmetric_eigen(&array![[f64::NAN]]), Err(Error::Setting { name: "matrix", .. })));
}
