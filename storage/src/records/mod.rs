//! Records of the family `catalog`: what each thing is on disk, apart from what it is in memory.
//!
//! The first byte of a record is its version; each kind counts its own. What is written is the newest version. Old
//! ones are read for ever: a version, once released, keeps its struct (`ViewRecordV1`) and its reader, and a new field
//! is a new struct with a new number. A version that this code does not know is refused with the name of the record.

#[cfg(feature = "rocksdb")]
pub(crate) mod ages;
#[cfg(feature = "rocksdb")]
pub(crate) mod backup;
mod catalog;
mod change;
pub(crate) mod codec;
mod computed;
mod entity;
mod feed_runs;
mod feed_source;
#[cfg(feature = "rocksdb")]
pub(crate) mod floor;
#[cfg(test)]
mod golden;
mod hot_policy;
#[cfg(feature = "rocksdb")]
pub(crate) mod kept;
mod life_cycle;
#[cfg(feature = "rocksdb")]
pub(crate) mod manifest;
mod meta;
mod model_reads;
mod policy;
mod profile;
mod proposal;
mod service;
mod usage;
mod value;
mod verdicts;
mod view;
#[cfg(feature = "rocksdb")]
pub(crate) mod work;

pub use self::catalog::Record;
use self::codec::Encode;
use crate::error::{Error, Result};

/// Longest record in bytes. Well under what reading may claim, because that counts the size of items in memory, up to
/// three times their size here: what is written can always be read back.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// Reads the body of a record of one version.
pub(crate) type Reader<T> = fn(&[u8]) -> Result<T>;

/// A thing that has a record.
pub(crate) trait Recorded: Sized + 'static {
    /// The newest version of the record, which is written.
    type Written: Encode + for<'a> From<&'a Self>;

    /// The readers of all versions, from version 1 on.
    const READERS: &'static [Reader<Self>];

    /// Returns the name of the record in errors; `key` is its key in the family.
    fn name(key: &[u8]) -> String;

    /// Appends the record, its version first. A thing that an older version says all of may be written as that, so that
    /// an asofdb of before can read it.
    ///
    /// # Errors
    /// `Internal` when it cannot be encoded.
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        out.push(Self::READERS.len() as u8);
        codec::write(&Self::Written::from(self), out)
    }
}

/// Encodes a record: its version, then its fields.
///
/// # Errors
/// `Invalid` when it is too long.
pub(crate) fn encode<T: Recorded>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.write(&mut bytes)?;
    if bytes.len() > RECORD_BYTES_MAX {
        let message = "a definition with its history is at most 16 MiB: shorten its texts or start a new view";
        return Err(Error::invalid(format!("{message}: {} bytes", bytes.len())));
    }
    Ok(bytes)
}

/// Reads a record of any version so far.
///
/// # Errors
/// `Conflict` for a version that only a newer asofdb reads; `Corrupt` when the bytes are no such record.
pub(crate) fn decode<T: Recorded>(key: &[u8], bytes: &[u8]) -> Result<T> {
    let corrupt = |what: &str| Error::corrupt(format!("{}: {what}", T::name(key)));
    let (&version, body) = bytes.split_first().ok_or_else(|| corrupt("the record is empty"))?;
    let index = usize::from(version).checked_sub(1).ok_or_else(|| corrupt("there is no record version 0"))?;
    let newest = T::READERS.len();
    let Some(read) = T::READERS.get(index) else {
        let message = format!("record version {version} is newer than this asofdb reads ({newest})");
        return Err(Error::conflict(format!("{}: {message}", T::name(key))));
    };
    if body.len() >= RECORD_BYTES_MAX {
        return Err(corrupt(&format!("the record is too long: {} bytes", bytes.len())));
    }
    read(body).map_err(|error| error.context(T::name(key)))
}

/// The name of a record whose key is a byte for the kind and a name.
fn named(kind: &str, key: &[u8]) -> String {
    format!("{kind} {:?}", String::from_utf8_lossy(key.get(1..).unwrap_or_default()))
}
