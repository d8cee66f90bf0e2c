//! `value_and_grad` and `vjp` against Candle's own backward pass.

use candlelight::activation::{log_softmax, relu, softmax};
use candlelight::autograd::{grad, no_grad, saved_bytes, value_and_grad, value_and_grad_of, value_and_grad_with, vjp};
use candlelight::candle_core::backprop::GradStore;
use candlelight::kernels::composed;
use candlelight::nn::{self, Linear, linear};
use candlelight::prelude::*;
use candlelight_tests::{assert_close, elsewhere, flat, gradient, here, layers_record, number};

struct Net {
    first: Linear,
    second: Linear,
    params: Params,
}

impl Net {
    fn new() -> Self {
        let params = Params::with_dtype(3, DType::F64, &here()).unwrap();
        Self {
            first: linear(6, 6, params.pp("first")).unwrap(),
            second: linear(6, 4, params.pp("second")).unwrap(),
            params,
        }
    }

    /// Layers used twice, a skip connection, stock operations in between, and two losses.
    fn loss(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let mode = Mode::Train;
        let once = relu(&self.first.forward(x, mode)?)?;
        let twice = (&once + self.first.forward(&(&once * 0.5)?, mode)?)?;
        let logits = self.second.forward(&twice.reshape((5, 1, 6))?, mode)?.squeeze(1)?;
        let entropy = (softmax(&logits, 1)? * log_softmax(&logits, 1)?)?.sum_all()?;
        Ok(((cross_entropy(&logits, y)? + (entropy * 0.1)?)? + (self.first.weight().sqr()?.sum_all()? * 0.01)?)?)
    }

    fn assert_same(&self, left: &GradStore, right: &GradStore) {
        self.assert_are(left, &self.gradients(right));
    }

    /// The gradients of all parameters.
    fn gradients(&self, store: &GradStore) -> Vec<Tensor> {
        self.params.trainable().iter().map(|param| store.get(&param.var).expect(&param.name).clone()).collect()
    }

    /// The gradients are those that a net of the same numbers has elsewhere.
    fn assert_are(&self, actual: &GradStore, expected: &[Tensor]) {
        let params = self.params.trainable();
        assert_eq!(params.len(), expected.len());
        for (param, (actual, expected)) in params.iter().zip(self.gradients(actual).iter().zip(expected)) {
            assert_close(&param.name, actual, expected, 1e-12, 1e-12);
            assert!(flat(actual).iter().any(|&g| g != 0.0), "{}", param.name);
        }
    }
}

fn data() -> (Tensor, Tensor) {
    (gradient::input(5, (5, 6)), Tensor::new(&[0u32, 3, 1, 2, 3], &here()).unwrap())
}

#[test]
fn equals_candles_backward_pass_and_the_composed_form() {
    let (net, (x, y)) = (Net::new(), data());
    let loss = net.loss(&x, &y).unwrap();
    let plain = loss.backward().unwrap();
    let (value, taped) = value_and_grad(|| net.loss(&x, &y)).unwrap();
    assert_eq!(number(&value), number(&loss));
    net.assert_same(&taped, &plain);
    for with_tape in [false, true] {
        let reference = elsewhere(|| {
            let (net, (x, y)) = (Net::new(), data());
            let loss = || net.loss(&x, &y);
            let store = if with_tape { value_and_grad(loss).unwrap().1 } else { loss().unwrap().backward().unwrap() };
            net.gradients(&store)
        });
        net.assert_are(&taped, &reference);
    }
}

#[test]
fn the_loss_is_a_plain_number_and_inputs_may_be_variables() {
    let (net, (x, y)) = (Net::new(), data());
    let x = Var::from_tensor(&x).unwrap();
    let (value, taped) = value_and_grad(|| net.loss(&x, &y)).unwrap();
    assert!(!value.track_op());
    let plain = net.loss(&x, &y).unwrap().backward().unwrap();
    assert_close("x", taped.get(&x).unwrap(), plain.get(&x).unwrap(), 1e-12, 1e-12);
}

