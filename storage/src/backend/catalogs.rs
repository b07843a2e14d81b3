//! The catalog and the present of a store: what every request needs before it can be asked.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::time::Timestamp;

/// Keeps the catalog of a store, and its present.
pub trait Catalogs: Send + Sync + 'static {
    /// The catalog as of now.
    fn catalog(&self) -> Arc<Catalog>;

    /// Makes `next` the catalog, durably and in one step.
    ///
    /// # Errors
    /// `Conflict` when the catalog is no longer at `next.revision() - 1`.
    fn set_catalog(&self, next: Catalog) -> Result<()>;

    /// The present by the store's clock. It never goes back, unless the clock does so from a jump that was not believed
    /// (see [`crate::Timekeeping`]).
    ///
    /// A read takes it once and hands it on; see [`crate::History::latest`].
    fn now(&self) -> Timestamp;
}
