//! Softmax and cross-entropy: why these two together, and why the loss takes scores instead of probabilities.
//!
//! ```text
//! cargo run -p candlelight --example softmax
//! ```

use candlelight::activation::softmax_with_temperature;
use candlelight::prelude::*;

fn main() -> Result<()> {
    let labels = Tensor::new(&[0u32], &Device::Cpu)?;
    let scores = Var::new(&[[2f64, 1.0, -1.0]], &Device::Cpu)?;
    for temperature in [0.5, 1.0, 5.0] {
        let p = softmax_with_temperature(&scores, D::Minus1, temperature)?.to_vec2::<f64>()?;
        println!("temperature {temperature}: probabilities {:.3?}", p[0]);
    }

    // The gradient with respect to the scores is the error: what was said minus what was right.
    let p = softmax(&scores, D::Minus1)?.to_vec2::<f64>()?;
    let (loss, gradients) = value_and_grad(|| cross_entropy(&scores, &labels))?;
    let gradient = gradients.get(&scores).ok_or(Error::MissingGradient { name: "scores".into() })?.to_vec2::<f64>()?;
    println!("loss {:.4}, gradient {:.4?}", loss.to_scalar::<f64>()?, gradient[0]);
    let error = [p[0][0] - 1.0, p[0][1], p[0][2]];
    assert!(gradient[0].iter().zip(error).all(|(a, b)| (a - b).abs() < 1e-12), "expected softmax − one-hot: {error:?}");

    // Scores of a thousand: the probability of the right class underflows, the loss of the scores does not.
    let sure = Tensor::new(&[[0f64, 1000.0]], &Device::Cpu)?;
    let naive = -softmax(&sure, D::Minus1)?.to_vec2::<f64>()?[0][0].ln();
    let stable = cross_entropy(&sure, &labels)?.to_scalar::<f64>()?;
    println!("a score that is wrong by 1000: −ln softmax = {naive}, cross-entropy of the scores = {stable}");
    assert!(naive.is_infinite() && stable == 1000.0, "only one of the two should be finite");
    Ok(())
}
