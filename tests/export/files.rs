//! The files and the manifest: numbers that are true, an order that is declared, and several threads.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use asofdb::{
    Asked, Compression, Definitions, ErrorKind, ExportOptions, ExportRows, MANIFEST_FILE, Manifest, PartitionBy,
    Progress, ScalarType, Session, Store,
};
use parquet::basic::{Encoding, ZstdLevel};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{data_files, events, export, ints, open, read, versions};
use crate::common::{NOW, TestStore, batch, entity, hours_ago, in_memory, times, users, view};

fn numbers() -> Definitions {
    Definitions {
        entities: vec![entity("item", &[("shop", ScalarType::String), ("item", ScalarType::Int64)])],
        views: vec![view("stock", &["item"], &[("count", "int64"), ("label", "string")])],
        services: vec![],
    }
}

/// `count` versions: two shops, each item with an event every hour for three hours.
fn fill(store: &Store, count: i64) {
    let rows = 0..count;
    let shops: ArrayRef = Arc::new(StringArray::from_iter_values(rows.clone().map(|n| format!("shop{}", n % 2))));
    let items: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.clone().map(|n| n / 6 - 5)));
    let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.clone()));
    let labels: ArrayRef = Arc::new(StringArray::from_iter_values(rows.clone().map(|n| format!("l{}", n % 3))));
    let event = times(rows.map(|n| Some(hours_ago(n / 2 % 3))));
    let columns =
        vec![("shop", shops), ("item", items), ("event_timestamp", event), ("count", counts), ("label", labels)];
    store.write("stock", &batch(columns)).unwrap();
}

#[test]
fn the_manifest_tells_the_truth_about_the_files() {
    let store = in_memory(&numbers());
    fill(&store, 600);
    let options = ExportOptions {
        rows: ExportRows::Versions { from: Some(hours_ago(1)), to: None },
        partition_by: Some(PartitionBy::Day),
        compression: Compression::Snappy,
        threads: 3,
    };
    let exported = export(&store, "stock", &options);
    let manifest = Manifest::read(&exported.path).unwrap();
    assert_eq!(manifest, exported.manifest);
    assert_eq!(manifest.view, "stock");
    let asked = Asked { rows: options.rows, partition_by: options.partition_by, compression: Compression::Snappy };
    assert_eq!(manifest.asked, asked);
    assert_eq!((manifest.snapshot, manifest.asofdb_version.as_str()), (NOW, env!("CARGO_PKG_VERSION")));
    let paths: Vec<_> = manifest.files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(paths, data_files(&exported.path));
    for file in &manifest.files {
        let path = exported.path.join(&file.path);
        assert_eq!(file.bytes, fs::metadata(&path).unwrap().len());
        assert_eq!(file.rows, read(&path).num_rows() as u64);
    }
    assert_eq!(manifest.rows, 400);
    assert_eq!(manifest.bytes, manifest.files.iter().map(|file| file.bytes).sum::<u64>());
    assert_eq!((manifest.event_min, manifest.event_max), (Some(hours_ago(1)), Some(hours_ago(0))));
    let names: Vec<_> = manifest.columns.iter().map(|column| column.name.as_str()).collect();
    let schema = exported.rows.schema();
    assert_eq!(names, schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>());
}

#[test]
fn a_directory_without_a_whole_manifest_is_no_export() {
    let directory = tempfile::tempdir().unwrap();
    let kind = || Manifest::read(directory.path()).unwrap_err().kind();
    assert_eq!(kind(), ErrorKind::NotFound);
    fs::write(directory.path().join(MANIFEST_FILE), "{\"format\": 1").unwrap();
    assert_eq!(kind(), ErrorKind::Corrupt);
    fs::write(directory.path().join(MANIFEST_FILE), "{\"format\": 2, \"new\": {}}").unwrap();
    assert_eq!(kind(), ErrorKind::Conflict);
}

#[test]
fn rows_are_sorted_by_key_then_newest_first_and_the_files_say_so() {
    let store = in_memory(&numbers());
    fill(&store, 600);
    let exported = export(&store, "stock", &versions());
    let keys: Vec<_> = super::texts(&exported.rows, "shop").into_iter().zip(ints(&exported.rows, "item")).collect();
    let newest = events(&exported.rows, "event_timestamp").into_iter().map(std::cmp::Reverse);
    let order: Vec<_> = keys.into_iter().zip(newest).collect();
    assert_eq!(order.len(), 600);
    assert!(order.is_sorted());

    let file = SerializedFileReader::new(open(&exported.path.join("part-00000.parquet"))).unwrap();
    let group = file.metadata().row_group(0);
    let sorting: Vec<_> = group.sorting_columns().unwrap().iter().map(|by| (by.column_idx, by.descending)).collect();
    assert_eq!(sorting, [(0, false), (1, false), (2, true), (3, true)]);
    let name = |index: i32| group.column(index as usize).column_path().string();
    assert_eq!([0, 1, 2, 3].map(name), ["shop", "item", "event_timestamp", "created"]);
    for column in group.columns() {
        assert!(column.statistics().is_some_and(|statistics| statistics.null_count_opt() == Some(0)));
        let is_text = ["shop", "label"].contains(&column.column_path().string().as_str());
        let has_dictionary = column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY);
        assert!(has_dictionary || !is_text, "{}", column.column_path());
        assert!(is_compressed_or_plain(column.compression(), parquet::basic::Compression::ZSTD(ZstdLevel::default())));
    }
    assert_eq!(file.metadata().file_metadata().created_by(), Some(concat!("asofdb ", env!("CARGO_PKG_VERSION"))));
}

