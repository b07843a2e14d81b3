//! Bulk work beside everybody else: it waits its turn, yields to point reads, and ends when nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{ErrorKind, ExportOptions, JOIN_MEMORY_BYTES_MIN, JoinOptions, Result, Session, Status, Value};
use asofdb_sidecar::{Bounds, BulkBounds};
use rustix::process::Signal;
use tempfile::TempDir;

use super::super::harness::Sidecar;
use super::{Host, connect};
use crate::common::{batch, hours_ago, int, times, users};

/// Makes the rows of so many users, whose names are a kilobyte each.
fn profiles(rows: i64) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef),
        ("event_timestamp", times((0..rows).map(|_| Some(hours_ago(1))))),
        ("score", Arc::new(Float32Array::from_iter_values((0..rows).map(|id| id as f32)))),
        ("visits", Arc::new(Int64Array::from_iter_values(0..rows))),
        ("name", Arc::new(StringArray::from_iter_values((0..rows).map(|id| format!("{id} {}", "n".repeat(1_000)))))),
    ])
}

fn host(bounds: Bounds, rows: i64) -> Host {
    host_with(bounds, BulkBounds::default(), rows)
}

fn one_at_a_time(patience: Duration) -> BulkBounds {
    BulkBounds { working_max: 1, patience, ..BulkBounds::default() }
}

fn host_with(bounds: Bounds, bulk: BulkBounds, rows: i64) -> Host {
    let host = Host::with_bulk(&users(), bounds, bulk);
    host.store.write("profile", &profiles(rows)).unwrap();
    host
}

fn spine(rows: i64) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef),
        ("event_timestamp", times((0..rows).map(|_| Some(hours_ago(0))))),
    ])
}

#[test]
fn point_reads_are_answered_beside_exports_and_joins() {
    let host = host(Bounds::default(), 30_000);
    let reads = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let bulk = Arc::new(scope.spawn(|| {
            for round in 0..3 {
                let out = host.path(&format!("out-{round}"));
                let manifest = host.client.export("profile", &out, &ExportOptions::default(), &mut |_| ()).unwrap();
                assert_eq!(manifest.rows, 30_000);
                let batches = [Ok(spine(30_000))].into_iter();
                let join = host
                    .client
                    .point_in_time_join(&["profile:name"], spine(0).schema(), batches, &JoinOptions::default())
                    .unwrap();
                assert_eq!(join.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 30_000);
            }
        }));
        for reader in 0..2i64 {
            let (host, bulk, reads) = (&host, bulk.clone(), &reads);
            scope.spawn(move || {
                let request = host.client.prepare(&["profile:visits"]).unwrap();
                let mut entities = request.entity_rows();
                for id in (0..).map(|n| (n * 37 + reader) % 30_000).take_while(|_| !bulk.is_finished()) {
                    entities.clear();
                    entities.push(&[int(id)]).unwrap();
                    let answer = host.client.latest(&request, &entities).unwrap();
                    assert_eq!((answer.value(0, 0).unwrap(), answer.status(0, 0)), (int(id), Status::Present));
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert!(reads.into_inner() > 100);
}

#[test]
fn a_stream_that_nobody_reads_to_its_end_gives_its_place_back() {
    let host = host_with(Bounds::default(), one_at_a_time(Duration::from_secs(20)), 30_000);
    let options = JoinOptions { memory_bytes: JOIN_MEMORY_BYTES_MIN, ..JoinOptions::default() };
    for _ in 0..3 {
        // Far more than sockets hold is still to come, in both directions.
        let batches = std::iter::repeat_n(spine(30_000), 1_000).map(Ok);
        let mut join = host.client.point_in_time_join(&["profile:name"], spine(0).schema(), batches, &options).unwrap();
        assert!(join.schema().column_with_name("name").is_some());
        drop(join.next());
        drop(join);
    }
    assert_eq!(host.client.freshness("profile").unwrap().entities, 30_000);
}

#[test]
fn when_all_places_are_taken_the_next_waits_in_line_and_is_then_refused() {
    let host = host_with(Bounds::default(), one_at_a_time(Duration::from_millis(300)), 1_000);
    // Has begun, and waits for its spine.
    let (go_on, wait) = std::sync::mpsc::channel::<Result<RecordBatch>>();
    let mut join = host
        .client
        .point_in_time_join(&["profile:visits"], spine(0).schema(), wait.into_iter(), &JoinOptions::default())
        .unwrap();
    let other = connect(&host.path("socket"));
    let error = other.freshness("profile").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "1 bulk requests are being answered, the most at a time; try again later");
    let request = other.prepare(&["profile:visits"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(7)]).unwrap();
    assert_eq!(other.latest(&request, &entities).unwrap().value(0, 0).unwrap(), int(7), "point reads go on");
    assert_eq!(other.history("profile", &[("user_id", Value::Int64(7))], 10).unwrap().len(), 1, "so do pages");
    go_on.send(Ok(spine(1_000))).unwrap();
    drop(go_on);
    assert_eq!(join.next().unwrap().unwrap().num_rows(), 1_000);
    assert!(join.next().is_none());
    assert_eq!(other.freshness("profile").unwrap().entities, 1_000);
}

#[test]
fn a_client_that_pauses_within_a_stream_is_cut_off() {
    let bounds = Bounds { stall_timeout: Duration::from_millis(200), ..Bounds::default() };
    let host = host(bounds, 1_000);
    let batches = (0..3).map(|_| {
        std::thread::sleep(Duration::from_millis(900));
        Ok(spine(1_000))
    });
    let mut join = host
        .client
        .point_in_time_join(&["profile:visits"], spine(0).schema(), batches, &JoinOptions::default())
        .unwrap();
    assert_eq!(join.find_map(Result::err).unwrap().kind(), ErrorKind::Unavailable);
    assert_eq!(host.client.history("profile", &[("user_id", Value::Int64(7))], 10).unwrap().len(), 1);
}

#[test]
fn an_answer_that_takes_long_shows_signs_of_life() {
    // The client waits eight seconds for a frame; its turn comes after ten, and a sign of life every two.
    let host = host_with(Bounds::default(), one_at_a_time(Duration::from_secs(30)), 1_000);
    let (go_on, wait) = std::sync::mpsc::channel::<Result<RecordBatch>>();
    let mut join = host
        .client
        .point_in_time_join(&["profile:visits"], spine(0).schema(), wait.into_iter(), &JoinOptions::default())
        .unwrap();
    std::thread::scope(|scope| {
        let freshness = scope.spawn(|| {
            let options = asofdb_client::ConnectOptions { timeout: Duration::from_secs(8), ..Default::default() };
            let hurried = asofdb_client::Client::connect_with(host.path("socket"), options).unwrap();
            hurried.freshness("profile")
        });
        std::thread::sleep(Duration::from_secs(10));
        go_on.send(Ok(spine(10))).unwrap();
        drop(go_on);
        assert_eq!(join.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 10);
        assert_eq!(freshness.join().unwrap().unwrap().entities, 1_000);
    });
}

#[test]
fn a_sidecar_that_dies_leaves_nothing_of_an_export_that_looks_complete() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    client.write("profile", &profiles(20_000)).unwrap();
    let directory = TempDir::new().unwrap();
    let mut batches = 0;
    let out = directory.path().join("out");
    let exported = client.export("profile", &out, &ExportOptions::default(), &mut |_| {
        batches += 1;
        if batches == 1 {
            sidecar.signal(Signal::KILL);
        }
    });
    assert_eq!(exported.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
