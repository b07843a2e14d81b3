//! Requests about audits of what the sidecar has served.

use asofdb::Result;
use asofdb_protocol::{AuditRequest, AuditsRequest, decode_message, encoded_message};

use super::shared::Shared;
use crate::admission::Caller;

/// Begins an audit, and gives its number.
#[cfg(feature = "http")]
pub(super) fn begin(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    use asofdb_platform::{AuditAgainst, AuditOptions};

    use crate::audits::{AuditWanted, start};

    let AuditRequest { known_then, consumer, service, examples } = decode_message(body)?;
    let against = if known_then { AuditAgainst::Then } else { AuditAgainst::Now };
    let options = AuditOptions { against, examples: examples as usize };
    encoded_message(&start(&shared.service, &caller.actor().name, AuditWanted { options, consumer, service })?)
}

/// Tells of the audits that are kept, or of one.
#[cfg(feature = "http")]
pub(super) fn told(shared: &Shared, caller: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    let AuditsRequest { number } = decode_message(body)?;
    let (audits, store) = (&shared.service.audits, &shared.service.store);
    let json = match number {
        Some(number) => audits.find(number)?.to_full_json(store, caller.consumer.name())?,
        None => audits.to_json(),
    };
    encoded_message(&json.to_string())
}

#[cfg(not(feature = "http"))]
pub(super) fn begin(_: &Shared, _: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<AuditRequest>(body)?;
    Err(absent())
}

#[cfg(not(feature = "http"))]
pub(super) fn told(_: &Shared, _: &Caller, body: &[u8]) -> Result<Vec<u8>> {
    decode_message::<AuditsRequest>(body)?;
    encoded_message(&"[]".to_owned())
}

#[cfg(not(feature = "http"))]
#[cold]
fn absent() -> asofdb::Error {
    asofdb::Error::invalid("this sidecar was built without audits, which the feature `http` has")
}
