//! Holds the ages that a store keeps to a full scan of its views.

use std::collections::BTreeMap;
use std::time::Duration;

use asofdb_storage::{Ages, Backend, Catalogs, FeatureView, History, KeyRange, MemoryBackend, Timestamp, key, row};

/// The number of times that a store is asked, a millisecond apart, until it has counted anew. It is never that often.
const TRIES: usize = 120_000;

/// Compares the ages of every stored view with the newest versions that the model has.
///
/// # Panics
/// When they differ, or the store does not come to know them.
pub(crate) fn check(backend: &dyn Backend, memory: &MemoryBackend, after: &str) {
    let catalog = memory.catalog();
    for view in catalog.views().filter(|view| view.is_stored()) {
        let newest = newest_events(memory, view);
        let now = memory.now();
        compare(&of(memory, view), &newest, view, now, &format!("the in-memory backend {after}"));
        compare(&of(backend, view), &newest, view, now, &format!("the subject {after}"));
    }
}

/// The ages of a view's entities, once they are known.
fn of(backend: &dyn Backend, view: &FeatureView) -> Ages {
    for _ in 0..TRIES {
        if let Some(ages) = backend.ages(view).expect("the store can be read") {
            return ages;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the ages of {:?} do not become known", view.name);
}

/// The newest event of each entity, but of those whose newest version is a deletion; of events, that of the newest one
/// that is none.
fn newest_events(memory: &MemoryBackend, view: &FeatureView) -> Vec<Timestamp> {
    let snapshot = memory.snapshot();
    let mut scan = snapshot.scan(view, &KeyRange::default()).expect("the model can be read");
    // By row the newest version, which comes first, and by entity the newest row that is no deletion.
    let mut rows: BTreeMap<Vec<u8>, Option<Timestamp>> = BTreeMap::new();
    while let Some(scanned) = scan.next().expect("the model can be read") {
        let is_deletion = matches!(row::kind(scanned.row), Ok(row::RowKind::Tombstone));
        rows.entry(scanned.key.to_vec()).or_insert((!is_deletion).then_some(scanned.version.event));
    }
    let mut entities: BTreeMap<&[u8], Timestamp> = BTreeMap::new();
    for (row_key, event) in rows.iter().filter_map(|(row_key, event)| Some((row_key, (*event)?))) {
        let newest = entities.entry(key::entity_of(view.id, row_key)).or_insert(event);
        *newest = event.max(*newest);
    }
    entities.into_values().collect()
}

fn compare(ages: &Ages, newest: &[Timestamp], view: &FeatureView, now: Timestamp, of: &str) {
    assert_eq!(ages.now, now, "{of}: the present of {:?}", view.name);
    let inside = |from, until| newest.iter().filter(|event| (from..until).contains(*event)).count() as u64;
    let mut end = Timestamp::MIN;
    for bucket in &ages.buckets {
        assert!(end <= bucket.from && bucket.from < bucket.until, "{of}: buckets of {:?} overlap", view.name);
        end = bucket.until;
        let exact = inside(bucket.from, bucket.until);
        let is_exact = match view.holds_events() {
            // At least the newest of each entity.
            true => bucket.count >= exact,
            // Those behind the cut-off count until all of their bucket is there.
            false => bucket.count == exact || (is_cut(view, now, bucket.from) && bucket.count > exact),
        };
        assert!(is_exact, "{of}: {:?} has {exact} entities in {bucket:?}, which are {newest:?}", view.name);
    }
    let counted: u64 = ages.buckets.iter().map(|bucket| inside(bucket.from, bucket.until)).sum();
    assert_eq!(
        counted,
        newest.len() as u64,
        "{of}: {:?} has all in {:?}, which are {newest:?}",
        view.name,
        ages.buckets
    );
}

/// Returns whether a bucket begins before the cut-off of a view that does not keep the newest versions.
fn is_cut(view: &FeatureView, now: Timestamp, from: Timestamp) -> bool {
    !view.keep_newest && from < view.cutoff(now)
}
