//! The caller of a request.

use std::sync::Arc;

use asofdb::{Actor, Result, Store};
use asofdb_protocol::Role;

use crate::consumers::Consumer;

/// The caller, as far as the sidecar can tell who it is.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The consumer as which it is counted and limited.
    pub(crate) consumer: Arc<Consumer>,
    /// The version of a model that it reads for.
    pub(crate) model: Option<String>,
    pub(crate) role: Role,
    /// The user, as the kernel tells it; over TCP nobody does.
    pub(crate) uid: Option<u32>,
}

impl Caller {
    /// The store as it reads for the caller, so that what is read is counted.
    ///
    /// # Errors
    /// `Invalid` for a caller whose name, or model, nobody can have; there is none.
    pub(crate) fn store(&self, store: &Store) -> Result<Store> {
        let store = store.for_consumer(self.consumer.name())?;
        self.model.as_ref().map_or(Ok(store.clone()), |model| store.for_model(model))
    }

    /// The caller as somebody who changes definitions. It is the user who counts, whatever name a client gives itself.
    pub(crate) fn actor(&self) -> Actor {
        let name = self.uid.map_or_else(|| "unknown".to_owned(), |uid| format!("uid:{uid}"));
        Actor { name, is_operator: self.role >= Role::Operator }
    }
}
