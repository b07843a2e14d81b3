//! RocksDB's log format, which MANIFEST files and write-ahead logs share: blocks of 32 KiB with records in them.
//!
//! A record has a checksum over its type and content, its length, and its type. What is longer than the rest of its
//! block is cut into fragments. RocksDB takes some damage for the end of the log, and some for records of another file;
//! here the first byte that is not as it was written ends the walk, with its place. One walk reads each block once, and
//! every step goes forward, so it ends whatever the bytes are.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::crc;
use super::flip::{self, Bit};
use super::record_type::{HEADER_BYTES, RecordType};

const BLOCK_BYTES: usize = 32 << 10;

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// A part of a record that is whole so far.
pub(in crate::rocks) struct Fragment<'a> {
    pub(in crate::rocks) is_first: bool,
    pub(in crate::rocks) is_last: bool,
    /// The place after it in the file.
    pub(super) end: u64,
    pub(in crate::rocks) bytes: &'a [u8],
}

/// The first place of a log that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The start of the record that cannot be read.
    pub(super) record: u64,
    /// The start of its fragment that cannot.
    pub(super) fragment: u64,
    pub(super) kind: DamageKind,
}

/// The look of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DamageKind {
    /// The file ends within the record.
    CutShort,
    /// There are zeros where a record would begin.
    Zeros,
    /// One bit is flipped, the rest is as it was written.
    Flipped(Bit),
    /// It was written otherwise, or not at all.
    Garbled,
}

/// The findings of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rocks) struct Walked {
    /// The length of the file.
    pub(super) length: u64,
    /// The end of its last whole record before any damage.
    pub(super) whole: u64,
    pub(super) damage: Option<Damage>,
}

/// Walks over the log at `path` and gives each fragment to `visit`, until the log ends, something is damaged, or, where
/// there is a `limit`, after so many bytes. A record is whole when its last fragment was visited.
pub(in crate::rocks) fn walk(path: &Path, limit: Option<u64>, visit: impl FnMut(Fragment<'_>)) -> io::Result<Walked> {
    let file = File::open(path)?;
    let length = file.metadata()?.len().min(limit.unwrap_or(u64::MAX));
    let mut walk = Walk { visit, at: 0, whole: 0, record: None, length };
    let mut file = file.take(length);
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    loop {
        block.clear();
        (&mut file).take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
        let is_last = block.len() < BLOCK_BYTES;
        let damage = walk.block(&block, is_last);
        if damage.is_some() || is_last {
            let cut = || walk.record.map(|(record, _)| Damage { record, fragment: record, kind: DamageKind::CutShort });
            return Ok(Walked { length, whole: walk.whole, damage: damage.or_else(cut) });
        }
    }
}

struct Walk<V> {
    visit: V,
    /// The place in the file.
    at: u64,
    whole: u64,
    /// The start of the record whose fragments are being read, and whether any of it has content.
    record: Option<(u64, bool)>,
    length: u64,
}

impl<V: FnMut(Fragment<'_>)> Walk<V> {
    fn block(&mut self, block: &[u8], is_last: bool) -> Option<Damage> {
        let mut rest = block;
        while rest.len() >= HEADER_BYTES {
            match self.record(rest) {
                Ok(bytes) => {
                    rest = &rest[bytes..];
                    self.at += bytes as u64;
                }
                Err(kind) => return Some(self.damage(kind)),
            }
        }
        if is_last && !rest.is_empty() {
            return Some(self.damage(DamageKind::CutShort));
        }
        // What is left of a block is too short for a record, and is never read.
        self.at += rest.len() as u64;
        None
    }

    /// Reads one record; returns its length with its header.
    fn record(&mut self, rest: &[u8]) -> Result<usize, DamageKind> {
        let (stored, ty) = (u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]), rest[6]);
        let end = HEADER_BYTES + usize::from(u16::from_le_bytes([rest[4], rest[5]]));
        let is_whole = rest.get(6..end).is_some_and(|content| crc::crc(content) == crc::unmask(stored));
        match RecordType::of(ty).filter(|_| is_whole) {
            Some(ty) if self.takes(ty) => self.fragment(ty, end, &rest[HEADER_BYTES..end]),
            Some(_) => return Err(DamageKind::Garbled),
            None => return Err(self.kind(rest, end)),
        }
        Ok(end)
    }

    /// Returns whether a record of this type may come next. An empty first fragment may be followed by another: old
    /// writers left those at the end of a block.
    fn takes(&self, ty: RecordType) -> bool {
        match ty {
            RecordType::Full | RecordType::First => !self.record.is_some_and(|(_, has_content)| has_content),
            RecordType::Middle | RecordType::Last => self.record.is_some(),
            RecordType::Note => self.record.is_none(),
        }
    }

    fn fragment(&mut self, ty: RecordType, bytes: usize, content: &[u8]) {
        let end = self.at + bytes as u64;
        let is_first = matches!(ty, RecordType::Full | RecordType::First);
        let is_last = matches!(ty, RecordType::Full | RecordType::Last | RecordType::Note);
        if ty != RecordType::Note {
            (self.visit)(Fragment { is_first, is_last, end, bytes: content });
        }
        let (start, had_content) = self.record.filter(|_| !is_first).unwrap_or((self.at, false));
        self.record = (!is_last).then_some((start, had_content || !content.is_empty()));
        if is_last {
            self.whole = end;
        }
    }

    fn kind(&self, rest: &[u8], end: usize) -> DamageKind {
        let reaches_end = self.at + end as u64 > self.length;
        match rest[..HEADER_BYTES].iter().all(|byte| *byte == 0) {
            true => DamageKind::Zeros,
            false => match flip::find(rest) {
                Some(bit) => DamageKind::Flipped(bit),
                None if reaches_end => DamageKind::CutShort,
                None => DamageKind::Garbled,
            },
        }
    }

    fn damage(&self, kind: DamageKind) -> Damage {
        Damage { record: self.record.map_or(self.at, |(start, _)| start), fragment: self.at, kind }
    }
}

