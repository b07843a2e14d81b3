//! The caller of a request.

use std::sync::Arc;

use asofdb::Actor;
use asofdb_protocol::Role;

use crate::consumers::Consumer;

/// The caller, as far as the sidecar can tell who it is.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The consumer as which it is counted and limited.
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) role: Role,
    /// The user, as the kernel tells it; over TCP nobody does.
    pub(crate) uid: Option<u32>,
}

impl Caller {
    /// The caller as somebody who changes definitions. It is the user who counts, whatever name a client gives itself.
    pub(crate) fn actor(&self) -> Actor {
        let name = self.uid.map_or_else(|| "unknown".to_owned(), |uid| format!("uid:{uid}"));
        Actor { name, is_operator: self.role >= Role::Operator }
    }
}
