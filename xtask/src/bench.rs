//! Placeholder.
use crate::arguments::Arguments;
use crate::error::Result;
use std::process::ExitCode;
pub fn bench(_: Arguments) -> Result<ExitCode> {
    Err("not yet".into())
}
