//! Reading some features out of rows of any schema version, compiled once.

use crate::catalog::FeatureView;
use crate::error::{Error, Result};
use crate::row::{self, RowKind, RowRef};
use crate::schema::{FeatureId, Place, RowLayout, Slot};
use crate::status::Status;
use crate::value::{ScalarType, ValueType};

/// A list of features of one view, resolved against every schema version its rows may have.
#[derive(Debug, Clone)]
pub struct Projection {
    view: String,
    types: Vec<ValueType>,
    plans: Vec<Plan>,
}

/// The projection for rows of one schema version.
#[derive(Debug, Clone)]
struct Plan {
    layout: RowLayout,
    /// One an output; `None` where rows of this version do not hold the feature.
    slots: Vec<Option<Slot>>,
    runs: Vec<Run>,
    complete: bool,
}

/// Adjacent features of one type that go to adjacent outputs.
#[derive(Debug, Clone, Copy)]
struct Run {
    ty: ScalarType,
    offset: usize,
    output: usize,
    len: usize,
}

/// A row opened for reading through a projection.
#[derive(Debug, Clone, Copy)]
pub struct Projected<'p, 'r> {
    row: RowRef<'p, 'r>,
    slots: &'p [Option<Slot>],
}

impl<'r> Projected<'_, 'r> {
    /// The bytes of output `index`; `None` where the value is null or older than the feature.
    ///
    /// # Errors
    /// `Corrupt` when the row's variable section is out of order.
    #[inline]
    pub fn get(&self, index: usize) -> Result<Option<&'r [u8]>> {
        match &self.slots[index] {
            Some(slot) => self.row.get(slot),
            None => Ok(None),
        }
    }
}

impl Projection {
    /// Compiles the reading of `features`, in this order, from rows of `view`.
    ///
    /// # Errors
    /// `NotFound` when the view has no such feature.
    pub fn new(view: &FeatureView, features: &[FeatureId]) -> Result<Self> {
        let find = |id: &FeatureId| {
            let feature = view.features.iter().find(|feature| feature.id == *id);
            feature
                .map(|f| f.ty)
                .ok_or_else(|| Error::not_found(format!("no feature {} in view {:?}", id.0, view.name)))
        };
        let types = features.iter().map(find).collect::<Result<Vec<_>>>()?;
        let plan = |layout: RowLayout| Plan::new(layout, features);
        let plans = view.layouts().into_iter().map(plan).collect();
        Ok(Projection { view: view.name.clone(), types, plans })
    }

    /// Returns the number of outputs.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Returns whether nothing is projected.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The types of the outputs.
    pub fn types(&self) -> &[ValueType] {
        &self.types
    }

    /// Opens a row; `None` for a tombstone.
    ///
    /// # Errors
    /// `Corrupt` when the row cannot be read.
    #[inline]
    pub fn open<'p, 'r>(&'p self, bytes: &'r [u8]) -> Result<Option<Projected<'p, 'r>>> {
        match row::kind(bytes)? {
            RowKind::Tombstone => Ok(None),
            RowKind::Values { schema, .. } => {
                let plan = self.plan(schema)?;
                Ok(Some(Projected { row: RowRef::new(&plan.layout, bytes)?, slots: &plan.slots }))
            }
        }
    }

    #[inline]
    fn plan(&self, schema: u16) -> Result<&Plan> {
        self.plans.get(usize::from(schema)).ok_or_else(|| {
            Error::corrupt(format!(
                "a row of view {:?} has a schema version that the catalog does not know: {schema}",
                self.view
            ))
        })
    }

    /// Returns whether every output can be read as a number, so that [`Projection::read_f32`] may be used.
    ///
    /// # Errors
    /// `Invalid`, naming the position of the first output that is not a number.
    pub fn check_numeric(&self) -> Result<(), usize> {
        match self.types.iter().position(|ty| !is_numeric(*ty)) {
            Some(index) => Err(index),
            None => Ok(()),
        }
    }

