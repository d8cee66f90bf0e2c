//! What a training step sends to a device and reads from it: counted on the CPU, in the composed form, which is what runs elsewhere.

mod steps;
mod unread;

use candlelight::activation::log_softmax;
use candlelight::autograd::value_and_grad;
use candlelight::device::{Transfers, transfers};
use candlelight::kernels::composed;
use candlelight::loss::{CrossEntropyConfig, NllConfig, cross_entropy_with, multi_margin, nll, nll_with};
use candlelight::nn::{
    BatchNorm, BatchNormConfig, InstanceNorm2d, InstanceNormConfig, Lstm, Mode, Module, ResNet, ResNetConfig,
    Sequential, batch_norm1d, dropout, group_norm, layer_norm, linear, lstm,
};
use candlelight::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig, clip_grad_norm, clip_grad_norm_unread};
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight::train::{Evaluation, FitConfig, evaluate, fit};
use candlelight_tests::documents::{read, root};
use candlelight_tests::{assert_close, flat, number, store};

const CPU: Device = Device::Cpu;

/// The output of an LSTM at the last step, through a linear layer.
struct Last(Lstm, Linear);

impl Module for Last {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let y = self.0.forward(x, mode)?;
        self.1.forward(&y.narrow(1, y.dim(1)? - 1, 1)?.squeeze(1)?, mode)
    }
}

fn random(shape: &[usize]) -> Tensor {
    normal(&mut seeded(1), 0.0, 1.0, shape, DType::F32, &CPU).unwrap()
}

fn classes(n: usize) -> Tensor {
    Tensor::from_iter((0..n as u32).map(|i| i % 3), &CPU).unwrap()
}

