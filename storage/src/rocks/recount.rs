//! Counting the ages of entities anew, in the background, where they are not known.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rocksdb::{ReadOptions, Snapshot};

use super::ages::minute_start;
use super::commit::Pausing;
use super::error::from_rocks;
use super::scan::key_parts;
use super::store::Store;
use super::stored;
use crate::ages::Histogram;
use crate::error::{Error, Result};
use crate::key;
use crate::row::{self, RowKind};
use crate::stop::{Steps, Stop};

/// The period after which buckets grow coarser, and what could not be counted is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(60);

const READAHEAD_BYTES: usize = 2 << 20;

/// The thread that counts anew. Dropping it stops and waits for it.
pub(super) struct Recounting {
    store: Arc<Store>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Recounting {
    /// Starts the thread, which takes its snapshots while the committer pauses.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub(super) fn start(store: &Arc<Store>, pausing: Pausing) -> Result<Self> {
        let (stop, of_thread) = (Stop::new(), store.clone());
        let look = stop.clone();
        let thread = std::thread::Builder::new().name("asofdb-ages".into()).spawn(move || {
            let mut is_open = true;
            while is_open {
                of_thread.ages.grow_coarser(&of_thread.present);
                if of_thread.ages.is_unknown() {
                    // What failed is tried again after a while; until then the ages are not known.
                    let _ = recount(&of_thread, &pausing, &look);
                }
                is_open = of_thread.ages.wait(LOOK_EVERY);
            }
        });
        let thread = thread.map_err(|error| Error::unavailable("cannot start a thread").with_source(error))?;
        Ok(Recounting { store: store.clone(), stop, thread: Some(thread) })
    }
}

impl Drop for Recounting {
    fn drop(&mut self) {
        self.stop.stop();
        self.store.ages.close();
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it; the ages are not known then.
            let _ = thread.join();
        }
    }
}

/// Counts anew all that is not known, from one snapshot.
fn recount(store: &Store, pausing: &Pausing, stop: &Stop) -> Result<()> {
    let begin = || (store.ages.begin(&store.present), store.online.gate().mark(), store.database.rocks.snapshot());
    let (begun, mark, snapshot) = pausing.pause(begin)?;
    // Until a load that could not be finished is, `latest` lacks rows.
    let found = match mark {
        Some(_) => count(store, &snapshot, &begun, stop),
        None => Err(Error::unavailable("a bulk load is not finished")),
    };
    let (found, outcome) = match found {
        Ok(found) => (found, Ok(())),
        Err(error) => (HashMap::new(), Err(error)),
    };
    store.ages.finish(&begun, found);
    outcome
}

/// Counts the entities of some views, each from its floor on.
///
/// # Errors
/// `Corrupt` when a row cannot be read; `Unavailable` when the store cannot be, or the work was stopped.
pub(super) fn count(
    store: &Store,
    snapshot: &Snapshot<'_>,
    begun: &HashMap<u32, i64>,
    stop: &Stop,
) -> Result<HashMap<u32, Histogram>> {
    let now = store.present.now();
    let mut found: HashMap<_, _> = begun.keys().map(|view| (*view, Histogram::new(now))).collect();
    if begun.keys().any(|view| !key::holds_events(*view)) {
        count_latest(store, snapshot, begun, stop, &mut found)?;
    }
    for (&view, histogram) in found.iter_mut().filter(|(view, _)| key::holds_events(**view)) {
        count_events(store, snapshot, view, stop, histogram)?;
    }
    Ok(found)
}

fn options(snapshot: &Snapshot<'_>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_snapshot(snapshot);
    options.set_total_order_seek(true);
    options.fill_cache(false);
    options
}

