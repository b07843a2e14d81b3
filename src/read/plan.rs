//! The plan of a read: names resolved against one catalog, and the stages from stored rows to an answer.
//!
//! A read goes through stages, which are data:
//!
//! 1. [`Sources`] looks rows up by entity key and opens them into *slots*, one a feature of each view; and folds events
//!    into the slots of windows.
//! 2. [`Derived`] computes expressions over slots and over the values of the request, into slots of their own.
//! 3. [`Output`] says which slot each column of the answer shows, and what stands in for it where it has no value.
//!
//! Records ([`Records`](crate::read::record::Records)), one list a source of slots, carry values from stage to stage. A
//! slot is all that the later stages know of a value, not how it came there.
//!
//! A matrix of stored numbers needs no records: the first stage has compiled the column of each feature, and writes
//! there.

use std::sync::OnceLock;

use asofdb_storage::{Catalog, Error, FeatureId, Result};

use crate::definitions::reference::{ResolvedFeature, find_feature, resolve};
use crate::derived::plan::{Derived, Step, StepInput, compile};
use crate::read::fields::AnswerFields;
use crate::read::output::{Output, OutputColumn};
use crate::read::slot::ValueSlot;
use crate::read::sources::{Sources, SourcesBuilder};
use crate::read::warnings::warnings;

/// Most derived features that are computed from each other, one after the other.
const DERIVED_DEPTH_MAX: usize = 64;

/// A request with its names resolved against one catalog.
#[derive(Debug)]
pub struct ReadPlan {
    /// The catalog that the names were resolved with.
    pub revision: u64,
    /// The first stage: what is read from the store.
    pub sources: Sources,
    /// The second stage: what is computed from it.
    pub derived: Derived,
    /// The last stage: what the answer shows.
    pub output: Output,
    /// The warnings to those who ask for what is deprecated.
    pub warnings: Vec<String>,
    /// Made when first asked for: matrices and records need none.
    fields: OnceLock<AnswerFields>,
}

impl ReadPlan {
    /// Resolves references with a catalog.
    ///
    /// # Errors
    /// `NotFound` for unknown names, `Invalid` when a feature is named twice or join keys clash.
    pub fn new<S: AsRef<str>>(catalog: &Catalog, references: &[S]) -> Result<ReadPlan> {
        let resolved = resolve(catalog, references)?;
        let (width, warnings) = (resolved.len(), warnings(catalog, references, &resolved));
        let mut planner = Planner {
            catalog,
            sources: SourcesBuilder::default(),
            derived: Derived::default(),
            width,
            underway: Vec::new(),
        };
        let column = |(output, resolved): (usize, ResolvedFeature)| {
            let slot = planner.slot(&resolved, output)?;
            Ok(OutputColumn { slot, resolved })
        };
        let mut columns = resolved.into_iter().enumerate().map(column).collect::<Result<Vec<_>>>()?;
        let Planner { sources, mut derived, .. } = planner;
        let (sources, places) = sources.build(catalog)?;
        columns.iter_mut().for_each(|column| column.slot.source = places[column.slot.source]);
        derived.move_sources(&places);
        let (revision, output) = (catalog.revision(), Output::new(columns));
        Ok(ReadPlan { revision, sources, derived, output, warnings, fields: OnceLock::new() })
    }

    /// The Arrow fields of the answer's columns.
    pub(crate) fn fields(&self) -> &AnswerFields {
        self.fields.get_or_init(|| AnswerFields::new(&self.output))
    }
}

/// A plan in the making.
struct Planner<'c> {
    catalog: &'c Catalog,
    sources: SourcesBuilder,
    derived: Derived,
    /// The number of columns; greater outputs are shown by none.
    width: usize,
    /// The derived features whose inputs are being planned, each an input of the one before.
    underway: Vec<(u32, FeatureId)>,
}

impl Planner<'_> {
    /// The slot of a feature that column `output` shows, with all that it is computed from.
    fn slot(&mut self, resolved: &ResolvedFeature, output: usize) -> Result<ValueSlot> {
        if resolved.view.expressions().is_none() {
            return self.sources.slot(self.catalog, resolved, output);
        }
        if let Some(slot) = self.sources.computed(resolved) {
            return Ok(slot);
        }
        let name = (resolved.view.id, resolved.feature.id);
        if self.underway.contains(&name) {
            return Err(Error::invalid(format!("{} is computed from itself", resolved.reference())));
        }
        if self.underway.len() == DERIVED_DEPTH_MAX {
            let rule = format!("a feature is computed through at most {DERIVED_DEPTH_MAX} others");
            return Err(Error::invalid(format!("{rule}: {}", resolved.reference())));
        }
        self.underway.push(name);
        let program = compile(self.catalog, &resolved.view, &resolved.feature)?;
        self.derived.add_request(&resolved.view)?;
        let mut inputs = Vec::with_capacity(program.inputs().len());
        for input in program.inputs() {
            inputs.push(match &input.name.view {
                None => self.derived.request_input(&input.name)?,
                Some(view) => self.feature_input(view, &input.name.name)?,
            });
        }
        self.underway.pop();
        // Its inputs have their places before it.
        let slot = self.sources.slot(self.catalog, resolved, output)?;
        self.derived.steps.push(Step {
            reference: resolved.reference(),
            slot,
            ty: resolved.feature.ty,
            program,
            inputs,
        });
        Ok(slot)
    }

    fn feature_input(&mut self, view: &str, feature: &str) -> Result<StepInput> {
        let no_view = || Error::not_found(format!("no view is named {view:?}"));
        let view = self.catalog.view(view).ok_or_else(no_view)?.clone();
        let feature = find_feature(&view, feature)?.clone();
        let default = feature.default.as_ref().map(|value| {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            bytes
        });
        let hidden = self.width;
        let slot = self.slot(&ResolvedFeature { view, feature }, hidden)?;
        Ok(StepInput::Feature { slot, default })
    }
}
