//! Reads of a store.

use std::sync::Arc;

use asofdb_expression::Nulls;
use asofdb_storage::{Result, Timestamp};

use super::Store;
use crate::derived::nulls::NullCounts;
use crate::read::answer::Answer;
use crate::read::asked::AskedRows;
use crate::read::lookup::{self, Engine};
use crate::read::matrix::{F32Matrix, write_records};
use crate::read::plan::ReadPlan;
use crate::read::question::Question;
use crate::read::record::Records;
use crate::read::request::{EntityRows, Prepared};
use crate::served::log::ServedLog;
use crate::served::read::ServedRead;

impl Store {
    /// The newest values of each entity's features, as of now.
    ///
    /// # Errors
    /// `NotFound` when a feature of the request was dropped; `Corrupt` when stored bytes cannot be read.
    pub fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        self.answer(request, entities, Question::Latest)
    }

    /// The values that were true at `at` (inclusive) and, with `known_at`, known by then.
    ///
    /// # Errors
    /// As [`Store::latest`].
    pub fn as_of(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
    ) -> Result<Answer> {
        self.answer(request, entities, Question::AsOf { at, known_at })
    }

    /// [`Store::latest`] into a dense matrix, ready for a model. Numbers wider than `f32` are rounded to it.
    ///
    /// # Errors
    /// `Invalid` when a feature is not a number or the matrix has another size; else as [`Store::latest`].
    pub fn latest_f32(&self, request: &Prepared, entities: &EntityRows, matrix: F32Matrix<'_>) -> Result<()> {
        self.matrix(request, entities, Question::Latest, matrix)
    }

    /// [`Store::as_of`] into a dense matrix.
    ///
    /// # Errors
    /// As [`Store::latest_f32`].
    pub fn as_of_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.matrix(request, entities, Question::AsOf { at, known_at }, matrix)
    }

    /// Counts how often each derived feature was null by itself rather than by its inputs, such as by a division by
    /// zero, since the store was opened: in reads and joins, by reference. Of more than 1,024 features the later ones
    /// count as `other`.
    pub fn expression_nulls(&self) -> Vec<(String, Nulls)> {
        self.nulls.by_feature()
    }

    pub(crate) fn null_counts(&self) -> Arc<NullCounts> {
        self.nulls.clone()
    }

    fn engine(&self) -> Engine<'_> {
        Engine { backend: self.backend(), nulls: &self.nulls, sealer: &self.sealer }
    }

    /// The log, and the id of the answer, if this read is one of those that are logged.
    #[inline]
    fn logged(&self) -> Option<(&ServedLog, String)> {
        let log = self.served.as_deref()?;
        Some((log, log.take()?))
    }

    pub(crate) fn answer(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        let answer = match self.logged() {
            None => lookup::answer(self.engine(), request, entities, question)?,
            Some(to) => self.answer_logged(to, request, entities, question)?,
        };
        request.count_reads(1, entities.len());
        Ok(answer)
    }

    #[cold]
    fn answer_logged(
        &self,
        (log, id): (&ServedLog, String),
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
    ) -> Result<Answer> {
        lookup::with_plan(self.backend(), request, |plan| {
            let (mut records, asked) = (Vec::new(), entities.asked_of(plan)?);
            let is_logged = self.read_logged((log, &id), (plan, request), asked, question, &mut records, usize::MAX)?;
            let answer = Answer::new(plan.clone(), records, entities.len());
            Ok(if is_logged { answer.with_id(id.clone()) } else { answer })
        })
    }

    /// Reads into records, and hands a copy of them to the log; tells whether it took it.
    fn read_logged(
        &self,
        (log, id): (&ServedLog, &str),
        (plan, request): (&Arc<ReadPlan>, &Prepared),
        asked: &AskedRows,
        question: Question,
        records: &mut Vec<Records>,
        variable_bytes_max: usize,
    ) -> Result<bool> {
        let moment = lookup::read_moment(self.engine(), plan, asked, question, records, variable_bytes_max)?;
        if moment.is_none() {
            lookup::read_records(self.engine(), plan, asked, question, records, variable_bytes_max)?;
        }
        request.count_records(plan, records, asked.len());
        // A copy that there is no room for takes nothing from the answer.
        let Some((moment, records)) = moment.zip(ServedRead::copies(records).ok()) else {
            log.drop_read();
            return Ok(false);
        };
        Ok(log.put(ServedRead {
            id: id.to_owned(),
            moment,
            question,
            consumer: request.meter().as_ref().map(|meter| meter.consumer().to_owned()),
            references: request.references().to_vec(),
            request: request.id(),
            plan: plan.clone(),
            catalog: self.catalog(),
            asked: asked.clone(),
            records,
        }))
    }

    pub(crate) fn matrix(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        let mut matrix = matrix;
        lookup::with_plan(self.backend(), request, |plan| {
            self.read_matrix((plan, request), entities.asked_of(plan)?, question, &mut matrix)
        })?;
        request.count_reads(1, entities.len());
        Ok(())
    }

    /// Reads into records, one list a source, whose memory is used again. Refuses answers whose values of variable
    /// length have more than `variable_bytes_max` together. Values that are not present are counted for the consumer of
    /// the request, of which this is a plan. Gives the id of the answer where it was logged.
    pub fn read_records(
        &self,
        (plan, request): (&Arc<ReadPlan>, &Prepared),
        asked: &AskedRows,
        question: Question,
        records: &mut Vec<Records>,
        variable_bytes_max: usize,
    ) -> Result<Option<String>> {
        if let Some((log, id)) = self.logged() {
            let request = (plan, request);
            let is_logged = self.read_logged((log, &id), request, asked, question, records, variable_bytes_max)?;
            return Ok(is_logged.then_some(id));
        }
        lookup::read_records(self.engine(), plan, asked, question, records, variable_bytes_max)?;
        request.count_records(plan, records, asked.len());
        Ok(None)
    }

    /// Reads into a matrix of rows × features. Values that are not present are counted for the consumer of the request,
    /// of which this is a plan.
    pub fn read_matrix(
        &self,
        (plan, request): (&Arc<ReadPlan>, &Prepared),
        asked: &AskedRows,
        question: Question,
        matrix: &mut F32Matrix<'_>,
    ) -> Result<()> {
        if let Some((log, id)) = self.logged() {
            let statuses = matrix.statuses.as_ref().map(|statuses| statuses.len());
            plan.output.check_matrix(asked.len(), matrix.values.len(), statuses)?;
            let mut records = Vec::new();
            self.read_logged((log, &id), (plan, request), asked, question, &mut records, usize::MAX)?;
            write_records(plan, &records, asked.len(), matrix);
            return Ok(());
        }
        lookup::read_matrix(self.engine(), (plan, request), asked, question, matrix)
    }
}
