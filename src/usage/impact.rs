//! The impact of a plan on those who read what it takes away.

use std::fmt;

use asofdb_storage::{Change, ChangeKind, Date, ObjectKind, Plan, UsageOf, UsageRow};

/// A change that takes something from its readers, or before its day: a drop, or a redefinition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impact {
    /// The change.
    pub change: Change,
    /// Those who have read of late what it is about: a row each, with all of its reads.
    pub readers: Vec<UsageRow>,
    /// The first day on which it might go, if that is still to come: its definition promises it until then.
    pub promised_until: Option<Date>,
}

impl Impact {
    /// The impacts of a plan on those who have read what it drops or redefines, by sums over days. Names match exactly;
    /// of a feature those count who have read this feature.
    pub fn of(plan: &Plan, rows: &[UsageRow]) -> Vec<Impact> {
        let changes = plan.drops().chain(plan.redefinitions());
        let promised = |change: &Change| {
            let is_drop = change.kind == ChangeKind::Drop && change.what != ObjectKind::Feature;
            plan.early_drops().find(|(name, _)| is_drop && *name == change.name).map(|(_, day)| day)
        };
        let impact = |change: &Change| Impact {
            change: change.clone(),
            readers: readers(change, rows),
            promised_until: promised(change),
        };
        let counts = |impact: &Impact| !impact.readers.is_empty() || impact.promised_until.is_some();
        changes.map(impact).filter(counts).collect()
    }

    /// Returns whether one of the names is that of what is changed, or of its view.
    pub fn is_named<S: AsRef<str>>(&self, names: &[S]) -> bool {
        let name = self.change.name.as_str();
        let view = name.split(':').next().unwrap_or_default();
        names.iter().any(|named| [name, view].contains(&named.as_ref()))
    }
}

impl fmt::Display for Impact {
    /// `feature_view stats_v1 by ranker (12 calls, last 2026-11-29T00:00:00Z), uid:1000 (...)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.change.what.as_str(), self.change.name)?;
        if let Some(day) = self.promised_until {
            write!(f, " promised until {day}")?;
        }
        if !self.readers.is_empty() {
            f.write_str(" by ")?;
        }
        for (index, row) in self.readers.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{} ({} calls, last {})", row.key.consumer, row.calls(), row.last)?;
        }
        Ok(())
    }
}

fn readers(change: &Change, rows: &[UsageRow]) -> Vec<UsageRow> {
    let of = match change.what {
        ObjectKind::Entity | ObjectKind::Policy => return Vec::new(),
        ObjectKind::FeatureService => UsageOf::Service,
        _ => UsageOf::View,
    };
    let (name, feature) = match (change.what, change.name.split_once(':')) {
        (ObjectKind::Feature, Some((view, feature))) => (view, Some(feature)),
        _ => (change.name.as_str(), None),
    };
    let is_read = |row: &UsageRow| feature.is_none_or(|feature| row.values.contains_key(feature));
    let is_of = |row: &&UsageRow| row.key.of == of && row.key.name == name && is_read(row);
    rows.iter().filter(is_of).cloned().collect()
}
