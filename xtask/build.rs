//! Says in one sentence where this cannot be compiled, in place of fifteen errors.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Links, processes that become others, and their groups.
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        println!(
            "cargo::error=set-up and notebooks work on Linux and macOS; on Windows use them in WSL (`wsl --install`)"
        );
    }
}
