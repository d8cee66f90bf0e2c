//! Steps of layers that look something up, of adversaries and of agents.

use candlelight::autograd::value_and_grad;
use candlelight::device::Transfers;
use candlelight::gan::{
    AdversarialLoss, GradientPenaltyConfig, Side, clip_weights, critic_step, discriminator_step, generator_step,
    gradient_penalty,
};
use candlelight::kernels::composed;
use candlelight::nn::{
    BlurPoolConfig, Conv2d, Conv2dConfig, Flatten, Mode, Module, PaddingMode, blur_pool2d, conv2d, locally_connected2d,
    polyphase_sampling, spectral_norm,
};
use candlelight::optim::{Optimizer, Sgd, SgdConfig, clip_grad_value};
use candlelight::prelude::*;
use candlelight::regularization::{decay_l1, decay_l2, elastic_net, max_norm, weights};
use candlelight::rl::{CartPole, Dqn, DqnConfig, ReplayBuffer, Transition, q_network};
use candlelight_tests::{assert_close, flat, store};

use super::{CPU, NOTHING, classes, counted, random};

const READ_ONCE: Transfers = Transfers { uploads: 0, downloads: 1 };

/// Reflected padding, a norm of the weight, both ways to step down, and kernels that are not shared: images [N, 2, 8, 8] to `outputs`.
fn looks_up(outputs: usize, params: &Params) -> Sequential {
    let config = Conv2dConfig { padding: (1, 1), padding_mode: PaddingMode::Reflect, ..Conv2dConfig::default() };
    let conv = Conv2d::new(2, 4, (3, 3), config, params.pp("conv")).unwrap();
    Sequential::new()
        .push(spectral_norm(conv, params).unwrap())
        .push(Activation::LeakyRelu { negative_slope: 0.2 })
        .push(blur_pool2d())
        .push(locally_connected2d(4, 3, 4, 3, params.pp("local")).unwrap())
        .push(Flatten)
        .push(spectral_norm(linear(12, outputs, params.pp("fc")).unwrap(), params).unwrap())
}

#[test]
fn layers_that_look_something_up_send_it_once() {
    let params = store(DType::F32);
    let net = looks_up(3, &params);
    let sampled = Sequential::new().push(conv2d(2, 3, 1, params.pp("shape")).unwrap()).push(polyphase_sampling());
    let (x, y) = (random(&[4, 2, 8, 8]), classes(4));
    let mut sgd =
        Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap().composed().unwrap();
    let mut step = || {
        let loss = || {
            let fit = cross_entropy(&net.forward(&x, Mode::Train)?, &y)?;
            let other = sampled.forward(&x, Mode::Train)?.sqr()?.mean_all()?;
            Ok(((fit + other)? + elastic_net(&weights(&params), 1e-4, 1e-3)?)?)
        };
        let (_, mut gradients) = value_and_grad(loss).unwrap();
        clip_grad_value(&mut gradients, &params.trainable(), 0.01).unwrap();
        sgd.step(&gradients).unwrap();
        max_norm(&weights(&params)[..1], 3.0).unwrap();
        decay_l1(&weights(&params), 1e-5).unwrap();
        decay_l2(&weights(&params), 1e-4).unwrap();
    };
    let before = flat(&params.trainable()[0].var);
    counted(&mut step);
    assert_eq!(counted(&mut step).1, NOTHING);
    assert_ne!(flat(&params.trainable()[0].var), before);
}

/// Blurs and padding of several sizes in turn: each has a table of its own.
#[test]
fn tables_are_those_of_the_size() {
    let blur = |kernel_size, stride| {
        let padding_mode = PaddingMode::Reflect;
        candlelight::nn::BlurPool2d::new(BlurPoolConfig { kernel_size, stride, padding_mode }).unwrap()
    };
    for size in [9, 12, 9] {
        for layer in [blur(3, 2), blur(4, 2), blur(5, 3)] {
            for samples in [1, 3] {
                let x = random(&[samples, 2, size, size + 1]);
                let run = || layer.forward(&x, Mode::Train).unwrap();
                assert_close("blur", &composed(run), &run(), 1e-6, 1e-6);
            }
        }
        for samples in [2, 5] {
            let x = random(&[samples, 1, 2 * size]);
            let kept = composed(|| polyphase_sampling().forward(&x, Mode::Train).unwrap());
            let norms = |start: usize| -> Vec<f64> {
                let all = flat(&x);
                all.chunks(2 * size).map(|row| row.iter().skip(start).step_by(2).map(|x| x * x).sum()).collect()
            };
            for (n, row) in flat(&kept).chunks(size).enumerate() {
                let largest = norms(0)[n].max(norms(1)[n]);
                assert!((row.iter().map(|x| x * x).sum::<f64>() - largest).abs() < 1e-9, "{samples} of {size}: {n}");
            }
        }
    }
}

