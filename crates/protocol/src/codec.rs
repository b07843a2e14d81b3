//! The codec of control messages: bincode 2 with fixed-size little-endian integers. No other module knows it.
//!
//! docs/protocol.md has the bytes of every message. Another codec would take the place of this file.

use asofdb::{Error, Result};
pub(crate) use bincode::de::Decoder;
pub(crate) use bincode::de::read::Reader;
pub(crate) use bincode::enc::Encoder;
pub(crate) use bincode::error::{DecodeError, EncodeError};
pub(crate) use bincode::{Decode, Encode, impl_borrow_decode};

/// Most bytes that decoding a message may claim. What arrives is bounded by the frame.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MESSAGE_BYTES_MAX>()
}

/// A control message: whatever the codec can write and read.
pub trait Message: Encode + Decode<()> {}

impl<T: Encode + Decode<()>> Message for T {}

/// Appends a message.
pub fn encode_message<T: Message>(message: &T, out: &mut Vec<u8>) -> Result<()> {
    bincode::encode_into_std_write(message, out, config())
        .map_err(|error| Error::internal("cannot encode a message").with_source(error))?;
    Ok(())
}

/// A message alone.
pub fn encoded_message<T: Message>(message: &T) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode_message(message, &mut out)?;
    Ok(out)
}

/// Reads a message that is all of `body`.
///
/// # Errors
/// `Invalid` when it cannot be read or has bytes left over.
pub fn decode_message<T: Message>(body: &[u8]) -> Result<T> {
    let (message, read) = bincode::decode_from_slice(body, config()).map_err(|error| unreadable(error, body.len()))?;
    if read != body.len() {
        return Err(Error::invalid(format!("a message has {} bytes left over", body.len() - read)));
    }
    Ok(message)
}

#[cold]
fn unreadable(error: DecodeError, body_bytes: usize) -> Error {
    match error {
        DecodeError::LimitExceeded => Error::invalid(format!(
            "a message takes at most {MESSAGE_BYTES_MAX} bytes in memory, and this one of {body_bytes} bytes takes more; \
             write fewer rows at a time, or ingest them from a file"
        )),
        error => Error::invalid("a message cannot be read").with_source(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_over_the_limit_names_it() {
        let mut bytes = Vec::new();
        bincode::encode_into_std_write(
            vec![0u8; MESSAGE_BYTES_MAX + 1],
            &mut bytes,
            bincode::config::standard().with_fixed_int_encoding(),
        )
        .unwrap();
        let error = decode_message::<Vec<u8>>(&bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a message takes at most 67108864 bytes in memory, and this one of 67108873 bytes takes more; write fewer \
             rows at a time, or ingest them from a file"
        );
    }
}
