//! The layout of records: some features of a row at offsets that do not depend on the row's schema version.
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
use crate::schema::{FeatureId, Place, Slot};
use crate::value_type::ValueType;

/// Offset of the status of the row.
pub(crate) const STATUS_AT: usize = 8;
/// Offset of the null bits.
pub(crate) const NULLS_AT: usize = 9;
/// Bytes of a field of variable length: its offset and its length in the arena.
pub(crate) const VARIABLE_FIELD_BYTES: usize = 12;

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

/// The plan by which rows of one schema version become records.
#[derive(Debug, Clone)]
pub(crate) struct RecordCopy {
    /// The values of fixed length.
    pub(crate) runs: Vec<CopyRun>,
    /// The values of variable length, each with the offset of its field.
    pub(crate) variable: Vec<(Slot, usize)>,
}

/// Bytes that are adjacent in the row and in the record, of whatever types.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopyRun {
    /// Offset in the row.
    pub(crate) from: usize,
    /// Offset in the record.
    pub(crate) to: usize,
    /// Bytes.
    pub(crate) len: usize,
}

impl RecordCopy {
    /// The copying of a row whose features lie in `slots`.
    pub(crate) fn compile(slots: &[Option<Slot>], layout: &RecordLayout) -> Self {
        let (mut fixed, mut variable) = (Vec::new(), Vec::new());
        for (slot, field) in slots.iter().zip(&layout.fields) {
            let Some(slot) = slot else { continue };
            match slot.place {
                Place::Fixed(from) => {
                    fixed.push(CopyRun { from, to: field.offset, len: field.ty.fixed_bytes().unwrap_or(0) });
                }
                Place::Variable(_) => variable.push((*slot, field.offset)),
            }
        }
        fixed.sort_by_key(|run| run.to);
        let mut runs: Vec<CopyRun> = Vec::new();
        for run in fixed {
            match runs.last_mut().filter(|last| last.from + last.len == run.from && last.to + last.len == run.to) {
                Some(last) => last.len += run.len,
                None => runs.push(run),
            }
        }
        RecordCopy { runs, variable }
    }
}
