//! Notes about streams, which are written with their rows.

use asofdb::{Error, Result};

/// The first bytes of the names of notes about streams.
const NOTE_PREFIX: &[u8] = b"stream/";

/// The format of a stream's own note; its first byte.
const FORMAT: u8 = 1;

/// Most bytes of the name of a stream, and of that of a partition.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// The names of the notes of one stream.
///
/// | bytes | what |
/// |---|---|
/// | 0..7 | `stream/` |
/// | 7..11 | id of the view, big-endian |
/// | 11..13 | bytes of the stream's name, big-endian |
/// | 13.. | the name of the stream |
/// | the rest | the name of a partition; nothing: the note is about the stream itself |
#[derive(Debug)]
pub(crate) struct NoteNames(Vec<u8>);

impl NoteNames {
    /// # Errors
    /// `Invalid` when the name is empty or too long.
    pub(crate) fn new(view: u32, stream: &str) -> Result<Self> {
        check(stream, "the name of a stream")?;
        let length = stream.len() as u16;
        Ok(NoteNames([NOTE_PREFIX, &view.to_be_bytes(), &length.to_be_bytes(), stream.as_bytes()].concat()))
    }

    /// The note about the stream.
    pub(crate) fn stream(&self) -> Vec<u8> {
        self.0.clone()
    }

    /// The note with the position in a partition.
    ///
    /// # Errors
    /// `Invalid` when the name of the partition is empty or too long.
    pub(crate) fn partition(&self, partition: &str) -> Result<Vec<u8>> {
        check(partition, "the name of a partition")?;
        Ok([self.0.as_slice(), partition.as_bytes()].concat())
    }
}

fn check(name: &str, what: &str) -> Result<()> {
    match (1..=NAME_BYTES_MAX).contains(&name.len()) {
        true => Ok(()),
        false => Err(Error::invalid(format!("{what} has 1 to {NAME_BYTES_MAX} bytes"))),
    }
}

/// What a stream has done since it was first begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Records that became rows.
    pub(crate) rows: u64,
    /// Records that were set aside.
    pub(crate) rejected: u64,
    /// Bytes of the file of those, and its path.
    pub(crate) set_aside: u64,
    pub(crate) file: Vec<u8>,
}

impl Done {
    /// The value of a note: format, three counts (little-endian), path.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let counts = [self.rows, self.rejected, self.set_aside].map(u64::to_le_bytes);
        [&[FORMAT], counts.as_flattened(), &self.file].concat()
    }

    /// Reads back what [`Done::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let unreadable = || Error::corrupt("a note about a stream cannot be read, or is of a later asofdb");
        let [FORMAT, rest @ ..] = bytes else { return Err(unreadable()) };
        let (counts, file) = rest.split_first_chunk::<24>().ok_or_else(unreadable)?;
        let count = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| counts[at * 8 + byte]));
        Ok(Done { rows: count(0), rejected: count(1), set_aside: count(2), file: file.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_different_streams_and_partitions_have_different_names() {
        let names = [("a", "b"), ("ab", "c"), ("a", "bc"), ("a", "b1")];
        let of = |(stream, partition): (&str, &str)| NoteNames::new(7, stream).unwrap().partition(partition).unwrap();
        let notes: std::collections::BTreeSet<_> = names.map(of).into();
        assert_eq!(notes.len(), names.len());
        assert_ne!(NoteNames::new(8, "a").unwrap().stream(), NoteNames::new(7, "a").unwrap().stream());
        for name in ["", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(NoteNames::new(7, name).is_err());
        }
    }

    #[test]
    fn what_was_done_reads_back_and_is_refused_where_it_is_damaged() {
        let done = Done { rows: 1 << 40, rejected: 3, set_aside: 170, file: b"/tmp/bad.ndjson".to_vec() };
        let bytes = done.encode();
        assert_eq!(Done::decode(&bytes).unwrap(), done);
        assert!(Done::decode(&bytes[..20]).is_err());
        assert!(Done::decode(&[]).is_err());
        assert!(Done::decode(&[&[9], &bytes[1..]].concat()).is_err());
    }
}
