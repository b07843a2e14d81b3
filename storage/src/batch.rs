//! Write batches: rows that become visible together or not at all.

use crate::catalog::FeatureView;
use crate::error::{Error, Result};
use crate::event_copies::EventCopies;
use crate::key;
use crate::row::{ROW_BYTES_MAX, TOMBSTONE_ROW};
use crate::time::{Span, Timestamp};

/// Most rows in one atomic batch, not counting the copies that events have in indexes. The committer holds a batch whole; larger loads are cut by `ingest`.
pub const BATCH_ROWS_MAX: usize = 1_000_000;

/// Most bytes of keys and rows in one atomic batch, not counting copies: a few batches fit into the write buffers.
pub const BATCH_BYTES_MAX: usize = 64 << 20;

/// The meaning of "written" when a write returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// Handed to the operating system: survives a crash of the process, not a power cut.
    #[default]
    Os,
    /// On disk: survives a power cut.
    Sync,
}

/// Rows of any views, and notes, that are written together.
#[derive(Debug, Default)]
pub struct WriteBatch {
    rows: Vec<Entry>,
    /// The copies of events of indexed views. They are written with the rows, and nobody who counts rows counts them.
    copies: Vec<Entry>,
    /// By view, those that have made copies.
    copiers: Vec<EventCopies>,
    arena: Vec<u8>,
    /// Bytes of keys of copies, which are in the arena, and those of their rows, which they share.
    copied_key_bytes: usize,
    copied_row_bytes: usize,
    notes: Vec<Note>,
    bulk: bool,
    is_unstamped: bool,
}

/// A named durable record beside the rows, such as how far an ingest has come; `None` removes it.
pub type Note = (Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    view: u32,
    place: Extent,
    event: Timestamp,
    created: Option<Timestamp>,
}

/// The place of an entry's key and row. Later entries have later starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) start: usize,
    key_bytes: u32,
    row_bytes: u32,
    pub(crate) key_space: u32,
    /// Bytes from the start of the row to that of the key, of a copy, which shares the row of its event. Zero where the
    /// row follows the key.
    row_before: u32,
}

/// A row whose key is in the arena of a batch from `start` on, with its content behind it.
#[cfg(feature = "rocksdb")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlacedRow {
    pub(crate) view: u32,
    pub(crate) key_space: u32,
    pub(crate) start: usize,
    pub(crate) key_bytes: u32,
    pub(crate) row_bytes: u32,
    pub(crate) event: Timestamp,
    pub(crate) created: Timestamp,
}

/// One row of a batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchRow<'a> {
    /// Id of the view.
    pub view: u32,
    /// Key space of the view.
    pub key_space: u32,
    /// Encoded entity key.
    pub key: &'a [u8],
    /// The time when the fact was true.
    pub event: Timestamp,
    /// The time when it became known; `None`: at commit.
    pub created: Option<Timestamp>,
    /// The encoded row or tombstone.
    pub row: &'a [u8],
}

impl WriteBatch {
    /// An empty batch.
    pub fn new() -> Self {
        WriteBatch::default()
    }

    /// An empty batch for [`crate::History::bulk_load`], without the limits of an atomic batch: it is sorted
    /// into files and never passes through the write buffers. The caller bounds its memory.
    pub fn bulk() -> Self {
        WriteBatch { bulk: true, ..WriteBatch::default() }
    }

