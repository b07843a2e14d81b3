//! Projected rows side by side, row-major: what reads and joins gather before they make columns.
//!
//! A record has a fixed stride, so that the answer to row *n* can be written wherever *n* comes up (a join
//! visits rows in key order) and whole runs of a stored row are copied at once. Columns are made from a
//! few thousand neighbouring records at a time, which stay in the cache.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | event timestamp |
//! | 8 | status of the row |
//! | 9.. | null bits, one a field |
//! | then | fields: fixed values as stored; others as offset (u64) and length (u32) into the arena |

use std::ops::Range;

use asofdb_storage::row::{self, RowKind, RowRef};
use asofdb_storage::{
    Error, FeatureId, FeatureView, Found, Place, Result, RowLayout, Slot, Status, Timestamp, ValueType,
};

use crate::read::arena::Arena;

const STATUS_AT: usize = 8;
const NULLS_AT: usize = 9;
const VARIABLE_FIELD_BYTES: usize = 12;

/// The layout of records of some features of a view.
#[derive(Debug, Clone)]
pub struct RecordLayout {
    stride: usize,
    /// The fields, by position in the request's list of this view's features.
    fields: Vec<Field>,
    /// The plans, by schema version of the stored row.
    plans: Vec<CopyPlan>,
}

#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub ty: ValueType,
    pub offset: usize,
    pub bit: usize,
}

/// The plan by which rows of one schema version become records.
#[derive(Debug, Clone)]
struct CopyPlan {
    layout: RowLayout,
    runs: Vec<Run>,
    variable: Vec<(Slot, usize)>,
    /// The source of each field's null bit; `None`: rows of this version lack the feature.
    nulls: Vec<(Option<Slot>, usize)>,
    complete: bool,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    from: usize,
    to: usize,
    len: usize,
}

impl RecordLayout {
    pub(crate) fn new(view: &FeatureView, features: &[FeatureId]) -> Result<Self> {
        let layouts = view.layouts();
        let current = view.current_layout();
        let mut order: Vec<usize> = (0..features.len()).collect();
        let slot_of = |index: &usize| current.slots().iter().position(|slot| slot.feature == features[*index]);
        order.sort_by_key(slot_of);
        let mut fields = vec![None; features.len()];
        let mut stride = NULLS_AT + features.len().div_ceil(8);
        for (bit, index) in order.into_iter().enumerate() {
            let slot = current
                .slot(features[index])
                .ok_or_else(|| Error::not_found(format!("no feature {} in view {:?}", features[index].0, view.name)))?;
            fields[index] = Some(Field { ty: slot.ty, offset: stride, bit });
            stride += slot.ty.fixed_bytes().unwrap_or(VARIABLE_FIELD_BYTES);
        }
        let fields: Vec<Field> = fields.into_iter().flatten().collect();
        let plans = layouts.into_iter().map(|layout| CopyPlan::new(layout, features, &fields)).collect();
        Ok(RecordLayout { stride, fields, plans })
    }

    /// Bytes of one record.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The fields, by position in the request's list of this view's features.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Writes the answer for one row: what was found as of `at`.
    #[inline]
    pub(crate) fn write(
        &self,
        view: &FeatureView,
        at: Timestamp,
        found: Option<Found<'_>>,
        record: &mut [u8],
        arena: &mut Arena,
    ) -> Result<()> {
        let Some(found) = found else {
            record[STATUS_AT] = Status::Missing as u8;
            return Ok(());
        };
        let RowKind::Values { schema, has_nulls } = row::kind(found.row)? else {
            record[STATUS_AT] = Status::Missing as u8;
            return Ok(());
        };
        record[..8].copy_from_slice(&found.version.event.as_micros().to_le_bytes());
        if view.is_expired(found.version.event, at) {
            record[STATUS_AT] = Status::Expired as u8;
            return Ok(());
        }
        record[STATUS_AT] = Status::Present as u8;
        let plan = self.plans.get(usize::from(schema)).ok_or_else(|| unknown_schema(view, schema))?;
        plan.copy(found.row, has_nulls, &self.fields, record, arena)
    }
}

