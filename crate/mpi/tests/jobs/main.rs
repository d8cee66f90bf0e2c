//! Jobs of real processes, started as a user starts them. `cargo xtask test` runs them; each takes seconds.

mod conformance;
mod faults;
mod job;
mod same_bits;
mod survive;
