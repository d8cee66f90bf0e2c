//! Recurrent layers against PyTorch, finite differences and their composed form.

use candlelight::autograd::value_and_grad;
use candlelight::candle_core::backprop::GradStore;
use candlelight::nn::{
    Gru, Lstm, LstmGate, LstmState, Mode, Module, RecurrentConfig, Rnn, RnnConfig, RnnNonlinearity, gru, lstm, rnn,
};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::cases;
use candlelight_tests::{
    Case, assert_close, elsewhere, everywhere, fixture, flat, gradient, layers_record, store, strided,
};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

const KINDS: [&str; 4] = ["rnn_tanh", "rnn_relu", "gru", "lstm"];

/// Any of the layers, with its states as a list.
enum Layer {
    Rnn(Rnn),
    Gru(Gru),
    Lstm(Lstm),
}

impl Layer {
    fn new(kind: &str, inputs: usize, hidden: usize, config: RecurrentConfig, params: Params) -> Self {
        let rnn = |nonlinearity, params| {
            let config = RnnConfig { nonlinearity, recurrent: config };
            Self::Rnn(Rnn::new(inputs, hidden, config, params).unwrap())
        };
        match kind {
            "rnn_tanh" => rnn(RnnNonlinearity::Tanh, params),
            "rnn_relu" => rnn(RnnNonlinearity::Relu, params),
            "gru" => Self::Gru(Gru::new(inputs, hidden, config, params).unwrap()),
            _ => Self::Lstm(Lstm::new(inputs, hidden, config, params).unwrap()),
        }
    }

    /// How many states it has.
    fn states(&self) -> usize {
        if matches!(self, Self::Lstm(_)) { 2 } else { 1 }
    }

    /// The outputs and the final states.
    fn all(&self, x: &Tensor, states: &[Tensor]) -> Result<Vec<Tensor>> {
        let one = |(y, h)| vec![y, h];
        match self {
            Self::Rnn(layer) => layer.forward_with_state(x, states.first(), Mode::Train).map(one),
            Self::Gru(layer) => layer.forward_with_state(x, states.first(), Mode::Train).map(one),
            Self::Lstm(layer) => {
                let state = match states {
                    [h, c] => Some(LstmState { h: h.clone(), c: c.clone() }),
                    _ => None,
                };
                let (y, LstmState { h, c }) = layer.forward_with_state(x, state.as_ref(), Mode::Train)?;
                Ok(vec![y, h, c])
            }
        }
    }

    /// All of it one after the other, as in the fixture.
    fn flat(&self, x: &Tensor, states: &[Tensor]) -> Result<Tensor> {
        joined(&self.all(x, states)?)
    }

    fn module(&self) -> &dyn Module {
        match self {
            Self::Rnn(layer) => layer,
            Self::Gru(layer) => layer,
            Self::Lstm(layer) => layer,
        }
    }
}

fn joined(tensors: &[Tensor]) -> Result<Tensor> {
    let flat: Vec<Tensor> = tensors.iter().map(Tensor::flatten_all).collect::<Result<_, _>>()?;
    Ok(Tensor::cat(&flat, 0)?)
}

fn var(x: &Tensor) -> Var {
    Var::from_tensor(x).unwrap()
}

