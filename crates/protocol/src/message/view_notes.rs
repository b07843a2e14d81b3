//! What people have said of a view, within messages.

use std::collections::{BTreeMap, BTreeSet};

use asofdb::{FeedSource, Schedule, Verdicts, ViewDefinition};

use super::value::SpanMessage;
use crate::codec::{Decode, Encode};

/// The verdicts on features of a view, and the files that it is fed from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct ViewNotesMessage {
    same_as: BTreeMap<String, BTreeSet<String>>,
    /// With the reasons.
    not_same_as: BTreeMap<String, BTreeMap<String, String>>,
    source: Option<FeedSourceMessage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct FeedSourceMessage {
    path: String,
    every: Option<SpanMessage>,
}

impl From<&ViewDefinition> for ViewNotesMessage {
    fn from(view: &ViewDefinition) -> Self {
        let Verdicts { same_as, not_same_as } = view.verdicts.clone();
        let source = view.source.as_ref().map(|source| FeedSourceMessage {
            path: source.path.clone(),
            every: source.schedule.map(|schedule| schedule.every.into()),
        });
        ViewNotesMessage { same_as, not_same_as, source }
    }
}

impl ViewNotesMessage {
    /// The verdicts, and the source.
    pub(super) fn into_parts(self) -> (Verdicts, Option<FeedSource>) {
        let ViewNotesMessage { same_as, not_same_as, source } = self;
        let source = source.map(|source| FeedSource {
            path: source.path,
            schedule: source.every.map(|every| Schedule { every: every.into() }),
        });
        (Verdicts { same_as, not_same_as }, source)
    }
}
