//! The stock kernel, in the version that ours is built on.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(evcxr_jupyter::main()?)
}
