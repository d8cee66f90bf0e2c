//! What evcxr writes into every cell of a notebook, compiled once: the variables between cells, the display of a cell's last
//! value, and what becomes of its `?`.
//!
//! Not for programs. The kernel replaces the source that evcxr writes by a path to this module; a cell then compiles in about
//! two thirds of the time.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::panic::Location;
use std::sync::Arc;

/// How a cell tells evcxr that a `?` returned.
pub const USER_ERROR_OCCURRED: &str = "EVCXR_ERROR_OCCURRED";

/// The variables of a notebook between two cells, by name.
#[derive(Debug, Default)]
pub struct VariableStore(HashMap<String, Box<dyn Any>>);

/// The store that the first cell makes, and each hands to the next.
pub fn create_variable_store() -> *mut VariableStore {
    Box::into_raw(Box::default())
}

impl VariableStore {
    /// Keeps a variable.
    pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    fn put(&mut self, name: &str, value: Box<dyn Any>) {
        self.0.insert(name.to_owned(), value);
    }

    /// Whether a variable still has the type that the notebook knows; says so if a cell has redefined the type.
    pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
        self.check(name, TypeId::of::<T>())
    }

    fn check(&self, name: &str, wanted: TypeId) -> bool {
        let same = self.0.get(name).is_none_or(|value| (**value).type_id() == wanted);
        if !same {
            eprintln!("The type of the variable {name} was redefined, so was lost.");
            println!("EVCXR_VARIABLE_CHANGED_TYPE:{name}");
        }
        same
    }

    /// Gives a variable back.
    ///
    /// # Panics
    /// If there is none of this name and type; evcxr knows which there are.
    pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
        match self.take(name).downcast() {
            Ok(value) => *value,
            Err(_) => panic!("the variable `{name}` has another type"),
        }
    }

    fn take(&mut self, name: &str) -> Box<dyn Any> {
        self.0.remove(name).unwrap_or_else(|| panic!("there is no variable `{name}`"))
    }

    /// What evcxr keeps for itself between cells: the runtime of `.await`.
    ///
    /// # Panics
    /// If another type was kept under this name.
    pub fn lazy_arc<T: 'static, F: FnOnce() -> T>(&mut self, name: &str, create: F) -> Arc<T> {
        let kept = self.0.entry(name.to_owned()).or_insert_with(|| Box::new(Arc::new(create())));
        kept.downcast_ref().map_or_else(|| panic!("`{name}` has another type"), Arc::clone)
    }
}

/// Shows the last value of a cell, whose type has no `evcxr_display` of its own, by `{:?}`.
///
/// The trait that calls this stands in the cell, not here: where evcxr tries a value a second time, the compiler would advise to
/// import it, and evcxr take that for a fault of the reader's.
pub fn show(value: &dyn Debug) {
    println!("EVCXR_BEGIN_CONTENT text/plain\n{value:?}\nEVCXR_END_CONTENT");
}

/// Tells the kernel where a `?` of the cell returned, and with what.
#[track_caller]
pub fn returned(error: &dyn Display) {
    let (place, text) = (Location::caller(), error.to_string());
    let (line, column, length, file) = (place.line(), place.column(), text.len(), place.file());
    eprintln!("\u{1e}candlelight return {line} {column} {length} {file}\n{text}");
    println!("{USER_ERROR_OCCURRED}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_kept_by_name_and_type() {
        let mut store = VariableStore::default();
        store.put_variable("x", vec![1, 2]);
        assert!(store.check_variable::<Vec<i32>>("x") && !store.check_variable::<Vec<u8>>("x"));
        assert!(store.check_variable::<u8>("y"), "evcxr checks before it knows");
        assert_eq!(store.take_variable::<Vec<i32>>("x"), [1, 2]);
        let runtime = store.lazy_arc("runtime", || 7);
        assert_eq!((*runtime, *store.lazy_arc("runtime", || 8)), (7, 7));
    }
}
