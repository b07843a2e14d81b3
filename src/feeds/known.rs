//! What is known of feeds: their sources, and the notes about their runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use asofdb_storage::{Backend, Error, ErrorKind, FeatureView, FeedRuns, FeedSource, Result};

use super::report::Feed;
use crate::definitions::reference::find_view;

/// A view with its source.
type Fed = (Arc<FeatureView>, FeedSource);

/// The views that are named and their sources; all that have one where none is named.
pub(super) fn fed(backend: &dyn Backend, views: &[&str]) -> Result<Vec<Fed>> {
    let catalog = backend.catalog();
    if views.is_empty() {
        let all = catalog.views().filter_map(|view| Some((view.clone(), view.source.clone()?)));
        return Ok(all.collect());
    }
    let mut named = BTreeSet::new();
    let one = |name: &&str| {
        let view = find_view(&catalog, name)?.clone();
        match view.source.clone() {
            Some(source) => Ok((view, source)),
            None => Err(Error::invalid(format!("view {name:?} has no source; say `source` in its definition"))),
        }
    };
    views.iter().filter(|name| named.insert(**name)).map(one).collect()
}

/// The feeds of the views that are named; of all that have a source where none is.
///
/// # Errors
/// `NotFound` for an unknown view; `Invalid` for one without a source; `Unavailable` when the store cannot be read.
pub(crate) fn feeds(backend: &dyn Backend, views: &[&str]) -> Result<Vec<Feed>> {
    let now = backend.now();
    let feed = |(view, source): Fed| Ok(Feed::new(view.name.clone(), source, now, runs_of(backend, view.id)?));
    fed(backend, views)?.into_iter().map(feed).collect()
}

/// All that is known of the feed of a view. A note that cannot be read is as none: files are known by content, too.
pub(super) fn runs_of(backend: &dyn Backend, view: u32) -> Result<FeedRuns> {
    match backend.note(&note_of(view))?.map(|note| FeedRuns::decode(&note)) {
        Some(Err(error)) if error.kind() != ErrorKind::Corrupt => Err(error),
        Some(Ok(runs)) => Ok(runs),
        _ => Ok(FeedRuns::default()),
    }
}

/// The name of the note about the feed of a view: `feed/` and its id, big-endian.
pub(super) fn note_of(view: u32) -> Vec<u8> {
    [b"feed/".as_slice(), &view.to_be_bytes()].concat()
}
