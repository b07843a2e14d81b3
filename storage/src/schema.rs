//! Row schemas and the byte layout that follows from them.

use crate::value_type::{ScalarType, ValueType};

/// The permanent number of a feature within its view. Never reused, also not after the feature is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeatureId(pub u32);

/// Bytes before the null bitmap: format, flags, schema version.
pub const ROW_HEADER_BYTES: usize = 4;

/// Most features a view can have. A view is one upstream computation; thousands of columns belong into
/// several views, and a row's null bitmap stays short.
pub const FEATURES_MAX: usize = 4096;

/// The features that rows of one schema version hold, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSchema {
    /// Position of this schema in its view's list of schemas; stored in every row.
    pub version: u16,
    /// Features and their types, by ascending id.
    pub columns: Vec<(FeatureId, ValueType)>,
}

/// The slot of a feature in rows of one schema version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The feature.
    pub feature: FeatureId,
    /// Its type.
    pub ty: ValueType,
    /// Its bit in the null bitmap.
    pub bit: usize,
    /// Its bytes.
    pub place: Place,
}

/// The place of a feature's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At this offset from the start of the row.
    Fixed(usize),
    /// The n-th value of the variable section.
    Variable(usize),
}

/// The layout of rows of one schema version. Derived from the schema, never stored.
///
/// Slots are grouped by type (and by id within a type): reading all features of one type is one run over
/// adjacent bytes, and so are their null bits. See `docs/design.md` for the byte table.
#[derive(Debug, Clone)]
pub struct RowLayout {
    version: u16,
    slots: Vec<Slot>,
    variable_count: usize,
    ends_offset: usize,
}

impl RowLayout {
    /// Lays out the rows of `schema`.
    pub fn new(schema: &RowSchema) -> Self {
        let mut columns = schema.columns.clone();
        columns.sort_by_key(|(id, ty)| (ty.fixed_bytes().is_none(), scalar_rank(*ty), *id));
        let mut offset = ROW_HEADER_BYTES + columns.len().div_ceil(8);
        let mut variable_count = 0;
        let slots = columns.iter().enumerate().map(|(bit, &(feature, ty))| {
            let place = match ty.fixed_bytes() {
                Some(width) => {
                    offset += width;
                    Place::Fixed(offset - width)
                }
                None => {
                    variable_count += 1;
                    Place::Variable(variable_count - 1)
                }
            };
            Slot { feature, ty, bit, place }
        });
        let slots = slots.collect();
        RowLayout { version: schema.version, slots, variable_count, ends_offset: offset }
    }

    /// The schema version, as stored in each row.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Every slot, in the order of the bytes.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slot of a feature; `None` when rows of this schema do not hold it.
    pub fn slot(&self, feature: FeatureId) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.feature == feature)
    }

    /// Returns the number of values in the variable section.
    pub fn variable_count(&self) -> usize {
        self.variable_count
    }

    /// Offset of the table of ends of the variable section.
    pub fn ends_offset(&self) -> usize {
        self.ends_offset
    }

    /// Offset of the variable section; rows without features of variable length end here.
    pub fn variable_offset(&self) -> usize {
        self.ends_offset + 4 * self.variable_count
    }
}

fn scalar_rank(ty: ValueType) -> (bool, ScalarType) {
    match ty {
        ValueType::Scalar(scalar) => (false, scalar),
        ValueType::List(item) => (true, item),
    }
}
