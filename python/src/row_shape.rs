//! The columns of a request's rows: the keys of entities, and the values that come with the question.

use asofdb::{Prepared, RequestValue, ScalarType, ValueType};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// A join key that entities have a value of.
pub(crate) struct KeyColumn {
    pub(crate) name: Py<PyString>,
    pub(crate) name_text: String,
    pub(crate) ty: ScalarType,
}

/// A value that comes with the question.
pub(crate) struct ValueColumn {
    pub(crate) name: Py<PyString>,
    pub(crate) wanted: RequestValue,
}

/// A request, and the columns that its rows have.
pub(crate) struct RowShape {
    pub(crate) prepared: Prepared,
    pub(crate) keys: Vec<KeyColumn>,
    pub(crate) values: Vec<ValueColumn>,
}

impl RowShape {
    /// The columns of a request as its names are resolved now.
    pub(crate) fn of(py: Python<'_>, prepared: Prepared) -> Self {
        let key = |key: asofdb::JoinKey| KeyColumn {
            name: PyString::intern(py, &key.name).unbind(),
            name_text: key.name,
            ty: key.ty,
        };
        let value = |wanted: RequestValue| ValueColumn { name: PyString::intern(py, &wanted.name).unbind(), wanted };
        let keys = prepared.join_keys().into_iter().map(key).collect();
        let values = prepared.request_values().into_iter().map(value).collect();
        RowShape { prepared, keys, values }
    }

    /// Returns whether rows look the same.
    pub(crate) fn is_same(&self, other: &RowShape) -> bool {
        let key = |key: &KeyColumn| (key.name_text.clone(), key.ty);
        let value = |value: &ValueColumn| value.wanted.clone();
        self.keys.iter().map(key).eq(other.keys.iter().map(key))
            && self.values.iter().map(value).eq(other.values.iter().map(value))
    }

    /// The type of the column of a name; `None` where it is none of the request's.
    pub(crate) fn type_of(&self, name: &str) -> Option<ValueType> {
        let key = self.keys.iter().find(|key| key.name_text == name).map(|key| ValueType::Scalar(key.ty));
        key.or_else(|| self.type_of_value(name))
    }

    /// The type of the request value of a name.
    pub(crate) fn type_of_value(&self, name: &str) -> Option<ValueType> {
        self.values.iter().find(|value| value.wanted.name == name).map(|value| value.wanted.ty)
    }

    /// The names of the request values, for errors.
    pub(crate) fn value_names(&self) -> String {
        let names: Vec<_> = self.values.iter().map(|value| value.wanted.name.as_str()).collect();
        names.join(", ")
    }

    /// The names of all columns, for errors.
    pub(crate) fn names(&self) -> String {
        let keys = self.keys.iter().map(|key| key.name_text.as_str());
        let values = self.values.iter().map(|value| value.wanted.name.as_str());
        keys.chain(values).collect::<Vec<_>>().join(", ")
    }
}
