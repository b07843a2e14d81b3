//! The plan of a read: names resolved against one catalog, and the stages from stored rows to an answer.
//!
//! A read goes through stages, which are data:
//!
//! 1. [`Stored`] looks rows up by entity key and opens them into *slots*: one a feature of each view.
//! 2. [`Output`] says which slot each column of the answer shows, and what stands in for it where it has no value.
//!
//! Records ([`Records`](crate::read::record::Records)), one list a source of slots, carry values from stage to stage. A
//! slot is all that the output stage knows of a value, not how it came there; so a stage that computes values has its
//! place between the two: it reads slots and the request's own values, and its records are one more source.
//!
//! A matrix of stored numbers needs no records: the stored stage has compiled the column of each feature, and writes
//! there.

use std::sync::OnceLock;

use asofdb_storage::{Catalog, Result};

use crate::definitions::reference::{ResolvedFeature, resolve};
use crate::read::fields::AnswerFields;
use crate::read::output::{Output, OutputColumn};
use crate::read::stored::{Stored, StoredBuilder};

/// A request with its names resolved against one catalog.
#[derive(Debug)]
pub struct ReadPlan {
    /// The catalog that the names were resolved with.
    pub revision: u64,
    /// The first stage: what is read from the store.
    pub stored: Stored,
    /// The last stage: what the answer shows.
    pub output: Output,
    /// Made when first asked for: matrices and records need none.
    fields: OnceLock<AnswerFields>,
}

impl ReadPlan {
    /// Resolves references with a catalog.
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice or join keys clash.
    pub fn new<S: AsRef<str>>(catalog: &Catalog, references: &[S]) -> Result<ReadPlan> {
        let mut stored = StoredBuilder::default();
        let column = |(output, resolved): (usize, ResolvedFeature)| OutputColumn {
            slot: stored.slot(&resolved, output),
            resolved,
        };
        let columns = resolve(catalog, references)?.into_iter().enumerate().map(column).collect();
        let (revision, stored, output) = (catalog.revision(), stored.build()?, Output::new(columns));
        Ok(ReadPlan { revision, stored, output, fields: OnceLock::new() })
    }

    /// The Arrow fields of the answer's columns.
    pub(crate) fn fields(&self) -> &AnswerFields {
        self.fields.get_or_init(|| AnswerFields::new(&self.output, &self.stored))
    }
}
