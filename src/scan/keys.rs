//! Columns of join keys, from encoded entity keys.

use arrow::array::ArrayRef;
use asofdb_storage::{Error, FeatureView, Result, ScalarType, key};

use crate::rows::builders::ScalarBuilder;

/// The join-key columns of the rows pushed so far.
pub(crate) struct KeyColumns {
    view: u32,
    columns: Vec<(ScalarType, ScalarBuilder)>,
}

impl KeyColumns {
    pub(crate) fn new(view: &FeatureView) -> Self {
        let columns = view.key_types().into_iter().map(|ty| (ty, ScalarBuilder::new(ty))).collect();
        KeyColumns { view: view.id, columns }
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
