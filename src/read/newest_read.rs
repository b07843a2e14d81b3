//! Reads of newest values out of something other than a store, such as memory that a sidecar shares.

use asofdb_storage::{Found, Lookup, Result, Timestamp};

use crate::read::asked::AskedRows;
use crate::read::floats::MatrixWriter;
use crate::read::matrix::F32Matrix;
use crate::read::plan::ReadPlan;
use crate::read::record::Records;
use crate::read::targets::Targets;
use crate::usage::holes::Holes;

/// A read of newest values: what to look up, and what becomes of it.
pub struct NewestRead<'a> {
    plan: &'a ReadPlan,
    asked: &'a AskedRows,
    targets: Targets<'a>,
}

/// The findings of lookups: the newest version of each, or that there is none; the outer `None` for a lookup that is
/// answered elsewhere.
pub type Known<'k> = dyn Fn(usize) -> Option<Option<Found<'k>>> + 'k;

impl<'a> NewestRead<'a> {
    /// A read by a plan; `None` where the answer has values that are computed.
    pub fn new(plan: &'a ReadPlan, asked: &'a AskedRows) -> Option<Self> {
        let targets = Targets::new(&plan.sources, &asked.groups);
        (!plan.sources.has_computed()).then_some(NewestRead { plan, asked, targets })
    }

    /// The lookups: those of a row follow each other.
    pub fn lookups(&self) -> Vec<Lookup<'a>> {
        self.targets.lookups()
    }

    /// The entity row that a lookup is of.
    pub fn row(&self, lookup: usize) -> usize {
        self.targets.place(lookup).0
    }

    /// The records of what is known as of the present `at`, one list a source, and their values that are not present. Rows
    /// that are answered elsewhere are missing, and not counted.
    ///
    /// # Errors
    /// `Corrupt` when rows cannot be read.
    pub fn records(&self, at: Timestamp, lookups: usize, known: &Known<'_>) -> Result<(Vec<Records>, Holes)> {
        let (rows, list) = (self.asked.len(), &self.plan.sources.list);
        let mut records: Vec<_> = list.iter().map(|source| Records::new(source.layout(), rows)).collect();
        let mut is_elsewhere = vec![false; rows];
        for lookup in 0..lookups {
            let (row, source) = self.targets.place(lookup);
            match known(lookup) {
                None => is_elsewhere[row] = true,
                Some(found) => list[source].write(at, found, &mut records[source].get_mut(row))?,
            }
        }
        let mut holes = Holes::new();
        holes.add_records_of(self.plan, &records, |row| !is_elsewhere[row], rows);
        Ok((records, holes))
    }

    /// Writes what is known into a matrix, and counts the values that are not present. Rows that are answered elsewhere are
    /// left as they are.
    ///
    /// # Errors
    /// As [`NewestRead::records`]; `Invalid` when a feature is not a number or the matrix has another size.
    pub fn write_matrix(
        &self,
        at: Timestamp,
        lookups: usize,
        known: &Known<'_>,
        matrix: &mut F32Matrix<'_>,
    ) -> Result<Holes> {
        let (rows, mut holes) = (self.asked.len(), Holes::new());
        let mut writer = MatrixWriter::new(self.plan, rows, matrix)?;
        writer.write_holes(&self.asked.groups, rows, Some(&mut holes));
        for lookup in 0..lookups {
            if let Some(found) = known(lookup) {
                writer.write_counted(self.targets.place(lookup), at, found, &mut holes)?;
            }
        }
        Ok(holes)
    }

    /// Takes the records of some rows from an answer for these alone.
    ///
    /// # Errors
    /// `Unavailable` when there is no room for long values.
    pub fn take_records(&self, records: &mut [Records], rows: &[usize], from: &[Records]) -> Result<()> {
        for ((source, records), from) in self.plan.sources.list.iter().zip(records).zip(from) {
            records.take_rows(source.layout(), rows, from)?;
        }
        Ok(())
    }
}
