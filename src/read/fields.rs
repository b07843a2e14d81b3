//! The Arrow fields of an answer's columns, made once a plan.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field as ArrowField, FieldRef};

use crate::definitions::reference::ResolvedFeature;
use crate::read::columns::status_type;
use crate::read::output::{Output, OutputColumn};
use crate::rows::types::{feature_field, timestamp_type};

/// The columns that an answer gives beside the features.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnswerColumns {
    /// Name every feature `view__feature`, not only where names collide.
    pub full_names: bool,
    /// Add a dictionary column `feature__status` a feature.
    pub statuses: bool,
    /// Add a column `view__event_timestamp` a view.
    pub event_timestamps: bool,
}

/// The Arrow fields of an answer's columns under each name that they may have. An answer of one row takes less time
/// than making them.
#[derive(Debug)]
pub(crate) struct AnswerFields {
    columns: Vec<ColumnFields>,
    event_timestamps: Vec<FieldRef>,
}

/// The fields of one feature.
#[derive(Debug)]
struct ColumnFields {
    /// Under the feature's name.
    short: NamedFields,
    /// Under `view__feature`.
    full: NamedFields,
    /// True if another column's feature has the same name.
    is_ambiguous: bool,
}

/// The fields of one feature under one name.
#[derive(Debug)]
struct NamedFields {
    value: FieldRef,
    status: FieldRef,
}

impl AnswerFields {
    pub(super) fn new(output: &Output) -> Self {
        let mut count = HashMap::new();
        for column in &output.columns {
            *count.entry(column.resolved.feature.name.as_str()).or_insert(0) += 1;
        }
        let fields = |column: &OutputColumn| {
            let ResolvedFeature { view, feature } = &column.resolved;
            let named = |name: String| NamedFields {
                status: Arc::new(ArrowField::new(format!("{name}__status"), status_type(), false)),
                value: Arc::new(feature_field(feature, name)),
            };
            ColumnFields {
                short: named(feature.name.clone()),
                full: named(format!("{}__{}", view.name, feature.name)),
                is_ambiguous: count[feature.name.as_str()] > 1,
            }
        };
        let event = |name: &str| ArrowField::new(format!("{name}__event_timestamp"), timestamp_type(), true);
        AnswerFields {
            columns: output.columns.iter().map(fields).collect(),
            event_timestamps: output.views.iter().map(|view| Arc::new(event(&view.name))).collect(),
        }
    }

    /// The fields of an answer: features, each with its status if asked, then event timestamps. A feature is named
    /// `view__feature` where its name would collide with another feature or with one of `taken`.
    pub(crate) fn list(&self, columns: AnswerColumns, taken: &[&str]) -> Vec<FieldRef> {
        let a_feature = 1 + usize::from(columns.statuses);
        let mut fields = Vec::with_capacity(self.columns.len() * a_feature + self.event_timestamps.len());
        for named in self.named(columns.full_names, taken) {
            fields.push(named.value.clone());
            fields.extend(columns.statuses.then(|| named.status.clone()));
        }
        if columns.event_timestamps {
            fields.extend_from_slice(&self.event_timestamps);
        }
        fields
    }

    /// The names of the features' columns: as in [`AnswerFields::list`], or `view__feature` everywhere if `full` is
    /// asked.
    pub(crate) fn names(&self, full: bool, taken: &[&str]) -> Vec<String> {
        self.named(full, taken).map(|named| named.value.name().clone()).collect()
    }

    fn named<'f>(&'f self, full: bool, taken: &'f [&str]) -> impl Iterator<Item = &'f NamedFields> {
        self.columns.iter().map(move |column| {
            let is_full = full || column.is_ambiguous || taken.contains(&column.short.value.name().as_str());
            if is_full { &column.full } else { &column.short }
        })
    }
}
