//! The figure of a comparison: `candlelight-peer plot TABLE.json FIGURE.svg`.

use std::fs;
use std::path::Path;

use candlelight::plot::{Figure, Panel};
use serde_json::Value;

use crate::Result;

/// Draws the table that `cargo xtask bench --peer torch --out` writes.
pub fn plot(table: &Path, figure: &Path) -> Result<()> {
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(table)?)?;
    let timed = |row: &&Value| row["candlelight_ms"].is_f64() && row["ratio"].is_f64();
    let (trained, others): (Vec<&Value>, Vec<&Value>) = rows.iter().filter(timed).partition(|row| is_training(row));
    let (inferred, single): (Vec<&Value>, Vec<&Value>) = others.into_iter().partition(|row| is_latency(row));
    let mut all =
        Figure::new().title("PyTorch's time ÷ candlelight's (dashed: as fast)").columns(1).panel_size(860.0, 200.0);
    let panels =
        [("Steps and epochs of training", trained), ("Layers and passes", single), ("One image, predicted", inferred)];
    for (title, rows) in panels {
        if !rows.is_empty() {
            all = all.panel(panel(title, &rows));
        }
    }
    Ok(all.save(figure)?)
}

fn is_latency(row: &Value) -> bool {
    row["workload"].as_str().is_some_and(|name| name.ends_with("_latency"))
}

fn is_training(row: &Value) -> bool {
    let name = row["workload"].as_str().unwrap_or_default();
    name.starts_with("epoch_")
        || ["_sgd", "_adam", "dcgan_step", "wgan_gp_step", "dqn_step"].iter().any(|end| name.ends_with(end))
}

fn panel(title: &str, rows: &[&Value]) -> Panel {
    let names = rows.iter().map(|row| row["workload"].as_str().unwrap_or_default().replace('_', " "));
    let ratios = rows.iter().map(|row| row["ratio"].as_f64().unwrap_or_default());
    Panel::new(title).categories(names).y("ratio").bars("", ratios).hline(1.0, "")
}
