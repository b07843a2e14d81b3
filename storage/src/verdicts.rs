//! Verdicts: what people have said of features that look alike.

use std::collections::{BTreeMap, BTreeSet};

use crate::problem::{At, Checked};

/// Bytes of the reason for which two features are not the same.
const REASON_BYTES_MAX: usize = 1_000;

/// What people have said of the features of a view that look like others. The default says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// By feature of the view, the features (`view:feature`) that are the same under another name.
    pub same_as: BTreeMap<String, BTreeSet<String>>,
    /// By feature of the view, the features (`view:feature`) that only look alike, each with the reason.
    pub not_same_as: BTreeMap<String, BTreeMap<String, String>>,
}

impl Verdicts {
    /// Returns whether nobody has said anything.
    pub fn is_empty(&self) -> bool {
        self.same_as.is_empty() && self.not_same_as.is_empty()
    }

    /// Returns whether there is a verdict on a feature of the view and another (`view:feature`).
    pub fn has(&self, feature: &str, other: &str) -> bool {
        self.same_as.get(feature).is_some_and(|others| others.contains(other))
            || self.not_same_as.get(feature).is_some_and(|others| others.contains_key(other))
    }

    /// Checks the verdicts of the view that `subject` describes and `name` names, among the features of all views.
    pub(crate) fn check(
        &self,
        at: &At,
        subject: &str,
        name: &str,
        features: &BTreeMap<&str, BTreeSet<String>>,
    ) -> Checked {
        let of = Of { subject, name, features };
        for (feature, others) in &self.same_as {
            let at = at.field("same_as");
            of.check_feature(&at, feature)?;
            others.iter().try_for_each(|other| of.check_pair(&at, feature, other))?;
        }
        for (feature, others) in &self.not_same_as {
            let at = at.field("not_same_as");
            of.check_feature(&at, feature)?;
            for (other, reason) in others {
                of.check_pair(&at, feature, other)?;
                of.check_reason(&at, feature, other, reason)?;
                if self.same_as.get(feature).is_some_and(|same| same.contains(other)) {
                    let rule = format!("{feature:?} and {other:?} cannot be both the same and not the same");
                    return at.invalid(format!("{subject}: {rule}"));
                }
            }
        }
        Ok(())
    }
}

/// A view whose verdicts are checked.
struct Of<'v> {
    subject: &'v str,
    name: &'v str,
    features: &'v BTreeMap<&'v str, BTreeSet<String>>,
}

impl Of<'_> {
    fn check_feature(&self, at: &At, feature: &str) -> Checked {
        let own = &self.features[self.name];
        if own.contains(feature) {
            return Ok(());
        }
        let message = format!("{} has no feature {feature:?}", self.subject);
        Err(at.unknown(message, feature, own.iter().map(String::as_str)))
    }

    fn check_pair(&self, at: &At, feature: &str, other: &str) -> Checked {
        let Some((view, named)) = other.split_once(':') else {
            return at.invalid(format!("{}: a feature is named as \"view:feature\": {other:?}", self.subject));
        };
        if (view, named) == (self.name, feature) {
            return at.invalid(format!("{}: {feature:?} cannot be compared with itself", self.subject));
        }
        let Some(features) = self.features.get(view) else {
            let message =
                format!("{}: {feature:?} is compared with {other:?}, and no such view is defined", self.subject);
            return Err(at.unknown(message, view, self.features.keys().copied()));
        };
        if features.contains(named) {
            return Ok(());
        }
        let message = format!("{}: {feature:?} is compared with {other:?}, which is not defined", self.subject);
        Err(at.unknown(message, named, features.iter().map(String::as_str)))
    }

    fn check_reason(&self, at: &At, feature: &str, other: &str, reason: &str) -> Checked {
        if !reason.trim().is_empty() && reason.len() <= REASON_BYTES_MAX {
            return Ok(());
        }
        let rule = format!("the reason why they are not the same has 1 to {REASON_BYTES_MAX} bytes");
        at.invalid(format!("{}: {feature:?} and {other:?}: {rule}", self.subject))
    }
}
