/// What a layer is called: in a summary, and where an error speaks of its input or weight.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub input: &'static str,
    pub weight: &'static str,
}

/// The [`Kind`] of this name.
macro_rules! kind {
    ($name:literal) => {
        $crate::nn::kind::Kind { name: $name, input: concat!("input of ", $name), weight: concat!("weight of ", $name) }
    };
}
pub(super) use kind;
