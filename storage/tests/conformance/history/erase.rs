//! erase(entity) removes every version of an entity, physically, and returns a receipt.

use asofdb_storage::Lookup;

use crate::common::{DAY, HOUR, Store, every_backend, kept, text_key};

every_backend!(
    erase_removes_every_version_from_every_view_named,
    erase_tells_what_it_removed,
    erase_of_nothing_has_an_empty_receipt,
    erase_touches_no_other_entity,
    an_erased_entity_can_be_written_again,
    erase_reaches_what_is_on_disk_and_what_is_in_memory,
);

fn erase_removes_every_version_from_every_view_named(store: &mut Store) {
    store.define(&[kept("v"), kept("w"), kept("x")]);
    for view in ["v", "w", "x"] {
        store.batch().put(view, "a", -DAY, 1).put(view, "a", HOUR, 2).commit();
        store.delete(view, "a", -HOUR);
    }
    assert_eq!(store.erase(&["v", "w"], "a"), [("v".to_owned(), 3), ("w".to_owned(), 3)]);
    store.throughout(|store| {
        for view in ["v", "w"] {
            assert_eq!(store.latest(view, "a"), None);
            assert_eq!(store.as_of(view, "a", -DAY), None);
            assert_eq!(store.as_of(view, "a", HOUR), None);
            assert_eq!(store.scan(view), []);
        }
        assert_eq!(store.scan("x").len(), 3);
    });
}

fn erase_tells_what_it_removed(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -DAY, 1).commit();
    store.batch().put_created("v", "a", -DAY, Some(0), 2).put("v", "a", -HOUR, 3).commit();
    store.delete("v", "a", -1);
    let (view, key) = (store.view("v"), text_key("a"));
    let receipt = store.backend().erase(&[Lookup { view: &view, key: &key }]).unwrap().remove(0);
    assert_eq!((receipt.view.as_str(), receipt.versions), ("v", 3), "a replaced version counts once");
    // Key: view, three bytes of text, version. Rows: header, bitmap and an integer, or the header alone.
    assert_eq!(receipt.bytes, 3 * (4 + 3 + 16) + 2 * (4 + 1 + 8) + 4);
}

fn erase_of_nothing_has_an_empty_receipt(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "b", -1, 1);
    let (view, key) = (store.view("v"), text_key("a"));
    let receipt = store.backend().erase(&[Lookup { view: &view, key: &key }]).unwrap().remove(0);
    assert_eq!((receipt.versions, receipt.bytes), (0, 0));
    assert_eq!(store.backend().erase(&[]).unwrap(), []);
}

fn erase_touches_no_other_entity(store: &mut Store) {
    store.define(&[kept("v")]);
    let others = ["", "a\0", "a\0a", "aa", "Z", "b"];
    others.iter().chain(&["a"]).for_each(|key| {
        store.put("v", key, -1, 1);
    });
    store.erase(&["v"], "a");
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), None);
        for key in others {
            assert_eq!(store.latest("v", key).unwrap().2, Some(1), "{key:?}");
        }
        assert_eq!(store.scan("v").len(), others.len());
    });
}

fn an_erased_entity_can_be_written_again(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 1);
    store.erase(&["v"], "a");
    store.put("v", "a", -DAY, 2);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a").unwrap(), (-DAY, 1, Some(2)));
        assert_eq!(store.scan("v").len(), 1);
    });
}

fn erase_reaches_what_is_on_disk_and_what_is_in_memory(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -3, 1);
    store.backend().compact().unwrap();
    store.put("v", "a", -2, 2);
    store.backend().flush().unwrap();
    store.put("v", "a", -1, 3);
    assert_eq!(store.erase(&["v"], "a"), [("v".to_owned(), 3)]);
    store.throughout(|store| assert_eq!(store.scan("v"), []));
    assert_eq!(store.erase(&["v"], "a"), [("v".to_owned(), 0)]);
}
