//! Is a deep plain net behind a residual one only at one learning rate, or only because training is short?
//!
//! ```text
//! cargo run -p candlelight --example plain_or_residual                # some two minutes
//! cargo run -p candlelight --example plain_or_residual -- --quick     # 200 images, nothing asserted
//! ```
//!
//! The nets of chapter 19: 44 layers with 4, 8 and 16 channels, 1 000 images of Fashion-MNIST at half the size, five seeds.
//! Four epochs (64 steps) at a third of the paper's rate, at that rate and at three times of it, and 16 epochs at it. The
//! program asserts that in each case the plain net has the larger training error, with the whole paired interval, and that
//! no other rate would have served the plain net better than the paper's.

use candlelight::data::Normalization;
use candlelight::nn::{ResNet, ResNetConfig, Shortcut};
use candlelight::prelude::*;

/// Epochs, and the rate of all but the last.
const RUNS: [(usize, f64); 4] = [(4, 0.1), (4, 0.03), (4, 0.3), (16, 0.1)];

fn net(shortcut: Shortcut, params: &Params) -> Result<ResNet> {
    let config = ResNetConfig { widths: vec![4, 8, 16], shortcut, ..ResNetConfig::of_depth(44)? };
    ResNet::new(1, 10, config, params.clone())
}

/// The training error in per cent of five seeds. The last epoch is at a tenth of the rate.
fn errors(shortcut: Shortcut, epochs: usize, lr: f64, data: &Dataset) -> Result<Vec<f64>> {
    parallel_map(0..5, |seed| {
        let params = Params::new(seed, &Device::Cpu)?;
        let model = net(shortcut, &params)?;
        let config = SgdConfig { lr, momentum: 0.9, weight_decay: 1e-4, ..SgdConfig::default() };
        let (mut sgd, mut rng) = (Sgd::new(params.trainable(), config)?, seeded(seed));
        for (epochs, lr) in [(epochs - 1, lr), (1, lr / 10.0)] {
            sgd.set_learning_rate(lr)?;
            let config = FitConfig { epochs, ..FitConfig::default() }.silent();
            fit(&model, &mut sgd, cross_entropy, data, None, &config, &mut rng)?;
        }
        Ok(100.0 - 100.0 * evaluate(&model, cross_entropy, data, 500)?.accuracy.unwrap_or(f64::NAN))
    })
}

fn main() -> Result<()> {
    let images = FashionMnist::offline(&Device::Cpu)?.as_images()?;
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (count, runs) = if quick { (200, &RUNS[..1]) } else { (1000, &RUNS[..]) };
    let few = Normalization::new(images.train.inputs())?.apply_to(&images.train.take(count)?)?;
    let small = avg_pool2d(2)?.forward(few.inputs(), Mode::Eval)?;
    let data = Dataset::new(&small, few.targets())?;
    let mut table = Table::new(["epochs", "rate", "plain [%]", "residual [%]", "plain − residual"]);
    let mut plain_means = Vec::new();
    for &(epochs, lr) in runs {
        let [plain, residual] = [Shortcut::None, Shortcut::ZeroPadding].map(|way| errors(way, epochs, lr, &data));
        let (plain, residual) = (plain?, residual?);
        let gap = Summary::new(&plain.iter().zip(&residual).map(|(a, b)| a - b).collect::<Vec<f64>>())?;
        let (plain, residual) = (Summary::new(&plain)?, Summary::new(&residual)?);
        let shown = [plain, residual, gap].map(|summary| format!("{summary:.1}"));
        let [of_plain, of_residual, of_gap] = shown;
        table = table.row((epochs.to_string(), lr.to_string(), of_plain, of_residual, of_gap));
        assert!(quick || gap.confidence_interval().0 > 0.0, "{epochs} epochs at {lr}: plain − residual {gap}");
        plain_means.push(plain.mean);
    }
    println!("training error, 44 layers, five seeds\n{}", table.text()?);
    assert!(
        quick || plain_means[0] < plain_means[1] && plain_means[0] < plain_means[2],
        "the paper's rate is the plain net's best"
    );
    Ok(())
}
