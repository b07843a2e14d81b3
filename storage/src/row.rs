//! The row codec: one feature is found without decoding the others.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | row format, 1 |
//! | 1 | flags: bit 0 tombstone, bit 1 the row has nulls |
//! | 2..4 | schema version, little-endian |
//! | 4.. | null bitmap, one bit a feature, set where the value is null |
//! | then | fixed section: each value at a known offset, grouped by type; zero where null |
//! | then | one `u32` a variable value: its end, counted from the start of the variable section |
//! | then | variable section |
//!
//! Values are little-endian: unlike keys they are never compared, and a run of floats is then a plain copy.
//! A tombstone is the first four bytes alone; that of an event may be followed by its values, which say which event
//! it was. Lists of fixed items are the items; lists of strings or bytes
//! are a `u32` count, one `u32` end an item, and the items.

use crate::error::{Error, Result};
use crate::schema::{Place, ROW_HEADER_BYTES, RowLayout, Slot};
use crate::value::Value;

/// The row format that this code writes, and the only one so far.
pub const ROW_FORMAT: u8 = 1;

/// Longest row in encoded bytes. RocksDB holds rows whole in memory in several places; larger values
/// belong into an object store, with a reference to them here.
pub const ROW_BYTES_MAX: usize = 1 << 20;

const TOMBSTONE: u8 = 1;
const HAS_NULLS: u8 = 2;

/// The bytes of a tombstone.
pub const TOMBSTONE_ROW: [u8; ROW_HEADER_BYTES] = [ROW_FORMAT, TOMBSTONE, 0, 0];

/// The kind of a row, which its first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// Values follow, laid out by this schema version.
    Values {
        /// The schema version the row was written with.
        schema: u16,
        /// True if any value is null: if not, the bitmap need not be looked at.
        has_nulls: bool,
    },
    /// The entity was deleted.
    Tombstone,
}

/// Reads the header of a row.
///
/// # Errors
/// `Corrupt` when the bytes are cut short or were written in another format.
#[inline]
pub fn kind(row: &[u8]) -> Result<RowKind> {
    match row {
        [ROW_FORMAT, flags, low, high, ..] if flags & !(TOMBSTONE | HAS_NULLS) == 0 => match flags & TOMBSTONE {
            0 => Ok(RowKind::Values { schema: u16::from_le_bytes([*low, *high]), has_nulls: flags & HAS_NULLS != 0 }),
            _ => Ok(RowKind::Tombstone),
        },
        _ => Err(unreadable(row)),
    }
}

/// The schema version in the header of a row, which may be a deletion with values.
///
/// # Errors
/// `Corrupt` as [`kind`].
#[inline]
pub fn schema_of(row: &[u8]) -> Result<u16> {
    match (kind(row)?, row) {
        (RowKind::Values { schema, .. }, _) => Ok(schema),
        (RowKind::Tombstone, [_, _, low, high, ..]) => Ok(u16::from_le_bytes([*low, *high])),
        (RowKind::Tombstone, _) => Err(unreadable(row)),
    }
}

/// Returns whether a row is a deletion that says by its values which event it was.
#[inline]
pub fn is_deletion_with_values(row: &[u8]) -> bool {
    row.len() > ROW_HEADER_BYTES && matches!(kind(row), Ok(RowKind::Tombstone))
}

#[cold]
fn unreadable(row: &[u8]) -> Error {
    match row.first() {
        None | Some(&ROW_FORMAT) => {
            Error::corrupt(format!("a row is cut short or has unknown flags: {} bytes", row.len()))
        }
        Some(format) => Error::corrupt(format!("a row has an unknown format: {format}")),
    }
}

/// Checks that `bytes` are a row of `layout` whose every value can be read, or a tombstone.
///
/// # Errors
/// `Corrupt` when they are not.
pub fn check(layout: &RowLayout, bytes: &[u8]) -> Result<()> {
    match kind(bytes)? {
        RowKind::Tombstone if bytes == TOMBSTONE_ROW => Ok(()),
        RowKind::Tombstone => Err(Error::corrupt("a deletion has no values")),
        RowKind::Values { .. } => check_values(layout, bytes),
    }
}

/// Checks that `bytes` are a row of events of `layout` whose every value can be read, or a deletion, with values or
/// without.
///
/// # Errors
/// `Corrupt` when they are not.
pub fn check_event(layout: &RowLayout, bytes: &[u8]) -> Result<()> {
    if bytes == TOMBSTONE_ROW { Ok(()) } else { check_values(layout, bytes) }
}