#[test]
fn one_inside_another_keeps_its_own_tape() {
    let (net, (x, y)) = (Net::new(), data());
    let plain = net.loss(&x, &y).unwrap().backward().unwrap();
    let (_, outer) = value_and_grad(|| {
        let before = net.loss(&x, &y)?;
        let (_, inner) = value_and_grad(|| net.loss(&x, &y))?;
        net.assert_same(&inner, &plain);
        Ok(before)
    })
    .unwrap();
    net.assert_same(&outer, &plain);
}

#[test]
fn after_an_error_or_a_panic_layers_are_plain_again() {
    let (net, (x, y)) = (Net::new(), data());
    let error = value_and_grad(|| {
        net.loss(&x, &y)?;
        Err(Error::Figure("on purpose".into()))
    });
    assert!(error.is_err());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        value_and_grad(|| {
            net.loss(&x, &y)?;
            panic!("on purpose")
        })
    }));
    assert!(panic.is_err());
    let plain = net.loss(&x, &y).unwrap().backward().unwrap();
    let (_, taped) = value_and_grad(|| net.loss(&x, &y)).unwrap();
    net.assert_same(&taped, &plain);
}

#[test]
fn threads_do_not_disturb_one_another() {
    let (net, (x, y)) = (Net::new(), data());
    let (_, expected) = value_and_grad(|| net.loss(&x, &y)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let (_, taped) = value_and_grad(|| net.loss(&x, &y)).unwrap();
                    net.assert_same(&taped, &expected);
                    net.assert_same(&net.loss(&x, &y).unwrap().backward().unwrap(), &expected);
                }
            });
        }
    });
}

#[test]
fn what_is_not_a_scalar_or_depends_on_nothing_is_told() {
    let (net, (x, _)) = (Net::new(), data());
    let error = value_and_grad(|| net.first.forward(&x, Mode::Train)).unwrap_err();
    assert!(matches!(error, Error::Shape { what: "loss", .. }), "{error}");
    let (value, gradients) = value_and_grad(|| Ok(x.sum_all()?)).unwrap();
    assert_eq!(number(&value), number(&x.sum_all().unwrap()));
    let mut sgd = Sgd::new(net.params.trainable(), SgdConfig::default()).unwrap();
    assert!(matches!(sgd.step(&gradients), Err(Error::MissingGradient { .. })));
}

/// What a call recorded, after it has ended: the loss of a later call that holds it would lack the way down from there.
#[test]
fn a_result_that_outlived_its_call_is_refused_and_not_cut() {
    if !layers_record() {
        return;
    }
    let (net, (x, _)) = (Net::new(), data());
    let mut kept = None;
    value_and_grad(|| {
        let hidden = net.first.forward(&x, Mode::Train)?;
        kept = Some(hidden.clone());
        Ok(hidden.sqr()?.sum_all()?)
    })
    .unwrap();
    let kept = kept.unwrap();
    let refused = |result: Result<(Tensor, GradStore)>| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Recorded { operation: "linear" }), "{error}");
    };
    // As the input of a layer, as the loss itself, behind an operation of Candle, and with a gradient of its own.
    refused(value_and_grad(|| Ok(net.second.forward(&kept, Mode::Train)?.sum_all()?)));
    refused(vjp(|| Ok(kept.clone()), &gradient::input(6, (5, 6))));
    refused(value_and_grad(|| Ok((kept.sum_all()? + net.first.weight().sqr()?.sum_all()?)?)));
    refused(value_and_grad(|| Ok(net.second.forward(&(&kept * 2.0)?, Mode::Train)?.sum_all()?)));
    refused(vjp(|| net.second.forward(&kept, Mode::Train), &gradient::input(6, (5, 4))));
    refused(composed(|| value_and_grad(|| Ok(net.second.forward(&kept, Mode::Train)?.sum_all()?))));
    // Candle's own backward pass, through layers and through its own operations.
    for loss in [net.second.forward(&kept, Mode::Train).unwrap(), kept.sqr().unwrap(), kept.clone()] {
        let error = loss.sum_all().unwrap().backward().unwrap_err().to_string();
        assert!(error.contains("`linear` was recorded by `value_and_grad` or `vjp`"), "{error}");
    }
    // Detached it is a plain number, and what no gradient reaches does not matter.
    let constant = kept.detach();
    let with = |hidden: &Tensor| value_and_grad(|| Ok(net.second.forward(hidden, Mode::Train)?.sum_all()?));
    let (_, gradients) = with(&constant).unwrap();
    assert!(gradients.get(net.first.weight()).is_none());
    let (_, gradients) =
        value_and_grad(|| Ok(net.second.forward(&(&constant + (&kept * 0.0)?)?, Mode::Train)?.sum_all()?)).unwrap();
    assert!(gradients.get(net.second.weight()).is_some());
    // After a refusal the next call is as ever.
    let again = || Ok(net.second.forward(&net.first.forward(&x, Mode::Train)?, Mode::Train)?.sum_all()?);
    net.assert_same(&value_and_grad(again).unwrap().1, &again().unwrap().backward().unwrap());
}

