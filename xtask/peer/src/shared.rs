//! Inputs and parameters that all programs compute for themselves, the same to the bit, and what of the results is compared.
//! `python/shared.py` is its twin.

use std::sync::OnceLock;

use candlelight::candle_core::{DType, Device, Result, Shape, Tensor};
use candlelight::data::{Dataset, FashionMnist, Places};

/// Samples a step of an epoch.
pub const BATCH: usize = 64;

static CARD: OnceLock<Device> = OnceLock::new();

/// Where inputs and parameters of this process are: on the CPU, unless [`use_card`] was called.
pub fn device() -> &'static Device {
    CARD.get().unwrap_or(&Device::Cpu)
}

/// From now on they are on the first card.
pub fn use_card() -> crate::Result<()> {
    let device = candlelight::device::best_device()?;
    if device.is_cpu() {
        return Err("there is no card, or this program was compiled without the feature `cuda`".into());
    }
    CARD.set(device).map_err(|_| "a card is in use already".into())
}

/// The stream of 64-bit numbers that belongs to a name: SplitMix64, from the FNV-1a hash of the name.
fn stream(name: &str) -> impl Iterator<Item = u64> {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Multiples of 2⁻²³ in [-1, 1), which F32 holds exactly.
fn uniform(name: &str, n: usize) -> Vec<f32> {
    stream(name).take(n).map(|bits| (bits >> 40) as f32 / 8_388_608.0 - 1.0).collect()
}

/// An input of uniform numbers in [-1, 1).
pub fn input(name: &str, shape: impl Into<Shape>) -> Result<Tensor> {
    let shape = shape.into();
    Tensor::from_vec(uniform(name, shape.elem_count()), shape, device())
}

/// `n` class indices in 0..classes, U32.
pub fn labels(name: &str, n: usize, classes: u64) -> Result<Tensor> {
    let labels: Vec<u32> = stream(name).take(n).map(|bits| ((bits >> 40) % classes) as u32).collect();
    Tensor::from_vec(labels, n, device())
}

/// The initial value of the parameter or running statistic of this (PyTorch) name.
///
/// ```text
/// two dimensions or more   ±1/√(product of all but the first)
/// weight of a norm         1 ± 0.1
/// bias                     ±0.1
/// running_mean, _var       0, 1
/// ```
pub fn parameter(name: &str, shape: &Shape) -> Result<Tensor> {
    let numbers = uniform(name, shape.elem_count());
    let fan = shape.dims().iter().skip(1).product::<usize>() as f64;
    let numbers: Vec<f32> = match name.rsplit('.').next() {
        _ if shape.rank() >= 2 => {
            let bound = (1.0 / fan.sqrt()) as f32;
            numbers.into_iter().map(|u| u * bound).collect()
        }
        Some("running_mean") => vec![0.0; numbers.len()],
        Some("running_var") => vec![1.0; numbers.len()],
        Some("weight") => numbers.into_iter().map(|u| 1.0 + 0.1 * u).collect(),
        _ => numbers.into_iter().map(|u| 0.1 * u).collect(),
    };
    Tensor::from_vec(numbers, shape, device())
}

/// Two numbers that stand for a tensor: its norm, and its scalar product with the uniform numbers of `name`. Values that
/// stand in other places, have another sign or are off by a factor change one of them.
pub fn digest(name: &str, value: &Tensor) -> Result<[f64; 2]> {
    let values = value.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let weights = uniform(name, values.len());
    Ok([norm, values.iter().zip(weights).map(|(v, u)| v * f64::from(u)).sum()])
}

/// The training set of the full Fashion-MNIST, which lies where the asking program says (`CANDLELIGHT_DATA`).
pub fn fashion_mnist(dims: &[usize]) -> crate::Result<Dataset> {
    let folder = Places::of_this_machine()?.find().ok_or("the full Fashion-MNIST is not on this machine")?;
    Ok(FashionMnist::from_dir(folder, &Device::Cpu)?.train.with_input_dims(dims)?)
}

/// The batch `number`, counted from 1, in the order of the files.
pub fn batch(data: &Dataset, number: usize) -> Result<(Tensor, Tensor)> {
    let start = (number - 1) * BATCH;
    Ok((data.inputs().narrow(0, start, BATCH)?, data.targets().narrow(0, start, BATCH)?))
}
