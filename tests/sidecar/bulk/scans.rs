//! Histories and exports.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float32Builder, Int64Array, ListBuilder, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use asofdb::{
    Compression, Definitions, ErrorKind, ExportOptions, ExportRows, FeatureDefinition, Input, Manifest, PartitionBy,
    ScalarType, Session, Span, Store, Value,
};

use super::{Host, read};
use crate::common::{NOW, batch, entity, hours_ago, int, times, users, view};

/// Users of a shop, with a number, a text and a list; ttl a day, and a default for the number.
fn definitions() -> Definitions {
    let features = [("visits", "int64"), ("name", "string"), ("embedding", "list<float32>")];
    let mut profile = view("profile", &["user"], &features);
    profile.ttl = Some(Span::from_secs(86_400));
    profile.features[0].default = Some(Value::Int64(-1));
    Definitions {
        entities: vec![entity("user", &[("shop", ScalarType::String), ("user_id", ScalarType::Int64)])],
        views: vec![profile],
        services: vec![],
    }
}

fn shop(user: i64) -> String {
    format!("shop\0{}", user % 2)
}

fn key(user: i64) -> [(&'static str, Value); 2] {
    [("shop", Value::String(shop(user))), ("user_id", Value::Int64(user))]
}

/// Rows: user, hours ago. Every seventh has nulls, and lists have up to four items.
fn profiles(rows: &[(i64, i64)]) -> RecordBatch {
    let is_null = |user: i64| user % 7 == 0;
    let mut lists = ListBuilder::new(Float32Builder::new());
    for (user, hours) in rows {
        match is_null(*user) {
            true => lists.append_null(),
            false => lists.append_value((0..user % 5).map(|item| Some(item as f32 + *hours as f32 / 4.0))),
        }
    }
    let visits = rows.iter().map(|(user, hours)| (!is_null(*user)).then_some(user * 1_000 + hours));
    let names = rows.iter().map(|(user, _)| (!is_null(*user)).then(|| format!("user {user}")));
    batch(vec![
        ("shop", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| shop(row.0)))) as ArrayRef),
        ("user_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("event_timestamp", times(rows.iter().map(|row| Some(hours_ago(row.1))))),
        ("created", times(rows.iter().map(|row| Some(hours_ago(row.1 - 1))))),
        ("visits", Arc::new(visits.collect::<Int64Array>())),
        ("name", Arc::new(names.collect::<StringArray>())),
        ("embedding", Arc::new(lists.finish())),
    ])
}

/// 20,000 versions of 2,000 users over 20 days; user 2 was deleted and came back, user 3 was deleted.
fn host() -> Host {
    let host = Host::new(&definitions());
    let rows: Vec<_> = (0..20_000).map(|n| (n % 2_000, 1 + (n / 2_000 * 47 + n % 13) % 480)).collect();
    host.store.write("profile", &profiles(&rows)).unwrap();
    host.store.delete(&["profile"], &key(2), NOW).unwrap();
    host.store.delete(&["profile"], &key(3), NOW).unwrap();
    host.clock.advance(Span::from_secs(60));
    host.store.write("profile", &profiles(&[(2, 0)])).unwrap();
    host
}

#[test]
fn a_history_is_that_of_the_embedded_store() {
    let host = host();
    for user in [0, 1, 2, 3, 7, 1_999] {
        let (remote, local) =
            (host.client.history("profile", &key(user), 100), host.store.history("profile", &key(user), 100));
        let remote = remote.unwrap();
        assert_eq!(remote, local.unwrap(), "user {user}");
        assert!(remote.len() >= 10, "user {user}: {}", remote.len());
        assert_eq!(host.client.history("profile", &key(user), 3).unwrap(), remote[..3]);
    }
    assert!(host.client.history("profile", &key(3), 1).unwrap()[0].deleted);
    assert_eq!(host.client.history("profile", &key(1), 0).unwrap(), []);
    assert_eq!(host.client.history("profile", &key(5_000), 10).unwrap(), []);
    let errors = [
        (host.client.history("profil", &key(1), 1).unwrap_err(), host.store.history("profil", &key(1), 1).unwrap_err()),
        (
            host.client.history("profile", &key(1)[..1], 1).unwrap_err(),
            host.store.history("profile", &key(1)[..1], 1).unwrap_err(),
        ),
    ];
    for (remote, local) in errors {
        assert_eq!((remote.kind(), remote.message()), (local.kind(), local.message()));
    }
}

