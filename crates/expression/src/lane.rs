//! Lanes: the values of one register for all rows of a batch.

use crate::column::{Bools, Items, between};

/// Values of fixed width and which of them are not null. It is as long as the greatest batch so far.
#[derive(Debug, Default)]
pub(crate) struct Lane<T> {
    pub values: Vec<T>,
    pub valid: Vec<bool>,
}

impl<T: Copy + Default> Lane<T> {
    pub(crate) fn grow(&mut self, rows: usize) {
        self.values.resize(rows, T::default());
        self.valid.resize(rows, false);
    }

    /// Fills the whole lane with one value.
    pub(crate) fn fill(&mut self, value: Option<T>) {
        self.values.fill(value.unwrap_or_default());
        self.valid.fill(value.is_some());
    }

    pub(crate) fn view(&self, rows: usize) -> View<'_, T> {
        View { values: &self.values[..rows], valid: &self.valid[..rows] }
    }

    pub(crate) fn out(&mut self, rows: usize) -> Out<'_, T> {
        Out { values: &mut self.values[..rows], valid: &mut self.valid[..rows] }
    }
}

/// The rows of a lane that an operation reads. Values of nulls mean nothing.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    pub values: &'a [T],
    pub valid: &'a [bool],
}

/// The rows of a lane that an operation writes: as many as there are in each [`View`] that it reads.
pub(crate) struct Out<'a, T> {
    pub values: &'a mut [T],
    pub valid: &'a mut [bool],
}

/// Texts, or bytes: one after another, with the ends of each. Nulls are empty.
#[derive(Debug, Default)]
pub(crate) struct TextLane {
    pub offsets: Vec<i32>,
    pub bytes: Vec<u8>,
    pub valid: Vec<bool>,
}

impl TextLane {
    /// Forgets the values; rows are then pushed one by one.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.valid.clear();
        self.offsets.clear();
        self.offsets.push(0);
    }

    /// Ends a row whose bytes were appended. What goes beyond 2 GiB becomes null; the answer says whether it did not.
    pub(crate) fn end(&mut self, valid: bool) -> bool {
        let start = self.offsets.last().copied().unwrap_or(0);
        let end = i32::try_from(self.bytes.len()).ok().filter(|_| valid);
        self.bytes.truncate(end.unwrap_or(start) as usize);
        self.offsets.push(end.unwrap_or(start));
        self.valid.push(end.is_some());
        end.is_some() || !valid
    }

    fn truncate(&mut self, rows: usize) {
        self.valid.truncate(rows);
        self.offsets.truncate(rows + 1);
        self.bytes.truncate(self.offsets.last().map_or(0, |end| *end as usize));
    }

    pub(crate) fn push(&mut self, value: Option<&[u8]>) -> bool {
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.end(value.is_some())
    }

    pub(crate) fn view(&self) -> TextView<'_> {
        TextView { source: TextSource::Each { offsets: &self.offsets, bytes: &self.bytes }, valid: &self.valid }
    }
}

/// Texts that an operation reads.
#[derive(Clone, Copy)]
pub(crate) struct TextView<'a> {
    pub source: TextSource<'a>,
    pub valid: &'a [bool],
}

/// The place of texts.
#[derive(Clone, Copy)]
pub(crate) enum TextSource<'a> {
    Each {
        offsets: &'a [i32],
        bytes: &'a [u8],
    },
    /// A constant.
    Same(&'a [u8]),
}

impl<'a> TextView<'a> {
    /// The bytes of a row; those of nulls mean nothing. Offsets that lead nowhere give an empty text.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> &'a [u8] {
        match self.source {
            TextSource::Each { offsets, bytes } => between(offsets, row).and_then(|at| bytes.get(at)).unwrap_or(&[]),
            TextSource::Same(bytes) => bytes,
        }
    }
}

/// Lists: their items one after another, with the ends of each list.
#[derive(Debug, Default)]
pub(crate) struct ListLane {
    pub offsets: Vec<i32>,
    pub items: ItemBuffer,
    pub valid: Vec<bool>,
}

