//! Exports of views that are computed.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use asofdb::{
    ColumnRole, ErrorKind, ExportOptions, ExportRows, MANIFEST_FILE, Manifest, Session, Store, parse_definitions,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{bought, purchase};
use crate::common::{NOW, TestStore, hours_ago, in_memory};

const VIEWS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[entity]]
name = "shop"
join_keys = [{ name = "shop", type = "string" }]

[[event_view]]
name = "purchases"
entities = ["user"]
also_by = ["shop"]
event_id = ["order_id", "shop"]
created_timestamp = "created"
columns = [
    { name = "order_id", type = "int64" },
    { name = "shop", type = "string" },
    { name = "amount", type = "float64" },
]

[[window_view]]
name = "spending"
from = "purchases"
windows = ["24h"]
feature = [
    { name = "n", aggregate = "count" },
    { name = "mean", aggregate = "mean", of = "amount", default = -1.0 },
]

[[window_view]]
name = "sales"
from = "purchases"
entities = ["shop"]
windows = ["24h"]
feature = [{ name = "n", aggregate = "count" }]

[[feature_view]]
name = "profile"
entities = ["user"]
feature = [{ name = "born", type = "int64" }]

[[derived_view]]
name = "derived"
request = [{ name = "factor", type = "int64", required = false }]
feature = [{ name = "twice", type = "int64", expression = "2 * coalesce(spending:n_24h, 0) + coalesce(profile:born, 0)" }]

[[derived_view]]
name = "asked"
request = [{ name = "amount", type = "float64" }]
feature = [{ name = "more", type = "bool", expression = "amount > spending:mean_24h" }]
"#;

fn fill(store: &Store) {
    let rows = [
        purchase(hours_ago(1), 1, "a", 1.0),
        purchase(hours_ago(2), 2, "b", 3.0),
        (7, hours_ago(30), hours_ago(30), 3, "a", Some(5.0)),
        // Not before what is asked about.
        (9, NOW.plus(asofdb::Span::from_secs(60)), NOW, 4, "z", Some(5.0)),
    ];
    store.write("purchases", &bought(&rows)).unwrap();
}

fn exported(store: &Store, view: &str, out: &Path) -> (Manifest, RecordBatch) {
    let options = ExportOptions { rows: ExportRows::AsOf(NOW), ..ExportOptions::default() };
    let manifest = store.export(view, out, &options, &mut |_| {}).unwrap();
    assert_eq!(Manifest::read(out).unwrap(), manifest, "{MANIFEST_FILE}");
    let file = File::open(out.join(&manifest.files[0].path)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    (manifest, concat_batches(&schema, &batches).unwrap())
}

fn check(store: &Store, directory: &Path) {
    fill(store);
    let (manifest, rows) = exported(store, "spending", &directory.join("spending"));
    let names: Vec<_> = manifest.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["user_id", "event_timestamp", "n_24h", "n_24h__status", "mean_24h", "mean_24h__status"]);
    let roles: Vec<_> = manifest.columns.iter().map(|column| column.role).collect();
    let feature = [ColumnRole::Feature, ColumnRole::Status];
    assert_eq!(roles[..2], [ColumnRole::JoinKey, ColumnRole::EventTimestamp]);
    assert_eq!((&roles[2..4], &roles[4..]), (&feature[..], &feature[..]));
    assert_eq!((manifest.rows, manifest.event_min, manifest.event_max), (2, Some(NOW), Some(NOW)));
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[1, 7]);
    assert_eq!(rows.column(1).as_primitive::<TimestampMicrosecondType>().values(), &[NOW.as_micros(); 2]);
    assert_eq!(rows.column(2).as_primitive::<Int64Type>().values(), &[2, 0]);
    assert_eq!(rows.column(4).as_primitive::<Float64Type>().values(), &[2.0, -1.0], "with its default");
    let (_, rows) = exported(store, "sales", &directory.join("sales"));
    let shops: Vec<_> = rows.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!((shops, rows.column(2).as_primitive::<Int64Type>().values().to_vec()), (vec!["a", "b"], vec![1, 1]));
    let (_, rows) = exported(store, "derived", &directory.join("derived"));
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[1, 7]);
    assert_eq!(rows.column(2).as_primitive::<Int64Type>().values(), &[4, 0]);
}

#[test]
fn an_export_of_a_computed_view_has_what_a_read_finds_for_every_entity_of_its_inputs() {
    let definitions = parse_definitions(VIEWS, "views.toml").unwrap();
    let test = TestStore::new(&definitions);
    check(&test.store, test.directory.path());
    let directory = tempfile::tempdir().unwrap();
    check(&in_memory(&definitions), directory.path());
}

#[test]
fn what_cannot_be_exported_of_a_computed_view_is_refused_and_leaves_nothing() {
    let test = TestStore::new(&parse_definitions(VIEWS, "views.toml").unwrap());
    let out = test.directory.path().join("out");
    let refused = |view: &str, options: &ExportOptions| {
        let error = test.store.export(view, &out, options, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!out.exists());
        error.to_string()
    };
    let versions = refused("spending", &ExportOptions::default());
    assert!(versions.contains("\"spending\" is computed when it is read: it has no versions"), "{versions}");
    let now = ExportOptions { rows: ExportRows::Latest, ..ExportOptions::default() };
    let request = refused("asked", &now);
    assert!(request.contains("\"asked\" needs the value \"amount\" of the request"), "{request}");
    let parts = ExportOptions { partition_by: Some(asofdb::PartitionBy::Day), ..now };
    assert!(refused("spending", &parts).contains("without partitions"));
}
