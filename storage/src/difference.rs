//! Differences between two forms of a thing in the catalog, in words for the lines of a plan.

use std::collections::BTreeSet;
use std::fmt;

use crate::catalog::{Entity, Feature, FeatureService, FeatureView, JoinKey};
use crate::feed_source::FeedSource;
use crate::schema::FeatureId;
use crate::time::Span;
use crate::value::Value;

pub(crate) fn key_list(keys: &[JoinKey]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("{} {}", key.name, key.ty)).collect();
    keys.join(", ")
}

/// Longest value in bytes that a change shows before and after.
const SHOWN_BYTES_MAX: usize = 60;

/// The differences between the old and the new form of a thing, one text a property.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    /// A property, shown before and after if it is short.
    fn show(&mut self, what: &str, old: impl fmt::Display, new: impl fmt::Display) {
        let (old, new) = (old.to_string(), new.to_string());
        if old.len().max(new.len()) > SHOWN_BYTES_MAX {
            self.note(what, &old, &new);
        } else if old != new {
            self.0.push(format!("{what} {old} -> {new}"));
        }
    }

    /// A property whose values are too long for a line.
    fn note<T: PartialEq + ?Sized>(&mut self, what: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(what.to_owned());
        }
    }
}

pub(crate) fn of_entities(old: &Entity, new: &Entity) -> Vec<String> {
    let mut differences = Differences::default();
    differences.show("join keys", key_list(&old.join_keys), key_list(&new.join_keys));
    differences.note("description", &old.description, &new.description);
    differences.note("tags", &old.tags, &new.tags);
    differences.0
}

/// Lists the differences between two forms of a view, other than which features it has.
pub(crate) fn of_views(old: &FeatureView, new: &FeatureView) -> Vec<String> {
    let span = |span: Option<Span>| span.map_or("none".to_owned(), |span| span.to_string());
    let created =
        |view: &FeatureView| view.created_column.as_ref().map_or("none".to_owned(), |name| format!("{name:?}"));
    let mut differences = Differences::default();
    differences.show("ttl", span(old.ttl), span(new.ttl));
    differences.show("retention", span(old.retention), span(new.retention));
    differences.show("keep_newest", old.keep_newest, new.keep_newest);
    differences.show("max_future_skew", old.max_future_skew, new.max_future_skew);
    differences.show("event_timestamp", format!("{:?}", old.event_column), format!("{:?}", new.event_column));
    differences.show("created_timestamp", created(old), created(new));
    let check = |view: &FeatureView| view.check.as_ref().map_or("none".to_owned(), |check| format!("{check:?}"));
    differences.show("check", check(old), check(new));
    let freshness = |view: &FeatureView| view.freshness.map_or("none".to_owned(), |freshness| freshness.to_string());
    differences.show("freshness", freshness(old), freshness(new));
    differences.show("status", &old.life, &new.life);
    differences.note("same_as", &old.verdicts.same_as, &new.verdicts.same_as);
    differences.note("not_same_as", &old.verdicts.not_same_as, &new.verdicts.not_same_as);
    let source = |view: &FeatureView| view.source.as_ref().map_or("none".to_owned(), FeedSource::to_string);
    differences.show("source", source(old), source(new));
    differences.show("hot", old.hot, new.hot);
    let request = |view: &FeatureView| view.expressions().map(|expressions| expressions.request.clone());
    differences.note("request", &request(old), &request(new));
    differences.show("owner", format!("{:?}", old.owner), format!("{:?}", new.owner));
    differences.show("team", format!("{:?}", old.team), format!("{:?}", new.team));
    differences.note("description", &old.description, &new.description);
    differences.note("tags", &old.tags, &new.tags);
    let order = if new.holds_events() { "order of columns" } else { "order of features" };
    differences.note(order, &common_order(old, new), &common_order(new, old));
    differences.0
}

/// The features of `view` that `other` has too, in the order of `view`.
fn common_order(view: &FeatureView, other: &FeatureView) -> Vec<FeatureId> {
    let others: BTreeSet<FeatureId> = other.features.iter().map(|feature| feature.id).collect();
    view.features.iter().map(|feature| feature.id).filter(|id| others.contains(id)).collect()
}

pub(crate) fn of_features(old: &Feature, new: &Feature) -> Vec<String> {
    let default = |value: &Option<Value>| value.as_ref().map_or("none".to_owned(), Value::to_string);
    let mut differences = Differences::default();
    differences.show("default", default(&old.default), default(&new.default));
    differences.note("description", &old.description, &new.description);
    differences.note("tags", &old.tags, &new.tags);
    differences.0
}

pub(crate) fn of_services(old: &FeatureService, new: &FeatureService) -> Vec<String> {
    let mut differences = Differences::default();
    differences.show("status", &old.life, &new.life);
    differences.show("owner", format!("{:?}", old.owner), format!("{:?}", new.owner));
    differences.note("description", &old.description, &new.description);
    differences.note("tags", &old.tags, &new.tags);
    let missing = |from: &FeatureService, other: &FeatureService, sign: char| {
        let names = from.features.iter().filter(|name| !other.features.contains(name));
        names.map(|name| format!("{sign}{name}")).collect::<Vec<_>>()
    };
    let (added, removed) = (missing(new, old, '+'), missing(old, new, '-'));
    if added.is_empty() && removed.is_empty() {
        differences.note("order of features", &old.features, &new.features);
    }
    differences.0.extend(added);
    differences.0.extend(removed);
    differences.0
}