/// Each net with its parameters and a batch of inputs.
fn nets() -> Vec<(&'static str, Box<dyn Module>, Params, Tensor)> {
    let mut all: Vec<(&'static str, Box<dyn Module>, Params, Tensor)> = Vec::new();
    let params = store(DType::F32);
    let config = ResNetConfig { widths: vec![4, 8, 8], ..ResNetConfig::default() };
    let net = ResNet::new(3, 3, config, params.clone()).unwrap();
    all.push(("ResNet-20", Box::new(net), params, random(&[4, 3, 8, 8])));
    let params = store(DType::F32);
    let net = Last(lstm(3, 8, params.pp("lstm")).unwrap(), linear(8, 3, params.pp("fc")).unwrap());
    all.push(("LSTM", Box::new(net), params, random(&[4, 5, 3])));
    let params = store(DType::F32);
    let net = Sequential::new()
        .push(linear(6, 8, params.pp("fc1")).unwrap())
        .push(layer_norm(8, params.pp("norm")).unwrap())
        .push(Activation::Relu)
        .push(linear(8, 3, params.pp("fc2")).unwrap());
    all.push(("MLP with layer norm", Box::new(net), params, random(&[4, 6])));
    all
}

fn optimizers(params: &Params) -> [Box<dyn Optimizer>; 3] {
    let sgd = |momentum| Sgd::new(params.trainable(), SgdConfig { lr: 0.01, momentum, ..SgdConfig::default() });
    let adam = Adam::new(params.trainable(), AdamConfig::default());
    [
        Box::new(sgd(0.0).unwrap().composed().unwrap()),
        Box::new(sgd(0.9).unwrap().composed().unwrap()),
        Box::new(adam.unwrap().composed().unwrap()),
    ]
}

/// What `f` sends and reads.
fn counted<T>(f: impl FnOnce() -> T) -> (T, Transfers) {
    let before = transfers();
    let result = composed(f);
    (result, transfers().since(before))
}

const NOTHING: Transfers = Transfers { uploads: 0, downloads: 0 };

#[test]
fn a_step_sends_nothing_and_reads_nothing_but_what_it_is_asked_for() {
    for (name, net, params, x) in nets() {
        let y = classes(x.dim(0).unwrap());
        let before = flat(&params.trainable()[0].var);
        for mut optimizer in optimizers(&params) {
            let mut step = |read_norm| {
                let (_, mut gradients) = value_and_grad(|| cross_entropy(&net.forward(&x, Mode::Train)?, &y)).unwrap();
                if read_norm {
                    clip_grad_norm(&mut gradients, &params.trainable(), 0.1, true).unwrap();
                } else {
                    clip_grad_norm_unread(&mut gradients, &params.trainable(), 0.1).unwrap();
                }
                optimizer.step(&gradients).unwrap();
            };
            counted(|| step(true)); // the first one may make what is kept
            assert_eq!(counted(|| step(false)).1, NOTHING, "{name}");
            assert_eq!(
                counted(|| step(true)).1,
                Transfers { downloads: 1, ..NOTHING },
                "{name}: the norm is read once"
            );
        }
        assert!(params.all().iter().all(|param| flat(&param.var).iter().all(|number| number.is_finite())), "{name}");
        assert_ne!(flat(&params.trainable()[0].var), before, "{name}");
    }
}

#[test]
fn fit_reads_once_a_step() {
    let weight = Some(Tensor::new(&[1f32, 2., 0.5], &CPU).unwrap());
    let weighted = CrossEntropyConfig { weight, ignore_index: Some(2), ..CrossEntropyConfig::default() };
    type Loss<'a> = &'a dyn Fn(&Tensor, &Tensor) -> Result<Tensor>;
    let losses: [Loss; 4] = [
        &cross_entropy,
        &multi_margin,
        &|output, y| nll(&log_softmax(output, 1)?, y),
        // What the mean divides by is read with the loss; the weights of the classes are read at the first step.
        &|output, y| cross_entropy_with(output, y, &weighted),
    ];
    for (name, net, params, x) in nets() {
        let train = Dataset::new(&x, &classes(4)).unwrap();
        for (penalty, loss) in [false, true].into_iter().flat_map(|penalty| losses.map(|loss| (penalty, loss))) {
            let mut adam = Adam::new(params.trainable(), AdamConfig::default()).unwrap().composed().unwrap();
            let mut config = FitConfig { epochs: 1, batch_size: 2, ..FitConfig::default() }.silent();
            if penalty {
                let w = params.trainable()[0].var.clone();
                config = config.with_penalty(move || Ok((w.as_tensor().sqr()?.sum_all()? * 1e-4)?));
            }
            let mut run = || fit(&*net, &mut adam, loss, &train, None, &config, &mut seeded(0)).unwrap();
            counted(&mut run);
            assert_eq!(counted(&mut run).1, Transfers { uploads: 0, downloads: 2 }, "{name}: two steps");
        }
    }
}

/// What is read for the loss of a step is what the CPU's kernels would have computed.
#[test]
fn fit_goes_on_as_on_the_cpu() {
    let y = Tensor::new(&[0i64, -100, 2, 1], &CPU).unwrap();
    let weight = Some(Tensor::new(&[1f32, 2., 0.5], &CPU).unwrap());
    let weighted = CrossEntropyConfig { weight, ignore_index: Some(-100), ..CrossEntropyConfig::default() };
    // With batches of one, a batch in which no sample counts.
    for (batch_size, accumulate) in [(4, 1), (2, 1), (1, 4)] {
        let run = || {
            let (_, net, params, x) = nets().remove(2);
            let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap();
            let config = FitConfig { epochs: 3, batch_size, accumulate, ..FitConfig::default() }.silent();
            let data = Dataset::new(&x, &y).unwrap();
            let loss = |output: &Tensor, y: &Tensor| cross_entropy_with(output, y, &weighted);
            fit(&*net, &mut sgd, loss, &data, None, &config, &mut seeded(0)).unwrap().train_loss()
        };
        for (here, there) in run().into_iter().zip(composed(run)) {
            assert!((here - there).abs() < 1e-5, "{batch_size}: {here} {there}");
        }
    }
}

/// Labels of each dtype, of which one is no class of three; there is one row that all losses agree on.
fn wrong_labels() -> [(Tensor, Option<i64>, i64); 5] {
    let wide = |labels: &[i64]| Tensor::new(labels, &CPU).unwrap();
    [
        (Tensor::new(&[0u8, 3, 2], &CPU).unwrap(), None, 3),
        (Tensor::new(&[0u32, u32::MAX, 2], &CPU).unwrap(), None, i64::from(u32::MAX)),
        (wide(&[0, -1, 2]), None, -1),
        // As U32 it would be the class 1.
        (wide(&[0, (1 << 32) + 1, 2]), None, (1 << 32) + 1),
        (wide(&[-100, -7, 2]), Some(-100), -7),
    ]
}

#[test]
fn a_label_that_is_no_class_makes_the_loss_nan_and_is_named_by_fit() {
    // So close together that each falls short of a margin of 1.
    let logits = Var::from_tensor(&(random(&[3, 3]) * 0.1).unwrap()).unwrap();
    for (labels, ignore_index, label) in wrong_labels() {
        let config = CrossEntropyConfig { ignore_index, ..CrossEntropyConfig::default() };
        let by_nll = NllConfig { ignore_index, ..NllConfig::default() };
        type Loss<'a> = &'a dyn Fn(&Tensor, &Tensor) -> Result<Tensor>;
        let losses: [Loss; 3] = [
            &|x, y| cross_entropy_with(x, y, &config),
            &|x, y| nll_with(&log_softmax(x, 1)?, y, &by_nll),
            &multi_margin,
        ];
        // The last one ignores no label.
        for loss in &losses[..if ignore_index.is_none() { 3 } else { 2 }] {
            // On the CPU it is refused at once.
            assert!(matches!(loss(&logits, &labels), Err(Error::Label { position: 1, .. })));
            let (value, made) = counted(|| loss(&logits, &labels).unwrap());
            assert!(number(&value).is_nan() && made == NOTHING);
            let gradient = flat(value.backward().unwrap().get(&logits).unwrap());
            assert!(gradient[3..6].iter().all(|&slope| slope == 0.0), "{gradient:?}");
            assert!(gradient.iter().all(|slope| slope.is_finite()) && gradient[6..].iter().any(|&slope| slope != 0.0));

            let params = store(DType::F32);
            let model = linear(3, 3, params.pp("fc")).unwrap();
            let before = flat(model.weight());
            let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
            let data = Dataset::new(&random(&[3, 3]), &labels).unwrap();
            let config = FitConfig::default().silent();
            let failed = composed(|| fit(&model, &mut sgd, loss, &data, None, &config, &mut seeded(0))).unwrap_err();
            assert!(matches!(failed, Error::Label { label: named, classes: 3, .. } if named == label), "{failed}");
            assert_eq!(flat(model.weight()), before);
            let failed = composed(|| evaluate(&model, loss, &data, 3)).unwrap_err();
            assert!(matches!(failed, Error::Label { label: named, position: 1, .. } if named == label), "{failed}");
        }
    }
}

/// A loss that diverges is not put down to its labels.
#[test]
fn labels_are_not_blamed_for_another_nan() {
    let params = store(DType::F32);
    let model = linear(3, 3, params.pp("fc")).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
    let data = Dataset::new(&(random(&[3, 3]) * f64::NAN).unwrap(), &classes(3)).unwrap();
    let config = FitConfig::default().silent();
    let failed = composed(|| fit(&model, &mut sgd, cross_entropy, &data, None, &config, &mut seeded(0))).unwrap_err();
    assert!(matches!(failed, Error::NotFinite { .. }), "{failed}");
}

#[test]
fn labels_that_fit_give_what_they_give_on_the_cpu() {
    let logits = Var::from_tensor(&random(&[2, 3, 4])).unwrap();
    let weight = Some(Tensor::new(&[1f32, 0., 0.5, 2.], &CPU).unwrap());
    for (dtype, ignore_index) in
        [(DType::U8, None), (DType::U32, Some(1)), (DType::I64, None), (DType::I64, Some(-100))]
    {
        let mut labels = vec![3i64, 0, 1, 2, 2, 0];
        labels[4] = ignore_index.unwrap_or(2);
        let labels = Tensor::from_vec(labels, (2, 3), &CPU).unwrap().to_dtype(dtype).unwrap();
        for (weight, label_smoothing) in [(None, 0.0), (weight.clone(), 0.1)] {
            let config = CrossEntropyConfig { weight, ignore_index, label_smoothing, ..CrossEntropyConfig::default() };
            let run = || {
                let loss = cross_entropy_with(&logits, &labels, &config).unwrap();
                let gradients = loss.backward().unwrap();
                (loss, gradients.get(&logits).unwrap().clone())
            };
            let ((here, slopes), (there, others)) = (run(), composed(run));
            assert_close("loss", &here, &there, 1e-6, 1e-7);
            assert_close("gradient", &slopes, &others, 1e-5, 1e-7);
        }
    }
}

/// Running statistics move on their device as they do on the host, whatever the momentum.
#[test]
fn running_statistics_are_those_of_the_cpu() {
    for momentum in [Some(0.1), None] {
        let run = || {
            let params = store(DType::F32);
            let config = BatchNormConfig { momentum, ..BatchNormConfig::default() };
            let batch = BatchNorm::<2>::new(3, config, params.pp("batch")).unwrap();
            let config = InstanceNormConfig { momentum, track_running_stats: true, ..InstanceNormConfig::default() };
            let instance = InstanceNorm2d::new(3, config, params.pp("instance")).unwrap();
            for step in 0..3 {
                let x = ((random(&[4, 3, 5, 2]) * (step as f64 + 1.0)).unwrap() + 0.5).unwrap();
                batch.forward(&x, Mode::Train).unwrap();
                instance.forward(&x, Mode::Train).unwrap();
            }
            let x = random(&[2, 3, 2, 2]);
            let used = counted(|| batch.forward(&x, Mode::Eval).unwrap());
            assert_eq!(used.1, NOTHING);
            params
                .all()
                .into_iter()
                .filter(|param| param.buffer)
                .map(|param| (param.name, param.var))
                .collect::<Vec<_>>()
        };
        let (here, there) = (run(), composed(run));
        assert_eq!(here.len(), 6);
        for ((name, here), (_, there)) in here.iter().zip(&there) {
            assert_close(name, here, there, 1e-6, 1e-7);
        }
    }
}

#[test]
fn a_mask_is_sent_once_and_group_norm_not_at_all() {
    let params = store(DType::F32);
    let net = Sequential::new()
        .push(linear(6, 8, params.pp("fc")).unwrap())
        .push(group_norm(2, 8, params.pp("norm")).unwrap())
        .push(dropout(0.3, params.pp("drop")).unwrap())
        .push(batch_norm1d(8, params.pp("bn")).unwrap());
    let x = random(&[4, 6]);
    let run = || value_and_grad(|| Ok(net.forward(&x, Mode::Train)?.sqr()?.sum_all()?)).unwrap();
    assert_eq!(counted(run).1, Transfers { uploads: 1, downloads: 0 });
    assert_eq!(counted(|| net.forward(&x, Mode::Eval).unwrap()).1, NOTHING);
}

#[test]
fn evaluation_reads_the_loss_of_a_batch() {
    let (_, net, _, x) = nets().remove(2);
    let targets = random(&[4, 3]);
    let data = Dataset::new(&x, &targets).unwrap();
    let run = || evaluate(&*net, candlelight::loss::mse, &data, 2).unwrap();
    let (Evaluation { loss, .. }, made) = counted(run);
    assert!(loss.is_finite());
    assert_eq!(made, Transfers { uploads: 0, downloads: 2 });
}

/// The number that Candle gives the next tensor.
fn next_id() -> usize {
    let id = format!("{:?}", Tensor::zeros((), DType::F32, &CPU).unwrap().id());
    id.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// Not a test of its own: Candle counts the tensors of all threads, so the next test runs this one alone.
#[test]
fn count_tensors_alone() {
    if std::env::var_os("CANDLELIGHT_TEST_COUNT").is_none() {
        return;
    }
    let params = store(DType::F32);
    let net = candlelight::nn::resnet(3, 10, params.clone()).unwrap();
    let (x, y) = (random(&[2, 3, 8, 8]), classes(2));
    let (_, gradients) = value_and_grad(|| cross_entropy(&net.forward(&x, Mode::Train)?, &y)).unwrap();
    let mut adam = Adam::new(params.trainable(), AdamConfig::default()).unwrap().composed().unwrap();
    adam.step(&gradients).unwrap();
    let before = next_id();
    adam.step(&gradients).unwrap();
    println!("\ntensors {} parameters {}", next_id() - before - 1, params.trainable().len());
}

/// One a parameter would be 15 for each: 885 for the 59 of a ResNet-20.
#[test]
fn adam_updates_all_parameters_at_once() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "transfers::count_tensors_alone", "--nocapture"])
        .env("CANDLELIGHT_TEST_COUNT", "1")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<usize> = text
        .lines()
        .filter(|line| line.starts_with("tensors"))
        .flat_map(|line| line.split(' ').filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
        .collect();
    let [tensors, parameters] = words[..] else { panic!("{text}") };
    assert!(parameters == 59 && tensors <= 4 * parameters, "{tensors} for {parameters}");
}

