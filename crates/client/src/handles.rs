//! Prepared requests of a connection.

use std::sync::Arc;

use asofdb::parts::ReadPlan;
use asofdb::{Error, ErrorKind};
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
        Form::Identified => (false, true, 0),
    }
}

/// A handle, and the plan that its answers are read by.
#[derive(Debug, Clone)]
pub(crate) struct KnownHandle {
    pub(crate) number: u32,
    pub(crate) plan: Arc<ReadPlan>,
    /// The form of its answers.
    pub(crate) form: Form,
}

/// The form to ask for in place of one that a sidecar has refused, which may be too old to know it.
pub(crate) fn older_form(form: Form, failure: &Failure) -> Option<Form> {
    let is_refused = matches!(failure, Failure::Refused(error) if error.kind() == ErrorKind::Invalid);
    (is_refused && form == Form::Identified).then_some(Form::Rows)
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