#[cold]
fn unknown_schema(view: &FeatureView, schema: u16) -> Error {
    Error::corrupt(format!("view {:?}: a row has a schema version that the catalog does not know: {schema}", view.name))
}

impl CopyPlan {
    fn new(layout: RowLayout, features: &[FeatureId], fields: &[Field]) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        let mut variable = Vec::new();
        let nulls: Vec<_> = features.iter().map(|id| layout.slot(*id).copied()).zip(0..).collect();
        let mut fixed: Vec<Run> = Vec::new();
        for (slot, index) in &nulls {
            let field = fields[*index];
            match slot.map(|slot| (slot, slot.place)) {
                Some((_, Place::Fixed(from))) => {
                    fixed.push(Run { from, to: field.offset, len: field.ty.fixed_bytes().unwrap_or(0) });
                }
                Some((slot, Place::Variable(_))) => variable.push((slot, *index)),
                None => {}
            }
        }
        fixed.sort_by_key(|run| run.to);
        for run in fixed {
            match runs.last_mut().filter(|last| last.from + last.len == run.from && last.to + last.len == run.to) {
                Some(last) => last.len += run.len,
                None => runs.push(run),
            }
        }
        let complete = nulls.iter().all(|(slot, _)| slot.is_some());
        CopyPlan { layout, runs, variable, nulls, complete }
    }

    #[inline]
    fn copy(
        &self,
        bytes: &[u8],
        has_nulls: bool,
        fields: &[Field],
        record: &mut [u8],
        arena: &mut Arena,
    ) -> Result<()> {
        let row = RowRef::new(&self.layout, bytes)?;
        for run in &self.runs {
            record[run.to..run.to + run.len].copy_from_slice(&bytes[run.from..run.from + run.len]);
        }
        for (slot, index) in &self.variable {
            let value = row.value_bytes(slot)?;
            let at = fields[*index].offset;
            let offset = arena.push(value)?;
            record[at..at + 8].copy_from_slice(&offset.to_le_bytes());
            record[at + 8..at + 12].copy_from_slice(&(value.len() as u32).to_le_bytes());
        }
        if has_nulls || !self.complete {
            for (slot, index) in &self.nulls {
                if slot.as_ref().is_none_or(|slot| row.is_null(slot)) {
                    let bit = fields[*index].bit;
                    record[NULLS_AT + bit / 8] |= 1 << (bit % 8);
                }
            }
        }
        Ok(())
    }
}

/// Records of many rows of one view.
#[derive(Debug)]
pub struct Records {
    bytes: Vec<u8>,
    stride: usize,
    /// Bytes of a record before its fields.
    header: usize,
    arena: Arena,
}

/// One record, read only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The status of a field.
    #[inline]
    pub(crate) fn status(self, field: &Field) -> Status {
        match self.bytes[STATUS_AT] {
            0 if self.bytes[NULLS_AT + field.bit / 8] >> (field.bit % 8) & 1 == 1 => Status::Null,
            0 => Status::Present,
            3 => Status::Expired,
            _ => Status::Missing,
        }
    }

    #[inline]
    pub(crate) fn is_present(self, field: &Field) -> bool {
        self.status(field) == Status::Present
    }

    /// The event timestamp of the version; `None` where there is none.
    pub(crate) fn event(self) -> Option<Timestamp> {
        let micros = i64::from_le_bytes(self.bytes[..8].try_into().expect("8 bytes"));
        (self.bytes[STATUS_AT] != Status::Missing as u8).then(|| Timestamp::from_micros(micros))
    }

    /// Returns the offset and the length in the arena of a field of variable length.
    #[inline]
    fn place(self, field: &Field) -> (u64, u64) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.fixed::<VARIABLE_FIELD_BYTES>(field);
        (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]).into())
    }

    /// The bytes of a field of `N` bytes; whatever they are where the field is not present.
    #[inline]
    pub(crate) fn fixed<const N: usize>(self, field: &Field) -> [u8; N] {
        self.bytes[field.offset..field.offset + N].try_into().expect("N bytes")
    }
}

