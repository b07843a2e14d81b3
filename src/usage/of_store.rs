//! A store's reads for versions of models.

use asofdb_storage::{Error, ModelRow, Result};

use crate::store::Store;
use crate::usage::model::check_model_name;

impl Store {
    /// A clone of the store, which reads for a consumer, whose reads are counted as those of a version of a model as
    /// well, `name/version`: see [`Store::models`].
    ///
    /// # Errors
    /// `Invalid` for what is no such name, or where the store reads for no consumer.
    pub fn for_model(&self, model: &str) -> Result<Store> {
        check_model_name(model)?;
        if self.consumer.is_none() {
            return Err(Error::invalid(format!("a model reads for a consumer, and none is named: {model:?}")));
        }
        let mut store = self.clone();
        store.model = Some(model.into());
        Ok(store)
    }

    /// Tells which versions of models have read which views and services in the last 400 days: see
    /// [`Store::for_model`]. 4,096 rows are kept; of more, those that were read longest ago are forgotten.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when the note of it cannot be.
    pub fn models(&self) -> Result<Vec<ModelRow>> {
        self.recorder.models()
    }
}