impl ListLane {
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.valid.clear();
        self.offsets.clear();
        self.offsets.push(0);
    }

    /// Copies a list, item by item. What goes beyond 2^31 items, or 2 GiB of text, becomes null; the answer says
    /// whether it did not.
    pub(crate) fn push(&mut self, value: Option<(Items<'_>, std::ops::Range<usize>)>) -> bool {
        let start = self.items.len();
        let has_value = value.is_some();
        let copied = value.is_some_and(|(items, mut range)| range.all(|index| self.items.push_from(&items, index)));
        let end = i32::try_from(self.items.len()).ok().filter(|_| copied);
        if end.is_none() {
            self.items.truncate(start);
        }
        // Whatever is there fits, as it was added by this function.
        self.offsets.push(end.unwrap_or(start as i32));
        self.valid.push(end.is_some());
        end.is_some() || !has_value
    }

    pub(crate) fn view(&self) -> ListView<'_> {
        ListView { offsets: Some(&self.offsets), items: self.items.view(), valid: &self.valid }
    }
}

/// Items of lists, widened.
#[derive(Debug)]
pub(crate) enum ItemBuffer {
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Texts(TextLane),
}

impl Default for ItemBuffer {
    fn default() -> Self {
        ItemBuffer::Ints(Vec::new())
    }
}

impl ItemBuffer {
    fn clear(&mut self) {
        match self {
            ItemBuffer::Bools(items) => items.clear(),
            ItemBuffer::Ints(items) => items.clear(),
            ItemBuffer::Floats(items) => items.clear(),
            ItemBuffer::Texts(items) => items.clear(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            ItemBuffer::Bools(items) => items.len(),
            ItemBuffer::Ints(items) => items.len(),
            ItemBuffer::Floats(items) => items.len(),
            ItemBuffer::Texts(items) => items.valid.len(),
        }
    }

    /// Copies an item; the answer says whether it fits.
    fn push_from(&mut self, from: &Items<'_>, index: usize) -> bool {
        match self {
            ItemBuffer::Bools(items) => items.push(from.int(index) != 0),
            ItemBuffer::Ints(items) => items.push(from.int(index)),
            ItemBuffer::Floats(items) => items.push(from.float(index)),
            ItemBuffer::Texts(items) => return items.push(Some(from.text(index))),
        }
        true
    }

    fn truncate(&mut self, count: usize) {
        match self {
            ItemBuffer::Bools(items) => items.truncate(count),
            ItemBuffer::Ints(items) => items.truncate(count),
            ItemBuffer::Floats(items) => items.truncate(count),
            ItemBuffer::Texts(items) => items.truncate(count),
        }
    }

    pub(crate) fn view(&self) -> Items<'_> {
        match self {
            ItemBuffer::Bools(items) => Items::Bool(Bools::Bytes(items)),
            ItemBuffer::Ints(items) => Items::Int64(items),
            ItemBuffer::Floats(items) => Items::Float64(items),
            ItemBuffer::Texts(items) => Items::Text { offsets: &items.offsets, bytes: &items.bytes },
        }
    }
}

/// Lists that an operation reads.
#[derive(Clone, Copy)]
pub(crate) struct ListView<'a> {
    /// `None` where each row is all of the items: a constant.
    pub offsets: Option<&'a [i32]>,
    pub items: Items<'a>,
    pub valid: &'a [bool],
}

impl ListView<'_> {
    /// The items of a row, as a range of all items that lies within them. Offsets that lead nowhere give an empty list.
    #[inline]
    pub(crate) fn range(&self, row: usize) -> std::ops::Range<usize> {
        let count = self.items.len();
        match self.offsets {
            None => 0..count,
            Some(offsets) => between(offsets, row).filter(|at| at.start <= at.end && at.end <= count).unwrap_or(0..0),
        }
    }
}
