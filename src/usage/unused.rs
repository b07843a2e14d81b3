//! Views and services that nobody reads.

use asofdb_storage::{Catalog, UsageOf, UsageRow};

/// The views and services of a catalog of which nothing was read, in the order of their names, views first. Events are
/// read by the windows over them.
pub fn unused(catalog: &Catalog, rows: &[UsageRow]) -> Vec<(UsageOf, String)> {
    let is_read = |of: UsageOf, name: &str| rows.iter().any(|row| row.key.of == of && row.key.name == name);
    let views = catalog.views().filter(|view| !view.holds_events()).map(|view| (UsageOf::View, &view.name));
    let services = catalog.services().map(|service| (UsageOf::Service, &service.name));
    let mut unused: Vec<_> = views.chain(services).filter(|(of, name)| !is_read(*of, name)).collect();
    unused.sort_unstable();
    unused.into_iter().map(|(of, name)| (of, name.clone())).collect()
}
