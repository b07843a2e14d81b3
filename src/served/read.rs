//! One read that is to be logged, as it waits for the writer.

use std::sync::Arc;

use asofdb_storage::{Catalog, Result};

use crate::read::asked::AskedRows;
use crate::read::lookup::Moment;
use crate::read::plan::ReadPlan;
use crate::read::question::Question;
use crate::read::record::Records;

/// A read that was answered, with its answer.
#[derive(Debug)]
pub(crate) struct ServedRead {
    /// The id of the answer.
    pub(crate) id: String,
    pub(crate) moment: Moment,
    pub(crate) question: Question,
    pub(crate) consumer: Option<String>,
    pub(crate) references: Vec<String>,
    /// The number of the request in this process, for what is made once a request.
    pub(crate) request: u64,
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) asked: AskedRows,
    pub(crate) records: Vec<Records>,
}

impl ServedRead {
    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let records: usize = self.records.iter().map(Records::memory_bytes).sum();
        size_of::<ServedRead>() + self.asked.memory_bytes() + records
    }

    /// Copies of records.
    ///
    /// # Errors
    /// `Unavailable` when long values cannot be spilled.
    pub(crate) fn copies(records: &[Records]) -> Result<Vec<Records>> {
        records.iter().map(Records::copied).collect()
    }
}
