//! Checks of views: conditions that no row may break when it is written.
//!
//! Each is tried on rows as they are stored, so that rows of a batch and rows that a client has encoded are held to the
//! same condition by the same code. A condition that is null is not broken, as in SQL.

use std::collections::BTreeMap;

use asofdb_expression::{Batch, ColumnBuffer, Computed, Error as BadExpression, Expression, Name, Program, Scratch};
use asofdb_storage::{
    Catalog, Error, FeatureView, Result, RowPlan, ScalarType, Status, Timestamp, Value, ValueType, key,
};

/// Rows that are tried at once: few enough to stay in the cache.
const ROWS_AT_A_TIME: usize = 1_024;

/// The check of one view, and the rows that are being tried.
pub struct RowCheck {
    program: Program,
    inputs: Vec<Source>,
    /// The reading of the features among the inputs.
    plan: RowPlan,
    key_types: Vec<ScalarType>,
    view: u32,
    columns: Vec<ColumnBuffer>,
    events: Vec<i64>,
    /// The number of each row that is being tried.
    rows: Vec<usize>,
    broken: Vec<usize>,
    scratch: Scratch,
}

/// The place of an input in a row.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A feature, by its position in the plan.
    Feature(usize),
    /// A join key, by its position.
    Key(usize),
    /// The event timestamp.
    Event,
}

impl RowCheck {
    /// The check of a view; `None` where it has none.
    ///
    /// # Errors
    /// `Invalid` or `NotFound` when it is no condition over columns of the view.
    pub fn of(view: &FeatureView) -> Result<Option<Self>> {
        let Some(text) = &view.check else { return Ok(None) };
        let program = compile(view, text).map_err(|bad| {
            let error = bad.located(text);
            Error::new(error.kind(), format!("the check of view {:?}: {}", view.name, error.message()))
        })?;
        let mut features = Vec::new();
        let mut source = |name: &str| {
            if let Some(feature) = view.feature(name) {
                features.push(feature.id);
                return Source::Feature(features.len() - 1);
            }
            view.join_keys.iter().position(|key| key.name == name).map_or(Source::Event, Source::Key)
        };
        let inputs: Vec<_> = program.inputs().iter().map(|input| source(&input.name.name)).collect();
        Ok(Some(RowCheck {
            inputs,
            plan: RowPlan::new(view, &features)?,
            key_types: view.key_types(),
            view: view.id,
            columns: program.inputs().iter().map(|input| ColumnBuffer::new(input.ty)).collect(),
            program,
            events: Vec::new(),
            rows: Vec::new(),
            broken: Vec::new(),
            scratch: Scratch::new(),
        }))
    }

    /// The rule that a row breaks, in words.
    pub fn rule(&self) -> String {
        format!("the check of the view is false: {}", self.program.text())
    }

    /// Adds a row to try: its number, its row key, its event and its bytes. Deletions have nothing to try.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no row of the view.
    pub fn push(&mut self, number: usize, row_key: &[u8], event: Timestamp, row: &[u8]) -> Result<()> {
        let Some(row) = self.plan.open(row)? else { return Ok(()) };
        let needs_key = self.inputs.iter().any(|source| matches!(source, Source::Key(_)));
        let keys = match needs_key {
            true => key::decode_values(&self.key_types, key::entity_of(self.view, row_key))?,
            false => Vec::new(),
        };
        for (source, column) in self.inputs.iter().zip(&mut self.columns) {
            let at = Some(event);
            match source {
                Source::Feature(position) => {
                    let value = row.get(*position)?;
                    let status = if value.is_some() { Status::Present } else { Status::Null };
                    column.push_stored(value, status, at)?;
                }
                Source::Key(position) => column.push(keys.get(*position), Status::Present, at)?,
                Source::Event => column.push(Some(&Value::Timestamp(event)), Status::Present, at)?,
            }
        }
        self.events.push(event.as_micros());
        self.rows.push(number);
        if self.rows.len() == ROWS_AT_A_TIME { self.try_rows() } else { Ok(()) }
    }

    /// Tries the rest of the rows; gives the numbers of all that broke the check since the last time, in order.
    ///
    /// # Errors
    /// `Internal` when the check cannot be evaluated, which is a bug.
    pub fn finish(&mut self) -> Result<Vec<usize>> {
        self.try_rows()?;
        Ok(std::mem::take(&mut self.broken))
    }

    fn try_rows(&mut self) -> Result<()> {
        let columns: Vec<_> = self.columns.iter().map(ColumnBuffer::column).collect();
        let batch = Batch { now: &self.events, columns: &columns };
        let outcome = self.program.evaluate(&batch, &mut self.scratch)?;
        let Computed::Bool(truths) = outcome.values else {
            return Err(Error::internal("a check that is neither true nor false"));
        };
        let is_broken = |(truth, valid): (&bool, &bool)| *valid && !*truth;
        let verdicts = truths.iter().zip(outcome.valid).map(is_broken);
        self.broken.extend(self.rows.iter().zip(verdicts).filter(|(_, is_broken)| *is_broken).map(|(row, _)| *row));
        self.columns.iter_mut().for_each(ColumnBuffer::clear);
        self.events.clear();
        self.rows.clear();
        Ok(())
    }
}

/// Refuses a catalog with a check that is no condition over the columns of its view.
///
/// # Errors
/// `Invalid` or `NotFound`: the view and what is wrong, and below it the expression with the place.
pub fn check_conditions(catalog: &Catalog) -> Result<()> {
    catalog.views().try_for_each(|view| RowCheck::of(view).map(drop))
}

/// Compiles a check over the columns of its view: features, join keys and the event timestamp.
fn compile(view: &FeatureView, text: &str) -> Result<Program, BadExpression> {
    let features = view.features.iter().map(|feature| (feature.name.as_str(), feature.ty));
    let keys = view.join_keys.iter().map(|key| (key.name.as_str(), ValueType::Scalar(key.ty)));
    let event = (view.event_column.as_str(), ValueType::Scalar(ScalarType::Timestamp));
    let name = |(name, ty): (&str, ValueType)| (Name { view: None, name: name.to_owned() }, ty);
    let scope: BTreeMap<Name, ValueType> = features.chain(keys).chain([event]).map(name).collect();
    Program::condition(&Expression::parse(text)?, &scope)
}
