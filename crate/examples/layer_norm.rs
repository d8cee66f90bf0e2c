//! Layer normalization: which values share a mean, what that makes of a single image, and that it does not mind its scale.
//!
//! ```text
//! cargo run -p candlelight --example layer_norm
//! ```

use candlelight::prelude::*;
use candlelight::rng::normal;

fn main() -> Result<()> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    let (batch, layer) = (batch_norm1d(3, params.pp("batch"))?, layer_norm(3, params.pp("layer"))?);
    let x = Tensor::new(&[[1f64, 10.0, 100.0], [2.0, 20.0, 200.0], [3.0, 30.0, 300.0]], &Device::Cpu)?;
    println!("batch norm, each column by itself: {:.2?}", batch.forward(&x, Mode::Train)?.to_vec2::<f64>()?);
    println!("layer norm, each row by itself:    {:.2?}", layer.forward(&x, Mode::Train)?.to_vec2::<f64>()?);

    // Other images of the batch do not matter, nor does the scale of the image.
    let one = x.narrow(0, 1, 1)?;
    let distance = |a: &Tensor, b: &Tensor| Ok::<_, Error>((a - b)?.abs()?.max_all()?.to_scalar::<f64>()?);
    let in_batch = layer.forward(&x, Mode::Train)?.narrow(0, 1, 1)?;
    let alone = distance(&layer.forward(&one, Mode::Train)?, &in_batch)?;
    let scaled = distance(&layer.forward(&(&one * 1000.0)?, Mode::Train)?, &in_batch)?;
    println!("the same row alone: off by {alone:.1e}; a thousand times as large: off by {scaled:.1e}");
    assert!(alone == 0.0 && scaled < 1e-6, "a row should be normalized by itself");

    // Training and use compute the same, batch norm does not.
    let x = normal(&mut seeded(0), 5.0, 3.0, (8, 3), DType::F64, &Device::Cpu)?;
    let gap = |net: &dyn Module| distance(&net.forward(&x, Mode::Train)?, &net.forward(&x, Mode::Eval)?);
    let (of_batch, of_layer) = (gap(&batch)?, gap(&layer)?);
    println!("training against use: batch norm differs by {of_batch:.2}, layer norm by {of_layer:.2}");
    assert!(of_batch > 0.1 && of_layer == 0.0, "only batch norm should keep statistics");
    Ok(())
}