fn check_values(layout: &RowLayout, bytes: &[u8]) -> Result<()> {
    let schema = schema_of(bytes)?;
    let has_nulls = bytes[1] & HAS_NULLS != 0;
    if schema != layout.version() {
        return Err(Error::corrupt(format!("a row has schema version {schema}, not {}", layout.version())));
    }
    let row = RowRef::new(layout, bytes)?;
    let mut nulls = 0;
    for slot in layout.slots() {
        match row.get(slot)? {
            Some(value) => {
                Value::decode(slot.ty, value)?;
            }
            None => nulls += 1,
        }
    }
    match has_nulls == (nulls > 0) {
        true => Ok(()),
        false => Err(Error::corrupt("a row's flag for nulls is not what its null bits say")),
    }
}

/// A row with its layout, checked to be long enough for it.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'l, 'a> {
    layout: &'l RowLayout,
    bytes: &'a [u8],
}

impl<'l, 'a> RowRef<'l, 'a> {
    /// Checks the lengths of a row of `layout`, once, so that reading its values cannot go wrong.
    ///
    /// # Errors
    /// `Corrupt` when the row is cut short or has bytes left over.
    #[inline]
    pub fn new(layout: &'l RowLayout, bytes: &'a [u8]) -> Result<Self> {
        let row = RowRef { layout, bytes };
        let start = layout.variable_offset();
        let variable =
            if bytes.len() < start || layout.variable_count() == 0 { 0 } else { row.end(layout.variable_count() - 1) };
        if bytes.len() != start + variable {
            return Err(Error::corrupt(format!(
                "a row has {} bytes where its schema says {}",
                bytes.len(),
                start + variable
            )));
        }
        Ok(row)
    }

    /// All bytes of the row.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    fn end(&self, index: usize) -> usize {
        let at = self.layout.ends_offset() + 4 * index;
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("4 bytes")) as usize
    }

    /// Returns whether the value in `slot` is null.
    #[inline]
    pub fn is_null(&self, slot: &Slot) -> bool {
        self.bytes[ROW_HEADER_BYTES + slot.bit / 8] >> (slot.bit % 8) & 1 == 1
    }

    /// The bytes of the value in `slot`; `None` where it is null.
    ///
    /// # Errors
    /// `Corrupt` when the variable section is out of order.
    #[inline]
    pub fn get(&self, slot: &Slot) -> Result<Option<&'a [u8]>> {
        if self.is_null(slot) {
            return Ok(None);
        }
        self.value_bytes(slot).map(Some)
    }

    /// The bytes of the value in `slot`, whether or not it is null.
    ///
    /// # Errors
    /// `Corrupt` when the variable section is out of order.
    #[inline]
    pub fn value_bytes(&self, slot: &Slot) -> Result<&'a [u8]> {
        match slot.place {
            Place::Fixed(offset) => Ok(&self.bytes[offset..offset + slot.ty.fixed_bytes().unwrap_or(0)]),
            Place::Variable(index) => {
                let start = if index == 0 { 0 } else { self.end(index - 1) };
                let section = &self.bytes[self.layout.variable_offset()..];
                section
                    .get(start..self.end(index))
                    .ok_or_else(|| Error::corrupt("a row's variable section is out of order"))
            }
        }
    }
}

/// Encodes one row from owned values, in the order of the layout's slots. For tests and small writes; bulk
/// writes go column by column through [`RowBlock`].
pub fn encode(layout: &RowLayout, values: &[Option<Value>], out: &mut Vec<u8>) {
    debug_assert_eq!(layout.slots().len(), values.len());
    let mut block = RowBlock::new(layout, 1);
    let mut bytes = Vec::new();
    let encoded: Vec<Option<Vec<u8>>> = values
        .iter()
        .map(|value| {
            value.as_ref().map(|value| {
                bytes.clear();
                value.encode(&mut bytes);
                bytes.clone()
            })
        })
        .collect();
    for (slot, value) in layout.slots().iter().zip(&encoded) {
        if let (Place::Variable(_), Some(value)) = (slot.place, value) {
            block.reserve(0, value.len());
        }
    }
    block.allocate();
    for (slot, value) in layout.slots().iter().zip(&encoded) {
        match value {
            Some(value) => block.put(0, slot, value),
            None => block.put_null(0, slot),
        }
    }
    out.extend_from_slice(block.row(0));
}

