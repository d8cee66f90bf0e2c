//! One result on every instruction set: the same bits with AVX2 and AVX-512, on any number of threads.

use std::process::Command;

use candlelight::autograd::vjp;
use candlelight::kernels::Instructions;
use candlelight::nn::{
    Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, RecurrentConfig, gru, instance_norm2d, rnn,
};
use candlelight::prelude::*;
use candlelight_tests::{flat, gradient};

const CHILD: &str = "CANDLELIGHT_TEST_BITS";

/// A number that tells other bits from these.
fn digest(bits: &mut u64, tensor: &Tensor) {
    for value in flat(tensor) {
        *bits = (*bits ^ value.to_bits()).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5);
    }
}

/// Numbers of all kinds; `odd` ones have NaN, infinities, subnormal numbers and zeros of both signs among them.
fn numbers(shape: &[usize], dtype: DType, odd: bool) -> Tensor {
    let mut all = flat(&gradient::input(7, shape));
    if odd {
        let rare = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-40, -3e-45, -0.0, 0.0, 88.9, -104.2, 1e30];
        all.iter_mut().step_by(5).zip(rare.iter().cycle()).for_each(|(x, &rare)| *x = rare);
    }
    Tensor::from_vec(all, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

/// The name and the digest of each layer's output and gradients, in this process.
fn digests() -> Vec<String> {
    let mut lines = Vec::new();
    for dtype in [DType::F32, DType::F64] {
        type Make = Box<dyn Fn(&Params) -> Result<Box<dyn Module>>>;
        let mut layers: Vec<(String, Make, Vec<usize>)> = Vec::new();
        let mut add = |name: &str, shape: &[usize], make: Make| layers.push((name.into(), make, shape.to_vec()));
        for (inputs, outputs, rows) in [(7, 5, 3), (64, 33, 9), (300, 130, 65), (784, 10, 64)] {
            let name = format!("linear {inputs} {outputs}");
            add(&name, &[rows, inputs], Box::new(move |p| Ok(Box::new(linear(inputs, outputs, p.clone())?))));
        }
        for (c, o, kernel, stride, padding, groups, side) in [
            (1, 6, 5, 1, 2, 1, 28),
            (6, 16, 5, 1, 0, 1, 14),
            (16, 16, 3, 1, 1, 1, 14),
            (20, 37, 3, 1, 1, 1, 9),
            (9, 8, 3, 1, 1, 1, 10),
            (24, 40, 3, 2, 1, 1, 15),
            (32, 48, 4, 2, 1, 2, 14),
            (8, 20, 1, 2, 0, 1, 11),
            (3, 9, 3, 3, 1, 3, 16),
        ] {
            let config =
                Conv2dConfig { stride: (stride, stride), padding: (padding, padding), groups, ..Default::default() };
            // One image is shared out by its output channels, several by image.
            for n in [1, 5] {
                add(
                    &format!("conv {c} {o} {kernel} {stride}, {n}"),
                    &[n, c, side, side + 1],
                    Box::new(move |p| Ok(Box::new(Conv2d::new(c, o, kernel, config, p.clone())?))),
                );
            }
        }
        let double = ConvTranspose2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
        add(
            "conv_transpose",
            &[5, 24, 7, 7],
            Box::new(move |p| Ok(Box::new(ConvTranspose2d::new(24, 20, 4, double, p.clone())?))),
        );
        for (n, c, side) in [(3, 5, 7), (8, 33, 1)] {
            let shape: &[usize] = if side > 1 { &[n, c, side, side] } else { &[n, c] };
            add(
                &format!("batch_norm {c}"),
                shape,
                Box::new(move |p| {
                    Ok(if side > 1 {
                        Box::new(
                            Sequential::new()
                                .push(batch_norm2d(c, p.clone())?)
                                .push(Activation::LeakyRelu { negative_slope: 0.2 }),
                        )
                    } else {
                        Box::new(batch_norm1d(c, p.clone())?)
                    })
                }),
            );
        }
        add("instance_norm", &[3, 5, 9, 9], Box::new(|p| Ok(Box::new(instance_norm2d(5, p.clone())?))));
        for width in [37, 256] {
            add(
                &format!("layer_norm {width}"),
                &[9, width],
                Box::new(move |p| Ok(Box::new(layer_norm(width, p.clone())?))),
            );
        }
        let config = RecurrentConfig { bidirectional: true, ..RecurrentConfig::default() };
        add(
            "lstm",
            &[7, 9, 11],
            Box::new(move |p| Ok(Box::new(candlelight::nn::Lstm::new(11, 40, config, p.clone())?))),
        );
        add("gru", &[7, 9, 11], Box::new(|p| Ok(Box::new(gru(11, 40, p.clone())?))));
        add("rnn", &[7, 9, 11], Box::new(|p| Ok(Box::new(rnn(11, 40, p.clone())?))));
        add("max_pool", &[3, 5, 14, 14], Box::new(|_| Ok(Box::new(max_pool2d(2)?))));
        add("avg_pool", &[3, 5, 14, 14], Box::new(|_| Ok(Box::new(avg_pool2d(2)?))));
        for activation in
            [Activation::Relu, Activation::LeakyRelu { negative_slope: 0.1 }, Activation::Sigmoid, Activation::Tanh]
        {
            add(&format!("{activation:?}"), &[3, 701], Box::new(move |_| Ok(Box::new(activation))));
        }
        for (name, make, shape) in layers {
            // Sums of NaN are NaN on every set, but which NaN is not told.
            let odd = shape.as_slice() == [3, 701];
            let params = Params::with_dtype(0, dtype, &Device::Cpu).unwrap();
            let layer = make(&params).unwrap();
            let x = Var::from_tensor(&numbers(&shape, dtype, odd)).unwrap();
            let y = layer.forward(&x, Mode::Eval).unwrap_or_else(|_| layer.forward(&x, Mode::Train).unwrap());
            let (y, gradients) =
                vjp(|| layer.forward(&x, Mode::Train), &numbers(y.dims(), dtype, false)).expect("both passes");
            let mut bits = 0;
            digest(&mut bits, &y);
            digest(&mut bits, gradients.get(&x).expect("a gradient of the input"));
            params
                .trainable()
                .iter()
                .for_each(|param| digest(&mut bits, gradients.get(&param.var).expect("a gradient")));
            lines.push(format!("bits of {name} {dtype:?}: {bits:x}"));
        }
    }
    lines
}

fn child(instructions: &str, threads: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["every_set_and_number_of_threads_gives_the_same_bits", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("CANDLELIGHT_INSTRUCTIONS", instructions)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> =
        text.lines().filter(|line| line.starts_with("bits of ") || line.starts_with("uses ")).collect();
    assert!(lines.len() > 50, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    lines.join("\n")
}

#[test]
fn every_set_and_number_of_threads_gives_the_same_bits() {
    if std::env::var_os(CHILD).is_some() {
        println!();
        return digests().iter().for_each(|line| println!("{line}"));
    }
    let one = child("avx2", "1");
    for (instructions, threads) in [("avx2", "2"), ("avx512", "1"), ("avx512", "2"), ("avx512", "5")] {
        for (line, expected) in child(instructions, threads).lines().zip(one.lines()) {
            assert_eq!(line, expected, "{instructions}, {threads} threads");
        }
    }
}

/// Not a test of its own: the program that the next one runs.
#[test]
fn shown() {
    if std::env::var_os(CHILD).is_some() {
        println!("\nuses {}", Instructions::in_use());
        println!("says {:?}", Params::new(0, &Device::Cpu).map(drop).map_err(|error| error.to_string()));
    }
}

#[test]
fn a_lower_set_can_be_asked_for_and_another_word_is_refused() {
    let shown = |instructions: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["shown", "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env("CANDLELIGHT_INSTRUCTIONS", instructions)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let base = shown("base");
    assert!(base.contains("uses base\n") && base.contains("says Ok(())"), "{base}");
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        assert!(shown("avx2").contains("uses AVX2\n"));
        let widest = if std::arch::is_x86_feature_detected!("avx512f") { "uses AVX-512\n" } else { "uses AVX2\n" };
        assert!(shown("avx512").contains(widest) && shown("").contains(widest));
    }
    let wrong = shown("avx1024");
    assert!(wrong.contains(r#"CANDLELIGHT_INSTRUCTIONS is \"avx1024\"; expected base, avx2 or avx512"#), "{wrong}");
}