#[test]
fn an_inner_call_refuses_what_the_outer_one_records() {
    if !layers_record() {
        return;
    }
    let (net, (x, _)) = (Net::new(), data());
    let outer = || -> Result<Tensor> {
        let hidden = net.first.forward(&x, Mode::Train)?;
        let error = value_and_grad(|| Ok(net.second.forward(&hidden, Mode::Train)?.sum_all()?)).unwrap_err();
        assert!(matches!(error, Error::Recorded { operation: "linear" }), "{error}");
        let (_, inner) = value_and_grad(|| Ok(net.second.forward(&hidden.detach(), Mode::Train)?.sum_all()?))?;
        assert!(inner.get(net.second.weight()).is_some() && inner.get(net.first.weight()).is_none());
        Ok(net.second.forward(&hidden, Mode::Train)?.sum_all()?)
    };
    let (_, gradients) = value_and_grad(outer).unwrap();
    let plain = net.second.forward(&net.first.forward(&x, Mode::Train).unwrap(), Mode::Train).unwrap();
    net.assert_same(&gradients, &plain.sum_all().unwrap().backward().unwrap());
}

#[test]
fn a_backward_pass_of_candle_inside_is_refused() {
    if !layers_record() {
        return;
    }
    let (net, (x, y)) = (Net::new(), data());
    let mut sgd = Sgd::new(net.params.trainable(), SgdConfig::default()).unwrap();
    let (_, gradients) = value_and_grad(|| {
        let loss = net.loss(&x, &y)?;
        for error in
            [loss.backward().map(drop).unwrap_err().to_string(), sgd.backward_step(&loss).unwrap_err().to_string()]
        {
            assert!(error.contains("was recorded by `value_and_grad` or `vjp`"), "{error}");
        }
        // What no layer made is Candle's alone.
        let weight = net.first.weight();
        assert!(weight.sqr()?.sum_all()?.backward()?.get(weight).is_some());
        Ok(loss)
    })
    .unwrap();
    net.assert_same(&gradients, &net.loss(&x, &y).unwrap().backward().unwrap());
}

#[test]
fn vjp_starts_from_the_given_gradient() {
    let (net, (x, _)) = (Net::new(), data());
    let layers = || net.second.forward(&relu(&net.first.forward(&x, Mode::Train)?)?, Mode::Train);
    let weights = gradient::input(6, (5, 4));
    // The last operation a layer, and one of Candle's.
    for last in [1.0, -3.0] {
        let output = || if last == 1.0 { layers() } else { Ok((layers()? * last)?) };
        let expected = (output().unwrap() * &weights).unwrap().sum_all().unwrap().backward().unwrap();
        let (value, gradients) = vjp(output, &weights).unwrap();
        assert_close("output", &value, &output().unwrap(), 0.0, 0.0);
        net.assert_same(&gradients, &expected);
    }
}

