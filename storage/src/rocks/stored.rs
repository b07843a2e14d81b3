//! The values of `latest`: event and created timestamp, then the row.

use crate::backend::Found;
use crate::error::{Error, Result};
use crate::row::{self, RowKind};
use crate::time::Timestamp;
use crate::version::Version;

/// Appends a value of `latest`.
pub(super) fn encode(version: Version, row: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&version.event.as_micros().to_be_bytes());
    out.extend_from_slice(&version.created.as_micros().to_be_bytes());
    out.extend_from_slice(row);
}

/// The newest version of a row, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) is_deletion: bool,
}

impl Head {
    pub(super) fn new(version: Version, row: &[u8]) -> Self {
        Head { version, is_deletion: matches!(row::kind(row), Ok(RowKind::Tombstone)) }
    }
}

/// The version in a value of `latest`, and whether it is a deletion; `None` when it is cut short.
pub(super) fn head(value: &[u8]) -> Option<Head> {
    split(value).map(|(version, row)| Head::new(version, row))
}

/// The version in a value of `latest`; `None` when it is cut short.
pub(super) fn version(value: &[u8]) -> Option<Version> {
    split(value).map(|(version, _)| version)
}

/// Decodes a value of `latest`.
///
/// # Errors
/// `Corrupt` when it is cut short.
#[inline]
pub(super) fn decode(value: &[u8]) -> Result<Found<'_>> {
    let found = split(value).map(|(version, row)| Found { version, row });
    found.ok_or_else(|| Error::corrupt(format!("a value of latest is cut short: {} bytes", value.len())))
}

#[inline]
fn split(value: &[u8]) -> Option<(Version, &[u8])> {
    let (event, rest) = value.split_first_chunk::<8>()?;
    let (created, row) = rest.split_first_chunk::<8>()?;
    let time = |bytes: &[u8; 8]| Timestamp::from_micros(i64::from_be_bytes(*bytes));
    Some((Version::new(time(event), time(created)), row))
}