/// Where numbers may be sent and read by Candle's own calls, and why.
const UNCOUNTED: [(&str, &str); 17] = [
    ("crate/base/src/transfer.rs", "what counts them"),
    ("crate/kernels/src/", "the CPU's kernels: what they make is where it is used"),
    ("crate/src/check/", "exercises, on the CPU"),
    ("crate/src/checkpoint/format.rs", "files"),
    ("crate/src/data/", "data sets, made before a training; a batch is the caller's to send"),
    ("crate/src/distributed/", "ranks exchange numbers of the host"),
    ("crate/src/init/", "first values, once a parameter"),
    ("crate/src/metrics/generative/", "judged once"),
    ("crate/src/metrics/multi_label.rs", "judged once"),
    ("crate/src/nn/dropout/sub_networks.rs", "an ensemble that is counted out, in F64 on the CPU"),
    ("crate/src/nn/features/", "looks into a trained network"),
    ("crate/src/nn/fuse/channels.rs", "once, when a network is fused"),
    ("crate/src/optim/lbfgs/mod.rs", "its state, when it is saved and loaded"),
    ("crate/src/optim/test_function.rs", "a function of two numbers, on the CPU"),
    ("crate/src/rl/dqn/state.rs", "its state, when it is saved and loaded"),
    ("crate/src/rl/replay/", "a memory of the host; a batch is sent by the one who draws it"),
    ("crate/src/train/early_stopping.rs", "its state, when it is saved and loaded"),
];