fn check(case: &Case) {
    let name = case.0["name"].as_str().unwrap();
    let has = |word: &str| name.split(' ').any(|w| w == word);
    let config = RecurrentConfig {
        num_layers: if has("layers") { 2 } else { 1 },
        bias: !has("no_bias"),
        batch_first: has("batch_first"),
        bidirectional: has("bidirectional"),
        ..RecurrentConfig::default()
    };
    let params = store(case.dtype());
    let (x, weight) = (case.tensor("x"), case.tensor("weight_hh_l0"));
    let layer = Layer::new(case.subject(), x.dim(2).unwrap(), weight.dim(1).unwrap(), config, params.clone());
    for name in params.names() {
        params.set(&name, &case.tensor(&name)).unwrap();
    }
    let x = var(&x);
    let states: Vec<Var> = match has("state") {
        true => ["h", "c"][..layer.states()].iter().map(|name| var(&case.tensor(name))).collect(),
        false => Vec::new(),
    };
    let all = params.all();
    let mut inputs: Vec<(&str, &Var)> = all.iter().map(|param| (param.name.as_str(), &param.var)).collect();
    inputs.push(("x", &x));
    inputs.extend(["h", "c"].into_iter().zip(&states));
    let tensors: Vec<Tensor> = states.iter().map(|state| state.as_tensor().clone()).collect();
    case.check_every_way(|| layer.flat(&x, &tensors), &inputs);
    let tensors: Vec<Tensor> = states.iter().map(|state| strided(state)).collect();
    case.check_every_way(|| layer.flat(&strided(&x), &tensors), &inputs);
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("recurrent") {
            check(&case);
        }
    });
}

#[test]
fn gradients_agree_with_finite_differences() {
    for kind in KINDS {
        let config = RecurrentConfig { bidirectional: true, num_layers: 2, ..RecurrentConfig::default() };
        let params = store(DType::F64);
        let layer = Layer::new(kind, 2, 3, config, params.clone());
        let x = gradient::input(1, (3, 2, 2));
        let states: Vec<Tensor> = (0..layer.states()).map(|i| gradient::input(2 + i as u64, (4, 2, 3))).collect();
        let inputs: Vec<Tensor> = std::iter::once(x.clone()).chain(states.clone()).collect();
        gradient::check(|t| layer.flat(&t[0], &t[1..]), &inputs).unwrap();

        // Every parameter, in the layer itself.
        let loss = || {
            let y = layer.flat(&x, &states).unwrap();
            let weights: Vec<f64> = (0..y.elem_count()).map(|i| 0.5 + (1.7 * i as f64).sin()).collect();
            (y * Tensor::new(weights, &Device::Cpu).unwrap()).unwrap().sum_all().unwrap()
        };
        let gradients = loss().backward().unwrap();
        for param in params.all() {
            let actual = flat(gradients.get(&param.var).unwrap());
            let start = param.var.as_detached_tensor().copy().unwrap();
            for j in [0, actual.len() / 2, actual.len() - 1] {
                let at = |shift: f64| {
                    let mut values = flat(&start);
                    values[j] += shift;
                    param.var.set(&Tensor::from_vec(values, start.shape(), &Device::Cpu).unwrap()).unwrap();
                    flat(&loss())[0]
                };
                let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
                param.var.set(&start).unwrap();
                assert!(
                    (actual[j] - expected).abs() < 1e-5 + 1e-3 * expected.abs(),
                    "{kind} {} {j}: {} {expected}",
                    param.name,
                    actual[j]
                );
            }
        }
    }
}

/// Outputs, states and all gradients of a loss on some of them.
fn everything(
    layer: &Layer,
    x: &Var,
    states: &[Var],
    params: &Params,
    of: &[usize],
    taped: bool,
) -> (Vec<Tensor>, Vec<Option<Tensor>>) {
    let tensors: Vec<Tensor> = states.iter().map(|state| state.as_tensor().clone()).collect();
    let mut outputs = Vec::new();
    let mut loss = || {
        outputs = layer.all(x, &tensors)?;
        let of: Vec<Tensor> = of.iter().filter_map(|&i| outputs.get(i)).cloned().collect();
        let y = joined(&of)?;
        let weights: Vec<f64> = (0..y.elem_count()).map(|i| 0.5 + (1.7 * i as f64).sin()).collect();
        Ok((y.clone() * Tensor::new(weights, &Device::Cpu)?.to_dtype(y.dtype())?.to_device(y.device())?)?.sum_all()?)
    };
    let gradients: GradStore =
        if taped { value_and_grad(loss).unwrap().1 } else { loss().unwrap().backward().unwrap() };
    let params = params.all();
    let vars = params.iter().map(|param| &param.var).chain([x]).chain(states);
    (outputs.clone(), vars.map(|var| gradients.get(var).cloned()).collect())
}

