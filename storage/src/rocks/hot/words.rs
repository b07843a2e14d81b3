//! Versions as the words of the hot table, and back.

use asofdb_hot::Row;

use crate::backend::Found;
use crate::time::Timestamp;
use crate::version::Version;

pub(super) fn of_version(version: Version, bytes: &[u8]) -> Row<'_> {
    Row { version: [version.event.as_micros(), version.created.as_micros()], bytes }
}

pub(super) fn found(row: Row<'_>) -> Found<'_> {
    let [event, created] = row.version.map(Timestamp::from_micros);
    Found { version: Version::new(event, created), row: row.bytes }
}