#[test]
fn vjp_refuses_a_gradient_that_does_not_fit() {
    let (net, (x, _)) = (Net::new(), data());
    let refused = |gradient: Tensor| vjp(|| net.second.forward(&x, Mode::Train), &gradient).unwrap_err().to_string();
    assert_eq!(refused(gradient::input(7, (4, 5))), "gradient: expected shape [5, 4], got [4, 5]");
    let single = gradient::input(7, (5, 4)).to_dtype(DType::F32).unwrap();
    assert_eq!(refused(single), "gradient: expected dtype that of the output, got F32");
}

#[test]
fn saved_bytes_counts_each_activation_once() {
    if !layers_record() {
        return;
    }
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = Sequential::new()
        .push(linear(6, 8, params.pp("fc1")).unwrap())
        .push(batch_norm1d(8, params.pp("bn")).unwrap())
        .push(Activation::Relu)
        .push(linear(8, 3, params.pp("fc2")).unwrap());
    for n in [2, 10, 64] {
        let x = Tensor::zeros((n, 6), DType::F32, &Device::Cpu).unwrap();
        // ReLU is part of the batch normalization's output.
        let bytes = saved_bytes(|| model.forward(&x, Mode::Train)).unwrap();
        assert_eq!(bytes, n * (8 + 8 + 3) * 4);
    }
    // What is reshaped or used twice is stored once; without parameters nothing is kept.
    let fc = linear(6, 8, params.pp("fc3")).unwrap();
    let x = Tensor::zeros((5, 6), DType::F32, &Device::Cpu).unwrap();
    let twice = || {
        let z = fc.forward(&x, Mode::Train)?;
        Ok((relu(&z)?.reshape((8, 5))? + relu(&z.reshape((8, 5))?)?)?)
    };
    assert_eq!(saved_bytes(twice).unwrap(), 3 * 5 * 8 * 4);
    assert_eq!(saved_bytes(|| relu(&x)).unwrap(), 0);
    let wrong = Tensor::zeros((5, 7), DType::F32, &Device::Cpu).unwrap();
    assert!(saved_bytes(|| fc.forward(&wrong, Mode::Train)).is_err());
}

/// Which parameters were said to be complete, with what gradient, and the gradients in the end.
fn told(params: &Params, loss: impl FnOnce() -> Result<Tensor>) -> (Vec<(String, Vec<f64>)>, GradStore) {
    let mut told = Vec::new();
    let ready = |variable, gradient: &Tensor| {
        let param = params.all().into_iter().find(|param| param.var.id() == variable).expect("a parameter");
        told.push((param.name, flat(gradient)));
        Ok(())
    };
    let (_, gradients) = value_and_grad_with(loss, ready).unwrap();
    (told, gradients)
}

fn names(told: &[(String, Vec<f64>)]) -> Vec<&str> {
    told.iter().map(|(name, _)| name.as_str()).collect()
}

/// Five layers of 4 units, with hyperbolic tangents between.
fn chain() -> (Params, Vec<Linear>) {
    let params = Params::with_dtype(3, DType::F64, &Device::Cpu).unwrap();
    let layers = (0..5).map(|i| linear(4, 4, params.pp(i)).unwrap()).collect();
    (params, layers)
}

