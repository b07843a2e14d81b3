//! Searches as operations: what a query asks of the store besides its catalog counts, and waits, as that does.

use asofdb_platform::SearchNeeds;

use crate::operation::Operation;

/// The operation that a search is.
pub(super) fn search_operation(query: &str) -> Operation {
    match SearchNeeds::of(query) {
        SearchNeeds { usage_days: Some(_), .. } => Operation::Usage,
        SearchNeeds { freshness: true, .. } => Operation::Ages,
        SearchNeeds { .. } => Operation::Catalog,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_the_operation_of_what_it_asks_the_store_for() {
        let of = ["clicks", "status:deprecated", "status:stale clicks", "clicks unused:30d status:stale", "taem:x"];
        let expected = [Operation::Catalog, Operation::Catalog, Operation::Ages, Operation::Usage, Operation::Catalog];
        assert_eq!(of.map(search_operation), expected);
    }
}