fn kinds() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(KINDS[0]), Just(KINDS[1]), Just(KINDS[2]), Just(KINDS[3])]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60), failure_persistence: None, ..ProptestConfig::default() })]

    /// Any sizes and settings: the kernel, with the tape and without, is the composed form. Sizes go beyond a register,
    /// a tile and a piece of the batch.
    #[test]
    fn kernels_are_the_composed_form(
        kind in kinds(),
        (steps, batch, inputs, hidden) in (1_usize..6, 1_usize..40, 1_usize..20, 1_usize..36),
        (num_layers, bias, batch_first, bidirectional) in (1_usize..3, any::<bool>(), any::<bool>(), any::<bool>()),
        with_state in any::<bool>(),
        of in prop_oneof![Just(vec![0]), Just(vec![1]), Just(vec![2, 1]), Just(vec![0, 1, 2])],
    ) {
        let config = RecurrentConfig { num_layers, bias, batch_first, bidirectional, ..RecurrentConfig::default() };
        let run = |taped| {
            let params = store(DType::F64);
            let layer = Layer::new(kind, inputs, hidden, config, params.clone());
            let shape = if batch_first { (batch, steps, inputs) } else { (steps, batch, inputs) };
            let x = var(&gradient::input(1, shape));
            let of_state = |i: usize| var(&gradient::input(2 + i as u64, (num_layers * (1 + usize::from(bidirectional)), batch, hidden)));
            let states: Vec<Var> = (0..if with_state { layer.states() } else { 0 }).map(of_state).collect();
            everything(&layer, &x, &states, &params, &of, taped)
        };
        let expected = elsewhere(|| run(false));
        for actual in [run(false), run(true), elsewhere(|| run(true))] {
            for (actual, expected) in actual.0.iter().zip(&expected.0) {
                assert_close("output", actual, expected, 1e-9, 1e-9);
            }
            for (i, (actual, expected)) in actual.1.iter().zip(&expected.1).enumerate() {
                match (actual, expected) {
                    (Some(actual), Some(expected)) => assert_close(&format!("gradient {i}"), actual, expected, 1e-9, 1e-9),
                    (Some(actual), None) => assert!(flat(actual).iter().all(|&g| g == 0.0), "gradient {i}"),
                    (None, expected) => assert!(expected.is_none(), "gradient {i} is missing"),
                }
            }
        }
    }

    /// Inputs of any shape give a result or an error.
    #[test]
    fn no_shape_panics(
        kind in kinds(), x in proptest::collection::vec(0_usize..4, 0..5), h in proptest::collection::vec(0_usize..4, 0..5)
    ) {
        let layer = Layer::new(kind, 2, 3, RecurrentConfig::default(), store(DType::F32));
        let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
        let states = vec![zeros(&h); layer.states()];
        let fits = matches!(x[..], [steps, _, 2] if steps > 0);
        assert_eq!(layer.all(&zeros(&x), &[]).is_ok(), fits);
        assert_eq!(layer.all(&zeros(&x), &states).is_ok(), fits && h == [1, x[1], 3]);
    }
}