#[test]
fn gradients_are_complete_in_the_order_of_the_backward_pass() {
    if !layers_record() {
        return;
    }
    let ((params, layers), x) = (chain(), gradient::input(5, (3, 4)));
    let all =
        ["4.weight", "4.bias", "3.weight", "3.bias", "2.weight", "2.bias", "1.weight", "1.bias", "0.weight", "0.bias"];
    // By kernels alone; with Candle's operations between; and with a penalty, which the backward pass comes to first.
    for form in 0..3 {
        let loss = || {
            let mut h = x.clone();
            for layer in &layers {
                h = layer.forward_then(&h, Mode::Train, Activation::Tanh)?;
                h = if form > 0 { (&h * 2.0)?.reshape((1, 3, 4))?.squeeze(0)? } else { h };
            }
            let loss = h.sqr()?.sum_all()?;
            Ok(if form == 2 { (loss + layers[0].weight().sqr()?.sum_all()?)? } else { loss })
        };
        let (told, gradients) = told(&params, loss);
        assert_eq!(names(&told), all, "{form}");
        let (_, expected) = value_and_grad(loss).unwrap();
        for (name, gradient) in &told {
            let var = params.get(name).unwrap();
            assert_eq!(*gradient, flat(expected.get(&var).unwrap()), "{name}");
            assert_eq!(*gradient, flat(gradients.get(&var).unwrap()), "{name}");
        }
    }
}

#[test]
fn a_gradient_is_complete_after_the_last_use() {
    if !layers_record() {
        return;
    }
    let ((params, layers), x) = (chain(), gradient::input(5, (3, 4)));
    let loss = || {
        let first = layers[0].forward(&x, Mode::Train)?;
        let second = layers[1].forward(&first, Mode::Train)?;
        // Nothing depends on this one, so that it gets no gradient.
        let _unused = layers[2].forward(&layers[1].forward(&second, Mode::Train)?, Mode::Train)?;
        let shared = layers[0].forward(&relu(&second)?, Mode::Train)?;
        Ok(layers[3].forward(&shared, Mode::Train)?.sqr()?.sum_all()?)
    };
    let (told, gradients) = told(&params, loss);
    assert_eq!(names(&told), ["3.weight", "3.bias", "1.weight", "1.bias", "0.weight", "0.bias"]);
    for (name, gradient) in told {
        assert_eq!(gradient, flat(gradients.get(&params.get(&name).unwrap()).unwrap()), "{name}");
    }
}

#[test]
fn what_candle_adds_later_is_told_once_more() {
    if !layers_record() {
        return;
    }
    let ((params, layers), x) = (chain(), gradient::input(5, (3, 4)));
    let loss = || {
        // Candle's operations use a weight below the layer that it belongs to and another one, and alone that of a third.
        let x = x.matmul(layers[1].weight())?.matmul(&layers[2].weight().t()?)?;
        Ok(layers[1].forward(&layers[3].forward(&x, Mode::Train)?, Mode::Train)?.sqr()?.sum_all()?)
    };
    let (told, gradients) = told(&params, loss);
    assert_eq!(names(&told), ["1.weight", "1.bias", "3.weight", "3.bias", "1.weight"]);
    let last = |name: &str| flat(gradients.get(&params.get(name).unwrap()).unwrap());
    assert_eq!((&told[1].1, &told[4].1), (&last("1.bias"), &last("1.weight")));
    assert_ne!(told[0].1, told[4].1);
    assert!(last("2.weight").iter().any(|&g| g != 0.0));
}

#[test]
fn where_nothing_is_recorded_nothing_is_told() {
    if !layers_record() {
        return;
    }
    let ((params, layers), x) = (chain(), gradient::input(5, (3, 4)));
    // Operations of Candle, without a layer.
    let weight = layers[0].weight();
    let (nothing, gradients) = told(&params, || Ok(x.matmul(&weight.t()?)?.sqr()?.sum_all()?));
    assert!(nothing.is_empty() && gradients.get(weight).is_some());
    // An error ends the pass.
    let loss = || Ok(layers[0].forward(&x, Mode::Train)?.sqr()?.sum_all()?);
    let mut calls = 0;
    let ready = |_, _: &Tensor| {
        calls += 1;
        Err(Error::setting("the first", "the last", "an error"))
    };
    let error = value_and_grad_with(loss, ready).map(drop).unwrap_err();
    assert_eq!((calls, error.to_string()), (1, "the first must be the last, got an error".into()));
}