#[test]
fn a_history_follows_the_catalog() {
    let host = host();
    assert_eq!(host.client.history("profile", &key(1), 1).unwrap()[0].values.len(), 3);
    let mut grown = definitions();
    grown.views[0].features.push(FeatureDefinition::new("level", "int32".parse().unwrap()));
    host.store.apply(&grown, false).unwrap();
    let history = host.client.history("profile", &key(1), 1).unwrap();
    assert_eq!(history[0].values[3], None, "a row from before the feature");
    assert_eq!(history, host.store.history("profile", &key(1), 1).unwrap());
}

/// The manifest, and the rows of its files in their order.
fn exported(host: &Host, name: &str, manifest: Manifest) -> (Manifest, RecordBatch) {
    let files: Vec<_> = manifest.files.iter().map(|file| read(&host.path(name).join(&file.path))).collect();
    let schema = files[0].schema();
    assert_eq!(Manifest::read(&host.path(name)).unwrap(), manifest);
    assert_eq!(manifest.files.iter().map(|file| file.rows).collect::<Vec<_>>(), rows_of(&files));
    (manifest, concat_batches(&schema, &files).unwrap())
}

fn rows_of(files: &[RecordBatch]) -> Vec<u64> {
    files.iter().map(|file| file.num_rows() as u64).collect()
}

#[test]
fn an_export_is_that_of_the_embedded_store() {
    let host = host();
    let window = ExportRows::Versions { from: Some(hours_ago(300)), to: Some(hours_ago(30)) };
    let everything = ExportRows::Versions { from: None, to: None };
    let questions = [everything, window, ExportRows::AsOf(hours_ago(100)), ExportRows::Latest];
    let partitions = [None, Some(PartitionBy::Day), Some(PartitionBy::Month)];
    let mut number = 0;
    for rows in questions {
        for partition_by in partitions {
            let options = ExportOptions { rows, partition_by, compression: Compression::Snappy, threads: 1 };
            number += 1;
            let (here, there) = (format!("here-{number}"), format!("there-{number}"));
            let mut last = None;
            let remote = host
                .client
                .export("profile", &host.path(&there), &options, &mut |progress| last = Some(progress))
                .unwrap();
            let local = host.store.export("profile", &host.path(&here), &options, &mut |_| ()).unwrap();
            assert_eq!(last.map(|progress| progress.rows), Some(remote.rows));
            let (mut remote, remote_rows) = exported(&host, &there, remote);
            let (local, local_rows) = exported(&host, &here, local);
            assert_eq!(remote_rows, local_rows, "{options:?}");
            assert!(remote.rows > 1_000, "{options:?}: {}", remote.rows);
            let paths = |manifest: &Manifest| manifest.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
            assert_eq!(paths(&remote), paths(&local));
            (remote.bytes, remote.files) = (local.bytes, local.files.clone());
            assert_eq!(remote, local, "{options:?}");
        }
    }
}

#[test]
fn an_export_of_nothing_is_an_empty_file_or_no_partition() {
    let host = Host::new(&definitions());
    for partition_by in [None, Some(PartitionBy::Day)] {
        let options = ExportOptions { partition_by, ..ExportOptions::default() };
        let out = host.path(if partition_by.is_some() { "partitioned" } else { "whole" });
        let manifest = host.client.export("profile", &out, &options, &mut |_| ()).unwrap();
        assert_eq!((manifest.rows, manifest.files.len()), (0, usize::from(partition_by.is_none())));
        assert_eq!(Manifest::read(&out).unwrap(), manifest);
    }
}