    /// Reads a row into a dense slice of `f32`: bool as 0 and 1, wider numbers rounded to the nearest `f32`.
    /// Nulls read as the `fill` of their output. Returns false, and writes nothing, for a tombstone.
    ///
    /// `out`, `fill` and `statuses` have one item an output; the projection is numeric.
    ///
    /// # Errors
    /// `Corrupt` when the row cannot be read.
    #[inline]
    pub fn read_f32(
        &self,
        bytes: &[u8],
        fill: &[f32],
        out: &mut [f32],
        statuses: Option<&mut [Status]>,
    ) -> Result<bool> {
        let RowKind::Values { schema, has_nulls } = row::kind(bytes)? else { return Ok(false) };
        let plan = self.plan(schema)?;
        let row = RowRef::new(&plan.layout, bytes)?;
        for run in &plan.runs {
            run.read(bytes, out);
        }
        if has_nulls || !plan.complete {
            plan.fill_nulls(row, fill, out, statuses);
        } else if let Some(statuses) = statuses {
            statuses.fill(Status::Present);
        }
        Ok(true)
    }
}

/// Returns whether values of this type can go into a matrix of floats.
pub fn is_numeric(ty: ValueType) -> bool {
    matches!(ty, ValueType::Scalar(scalar) if scalar.is_numeric())
}

impl Plan {
    fn new(layout: RowLayout, features: &[FeatureId]) -> Self {
        let slots: Vec<Option<Slot>> = features.iter().map(|id| layout.slot(*id).copied()).collect();
        let mut runs: Vec<Run> = Vec::new();
        for (output, slot) in slots.iter().enumerate() {
            let Some(Slot { ty: ValueType::Scalar(ty), place: Place::Fixed(offset), .. }) = *slot else { continue };
            match runs.last_mut().filter(|run| run.continues_at(ty, offset, output)) {
                Some(run) => run.len += 1,
                None => runs.push(Run { ty, offset, output, len: 1 }),
            }
        }
        let complete = slots.iter().all(Option::is_some);
        Plan { layout, slots, runs, complete }
    }

    fn fill_nulls(&self, row: RowRef<'_, '_>, fill: &[f32], out: &mut [f32], mut statuses: Option<&mut [Status]>) {
        for (index, slot) in self.slots.iter().enumerate() {
            let null = slot.as_ref().is_none_or(|slot| row.is_null(slot));
            if null {
                out[index] = fill[index];
            }
            if let Some(statuses) = statuses.as_deref_mut() {
                statuses[index] = if null { Status::Null } else { Status::Present };
            }
        }
    }
}

impl Run {
    fn continues_at(&self, ty: ScalarType, offset: usize, output: usize) -> bool {
        let width = ty.fixed_bytes().unwrap_or(0);
        self.ty == ty && self.offset + self.len * width == offset && self.output + self.len == output
    }

    #[inline]
    fn read(&self, row: &[u8], out: &mut [f32]) {
        let out = &mut out[self.output..self.output + self.len];
        match self.ty {
            ScalarType::Float32 => copy(&row[self.offset..], out, f32::from_le_bytes),
            ScalarType::Float64 => copy(&row[self.offset..], out, |b| f64::from_le_bytes(b) as f32),
            ScalarType::Int32 => copy(&row[self.offset..], out, |b| i32::from_le_bytes(b) as f32),
            ScalarType::Int64 => copy(&row[self.offset..], out, |b| i64::from_le_bytes(b) as f32),
            ScalarType::Bool => copy(&row[self.offset..], out, |[b]| f32::from(b)),
            // Others are no numbers: see `is_numeric`.
            _ => {}
        }
    }
}

#[inline]
fn copy<const N: usize>(bytes: &[u8], out: &mut [f32], read: impl Fn([u8; N]) -> f32) {
    let bytes = &bytes[..out.len() * N];
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *out = read(*bytes);
    }
}