#[test]
fn the_layers_of_the_crate_hand_over_all_their_variables() {
    if !layers_record() {
        return;
    }
    let params = || Params::new(3, &Device::Cpu).unwrap();
    let image = Tensor::ones((2, 3, 8, 8), DType::F32, &Device::Cpu).unwrap();
    let sequence = Tensor::ones((7, 2, 3), DType::F32, &Device::Cpu).unwrap();
    let row = Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap();
    type Make = fn(Params) -> Result<Box<dyn Module>>;
    let cases: [(&str, Tensor, Make); 6] = [
        ("resnet", image.clone(), |params| Ok(Box::new(nn::resnet(3, 10, params)?))),
        ("conv", image, |params| Ok(Box::new(conv2d(3, 4, 3, params)?))),
        ("lstm", sequence.clone(), |params| Ok(Box::new(nn::lstm(3, 5, params)?))),
        ("gru", sequence, |params| Ok(Box::new(nn::gru(3, 5, params)?))),
        ("highway", row.clone(), |params| Ok(Box::new(nn::highway(3, params)?))),
        ("norm", row, |params| Ok(Box::new(layer_norm(3, params)?))),
    ];
    for (name, x, make) in cases {
        let params = params();
        let model = make(params.clone()).unwrap();
        let (told, _) = told(&params, || Ok(model.forward(&x, Mode::Train)?.sqr()?.sum_all()?));
        let mut told: Vec<String> = told.into_iter().map(|(name, _)| name).collect();
        let mut all: Vec<String> = params.trainable().into_iter().map(|param| param.name).collect();
        told.sort();
        all.sort();
        assert_eq!(told, all, "{name}");
    }
}

/// The gradients of one layer, whichever lies between, are those of the whole; the other layer has none.
#[test]
fn gradients_of_some_variables_are_those_of_all() {
    if !layers_record() {
        return;
    }
    let (net, (x, y)) = (Net::new(), data());
    let (loss, all) = value_and_grad(|| net.loss(&x, &y)).unwrap();
    for wanted in [&net.first, &net.second] {
        let variables = [wanted.weight(), wanted.bias().unwrap()];
        let (value, some) = value_and_grad_of(variables.map(Var::as_tensor), || net.loss(&x, &y)).unwrap();
        assert_eq!(number(&value), number(&loss));
        for variable in variables {
            assert_eq!(flat(some.get(variable).unwrap()), flat(all.get(variable).unwrap()));
        }
    }
    let (_, of_second) = value_and_grad_of([net.second.weight().as_tensor()], || {
        Ok(net.second.forward(&net.first.forward(&x, Mode::Train)?, Mode::Train)?.sum_all()?)
    })
    .unwrap();
    assert!(of_second.get(net.first.weight()).is_none() && of_second.get(net.second.bias().unwrap()).is_none());
    let reference = elsewhere(|| {
        let (net, (x, y)) = (Net::new(), data());
        let first = net.first.weight();
        value_and_grad_of([first.as_tensor()], || net.loss(&x, &y)).unwrap().1.get(first).unwrap().clone()
    });
    assert_close("elsewhere", &reference, all.get(net.first.weight()).unwrap(), 1e-12, 1e-12);
}

