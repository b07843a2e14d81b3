//! The message that changes the catalog.

use super::definitions::DefinitionsMessage;
use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, Reader, impl_borrow_decode};

/// Makes definitions the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplyRequest {
    /// The definitions.
    pub definitions: DefinitionsMessage,
    /// True if what they do not name may be dropped.
    pub allow_drop: bool,
    /// The catalog that the client has planned with.
    pub catalog_revision: u64,
}

impl Encode for ApplyRequest {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.definitions.encode(encoder)?;
        self.allow_drop.encode(encoder)?;
        self.catalog_revision.encode(encoder)?;
        match self.definitions.additions.is_empty() {
            true => Ok(()),
            false => self.definitions.additions.encode(encoder),
        }
    }
}

impl<C> Decode<C> for ApplyRequest {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let mut request = ApplyRequest {
            definitions: Decode::decode(decoder)?,
            allow_drop: Decode::decode(decoder)?,
            catalog_revision: Decode::decode(decoder)?,
        };
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.additions = Decode::decode(decoder)?;
        }
        Ok(request)
    }
}

impl_borrow_decode!(ApplyRequest);