/// Encodes the deletion of an event from the values that say which one it was, as [`encode`] does a row.
pub fn encode_deletion(layout: &RowLayout, values: &[Option<Value>], out: &mut Vec<u8>) {
    let start = out.len();
    encode(layout, values, out);
    out[start + 1] |= TOMBSTONE;
}

/// Rows being encoded column by column.
///
/// First [`RowBlock::reserve`] room for the values of variable length, then [`RowBlock::allocate`], then put
/// every slot of every row exactly once, slots in the layout's order.
#[derive(Debug)]
pub struct RowBlock<'a> {
    layout: &'a RowLayout,
    starts: Vec<usize>,
    cursors: Vec<u32>,
    bytes: Vec<u8>,
}

impl<'a> RowBlock<'a> {
    /// Room for `rows` rows of `layout`.
    pub fn new(layout: &'a RowLayout, rows: usize) -> Self {
        let cursors = if layout.variable_count() > 0 { vec![0; rows] } else { Vec::new() };
        RowBlock { layout, starts: vec![0; rows + 1], cursors, bytes: Vec::new() }
    }

    /// Asks for `bytes` more in the variable section of a row.
    pub fn reserve(&mut self, row: usize, bytes: usize) {
        self.starts[row + 1] += bytes;
    }

    /// Allocates all rows with their headers.
    pub fn allocate(&mut self) {
        let fixed = self.layout.variable_offset();
        let mut total = 0;
        for start in &mut self.starts[1..] {
            total += fixed + *start;
            *start = total;
        }
        self.bytes.resize(total, 0);
        let [low, high] = self.layout.version().to_le_bytes();
        for &start in &self.starts[..self.starts.len() - 1] {
            self.bytes[start..start + ROW_HEADER_BYTES].copy_from_slice(&[ROW_FORMAT, 0, low, high]);
        }
    }

    /// Puts a value.
    #[inline]
    pub fn put(&mut self, row: usize, slot: &Slot, value: &[u8]) {
        let start = self.starts[row];
        match slot.place {
            Place::Fixed(offset) => self.bytes[start + offset..][..value.len()].copy_from_slice(value),
            Place::Variable(index) => {
                let from = self.cursors[row] as usize;
                self.bytes[start + self.layout.variable_offset() + from..][..value.len()].copy_from_slice(value);
                self.end_variable(row, index, value.len());
            }
        }
    }

    /// Puts a fixed value; where its width is known to the compiler, the loop over a column compiles to plain stores.
    #[inline]
    pub fn put_fixed(&mut self, row: usize, offset: usize, value: impl AsRef<[u8]>) {
        let (at, value) = (self.starts[row] + offset, value.as_ref());
        self.bytes[at..at + value.len()].copy_from_slice(value);
    }

    /// Puts a null.
    #[inline]
    pub fn put_null(&mut self, row: usize, slot: &Slot) {
        let start = self.starts[row];
        self.bytes[start + 1] |= HAS_NULLS;
        self.bytes[start + ROW_HEADER_BYTES + slot.bit / 8] |= 1 << (slot.bit % 8);
        if let Place::Variable(index) = slot.place {
            self.end_variable(row, index, 0);
        }
    }

    /// Makes a row the deletion of the event that its values tell.
    pub fn mark_deleted(&mut self, row: usize) {
        let start = self.starts[row];
        self.bytes[start + 1] |= TOMBSTONE;
    }

    fn end_variable(&mut self, row: usize, index: usize, length: usize) {
        let end = self.cursors[row] + length as u32;
        self.cursors[row] = end;
        let at = self.starts[row] + self.layout.ends_offset() + 4 * index;
        self.bytes[at..at + 4].copy_from_slice(&end.to_le_bytes());
    }

