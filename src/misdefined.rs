//! Definitions whose conditions or expressions cannot be evaluated, and where.

use asofdb_storage::{Catalog, Error, FeatureView, Result, Step};

use crate::definitions::check::{RowCheck, condition_over};
use crate::read::plan::ReadPlan;

/// A view that cannot be evaluated.
#[derive(Debug)]
pub(crate) struct Misdefined {
    /// The way to the place within the view.
    pub(crate) path: Vec<Step>,
    /// The thing and the rule; of an expression, with its place in lines below.
    pub(crate) error: Error,
}

/// Refuses a catalog with a condition or an expression that cannot be evaluated.
///
/// # Errors
/// `Invalid` or `NotFound`: the view and what is wrong, and below it the expression with the place.
pub fn check_conditions(catalog: &Catalog) -> Result<()> {
    catalog.views().try_for_each(|view| check_view(catalog, view)).map_err(|misdefined| misdefined.error)
}

/// Refuses a view with a condition or an expression that cannot be evaluated.
pub(crate) fn check_view(catalog: &Catalog, view: &FeatureView) -> Result<(), Misdefined> {
    let misdefined = |path: Vec<Step>| move |error| Misdefined { path, error };
    RowCheck::of(view).map_err(misdefined(vec![Step::Field("check")]))?;
    check_windows(catalog, view)?;
    if view.expressions().is_some() {
        for (number, feature) in view.features.iter().enumerate() {
            let path = vec![Step::Field("feature"), Step::Item(number), Step::Field("expression")];
            let reference = format!("{}:{}", view.name, feature.name);
            ReadPlan::new(catalog, &[reference]).map_err(misdefined(path))?;
        }
    }
    Ok(())
}

fn check_windows(catalog: &Catalog, view: &FeatureView) -> Result<(), Misdefined> {
    let Some(windows) = view.windows() else { return Ok(()) };
    let Some(from) = catalog.events_by(&windows.from, &view.entities) else { return Ok(()) };
    let of_view = windows.condition.iter().map(|text| (vec![Step::Field("where")], text));
    let of_features = windows.features.iter().enumerate().filter_map(|(number, feature)| {
        let path = vec![Step::Field("feature"), Step::Item(number), Step::Field("where")];
        feature.condition.as_ref().map(|text| (path, text))
    });
    for (path, text) in of_view.chain(of_features) {
        condition_over(from, text).map_err(|bad| {
            let error = bad.located(text);
            let message = format!("a condition of window view {:?}: {}", view.name, error.message());
            Misdefined { path, error: Error::new(error.kind(), message) }
        })?;
    }
    Ok(())
}
