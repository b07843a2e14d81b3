//! Work that nobody waits for any more ends, in the client and in the sidecar.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    CheckpointFiles, ErrorKind, ExportOptions, ExportRows, IngestOptions, Input, JoinOptions, Result, Scan, Session,
    Value,
};
use asofdb_client::{AsyncClient, Cancel};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::unbounded_channel;

use super::endless::EndlessSidecar;
use super::harness::{Sidecar, eventually};
use crate::common::{batch, files, hours_ago, times, users};
use crate::http::client::Target;

/// More exports than an asynchronous client makes at a time.
const ROUNDS: usize = 6;

/// A sidecar that says what it is doing.
struct Host {
    sidecar: Sidecar,
    metrics: Target,
    directory: TempDir,
}

impl Host {
    fn start(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("http");
        // The sidecar itself would end a stream that pauses; here only the client's end may.
        let always: &[&str] = &["--http-socket", socket.to_str().unwrap(), "--stall-timeout", "1h"];
        let arguments = [always, arguments].concat();
        let sidecar = Sidecar::start(&users(), &arguments);
        Host { sidecar, metrics: Target::Unix(socket), directory }
    }

    /// Waits until a gauge of the native door has a value.
    fn wait_for(&self, gauge: &str, wanted: u64) {
        let line = format!("asof_{gauge}{{door=\"native\"}} {wanted}\n");
        let is_so = eventually(|| self.metrics.get("/metrics").text().contains(&line));
        assert!(is_so, "not {line}");
    }
}

fn profiles(rows: i64) -> RecordBatch {
    profiles_of(0..rows)
}

fn profiles_of(ids: std::ops::Range<i64>) -> RecordBatch {
    let name = "n".repeat(1_000);
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(ids.clone())) as ArrayRef),
        ("event_timestamp", times(ids.clone().map(|_| Some(hours_ago(1))))),
        ("score", Arc::new(Float32Array::from_iter_values(ids.clone().map(|id| id as f32)))),
        ("visits", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("name", Arc::new(StringArray::from_iter_values(ids.map(|_| &name)))),
    ])
}

fn spine(rows: i64) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef),
        ("event_timestamp", times((0..rows).map(|_| Some(hours_ago(0))))),
    ])
}

/// A progress callback that tells of its first call, waits there until it is let go on, and counts its calls.
fn stop_at_first() -> (impl FnMut(asofdb::Progress) + Send + 'static, Stopped) {
    let (begun, has_begun) = unbounded_channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    let progress = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let _ = begun.send(());
        // Fails, and so does not wait, once it was let go on.
        let _ = wait.recv();
    };
    (progress, Stopped { has_begun, go_on: Some(go_on), calls })
}

struct Stopped {
    has_begun: tokio::sync::mpsc::UnboundedReceiver<()>,
    go_on: Option<mpsc::Sender<()>>,
    calls: Arc<AtomicU64>,
}

impl Stopped {
    /// Lets the work go on, and waits until it has ended and the callback is gone. Returns how often it was called.
    fn go_on(mut self) -> u64 {
        self.go_on = None;
        assert!(eventually(|| Arc::strong_count(&self.calls) == 1), "the work does not end");
        self.calls.load(Ordering::SeqCst)
    }
}

#[test]
fn a_join_that_is_dropped_ends_in_the_sidecar_although_its_spine_still_waits() {
    let host = Host::start(&[]);
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(host.sidecar.socket()).await.unwrap();
        client.write("profile", &profiles(10)).await.unwrap();
        let (go_on, batches) = mpsc::channel::<Result<RecordBatch>>();
        let references = ["profile:visits"];
        let options = JoinOptions::default();
        let join = client.point_in_time_join(&references, spine(0).schema(), batches.into_iter(), &options);
        let join = join.await.unwrap();
        host.wait_for("requests_in_flight", 1);
        drop(join);
        host.wait_for("requests_in_flight", 0);
        drop(go_on);
        // The connection was not given back: what comes next is answered.
        assert_eq!(client.history("profile", &[("user_id", Value::Int64(7))], 9).await.unwrap().len(), 1);
    });
}

