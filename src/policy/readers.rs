//! Those who may read what a policy restricts by its tags.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use asofdb_storage::{Catalog, Error, Feature, FeatureId, FeatureView, Result};
use parking_lot::Mutex;

use super::restriction::Restricted;
use super::rulebook::Policy;
use crate::lineage::{Lineage, LineageFeature, LineageInput, Origin};

/// The restrictions of one catalog: of each feature the rules that it is under.
#[derive(Debug)]
struct Restrictions {
    revision: u64,
    rules: Vec<Restricted>,
    features: HashMap<(u32, FeatureId), Vec<usize>>,
}

impl Restrictions {
    fn new(catalog: &Catalog) -> Result<Self> {
        let rules = Policy::of(catalog)?.map(|policy| policy.restricted).unwrap_or_default();
        let mut features = HashMap::new();
        for view in catalog.views().filter(|_| !rules.is_empty()) {
            for (feature, under) in of_view(catalog, view, &rules)? {
                features.insert((view.id, feature), under);
            }
        }
        Ok(Restrictions { revision: catalog.revision(), rules, features })
    }

    fn check(&self, consumer: &str, view: &FeatureView, feature: &Feature) -> Result<()> {
        let under = self.features.get(&(view.id, feature.id)).into_iter().flatten();
        match under.map(|rule| &self.rules[*rule]).find(|rule| !rule.may_read(consumer)) {
            None => Ok(()),
            Some(rule) => Err(Error::denied(format!(
                "the policy does not let {consumer:?} read {}:{}, which is under {}",
                view.name,
                feature.name,
                rule.tags()
            ))),
        }
    }
}

/// The rules that each feature of a view is under: by its own tags and those of its view, or, where these say nothing,
/// by what it is computed from.
fn of_view(catalog: &Catalog, view: &FeatureView, rules: &[Restricted]) -> Result<Vec<(FeatureId, Vec<usize>)>> {
    let lineage = match view.is_stored() {
        true => None,
        false => Some(Lineage::of(catalog, &[format!("{}:*", view.name)])?),
    };
    let under = |feature: &Feature| {
        let is_under = |rule: &Restricted| match rule.holds(view, Some(feature)) {
            Some(holds) => holds,
            None => lineage.as_ref().is_some_and(|lineage| {
                let one = lineage.find(&format!("{}:{}", view.name, feature.name));
                one.is_some_and(|one| is_computed_from(lineage, one, rule))
            }),
        };
        (0..rules.len()).filter(|number| is_under(&rules[*number])).collect::<Vec<_>>()
    };
    let all = view.features.iter().map(|feature| (feature.id, under(feature)));
    Ok(all.filter(|(_, under)| !under.is_empty()).collect())
}

/// Returns whether something that a feature is computed from is under a rule. Definitions have no circles.
fn is_computed_from(lineage: &Lineage, one: &LineageFeature, rule: &Restricted) -> bool {
    one.inputs().into_iter().any(|input| match input {
        LineageInput::Request(_) => false,
        LineageInput::Events(events) => {
            let column = match &one.origin {
                Origin::Window(window) => window.of.as_ref().and_then(|name| events.feature(name)),
                _ => None,
            };
            rule.holds(events, column).unwrap_or(false)
        }
        LineageInput::Feature(input) => {
            let Some(view) = &input.name.view else { return false };
            let Some(from) = lineage.find(&format!("{view}:{}", input.name.name)) else { return false };
            rule.holds(&from.view, Some(&from.feature)).unwrap_or_else(|| is_computed_from(lineage, from, rule))
        }
    })
}

/// The restrictions of the newest catalog, kept until there is a newer one.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    newest: Mutex<Option<Arc<Restrictions>>>,
}

impl Readers {
    /// Refuses a consumer that may not read one of some features.
    ///
    /// # Errors
    /// `Denied`, naming the consumer, the feature and the tags; `Invalid` when the policy cannot be read.
    fn check<'f, F>(&self, catalog: &Catalog, consumer: &str, features: impl FnOnce() -> F) -> Result<()>
    where
        F: IntoIterator<Item = (&'f FeatureView, &'f Feature)>,
    {
        match self.restrictions(catalog)? {
            None => Ok(()),
            Some(known) => features().into_iter().try_for_each(|(view, feature)| known.check(consumer, view, feature)),
        }
    }

    /// The views of a catalog of which some consumers may not read all, by their ids.
    ///
    /// # Errors
    /// `Invalid` when the policy cannot be read.
    pub(crate) fn restricted_views(&self, catalog: &Catalog) -> Result<Vec<u32>> {
        let known = self.restrictions(catalog)?;
        let views: BTreeSet<u32> =
            known.iter().flat_map(|known| known.features.keys().map(|(view, _)| *view)).collect();
        Ok(views.into_iter().collect())
    }

    /// The restrictions of a catalog; `None` where nothing is restricted.
    fn restrictions(&self, catalog: &Catalog) -> Result<Option<Arc<Restrictions>>> {
        if catalog.policy().is_none() {
            return Ok(None);
        }
        let known = self.newest.lock().clone();
        let known = match known.filter(|known| known.revision == catalog.revision()) {
            Some(known) => known,
            None => {
                let made = Arc::new(Restrictions::new(catalog)?);
                *self.newest.lock() = Some(made.clone());
                made
            }
        };
        Ok((!known.features.is_empty()).then_some(known))
    }
}

/// The consumer that a request reads for, and what it may read.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) readers: Arc<Readers>,
    pub(crate) consumer: Arc<str>,
}

impl Guard {
    /// Refuses features of a catalog of which the consumer may not read one.
    ///
    /// # Errors
    /// As [`Readers::check`].
    pub(crate) fn check<'f, F>(&self, catalog: &Catalog, features: impl FnOnce() -> F) -> Result<()>
    where
        F: IntoIterator<Item = (&'f FeatureView, &'f Feature)>,
    {
        self.readers.check(catalog, &self.consumer, features)
    }
}
