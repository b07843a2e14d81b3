//! Notes are written with a batch, or not at all.

use crate::common::{Store, every_backend, kept};

every_backend!(
    a_note_is_read_as_it_was_written,
    a_later_note_replaces_an_earlier_one,
    a_note_is_removed,
    a_batch_can_be_notes_alone,
    a_bulk_load_carries_notes,
);

fn note(store: &Store, name: &str) -> Option<String> {
    store.backend().note(name.as_bytes()).unwrap().map(|value| String::from_utf8(value).unwrap())
}

fn a_note_is_read_as_it_was_written(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -1, 1).note("n", Some("one")).note("", Some("")).note("nn", Some("two")).commit();
    store.throughout(|store| {
        assert_eq!(note(store, "n").as_deref(), Some("one"));
        assert_eq!(note(store, "").as_deref(), Some(""));
        assert_eq!(note(store, "nn").as_deref(), Some("two"));
        assert_eq!(note(store, "nnn"), None);
        assert_eq!(store.backend().catalog().views().count(), 1, "notes are no definitions");
    });
}

fn a_later_note_replaces_an_earlier_one(store: &mut Store) {
    store.batch().note("n", Some("one")).commit();
    store.batch().note("n", Some("lost")).note("n", Some("two")).commit();
    store.throughout(|store| assert_eq!(note(store, "n").as_deref(), Some("two")));
}

fn a_note_is_removed(store: &mut Store) {
    store.batch().note("n", Some("one")).note("m", Some("kept")).commit();
    store.batch().note("n", None).note("absent", None).commit();
    store.throughout(|store| {
        assert_eq!(note(store, "n"), None);
        assert_eq!(note(store, "m").as_deref(), Some("kept"));
    });
}

fn a_batch_can_be_notes_alone(store: &mut Store) {
    store.batch().note("n", Some("one")).commit();
    store.throughout(|store| assert_eq!(note(store, "n").as_deref(), Some("one")));
}

fn a_bulk_load_carries_notes(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().bulk().put("v", "a", -1, 1).note("n", Some("one")).load();
    store.throughout(|store| {
        assert_eq!(note(store, "n").as_deref(), Some("one"));
        assert_eq!(store.latest("v", "a").unwrap().2, Some(1));
    });
}