/// The calls by which Candle sends numbers of the host, or gives them to it.
const CALLS: [&str; 15] = [
    ".to_vec0",
    ".to_vec1",
    ".to_vec2",
    ".to_vec3",
    ".to_scalar",
    "Tensor::new(",
    "Tensor::from_",
    "Tensor::arange",
    "Tensor::rand",
    "Tensor::eye",
    "Tensor::tri",
    ".rand_like",
    ".randn_like",
    ".cumsum",
    ".flip(",
];

/// The methods that take a tensor or a number; of a number Candle makes a tensor on the host, and sends it.
const OF_TENSORS: [&str; 9] = [".maximum(", ".minimum(", ".clamp(", ".eq(", ".ne(", ".lt(", ".le(", ".gt(", ".ge("];

/// Where one of these is called on a number.
const ON_NUMBERS: [(&str, &str); 5] = [
    ("crate/src/activation/softmax.rs", "temperature.clamp("),
    ("crate/src/metrics/calibration.rs", "index.clamp("),
    ("crate/src/probability/kolmogorov_smirnov.rs", "sum::<f64>()).clamp("),
    ("crate/src/rl/env/", ".clamp("),
    ("crate/src/train/bar.rs", "done.clamp("),
];

/// Whether a line of code gives a number where a tensor could stand.
fn takes_a_number(path: &str, line: &str) -> Option<&'static str> {
    let known = ON_NUMBERS.iter().find(|(place, _)| path.starts_with(place)).map_or("", |(_, call)| call);
    let line = if known.is_empty() { line.to_owned() } else { line.replace(known, "") };
    let given = |call: &str| line.split(call).skip(1).any(|argument| !argument.starts_with('&'));
    OF_TENSORS.into_iter().find(|call| given(call))
}

