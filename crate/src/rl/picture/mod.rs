//! Episodes, values and policies as pictures.

mod acrobot;
mod cart_pole;
mod grid;
mod mountain_car;
mod strip;

pub use acrobot::acrobot;
pub use cart_pole::cart_pole;
pub use grid::{LEFT_DOWN_RIGHT_UP, UP_RIGHT_DOWN_LEFT, grid, path};
pub use mountain_car::mountain_car;
