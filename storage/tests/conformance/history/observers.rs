//! An observer that hears what a store tells knows its newest versions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asofdb_storage::{Found, LookedUp, Lookup, MemoryOnline, Newest, Observer, Online};
use parking_lot::Mutex;

use crate::common::{DAY, HOUR, Seen, Store, aged, at, every_backend, kept, read, text_key};

every_backend!(
    an_observer_knows_what_was_there_when_it_came,
    an_observer_hears_of_commits_before_they_return,
    an_observer_keeps_the_newest_of_late_and_equal_versions,
    an_observer_hears_of_bulk_loads,
    an_observer_hears_of_erasures,
    an_observer_hears_of_dropped_views,
    an_observer_hides_what_retention_hides,
    an_observer_declines_what_is_in_the_future,
    every_observer_hears_everything,
    a_bulk_load_is_told_between_suspension_and_resumption,
    what_is_refused_is_not_told,
    no_reader_of_an_observer_goes_back_after_a_write_has_returned,
);

fn observed(store: &Store) -> Arc<MemoryOnline> {
    let table = Arc::new(MemoryOnline::new());
    store.backend().observe(table.clone()).unwrap();
    table
}

/// The table's answer about a row; `None` when it declines.
fn told(store: &Store, table: &MemoryOnline, view: &str, key: &str) -> Option<Seen> {
    let (view, key, mut seen) = (store.view(view), text_key(key), None);
    let visit = &mut |_: usize, found: Option<Found<'_>>| {
        seen = found.map(|found| read(&view, found));
        Ok(())
    };
    let looked_up = table.look_up(&[Lookup { view: &view, key: &key }], store.backend().now(), visit).unwrap();
    (looked_up == LookedUp::Answered).then_some(seen)
}

/// The table answers as the store does, about these keys of these views.
fn assert_agrees(store: &Store, table: &MemoryOnline, views: &[&str], keys: &[&str]) {
    for view in views {
        for key in keys {
            assert_eq!(told(store, table, view, key), Some(store.latest(view, key)), "{view} {key}");
        }
    }
}

fn an_observer_knows_what_was_there_when_it_came(store: &mut Store) {
    store.define(&[kept("v"), kept("w"), kept("x")]);
    store.batch().put("v", "a", -HOUR, 1).put("w", "a", -HOUR, 2).put("x", "a", -HOUR, 3).commit();
    store.batch().put("v", "a", -1, 4).delete("v", "b", -1).commit();
    store.define(&[kept("v"), kept("w")]);
    store.throughout(|store| {
        let table = observed(store);
        assert_agrees(store, &table, &["v", "w"], &["a", "b", "absent"]);
        assert_eq!(told(store, &table, "v", "a").unwrap().unwrap().2, Some(4));
    });
}

fn an_observer_hears_of_commits_before_they_return(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let table = observed(store);
    for value in 0..20 {
        store.batch().put("v", "a", -20 + value, value).put("w", "b", -20 + value, value).commit();
        assert_eq!(told(store, &table, "v", "a").unwrap().unwrap().2, Some(value));
        assert_eq!(told(store, &table, "w", "b").unwrap().unwrap().2, Some(value));
    }
    store.delete("v", "a", -1);
    assert_agrees(store, &table, &["v", "w"], &["a", "b"]);
}

fn an_observer_keeps_the_newest_of_late_and_equal_versions(store: &mut Store) {
    store.define(&[kept("v")]);
    let table = observed(store);
    store.put("v", "a", -HOUR, 1);
    store.put("v", "a", -DAY, 2);
    assert_eq!(told(store, &table, "v", "a"), Some(Some((-HOUR, 0, Some(1)))));
    for value in [3, 4] {
        store.batch().put_created("v", "a", -1, Some(-1), value).commit();
        assert_eq!(told(store, &table, "v", "a"), Some(Some((-1, -1, Some(value)))));
    }
    store.batch().put_created("v", "a", -1, Some(-1), 5).put_created("v", "a", -1, Some(-1), 6).commit();
    assert_eq!(told(store, &table, "v", "a"), Some(Some((-1, -1, Some(6)))), "the later in a batch");
}

fn an_observer_hears_of_bulk_loads(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 1);
    let table = observed(store);
    store.put("v", "b", -HOUR, 2);
    store.batch().bulk().put("v", "a", -DAY, 3).put("v", "b", -1, 4).put("v", "b", -2, 5).put("v", "c", -DAY, 6).load();
    assert_agrees(store, &table, &["v"], &["a", "b", "c"]);
    assert_eq!(["a", "b", "c"].map(|key| told(store, &table, "v", key).unwrap().unwrap().2), [1, 4, 6].map(Some));
}

fn an_observer_hears_of_erasures(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let table = observed(store);
    for view in ["v", "w"] {
        store.batch().put(view, "a", -1, 1).put(view, "b", -1, 1).commit();
    }
    store.erase(&["v"], "a");
    assert_eq!(told(store, &table, "v", "a"), Some(None));
    assert_agrees(store, &table, &["v", "w"], &["a", "b"]);
    // An older version than the one that was erased is the newest now.
    store.put("v", "a", -DAY, 2);
    assert_agrees(store, &table, &["v", "w"], &["a", "b"]);
    assert_eq!(told(store, &table, "v", "a").unwrap().unwrap().0, -DAY);
}

