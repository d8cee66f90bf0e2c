//! The card, as its driver names it.

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;

use crate::cuda::DRIVER;
use crate::error::{About, Result};
use crate::{paths, process, python};

/// The first card.
#[derive(Debug, PartialEq)]
pub struct Card {
    pub name: String,
    /// The compute capability, without its point.
    pub capability: String,
}

/// Asks the driver, through Python: nothing of this program is linked to it.
///
/// # Errors
/// What the loader or the driver says where there is no card that works.
pub fn card() -> Result<Card> {
    ask(DRIVER)
}

pub(super) fn ask(library: &str) -> Result<Card> {
    let mut command = process::command(python::find()?);
    command.arg("-B").arg(paths::root().join("xtask/peer/python/card.py")).arg(library);
    command.env("LD_LIBRARY_PATH", libraries(&[])?);
    let said: Value = serde_json::from_str(&process::output(&mut command)?).about("card.py")?;
    match (said["name"].as_str(), said["capability"].as_str()) {
        (Some(name), Some(capability)) => Ok(Card { name: name.to_owned(), capability: capability.to_owned() }),
        _ => {
            let words = said["error"].as_str().unwrap_or("nothing was said of it");
            Err(format!("`--device cuda` needs a card of NVIDIA with its driver, and none works here: {words}").into())
        }
    }
}

/// These folders, and those of the environment, where images of containers name that of the driver.
pub fn libraries(folders: &[PathBuf]) -> Result<OsString> {
    let given = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&given));
    Ok(std::env::join_paths(all).map_err(|error| error.to_string())?)
}