#[test]
fn rows_that_waited_on_disk_for_their_partition_are_all_there_and_in_order() {
    let host = Host::new(&users());
    // 48 MiB of names: more than waits in memory.
    let (ids, text) = (0..48_000i64, "x".repeat(1_000));
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(ids.clone())) as ArrayRef),
        ("event_timestamp", times(ids.clone().map(|id| Some(hours_ago(id % 100))))),
        ("score", Arc::new(Float32Array::from_iter_values(ids.clone().map(|id| id as f32)))),
        ("visits", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("name", Arc::new(StringArray::from_iter_values(ids.map(|id| format!("{id} {text}"))))),
    ]);
    host.store.write("profile", &rows).unwrap();
    let options = ExportOptions { partition_by: Some(PartitionBy::Day), ..ExportOptions::default() };
    let remote = host.client.export("profile", &host.path("there"), &options, &mut |_| ()).unwrap();
    let local = host.store.export("profile", &host.path("here"), &options, &mut |_| ()).unwrap();
    assert_eq!(remote.files.len(), 6);
    assert_eq!(exported(&host, "there", remote).1, exported(&host, "here", local).1);
}

#[test]
fn an_export_that_is_refused_leaves_nothing() {
    let host = host();
    let out = host.path("out");
    let mut dated = definitions();
    dated.views[0].features.push(FeatureDefinition::new("event_date", "string".parse().unwrap()));
    host.store.apply(&dated, false).unwrap();
    let of = |options: &ExportOptions, view: &str| {
        let remote = host.client.export(view, &out, options, &mut |_| ()).unwrap_err();
        let local = host.store.export(view, &out, options, &mut |_| ()).unwrap_err();
        assert_eq!((remote.kind(), remote.message()), (local.kind(), local.message()));
        assert!(!out.exists());
        remote.kind()
    };
    let default = ExportOptions::default();
    assert_eq!(of(&default, "profil"), ErrorKind::NotFound);
    assert_eq!(of(&ExportOptions { threads: 0, ..default.clone() }, "profile"), ErrorKind::Invalid);
    let backwards = ExportRows::Versions { from: Some(hours_ago(1)), to: Some(hours_ago(2)) };
    assert_eq!(of(&ExportOptions { rows: backwards, ..default.clone() }, "profile"), ErrorKind::Invalid);
    let by_day = ExportOptions { partition_by: Some(PartitionBy::Day), ..default.clone() };
    assert_eq!(of(&by_day, "profile"), ErrorKind::Conflict);
    std::fs::write(&out, "mine").unwrap();
    assert_eq!(host.client.export("profile", &out, &default, &mut |_| ()).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
}

#[test]
fn an_export_ingested_through_another_sidecar_gives_the_same_history() {
    let (host, copy) = (host(), Host::new(&definitions()));
    let options = ExportOptions { partition_by: Some(PartitionBy::Month), ..ExportOptions::default() };
    let manifest = host.client.export("profile", &host.path("out"), &options, &mut |_| ()).unwrap();
    let inputs = manifest.files.iter().map(|file| Input::Path(host.path("out").join(&file.path))).collect();
    copy.clock.advance(Span::from_secs(86_400));
    let report = copy.client.ingest("profile", inputs, &asofdb::IngestOptions::default(), &mut |_| ()).unwrap();
    assert_eq!(report.rows_written, manifest.rows);
    let history = |store: &Store, user| store.history("profile", &key(user), 100).unwrap();
    for user in [0, 1, 2, 3, 7, 1_999] {
        assert_eq!(history(&copy.store, user), history(&host.store, user), "user {user}");
    }
    assert_eq!(history(&copy.store, 1)[0].values[0], int(1_002));
}
