//! The set of possible observations.

/// All that an environment can show.
///
/// ```
/// use candlelight::rl::Space;
/// let space = Space::Box { low: vec![-1., 0.], high: vec![1., f64::INFINITY] };
/// assert!(space.contains(&[0.5, 1e9]) && !space.contains(&[0.5, -1.]) && !space.contains(&[0.5]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Space {
    /// The numbers 0 to n - 1.
    Discrete(usize),
    /// Vectors whose numbers lie between `low` and `high`, both included; infinite where there is no bound.
    Box {
        /// The least values.
        low: Vec<f64>,
        /// The largest values.
        high: Vec<f64>,
    },
}

impl Space {
    /// Whether `point` is one of them: a vector, or a single whole number.
    pub fn contains(&self, point: &[f64]) -> bool {
        match self {
            Self::Discrete(n) => matches!(*point, [i] if i >= 0.0 && i < *n as f64 && i.fract() == 0.0),
            Self::Box { low, high } => {
                let within = |((x, low), high): ((&f64, &f64), &f64)| (*low..=*high).contains(x);
                point.len() == low.len() && point.iter().zip(low).zip(high).all(within)
            }
        }
    }
}
