//! The checks of `19-resnet`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::resnet::*;
use candlelight::nn::{Mode, Module, ResNet, ResNetConfig};
use candlelight::prelude::*;
use candlelight_tests::{accepts, rejects};

fn padded(x: &[f64], [channels, height, width]: [usize; 3], out: usize, stride: usize) -> Vec<f64> {
    let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
    let mut y = vec![0.0; out * rows * columns];
    for c in 0..channels {
        for i in 0..rows {
            for j in 0..columns {
                y[(c * rows + i) * columns + j] = x[(c * height + stride * i) * width + stride * j];
            }
        }
    }
    y
}

#[test]
fn a_shortcut_of_zeros() {
    accepts(zero_padding(padded));
    let by_tensor = |x: &[f64], [c, h, w]: [usize; 3], out: usize, stride: usize| {
        let x = Tensor::from_slice(x, (c, h, w), &Device::Cpu).unwrap();
        let every = |n: usize| Tensor::from_iter((0..n as u32).step_by(stride), &Device::Cpu).unwrap();
        let y = x.index_select(&every(h), 1).unwrap().index_select(&every(w), 2).unwrap();
        y.pad_with_zeros(0, 0, out - c).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
    };
    accepts(zero_padding(by_tensor));
    rejects(zero_padding(|_, _, _, _| todo!("every stride-th place")), "not written yet. every stride-th place");
    // Rounds the sides down.
    let down = |x: &[f64], [c, h, w]: [usize; 3], out: usize, stride: usize| {
        let cut: Vec<f64> = (0..c * (h / stride) * (w / stride))
            .map(|k| (k / (w / stride) / (h / stride), k / (w / stride) % (h / stride), k % (w / stride)))
            .map(|(c, i, j)| x[(c * h + stride * i) * w + stride * j])
            .collect();
        padded(&cut, [c, h / stride, w / stride], out, 1)
    };
    rejects(zero_padding(down), "[2, 3, 5] to 3 channels with stride 2: expected 18 entries, got 6");
    // Copies the channels instead of zeros: the notes' replication.
    let copied = |x: &[f64], shape: [usize; 3], out: usize, stride: usize| {
        let y = padded(x, shape, shape[0], stride);
        let size = y.len() / shape[0];
        y.iter().copied().cycle().take(out * size).collect()
    };
    rejects(zero_padding(copied), "[1, 2, 2] to 2 channels with stride 2, entry 1: expected 0, got 1");
    // Zeros before the old channels.
    let before = |x: &[f64], shape: [usize; 3], out: usize, stride: usize| {
        let y = padded(x, shape, shape[0], stride);
        let zeros = y.len() / shape[0] * (out - shape[0]);
        [vec![0.0; zeros], y].concat()
    };
    rejects(zero_padding(before), "[1, 2, 2] to 2 channels with stride 2, entry 0: expected 1, got 0");
    // The last of every two places, not the first.
    let last = |x: &[f64], [c, h, w]: [usize; 3], out: usize, stride: usize| {
        let (rows, columns) = (h.div_ceil(stride), w.div_ceil(stride));
        let mut y = vec![0.0; out * rows * columns];
        for k in 0..c * rows * columns {
            let (i, j) = (k / columns % rows * stride + stride - 1, k % columns * stride + stride - 1);
            y[k] = x[(k / (rows * columns) * h + i.min(h - 1)) * w + j.min(w - 1)];
        }
        y
    };
    rejects(zero_padding(last), "[1, 2, 2] to 2 channels with stride 2, entry 0: expected 1, got 4");
    // No new channels.
    rejects(zero_padding(|x, shape, _, stride| padded(x, shape, shape[0], stride)), "expected 2 entries, got 1");
}

/// A block by hand, with what a reader might do otherwise.
fn by_hand(layers: &BlockLayers, x: &Tensor, mode: Mode, mistake: &str) -> Result<Tensor> {
    let h = layers.bn1.forward(&layers.conv1.forward(x, mode)?, mode)?;
    let h = if mistake == "no inner relu" { h } else { relu(&h)? };
    let mut h = layers.conv2.forward(&h, mode)?;
    if mistake != "no bn2" {
        h = layers.bn2.forward(&h, mode)?;
    }
    let shortcut = match &layers.downsample {
        Some(_) if mistake == "never projects" => x.clone(),
        Some((conv, _)) if mistake == "no norm in the shortcut" => conv.forward(x, mode)?,
        Some((conv, _)) if mistake == "bn2 in the shortcut" => layers.bn2.forward(&conv.forward(x, mode)?, mode)?,
        Some((conv, norm)) => norm.forward(&conv.forward(x, mode)?, mode)?,
        None => x.clone(),
    };
    Ok(match mistake {
        "no shortcut" => relu(&h)?,
        "no relu" => (h + shortcut)?,
        "relu before" => (relu(&h)? + shortcut)?,
        "relu of each" => (relu(&h)? + relu(&shortcut)?)?,
        _ => relu(&(h + shortcut)?)?,
    })
}

