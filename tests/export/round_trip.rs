//! Round trips: what was exported comes back as it was, with corrections, deletions, nulls and lists.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float32Builder, Int64Array, ListBuilder, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use asofdb::{
    Definitions, ExportOptions, INGEST_CHUNK_BYTES_MIN, IngestOptions, Input, ManualClock, PartitionBy, Result,
    ScalarType, Session, Span, Store, Value,
};

use super::{Exported, bools, export, ints, versions};
use crate::common::{NOW, batch, entity, files, hours_ago, in_memory, int, times, view};

/// Users of a shop, with a number, a text and a list.
fn definitions(created_column: Option<&str>) -> Definitions {
    let features = [("visits", "int64"), ("name", "string"), ("embedding", "list<float32>")];
    let mut profile = view("profile", &["user"], &features);
    profile.created_column = created_column.map(str::to_owned);
    Definitions {
        entities: vec![entity("user", &[("shop", ScalarType::String), ("user_id", ScalarType::Int64)])],
        views: vec![profile],
        services: vec![],
    }
}

/// Rows: user, hours ago, visits. Some names and lists are null, some lists are empty.
fn profiles(rows: &[(i64, i64, Option<i64>)]) -> RecordBatch {
    let mut lists = ListBuilder::new(Float32Builder::new());
    for (user, _, visits) in rows {
        match visits {
            Some(visits) => lists.append_value((0..user % 4).map(|item| Some(item as f32 + *visits as f32 / 4.0))),
            None => lists.append_null(),
        }
    }
    let names = rows.iter().map(|(user, _, visits)| visits.filter(|_| user % 3 > 0).map(|visits| format!("n{visits}")));
    let shops: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| shop(row.0))));
    batch(vec![
        ("shop", shops),
        ("user_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("event_timestamp", times(rows.iter().map(|row| Some(hours_ago(row.1))))),
        ("visits", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ("name", Arc::new(names.collect::<StringArray>())),
        ("embedding", Arc::new(lists.finish())),
    ])
}

fn shop(user: i64) -> String {
    format!("shop\0{}", user % 2)
}

fn key(user: i64) -> [(&'static str, Value); 2] {
    [("shop", Value::String(shop(user))), ("user_id", Value::Int64(user))]
}

/// A store with many users, of whom user 1 was corrected, 2 was deleted and came back, and 3 was deleted.
fn store_with_a_past(definitions: &Definitions) -> Store {
    let clock = ManualClock::new(NOW);
    let store = Store::in_memory(clock.clone());
    store.apply(definitions, false).unwrap();
    let many: Vec<_> = (1..=2_000).map(|user| (user, 30 + user % 50, Some(user))).collect();
    store.write("profile", &profiles(&many)).unwrap();
    store.write("profile", &profiles(&[(1, 2, Some(2)), (2, 5, None)])).unwrap();
    clock.advance(Span::from_secs(60));
    store.write("profile", &profiles(&[(1, 2, Some(20))])).unwrap();
    store.delete(&["profile"], &key(2), hours_ago(3)).unwrap();
    store.delete(&["profile"], &key(3), hours_ago(3)).unwrap();
    clock.advance(Span::from_secs(60));
    store.write("profile", &profiles(&[(2, 1, Some(6))])).unwrap();
    store
}

/// An empty store of the same definitions, a day later, with all files of an export.
fn ingested(definitions: &Definitions, exported: &Exported, options: &IngestOptions) -> Store {
    let store = Store::in_memory(ManualClock::new(NOW.plus(Span::from_secs(86_400))));
    store.apply(definitions, false).unwrap();
    let paths = exported.manifest.files.iter().map(|file| exported.path.join(&file.path));
    let report = store.ingest("profile", paths.map(Input::Path).collect(), options, &mut |_| {}).unwrap();
    assert_eq!((report.rows_read, report.rows_written), (exported.manifest.rows, exported.manifest.rows));
    store
}

#[test]
fn a_version_export_ingested_into_an_empty_store_gives_the_same_history() {
    // In one step, and checked first and then written in several.
    let small = IngestOptions { chunk_bytes: INGEST_CHUNK_BYTES_MIN, ..IngestOptions::default() };
    for created_column in [Some("created"), None] {
        let definitions = definitions(created_column);
        let store = store_with_a_past(&definitions);
        for partition_by in [None, Some(PartitionBy::Day)] {
            let options = ExportOptions { partition_by, ..versions() };
            let exported = export(&store, "profile", &options);
            assert_eq!((exported.manifest.files.len() > 1, exported.manifest.rows), (partition_by.is_some(), 2_006));
            assert_eq!(bools(&exported.rows, "deleted").iter().filter(|deleted| **deleted).count(), 2);
            for ingest in [&IngestOptions::default(), &small] {
                let copy = ingested(&definitions, &exported, ingest);
                assert_eq!(export(&copy, "profile", &options).rows.columns(), exported.rows.columns());
                for user in 1..=5 {
                    let history = |store: &Store| store.history("profile", &key(user), 100).unwrap();
                    assert_eq!(history(&copy), history(&store), "user {user}");
                }
            }
        }
        let history = store.history("profile", &key(2), 100).unwrap();
        let visits: Vec<_> = history.iter().map(|row| row.values.first().cloned()).collect();
        assert_eq!(visits, [Some(int(6)), None, Some(None), Some(int(2))], "with a deletion between");
    }
}

/// A row of user 1 in a file, with a column beside the view's.
fn with_column(path: PathBuf, field: Field, column: ArrayRef) -> PathBuf {
    let rows = profiles(&[(1, 1, Some(1))]);
    let fields = rows.schema().fields().iter().map(|field| field.as_ref().clone()).chain([field]).collect::<Vec<_>>();
    let columns = rows.columns().iter().cloned().chain([column]).collect();
    files::parquet(path, &RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap(), 10)
}

fn role(field: Field, role: &str) -> Field {
    field.with_metadata(HashMap::from([("asofdb.role".to_owned(), role.to_owned())]))
}

fn ingest(store: &Store, path: &Path) -> Result<u64> {
    let inputs = vec![Input::Path(path.to_owned())];
    store.ingest("profile", inputs, &IngestOptions::default(), &mut |_| {}).map(|report| report.rows_written)
}

#[test]
fn columns_of_an_exports_names_without_its_metadata_are_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let cases: [(&str, DataType, ArrayRef); 2] = [
        ("deleted", DataType::Boolean, Arc::new(BooleanArray::from(vec![true]))),
        ("created_timestamp", asofdb::timestamp_type(), times([Some(hours_ago(1))])),
    ];
    for (name, ty, column) in cases {
        let store = in_memory(&definitions(None));
        let path = with_column(directory.path().join(format!("{name}.parquet")), Field::new(name, ty, true), column);
        assert_eq!(ingest(&store, &path).unwrap(), 1);
        let history = store.history("profile", &key(1), 10).unwrap();
        assert_eq!((history[0].deleted, history[0].version.created), (false, NOW), "{name}");
    }
}

#[test]
fn a_deletion_mark_that_is_null_or_no_bool_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let store = in_memory(&definitions(None));
    let field = role(Field::new("gone", DataType::Boolean, true), "deleted");
    let null = with_column(path("null.parquet"), field, Arc::new(BooleanArray::from(vec![None])));
    let field = role(Field::new("gone", DataType::Int64, true), "deleted");
    let number = with_column(path("number.parquet"), field, Arc::new(Int64Array::from(vec![1])));
    let error = ingest(&store, &null).unwrap_err().to_string();
    assert!(error.ends_with("row 1: column \"gone\" is null: every row of an export is a deletion or not"), "{error}");
    let error = format!("{:#}", ingest(&store, &number).unwrap_err());
    assert!(error.ends_with("column \"gone\" must be bool, not Int64"), "{error}");
    assert!(store.history("profile", &key(1), 10).unwrap().is_empty());
}

#[test]
fn rows_of_an_export_are_written_as_they_are_read() {
    let definitions = definitions(None);
    let store = store_with_a_past(&definitions);
    let exported = export(&store, "profile", &versions());
    let copy = in_memory(&definitions);
    copy.write("profile", &exported.rows).unwrap();
    assert_eq!(ints(&export(&copy, "profile", &versions()).rows, "visits"), ints(&exported.rows, "visits"));
    assert_eq!(copy.history("profile", &key(3), 10).unwrap(), store.history("profile", &key(3), 10).unwrap());
}
