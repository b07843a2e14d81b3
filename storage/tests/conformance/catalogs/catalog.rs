//! A catalog change is one step, made by one of those who try.

use asofdb_storage::{
    Change, ChangeCause, ChangeKind, ErrorKind, FeatureDefinition, KeyRange, LOGGED_CHANGES_MAX, ObjectKind, RowPlan,
    ScalarType, ValueType,
};

use crate::common::{HOUR, Store, every_backend, kept};

every_backend!(
    a_store_begins_with_an_empty_catalog,
    a_catalog_is_the_one_that_was_set,
    of_two_changes_of_one_catalog_the_second_is_a_conflict,
    readers_keep_the_catalog_they_hold,
    the_policy_is_part_of_the_catalog,
    every_change_is_logged_and_can_be_undone,
    the_log_is_read_from_any_revision_on_and_no_more_of_it_than_is_asked_for,
    a_change_of_many_lines_is_logged_with_the_first_of_them,
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

fn the_policy_is_part_of_the_catalog(store: &mut Store) {
    store.define(&[kept("v")]);
    let next = store.backend().catalog().with_policy("# é\n");
    store.backend().set_catalog(next).unwrap();
    store.define(&[kept("v"), kept("w")]);
    store.throughout(|store| {
        let catalog = store.backend().catalog();
        assert_eq!((catalog.policy().map(|text| &**text), catalog.revision()), (Some("# é\n"), 3));
    });
}

fn line(name: &str) -> Change {
    let (kind, what) = (ChangeKind::Create, ObjectKind::FeatureView);
    Change { kind, what, name: name.to_owned(), details: vec!["1 feature".to_owned()] }
}

fn every_change_is_logged_and_can_be_undone(store: &mut Store) {
    let mut catalogs = vec![store.backend().catalog().to_records().unwrap()];
    let all: [&[_]; 4] = [&[kept("v")], &[kept("v"), kept("w")], &[kept("w")], &[]];
    for (number, views) in all.into_iter().enumerate() {
        store.clock_to(number as i64 * HOUR);
        let cause = ChangeCause {
            who: "uid:1".to_owned(),
            message: format!("change {number}"),
            changes: vec![line("v")],
            ..ChangeCause::default()
        };
        store.backend().change_catalog(store.planned(views), cause).unwrap();
        catalogs.push(store.backend().catalog().to_records().unwrap());
    }
    store.throughout(|store| {
        let changes = store.backend().catalog_changes(u64::MAX, 10).unwrap();
        let told: Vec<_> = changes.iter().map(|change| (change.revision, change.cause.message.as_str())).collect();
        assert_eq!(told, [(4, "change 3"), (3, "change 2"), (2, "change 1"), (1, "change 0")]);
        assert!(changes.iter().all(|change| change.cause.who == "uid:1" && change.cause.changes == [line("v")]));
        assert!(changes.is_sorted_by(|newer, older| newer.at > older.at), "each is later than the one before");
        for undone in 0..=4 {
            let before = store.backend().catalog().before(&changes[..undone]).unwrap();
            assert_eq!(before.to_records().unwrap(), catalogs[4 - undone], "{undone}");
        }
        let gap = store.backend().catalog().before(&changes[1..]).unwrap_err();
        assert_eq!(gap.kind(), ErrorKind::Conflict);
    });
}

fn the_log_is_read_from_any_revision_on_and_no_more_of_it_than_is_asked_for(store: &mut Store) {
    for _ in 0..2 {
        store.define(&[kept("v")]);
        store.define(&[kept("w")]);
    }
    store.throughout(|store| {
        let revisions = |before, limit| {
            let changes = store.backend().catalog_changes(before, limit).unwrap();
            changes.iter().map(|change| change.revision).collect::<Vec<_>>()
        };
        assert_eq!(revisions(u64::MAX, 2), [4, 3]);
        assert_eq!(revisions(4, 2), [3, 2]);
        assert_eq!(revisions(2, 5), [1]);
        assert_eq!((revisions(1, 5), revisions(0, 5), revisions(9, 0)), (vec![], vec![], vec![]));
    });
}

fn a_change_of_many_lines_is_logged_with_the_first_of_them(store: &mut Store) {
    let long = Change { details: vec!["é".repeat(300), "b".to_owned()], ..line("long") };
    let lines = std::iter::once(long).chain((1..LOGGED_CHANGES_MAX + 3).map(|number| line(&number.to_string())));
    let cause = ChangeCause { changes: lines.collect(), ..ChangeCause::default() };
    store.backend().change_catalog(store.planned(&[kept("v")]), cause).unwrap();
    store.throughout(|store| {
        let cause = &store.backend().catalog_changes(u64::MAX, 1).unwrap()[0].cause;
        assert_eq!((cause.changes.len(), cause.left_out), (LOGGED_CHANGES_MAX, 3));
        assert_eq!(cause.changes[0].details, [format!("{}…", "é".repeat(256))]);
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