#[test]
fn a_scan_of_which_nobody_takes_more_ends_in_the_sidecar() {
    let host = Host::start(&[]);
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(host.sidecar.socket()).await.unwrap();
        for part in 0..5 {
            client.write("profile", &profiles_of(part * 30_000..(part + 1) * 30_000)).await.unwrap();
        }
        let scan = Scan { view: "profile", rows: ExportRows::Latest, entity: None, limit: None };
        let mut rows = client.scan(&scan).await.unwrap();
        let first = rows.next().await.unwrap().unwrap();
        assert_eq!(first.schema(), rows.begin().schema.arrow);
        // Far more than sockets and the client's thread hold is still to come.
        host.wait_for("requests_in_flight", 1);
        drop(rows);
        host.wait_for("requests_in_flight", 0);
    });
}

#[test]
fn exports_that_are_dropped_leave_nothing_and_give_their_places_back() {
    let host = Host::start(&[]);
    let out = host.directory.path().join("exports");
    std::fs::create_dir(&out).unwrap();
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(host.sidecar.socket()).await.unwrap();
        client.write("profile", &profiles(30_000)).await.unwrap();
        for round in 0..ROUNDS {
            let (progress, mut stopped) = stop_at_first();
            let (target, options) = (out.join(round.to_string()), ExportOptions::default());
            let export = client.export("profile", &target, &options, progress);
            tokio::select! {
                done = export => panic!("it was to wait: {done:?}"),
                _ = stopped.has_begun.recv() => {}
            }
            // The export was dropped by `select!`.
            host.wait_for("requests_in_flight", 0);
            stopped.go_on();
        }
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
        let whole = client.export("profile", &out.join("whole"), &ExportOptions::default(), |_| ()).await.unwrap();
        assert_eq!(whole.rows, 30_000);
    });
}

#[test]
fn an_ingest_that_is_dropped_reads_no_further_and_writes_nothing() {
    let host = Host::start(&[]);
    let file = files::parquet(host.directory.path().join("rows.parquet"), &profiles(50_000), 50_000);
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(host.sidecar.socket()).await.unwrap();
        let (progress, mut stopped) = stop_at_first();
        let (inputs, options) = (vec![Input::Path(file)], IngestOptions::default());
        let ingest = client.ingest("profile", inputs, &options, progress);
        tokio::select! {
            done = ingest => panic!("it was to wait: {done:?}"),
            _ = stopped.has_begun.recv() => {}
        }
        assert_eq!(stopped.go_on(), 1, "only the batch under way was checked");
        assert_eq!(client.stats().await.unwrap().rows, 0);
    });
}

#[test]
fn what_takes_long_holds_up_nothing_else_of_its_client() {
    let host = Host::start(&["--bulk-max", "1"]);
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(host.sidecar.socket()).await.unwrap();
        client.write("profile", &profiles(10)).await.unwrap();
        let (go_on, batches) = mpsc::channel::<Result<RecordBatch>>();
        let references = ["profile:visits"];
        let options = JoinOptions::default();
        let mut join =
            client.point_in_time_join(&references, spine(0).schema(), batches.into_iter(), &options).await.unwrap();
        // Waits in the sidecar's line behind the join, on the client's third connection.
        host.wait_for("connections", 2);
        let freshness = tokio::spawn({
            let client = client.clone();
            async move { client.freshness("profile").await }
        });
        host.wait_for("connections", 3);
        client.write("profile", &profiles(11)).await.unwrap();
        assert!(!freshness.is_finished());
        go_on.send(Ok(spine(10))).unwrap();
        drop(go_on);
        assert_eq!(join.next().await.unwrap().unwrap().num_rows(), 10);
        assert!(join.next().await.unwrap().is_none());
        assert_eq!(join.end().unwrap().rows, 10);
        assert_eq!(freshness.await.unwrap().unwrap().entities, 11);
    });
}

#[test]
fn calls_of_a_blocking_client_can_be_cancelled_from_another_thread() {
    let host = Host::start(&[]);
    let client = host.sidecar.client();
    client.write("profile", &profiles(10)).unwrap();
    let cancel = Cancel::default();
    let cancelled = client.cancelled_by(&cancel);
    assert!(cancelled.now().is_ok());
    let (progress, mut stopped) = stop_at_first();
    std::thread::scope(|scope| {
        let out = host.directory.path().join("out");
        let cancelled = &cancelled;
        let mut progress = progress;
        let export =
            scope.spawn(move || cancelled.export("profile", &out, &ExportOptions::default(), &mut progress).map(drop));
        stopped.has_begun.blocking_recv().unwrap();
        cancel.cancel();
        drop(stopped.go_on.take());
        // All of so few rows had arrived, or not: either way no call follows.
        let _ = export.join().unwrap();
    });
    let error = cancelled.now().unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "the call was cancelled"));
    assert!(client.now().is_ok(), "other calls of the same client go on");
}