#[test]
fn two_halves_with_a_carried_state_are_the_whole() {
    for kind in KINDS {
        let config = RecurrentConfig { num_layers: 2, ..RecurrentConfig::default() };
        let params = store(DType::F64);
        let layer = Layer::new(kind, 3, 5, config, params.clone());
        let x = var(&gradient::input(1, (8, 2, 3)));
        let whole = layer.all(&x, &[]).unwrap();
        let first = layer.all(&x.narrow(0, 0, 3).unwrap(), &[]).unwrap();
        let second = layer.all(&x.narrow(0, 3, 5).unwrap(), &first[1..]).unwrap();
        let y = Tensor::cat(&[&first[0], &second[0]], 0).unwrap();
        // The composed form takes the products of the input for all steps at once, and Candle's product of other sizes may
        // round otherwise.
        let atol = if layers_record() { 0.0 } else { 1e-15 };
        assert_close(kind, &y, &whole[0], 0.0, atol);
        for (state, expected) in second[1..].iter().zip(&whole[1..]) {
            assert_close(kind, state, expected, 0.0, atol);
        }
        // The gradient goes through the carried state as through the whole.
        let gradient = |y: &Tensor| y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let (actual, expected) = (gradient(&y), gradient(&whole[0]));
        for param in params.all() {
            let of = |gradients: &GradStore| gradients.get(&param.var).unwrap().clone();
            assert_close(&param.name, &of(&actual), &of(&expected), 1e-9, 1e-12);
        }
        assert_close("x", actual.get(&x).unwrap(), expected.get(&x).unwrap(), 1e-9, 1e-12);
    }
}

#[test]
fn detaching_the_state_cuts_the_gradient() {
    for kind in KINDS {
        let layer = Layer::new(kind, 3, 5, RecurrentConfig::default(), store(DType::F64));
        let x = var(&gradient::input(1, (6, 2, 3)));
        for cut in [false, true] {
            let loss = || {
                let mut states = layer.all(&x.narrow(0, 0, 4)?, &[])?.split_off(1);
                if cut {
                    states = states.iter().map(Tensor::detach).collect();
                }
                Ok(layer.all(&x.narrow(0, 4, 2)?, &states)?[0].sqr()?.sum_all()?)
            };
            for gradients in [loss().unwrap().backward().unwrap(), value_and_grad(loss).unwrap().1] {
                let gradient = gradients.get(&x).unwrap();
                let (early, late) = (gradient.narrow(0, 0, 4).unwrap(), gradient.narrow(0, 4, 2).unwrap());
                assert_eq!(flat(&early).iter().all(|&g| g == 0.0), cut, "{kind}");
                assert!(flat(&late).iter().all(|&g| g != 0.0), "{kind}");
            }
        }
    }
    let state = LstmState { h: var(&gradient::input(1, 2)).as_tensor().clone(), c: gradient::input(2, 2) };
    assert!(state.h.track_op() && !state.detach().h.track_op());
    assert_eq!((flat(&state.detach().h), flat(&state.detach().c)), (flat(&state.h), flat(&state.c)));
}

#[test]
fn the_forward_of_a_module_is_the_outputs_alone() {
    for kind in KINDS {
        let layer = Layer::new(kind, 3, 5, RecurrentConfig::default(), store(DType::F32));
        let x = gradient::input(1, (4, 2, 3)).to_dtype(DType::F32).unwrap();
        let expected = flat(&layer.all(&x, &[]).unwrap()[0]);
        for mode in [Mode::Train, Mode::Eval] {
            assert_eq!(flat(&layer.module().forward(&x, mode).unwrap()), expected);
        }
        // Without anything to differentiate, nothing is kept, and the numbers are the same.
        let zeros: Vec<Tensor> =
            (0..layer.states()).map(|_| Tensor::zeros((1, 2, 5), DType::F32, &Device::Cpu).unwrap()).collect();
        assert_close(kind, &layer.all(&x, &zeros).unwrap()[0], &layer.all(&x, &[]).unwrap()[0], 1e-6, 1e-6);
    }
}

