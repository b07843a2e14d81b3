//! Directories by event time.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use asofdb::{Definitions, ErrorKind, ExportOptions, PartitionBy, ScalarType, Session, Span, Store, Timestamp};

use super::{data_files, events, export, ints, names, read, versions};
use crate::common::{NOW, batch, entity, in_memory, times, view};

fn by(by: PartitionBy) -> ExportOptions {
    ExportOptions { partition_by: Some(by), ..versions() }
}

/// Users 0 to `users` with an event every 12 hours since noon of 29 May, ten each, and `bytes` of payload.
fn store_with(users: i64, bytes: usize) -> Store {
    let definitions = Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![view("v", &["user"], &[("n", "int64"), ("payload", "bytes")])],
        services: vec![],
    };
    let store = in_memory(&definitions);
    let first = "2024-05-27T12:00:00Z".parse::<Timestamp>().unwrap();
    for user in 0..users {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..10).map(|_| user)));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..10).map(|n| user * 10 + n)));
        let payloads: ArrayRef =
            Arc::new(BinaryArray::from_iter_values((0..10).map(|n| vec![(user * 10 + n) as u8; bytes])));
        let event = times((0..10).map(|n| Some(first.plus(Span::from_secs(n * 12 * 3_600)).minus(Span::ZERO))));
        let columns = vec![("user_id", ids), ("event_timestamp", event), ("n", numbers), ("payload", payloads)];
        let rows = batch(columns);
        let past = rows.slice(0, 9);
        store.write("v", &past).unwrap();
    }
    store
}

#[test]
fn each_directory_holds_the_rows_of_its_utc_day_or_month_and_no_others() {
    let store = store_with(3, 1);
    for (partition_by, expected) in [
        (
            PartitionBy::Day,
            vec![
                "event_date=2024-05-27",
                "event_date=2024-05-28",
                "event_date=2024-05-29",
                "event_date=2024-05-30",
                "event_date=2024-05-31",
            ],
        ),
        (PartitionBy::Month, vec!["event_month=2024-05"]),
    ] {
        let exported = export(&store, "v", &by(partition_by));
        let mut directories = names(&exported.path);
        directories.retain(|name| name != asofdb::MANIFEST_FILE);
        assert_eq!(directories, expected);
        for file in &exported.manifest.files {
            let rows = read(&exported.path.join(&file.path));
            let value = file.path.split_once('=').unwrap().1.split_once('/').unwrap().0;
            assert!(events(&rows, "event_timestamp").iter().all(|event| event.to_string().starts_with(value)));
            let ids = ints(&rows, "user_id");
            assert!(ids.is_sorted(), "{}", file.path);
        }
        assert_eq!(data_files(&exported.path).len(), exported.manifest.files.len());
        assert_eq!(exported.manifest.rows, 27);
    }
}

#[test]
fn rows_that_waited_on_disk_are_all_there_and_in_order() {
    // 54 MB of rows: more than waits in memory.
    let store = store_with(12, 500_000);
    let plain = export(&store, "v", &versions()).rows;
    let parted = export(&store, "v", &by(PartitionBy::Day));
    let batches: Vec<_> = parted.manifest.files.iter().map(|file| read(&parted.path.join(&file.path))).collect();
    for rows in &batches {
        let ids = ints(rows, "user_id");
        assert!(ids.is_sorted());
    }
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let by_number = |rows: &arrow::array::RecordBatch| {
        let order = sort_to_indices(rows.column_by_name("n").unwrap(), None, None).unwrap();
        take_record_batch(rows, &order).unwrap()
    };
    assert_eq!(by_number(&all).columns(), by_number(&plain).columns());
    assert_eq!(names(parted.path.parent().unwrap()), ["out"]);
}

#[test]
fn a_view_with_a_column_of_the_partitions_name_is_not_partitioned() {
    let definitions = Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![view("v", &["user"], &[("event_date", "int64")])],
        services: vec![],
    };
    let store = in_memory(&definitions);
    let parent = tempfile::tempdir().unwrap();
    let error = store.export("v", &parent.path().join("out"), &by(PartitionBy::Day), &mut |_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().ends_with("\"event_date\""), "{error}");
    assert!(names(parent.path()).is_empty());
    assert!(store.export("v", &parent.path().join("out"), &by(PartitionBy::Month), &mut |_| ()).is_ok());
}

#[test]
fn an_empty_view_has_one_empty_file_or_no_partition() {
    let store = store_with(0, 0);
    let plain = export(&store, "v", &versions());
    assert_eq!((plain.rows.num_rows(), plain.rows.num_columns()), (0, 6));
    assert_eq!(data_files(&plain.path), ["part-00000.parquet"]);
    assert_eq!((plain.manifest.event_min, plain.manifest.event_max), (None, None));
    let parted = export(&store, "v", &by(PartitionBy::Day));
    assert_eq!(names(&parted.path), [asofdb::MANIFEST_FILE]);
    assert_eq!((parted.manifest.rows, parted.manifest.bytes), (0, 0));
    assert_eq!(parted.manifest.snapshot, NOW);
}