    /// Adds a version of a row, or of an event, whose key is [`key::event_key`].
    ///
    /// `now` is the present by the store's clock; `created` of `None` means "when it is committed".
    ///
    /// # Errors
    /// `Invalid` when a timestamp is implausible or too far in the future, when the key, the row or the
    /// batch is over its limit, or when the key of an event is of another time. The batch is then as it was before.
    pub fn put(
        &mut self,
        view: &FeatureView,
        key: &[u8],
        event: Timestamp,
        created: Option<Timestamp>,
        row: &[u8],
        now: Timestamp,
    ) -> Result<()> {
        let entity_key = key::entity_of(view.id, key);
        WriteBatch::check(view, entity_key.len(), event, created, row.len(), now)?;
        if key::holds_events(view.id) && key::split_event_key(key).is_none_or(|(_, of, _)| of != event) {
            return Err(Error::invalid(format!("the key of an event of {event} is of another time")));
        }
        self.check_room(key.len() + row.len())?;
        let start = self.arena.len();
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(row);
        if !view.also_by.is_empty() {
            let of = BatchRow { view: view.id, key_space: view.key_space, key, event, created, row };
            if let Err(error) = self.put_copies(view, of, start + key.len()) {
                self.arena.truncate(start);
                return Err(error);
            }
        }
        self.rows.push(Entry {
            view: view.id,
            place: Extent {
                start,
                key_bytes: key.len() as u32,
                row_bytes: row.len() as u32,
                key_space: view.key_space,
                row_before: 0,
            },
            event,
            created,
        });
        self.is_unstamped |= created.is_none();
        Ok(())
    }

    /// Adds the copies of an event whose row is at the end of the arena, from `row_start` on.
    fn put_copies(&mut self, view: &FeatureView, of: BatchRow<'_>, row_start: usize) -> Result<()> {
        let copier = match self.copiers.iter().position(|copier| copier.are_of(view)) {
            Some(known) => known,
            None => {
                let none = || Error::internal(format!("view {:?} has no indexes", view.name));
                self.copiers.push(EventCopies::of(view)?.ok_or_else(none)?);
                self.copiers.len() - 1
            }
        };
        let before = self.copies.len();
        let (copies, arena) = (&mut self.copies, &mut self.arena);
        let made = self.copiers[copier].each(of.key, of.row, |copy| {
            let place = Extent {
                start: arena.len(),
                key_bytes: copy.key.len() as u32,
                row_bytes: of.row.len() as u32,
                key_space: copy.key_space,
                row_before: (arena.len() - row_start) as u32,
            };
            arena.extend_from_slice(copy.key);
            copies.push(Entry { view: copy.index, place, event: of.event, created: of.created });
            Ok(())
        });
        if made.is_err() {
            self.copies.truncate(before);
            return made;
        }
        for copy in &self.copies[before..] {
            self.copied_key_bytes += copy.place.key_bytes as usize;
            self.copied_row_bytes += copy.place.row_bytes as usize;
        }
        Ok(())
    }

    /// Checks what [`WriteBatch::put`] checks of a row, without its bytes.
    ///
    /// # Errors
    /// As [`WriteBatch::put`], but for the limits of the batch.
    #[inline]
    pub fn check(
        view: &FeatureView,
        key_bytes: usize,
        event: Timestamp,
        created: Option<Timestamp>,
        row_bytes: usize,
        now: Timestamp,
    ) -> Result<()> {
        check_time("event timestamp", event, view.max_future_skew, now)?;
        if let Some(created) = created {
            check_time("created timestamp", created, view.max_future_skew, now)?;
        }
        key::check_entity_key_length(key_bytes)?;
        if row_bytes > ROW_BYTES_MAX {
            return Err(Error::invalid(format!("a row has at most {ROW_BYTES_MAX} bytes: {row_bytes}")));
        }
        Ok(())
    }

    /// Adds a deletion: from `event` on, the row is missing.
    ///
    /// # Errors
    /// As [`WriteBatch::put`].
    pub fn delete(&mut self, view: &FeatureView, key: &[u8], event: Timestamp, now: Timestamp) -> Result<()> {
        self.put(view, key, event, None, &TOMBSTONE_ROW, now)
    }

    /// Sets or removes a note together with the rows.
    pub fn note(&mut self, name: impl Into<Vec<u8>>, value: Option<Vec<u8>>) {
        self.notes.push((name.into(), value));
    }

