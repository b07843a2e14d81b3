//! Every version of a view, in order.

use rocksdb::DBRawIterator;

use super::error::from_rocks;
use crate::backend::{KeyRange, Scan, Scanned};
use crate::catalog::FeatureView;
use crate::error::{Error, Result};
use crate::key;
use crate::time::Timestamp;
use crate::version::Version;

pub(super) struct VersionScan<'s> {
    raw: DBRawIterator<'s>,
    keep_newest: bool,
    cutoff: Timestamp,
    range: KeyRange,
    /// The start of the range, until the scan has been there; after that the next version is the next key.
    start: Option<Vec<u8>>,
    /// The row of the last version, where retention must know which version is the newest.
    row: Vec<u8>,
}

impl<'s> VersionScan<'s> {
    pub(super) fn new(raw: DBRawIterator<'s>, view: &FeatureView, range: &KeyRange, cutoff: Timestamp) -> Self {
        let mut start = view.id.to_be_bytes().to_vec();
        start.extend_from_slice(range.start.as_deref().unwrap_or_default());
        let range = range.clone();
        VersionScan { raw, keep_newest: view.keep_newest, cutoff, range, start: Some(start), row: Vec::new() }
    }

    /// Moves to the next version in the range, whether or not retention hides it.
    fn advance(&mut self) -> Result<Option<Version>> {
        match self.start.take() {
            Some(start) => self.raw.seek(start),
            None if self.raw.valid() => self.raw.next(),
            None => {}
        }
        loop {
            let Some(found) = self.raw.key() else {
                return self.raw.status().map(|()| None).map_err(|error| from_rocks("cannot read history", error));
            };
            let (_, entity, version) = key_parts(found)?;
            if self.range.end.as_deref().is_some_and(|end| entity >= end) {
                return Ok(None);
            }
            // The bytes of a version can put a row after the start of a range whose key is before it.
            if self.range.start.as_deref().is_none_or(|start| start <= entity) {
                return Ok(Some(version));
            }
            self.raw.next();
        }
    }

    fn is_hidden(&mut self, version: Version) -> bool {
        if self.cutoff == Timestamp::MIN {
            return false;
        }
        let row = self.raw.key().map_or(&[][..], key::row_prefix);
        let is_newest = self.row != row;
        if is_newest {
            self.row.clear();
            self.row.extend_from_slice(row);
        }
        version.event < self.cutoff && !(is_newest && self.keep_newest)
    }
}

/// The parts of the key of a version.
pub(super) fn key_parts(version_key: &[u8]) -> Result<(u32, &[u8], Version)> {
    key::split_version_key(version_key)
        .ok_or_else(|| Error::corrupt(format!("the key of a version is cut short: {} bytes", version_key.len())))
}

impl Scan for VersionScan<'_> {
    fn next(&mut self) -> Result<Option<Scanned<'_>>> {
        let version = loop {
            let Some(version) = self.advance()? else { return Ok(None) };
            if !self.is_hidden(version) {
                break version;
            }
        };
        let Some((found, row)) = self.raw.item() else { return Ok(None) };
        Ok(Some(Scanned { key: key_parts(found)?.1, version, row }))
    }
}