/// A column that would not become smaller is left as it is.
fn is_compressed_or_plain(found: parquet::basic::Compression, asked: parquet::basic::Compression) -> bool {
    [asked, parquet::basic::Compression::UNCOMPRESSED].contains(&found)
}

#[test]
fn each_compression_is_used_when_asked_for_where_it_makes_a_column_smaller() {
    let store = in_memory(&numbers());
    fill(&store, 600);
    for (compression, codec) in [
        (Compression::Snappy, parquet::basic::Compression::SNAPPY),
        (Compression::None, parquet::basic::Compression::UNCOMPRESSED),
    ] {
        let exported = export(&store, "stock", &ExportOptions { compression, ..versions() });
        let file = SerializedFileReader::new(open(&exported.path.join("part-00000.parquet"))).unwrap();
        let columns = file.metadata().row_group(0).columns();
        assert!(columns.iter().all(|column| is_compressed_or_plain(column.compression(), codec)));
        assert!(columns.iter().any(|column| column.compression() == codec));
        assert_eq!(exported.rows.num_rows(), 600);
    }
}

#[test]
fn a_large_view_is_cut_into_ranges_for_threads_and_a_small_one_is_not() {
    let store = in_memory(&numbers());
    fill(&store, 600_000);
    let mut seen: Vec<Progress> = Vec::new();
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("out");
    let manifest = store.export("stock", &out, &versions(), &mut |progress| seen.push(progress)).unwrap();
    let paths: Vec<_> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["part-00000.parquet", "part-00001.parquet"]);
    assert!(manifest.files.iter().all(|file| file.rows >= 250_000), "{:?}", manifest.files);
    let mut all = Vec::new();
    for path in paths {
        let rows = read(&out.join(path));
        all.extend(super::texts(&rows, "shop").into_iter().zip(ints(&rows, "item")));
    }
    assert_eq!(all.len(), 600_000);
    assert!(all.is_sorted(), "files are numbered in the order of keys");

    assert_eq!(seen.last(), Some(&Progress { rows: 600_000, done: 600_000, total: Some(600_000) }));
    assert!(seen.iter().all(|progress| progress.total.is_some_and(|total| progress.done <= total)));
    assert!(seen.is_sorted_by_key(|progress| progress.rows));

    let single = export(&store, "stock", &ExportOptions { threads: 1, ..versions() });
    assert_eq!(data_files(&single.path), ["part-00000.parquet"]);
    assert_eq!(single.rows.num_rows(), 600_000);
}

#[test]
fn an_export_is_of_one_moment_whatever_is_written_meanwhile() {
    const USERS: i64 = 50;
    let TestStore { store, directory, .. } = TestStore::new(&users());
    let write = |step: i64| {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..USERS));
        let visits: ArrayRef = Arc::new(Int64Array::from_iter_values((0..USERS).map(|_| step)));
        let columns = vec![
            ("user_id", ids),
            ("event_timestamp", times((0..USERS).map(|_| Some(hours_ago(2_000 - step))))),
            ("score", arrow::array::new_null_array(&arrow::datatypes::DataType::Float32, USERS as usize)),
            ("visits", visits),
            ("name", arrow::array::new_null_array(&arrow::datatypes::DataType::Utf8, USERS as usize)),
        ];
        store.write("profile", &batch(columns)).unwrap();
    };
    write(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (1..400).for_each(write));
        let mut exports = 0;
        while exports < 3 || !writer.is_finished() {
            let rows = export(&store, "profile", &versions()).rows;
            // Every batch is there for all users or for none.
            let steps = rows.num_rows() as i64 / USERS;
            let expected: Vec<_> = (0..USERS).flat_map(|_| (0..steps).rev().map(Some)).collect();
            assert_eq!(ints(&rows, "visits"), expected);
            exports += 1;
        }
    });
    assert_eq!(export(&store, "profile", &versions()).rows.num_rows() as i64, 400 * USERS);
    drop(directory);
}

#[test]
fn an_export_from_disk_in_several_ranges_has_every_version_once() {
    let TestStore { store, directory: _directory, .. } = TestStore::new(&numbers());
    fill(&store, 600_000);
    store.flush().unwrap();
    let exported = export(&store, "stock", &versions());
    assert!(exported.manifest.files.len() >= 2, "{:?}", exported.manifest.files);
    let mut counts: Vec<_> = ints(&exported.rows, "count").into_iter().flatten().collect();
    counts.sort_unstable();
    assert!(counts.into_iter().eq(0..600_000));
}
