//! Records: a row with its key, in whole words.

use std::sync::atomic::Ordering;

use crate::sync::AtomicU64;

/// The newest version of a row. What the words mean is the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Event and created timestamp, in microseconds since 1970.
    pub version: [i64; 2],
    /// The encoded row.
    pub bytes: &'a [u8],
}

/// Longest key of a row that is kept, in bytes.
const KEY_BYTES_MAX: usize = u16::MAX as usize;

const IS_ROW: u64 = 1 << 63;
const IS_PAD: u64 = 1 << 62;
const IS_PINNED: u64 = 1 << 61;

/// The first words of a record.
///
/// | word | is |
/// |---|---|
/// | 0 | words of all (lower half), bytes of the key (16 bits), whether there is a row, this is room that is not used, or it is pinned |
/// | 1 | hash |
/// | 2 | view (lower half), bytes of the row |
/// | 3, 4 | event and created timestamp |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) words: usize,
    pub(crate) key_bytes: usize,
    /// False where the store has no row, and where this is a pad.
    pub(crate) is_row: bool,
    pub(crate) is_pad: bool,
    /// True if it makes no room for rows that are not.
    pub(crate) is_pinned: bool,
    pub(crate) hash: u64,
    pub(crate) view: u32,
    pub(crate) row_bytes: usize,
    pub(crate) version: [i64; 2],
}

impl Head {
    /// Words before the key.
    pub(crate) const WORDS: usize = 5;

    /// The head of a record; `None` for one that no table keeps.
    pub(crate) fn of(hash: u64, view: u32, key: &[u8], row: Option<Row<'_>>) -> Option<Self> {
        let row_bytes = row.map_or(0, |row| row.bytes.len());
        let words = Head::WORDS + key.len().div_ceil(8) + row_bytes.div_ceil(8);
        let fits = key.len() <= KEY_BYTES_MAX && u32::try_from(words).is_ok() && u32::try_from(row_bytes).is_ok();
        fits.then_some(Head {
            words,
            key_bytes: key.len(),
            is_row: row.is_some(),
            is_pad: false,
            is_pinned: false,
            hash,
            view,
            row_bytes,
            version: row.map_or([0; 2], |row| row.version),
        })
    }

    /// Reads what may be torn: nothing in it is to be believed before the bucket was looked at again. `None` where the
    /// words end before it does.
    #[inline]
    pub(crate) fn read(words: &[AtomicU64]) -> Option<Self> {
        let [first, hash, lengths, event, created] = words.first_chunk::<{ Head::WORDS }>()?;
        let (first, lengths) = (first.load(Ordering::Relaxed), lengths.load(Ordering::Relaxed));
        Some(Head {
            words: first as u32 as usize,
            key_bytes: usize::from((first >> 32) as u16),
            is_row: first & IS_ROW != 0,
            is_pad: first & IS_PAD != 0,
            is_pinned: first & IS_PINNED != 0,
            hash: hash.load(Ordering::Relaxed),
            view: lengths as u32,
            row_bytes: (lengths >> 32) as usize,
            version: [event.load(Ordering::Relaxed) as i64, created.load(Ordering::Relaxed) as i64],
        })
    }

    /// The words of room that is not used, from its first word.
    pub(crate) fn pad_words(first: u64) -> Option<usize> {
        (first & IS_PAD != 0).then_some(first as u32 as usize)
    }

    /// Writes a pad over `words` words.
    pub(crate) fn write_pad(first: &AtomicU64, words: usize) {
        first.store(IS_PAD | words as u64, Ordering::Relaxed);
    }

    /// Writes the record into as many words as it takes.
    pub(crate) fn write(&self, key: &[u8], row: &[u8], words: &[AtomicU64]) {
        let flags = if self.is_row { IS_ROW } else { 0 } | if self.is_pinned { IS_PINNED } else { 0 };
        let first = self.words as u64 | (self.key_bytes as u64) << 32 | flags;
        let lengths = u64::from(self.view) | (self.row_bytes as u64) << 32;
        let [event, created] = self.version.map(|time| time as u64);
        for (word, value) in words.iter().zip([first, self.hash, lengths, event, created]) {
            word.store(value, Ordering::Relaxed);
        }
        let (of_key, of_row) = words[Head::WORDS..].split_at(key.len().div_ceil(8));
        write_bytes(key, of_key);
        write_bytes(row, of_row);
    }

    /// Copies the key and the row out of the record's words, of which nobody writes any.
    pub(crate) fn copy(&self, words: &[AtomicU64], key: &mut Vec<u8>, row: &mut Vec<u8>) {
        read_bytes(&words[Head::WORDS..], self.key_bytes, key);
        read_bytes(&words[self.row_start()..], self.row_bytes, row);
    }

    /// Returns whether the words after the head are this key.
    #[inline]
    pub(crate) fn has_key(&self, key: &[u8], words: &[AtomicU64]) -> bool {
        if self.key_bytes != key.len() || words.len() < key.len().div_ceil(8) {
            return false;
        }
        let mut chunks = key.chunks_exact(8);
        let mut words = words.iter();
        let is_same = |(chunk, word): (&[u8], &AtomicU64)| word_of(chunk) == word.load(Ordering::Relaxed);
        let whole = chunks.by_ref().zip(words.by_ref()).all(is_same);
        let rest = chunks.remainder();
        whole && (rest.is_empty() || words.next().is_some_and(|word| is_same((rest, word))))
    }

    /// The place of the row's words in the record.
    #[inline]
    pub(crate) fn row_start(&self) -> usize {
        Head::WORDS + self.key_bytes.div_ceil(8)
    }
}

fn write_bytes(bytes: &[u8], words: &[AtomicU64]) {
    for (chunk, word) in bytes.chunks(8).zip(words) {
        word.store(word_of(chunk), Ordering::Relaxed);
    }
}

fn read_bytes(words: &[AtomicU64], count: usize, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend(words.iter().take(count.div_ceil(8)).flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()));
    bytes.truncate(count);
}

/// Up to eight bytes as they lie in memory, then zeros.
#[inline]
fn word_of(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(whole) => u64::from_ne_bytes(*whole),
        None => {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            u64::from_ne_bytes(whole)
        }
    }
}