#[test]
fn dropout_acts_between_layers_in_training() {
    for kind in KINDS {
        let config = |dropout| RecurrentConfig { num_layers: 2, dropout, ..RecurrentConfig::default() };
        let x = gradient::input(1, (4, 2, 3)).to_dtype(DType::F32).unwrap();
        let forward = |dropout, mode| {
            let layer = Layer::new(kind, 3, 5, config(dropout), store(DType::F32));
            flat(&layer.module().forward(&x, mode).unwrap())
        };
        let without = forward(0.0, Mode::Train);
        assert_eq!(forward(1.0, Mode::Eval), without);
        assert_eq!(forward(0.5, Mode::Train), forward(0.5, Mode::Train), "the seed fixes the masks");
        assert_ne!(forward(0.5, Mode::Train), without);
        // With everything dropped, the second layer sees zeros, so its two samples are alike.
        for mode in [Mode::Train, Mode::MonteCarlo] {
            let y = forward(1.0, mode);
            assert!(y.chunks(10).all(|step| step[..5] == step[5..]), "{kind}");
        }
        // A single layer has nothing between layers, and makes no stream.
        let params = store(DType::F32);
        Layer::new(kind, 3, 5, RecurrentConfig { num_layers: 1, ..config(0.5) }, params.clone());
        assert!(params.streams().is_empty());
        Layer::new(kind, 3, 5, config(0.5), params.pp("two"));
        assert_eq!(params.streams()[0].0, "two.dropout.mask");
    }
}

#[test]
fn only_the_gradients_that_are_wanted_are_there() {
    let params = store(DType::F32);
    let layer = lstm(3, 5, params.clone()).unwrap();
    let x = Tensor::ones((4, 2, 3), DType::F32, &Device::Cpu).unwrap();
    let (_, gradients) = value_and_grad(|| Ok(layer.forward(&x, Mode::Train)?.sum_all()?)).unwrap();
    assert!(gradients.get(&x).is_none());
    for param in params.all() {
        assert!(flat(gradients.get(&param.var).unwrap()).iter().any(|&g| g != 0.0), "{}", param.name);
    }
}

#[test]
fn parameters_have_pytorchs_names_shapes_and_law() {
    let config = RecurrentConfig { num_layers: 2, bidirectional: true, ..RecurrentConfig::default() };
    let params = store(DType::F32);
    Gru::new(7, 100, config, params.pp("gru")).unwrap();
    let names: Vec<String> = ["l0", "l0_reverse", "l1", "l1_reverse"]
        .iter()
        .flat_map(|l| ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map(|name| format!("gru.{name}_{l}")))
        .collect();
    assert_eq!(params.names(), names);
    let dims = |name: &str| params.get(&format!("gru.{name}")).unwrap().dims().to_vec();
    assert_eq!(dims("weight_ih_l0_reverse"), [300, 7]);
    assert_eq!(dims("weight_ih_l1"), [300, 200]);
    assert_eq!((dims("weight_hh_l1"), dims("bias_hh_l1")), (vec![300, 100], vec![300]));
    for param in params.all() {
        let values = flat(&param.var);
        let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!(largest <= 0.1 && largest > 0.095, "{}: {largest}", param.name);
    }
}