    fn check_room(&self, more: usize) -> Result<()> {
        if self.bulk {
            return Ok(());
        }
        if self.rows.len() == BATCH_ROWS_MAX {
            return Err(Error::invalid(format!("a batch has at most {BATCH_ROWS_MAX} rows; ingest cuts larger loads")));
        }
        if self.bytes() + more > BATCH_BYTES_MAX {
            return Err(Error::invalid(format!(
                "a batch has at most {BATCH_BYTES_MAX} bytes; ingest cuts larger loads"
            )));
        }
        Ok(())
    }

    /// The rows, in the order they were added: of two of the same version, the later one counts.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = BatchRow<'_>> {
        self.rows.iter().map(|entry| self.resolve(entry))
    }

    /// Row `index`, in the order they were added.
    pub fn row(&self, index: usize) -> BatchRow<'_> {
        self.resolve(&self.rows[index])
    }

    /// The rows and the copies of those that have some: all that is written. Of two of the same version, the later one
    /// counts.
    pub(crate) fn written(&self) -> impl Iterator<Item = BatchRow<'_>> {
        self.rows.iter().chain(&self.copies).map(|entry| self.resolve(entry))
    }

    /// Returns the number of rows and copies.
    pub fn written_len(&self) -> usize {
        self.rows.len() + self.copies.len()
    }

    /// Bytes of keys and rows, those of copies among them.
    pub fn written_bytes(&self) -> usize {
        self.arena.len() + self.copied_row_bytes
    }

    /// Bytes of memory that keys and rows take. A copy shares the row of its event.
    pub fn memory_bytes(&self) -> usize {
        self.arena.len()
    }

    fn resolve(&self, entry: &Entry) -> BatchRow<'_> {
        let (key, row) = self.bytes_at(entry.place);
        let Entry { view, place, event, created } = *entry;
        BatchRow { view, key_space: place.key_space, key, event, created, row }
    }

    /// Returns the place of each of [`WriteBatch::written`].
    #[cfg(feature = "rocksdb")]
    pub(crate) fn places(&self) -> impl Iterator<Item = Extent> {
        self.rows.iter().chain(&self.copies).map(|entry| entry.place)
    }

    /// The key and the row at a place.
    #[inline]
    pub(crate) fn bytes_at(&self, place: Extent) -> (&[u8], &[u8]) {
        let key_end = place.start + place.key_bytes as usize;
        let row_start = if place.row_before == 0 { key_end } else { place.start - place.row_before as usize };
        (&self.arena[place.start..key_end], &self.arena[row_start..row_start + place.row_bytes as usize])
    }

    /// Returns whether a row has no created timestamp of its own, so that it gets that of the commit.
    pub fn is_unstamped(&self) -> bool {
        self.is_unstamped
    }

    /// A bulk batch whose keys and rows are in `arena` already: [`WriteBatch::place`] says where.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn of_arena(arena: Vec<u8>) -> Self {
        WriteBatch { arena, ..WriteBatch::bulk() }
    }

    /// The bytes that the batch has, for another one.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn into_arena(self) -> Vec<u8> {
        self.arena
    }

    /// Adds a row that is in the arena and has passed all checks; a copy is a row of its own here.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn place(&mut self, row: &PlacedRow) {
        let PlacedRow { view, key_space, start, key_bytes, row_bytes, event, created } = *row;
        let place = Extent { start, key_bytes, row_bytes, key_space, row_before: 0 };
        self.rows.push(Entry { view, place, event, created: Some(created) });
    }

    /// The notes.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Returns the number of rows. Copies are none.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.notes.is_empty()
    }

    /// Bytes of keys and rows, without copies.
    pub fn bytes(&self) -> usize {
        self.arena.len() - self.copied_key_bytes
    }
}

fn check_time(what: &str, time: Timestamp, skew: Span, now: Timestamp) -> Result<()> {
    time.check_plausible().map_err(|error| Error::invalid(format!("{what}: {}", error.message())))?;
    if time > now.plus(skew) {
        let skew = skew.to_duration();
        return Err(Error::invalid(format!("{what} is more than max_future_skew ({skew:?}) in the future: {time}")));
    }
    Ok(())
}
