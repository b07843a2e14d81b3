//! The caller of a request.

use std::sync::Arc;

use asofdb_protocol::Role;

use crate::consumers::Consumer;

/// Who asks, as far as the sidecar can tell.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// What it is counted and limited as.
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) role: Role,
}