impl Records {
    /// Records of `rows` rows that nothing is known of yet: all missing.
    pub(crate) fn new(layout: &RecordLayout, rows: usize) -> Self {
        let mut bytes = vec![0; layout.stride * rows];
        bytes.chunks_exact_mut(layout.stride).for_each(|record| record[STATUS_AT] = Status::Missing as u8);
        let header = NULLS_AT + layout.fields.len().div_ceil(8);
        Records { bytes, stride: layout.stride, header, arena: Arena::default() }
    }

    /// Makes records as [`Records::new`] does, with the memory of these.
    pub(crate) fn reset(&mut self, layout: &RecordLayout, rows: usize) {
        self.stride = layout.stride;
        self.header = NULLS_AT + layout.fields.len().div_ceil(8);
        self.bytes.resize(layout.stride * rows, 0);
        self.clear(rows);
    }

    /// Makes the first `rows` records missing again, to be written anew.
    pub(crate) fn clear(&mut self, rows: usize) {
        for record in self.bytes.chunks_exact_mut(self.stride).take(rows) {
            record[..self.header].fill(0);
            record[STATUS_AT] = Status::Missing as u8;
        }
        self.arena.clear();
    }

    /// Some of the records, and all values of variable length, as they travel.
    pub fn parts_of(&self, rows: Range<usize>) -> (&[u8], &[u8]) {
        (&self.bytes[rows.start * self.stride..rows.end * self.stride], self.arena.as_slice())
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.arena.len()
    }

    /// Records that have travelled.
    ///
    /// # Errors
    /// `Corrupt` when they are not whole records, or a value of variable length lies outside of `variable`.
    pub fn from_parts(layout: &RecordLayout, rows: usize, bytes: &[u8], variable: &[u8]) -> Result<Self> {
        let corrupt = || Error::corrupt("the records of an answer are not what their layout says");
        let mut records = Records::new(layout, 0);
        if bytes.len() != layout.stride * rows {
            return Err(corrupt());
        }
        records.bytes.extend_from_slice(bytes);
        records.arena.push(variable)?;
        let is_variable = |field: &&Field| field.ty.fixed_bytes().is_none();
        for field in layout.fields.iter().filter(is_variable) {
            let is_bad = |record: Record<'_>| {
                let (offset, len) = record.place(field);
                record.is_present(field) && offset.checked_add(len).is_none_or(|end| end > variable.len() as u64)
            };
            if records.iter(0..rows).any(is_bad) {
                return Err(corrupt());
            }
        }
        Ok(records)
    }

    /// Bytes of all values of variable length.
    pub fn variable_bytes(&self) -> usize {
        self.arena.len()
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Record<'_> {
        Record { bytes: &self.bytes[row * self.stride..(row + 1) * self.stride] }
    }

    #[inline]
    pub(crate) fn iter(&self, rows: Range<usize>) -> impl Iterator<Item = Record<'_>> {
        let bytes = &self.bytes[rows.start * self.stride..rows.end * self.stride];
        bytes.chunks_exact(self.stride).map(|bytes| Record { bytes })
    }

    /// The records among `rows` where some field is not present, counted from the first.
    pub(crate) fn incomplete(&self, rows: Range<usize>) -> Vec<usize> {
        let header = STATUS_AT..self.header;
        let is_incomplete = |record: &Record<'_>| record.bytes[header.clone()].iter().any(|byte| *byte != 0);
        self.iter(rows).enumerate().filter(|(_, record)| is_incomplete(record)).map(|(row, _)| row).collect()
    }

    /// The record of a row, to be written, and the arena for its values of variable length.
    #[inline]
    pub(crate) fn get_mut(&mut self, row: usize) -> (&mut [u8], &mut Arena) {
        (&mut self.bytes[row * self.stride..(row + 1) * self.stride], &mut self.arena)
    }

    /// The stored bytes of a field in a row where it is present.
    pub(crate) fn bytes(&self, row: usize, field: &Field) -> &[u8] {
        match field.ty.fixed_bytes() {
            Some(width) => &self.get(row).bytes[field.offset..field.offset + width],
            None => self.variable(row, field),
        }
    }

    /// The bytes of a field of variable length in a row where it is present.
    pub(crate) fn variable(&self, row: usize, field: &Field) -> &[u8] {
        let (offset, len) = self.get(row).place(field);
        self.arena.get(offset, len as usize)
    }
}
