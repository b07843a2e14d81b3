//! Ingests: whole or not at all, once, and again where they were left off.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    ErrorKind, FeatureDefinition, INGEST_CHUNK_BYTES_MIN, IngestOptions, IngestReport, Input, Result, Session, Value,
};
use asofdb_client::Client;
use asofdb_sidecar::{Access, Bounds};
use rustix::process::Signal;
use tempfile::TempDir;

use super::super::harness::Sidecar;
use super::Host;
use crate::common::{batch, files, hours_ago, times, users};

pub(super) fn ingest(client: &Client, paths: &[&Path], options: &IngestOptions) -> Result<IngestReport> {
    let inputs = paths.iter().map(|path| Input::Path(path.to_path_buf())).collect();
    client.ingest("profile", inputs, options, &mut |_| {})
}

pub(super) fn counts(report: &IngestReport) -> [u64; 4] {
    [report.rows_read, report.rows_written, report.rows_rejected, report.rows_resumed]
}

/// Rows of the view `profile` for the users `0..rows`.
pub(super) fn profiles(rows: i64) -> RecordBatch {
    let ids: Vec<i64> = (0..rows).collect();
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(ids.clone())) as ArrayRef),
        ("event_timestamp", times(ids.iter().map(|id| Some(hours_ago(1 + id % 10))))),
        ("created", times(ids.iter().map(|_| Some(hours_ago(0))))),
        ("score", Arc::new(ids.iter().map(|id| Some(*id as f32)).collect::<Float32Array>())),
        ("visits", Arc::new(ids.iter().map(|id| Some(id * 3)).collect::<Int64Array>())),
        ("name", Arc::new(ids.iter().map(|id| (id % 2 == 0).then(|| format!("n{id}"))).collect::<StringArray>())),
    ])
}

pub(super) fn visits(client: &Client, user: i64) -> Vec<Option<Value>> {
    let history = client.history("profile", &[("user_id", Value::Int64(user))], 10).unwrap();
    history.into_iter().map(|row| row.values[1].clone()).collect()
}

/// Chunks of some hundred rows, each a step.
fn small() -> IngestOptions {
    let chunk_bytes = INGEST_CHUNK_BYTES_MIN;
    IngestOptions { chunk_bytes, step_bytes: chunk_bytes as u64, ..IngestOptions::default() }
}

const HEADER: &str = "user_id,event_timestamp,score,visits,name\n";

