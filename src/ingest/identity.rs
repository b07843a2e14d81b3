//! The identity of ingested content, and the progress in it.

use std::io::{self, BufRead};
use std::sync::Arc;

use asofdb_storage::{Error, Hint, Result};
use twox_hash::XxHash3_128;

use crate::rows::encode::ViewEncoder;
use crate::source::SourceFile;

/// The first bytes of the name of a note about an ingest.
const NOTE_PREFIX: &[u8] = b"ingest/";

/// The format of the notes; their first byte.
const NOTE_FORMAT: u8 = 1;

/// Bytes of the hash that ends a note's name.
const HASH_BYTES: usize = 16;

/// The name of the note about this content in this view.
///
/// | bytes | what |
/// |---|---|
/// | 0..7 | `ingest/` |
/// | 7..11 | id of the view, big-endian |
/// | 11..13 | schema version of the view, big-endian: rows lack the features added later |
/// | 13..29 | xxh3-128 of the content, big-endian |
pub(super) fn note_name(encoder: &ViewEncoder, file: &Arc<SourceFile>) -> Result<Vec<u8>> {
    let hash = hash(file).map_err(|error| {
        Error::unavailable(format!("cannot read file {}; try again", file.name())).with_source(error)
    })?;
    let mut name = note_prefix(encoder.view().id, encoder.schema_version());
    name.extend(hash.to_be_bytes());
    Ok(name)
}

fn note_prefix(view: u32, schema_version: u16) -> Vec<u8> {
    let mut prefix = NOTE_PREFIX.to_vec();
    prefix.extend(view.to_be_bytes());
    prefix.extend(schema_version.to_be_bytes());
    prefix
}

/// Checks that a note from elsewhere is one about an ingest into this view.
///
/// # Errors
/// `Invalid` when it is not.
pub fn check_note(view: u32, schema_version: u16, name: &[u8], value: &[u8]) -> Result<()> {
    let hash = name.strip_prefix(note_prefix(view, schema_version).as_slice());
    match (hash.map(<[u8]>::len), Reached::decode(value)) {
        (Some(HASH_BYTES), Ok(_)) => Ok(()),
        _ => Err(Error::invalid("a load has a note that is not about an ingest into its view")),
    }
}

fn hash(file: &Arc<SourceFile>) -> io::Result<u128> {
    let mut hasher = XxHash3_128::new();
    let mut reader = file.reader();
    loop {
        let bytes = reader.fill_buf()?;
        let read = bytes.len();
        if read == 0 {
            return Ok(hasher.finish_128());
        }
        hasher.write(bytes);
        reader.consume(read);
    }
}

/// The progress in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reached {
    /// Rows read from the start of the file.
    pub(super) read: u64,
    /// The number of them that were written.
    pub(super) written: u64,
    /// The number of them that were bad.
    pub(super) rejected: u64,
    /// True if that is the whole file.
    pub(super) done: bool,
}

impl Reached {
    /// The value of a note: format, three counts (little-endian), done.
    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![NOTE_FORMAT];
        for count in [self.read, self.written, self.rejected] {
            bytes.extend(count.to_le_bytes());
        }
        bytes.push(u8::from(self.done));
        bytes
    }

    /// Reads back what [`Reached::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let unreadable = || {
            Error::corrupt("a note about an ingest cannot be read; ingest from scratch").with_hint(Hint::FromScratch)
        };
        let [NOTE_FORMAT, counts @ .., done @ (0 | 1)] = bytes else { return Err(unreadable()) };
        let (counts, []) = counts.as_chunks::<8>() else { return Err(unreadable()) };
        let [read, written, rejected] = counts else { return Err(unreadable()) };
        let [read, written, rejected] = [read, written, rejected].map(|count| u64::from_le_bytes(*count));
        Ok(Reached { read, written, rejected, done: *done == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_notes_about_ingests_into_the_view_are_good() {
        let (value, mut name) = (Reached::default().encode(), note_prefix(7, 2));
        name.extend([1; HASH_BYTES]);
        check_note(7, 2, &name, &value).unwrap();
        for (view, schema, name, value) in [
            (8, 2, &name[..], &value[..]),
            (7, 3, &name, &value),
            (7, 2, &name[..28], &value),
            (7, 2, b"ingest/", &value),
            (7, 2, &name, b"x"),
        ] {
            assert!(check_note(view, schema, name, value).is_err(), "{view} {schema} {name:?}");
        }
    }

    #[test]
    fn notes_read_back_and_damaged_ones_are_refused() {
        let reached = Reached { read: 1 << 40, written: 7, rejected: 3, done: true };
        let bytes = reached.encode();
        assert_eq!(Reached::decode(&bytes).unwrap(), reached);
        assert!(Reached::decode(&bytes[..25]).is_err());
        assert!(Reached::decode(&[&[2], &bytes[1..]].concat()).is_err());
        assert!(Reached::decode(&[]).is_err());
    }
}