fn an_observer_hears_of_dropped_views(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let table = observed(store);
    store.batch().put("v", "a", -1, 1).put("w", "a", -1, 1).commit();
    let dropped = store.view("v");
    store.define(&[kept("w")]);
    let key = text_key("a");
    let visit = &mut |_: usize, found: Option<Found<'_>>| {
        assert!(found.is_none());
        Ok(())
    };
    let looked_up = table.look_up(&[Lookup { view: &dropped, key: &key }], at(0), visit).unwrap();
    assert_eq!(looked_up, LookedUp::Answered);
    store.define(&[kept("v"), kept("w")]);
    assert_agrees(store, &table, &["v", "w"], &["a"]);
}

fn an_observer_hides_what_retention_hides(store: &mut Store) {
    store.define(&[aged("v", true), aged("w", false)]);
    let table = observed(store);
    store.batch().put("v", "a", 0, 1).put("w", "a", 0, 1).commit();
    for now in [10 * DAY, 10 * DAY + 1, 30 * DAY] {
        store.clock_to(now);
        store.backend().compact().unwrap();
        assert_agrees(store, &table, &["v", "w"], &["a"]);
        // Late, and older than what compaction may have taken.
        store.batch().put("v", "a", -DAY, 2).put("w", "a", -DAY, 2).commit();
        assert_agrees(store, &table, &["v", "w"], &["a"]);
    }
    assert_eq!((store.latest("v", "a").map(|seen| seen.2), store.latest("w", "a")), (Some(Some(1)), None));
}

fn an_observer_declines_what_is_in_the_future(store: &mut Store) {
    store.define(&[kept("v")]);
    let table = observed(store);
    store.put("v", "a", -1, 1);
    store.put("v", "a", HOUR, 2);
    assert_eq!(told(store, &table, "v", "a"), None);
    store.clock_to(HOUR);
    assert_agrees(store, &table, &["v"], &["a"]);
}

fn every_observer_hears_everything(store: &mut Store) {
    store.define(&[kept("v")]);
    let first = observed(store);
    store.put("v", "a", -3, 1);
    let second = observed(store);
    store.put("v", "a", -2, 2);
    store.put("v", "b", -2, 3);
    for table in [&first, &second] {
        assert_agrees(store, table, &["v"], &["a", "b"]);
    }
}

/// Writes events down in short.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Observer for Diary {
    fn hear(&self, event: &Newest<'_>) {
        self.0.lock().push(match event {
            Newest::Put(rows) => format!("put {}", rows.len()),
            Newest::Erased(rows) => format!("erased {}", rows.len()),
            Newest::Dropped(views) => format!("dropped {}", views.len()),
            Newest::Suspended => "suspended".to_owned(),
            Newest::Resumed => "resumed".to_owned(),
        });
    }
}

fn diary_of(store: &Store) -> Arc<Diary> {
    let diary = Arc::new(Diary::default());
    store.backend().observe(diary.clone()).unwrap();
    diary.0.lock().clear();
    diary
}

fn a_bulk_load_is_told_between_suspension_and_resumption(store: &mut Store) {
    store.define(&[kept("v")]);
    let diary = diary_of(store);
    store.batch().bulk().put("v", "a", -1, 1).put("v", "b", -1, 1).load();
    let told = diary.0.lock().clone();
    // A backend whose loads become visible in one step has no need to suspend.
    assert!(told == ["suspended", "put 2", "resumed"] || told == ["put 2"], "{told:?}");
}

fn what_is_refused_is_not_told(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let stale = [store.batch().put("v", "a", -1, 1).put("w", "a", -1, 1), store.batch().bulk().put("w", "a", -1, 1)];
    store.define(&[kept("v")]);
    let diary = diary_of(store);
    let [batch, load] = stale;
    batch.try_commit().unwrap_err();
    store.backend().bulk_load(load.build()).unwrap_err();
    store.backend().set_catalog((*store.backend().catalog()).clone()).unwrap_err();
    assert_eq!(*diary.0.lock(), [""; 0]);
}

fn no_reader_of_an_observer_goes_back_after_a_write_has_returned(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let table = observed(store);
    let (store, done) = (&*store, AtomicBool::new(false));
    store.batch().put("v", "a", -1_000, 0).put("w", "a", -1_000, 0).commit();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let seen = ["v", "w"].map(|view| told(store, &table, view, "a").unwrap().unwrap().2.unwrap());
                assert!(seen[0] >= last && seen[1] >= seen[0], "{seen:?} after {last}: a batch is put whole");
                last = seen[1];
            }
        });
        for value in 1..300 {
            store.batch().put("v", "a", -1_000 + value, value).put("w", "a", -1_000 + value, value).commit();
            assert_eq!(told(store, &table, "w", "a").unwrap().unwrap().2, Some(value));
        }
        done.store(true, Ordering::Release);
    });
}