#[test]
fn files_are_written_once_whoever_takes_them() {
    let host = Host::new(&users());
    let file = files::parquet(host.path("rows.parquet"), &profiles(100_000), 30_000);
    // In one load by way of files, and in many through the write buffers.
    for options in [IngestOptions::default(), IngestOptions { from_scratch: true, ..small() }] {
        assert_eq!(counts(&ingest(&host.client, &[&file], &options).unwrap()), [100_000, 100_000, 0, 0]);
        assert_eq!(host.store.verify().unwrap().versions, 100_000);
    }
    assert_eq!(visits(&host.client, 99_999), [Some(Value::Int64(299_997))]);
    assert_eq!(counts(&ingest(&host.client, &[&file], &small()).unwrap()), [0, 0, 0, 100_000]);
    let inputs = vec![Input::Path(file)];
    let here = host.store.ingest("profile", inputs, &IngestOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(counts(&here), [0, 0, 0, 100_000], "the embedded store knows what came through the socket");
}

#[test]
fn a_bad_row_of_any_file_refuses_everything_as_the_embedded_store_does() {
    let host = Host::new(&users());
    let good = files::parquet(host.path("good.parquet"), &profiles(20_000), 5_000);
    let old = hours_ago(1);
    for text in [format!("1,{old},1,1,\n2,{old},x,1,\n"), format!(",{old},1,1,\n"), "1,2025-01-01,1,1,\n".to_owned()] {
        let bad = files::text(host.path("bad.csv"), &format!("{HEADER}{text}"));
        let remote = ingest(&host.client, &[&good, &bad], &small()).unwrap_err();
        let inputs = vec![Input::Path(good.clone()), Input::Path(bad)];
        let local = host.store.ingest("profile", inputs, &small(), &mut |_| {}).unwrap_err();
        assert_eq!((remote.kind(), remote.message()), (ErrorKind::Invalid, local.message()));
        assert_eq!(host.store.verify().unwrap().versions, 0);
    }
    let error = host.client.ingest("profil", vec![Input::Path(good)], &small(), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(ingest(&host.client, &[], &small()).unwrap_err().message(), "nothing to ingest: name at least one file");
}

#[test]
fn bad_rows_are_set_aside_when_asked() {
    let host = Host::new(&users());
    let old = hours_ago(1);
    let text = format!("{HEADER}1,{old},1,1,\n2,{old},x,1,\n3,{old},3,3,c\n");
    let file = files::text(host.path("mixed.csv"), &text);
    let options = IngestOptions { rejects: Some(host.path("rejects.ndjson")), ..IngestOptions::default() };
    assert_eq!(counts(&ingest(&host.client, &[&file], &options).unwrap()), [3, 2, 1, 0]);
    assert_eq!(visits(&host.client, 3), [Some(Value::Int64(3))]);
    assert_eq!(visits(&host.client, 2), []);
    let rejects = fs::read_to_string(host.path("rejects.ndjson")).unwrap();
    assert!(rejects.contains("column \\\"score\\\" is no float32: \\\"x\\\""), "{rejects}");
    assert_eq!(rejects.lines().count(), 1);
}

#[test]
fn a_killed_sidecar_is_asked_again_and_goes_on_where_it_was() {
    let directory = TempDir::new().unwrap();
    let file = files::parquet(directory.path().join("rows.parquet"), &profiles(200_000), 20_000);
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let mut killed = false;
    let error = client
        .ingest("profile", vec![Input::Path(file.clone())], &small(), &mut |progress| {
            if progress.rows > 60_000 && !killed {
                sidecar.signal(Signal::KILL);
                killed = true;
            }
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "the rows may not have been loaded; run the ingest again to go on");
    let sidecar = Sidecar::over(sidecar.kill(), &[]);
    let report = ingest(&client, &[&file], &small()).unwrap();
    let [read, written, rejected, resumed] = counts(&report);
    assert_eq!((read, written, rejected), (200_000 - resumed, 200_000 - resumed, 0));
    assert!((20_000..200_000).contains(&resumed), "{resumed}");
    let verified = client.verify().unwrap();
    assert_eq!((verified.versions, verified.problems), (200_000, Vec::new()));
    assert_eq!(visits(&client, 199_999), [Some(Value::Int64(599_997))]);
    drop(sidecar);
}

#[test]
fn chunks_are_no_larger_than_the_sidecar_takes() {
    let bounds = Bounds { load_bytes_max: 3 << 20, body_bytes_max: 2 << 20, ..Bounds::default() };
    let host = Host::with(&users(), bounds, Access::default());
    let file = files::parquet(host.path("rows.parquet"), &profiles(200_000), 50_000);
    let report = ingest(&host.client, &[&file], &IngestOptions::default()).unwrap();
    assert_eq!(counts(&report), [200_000, 200_000, 0, 0]);
    assert_eq!(host.store.verify().unwrap().versions, 200_000);
    let bounds = Bounds { load_bytes_max: 64 << 10, ..Bounds::default() };
    let host = Host::with(&users(), bounds, Access::default());
    let error = ingest(&host.client, &[&file], &IngestOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().starts_with("a load has at most 1008192 rows and 65536 bytes; load less at a time: "));
    assert_eq!(host.store.verify().unwrap().versions, 0);
    // The connection goes on.
    assert_eq!(visits(&host.client, 1), []);
}

#[test]
fn a_view_that_changes_under_an_ingest_is_a_conflict_and_the_next_run_takes_the_rest() {
    let host = Host::new(&users());
    let file = files::parquet(host.path("rows.parquet"), &profiles(100_000), 20_000);
    let mut grown = users();
    grown.views[0].features[0].description = "a change that rows do not notice".to_owned();
    let mut wide = grown.clone();
    wide.views[0].features.push(FeatureDefinition::new("level", "int32".parse().unwrap()));
    let mut steps = 0;
    let error = host
        .client
        .ingest("profile", vec![Input::Path(file.clone())], &small(), &mut |progress| {
            steps += 1;
            if steps == 1 {
                host.store.apply(&grown, false).unwrap();
            } else if progress.rows > 60_000 {
                host.store.apply(&wide, false).unwrap();
            }
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.message(), "the view was changed meanwhile; run the ingest again: \"profile\"");
    host.store.apply(&grown, true).unwrap();
    assert_eq!(counts(&ingest(&host.client, &[&file], &small()).unwrap())[0..2], [100_000, 100_000]);
    assert_eq!(host.store.verify().unwrap().versions, 100_000);
}

#[test]
fn whoever_may_only_read_loads_nothing() {
    let access = Access { read_only: true, ..Access::default() };
    let host = Host::with(&users(), Bounds::default(), access);
    let file = files::parquet(host.path("rows.parquet"), &profiles(10), 10);
    let error = ingest(&host.client, &[&file], &IngestOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(error.message(), "loading rows needs the role writer; this caller has the role reader");
    assert_eq!(host.store.verify().unwrap().versions, 0);
}
