//! How messages become bytes: bincode 2 with fixed-size little-endian integers, and here alone.
//!
//! docs/protocol.md has the bytes of every message. Another codec would take the place of this file.

use asofdb_storage::{Error, Result};
pub(crate) use bincode::de::Decoder;
pub(crate) use bincode::enc::Encoder;
pub(crate) use bincode::error::{DecodeError, EncodeError};
pub(crate) use bincode::{Decode, Encode, impl_borrow_decode};

/// Most bytes that decoding a message may claim. What arrives is bounded by the frame.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MESSAGE_BYTES_MAX>()
}

/// Appends a message.
pub(crate) fn encode<T: Encode>(message: &T, out: &mut Vec<u8>) -> Result<()> {
    bincode::encode_into_std_write(message, out, config())
        .map_err(|error| Error::internal("cannot encode a message").with_source(error))?;
    Ok(())
}

/// A message alone.
pub(crate) fn encoded<T: Encode>(message: &T) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode(message, &mut out)?;
    Ok(out)
}

/// Reads a message that is all of `body`.
///
/// # Errors
/// `Invalid` when it cannot be read or has bytes left over.
pub(crate) fn decode<T: Decode<()>>(body: &[u8]) -> Result<T> {
    let (message, read) = bincode::decode_from_slice(body, config())
        .map_err(|error| Error::invalid("a message cannot be read").with_source(error))?;
    if read != body.len() {
        return Err(Error::invalid(format!("a message has {} bytes left over", body.len() - read)));
    }
    Ok(message)
}
