//! Prepared requests of a connection.

use std::sync::Arc;

use asofdb_storage::Error;

use super::failure::Failure;
use crate::prepared::Plan;
use crate::sidecar::message::{Form, Handle, Welcome};
use crate::sidecar::shape::{describe, is_same_shape};

/// Handles that a connection keeps; more are forgotten, all at once.
pub(super) const HANDLES_KEPT_MAX: usize = 512;

/// A form without the value that fills holes, by its bits.
pub(super) type FormKey = (bool, bool, u32);

pub(super) fn form_key(form: Form) -> FormKey {
    match form {
        Form::Rows => (false, false, 0),
        Form::Matrix { statuses, fill } => (true, statuses, fill.to_bits()),
    }
}

/// A handle, and the plan that its answers are read by.
#[derive(Debug, Clone)]
pub(super) struct KnownHandle {
    pub(super) number: u32,
    pub(super) plan: Arc<Plan>,
}

/// Checks that the sidecar means the same by a handle as the client's plan.
pub(super) fn check_handle(handle: &Handle, plan: &Plan, welcome: &Welcome) -> Result<(), Failure> {
    if is_same_shape(handle, &describe(plan, handle.handle)) {
        return Ok(());
    }
    if handle.catalog_revision != plan.revision {
        return Err(Failure::Stale);
    }
    let message = "this client and the sidecar lay out records differently; use the same version of asofdb";
    Err(Error::conflict(format!("{message} ({})", welcome.server)).into())
}
