//! Distributions, what a sample says of them, and curves through points.

mod distributions;
mod samples;
