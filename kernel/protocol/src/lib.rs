//! What the kernel, its host and the process of the cells tell each other.

pub mod event;
pub mod stream;

/// What a line to the kernel begins with, from the process of the cells: a control character that no program prints by accident,
/// and a name.
pub const MARK: &str = "\u{1e}candlelight ";

/// What stands between the message of a panic and the backtrace that was asked for: the control character that separates units.
pub const BACKTRACE: char = '\u{1f}';
