//! The output stage of a read: which slot each column of the answer shows.

use std::borrow::Cow;

use asofdb_storage::{Error, MatrixNumber, Result, Value, is_numeric};

use crate::definitions::reference::ResolvedFeature;
use crate::read::slot::ValueSlot;

/// The output stage of a read.
#[derive(Debug)]
pub struct Output {
    /// The features, in the order asked.
    pub columns: Vec<OutputColumn>,
    /// The views whose features are shown, in the order of the columns, each once.
    pub(crate) views: Vec<ShownView>,
    /// By column: its default as a number, NaN where it has none.
    fills: Vec<f32>,
    /// The first column that cannot go into a matrix.
    not_numeric: Option<usize>,
}

/// A view whose features are shown.
#[derive(Debug)]
pub(crate) struct ShownView {
    /// Its name.
    pub(crate) name: String,
    /// The sources of its features: one, or of a view that is computed those of its windows or features.
    pub(crate) sources: Vec<usize>,
}

/// A column of the answer.
#[derive(Debug)]
pub struct OutputColumn {
    /// The feature that was asked for.
    pub resolved: ResolvedFeature,
    /// The slot that its values come from.
    pub slot: ValueSlot,
}

impl OutputColumn {
    /// Returns the value that stands in for one that is not present.
    #[inline]
    pub fn default(&self) -> Option<&Value> {
        self.resolved.feature.default.as_ref()
    }
}

fn shown_views(columns: &[OutputColumn]) -> Vec<ShownView> {
    let mut views: Vec<ShownView> = Vec::new();
    for OutputColumn { resolved, slot } in columns {
        let name = &resolved.view.name;
        let known = views.iter().position(|view| view.name == *name);
        let view = known.unwrap_or_else(|| {
            views.push(ShownView { name: name.clone(), sources: Vec::new() });
            views.len() - 1
        });
        if !views[view].sources.contains(&slot.source) {
            views[view].sources.push(slot.source);
        }
    }
    views
}

impl Output {
    pub(super) fn new(columns: Vec<OutputColumn>) -> Self {
        let fill = |column: &OutputColumn| column.default().and_then(f32::of).unwrap_or(f32::NAN);
        let not_numeric = columns.iter().position(|column| !is_numeric(column.resolved.feature.ty));
        Output { views: shown_views(&columns), fills: columns.iter().map(fill).collect(), not_numeric, columns }
    }

    /// Returns the number that stands in for each column's value in a matrix: its default or `fill`. A fill of NaN is
    /// prepared.
    pub(crate) fn fills(&self, fill: f32) -> Cow<'_, [f32]> {
        if fill.is_nan() {
            return Cow::Borrowed(&self.fills);
        }
        let of = |value: &f32| if value.is_nan() { fill } else { *value };
        Cow::Owned(self.fills.iter().map(of).collect())
    }

    /// Refuses plans with a feature that is not a number, naming it.
    pub fn check_numeric(&self) -> Result<()> {
        let Some(position) = self.not_numeric else { return Ok(()) };
        let resolved = &self.columns[position].resolved;
        let (reference, ty) = (resolved.reference(), resolved.feature.ty);
        Err(Error::invalid(format!("only numbers and bools go into a matrix: {reference} is {ty}")))
    }

    /// Refuses matrices of another size than the answer for so many rows, and plans with a feature that is not a
    /// number.
    pub fn check_matrix(&self, rows: usize, values: usize, statuses: Option<usize>) -> Result<()> {
        self.check_numeric()?;
        let width = self.columns.len();
        match [Some(values), statuses].into_iter().flatten().find(|size| *size != rows * width) {
            None => Ok(()),
            Some(size) => Err(Error::invalid(format!(
                "the matrix has {rows} rows of {width} features: got room for {size} values"
            ))),
        }
    }
}
