//! Requests without rows that take long: they read or write all of a view, or of the store.

use std::path::Path;

use asofdb::{CheckpointFiles, Error, Result};
use asofdb_protocol::{
    CheckpointRequest, FreshnessMessage, FreshnessRequest, Role, VerifiedMessage, decode_message, encoded_message,
};

use super::Work;
use crate::consumers::Operation;

pub(super) fn freshness(work: &Work<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: FreshnessRequest = decode_message(body)?;
    let store = &work.shared.service.store;
    let views = [request.view.as_str()];
    let freshness = work.in_turn(Operation::Freshness, &views, || Ok((0, store.freshness(&request.view)?)))?;
    encoded_message(&FreshnessMessage::from(freshness))
}

pub(super) fn verify(work: &Work<'_>, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    let _place = work.shared.enter_bulk()?;
    encoded_message(&VerifiedMessage::from(work.shared.service.store.verify()?))
}

pub(super) fn compact(work: &Work<'_>, body: &[u8]) -> Result<Vec<u8>> {
    work.role.require(Role::Operator, "compacting")?;
    decode_message::<()>(body)?;
    let _place = work.shared.enter_bulk()?;
    encoded_message(&work.shared.service.store.compact()?)
}

/// Copies the store. Both requests for that have one body.
pub(super) fn checkpoint(work: &Work<'_>, body: &[u8], files: CheckpointFiles) -> Result<Vec<u8>> {
    work.role.require(Role::Operator, "copying the store")?;
    let request: CheckpointRequest = decode_message(body)?;
    let directory = Path::new(&request.directory);
    if !directory.is_absolute() {
        let message = "the directory of a checkpoint is an absolute path, seen from the sidecar";
        return Err(Error::invalid(format!("{message}: {}", directory.display())));
    }
    let _place = work.shared.enter_bulk()?;
    encoded_message(&work.shared.service.store.checkpoint_with(directory, files)?)
}