#[test]
fn a_block_by_hand() {
    accepts(block(|layers, x, mode| by_hand(layers, x, mode, "")));
    // Fused where the crate can.
    accepts(block(|layers, x, mode| {
        let h = layers.bn1.forward_then(&layers.conv1.forward(x, mode)?, mode, Activation::Relu)?;
        let h = layers.bn2.forward(&layers.conv2.forward(&h, mode)?, mode)?;
        let way = layers.downsample.as_ref().map(|(conv, norm)| norm.forward(&conv.forward(x, mode)?, mode));
        candlelight::nn::add_relu(&h, &way.unwrap_or_else(|| Ok(x.clone()))?)
    }));
    rejects(block(|_, _, _| todo!("the two ways, then their sum")), "not written yet. the two ways");
    for mistake in ["no inner relu", "no bn2", "no shortcut", "no relu", "relu before", "relu of each"] {
        let found = block(|layers, x, mode| by_hand(layers, x, mode, mistake));
        rejects(found, "2 to 2 channels, stride 1, Train, output");
    }
    let found = block(|layers, x, mode| by_hand(layers, x, mode, "no norm in the shortcut"));
    rejects(found, "2 to 4 channels, stride 2, Train, output");
    let found = block(|layers, x, mode| by_hand(layers, x, mode, "bn2 in the shortcut"));
    rejects(found, "2 to 4 channels, stride 2, Train, output");
    rejects(block(|layers, x, mode| by_hand(layers, x, mode, "never projects")), "2 to 4 channels, stride 2, Train");
    // The mode of training whatever is asked.
    rejects(block(|layers, x, _| by_hand(layers, x, Mode::Train, "")), "2 to 2 channels, stride 1, Eval, output");
    rejects(block(|_, x, _| Ok(x.narrow(0, 0, 1)?)), "expected shape [2, 2, 5, 4], got [1, 2, 5, 4]");
}

fn counted(depth: usize, channels: usize, classes: usize) -> Option<usize> {
    (depth >= 8 && depth % 6 == 2).then(|| {
        let blocks = (depth - 2) / 6;
        let conv_norm = |from: usize, to: usize| 9 * from * to + 2 * to;
        let stage = |from: usize, to: usize| conv_norm(from, to) + (2 * blocks - 1) * conv_norm(to, to);
        conv_norm(channels, 16) + stage(16, 16) + stage(16, 32) + stage(32, 64) + 65 * classes
    })
}

#[test]
fn parameters_by_depth() {
    accepts(parameters(counted));
    let by_crate = |depth: usize, channels: usize, classes: usize| {
        let (config, params) = (ResNetConfig::of_depth(depth).ok()?, Params::new(0, &Device::Cpu).ok()?);
        ResNet::new(channels, classes, config, params.clone()).ok()?;
        Some(params.count())
    };
    accepts(parameters(by_crate));
    rejects(parameters(|_, _, _| todo!("a stage at a time")), "not written yet. a stage at a time");
    // Takes any depth.
    let any =
        |depth: usize, channels: usize, classes: usize| counted((depth.max(8) - 2) / 6 * 6 + 2, channels, classes);
    rejects(parameters(any), "depth 21, 3 channels, 10 classes: expected None, got 269722");
    // No bias of the last layer.
    let no_bias = |depth, channels, classes| Some(counted(depth, channels, classes)? - classes);
    rejects(parameters(no_bias), "depth 8, 1 channels, 10 classes: expected 75002, got 74992");
    // Biases of the convolutions beside batch normalization.
    let biases = |depth: usize, channels: usize, classes: usize| {
        Some(counted(depth, channels, classes)? + 16 + (depth - 2) / 3 * (16 + 32 + 64))
    };
    rejects(parameters(biases), "expected 75002, got 75242");
    // Projections as well.
    let projected = |depth, channels, classes| Some(counted(depth, channels, classes)? + 16 * 32 + 64 + 32 * 64 + 128);
    rejects(parameters(projected), "expected 75002, got 77754");
    // Always three channels.
    rejects(parameters(|depth, _, classes| counted(depth, 3, classes)), "depth 8, 1 channels, 10 classes");
    rejects(parameters(|depth, channels, _| counted(depth, channels, 10)), "100 classes");
}

#[test]
fn places_that_are_never_read() {
    accepts(unread(|h, w, s| h * w - h.div_ceil(s) * w.div_ceil(s)));
    let one_by_one = |h: usize, w: usize, s: usize| {
        (0..h * w).filter(|k| !(k / w).is_multiple_of(s) || !(k % w).is_multiple_of(s)).count()
    };
    accepts(unread(one_by_one));
    rejects(unread(|_, _, _| todo!("which are read?")), "not written yet. which are read?");
    rejects(unread(|h, w, _| h * w * 3 / 4), "7 × 7, stride 2: expected 33, got 36");
    rejects(unread(|h, w, s| h * w - (h / s) * (w / s)), "7 × 7, stride 2: expected 33, got 40");
    rejects(unread(|h, w, s| h.div_ceil(s) * w.div_ceil(s)), "4 × 4, stride 2: expected 12, got 4");
    rejects(unread(|h, w, s| h * w - (h * w).div_ceil(s)), "4 × 4, stride 2: expected 12, got 8");
}
