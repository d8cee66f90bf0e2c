use super::{Checkpoint, snapshot};
use crate::params::Params;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// States on their way back out of a [`Checkpoint`]: name them, then [`apply`](Restore::apply).
#[must_use = "nothing is brought back before `apply`"]
pub struct Restore<'a> {
    checkpoint: &'a Checkpoint,
    /// What goes before the names of its entries, its section (none for the parameters), and what is to be changed.
    parts: Vec<(String, Option<&'a str>, Target<'a>)>,
}

enum Target<'a> {
    Params(Params),
    State(&'a mut dyn Stateful),
}

impl Target<'_> {
    fn get(&mut self) -> &mut dyn Stateful {
        match self {
            Self::Params(params) => params,
            Self::State(state) => *state,
        }
    }
}

impl<'a> Restore<'a> {
    pub(super) fn new(checkpoint: &'a Checkpoint) -> Self {
        Self { checkpoint, parts: Vec::new() }
    }

    /// Brings back parameters, buffers and the places of random streams; names, shapes and dtypes must be those of the file
    /// (see [`load_params`](super::load_params) for weights of another origin).
    pub fn params(mut self, params: &Params) -> Self {
        self.parts.push((String::new(), None, Target::Params(params.clone())));
        self
    }

    /// Brings back the section `name`.
    pub fn state(mut self, name: &'a str, state: &'a mut dyn Stateful) -> Self {
        self.parts.push((format!("{name}/"), Some(name), Target::State(state)));
        self
    }

    /// Changes all that was named, or nothing.
    ///
    /// # Errors
    /// A section that the checkpoint has not, and what the states report: names that are missing, shapes that differ. All are
    /// then as they were.
    pub fn apply(self) -> Result<()> {
        let Self { checkpoint, mut parts } = self;
        let mut states = Vec::with_capacity(parts.len());
        for (prefix, section, target) in &mut parts {
            let saved = match section {
                Some(section) => checkpoint.states.get(*section),
                None => checkpoint.params.as_ref(),
            };
            let saved = saved.ok_or_else(|| missing(*section, checkpoint))?;
            if section.is_none() && !checkpoint.unreadable.is_empty() {
                let unexpected = checkpoint.unreadable.keys().cloned().collect();
                return Err(Error::Names { missing: Vec::new(), unexpected });
            }
            // A copy, for an optimizer may go on in the very tensors it is given.
            let before = target.get().state().and_then(snapshot).map_err(|error| error.within(prefix))?;
            states.push((snapshot(saved.clone())?, before));
        }
        for i in 0..parts.len() {
            let (prefix, _, target) = &mut parts[i];
            if let Err(error) = target.get().load_state(&states[i].0) {
                let error = error.within(prefix);
                put_back(&mut parts[..i], &states, &error)?;
                return Err(error);
            }
        }
        Ok(())
    }
}

fn put_back(parts: &mut [(String, Option<&str>, Target<'_>)], states: &[(State, State)], cause: &Error) -> Result<()> {
    for ((prefix, _, target), (_, before)) in parts.iter_mut().zip(states) {
        target.get().load_state(before).map_err(|error| {
            let problem = format!("could not be put back ({error}) after this failed: {cause}");
            Error::State { name: prefix.clone(), problem }
        })?;
    }
    Ok(())
}

fn missing(section: Option<&str>, checkpoint: &Checkpoint) -> Error {
    Error::State {
        name: section.unwrap_or("the parameters").to_owned(),
        problem: format!("is not in the checkpoint, which has the sections {:?}", checkpoint.sections()),
    }
}
