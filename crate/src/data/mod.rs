//! Data sets and batches.

/// Why a data set could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {}