#[test]
fn a_number_in_place_of_a_tensor_is_found() {
    assert_eq!(takes_a_number("a.rs", "let y = x.clamp(-limit, limit)?;"), Some(".clamp("));
    assert_eq!(takes_a_number("a.rs", "x.maximum(&y)?.minimum(1.0)?"), Some(".minimum("));
    assert_eq!(takes_a_number("a.rs", "x.maximum(&y)?.gt(&zeros)?"), None);
    assert_eq!(takes_a_number("crate/src/train/bar.rs", "let percent = 100.0 * done.clamp(0.0, 1.0);"), None);
}

/// The sources below a folder of the repository, with their paths.
fn sources(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(sources(&path));
        } else if path.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn what_is_sent_and_read_is_counted() {
    let mut met = std::collections::BTreeSet::new();
    for path in ["crate/base/src", "crate/kernels/src", "crate/src"].into_iter().flat_map(sources) {
        let source = read(&path);
        // Without the tests at the end, and without comments.
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let called = code.lines().filter_map(|line| {
            let line = line.split("//").next()?;
            CALLS.into_iter().find(|call| line.contains(call)).or_else(|| takes_a_number(&path, line))
        });
        let exception = UNCOUNTED.iter().find(|(place, _)| path.starts_with(place));
        for call in called {
            let Some((place, _)) = exception else {
                panic!("{path}: `{call}` is not counted: see candlelight_base::transfer")
            };
            met.insert(*place);
        }
    }
    let all = UNCOUNTED.iter().map(|(place, _)| *place).collect();
    assert_eq!(met, all, "each exception has a call");
}
