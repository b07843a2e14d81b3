//! The description of a prepared request.

use super::definitions::JoinKeyMessage;
use super::value::ValueTypeMessage;
use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, Reader, impl_borrow_decode};

/// Answers a [`PrepareRequest`](super::PrepareRequest).
#[derive(Debug, Clone, PartialEq)]
pub struct HandleMessage {
    /// Number of the handle on this connection.
    pub handle: u32,
    /// The catalog it was resolved with.
    pub catalog_revision: u64,
    /// The columns of an entity row.
    pub join_keys: Vec<JoinKeyMessage>,
    /// The distinct entity keys of a request, each as positions in `join_keys`.
    pub key_groups: Vec<Vec<u32>>,
    /// The views that are read.
    pub views: Vec<HandleView>,
    /// The features, in the order of the answer.
    pub features: Vec<HandleFeature>,
    /// The values that come with the question, in the order in which they follow the keys of a read. They travel only
    /// where there are some.
    pub request_values: Vec<HandleRequestValue>,
}

impl Encode for HandleMessage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let HandleMessage { handle, catalog_revision, join_keys, key_groups, views, features, request_values } = self;
        (handle, catalog_revision, join_keys, key_groups).encode(encoder)?;
        (views, features).encode(encoder)?;
        if request_values.is_empty() { Ok(()) } else { request_values.encode(encoder) }
    }
}

impl<C> Decode<C> for HandleMessage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(HandleMessage {
            handle: Decode::decode(decoder)?,
            catalog_revision: Decode::decode(decoder)?,
            join_keys: Decode::decode(decoder)?,
            key_groups: Decode::decode(decoder)?,
            views: Decode::decode(decoder)?,
            features: Decode::decode(decoder)?,
            request_values: match decoder.reader().peek_read(1) {
                Some(_) => Decode::decode(decoder)?,
                None => Vec::new(),
            },
        })
    }
}

impl_borrow_decode!(HandleMessage);

/// A view of a prepared request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HandleView {
    /// Name.
    pub name: String,
    /// The position of its entity key among the key groups.
    pub key_group: u32,
    /// Bytes of one of its records.
    pub record_bytes: u32,
}

/// A feature of a prepared request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HandleFeature {
    /// Position of its view.
    pub view: u32,
    /// Name.
    pub name: String,
    /// Type.
    pub ty: ValueTypeMessage,
    /// Its default as a row stores it.
    pub default: Option<Vec<u8>>,
    /// The offset of its value in a record.
    pub offset: u32,
    /// The number of its null bit.
    pub null_bit: u32,
}

/// A value that comes with the question.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HandleRequestValue {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: ValueTypeMessage,
    /// True if it may not be null.
    pub required: bool,
}
