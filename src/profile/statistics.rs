//! The statistics of a view as they are told: what is kept, as far as whoever asks may see it.

use asofdb_storage::{Catalog, FeatureView, Result, ViewProfile};
use twox_hash::XxHash3_128;

use super::notes::kept;
use crate::definitions::reference::{find_feature, find_view};
use crate::served::meaning::feature_meaning;
use crate::store::Store;

/// The statistics of a view's values.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewStatistics {
    /// Name of the view.
    pub view: String,
    /// The statistics; `None` where none are kept.
    pub profile: Option<ViewProfile>,
    /// The features whose statistics are of an older definition. Of those that are there no more nothing is told.
    pub outdated: Vec<String>,
    /// The features that whoever asks may not read, and so sees no statistics of.
    pub withheld: Vec<String>,
}

impl Store {
    /// Reads the statistics that are kept of a view: see [`Session::statistics`](crate::Session::statistics).
    ///
    /// # Errors
    /// As there.
    pub fn statistics(&self, view: &str) -> Result<ViewStatistics> {
        let catalog = self.catalog();
        let view = find_view(&catalog, view)?;
        let profile = kept(self.backend(), view.id)?;
        self.told(&catalog, view, profile)
    }

    /// The statistics of a view as the consumer of this clone may see them.
    pub(super) fn told(
        &self,
        catalog: &Catalog,
        view: &FeatureView,
        profile: Option<ViewProfile>,
    ) -> Result<ViewStatistics> {
        let (view_name, outdated, withheld) = (view.name.clone(), Vec::new(), Vec::new());
        let mut told = ViewStatistics { view: view_name, profile, outdated, withheld };
        let Some(profile) = &mut told.profile else { return Ok(told) };
        for feature in std::mem::take(&mut profile.features) {
            if view.feature(&feature.name).is_none() {
                continue;
            }
            if self.check_feature_readable(catalog, view, &feature.name).is_err() {
                told.withheld.push(feature.name);
                continue;
            }
            if profile.revision != catalog.revision() && meaning(catalog, view, &feature.name)? != feature.meaning {
                told.outdated.push(feature.name.clone());
            }
            profile.features.push(feature);
        }
        Ok(told)
    }

    /// Refuses a feature, or a column of events, that the consumer of this clone may not read.
    fn check_feature_readable(&self, catalog: &Catalog, view: &FeatureView, feature: &str) -> Result<()> {
        let Some(guard) = self.guard() else { return Ok(()) };
        let feature = find_feature(view, feature)?;
        guard.check(catalog, || [(view, feature)])
    }
}

/// A hash of the meaning of a feature, or of a column of events: which is what it is by its name.
///
/// # Errors
/// `NotFound` for an unknown name; as [`feature_meaning`].
pub(super) fn meaning(catalog: &Catalog, view: &FeatureView, feature: &str) -> Result<u128> {
    let meaning = match view.holds_events() {
        false => feature_meaning(catalog, &format!("{}:{feature}", view.name))?,
        true => {
            let column = find_feature(view, feature)?;
            format!("{}:{feature} {}, view {}, column {}", view.name, column.ty, view.id, column.id.0)
        }
    };
    Ok(XxHash3_128::oneshot(meaning.as_bytes()))
}
