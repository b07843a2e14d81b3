//! Prepared requests of a connection.

use std::sync::Arc;

use asofdb::Error;
use asofdb::parts::ReadPlan;
use asofdb_protocol::{Form, HandleMessage, Welcome, describe, is_same_shape};

use crate::failure::Failure;

/// Handles that a connection keeps; more are forgotten, all at once.
pub(crate) const HANDLES_KEPT_MAX: usize = 512;

/// A form without the value that fills holes, by its bits.
pub(crate) type FormKey = (bool, bool, u32);

pub(crate) fn form_key(form: Form) -> FormKey {
    match form {
        Form::Rows => (false, false, 0),
        Form::Matrix { statuses, fill } => (true, statuses, fill.to_bits()),
    }
}

/// A handle, and the plan that its answers are read by.
#[derive(Debug, Clone)]
pub(crate) struct KnownHandle {
    pub(crate) number: u32,
    pub(crate) plan: Arc<ReadPlan>,
}

/// Checks that the sidecar means the same by a handle as the client's plan.
pub(crate) fn check_handle(handle: &HandleMessage, plan: &ReadPlan, welcome: &Welcome) -> Result<(), Failure> {
    if is_same_shape(handle, &describe(plan, handle.handle)) {
        return Ok(());
    }
    if handle.catalog_revision != plan.revision {
        return Err(Failure::Stale);
    }
    let message = "this client and the sidecar lay out records differently; use the same version of asofdb";
    Err(Error::conflict(format!("{message} ({})", welcome.server)).into())
}
