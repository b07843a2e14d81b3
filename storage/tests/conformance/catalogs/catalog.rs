//! A catalog change is one step, made by one of those who try.

use asofdb_storage::{ErrorKind, FeatureDefinition, KeyRange, RowPlan, ScalarType, ValueType};

use crate::common::{HOUR, Store, every_backend, kept};

every_backend!(
    a_store_begins_with_an_empty_catalog,
    a_catalog_is_the_one_that_was_set,
    of_two_changes_of_one_catalog_the_second_is_a_conflict,
    readers_keep_the_catalog_they_hold,
    rows_of_older_schemas_stay_readable_when_a_feature_is_added,
);

fn a_store_begins_with_an_empty_catalog(store: &mut Store) {
    let catalog = store.backend().catalog();
    assert_eq!((catalog.revision(), catalog.views().count(), catalog.entities().count()), (0, 0, 0));
}

fn a_catalog_is_the_one_that_was_set(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let records = store.backend().catalog().to_records().unwrap();
    store.throughout(|store| {
        assert_eq!(store.backend().catalog().revision(), 1);
        assert_eq!(store.backend().catalog().to_records().unwrap(), records);
    });
}

fn of_two_changes_of_one_catalog_the_second_is_a_conflict(store: &mut Store) {
    let (first, second) = (store.planned(&[kept("v")]), store.planned(&[kept("w")]));
    store.backend().set_catalog(first.clone()).unwrap();
    for late in [second, first] {
        assert_eq!(store.backend().set_catalog(late).unwrap_err().kind(), ErrorKind::Conflict);
    }
    store.throughout(|store| {
        let names: Vec<_> = store.backend().catalog().views().map(|view| view.name.clone()).collect();
        assert_eq!(names, ["v"]);
    });
}

fn readers_keep_the_catalog_they_hold(store: &mut Store) {
    store.define(&[kept("v")]);
    let held = store.backend().catalog();
    store.define(&[kept("v"), kept("w")]);
    assert_eq!((held.revision(), held.views().count()), (1, 1));
    assert_eq!(store.backend().catalog().revision(), 2);
}

fn rows_of_older_schemas_stay_readable_when_a_feature_is_added(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 1);
    let added = FeatureDefinition::new("added", ValueType::Scalar(ScalarType::String));
    let mut grown = kept("v");
    grown.features.push(added);
    store.define(&[grown]);
    store.put("v", "a", -1, 2);
    store.throughout(|store| {
        let view = store.view("v");
        let added = view.feature("added").unwrap().id;
        let plan = RowPlan::new(&view, &[added]).unwrap();
        let snapshot = store.backend().snapshot();
        let mut scan = snapshot.scan(&view, &KeyRange::default()).unwrap();
        while let Some(row) = scan.next().unwrap() {
            assert_eq!(plan.open(row.row).unwrap().unwrap().get(0).unwrap(), None);
        }
        assert_eq!(store.as_of("v", "a", -2).unwrap().2, Some(1));
        assert_eq!(store.latest("v", "a").unwrap().2, Some(2));
    });
}