    /// The finished bytes of a row.
    pub fn row(&self, row: usize) -> &[u8] {
        &self.bytes[self.starts[row]..self.starts[row + 1]]
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{FeatureId, RowSchema};
    use crate::value_type::{ScalarType, ValueType};
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    fn scalar(ty: ScalarType) -> BoxedStrategy<Value> {
        match ty {
            ScalarType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
            ScalarType::Int32 => any::<i32>().prop_map(Value::Int32).boxed(),
            ScalarType::Int64 => any::<i64>().prop_map(Value::Int64).boxed(),
            ScalarType::Float32 => (-1e9f32..1e9).prop_map(Value::Float32).boxed(),
            ScalarType::Float64 => (-1e9f64..1e9).prop_map(Value::Float64).boxed(),
            ScalarType::String => ".{0,9}".prop_map(Value::String).boxed(),
            ScalarType::Bytes => vec(any::<u8>(), 0..9).prop_map(Value::Bytes).boxed(),
            ScalarType::Timestamp => {
                any::<i64>().prop_map(|v| Value::Timestamp(crate::time::Timestamp::from_micros(v))).boxed()
            }
            ScalarType::Date => {
                (-719_162..=2_932_896).prop_map(|days| Value::Date(crate::date::Date::from_days(days).unwrap())).boxed()
            }
        }
    }

    fn value(ty: ValueType) -> BoxedStrategy<Value> {
        match ty {
            ValueType::Scalar(ty) => scalar(ty),
            ValueType::List(item) => vec(scalar(item), 0..4).prop_map(move |v| Value::List(item, v)).boxed(),
        }
    }

    fn value_type() -> impl Strategy<Value = ValueType> {
        (0..ScalarType::ALL.len(), any::<bool>()).prop_map(|(index, list)| match list {
            true => ValueType::List(ScalarType::ALL[index]),
            false => ValueType::Scalar(ScalarType::ALL[index]),
        })
    }

    fn layout(types: &[ValueType]) -> RowLayout {
        let columns = types.iter().enumerate().map(|(id, ty)| (FeatureId(id as u32), *ty)).collect();
        RowLayout::new(&RowSchema { version: 7, columns })
    }

    fn row() -> impl Strategy<Value = (RowLayout, Vec<Option<Value>>)> {
        vec(value_type(), 0..20).prop_flat_map(|types| {
            let layout = layout(&types);
            let values = layout.slots().iter().map(|slot| option::of(value(slot.ty))).collect::<Vec<_>>();
            (Just(layout), values)
        })
    }

    fn read(layout: &RowLayout, bytes: &[u8]) -> Result<Vec<Option<Value>>> {
        let row = RowRef::new(layout, bytes)?;
        layout.slots().iter().map(|slot| row.get(slot)?.map(|b| Value::decode(slot.ty, b)).transpose()).collect()
    }

    proptest! {
        #[test]
        fn rows_of_every_type_read_back_with_their_nulls((layout, values) in row()) {
            let mut bytes = Vec::new();
            encode(&layout, &values, &mut bytes);
            let has_nulls = values.iter().any(Option::is_none);
            prop_assert_eq!(kind(&bytes).unwrap(), RowKind::Values { schema: 7, has_nulls });
            prop_assert_eq!(read(&layout, &bytes).unwrap(), values);
        }

        #[test]
        fn a_row_cut_short_or_too_long_is_corrupt((layout, values) in row(), cut in 1..9usize) {
            let mut bytes = Vec::new();
            encode(&layout, &values, &mut bytes);
            prop_assert!(read(&layout, &bytes[..bytes.len().saturating_sub(cut)]).is_err());
            bytes.extend(std::iter::repeat_n(0, cut));
            prop_assert!(read(&layout, &bytes).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(types in vec(value_type(), 0..9), bytes in vec(any::<u8>(), 0..80)) {
            let _ = kind(&bytes);
            let _ = read(&layout(&types), &bytes);
        }
    }

    #[test]
    fn tombstones_and_unknown_formats_are_told_apart() {
        assert_eq!(kind(&TOMBSTONE_ROW).unwrap(), RowKind::Tombstone);
        assert!(kind(&[2, 0, 0, 0]).unwrap_err().to_string().contains("unknown format: 2"));
        assert!(kind(&[1, 0]).is_err());
        assert!(kind(&[1, 128, 0, 0]).is_err());
    }

    #[test]
    fn golden_row_bytes_do_not_change() {
        let layout = layout(&[
            ValueType::Scalar(ScalarType::String),
            ValueType::Scalar(ScalarType::Float32),
            ValueType::Scalar(ScalarType::Bool),
            ValueType::Scalar(ScalarType::Int64),
        ]);
        let names: Vec<_> = layout.slots().iter().map(|slot| slot.feature.0).collect();
        assert_eq!(names, [2, 3, 1, 0]);
        let mut bytes = Vec::new();
        let values = [Some(Value::Bool(true)), Some(Value::Int64(-2)), None, Some(Value::String("hé".into()))];
        encode(&layout, &values, &mut bytes);
        let expected: &[u8] =
            &[1, 2, 7, 0, 0b0100, 1, 254, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 3, 0, 0, 0, b'h', 0xc3, 0xa9];
        assert_eq!(bytes, expected);
    }
}
