//! Optimizers, schedules and second-order methods.

mod clip;
mod newton;
mod optimizers;
mod schedule;
mod second_order;
mod update;
