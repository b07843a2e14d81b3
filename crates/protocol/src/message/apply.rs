//! The message that changes the catalog.

use asofdb::Allow;

use super::definitions::DefinitionsMessage;
use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, Reader, impl_borrow_decode};

/// Makes definitions the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplyRequest {
    /// The definitions.
    pub definitions: DefinitionsMessage,
    /// The permission of what cannot be taken back.
    pub allow: Allow,
    /// The catalog that the client has planned with.
    pub catalog_revision: u64,
    /// The reason, for the log; may be empty.
    pub message: String,
}

impl Encode for ApplyRequest {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.definitions.encode(encoder)?;
        (u8::from(self.allow.drop) | u8::from(self.allow.used) << 1).encode(encoder)?;
        self.catalog_revision.encode(encoder)?;
        let DefinitionsMessage { additions, computed, indexes, objectives, lives, notes, hots, .. } = &self.definitions;
        let has_message = !self.message.is_empty() || !hots.is_empty();
        let has_notes = !notes.is_empty() || has_message;
        let has_lives = !lives.is_empty() || has_notes;
        let has_objectives = !objectives.is_empty() || has_lives;
        let has_indexes = !indexes.is_empty() || has_objectives;
        let has_computed = !computed.is_empty() || self.allow.redefine || has_indexes;
        if !additions.is_empty() || has_computed {
            additions.encode(encoder)?;
        }
        if has_computed {
            computed.encode(encoder)?;
            self.allow.redefine.encode(encoder)?;
        }
        if has_indexes {
            indexes.encode(encoder)?;
        }
        if has_objectives {
            objectives.encode(encoder)?;
        }
        if has_lives {
            lives.encode(encoder)?;
        }
        if has_notes {
            notes.encode(encoder)?;
        }
        if has_message {
            self.message.encode(encoder)?;
        }
        if !hots.is_empty() {
            hots.encode(encoder)?;
        }
        Ok(())
    }
}

impl<C> Decode<C> for ApplyRequest {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let definitions = Decode::decode(decoder)?;
        let allow = match u8::decode(decoder)? {
            bits @ 0..=3 => Allow { drop: bits & 1 != 0, used: bits & 2 != 0, redefine: false },
            _ => return Err(DecodeError::Other("permissions that are not known")),
        };
        let catalog_revision = Decode::decode(decoder)?;
        let mut request = ApplyRequest { definitions, allow, catalog_revision, message: String::new() };
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.additions = Decode::decode(decoder)?;
        }
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.computed = Decode::decode(decoder)?;
            request.allow.redefine = Decode::decode(decoder)?;
        }
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.indexes = Decode::decode(decoder)?;
        }
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.objectives = Decode::decode(decoder)?;
        }
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.lives = Decode::decode(decoder)?;
        }
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.notes = Decode::decode(decoder)?;
        }
        if decoder.reader().peek_read(1).is_some() {
            request.message = Decode::decode(decoder)?;
        }
        if decoder.reader().peek_read(1).is_some() {
            request.definitions.hots = Decode::decode(decoder)?;
        }
        Ok(request)
    }
}

impl_borrow_decode!(ApplyRequest);