#[test]
fn adversaries_read_what_their_steps_return() {
    let params = store(DType::F32);
    let critic = looks_up(1, &params.pp("critic"));
    let generator = Sequential::new()
        .push(linear(3, 2 * 64, params.pp("generator").pp("fc")).unwrap())
        .push(candlelight::nn::from_fn(|x, _| Ok(x.reshape(((), 2, 8, 8))?)));
    let of = |name: &str| params.pp(name).trainable();
    let sgd = |name: &str| Sgd::new(of(name), SgdConfig::default()).unwrap().composed().unwrap();
    let (mut of_critic, mut of_generator, mut rng) = (sgd("critic"), sgd("generator"), seeded(0));
    let (real, z) = (random(&[4, 2, 8, 8]), random(&[4, 3]));
    for side in [Side::Two, Side::One] {
        let config = GradientPenaltyConfig { side, target: 0.01, ..GradientPenaltyConfig::default() };
        let mut step = || {
            let fake = generator.forward(&z, Mode::Train).unwrap();
            critic_step(&critic, &real, &fake, &config, &mut rng, &mut of_critic).unwrap()
        };
        counted(&mut step);
        let (loss, made) = counted(&mut step);
        assert!(loss.distance.is_finite() && loss.penalty > 0.0);
        // What is sent are the random points between the two batches; distance and penalty are read at once.
        assert_eq!(made, Transfers { uploads: 1, downloads: 1 }, "{side:?}");
        let penalty = || value_and_grad(|| gradient_penalty(&critic, &real, &config)).unwrap();
        assert_eq!(counted(penalty).1, NOTHING, "{side:?}");
    }
    for loss in [AdversarialLoss::Minimax, AdversarialLoss::NonSaturating, AdversarialLoss::Wasserstein] {
        let mut step = || {
            let fake = generator.forward(&z, Mode::Train).unwrap();
            discriminator_step(&critic, &real, &fake, loss, &mut of_critic).unwrap();
            clip_weights(&of("critic"), 0.01).unwrap();
        };
        counted(&mut step);
        assert_eq!(counted(&mut step).1, READ_ONCE, "{loss:?}");
        let mut step = || {
            generator_step(&generator, &params.pp("generator"), &critic, &z, loss, &mut of_generator).unwrap();
        };
        counted(&mut step);
        assert_eq!(counted(&mut step).1, READ_ONCE, "{loss:?}");
    }
}

/// The two parts of a critic's loss, read at once, are the ones they were.
#[test]
fn a_critic_reports_its_parts() {
    let (real, fake) = (Tensor::new(&[[1f32, 0.]], &CPU).unwrap(), Tensor::new(&[[0f32, 0.5]], &CPU).unwrap());
    for run in [|f: &dyn Fn() -> [f64; 2]| f(), |f: &dyn Fn() -> [f64; 2]| composed(f)] {
        let [distance, penalty] = run(&|| {
            let params = store(DType::F32);
            let critic = linear(2, 1, params.clone()).unwrap();
            critic.weight().set(&Tensor::new(&[[3f32, 4.]], &CPU).unwrap()).unwrap(); // slope 5 everywhere
            let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
            let config = GradientPenaltyConfig::default();
            let loss = critic_step(&critic, &real, &fake, &config, &mut seeded(0), &mut sgd).unwrap();
            [loss.distance, loss.penalty]
        });
        assert!((distance - 1.0).abs() < 1e-5 && (penalty - 160.0).abs() < 1e-3, "{distance} {penalty}");
    }
}

#[test]
fn an_agent_reads_once_an_update() {
    for (name, config) in [
        ("plain", DqnConfig::default()),
        ("clipped", DqnConfig { max_grad_norm: Some(0.1), huber: Some(1.0), double: true, ..DqnConfig::default() }),
    ] {
        let mut replay = ReplayBuffer::new(8, 4).unwrap();
        for t in 0..8 {
            let (now, next) = ([f64::from(t); 4], [f64::from(t + 1); 4]);
            let (action, reward) = (t as usize % 2, f64::from(t));
            replay
                .push(&Transition { observation: &now, action, reward, next_observation: &next, discount: 0.9 })
                .unwrap();
        }
        let batch = replay.at(&[0, 3, 5, 7]).unwrap();
        let agent = || Dqn::new(CartPole::new(), |params| q_network(&[4, 8, 2], params), config, 0).unwrap();
        let (mut here, mut there) = (agent(), agent());
        let start = flat(&here.params().trainable()[0].var);
        counted(|| agent().update(&batch).unwrap()); // here a table is made that is kept
        for _ in 0..3 {
            let q: f64 =
                [0, 3, 5, 7].map(|t| f64::from(there.values(&[f64::from(t); 4]).unwrap()[t as usize % 2])).iter().sum();
            let expected = here.update(&batch).unwrap();
            let (update, made) = counted(|| there.update(&batch).unwrap());
            assert_eq!(made, READ_ONCE, "{name}");
            let close = |a: f64, b: f64| (a - b).abs() < 1e-5 * (1.0 + b.abs());
            assert!(close(update.loss, expected.loss) && close(update.mean_q, expected.mean_q), "{name}: {update:?}");
            assert!(close(update.mean_q, q / 4.0), "{name}: {update:?}, predicted {q} in all");
        }
        for (here, there) in here.params().trainable().iter().zip(there.params().trainable()) {
            assert_close(name, &there.var, &here.var, 1e-4, 1e-6);
        }
        assert_ne!(flat(&here.params().trainable()[0].var), start, "{name}");
        // To act takes an observation there and values back.
        let act = || there.act(&[0.1, 0.2, 0.3, 0.4]).unwrap();
        assert_eq!(counted(act).1, Transfers { uploads: 1, downloads: 1 }, "{name}");
    }
}
