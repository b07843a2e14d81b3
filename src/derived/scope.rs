//! The names that the expressions of a derived view can use.

use asofdb_expression::{Name, Scope};
use asofdb_storage::{Catalog, RequestValue, ValueType};

/// The features of a catalog, and the values of a request.
pub(crate) struct Names<'a> {
    /// The catalog.
    pub(crate) catalog: &'a Catalog,
    /// The values of a request.
    pub(crate) request: &'a [RequestValue],
}

impl Scope for Names<'_> {
    fn resolve(&self, name: &Name) -> Option<ValueType> {
        match &name.view {
            Some(view) => {
                let view = self.catalog.view(view).filter(|view| !view.holds_events())?;
                view.feature(&name.name).map(|feature| feature.ty)
            }
            None => self.request.iter().find(|known| known.name == name.name).map(|known| known.ty),
        }
    }

    fn known(&self) -> Vec<Name> {
        let views = self.catalog.views().filter(|view| !view.holds_events());
        let features = views.flat_map(|view| {
            view.features.iter().map(|feature| Name { view: Some(view.name.clone()), name: feature.name.clone() })
        });
        let request = self.request.iter().map(|value| Name { view: None, name: value.name.clone() });
        features.chain(request).collect()
    }
}
