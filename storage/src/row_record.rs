//! Records, written and read: the sink of values as they are stored.

use crate::error::{Error, Result};
use crate::record_layout::{Field, NULLS_AT, STATUS_AT, VARIABLE_FIELD_BYTES};
use crate::row_plan::{PlannedRow, RowPlan};
use crate::sink::Sink;
use crate::status::Status;
use crate::time::Timestamp;

/// Append-only bytes to which records refer for their values of variable length.
pub trait RecordArena {
    /// Appends `bytes` and returns where they are.
    ///
    /// # Errors
    /// `Unavailable` when there is no room for them.
    fn push(&mut self, bytes: &[u8]) -> Result<u64>;
}

/// A record being written: the sink of values as they are stored. What it takes first is all that it takes.
#[derive(Debug)]
pub struct RecordMut<'a, A> {
    bytes: &'a mut [u8],
    arena: &'a mut A,
}

impl<'a, A> RecordMut<'a, A> {
    /// The record in `bytes`, whose header is zero but for its status, with an arena.
    #[inline]
    pub fn new(bytes: &'a mut [u8], arena: &'a mut A) -> Self {
        RecordMut { bytes, arena }
    }
}

/// Says in the header of a record, all else of which is zero, that nothing is known of the row.
#[inline]
pub fn mark_missing(header: &mut [u8]) {
    header[STATUS_AT] = Status::Missing as u8;
}

impl<A: RecordArena> Sink for RecordMut<'_, A> {
    #[inline]
    fn missing(&mut self, _plan: &RowPlan) {
        mark_missing(self.bytes);
    }

    #[inline]
    fn expired(&mut self, _plan: &RowPlan, event: Timestamp) {
        self.put_head(event, Status::Expired);
    }

    #[inline]
    fn present(&mut self, row: &PlannedRow<'_, '_>, event: Timestamp) -> Result<()> {
        self.put_head(event, Status::Present);
        let copy = row.record_copy();
        for run in &copy.runs {
            self.bytes[run.to..run.to + run.len].copy_from_slice(&row.bytes()[run.from..run.from + run.len]);
        }
        for (slot, at) in &copy.variable {
            let value = row.row().value_bytes(slot)?;
            let offset = self.arena.push(value)?;
            self.bytes[*at..at + 8].copy_from_slice(&offset.to_le_bytes());
            self.bytes[at + 8..at + 12].copy_from_slice(&(value.len() as u32).to_le_bytes());
        }
        if row.may_have_nulls() {
            let fields = row.plan().record().fields();
            for bit in row.nulls().map(|feature| fields[feature].bit) {
                self.bytes[NULLS_AT + bit / 8] |= 1 << (bit % 8);
            }
        }
        Ok(())
    }
}

impl<A: RecordArena> RecordMut<'_, A> {
    /// Takes a value that was computed, or that there is none: null, or what the status of the row says. A row has the
    /// status and the event that [`RecordMut::begin`] took.
    ///
    /// # Errors
    /// `Unavailable` when there is no room for it; `Internal` when it has another length than its type.
    pub fn put(&mut self, field: &Field, value: Option<&[u8]>) -> Result<()> {
        let Some(value) = value else {
            self.bytes[NULLS_AT + field.bit / 8] |= 1 << (field.bit % 8);
            return Ok(());
        };
        let at = field.offset;
        match field.ty.fixed_bytes() {
            Some(width) if width == value.len() => self.bytes[at..at + width].copy_from_slice(value),
            Some(_) => return Err(Error::internal(format!("a value of {} bytes is no {}", value.len(), field.ty))),
            None => {
                let offset = self.arena.push(value)?;
                self.bytes[at..at + 8].copy_from_slice(&offset.to_le_bytes());
                self.bytes[at + 8..at + 12].copy_from_slice(&(value.len() as u32).to_le_bytes());
            }
        }
        Ok(())
    }
}

impl<A> RecordMut<'_, A> {
    /// Takes the event and the status of a row whose values are computed.
    #[inline]
    pub fn begin(&mut self, event: Timestamp, status: Status) {
        self.put_head(event, status);
    }

    #[inline]
    fn put_head(&mut self, event: Timestamp, status: Status) {
        self.bytes[..8].copy_from_slice(&event.as_micros().to_le_bytes());
        self.bytes[STATUS_AT] = status as u8;
    }
}

/// One record, read only.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    bytes: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// The record in `bytes`, which are as many as its layout's stride.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        RecordRef { bytes }
    }

    /// The status of a field.
    #[inline]
    pub fn status(self, field: &Field) -> Status {
        match self.bytes[STATUS_AT] {
            0 if self.bytes[NULLS_AT + field.bit / 8] >> (field.bit % 8) & 1 == 1 => Status::Null,
            0 => Status::Present,
            3 => Status::Expired,
            _ => Status::Missing,
        }
    }

    /// Returns whether a field has a value.
    #[inline]
    pub fn is_present(self, field: &Field) -> bool {
        self.status(field) == Status::Present
    }

    /// Returns whether there is a row: then every field has a value or is null.
    #[inline]
    pub fn is_row_present(self) -> bool {
        self.bytes[STATUS_AT] == Status::Present as u8
    }

    /// The null bits that are set, in ascending order, of a record with a header of so many bytes.
    pub fn null_bits(self, header_bytes: usize) -> impl Iterator<Item = usize> {
        let bytes = self.bytes[NULLS_AT..header_bytes].iter().enumerate();
        bytes
            .filter(|(_, byte)| **byte != 0)
            .flat_map(|(at, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at * 8 + bit))
    }

    /// Returns whether every field has a value, of a record with a header of so many bytes.
    #[inline]
    pub fn is_complete(self, header_bytes: usize) -> bool {
        self.bytes[STATUS_AT..header_bytes].iter().all(|byte| *byte == 0)
    }

    /// The event timestamp of the version; `None` where there is none.
    #[inline]
    pub fn event(self) -> Option<Timestamp> {
        let micros = i64::from_le_bytes(self.bytes[..8].try_into().expect("8 bytes"));
        (self.bytes[STATUS_AT] != Status::Missing as u8).then(|| Timestamp::from_micros(micros))
    }

    /// The bytes of a field of `N` bytes; whatever they are where the field is not present.
    #[inline]
    pub fn fixed<const N: usize>(self, field: &Field) -> [u8; N] {
        self.bytes[field.offset..field.offset + N].try_into().expect("N bytes")
    }

    /// The bytes of a field of fixed size `width`; whatever they are where the field is not present.
    #[inline]
    pub fn fixed_bytes(self, field: &Field, width: usize) -> &'a [u8] {
        &self.bytes[field.offset..field.offset + width]
    }

    /// Returns the offset and the length in the arena of a field of variable length.
    #[inline]
    pub fn place(self, field: &Field) -> (u64, u64) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.fixed::<VARIABLE_FIELD_BYTES>(field);
        (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]).into())
    }
}
