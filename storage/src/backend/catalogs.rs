//! The catalog and the present of a store: what every request needs before it can be asked.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog_change::{CatalogChange, ChangeCause};
use crate::error::Result;
use crate::time::Timestamp;

/// Keeps the catalog of a store, and its present.
pub trait Catalogs: Send + Sync + 'static {
    /// The catalog as of now.
    fn catalog(&self) -> Arc<Catalog>;

    /// The revision of the catalog as of now. A read asks for it to see whether its plan still holds.
    fn revision(&self) -> u64 {
        self.catalog().revision()
    }

    /// Makes `next` the catalog, durably and in one step, and logs who did so and what was there before.
    ///
    /// # Errors
    /// `Conflict` when the catalog is no longer at `next.revision() - 1`.
    fn change_catalog(&self, next: Catalog, cause: ChangeCause) -> Result<()>;

    /// [`Catalogs::change_catalog`] by nobody in particular.
    ///
    /// # Errors
    /// As there.
    fn set_catalog(&self, next: Catalog) -> Result<()> {
        self.change_catalog(next, ChangeCause::default())
    }

    /// Reads the newest changes that led to a revision before the given one, newest first: at most `limit`, and fewer
    /// where they have more than [`CHANGES_BYTES_MAX`](crate::CHANGES_BYTES_MAX) bytes together, but one if there is any.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when a record of the log cannot be.
    fn catalog_changes(&self, before: u64, limit: usize) -> Result<Vec<CatalogChange>>;

    /// The present by the store's clock. It never goes back, unless the clock does so from a jump that was not believed
    /// (see [`crate::Timekeeping`]).
    ///
    /// A read takes it once and hands it on; see [`crate::History::latest`].
    fn now(&self) -> Timestamp;
}
