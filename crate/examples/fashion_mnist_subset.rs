//! Writes the subset of Fashion-MNIST that the crate embeds, from the full set:
//!
//! ```text
//! cargo run -p candlelight --example fashion_mnist_subset -- crate/data/fashion-mnist
//! ```

use std::fs::File;
use std::io::Write;
use std::path::Path;

use candlelight::data::{Dataset, FashionMnist, idx};
use candlelight::prelude::*;
use flate2::{Compression, GzBuilder};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder to write to")?;
    let full = FashionMnist::full(&Device::Cpu)?;
    let subset = full.balanced(600, 150, 0)?;
    println!("{full}");
    for (part, data) in [("train", &subset.train), ("t10k", &subset.test)] {
        write(&folder, part, data)?;
    }
    Ok(())
}

fn write(folder: &str, part: &str, data: &Dataset) -> Result<(), Box<dyn std::error::Error>> {
    let pixels = data.inputs().flatten_all()?.to_vec1::<f32>()?;
    let pixels: Vec<u8> = pixels.into_iter().map(|pixel| (pixel * 255.0).round() as u8).collect();
    let labels: Vec<u8> = data.targets().to_vec1::<u32>()?.into_iter().map(|label| label as u8).collect();
    let files = [("images-idx3", vec![data.len(), 28, 28], pixels), ("labels-idx1", vec![data.len()], labels)];
    for (kind, dims, values) in files {
        let path = Path::new(folder).join(format!("{part}-{kind}-ubyte.gz"));
        // No name, no time, no system in the header: the same values give the same file.
        let mut gzip = GzBuilder::new().operating_system(255).write(File::create(&path)?, Compression::best());
        gzip.write_all(&idx::encode(&dims, &values)?)?;
        println!("{}: {} bytes", path.display(), gzip.finish()?.metadata()?.len());
    }
    Ok(())
}
