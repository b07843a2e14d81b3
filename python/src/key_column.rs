//! A join key, as entities give it.

use asofdb::ScalarType;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A join key that entities have a value of.
pub(crate) struct KeyColumn {
    pub(crate) name: Py<PyString>,
    pub(crate) name_text: String,
    pub(crate) ty: ScalarType,
}