/// Passes over `latest` once, for all views together: it is in the order of entities.
fn count_latest(
    store: &Store,
    snapshot: &Snapshot<'_>,
    begun: &HashMap<u32, i64>,
    stop: &Stop,
    found: &mut HashMap<u32, Histogram>,
) -> Result<()> {
    let mut options = options(snapshot);
    options.set_readahead_size(READAHEAD_BYTES);
    let mut raw = store.database.rocks.raw_iterator_cf_opt(store.database.latest(), options);
    let mut steps = Steps::new(stop);
    raw.seek_to_first();
    while let Some((latest_key, value)) = raw.item() {
        steps.step()?;
        let view = key::split_latest_key(latest_key).map(|(_, _, view)| view);
        let wanted = view.and_then(|view| Some((begun.get(&view)?, found.get_mut(&view)?)));
        if let Some((floor, histogram)) = wanted {
            let cut_short = || Error::corrupt(format!("a value of latest is cut short: {} bytes", value.len()));
            let head = stored::head(value).ok_or_else(cut_short)?;
            let minute = minute_start(head.version.event);
            if !head.is_deletion && minute >= *floor {
                histogram.add(minute, 1);
            }
        }
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read latest", error))
}

/// Counts the newest event of each entity of an event view: all others are passed over without being read.
fn count_events(
    store: &Store,
    snapshot: &Snapshot<'_>,
    view: u32,
    stop: &Stop,
    histogram: &mut Histogram,
) -> Result<()> {
    let mut raw = store.database.rocks.raw_iterator_cf_opt(store.database.events(), options(snapshot));
    let (mut steps, mut position) = (Steps::new(stop), view.to_be_bytes().to_vec());
    raw.seek(&position);
    while let Some((found, row)) = raw.item() {
        steps.step()?;
        let (of, row_key, version) = key_parts(found)?;
        if of != view {
            break;
        }
        if matches!(row::kind(row), Ok(RowKind::Tombstone)) {
            raw.next();
            continue;
        }
        histogram.add(minute_start(version.event), 1);
        position.clear();
        key::version_prefix(view, key::entity_of(view, row_key), &mut position);
        match key::prefix_end(&position) {
            Some(next) => raw.seek(next),
            None => break,
        }
    }
    raw.status().map_err(|error| from_rocks("cannot read events", error))
}

#[cfg(test)]
mod tests {
    use super::super::ages::{AgeChanges, AgeCounts};
    use super::*;
    use crate::ages::Ages;
    use crate::backend::{Catalogs, CheckpointFiles, Upkeep};
    use crate::catalog::FeatureView;
    use crate::rocks::testing::Fixture;
    use crate::rocks::{Options, RocksBackend};
    use crate::time::{ManualClock, Timestamp};
    use crate::version::Version;

    /// A minute in the time of a fixture.
    const MINUTE: i64 = 60_000_000;

    /// The ages of a view once they are known: how many in which minute of the fixture.
    fn known(store: &RocksBackend, view: &FeatureView) -> Ages {
        for _ in 0..120_000 {
            if let Some(ages) = store.ages(view).unwrap() {
                return ages;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("the ages do not become known");
    }

    /// The ages of a view as they are counted in what the store has now.
    fn counted(store: &RocksBackend, view: &FeatureView) -> Ages {
        let store = &store.store;
        let floors = HashMap::from([(view.id, i64::MIN)]);
        let found = count(store, &store.database.rocks.snapshot(), &floors, &Stop::NEVER).unwrap();
        found[&view.id].ages(store.present.now(), Timestamp::MIN)
    }

    fn counts(ages: &Ages) -> Vec<u64> {
        ages.buckets.iter().map(|bucket| bucket.count).collect()
    }

    #[test]
    fn a_store_that_was_closed_knows_its_ages_at_once_and_one_that_was_not_counts_them() {
        let fixture = Fixture::new();
        let store = fixture.open();
        for (key, event) in [(b"a", 0), (b"b", 0), (b"c", 3 * MINUTE)] {
            fixture.commit(&store, key, event, 1);
        }
        fixture.commit_event(&store, b"u", MINUTE, None, 1);
        let before = [known(&store, &fixture.view), known(&store, &fixture.events)];
        assert_eq!(before.each_ref().map(counts), [vec![2, 1], vec![1]]);
        drop(store);
        let store = fixture.open();
        assert!(store.store.ages.is_on_record());
        assert_eq!([known(&store, &fixture.view), known(&store, &fixture.events)], before);
        let copy = tempfile::tempdir().unwrap();
        fixture.commit(&store, b"b", 3 * MINUTE, 2);
        assert!(!store.store.ages.is_on_record(), "the first write takes the record back");
        store.checkpoint(&copy.path().join("store"), CheckpointFiles::Copied).unwrap();
        let (options, clock) = (Options::default(), ManualClock::new(store.now()));
        let crashed = RocksBackend::open(copy.path().join("store"), options, clock).unwrap();
        assert!(!crashed.store.ages.is_on_record());
        assert_eq!(counts(&known(&crashed, &fixture.view)), [1, 2]);
        assert_eq!(known(&crashed, &fixture.events), before[1]);
    }

    #[test]
    fn a_record_behind_which_something_was_written_does_not_hold() {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.commit(&store, b"a", 0, 1);
        let store = &store.store;
        let holds = || AgeCounts::resume(&store.database, &store.present).is_on_record();
        assert!(!holds(), "it is open");
        store.record_last();
        assert!(holds());
        // As an asofdb of before the record would write.
        store.database.rocks.put_cf(store.database.catalog(), b"nx", b"y").unwrap();
        assert!(!holds());
    }

    #[test]
    fn a_store_that_is_opened_and_closed_without_a_write_still_knows_its_ages() {
        let fixture = Fixture::new();
        for event in 0..3 {
            let store = fixture.open();
            assert!(store.store.ages.is_on_record());
            assert_eq!(counts(&known(&store, &fixture.view)), Vec::<u64>::new(), "opened {event} times");
        }
    }

    #[test]
    fn what_is_written_while_ages_are_counted_is_counted_with_them() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let (id, present) = (fixture.view.id, &store.store.present);
        let head = |event: i64| {
            let version = Version::new(present.now().minus(crate::time::Span::from_micros(-event)), Timestamp::EPOCH);
            Some(stored::Head { version, is_deletion: false })
        };
        let change = |old, new| {
            let mut changes = AgeChanges::default();
            changes.replace(id, old, new);
            changes
        };
        let counts = AgeCounts::default();
        counts.follow(&store.catalog(), present.now());
        let ages = || counts.ages(&fixture.view, present.now(), present.now());
        counts.apply(&change(None, head(0)));
        let there = ages().unwrap();
        counts.distrust([id]);
        assert_eq!(ages(), None);
        counts.apply(&change(None, head(9 * MINUTE)));
        let begun = counts.begin(present);
        counts.apply(&change(head(0), head(-5 * MINUTE)));
        counts.apply(&change(None, head(-7 * MINUTE)));
        assert_eq!(ages(), None);
        let mut snapshot = Histogram::new(present.now());
        snapshot.add(there.buckets[0].from.as_micros(), 2);
        counts.finish(&begun, HashMap::from([(id, snapshot)]));
        let minutes = |ages: Ages| {
            let from = there.buckets[0].from;
            let minute = |at: Timestamp| (at.as_micros() - from.as_micros()) / MINUTE;
            ages.buckets.iter().map(|bucket| (minute(bucket.from), bucket.count)).collect::<Vec<_>>()
        };
        assert_eq!(minutes(ages().unwrap()), [(-7, 1), (-5, 1), (0, 1)]);
        // A snapshot that was not read to its end leaves them unknown.
        counts.distrust([id]);
        let begun = counts.begin(present);
        counts.finish(&begun, HashMap::new());
        assert_eq!(ages(), None);
    }

    #[test]
    fn ages_that_are_not_those_of_the_rows_are_found_by_verify() {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.commit(&store, b"a", 0, 1);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        let event = Timestamp::from_micros(known(&store, &fixture.view).buckets[0].from.as_micros());
        let head = stored::Head { version: Version::new(event, Timestamp::EPOCH), is_deletion: false };
        let mut changes = AgeChanges::default();
        changes.replace(fixture.view.id, None, Some(head));
        store.store.ages.apply(&changes);
        let message =
            format!("view \"v\": of its entities -1 too few are counted with their newest event from {event} on");
        assert_eq!(store.verify().unwrap().problems, [message]);
        store.store.ages.distrust([fixture.view.id]);
        known(&store, &fixture.view);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn ages_that_are_counted_again_and_again_under_writes_come_out_right() {
        let fixture = Fixture::new();
        let store = fixture.open();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..600_i64 {
                    let key = [b'a' + (round * 7 % 23) as u8];
                    fixture.commit(&store, &key, (round * 37 % 600 - 500) * MINUTE, round);
                }
            });
            while !writer.is_finished() {
                store.store.ages.distrust([fixture.view.id]);
                known(&store, &fixture.view);
            }
        });
        let ages = known(&store, &fixture.view);
        assert_eq!(ages, counted(&store, &fixture.view));
        assert_eq!(ages.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 23);
    }
}
