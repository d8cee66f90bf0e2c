//! What names of a kernel stand for: slots of registers and places in memory, by the braces in which they are declared.

use std::collections::HashMap;

use super::variable::Space;
use crate::machine::{Slot, own, own_slots};

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    Register(Slot),
    /// An address within a space.
    Memory(Space, u64),
    /// Shared memory whose size the launch gives.
    Dynamic,
}

/// The names between two braces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    names: HashMap<String, Meaning>,
    /// `%r<78>`: beginning, first slot, number.
    ranges: Vec<(String, Slot, usize)>,
}

/// All names.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    own: HashMap<String, Slot>,
    scopes: Vec<Scope>,
    next: Slot,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self { own: own_slots(), scopes: vec![Scope::default()], next: own::FIRST }
    }

    /// Slots given out.
    pub(crate) fn slots(&self) -> usize {
        usize::from(self.next)
    }

    pub(crate) fn open(&mut self) {
        self.scopes.push(Scope::default());
    }

    pub(crate) fn close(&mut self) {
        self.scopes.pop();
    }

    /// Names of a function that is called: none of those around the call.
    pub(crate) fn enter(&mut self) -> Vec<Scope> {
        std::mem::replace(&mut self.scopes, vec![Scope::default()])
    }

    pub(crate) fn leave(&mut self, scopes: Vec<Scope>) {
        self.scopes = scopes;
    }

    /// `count` slots in a row.
    pub(crate) fn fresh(&mut self, count: usize) -> Result<Slot, String> {
        let first = self.next;
        let next = usize::from(first) + count;
        self.next = Slot::try_from(next)
            .map_err(|_| format!("{next} registers and constants, and {} are possible", Slot::MAX))?;
        Ok(first)
    }

    pub(crate) fn declare(&mut self, name: &str, meaning: Meaning) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert(name.to_string(), meaning);
        }
    }

    pub(crate) fn registers(&mut self, name: &str, count: Option<usize>) -> Result<(), String> {
        let first = self.fresh(count.unwrap_or(1))?;
        match count {
            None => self.declare(name, Meaning::Register(first)),
            Some(count) => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.ranges.push((name.to_string(), first, count));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<Meaning> {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (stem, number) = name.split_at(name.len() - digits);
        let number: Option<usize> = number.parse().ok();
        for scope in self.scopes.iter().rev() {
            if let Some(&meaning) = scope.names.get(name) {
                return Some(meaning);
            }
            for (prefix, first, count) in &scope.ranges {
                if let (true, Some(number)) = (prefix == stem, number.filter(|number| number < count)) {
                    return Slot::try_from(usize::from(*first) + number).ok().map(Meaning::Register);
                }
            }
        }
        self.own.get(name).copied().map(Meaning::Register)
    }
}
