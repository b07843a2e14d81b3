//! Records: some features of a row at offsets that do not depend on the row's schema version.
//!
//! A record has a fixed size, so that the answer to row *n* can be written wherever *n* comes up (a join visits rows in
//! key order), and whole runs of a stored row are copied at once. Records also travel between processes as they are:
//! docs/protocol.md has the same table.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | event timestamp |
//! | 8 | status of the row |
//! | 9.. | null bits, one a field |
//! | then | fields: fixed values as stored; others as offset (u64) and length (u32) into an arena |

use crate::catalog::FeatureView;
use crate::error::{Error, Result};
use crate::row_plan::{PlannedRow, RowPlan};
use crate::schema::{FeatureId, Place, Slot};
use crate::sink::Sink;
use crate::status::Status;
use crate::time::Timestamp;
use crate::value_type::ValueType;

const STATUS_AT: usize = 8;
const NULLS_AT: usize = 9;
const VARIABLE_FIELD_BYTES: usize = 12;

/// The layout of records of some features of a view.
#[derive(Debug, Clone)]
pub struct RecordLayout {
    stride: usize,
    /// By position in the list of features.
    fields: Vec<Field>,
}

/// The place of a feature in a record.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its type.
    pub ty: ValueType,
    /// Offset of its bytes from the start of the record.
    pub offset: usize,
    /// Its null bit.
    pub bit: usize,
}

impl RecordLayout {
    /// Lays out `features` in the order in which rows are written now, so that they are copied in long runs.
    pub(crate) fn new(view: &FeatureView, features: &[FeatureId]) -> Result<Self> {
        let current = view.current_layout();
        let mut order: Vec<usize> = (0..features.len()).collect();
        let slot_of = |index: &usize| current.slots().iter().position(|slot| slot.feature == features[*index]);
        order.sort_by_cached_key(slot_of);
        let mut fields = vec![None; features.len()];
        let mut stride = NULLS_AT + features.len().div_ceil(8);
        for (bit, index) in order.into_iter().enumerate() {
            let slot = current
                .slot(features[index])
                .ok_or_else(|| Error::not_found(format!("no feature {} in view {:?}", features[index].0, view.name)))?;
            fields[index] = Some(Field { ty: slot.ty, offset: stride, bit });
            stride += slot.ty.fixed_bytes().unwrap_or(VARIABLE_FIELD_BYTES);
        }
        Ok(RecordLayout { stride, fields: fields.into_iter().flatten().collect() })
    }

    /// Bytes of one record.
    #[inline]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes of a record before its fields.
    pub fn header_bytes(&self) -> usize {
        NULLS_AT + self.fields.len().div_ceil(8)
    }

    /// The fields, by position in the list of features.
    #[inline]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }
}

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

impl<A> RecordMut<'_, A> {
    #[inline]
    fn put_head(&mut self, event: Timestamp, status: Status) {
        self.bytes[..8].copy_from_slice(&event.as_micros().to_le_bytes());
        self.bytes[STATUS_AT] = status as u8;
    }
}

/// The plan by which rows of one schema version become records.
#[derive(Debug, Clone)]
pub(crate) struct RecordCopy {
    runs: Vec<Run>,
    /// The values of variable length, each with the offset of its field.
    variable: Vec<(Slot, usize)>,
}

/// Bytes that are adjacent in the row and in the record, of whatever types.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: usize,
    to: usize,
    len: usize,
}

impl RecordCopy {
    /// The copying of a row whose features lie in `slots`.
    pub(crate) fn compile(slots: &[Option<Slot>], layout: &RecordLayout) -> Self {
        let (mut fixed, mut variable) = (Vec::new(), Vec::new());
        for (slot, field) in slots.iter().zip(&layout.fields) {
            let Some(slot) = slot else { continue };
            match slot.place {
                Place::Fixed(from) => {
                    fixed.push(Run { from, to: field.offset, len: field.ty.fixed_bytes().unwrap_or(0) });
                }
                Place::Variable(_) => variable.push((*slot, field.offset)),
            }
        }
        fixed.sort_by_key(|run| run.to);
        let mut runs: Vec<Run> = Vec::new();
        for run in fixed {
            match runs.last_mut().filter(|last| last.from + last.len == run.from && last.to + last.len == run.to) {
                Some(last) => last.len += run.len,
                None => runs.push(run),
            }
        }
        RecordCopy { runs, variable }
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
