//! What tells a file from another one of its name.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use twox_hash::XxHash3_64;

/// Bytes of the beginning of a file that it is known by, as far as they were read.
const PREFIX_BYTES: u64 = 1_024;

/// The identity of a file that only grows: its number in the file system, and a hash of its beginning. A file that was
/// renamed has both, one that was copied the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) inode: u64,
    /// Bytes that are hashed.
    pub(super) prefix: u64,
    hash: u64,
}

/// Bytes of an identity in a position.
const BYTES: usize = 24;

impl Identity {
    /// The identity of a file that was read up to `offset`.
    pub(super) fn of(file: &File, offset: u64) -> io::Result<Self> {
        let prefix = offset.min(PREFIX_BYTES);
        let hash = hash(file, prefix)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Identity { inode: file.metadata()?.ino(), prefix, hash })
    }

    /// Returns whether a file begins as the one that this is of.
    pub(super) fn begins(&self, file: &File) -> io::Result<bool> {
        Ok(hash(file, self.prefix)? == Some(self.hash))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        [self.inode, self.prefix, self.hash].map(u64::to_le_bytes).concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let words: [u8; BYTES] = bytes.try_into().ok()?;
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| words[at * 8 + byte]));
        let (inode, prefix, hash) = (word(0), word(1), word(2));
        (prefix <= PREFIX_BYTES).then_some(Identity { inode, prefix, hash })
    }
}

/// The hash of the first bytes; `None` where the file has fewer.
fn hash(file: &File, prefix: u64) -> io::Result<Option<u64>> {
    let mut bytes = [0; PREFIX_BYTES as usize];
    let bytes = &mut bytes[..prefix as usize];
    match file.read_exact_at(bytes, 0) {
        Ok(()) => Ok(Some(XxHash3_64::oneshot(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
