//! With the feature `cuda`: the kernels for cards, compiled by nvcc to PTX, which the program brings along.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    if let Err(error) = cuda::compile() {
        println!("cargo::error={error}");
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use std::path::PathBuf;

    use cudaforge::KernelBuilder;

    const SOURCES: &str = "src/card/cuda";

    pub(crate) fn compile() -> Result<(), Box<dyn std::error::Error>> {
        println!("cargo::rerun-if-changed={SOURCES}");
        let out = PathBuf::from(std::env::var("OUT_DIR")?).join("ptx.rs");
        // A kernel is compiled anew where what it includes has changed.
        let kernels = KernelBuilder::new().source_dir(SOURCES).watch([format!("{SOURCES}/common.cuh")]);
        // Sums of products are joined as the CPU's kernels join them, by `fma`, and nowhere else.
        let kernels = kernels.arg("-std=c++17").arg("-O3").arg("--fmad=false");
        Ok(kernels.build_ptx()?.write(out)?)
    }
}
