//! Key-value stores: keys, and what a store of them does.

use crate::contender::Fallible;

/// The block cache of those that have one, in bytes.
pub const CACHE_BYTES: usize = 1 << 30;

/// Keys, one after the other in one buffer that is used again.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// Forgets the keys, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds the key of a row: its view, its entity and, where there is a history, its event, newest first.
    pub fn push(&mut self, view: usize, entity: Entity<'_>, event: Option<i64>) {
        self.bytes.push(view as u8);
        match entity {
            Entity::Number(number) => self.bytes.extend_from_slice(&number.to_be_bytes()),
            Entity::Text(text) => self.bytes.extend_from_slice(text.as_bytes()),
        }
        if let Some(event) = event {
            self.bytes.extend_from_slice(&(!event).to_be_bytes());
        }
        self.ends.push(self.bytes.len());
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Iterates over the keys.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// An entity, as keys have it.
#[derive(Debug, Clone, Copy)]
pub enum Entity<'t> {
    /// By number.
    Number(u64),
    /// By text.
    Text(&'t str),
}

/// What is done with a row that was found: the place of its key among those asked, its own key, and its bytes.
pub type Take<'t> = dyn FnMut(usize, &[u8], &[u8]) -> Fallible<()> + 't;

/// Rows to be loaded, by key, ascending.
pub type Rows<'r> = dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + 'r;

/// A row to be written to a history and, if it is newer, to what is latest.
#[derive(Debug)]
pub struct KvRow {
    /// Key in the history.
    pub history: Vec<u8>,
    /// Key among what is latest.
    pub latest: Vec<u8>,
    /// The event in the bytes that compare as it does, then the features.
    pub bytes: Vec<u8>,
}

impl KvRow {
    /// Bytes of the event, before the features.
    pub const EVENT_BYTES: usize = 8;

    /// Returns whether this row is newer than one that is there.
    pub fn is_newer(&self, than: &[u8]) -> bool {
        self.bytes.get(..Self::EVENT_BYTES) > than.get(..Self::EVENT_BYTES)
    }
}

/// A key-value store.
pub trait Kv: Send {
    /// Loads rows into an empty store, and makes it ready to be read.
    ///
    /// # Errors
    /// What the library says.
    fn load(&mut self, rows: &mut Rows<'_>) -> Fallible<()>;

    /// Takes the rows of these keys, as far as they are there.
    ///
    /// # Errors
    /// What the library or `take` says.
    fn get(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()>;

    /// Takes the first row at or after each key.
    ///
    /// # Errors
    /// What the library or `take` says.
    fn seek(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()>;

    /// Writes rows to the history and to what is latest, in one transaction.
    ///
    /// # Errors
    /// What the library says.
    fn write(&mut self, rows: &[KvRow]) -> Fallible<()>;

    /// Returns whether [`Kv::write`] looks at what is there.
    fn compares(&self) -> bool {
        true
    }
}
