//! The message that opens a connection.

use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, Reader, impl_borrow_decode};

/// Opens a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// [`MAGIC`](super::MAGIC).
    pub magic: [u8; 4],
    /// The versions of the protocol that the client speaks, from the first to the last.
    pub versions: (u16, u16),
    /// The name that the client gives itself.
    pub consumer: Option<String>,
    /// The version of a model that the client reads for, `name/version`. It travels only where there is one.
    pub model: Option<String>,
}

impl Encode for Hello {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let Hello { magic, versions, consumer, model } = self;
        (magic, versions, consumer).encode(encoder)?;
        model.as_ref().map_or(Ok(()), |model| model.encode(encoder))
    }
}

impl<C> Decode<C> for Hello {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(Hello {
            magic: Decode::decode(decoder)?,
            versions: Decode::decode(decoder)?,
            consumer: Decode::decode(decoder)?,
            model: match decoder.reader().peek_read(1) {
                Some(_) => Some(Decode::decode(decoder)?),
                None => None,
            },
        })
    }
}

impl_borrow_decode!(Hello);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn a_hello_without_a_model_has_the_bytes_that_it_always_had_and_a_model_follows_them() {
        let mut hello = Hello { magic: *b"ASOF", versions: (1, 1), consumer: Some("c".to_owned()), model: None };
        let before = [&b"ASOF"[..], &[1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0], b"c"].concat();
        assert_eq!(encoded_message(&hello).unwrap(), before);
        assert_eq!(decode_message::<Hello>(&before).unwrap(), hello);
        hello.model = Some("m/1".to_owned());
        let with_model = [&before[..], &[3, 0, 0, 0, 0, 0, 0, 0], b"m/1"].concat();
        assert_eq!(encoded_message(&hello).unwrap(), with_model);
        assert_eq!(decode_message::<Hello>(&with_model).unwrap(), hello);
        assert!(decode_message::<Hello>(&with_model[..with_model.len() - 1]).is_err());
    }
}
