//! The caller of a request.

use std::sync::Arc;

use asofdb_protocol::Role;

use crate::consumers::Consumer;

/// The caller, as far as the sidecar can tell who it is.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The consumer as which it is counted and limited.
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) role: Role,
}
