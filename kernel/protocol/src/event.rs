//! What the host tells the kernel, and the kernel the host: a line of JSON each, through the host's socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stream::Place;

/// What happened in the process of the cells, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The cell printed.
    Stdout(String),
    /// The cell printed to standard error.
    Stderr(String),
    /// Something to display, by its MIME types.
    Display {
        /// The data of each type.
        data: BTreeMap<String, String>,
        /// The display that it replaces, if that is there.
        id: Option<String>,
    },
    /// A panic, of the cell's own thread or another.
    Panic(Place),
    /// The cell ended with a panic.
    Panicked,
    /// A `?` returned from the cell.
    Return(Place),
    /// The cell ended so.
    Returned,
    /// The cell was not run, because it had been interrupted before.
    Refused,
    /// The process has ended, and how.
    Ended(String),
    /// All before this request was told.
    Synced(u64),
}

/// What the kernel asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A cell begins to be compiled.
    Begin,
    /// The cell shall not run, or end by itself; if it was asked before, its process ends.
    Interrupt,
    /// The process shall end.
    Kill,
    /// [`Event::Synced`] shall be told.
    Sync(u64),
}
