//! Checks of views: conditions that no row may break when it is written.
//!
//! Each is tried on rows as they are stored, so that rows of a batch and rows that a client has encoded are held to the
//! same condition by the same code. A condition that is null is not broken, as in SQL.

use std::collections::BTreeMap;

use asofdb_expression::{Batch, Computed, Error as BadExpression, Expression, Name, Program, Scratch};
use asofdb_storage::{Error, FeatureView, Result, Timestamp, ValueType, key};

use crate::rows::columns::{RowColumns, column_names, column_type};

/// Rows that are tried at once: few enough to stay in the cache.
const ROWS_AT_A_TIME: usize = 1_024;

/// The check of one view, and the rows that are being tried.
pub struct RowCheck {
    program: Program,
    /// The inputs of the program.
    inputs: RowColumns,
    view: u32,
    events: Vec<i64>,
    /// The number of each row that is being tried.
    rows: Vec<usize>,
    broken: Vec<usize>,
    scratch: Scratch,
}

impl RowCheck {
    /// The check of a view; `None` where it has none.
    ///
    /// # Errors
    /// `Invalid` or `NotFound` when it is no condition over columns of the view.
    pub fn of(view: &FeatureView) -> Result<Option<Self>> {
        let Some(text) = &view.check else { return Ok(None) };
        let program = condition_over(view, text).map_err(|bad| {
            let error = bad.located(text);
            Error::new(error.kind(), format!("the check of view {:?}: {}", view.name, error.message()))
        })?;
        Ok(Some(RowCheck {
            inputs: RowColumns::new(view, program.inputs().iter().map(|input| input.name.name.as_str()))?,
            view: view.id,
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
        if !self.inputs.push(key::entity_of(self.view, row_key), event, row)? {
            return Ok(());
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
        let columns = self.inputs.columns();
        let batch = Batch { now: &self.events, columns: &columns };
        let outcome = self.program.evaluate(&batch, &mut self.scratch)?;
        let Computed::Bool(truths) = outcome.values else {
            return Err(Error::internal("a check that is neither true nor false"));
        };
        let is_broken = |(truth, valid): (&bool, &bool)| *valid && !*truth;
        let verdicts = truths.iter().zip(outcome.valid).map(is_broken);
        self.broken.extend(self.rows.iter().zip(verdicts).filter(|(_, is_broken)| *is_broken).map(|(row, _)| *row));
        self.inputs.clear();
        self.events.clear();
        self.rows.clear();
        Ok(())
    }
}

/// Compiles a condition over the columns that rows of a view have: features, join keys and the event timestamp.
pub(crate) fn condition_over(view: &FeatureView, text: &str) -> Result<Program, BadExpression> {
    let name = |name: &str| Some((Name { view: None, name: name.to_owned() }, column_type(view, name)?));
    let scope: BTreeMap<Name, ValueType> = column_names(view).filter_map(name).collect();
    Program::condition(&Expression::parse(text)?, &scope)
}