/// Returns whether a file has nothing but zeros from `start` on.
pub(super) fn is_zeros_from(path: &Path, start: u64) -> io::Result<bool> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(true),
            read if block[..read].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Returns whether a part of a file from `start` on never came to the disk: a sector of it, or what of a sector lies
/// between `start` and the end, is zeros. A disk writes sectors whole or not at all, and the system writes those of a
/// page, or of several, in any order.
pub(super) fn has_unwritten_sector(path: &Path, start: u64) -> io::Result<bool> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = SECTOR_BYTES - start % SECTOR_BYTES;
    let mut sector = Vec::with_capacity(SECTOR_BYTES as usize);
    loop {
        sector.clear();
        (&mut file).take(bytes).read_to_end(&mut sector)?;
        match sector.iter().any(|byte| *byte != 0) {
            true => bytes = SECTOR_BYTES,
            false => return Ok(!sector.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rocks::floor::record_type::testing::record;

    /// Three records, the second in three fragments over two blocks and a bit; the starts and the end of each.
    fn sample() -> (Vec<u8>, Vec<u64>) {
        let mut bytes = record(RecordType::Full, b"first");
        let mut ends = vec![bytes.len() as u64];
        let fragment = BLOCK_BYTES - bytes.len() - HEADER_BYTES;
        bytes.extend(record(RecordType::First, &vec![1; fragment]));
        bytes.extend(record(RecordType::Middle, &vec![2; BLOCK_BYTES - HEADER_BYTES]));
        bytes.extend(record(RecordType::Last, &[3; 10]));
        ends.push(bytes.len() as u64);
        bytes.extend(record(RecordType::Full, b"third"));
        ends.push(bytes.len() as u64);
        (bytes, ends)
    }

    fn walked(bytes: &[u8]) -> (Walked, Vec<u64>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut ends = Vec::new();
        let walked = walk(file.path(), None, |fragment| ends.extend(fragment.is_last.then_some(fragment.end))).unwrap();
        (walked, ends)
    }

    #[test]
    fn a_whole_log_is_walked_to_its_end() {
        let (bytes, expected) = sample();
        let (walk, ends) = walked(&bytes);
        assert_eq!(ends, expected);
        assert_eq!(walk, Walked { length: bytes.len() as u64, whole: bytes.len() as u64, damage: None });
    }

    #[test]
    fn a_log_that_is_cut_anywhere_ends_at_its_last_whole_record() {
        let (bytes, ends) = sample();
        for cut in (0..ends[0] + 20).chain(ends[1] - 20..ends[2]) {
            let (walk, _) = walked(&bytes[..cut as usize]);
            let whole = ends.iter().copied().filter(|end| *end <= cut).max().unwrap_or(0);
            assert_eq!(walk.whole, whole, "cut at {cut}");
            match walk.damage {
                None => assert_eq!(whole, cut),
                Some(damage) => assert_eq!((damage.record, damage.kind), (whole, DamageKind::CutShort), "cut at {cut}"),
            }
        }
    }

    #[test]
    fn each_flipped_bit_ends_the_walk_at_its_record_and_is_known_for_what_it_is() {
        let (mut bytes, ends) = sample();
        let starts = [0, ends[0], ends[1]];
        let length = bytes.len();
        for byte in (0..length).filter(|byte| byte % 1_009 == 0 || *byte < 40 || *byte > length - 40) {
            for bit in 0..8 {
                bytes[byte] ^= 1 << bit;
                let (walk, _) = walked(&bytes);
                let damage = walk.damage.expect("a flipped bit is found");
                let start = starts.iter().copied().filter(|start| *start <= byte as u64).max().unwrap();
                assert_eq!(damage.record, start, "byte {byte}, bit {bit}");
                let DamageKind::Flipped(found) = damage.kind else { panic!("{damage:?} of byte {byte}, bit {bit}") };
                assert_eq!((damage.fragment as usize + found.byte, found.bit), (byte, bit));
                bytes[byte] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn zeros_and_records_out_of_order_are_damage() {
        let (mut bytes, ends) = sample();
        let third = ends[1] as usize;
        bytes[third..].fill(0);
        let (walk, _) = walked(&bytes);
        assert_eq!(walk.damage, Some(Damage { record: ends[1], fragment: ends[1], kind: DamageKind::Zeros }));
        bytes.truncate(third);
        bytes.extend(record(RecordType::Last, b"of nothing"));
        let (walk, _) = walked(&bytes);
        assert_eq!(walk.damage, Some(Damage { record: ends[1], fragment: ends[1], kind: DamageKind::Garbled }));
    }

    #[test]
    fn a_sector_of_zeros_was_never_written_wherever_it_lies() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let unwritten = |bytes: &[u8], start| {
            std::fs::write(file.path(), bytes).unwrap();
            has_unwritten_sector(file.path(), start).unwrap()
        };
        let mut bytes = vec![1; 1600];
        assert!(!unwritten(&bytes, 100), "all is written");
        assert!(!unwritten(&bytes, 1600), "nothing is there");
        bytes[513..1024].fill(0);
        assert!(!unwritten(&bytes, 100), "zeros of content begin and end anywhere");
        assert!(unwritten(&bytes, 513), "the rest of a sector");
        bytes[512] = 0;
        assert!(unwritten(&bytes, 100), "a whole sector");
        assert!(!unwritten(&bytes, 1024), "a sector before the start");
        bytes[1536..].fill(0);
        assert!(unwritten(&bytes, 1024), "a last one that is not whole");
    }
}