/// In the middle of a recording, of a variable and of a layer's output, and outside of any.
#[test]
fn grad_is_the_derivative_and_leaves_the_recording_alone() {
    if !layers_record() {
        return;
    }
    let (net, (x, y)) = (Net::new(), data());
    let plain = value_and_grad(|| net.loss(&x, &y)).unwrap().1;
    let x = Var::from_tensor(&x).unwrap();
    let logits_of = |net: &Net, x: &Tensor| {
        let hidden = net.first.forward(x, Mode::Train)?;
        let y = net.second.forward(&(relu(&hidden)? * 2.0)?, Mode::Train)?;
        Ok::<_, Error>((hidden, y.sqr()?))
    };
    let logits = |x: &Tensor| logits_of(&net, x);
    let reference = elsewhere(|| {
        let x = Var::from_tensor(&data().0).unwrap();
        let (_, y) = logits_of(&Net::new(), &x).unwrap();
        y.sum_all().unwrap().backward().unwrap().get(&x).unwrap().clone()
    });
    let mut found = Vec::new();
    let (_, whole) = value_and_grad(|| {
        let (hidden, y_of_x) = logits(&x)?;
        found = vec![grad(&y_of_x, &x)?, grad(&y_of_x, &hidden)?];
        net.loss(&x, &y)
    })
    .unwrap();
    assert_close("of the input", &found[0], &reference, 1e-12, 1e-12);
    // One linear layer further down.
    let below = found[1].matmul(net.first.weight()).unwrap();
    assert_close("of a hidden layer", &below, &reference, 1e-12, 1e-12);
    for param in net.params.trainable() {
        assert_eq!(flat(whole.get(&param.var).unwrap()), flat(plain.get(&param.var).unwrap()), "{}", param.name);
    }
    assert!(!found[0].track_op());
    let outside = grad(&logits(&x).unwrap().1, &x).unwrap();
    assert_close("without a tape", &outside, &reference, 1e-12, 1e-12);
    let other = Var::zeros(3, DType::F64, &Device::Cpu).unwrap();
    assert_eq!(flat(&grad(&logits(&x).unwrap().1, &other).unwrap()), [0.0; 3]);
    let error = grad(&logits(&x).unwrap().1, &(x.as_tensor() * 2.0).unwrap()).unwrap_err().to_string();
    assert_eq!(error, "input of grad must be a variable, or the output of a layer, got neither");
}

/// What another call recorded is refused, as everywhere.
#[test]
fn grad_refuses_what_another_call_recorded() {
    if !layers_record() {
        return;
    }
    let (net, (x, _)) = (Net::new(), data());
    let x = Var::from_tensor(&x).unwrap();
    let mut kept = None;
    value_and_grad(|| {
        let y = net.first.forward(&x, Mode::Train)?;
        kept = Some(y.clone());
        Ok(y.sum_all()?)
    })
    .unwrap();
    let kept = kept.unwrap();
    assert!(matches!(grad(&kept, &x), Err(Error::Recorded { operation: "linear" })));
    let inside = value_and_grad(|| Ok(grad(&kept, &x)?.sum_all()?));
    assert!(matches!(inside, Err(Error::Recorded { operation: "linear" })));
}

#[test]
fn without_gradients_values_are_the_same_and_an_inner_gradient_is_still_computed() {
    if !layers_record() {
        return;
    }
    let (params, layers) = chain();
    let x = Tensor::ones((3, layers[0].weight().dims()[1]), DType::F64, &Device::Cpu).unwrap();
    let x = x.to_dtype(params.dtype()).unwrap();
    let y = layers[0].forward(&x, Mode::Eval).unwrap();
    let loss = || Ok(layers[0].forward(&x, Mode::Train)?.sum_all()?);
    let (_, expected) = value_and_grad(loss).unwrap();
    let (plain, inner) = no_grad(|| (layers[0].forward(&x, Mode::Eval).unwrap(), value_and_grad(loss).unwrap().1));
    assert!(y.track_op() && !plain.track_op());
    assert_eq!(flat(&plain), flat(&y));
    let of = |gradients: &GradStore| flat(gradients.get(layers[0].weight()).expect("a gradient"));
    assert_eq!(of(&inner), of(&expected));
    // Also after an error: what comes later is recorded again.
    let failed: Result<()> = no_grad(|| Err(Error::DuplicateStatics));
    assert!(failed.is_err() && layers[0].forward(&x, Mode::Eval).unwrap().track_op());
}
