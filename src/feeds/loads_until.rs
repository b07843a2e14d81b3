//! A store that takes the rows of an ingest until it is stopped.

use std::sync::Arc;

use asofdb_storage::{Catalog, FeatureView, Result, Staging, Stop, Timestamp, WriteBatch};

use crate::ingest::Loads;
use crate::session::Session;
use crate::store::Store;

pub(crate) struct LoadsUntil<'s> {
    pub(crate) store: &'s Store,
    pub(crate) stop: &'s Stop,
}

impl Loads for LoadsUntil<'_> {
    fn catalog(&self) -> Result<Arc<Catalog>> {
        Ok(self.store.catalog())
    }

    fn now(&self) -> Result<Timestamp> {
        Ok(self.store.now())
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        Session::note(self.store, name)
    }

    fn load_bytes_max(&self) -> Result<usize> {
        Session::load_bytes_max(self.store)
    }

    fn check_cancelled(&self) -> Result<()> {
        self.stop.check()
    }

    fn load(&self, view: &FeatureView, batch: WriteBatch) -> Result<()> {
        Session::load(self.store, view, batch)
    }

    fn stage<'s>(&'s self, view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        Session::stage(self.store, view)
    }
}
