//! JSON of values, answers and definitions, the same on the command line and over HTTP.

mod ages;
mod answer;
mod answers;
mod catalog;
mod changes;
mod feeds;
mod lineage;
mod models;
pub(crate) mod rfc3339;
pub(crate) mod statistics;
mod usage;
mod value;

use asofdb_storage::{Error, Result};
use serde::Serialize;

pub use self::answer::{AnswerRows, HistoryRows};

/// Something of ours in its JSON form: `AsJson(&value)` can be serialized.
///
/// Numbers are numbers, with the digits that were stored; NaN and infinities are the strings `"NaN"`, `"Infinity"`
/// and `"-Infinity"`; bytes are base64; times are RFC 3339 in UTC.
#[derive(Debug)]
pub struct AsJson<'a, T: ?Sized>(pub &'a T);

impl<T: ?Sized> AsJson<'_, T>
where
    Self: Serialize,
{
    /// Writes it as text.
    ///
    /// # Errors
    /// `Corrupt` when it is an answer whose stored bytes cannot be read; nothing else fails.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|error| Error::corrupt("an answer cannot be written as JSON").with_source(error))
    }

    /// Makes a tree of it, which can be put into another.
    ///
    /// # Errors
    /// As [`AsJson::to_bytes`].
    pub fn to_tree(&self) -> Result<serde_json::Value> {
        // Through text, because a tree would widen float32 to digits that nobody stored.
        serde_json::from_slice(&self.to_bytes()?)
            .map_err(|error| Error::internal("JSON of our own cannot be read").with_source(error))
    }
}
