//! The names that an expression can use.

use std::collections::BTreeMap;

use asofdb_storage::ValueType;

use crate::name::Name;

/// The names that an expression can use, with their types.
pub trait Scope {
    /// Returns the type of an input; `None` when nothing has this name.
    fn resolve(&self, name: &Name) -> Option<ValueType>;

    /// Returns all names, to find the one that was meant. It is asked for after an error.
    fn known(&self) -> Vec<Name>;
}

impl Scope for BTreeMap<Name, ValueType> {
    fn resolve(&self, name: &Name) -> Option<ValueType> {
        self.get(name).copied()
    }

    fn known(&self) -> Vec<Name> {
        self.keys().cloned().collect()
    }
}

/// An input of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: Name,
    /// The type of its values as they are given.
    pub ty: ValueType,
}
