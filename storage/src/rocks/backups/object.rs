//! Objects: the contents of files in a directory of backups, as they are or sealed.
//!
//! A sealed object is 19 random bytes, then pieces of 64 KiB, the last one shorter or empty, each with a tag of 16
//! bytes behind it.

use std::io::{self, Read, Write};

use twox_hash::XxHash3_128;

use super::key::{BackupKey, PREFIX_BYTES, PlaceOfPiece, TAG_BYTES, random};
use super::layout::OBJECTS;
use super::place::Place;
use crate::error::{Error, Result};
use crate::rocks::error::from_io;
use crate::rocks::sums::FileSum;

/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

/// Returns the bytes that a content takes as an object.
pub(super) fn stored_bytes(content: u64, key: Option<&BackupKey>) -> u64 {
    let pieces = content / PIECE_BYTES as u64 + 1;
    content + if key.is_some() { PREFIX_BYTES as u64 + pieces * TAG_BYTES as u64 } else { 0 }
}

/// Writes the content of a reader as the object `name`, reads it back from where it is stored and compares.
///
/// # Errors
/// `Unavailable` when it cannot be read or written, or reads back differently.
pub(super) fn write(source: &mut dyn Read, place: &dyn Place, name: &str, key: Option<&BackupKey>) -> Result<FileSum> {
    let mut sum = None;
    place.put(&path(name), &mut |out| {
        sum = Some(fill(source, out, name, key)?);
        Ok(())
    })?;
    let found = read(place, name, key, &mut io::sink())?;
    sum.filter(|sum| *sum == found).ok_or_else(|| {
        let message = "what was written reads back differently, so the disk cannot be trusted";
        Error::unavailable(format!("{message}: {}", place.shown(&path(name))))
    })
}

fn fill(source: &mut dyn Read, out: &mut dyn Write, name: &str, key: Option<&BackupKey>) -> Result<FileSum> {
    let failed = |error| from_io(&format!("cannot write the object {name}"), error);
    let prefix = random()?;
    if key.is_some() {
        out.write_all(&prefix).map_err(failed)?;
    }
    let mut summing = Summing::default();
    for number in 0.. {
        let piece = next_piece(source, PIECE_BYTES).map_err(failed)?;
        let is_last = piece.len() < PIECE_BYTES;
        summing.add(&piece);
        let stored = match key {
            Some(key) => key.seal(&PlaceOfPiece { name, prefix, number, is_last }, &piece)?,
            None => piece,
        };
        out.write_all(&stored).map_err(failed)?;
        if is_last {
            break;
        }
    }
    Ok(summing.end())
}

/// Reads the content of the object `name` into `out`; its sum.
///
/// # Errors
/// `Corrupt` when it was not sealed with this key, or is not what was sealed; `Unavailable` when it cannot be read.
pub(super) fn read(place: &dyn Place, name: &str, key: Option<&BackupKey>, out: &mut dyn Write) -> Result<FileSum> {
    let shown = || place.shown(&path(name));
    let failed = |error| from_io(&format!("cannot copy {}", shown()), error);
    let damaged = || Error::corrupt(format!("the backup is damaged or was encrypted with another key: {}", shown()));
    let mut file = place.get(&path(name))?;
    let mut prefix = [0; PREFIX_BYTES];
    if key.is_some() {
        file.read_exact(&mut prefix).map_err(|_| damaged())?;
    }
    let stored_max = PIECE_BYTES + if key.is_some() { TAG_BYTES } else { 0 };
    let mut summing = Summing::default();
    for number in 0.. {
        let stored = next_piece(&mut *file, stored_max).map_err(failed)?;
        let is_last = stored.len() < stored_max;
        let piece = match key {
            Some(key) => key.open(&PlaceOfPiece { name, prefix, number, is_last }, &stored).ok_or_else(damaged)?,
            None => stored,
        };
        summing.add(&piece);
        out.write_all(&piece).map_err(failed)?;
        if is_last {
            break;
        }
    }
    Ok(summing.end())
}

/// The name of an object in its place.
pub(super) fn path(name: &str) -> String {
    format!("{OBJECTS}/{name}")
}

/// Reads so many bytes, fewer only at the end.
fn next_piece(source: &mut dyn Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(bytes);
    source.take(bytes as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

#[derive(Default)]
struct Summing {
    hasher: XxHash3_128,
    bytes: u64,
}

impl Summing {
    fn add(&mut self, piece: &[u8]) {
        self.hasher.write(piece);
        self.bytes += piece.len() as u64;
    }

    fn end(self) -> FileSum {
        FileSum { bytes: self.bytes, xxh3: self.hasher.finish_128() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::directory::Directory;
    use super::*;

    fn place(directory: &tempfile::TempDir) -> (Directory, PathBuf) {
        (Directory::create(directory.path()).unwrap(), directory.path().join(OBJECTS))
    }

    #[test]
    fn contents_of_every_length_come_back_and_a_sealed_one_shows_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (place, objects) = place(&directory);
        let key = BackupKey::new([7; 32]);
        for (index, bytes) in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES].iter().enumerate()
        {
            let content: Vec<u8> = (0..*bytes).map(|byte| (byte % 251) as u8).collect();
            for key in [None, Some(&key)] {
                let name = format!("{index}{}", key.is_some());
                let sum = write(&mut content.as_slice(), &place, &name, key).unwrap();
                assert_eq!(sum, FileSum::of(&content));
                let mut back = Vec::new();
                assert_eq!(read(&place, &name, key, &mut back).unwrap(), sum);
                assert_eq!(back, content);
                let stored = std::fs::read(objects.join(&name)).unwrap();
                assert_eq!(stored.len() as u64, stored_bytes(*bytes as u64, key));
                let shows = content.len() > 100 && stored.windows(100).any(|window| window == &content[..100]);
                assert_eq!(shows, key.is_none() && content.len() > 100);
            }
        }
    }

    #[test]
    fn a_sealed_object_that_was_touched_moved_or_cut_is_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let (place, objects) = place(&directory);
        let key = BackupKey::new([7; 32]);
        write(&mut vec![1; PIECE_BYTES + 100].as_slice(), &place, "a", Some(&key)).unwrap();
        let stored = std::fs::read(objects.join("a")).unwrap();
        let opens = |bytes: &[u8], name: &str, key: &BackupKey| {
            std::fs::write(objects.join(name), bytes).unwrap();
            read(&place, name, Some(key), &mut io::sink()).map_err(|error| error.kind())
        };
        assert!(opens(&stored, "a", &key).is_ok());
        let mut flipped = stored.clone();
        flipped[PREFIX_BYTES + 5] ^= 1;
        let first_alone = PREFIX_BYTES + PIECE_BYTES + TAG_BYTES;
        let corrupt = Err(crate::ErrorKind::Corrupt);
        assert_eq!(opens(&flipped, "a", &key), corrupt);
        assert_eq!(opens(&stored, "b", &key), corrupt, "another name");
        assert_eq!(opens(&stored, "a", &BackupKey::new([8; 32])), corrupt, "another key");
        for end in [0, 5, first_alone, stored.len() - 1] {
            assert_eq!(opens(&stored[..end], "a", &key), corrupt, "{end} bytes");
        }
    }
}
