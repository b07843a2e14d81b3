//! The values that a step can read.

use crate::batch::Batch;
use crate::column::{Column, Values};
use crate::lane::{ListView, TextSource, TextView, View};
use crate::plan::{Operand, Plan};
use crate::scratch::Lanes;
use crate::types::Kind;

/// All that a step can read: the lanes that were written before it, the inputs and the constants.
#[derive(Clone, Copy)]
pub(super) struct Sight<'e> {
    pub plan: &'e Plan,
    pub batch: &'e Batch<'e>,
    pub lanes: &'e Lanes,
    pub rows: usize,
}

impl<'e> Sight<'e> {
    /// The rows that take a branch.
    #[inline]
    pub(super) fn active(&self, guard: Option<u32>) -> &'e [bool] {
        match guard {
            Some(lane) => &self.lanes.bools[lane as usize].values[..self.rows],
            None => &self.lanes.all_true[..self.rows],
        }
    }

    #[inline]
    pub(super) fn bool(&self, operand: Operand) -> View<'e, bool> {
        self.lanes.bools[operand.lane()].view(self.rows)
    }

    #[inline]
    pub(super) fn int(&self, operand: Operand) -> View<'e, i64> {
        self.lanes.ints[operand.lane()].view(self.rows)
    }

    #[inline]
    pub(super) fn float(&self, operand: Operand) -> View<'e, f64> {
        self.lanes.floats[operand.lane()].view(self.rows)
    }

    #[inline]
    pub(super) fn column(&self, operand: Operand) -> &'e Column<'e> {
        &self.batch.columns[operand.lane()]
    }

    fn constant<T>(&self, value: &'e Option<T>) -> (Option<&'e T>, &'e [bool]) {
        let valid = if value.is_some() { &self.lanes.all_true } else { &self.lanes.all_false };
        (value.as_ref(), &valid[..self.rows])
    }

    pub(super) fn text(&self, operand: Operand) -> TextView<'e> {
        match operand {
            Operand::Constant(at) => {
                let (text, valid) = self.constant(&self.plan.constants.texts[at as usize]);
                TextView { source: TextSource::Same(text.map_or(&[], Vec::as_slice)), valid }
            }
            Operand::Input(at) => {
                let valid = &self.lanes.input_valid[at as usize][..self.rows];
                let source = match self.batch.columns[at as usize].values {
                    Values::Text { offsets, bytes } | Values::Bytes { offsets, bytes } => {
                        TextSource::Each { offsets, bytes }
                    }
                    // The batch was checked: an input that is read as text is one.
                    _ => TextSource::Same(&[]),
                };
                TextView { source, valid }
            }
            operand => self.lanes.texts[operand.lane()].view(),
        }
    }

    pub(super) fn list(&self, operand: Operand) -> ListView<'e> {
        match operand {
            Operand::Constant(at) => {
                let (items, valid) = self.constant(&self.plan.constants.lists[at as usize]);
                let items = items.map_or(crate::column::Items::Int64(&[]), crate::lane::ItemBuffer::view);
                ListView { offsets: None, items, valid }
            }
            Operand::Input(at) => {
                let valid = &self.lanes.input_valid[at as usize][..self.rows];
                match self.batch.columns[at as usize].values {
                    Values::List { offsets, items, .. } => ListView { offsets: Some(offsets), items, valid },
                    // As for text.
                    _ => ListView { offsets: None, items: crate::column::Items::Int64(&[]), valid },
                }
            }
            operand => self.lanes.lists[operand.lane()].view(),
        }
    }

    /// The values of an operand that are not null.
    pub(super) fn valid(&self, kind: Kind, operand: Operand) -> &'e [bool] {
        match kind {
            Kind::Bool => self.bool(operand).valid,
            Kind::Int => self.int(operand).valid,
            Kind::Float => self.float(operand).valid,
            Kind::Text => self.text(operand).valid,
            Kind::List => self.list(operand).valid,
        }
    }
}