#[test]
fn bad_input_is_a_typed_error() {
    let layer = lstm(3, 5, store(DType::F32)).unwrap();
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    let message = |result: Result<(Tensor, LstmState)>| result.unwrap_err().to_string();
    for dims in [&[4, 2][..], &[4, 2, 4], &[0, 2, 3], &[]] {
        assert_eq!(
            message(layer.forward_with_state(&zeros(dims), None, Mode::Train)),
            format!("input of a recurrent layer: expected shape [T, N, 3] with T ≥ 1, got {dims:?}")
        );
    }
    let x = zeros(&[4, 2, 3]);
    let state = |h: &[usize], c: &[usize]| LstmState { h: zeros(h), c: zeros(c) };
    assert_eq!(
        message(layer.forward_with_state(&x, Some(&state(&[1, 2, 5], &[2, 5])), Mode::Train)),
        "state c of an LSTM: expected shape [1, 2, 5], got [2, 5]"
    );
    assert_eq!(
        message(layer.forward_with_state(&x, Some(&state(&[1, 1, 5], &[1, 2, 5])), Mode::Train)),
        "state h of an LSTM: expected shape [1, 2, 5], got [1, 1, 5]"
    );
    let f64 = x.to_dtype(DType::F64).unwrap();
    assert!(matches!(layer.forward(&f64, Mode::Eval), Err(Error::DType { actual: DType::F64, .. })));
    let h = zeros(&[1, 2, 5]).to_dtype(DType::F64).unwrap();
    let layer = gru(3, 5, store(DType::F32)).unwrap();
    assert!(matches!(layer.forward_with_state(&x, Some(&h), Mode::Eval), Err(Error::DType { .. })));
    assert!(matches!(rnn(0, 5, store(DType::F32)), Err(Error::Setting { name: "input_size", .. })));
    assert!(matches!(rnn(3, 0, store(DType::F32)), Err(Error::Setting { name: "hidden_size", .. })));
    let config = RecurrentConfig { num_layers: 0, ..RecurrentConfig::default() };
    assert!(matches!(Gru::new(3, 5, config, store(DType::F32)), Err(Error::Setting { name: "num_layers", .. })));
    for dropout in [-0.1, 1.1, f64::NAN] {
        let config = RecurrentConfig { dropout, ..RecurrentConfig::default() };
        assert!(matches!(Gru::new(3, 5, config, store(DType::F32)), Err(Error::Setting { name: "dropout", .. })));
    }
    let params = store(DType::F32);
    lstm(3, 5, params.clone()).unwrap();
    assert!(matches!(lstm(3, 5, params), Err(Error::Parameter { .. })), "the names are taken");
}

/// Bits of outputs and gradients, in this process.
fn bits() -> String {
    let mut bits = 0_u64;
    for kind in KINDS {
        for batch_first in [false, true] {
            let config =
                RecurrentConfig { batch_first, num_layers: 2, bidirectional: true, ..RecurrentConfig::default() };
            let params = store(DType::F32);
            let layer = Layer::new(kind, 20, 48, config, params.clone());
            let x = var(&gradient::input(1, (33, 35, 20)).to_dtype(DType::F32).unwrap());
            let (outputs, gradients) = everything(&layer, &x, &[], &params, &[0, 1, 2], true);
            for tensor in outputs.into_iter().chain(gradients.into_iter().map(Option::unwrap)) {
                for value in tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap() {
                    bits = (bits ^ u64::from(value.to_bits())).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5);
                }
            }
        }
    }
    format!("bits {bits:x}")
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    const CHILD: &str = "RECURRENT_BITS";
    if std::env::var_os(CHILD).is_some() {
        return println!("{}", bits());
    }
    let of = |threads: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["recurrent::one_and_two_threads_give_the_same_bits", "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_once("bits ").and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned)).expect(&text)
    };
    let one = of("1");
    assert_eq!(one, of("2"));
    assert_eq!(one, of("5"));
}

#[test]
fn a_gate_bias_changes_its_rows_alone() {
    let config = RecurrentConfig { num_layers: 2, bidirectional: true, ..RecurrentConfig::default() };
    let params = store(DType::F32);
    let layer = Lstm::new(2, 3, config, params.clone()).unwrap();
    let values = || -> Vec<Vec<f64>> { params.all().iter().map(|param| flat(&param.var)).collect() };
    for (block, gate) in
        [LstmGate::Input, LstmGate::Forget, LstmGate::Candidate, LstmGate::Output].into_iter().enumerate()
    {
        let before = values();
        layer.set_gate_bias(gate, 2.5).unwrap();
        for ((name, before), after) in params.names().iter().zip(before).zip(values()) {
            let mut expected = before;
            let value = if name.starts_with("bias_ih") { 2.5 } else { 0.0 };
            if name.starts_with("bias") {
                expected[3 * block..3 * block + 3].fill(value);
            }
            assert_eq!(after, expected, "{name} {gate:?}");
        }
    }
    let error = layer.set_gate_bias(LstmGate::Forget, f64::INFINITY).unwrap_err().to_string();
    assert_eq!(error, "bias must be finite, got inf");
    let plain =
        Lstm::new(2, 3, RecurrentConfig { bias: false, ..RecurrentConfig::default() }, store(DType::F32)).unwrap();
    assert_eq!(
        plain.set_gate_bias(LstmGate::Forget, 1.0).unwrap_err().to_string(),
        "layer must be made with biases, got one without"
    );
}

