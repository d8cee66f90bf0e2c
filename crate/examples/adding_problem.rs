//! Recurrent nets: the sum of two marked numbers of a long sequence, by a plain RNN and by an LSTM.
//!
//! ```text
//! cargo run -p candlelight --example adding_problem
//! ```

use candlelight::data::adding_problem;
use candlelight::nn::{LstmGate, lstm, rnn};
use candlelight::optim::clip_grad_norm;
use candlelight::prelude::*;

/// Steps of a sequence.
const STEPS: usize = 40;
/// The mean squared error of saying 1 always.
const CHANCE: f64 = 1.0 / 6.0;

/// The error on new sequences after training a recurrent layer, with a linear one on its last output.
fn train(layer: &dyn Module, params: &Params) -> Result<f64> {
    let output = linear(32, 1, params.pp("output"))?;
    let forward = |x: &Tensor, mode: Mode| {
        // [N, steps, 2] to [steps, N, 2]
        let states = layer.forward(&x.transpose(0, 1)?.contiguous()?, mode)?;
        output.forward(&states.get(STEPS - 1)?, mode)
    };
    let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 5e-3, ..AdamConfig::default() })?;
    let mut rng = seeded(0);
    for _ in 0..500 {
        let batch = adding_problem(&mut rng, 64, STEPS, 0, DType::F32, &Device::Cpu)?;
        let (_, mut gradients) = value_and_grad(|| mse(&forward(batch.inputs(), Mode::Train)?, batch.targets()))?;
        clip_grad_norm(&mut gradients, &params.trainable(), 1.0, true)?;
        adam.step(&gradients)?;
    }
    let new = adding_problem(&mut seeded(1), 1000, STEPS, 0, DType::F32, &Device::Cpu)?;
    Ok(f64::from(mse(&forward(new.inputs(), Mode::Eval)?, new.targets())?.to_scalar::<f32>()?))
}

fn main() -> Result<()> {
    let params = Params::new(0, &Device::Cpu)?;
    let of_rnn = train(&rnn(2, 32, params.pp("rnn"))?, &params)?;
    let params = Params::new(0, &Device::Cpu)?;
    let layer = lstm(2, 32, params.pp("lstm"))?;
    // A gate that starts open remembers from the first step on.
    layer.set_gate_bias(LstmGate::Forget, 2.0)?;
    let of_lstm = train(&layer, &params)?;
    println!("mean squared error over sequences of {STEPS} steps; 1 as answer to all: {CHANCE:.4}");
    println!("  RNN   {of_rnn:.4}");
    println!("  LSTM  {of_lstm:.4}");
    assert!(of_lstm < CHANCE / 5.0 && of_lstm < of_rnn, "the LSTM should remember");
    Ok(())
}
