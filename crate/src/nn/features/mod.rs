//! What a model looks at, and what it makes of it: receptive fields, responses, answers to shifted inputs.

mod effective_field;
mod receptive_field;
mod responses;
mod shifts;

pub use effective_field::{effective_field, field_std};
pub use receptive_field::{AxisField, LayerField, ReceptiveField, receptive_field};
pub use responses::{Response, responses};
pub use shifts::{cyclic_shift, cyclic_shifts, shift_consistency};