/// The forget gate decides the gradient along the cell: with every other path shut, it is σ(b) to the power of the steps.
#[test]
fn the_gradient_along_the_cell_is_the_product_of_the_forget_gates() {
    let params = store(DType::F64);
    let layer = lstm(1, 4, params.clone()).unwrap();
    params.set("weight_hh_l0", &Tensor::zeros((16, 4), DType::F64, &Device::Cpu).unwrap()).unwrap();
    params.set("weight_ih_l0", &Tensor::zeros((16, 1), DType::F64, &Device::Cpu).unwrap()).unwrap();
    layer.set_gate_bias(LstmGate::Forget, 1.0).unwrap();
    let c = var(&Tensor::ones((1, 1, 4), DType::F64, &Device::Cpu).unwrap());
    let state = LstmState { h: c.zeros_like().unwrap(), c: c.as_tensor().clone() };
    let x = Tensor::zeros((20, 1, 1), DType::F64, &Device::Cpu).unwrap();
    let (_, gradients) =
        value_and_grad(|| Ok(layer.forward_with_state(&x, Some(&state), Mode::Train)?.1.c.sum_all()?)).unwrap();
    let expected = (1.0 / (1.0 + (-1.0_f64).exp())).powi(20);
    for gradient in flat(gradients.get(&c).unwrap()) {
        assert!((gradient / expected - 1.0).abs() < 1e-12, "{gradient} {expected}");
    }
}

#[test]
fn a_batch_of_nothing_gives_nothing_and_gradients_of_zero() {
    let config = RecurrentConfig { num_layers: 2, bidirectional: true, ..RecurrentConfig::default() };
    for batch_first in [false, true] {
        let config = RecurrentConfig { batch_first, ..config };
        let x = Tensor::zeros(if batch_first { (0, 4, 3) } else { (4, 0, 3) }, DType::F32, &Device::Cpu).unwrap();
        let params = store(DType::F32);
        let layers: [Box<dyn Module>; 3] = [
            Box::new(
                Rnn::new(3, 5, RnnConfig { recurrent: config, ..RnnConfig::default() }, params.pp("rnn")).unwrap(),
            ),
            Box::new(Gru::new(3, 5, config, params.pp("gru")).unwrap()),
            Box::new(Lstm::new(3, 5, config, params.pp("lstm")).unwrap()),
        ];
        for (name, layer) in ["rnn", "gru", "lstm"].iter().zip(layers) {
            let (mut dims, own) = (Vec::new(), params.pp(name));
            let (loss, gradients) = value_and_grad(|| {
                let y = layer.forward(&x, Mode::Train)?;
                dims = y.dims().to_vec();
                Ok(y.sum_all()?)
            })
            .unwrap();
            assert_eq!(dims, if batch_first { [0, 4, 10] } else { [4, 0, 10] }, "{name}");
            assert_eq!(flat(&loss), [0.0], "{name}");
            for param in own.trainable() {
                let gradient = gradients.get(&param.var).unwrap_or_else(|| panic!("no gradient of {}", param.name));
                assert_eq!(gradient.dims(), param.var.dims(), "{}", param.name);
                assert!(flat(gradient).iter().all(|&g| g == 0.0), "{}", param.name);
            }
        }
    }
    let (y, state) = lstm(3, 5, store(DType::F32))
        .unwrap()
        .forward_with_state(&Tensor::zeros((2, 0, 3), DType::F32, &Device::Cpu).unwrap(), None, Mode::Eval)
        .unwrap();
    assert_eq!((y.dims(), state.h.dims(), state.c.dims()), (&[2, 0, 5][..], &[1, 0, 5][..], &[1, 0, 5][..]));
}
