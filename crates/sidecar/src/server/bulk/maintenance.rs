//! Requests without rows that take long: they read or write all of a view, or of the store.

use std::path::Path;

use asofdb::storage::key::encode_value;
use asofdb::{CheckpointFiles, Error, Result, UsagePeriod, Value};
use asofdb_protocol::{
    CheckpointRequest, ClockRepairMessage, FreshnessMessage, FreshnessRequest, MaterializeRequest, ProfileRequest,
    SampleMessage, SampleRequest, StatisticsMessage, UsageRequest, UsageRowMessage, VerifiedMessage, ViewRunMessage,
    decode_message, encoded_message,
};

use super::work::Work;
use crate::admission::Admission;

pub(super) fn freshness(work: &Work<'_>, admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: FreshnessRequest = decode_message(body)?;
    admission.admit([request.view.as_str()], 0)?;
    let freshness = work.shared.service.store.freshness_until(&request.view, admission.stop())?;
    encoded_message(&FreshnessMessage::from(freshness))
}

pub(super) fn usage(work: &Work<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: UsageRequest = decode_message(body)?;
    let period = UsagePeriod { last_days: request.last_days, by_day: request.by_day };
    let rows = work.shared.service.store.usage(period)?;
    encoded_message(&rows.into_iter().map(UsageRowMessage::from).collect::<Vec<_>>())
}

pub(super) fn sample(work: &Work<'_>, admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: SampleRequest = decode_message(body)?;
    admission.admit([request.view.as_str()], 0)?;
    let store = &work.shared.service.store;
    let entities = store.sample_entities_until(&request.view, request.count as usize, admission.stop())?;
    let encoded = |values: &Vec<Value>| {
        let mut key = Vec::new();
        values.iter().try_for_each(|value| encode_value(value, &mut key)).map(|()| key)
    };
    encoded_message(&SampleMessage { keys: entities.iter().map(encoded).collect::<Result<_>>()? })
}

pub(super) fn verify(work: &Work<'_>, admission: &Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    encoded_message(&VerifiedMessage::from(work.shared.service.store.verify_until(admission.stop())?))
}

pub(super) fn compact(work: &Work<'_>, admission: &Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    encoded_message(&work.shared.service.store.compact_until(admission.stop())?)
}

pub(super) fn repair_clock(work: &Work<'_>, admission: &Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<()>(body)?;
    encoded_message(&ClockRepairMessage::from(work.shared.service.store.repair_clock_until(admission.stop())?))
}

pub(super) fn materialize(work: &Work<'_>, admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let MaterializeRequest { views } = decode_message(body)?;
    let views: Vec<&str> = views.iter().map(String::as_str).collect();
    admission.admit(views.iter().copied(), 0)?;
    let runs = work.shared.service.materialize(&views, admission.stop())?;
    encoded_message(&runs.into_iter().map(ViewRunMessage::from).collect::<Vec<_>>())
}

pub(super) fn profile(admission: &mut Admission<'_>, body: &[u8]) -> Result<Vec<u8>> {
    let request: ProfileRequest = decode_message(body)?;
    admission.admit([request.view.as_str()], 0)?;
    let (store, stop) = (admission.store()?, admission.stop());
    let statistics = store.profile_until(&request.view, request.sample(), stop, &mut |_| {})?;
    encoded_message(&StatisticsMessage::try_from(statistics)?)
}

/// Copies the store. Both requests for that have one body.
pub(super) fn checkpoint(
    work: &Work<'_>,
    admission: &Admission<'_>,
    body: &[u8],
    files: CheckpointFiles,
) -> Result<Vec<u8>> {
    let request: CheckpointRequest = decode_message(body)?;
    let directory = Path::new(&request.directory);
    if !directory.is_absolute() {
        let message = "the directory of a checkpoint is an absolute path, seen from the sidecar";
        return Err(Error::invalid(format!("{message}: {}", directory.display())));
    }
    encoded_message(&work.shared.service.store.checkpoint_until(directory, files, admission.stop())?)
}
