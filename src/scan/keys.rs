//! Columns of join keys, from encoded entity keys.

use arrow::array::ArrayRef;
use asofdb_storage::{Error, FeatureView, JoinKey, Result, ScalarType, key};

use crate::rows::builders::ScalarBuilder;

/// The join-key columns of the rows pushed so far.
pub(crate) struct KeyColumns {
    view: u32,
    columns: Vec<(ScalarType, ScalarBuilder)>,
}

impl KeyColumns {
    pub(crate) fn new(view: &FeatureView) -> Self {
        KeyColumns { view: view.id, ..KeyColumns::of_keys(&view.join_keys) }
    }

    /// Columns of entity keys that are of no stored view.
    pub(crate) fn of_keys(keys: &[JoinKey]) -> Self {
        let columns = keys.iter().map(|key| (key.ty, ScalarBuilder::new(key.ty))).collect();
        KeyColumns { view: 0, columns }
    }

    /// Adds a row by its key, which is or begins with an entity key.
    #[inline]
    pub(crate) fn push(&mut self, row_key: &[u8]) -> Result<()> {
        let mut key = key::entity_of(self.view, row_key);
        for (ty, column) in &mut self.columns {
            column.append(key::decode_value(*ty, &mut key)?)?;
        }
        match key {
            [] => Ok(()),
            rest => Err(Error::corrupt(format!("an entity key has {} bytes too many", rest.len()))),
        }
    }

    /// The columns, in key order; the next row pushed is the first of new ones.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = ArrayRef> {
        self.columns.iter_mut().map(|(_, column)| column.finish())
    }
}
