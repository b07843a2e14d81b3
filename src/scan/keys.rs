//! Columns of join keys, from encoded entity keys.

use arrow::array::ArrayRef;
use asofdb_storage::{Error, FeatureView, Result, ScalarType, key};

use crate::rows::builders::ScalarBuilder;

/// The join-key columns of the rows pushed so far.
pub(crate) struct KeyColumns {
    columns: Vec<(ScalarType, ScalarBuilder)>,
}

impl KeyColumns {
    pub(crate) fn new(view: &FeatureView) -> Self {
        KeyColumns { columns: view.key_types().into_iter().map(|ty| (ty, ScalarBuilder::new(ty))).collect() }
    }

    /// Adds a row by its encoded entity key.
    #[inline]
    pub(crate) fn push(&mut self, mut key: &[u8]) -> Result<()> {
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
