//! The codec of records: bincode with fixed-size little-endian integers, and here alone.
//!
//! Another codec would take the place of this file. The bytes themselves are described in `docs/design.md`.

pub(crate) use bincode::de::Decoder;
pub(crate) use bincode::enc::Encoder;
pub(crate) use bincode::error::{DecodeError, EncodeError};
pub(crate) use bincode::{Decode, Encode, impl_borrow_decode};

use crate::error::{Error, Result};

/// Most bytes that reading a record may claim; a corrupt length must not become an allocation.
const CLAIMED_BYTES_MAX: usize = 64 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<CLAIMED_BYTES_MAX>()
}

/// Appends the bytes of a record.
///
/// # Errors
/// `Internal` when it cannot be encoded.
pub(crate) fn write(record: &impl Encode, out: &mut Vec<u8>) -> Result<()> {
    bincode::encode_into_std_write(record, out, config())
        .map_err(|error| Error::internal("cannot encode a catalog record").with_source(error))?;
    Ok(())
}

/// Reads a record `R` that is all of `body`, as what it stands for, where that can be wrong in itself.
///
/// # Errors
/// `Corrupt` when it cannot be read, has bytes left over, or stands for nothing.
pub(crate) fn read_checked<R: Decode<()>, T: TryFrom<R, Error = Error>>(body: &[u8]) -> Result<T> {
    let stands_for_nothing = |error: Error| Error::corrupt("the record cannot be read").with_source(error);
    T::try_from(read::<R, R>(body)?).map_err(stands_for_nothing)
}

/// Reads a record `R` that is all of `body`, as what it stands for.
///
/// # Errors
/// `Corrupt` when it cannot be read or has bytes left over.
pub(crate) fn read<R: Decode<()>, T: From<R>>(body: &[u8]) -> Result<T> {
    let (record, read) = bincode::decode_from_slice::<R, _>(body, config())
        .map_err(|error| Error::corrupt("the record cannot be read").with_source(error))?;
    if read != body.len() {
        return Err(Error::corrupt(format!("the record has {} bytes left over", body.len() - read)));
    }
    Ok(record.into())
}