/// Begins work of an asynchronous client that has no end, and drops it.
async fn begin_and_drop<T: std::fmt::Debug>(
    sidecar: &EndlessSidecar,
    count: u64,
    work: impl Future<Output = Result<T>>,
    what: &str,
) {
    let begun = tokio::task::spawn_blocking({
        let underway = sidecar.underway.clone();
        move || underway.wait_begun(count)
    });
    tokio::select! {
        done = work => panic!("{what} has no end: {done:?}"),
        begun = begun => begun.unwrap(),
    }
    // The work was dropped by `select!`.
    sidecar.underway.wait_ended(what);
}

#[test]
fn upkeep_that_nobody_waits_for_ends_in_the_sidecar() {
    let sidecar = EndlessSidecar::start(1);
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(&sidecar.socket).await.unwrap();
        client.write("profile", &profiles(1)).await.unwrap();
        let copy = std::path::Path::new("/nowhere/copy");
        begin_and_drop(&sidecar, 1, client.verify(), "verify").await;
        begin_and_drop(&sidecar, 2, client.compact(), "compact").await;
        begin_and_drop(&sidecar, 3, client.checkpoint(copy), "checkpoint").await;
        begin_and_drop(&sidecar, 4, client.checkpoint_with(copy, CheckpointFiles::Copied), "copy").await;
        begin_and_drop(&sidecar, 5, client.repair_clock(), "repair of the clock").await;
        begin_and_drop(&sidecar, 6, client.freshness("profile"), "freshness").await;
        // Each has given its place back, the only one.
        begin_and_drop(&sidecar, 7, client.verify(), "verify").await;
    });
}

#[test]
fn a_long_chunk_of_a_join_that_nobody_waits_for_ends_in_the_sidecar() {
    let sidecar = EndlessSidecar::start(1);
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(&sidecar.socket).await.unwrap();
        client.write("profile", &profiles(1)).await.unwrap();
        // One chunk, whose look-ups take a quarter of an hour.
        let spine = spine(1_000_000);
        let (schema, options) = (spine.schema(), JoinOptions::default());
        let batches = std::iter::once(Ok(spine));
        let join = client.point_in_time_join(&["profile:visits"], schema, batches, &options).await.unwrap();
        let underway = sidecar.underway.clone();
        tokio::task::spawn_blocking(move || underway.wait_begun(1)).await.unwrap();
        drop(join);
        sidecar.underway.wait_ended("the join");
    });
}

#[test]
fn upkeep_that_waits_in_line_leaves_it_when_its_client_goes() {
    let sidecar = EndlessSidecar::start(1);
    let waiting = |count: u64| {
        let line = format!("asof_bulk_requests{{state=\"waiting\"}} {count}\n");
        assert!(eventually(|| sidecar.http.get("/metrics").text().contains(&line)), "not {line}");
    };
    Runtime::new().unwrap().block_on(async {
        let client = AsyncClient::connect(&sidecar.socket).await.unwrap();
        let working = tokio::spawn({
            let client = client.clone();
            async move { client.verify().await }
        });
        sidecar.underway.wait_begun(1);
        let in_line = tokio::spawn(async move { client.compact().await });
        waiting(1);
        in_line.abort();
        waiting(0);
        working.abort();
        sidecar.underway.wait_ended("verify");
    });
}

#[test]
fn freshness_over_http_ends_when_its_client_goes_also_in_line() {
    let sidecar = EndlessSidecar::start(1);
    let client = asofdb_client::Client::connect(&sidecar.socket).unwrap();
    client.write("profile", &profiles(1)).unwrap();
    let ask = || {
        let mut stream = sidecar.http.connect();
        stream.write_all(b"GET /v1/freshness/profile?exact=true HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    };
    let first = ask();
    sidecar.underway.wait_begun(1);
    let second = ask();
    let waiting = |count: u64| {
        let line = format!("asof_bulk_requests{{state=\"waiting\"}} {count}\n");
        assert!(eventually(|| sidecar.http.get("/metrics").text().contains(&line)), "not {line}");
    };
    waiting(1);
    drop(second);
    waiting(0);
    drop(first);
    sidecar.underway.wait_ended("freshness over HTTP");
}
