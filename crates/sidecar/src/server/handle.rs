//! A request that a client has prepared.

use std::sync::Arc;

use asofdb::parts::{AskedRows, ReadPlan};
use asofdb::{Prepared, Question, Result, ScalarType, Store};
use asofdb_protocol::{Form, HandleMessage, PrepareRequest, describe, is_same_shape};

use crate::admission::Caller;
use crate::budget::FREE_BYTES;
use crate::consumers::Meter;
use crate::operation::Operation;

/// A prepared request of one connection.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) prepared: Prepared,
    pub(super) plan: Arc<ReadPlan>,
    pub(super) form: Form,
    latest: Meter,
    as_of: Meter,
    /// Bytes of an answer's row, without values of variable length.
    pub(super) row_bytes: usize,
    /// True if each request must be read by itself: an answer has values of variable length, or tells its id in the log.
    pub(super) is_read_alone: bool,
    /// The types of the join keys of each group of keys.
    key_types: Vec<Vec<ScalarType>>,
    /// The rows of the requests being answered.
    pub(super) asked: AskedRows,
}

impl Handle {
    /// Resolves the references.
    ///
    /// # Errors
    /// `NotFound` for unknown names; `Invalid` when a matrix is asked of what are no numbers.
    pub(super) fn new(store: &Store, caller: &Caller, request: PrepareRequest) -> Result<Self> {
        let (prepared, consumer) = (caller.store(store)?.prepare(&request.references)?, &caller.consumer);
        let catalog = || store.catalog();
        let plan = prepared.plan(catalog().revision(), catalog)?;
        if matches!(request.form, Form::Matrix { .. }) {
            plan.output.check_numeric()?;
        }
        let views = plan.sources.view_names();
        let types = |group: &Vec<usize>| group.iter().map(|position| plan.sources.join_keys[*position].ty).collect();
        let fields = || plan.sources.list.iter().flat_map(|planned| planned.layout().fields());
        Ok(Handle {
            latest: consumer.meter(Operation::Latest, &views),
            as_of: consumer.meter(Operation::AsOf, &views),
            row_bytes: match request.form {
                Form::Matrix { statuses, .. } => plan.output.columns.len() * if statuses { 5 } else { 4 },
                Form::Rows | Form::Identified => {
                    plan.sources.list.iter().map(|planned| planned.layout().stride()).sum()
                }
            },
            is_read_alone: match request.form {
                Form::Matrix { .. } => false,
                Form::Identified if store.served_log().is_some() => true,
                Form::Rows | Form::Identified => fields().any(|field| field.ty.fixed_bytes().is_none()),
            },
            key_types: plan.sources.key_groups.iter().map(types).collect(),
            asked: AskedRows::new(&plan),
            form: request.form,
            prepared,
            plan,
        })
    }

    /// Makes the message that describes the handle to the client.
    pub(super) fn message(&self, number: u32) -> HandleMessage {
        describe(&self.plan, number)
    }

    /// Follows the catalog. False when answers would be of another shape now, so that the client must prepare the
    /// request again.
    ///
    /// # Errors
    /// `NotFound` when a feature was dropped.
    #[inline]
    pub(super) fn refresh(&mut self, store: &Store) -> Result<bool> {
        let catalog = || store.catalog();
        let revision = catalog().revision();
        if self.plan.revision == revision { Ok(true) } else { self.refresh_to(revision, store) }
    }

    #[cold]
    fn refresh_to(&mut self, revision: u64, store: &Store) -> Result<bool> {
        let plan = self.prepared.plan(revision, || store.catalog())?;
        let is_same = is_same_shape(&describe(&plan, 0), &describe(&self.plan, 0));
        if is_same {
            self.plan = plan;
        }
        Ok(is_same)
    }

    /// Returns the meter of its requests.
    pub(super) fn meter(&self, question: Question) -> &Meter {
        match question {
            Question::Latest => &self.latest,
            Question::AsOf { .. } => &self.as_of,
        }
    }

    /// Counts so many requests as read, all of the rows that wait.
    pub(super) fn count_reads(&self, requests: usize) {
        self.prepared.count_reads(requests, self.rows());
    }

    /// Returns the number of rows that wait to be read.
    pub(super) fn rows(&self) -> usize {
        self.asked.len()
    }

    /// Adds the rows of one more request.
    ///
    /// # Errors
    /// `Invalid` when they are not rows of the request; none is added then.
    #[inline]
    pub(super) fn push_rows(&mut self, rows: usize, bytes: &[u8]) -> Result<()> {
        self.asked.read_from(&self.key_types, &self.plan.derived.request, rows, bytes)
    }

    /// Forgets the rows, keeps their memory unless there is much of it.
    pub(super) fn clear(&mut self) {
        self.asked.clear(FREE_BYTES);
    }
}
