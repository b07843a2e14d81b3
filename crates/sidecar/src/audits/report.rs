//! The report of an audit: who wanted it, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use asofdb::{Policy, Result, Store, Timestamp};
use asofdb_platform::{Audit, AuditedFeature, Difference};
use serde_json::{Value as Json, json};

use super::run::AuditWanted;

/// Features of a report, those with the most differences; the others count together.
const FEATURES_MAX: usize = 1_000;

/// Differences in full of a report, and bytes of their values.
const EXAMPLES_ALL_MAX: usize = 1_000;
const EXAMPLES_BYTES_MAX: usize = 4 << 20;

/// The name under which features beyond [`FEATURES_MAX`] count.
const OTHERS: &str = "(others)";

/// An audit that runs, or was made.
#[derive(Debug, Clone)]
pub(crate) struct AuditReport {
    /// Counted from 1, over restarts where audits are kept.
    pub(crate) number: u64,
    /// The user who wanted it.
    pub(crate) who: String,
    pub(crate) wanted: AuditWanted,
    pub(crate) began: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) state: AuditState,
}

/// The state of an audit.
#[derive(Debug, Clone)]
pub(crate) enum AuditState {
    /// It has compared so many rows.
    Running {
        rows: u64,
    },
    Done(Arc<Audit>),
    /// It could not be made, for this reason.
    Failed(String),
}

impl AuditReport {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, AuditState::Running { .. })
    }

    /// The findings, where there are any.
    pub(crate) fn found(&self) -> Option<&Audit> {
        if let AuditState::Done(audit) = &self.state { Some(audit) } else { None }
    }

    /// Returns `running`, `done` or `failed`.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            AuditState::Running { .. } => "running",
            AuditState::Done(_) => "done",
            AuditState::Failed(_) => "failed",
        }
    }

    /// The rows that were compared so far.
    pub(crate) fn rows(&self) -> u64 {
        match &self.state {
            AuditState::Running { rows } => *rows,
            AuditState::Done(audit) => audit.rows,
            AuditState::Failed(_) => 0,
        }
    }

    /// The reason for which it failed.
    pub(crate) fn error(&self) -> Option<&str> {
        if let AuditState::Failed(error) = &self.state { Some(error) } else { None }
    }

    /// The audit in short.
    pub(crate) fn to_json(&self) -> Json {
        let found = self.found();
        json!({
            "audit": self.number,
            "state": self.word(),
            "who": self.who,
            "known": self.wanted.known(),
            "consumer": self.wanted.consumer,
            "service": self.wanted.service,
            "began": self.began.to_string(),
            "ended": self.ended.map(|ended| ended.to_string()),
            "rows": self.rows(),
            "values": found.map(Audit::values),
            "differing": found.map(Audit::differing),
            "error": self.error(),
        })
    }
}

impl AuditReport {
    /// The audit with its findings as far as a consumer may read them.
    ///
    /// # Errors
    /// `Internal` where a value cannot be written.
    pub(crate) fn to_full_json(&self, store: &Store, consumer: &str) -> Result<Json> {
        let mut json = self.to_json();
        json["found"] = match self.found() {
            Some(found) => readable(found, store, consumer)?.to_json()?,
            None => Json::Null,
        };
        Ok(json)
    }
}

/// The findings with no more features and differences than are kept.
pub(super) fn pruned(mut audit: Audit) -> Audit {
    audit.examples.truncate(EXAMPLES_ALL_MAX);
    let mut bytes = 0;
    let fits = audit.examples.iter().take_while(|example| {
        bytes += value_bytes(example);
        bytes <= EXAMPLES_BYTES_MAX
    });
    let fits = fits.count();
    audit.examples.truncate(fits);
    if audit.features.len() <= FEATURES_MAX {
        return audit;
    }
    let mut all: Vec<(String, AuditedFeature)> = std::mem::take(&mut audit.features).into_iter().collect();
    all.sort_by_key(|(_, feature)| std::cmp::Reverse(feature.differing()));
    let mut others = AuditedFeature::default();
    for (_, feature) in all.drain(FEATURES_MAX - 1..) {
        others.values += feature.values;
        for (reason, count) in feature.differences {
            *others.differences.entry(reason).or_default() += count;
        }
    }
    audit.features = all.into_iter().chain([(OTHERS.to_owned(), others)]).collect::<BTreeMap<_, _>>();
    audit
}

/// Bytes of the values of a difference, as rows store them.
fn value_bytes(example: &Difference) -> usize {
    let sides = [Some(&example.served), example.again.as_ref()];
    let values = sides.into_iter().flatten().filter_map(|side| side.value.as_ref());
    let mut bytes = Vec::new();
    values
        .chain(example.entity.iter().filter_map(|(_, value)| value.as_ref()))
        .for_each(|value| value.encode(&mut bytes));
    bytes.len()
}

/// The findings without values of features that a consumer may not read: these are counted, and not told. Neither are
/// those of features that have gone, where the policy restricts anything: whether it did them nobody knows any more.
///
/// # Errors
/// As [`Store::for_consumer`]; `Invalid` for a policy that cannot be read.
pub(crate) fn readable(audit: &Audit, store: &Store, consumer: &str) -> Result<Audit> {
    let store = store.for_consumer(consumer)?;
    let is_restricting = Policy::of(&store.catalog())?.is_some_and(|policy| policy.is_restricting());
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let mut audit = audit.clone();
    audit.examples.retain(|example| {
        let may = || {
            let has_gone = !is_defined(&store, &example.feature);
            if has_gone { !is_restricting } else { store.check_readable(&[&example.feature]).is_ok() }
        };
        *known.entry(example.feature.clone()).or_insert_with(may)
    });
    Ok(audit)
}

/// Returns whether a feature is defined.
fn is_defined(store: &Store, reference: &str) -> bool {
    let (view, name) = reference.split_once(':').unwrap_or((reference, ""));
    store.catalog().view(view).is_some_and(|view| view.feature(name).is_some())
}

#[cfg(test)]
mod tests {
    use asofdb_platform::Reason;

    use super::*;

    #[test]
    fn of_many_features_those_with_the_most_differences_are_kept_and_the_others_count_together() {
        let feature = |differing: u64| AuditedFeature { values: 100, differences: [(Reason::Late, differing)].into() };
        let features = (0..1_200).map(|number| (format!("v:f{number:04}"), feature(number))).collect();
        let kept = pruned(Audit { features, ..Audit::default() });
        assert_eq!((kept.features.len(), kept.values(), kept.differing()), (1_000, 120_000, 1_199 * 600));
        assert_eq!(kept.features[OTHERS].differing(), (0..201).sum::<u64>());
        assert!(kept.features.contains_key("v:f0201") && !kept.features.contains_key("v:f0200"));
    }
}
