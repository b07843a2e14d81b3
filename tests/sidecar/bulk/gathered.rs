//! Large ingests through a socket: the sidecar gathers their rows and loads a step at once, as an embedded store does.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use asofdb::storage::{FeatureView, Staging, WriteBatch};
use asofdb::{
    Committed, Durability, ErrorKind, ExportOptions, FeatureDefinition, INGEST_CHUNK_BYTES_MIN, IngestOptions, Input,
    ManualClock, Options, Result, Session, Store, Value,
};
use asofdb_client::Client;
use asofdb_sidecar::{Access, Bounds, BulkBounds};
use rustix::process::Signal;
use tempfile::TempDir;

use super::super::harness::{Sidecar, eventually};
use super::super::raw;
use super::ingests::{counts, ingest, profiles, visits};
use super::{Host, read};
use crate::common::disk::Disk;
use crate::common::{NOW, TestStore, files, users};

/// Rows are gathered after 64 KiB.
fn options(step_bytes: u64) -> IngestOptions {
    IngestOptions { chunk_bytes: INGEST_CHUNK_BYTES_MIN, step_bytes, ..IngestOptions::default() }
}

const ONE_STEP: u64 = 1 << 30;

/// The number of loads whose files are in a store.
fn loads_under_way(store: &Path) -> usize {
    std::fs::read_dir(store.join("loads")).unwrap().count()
}

fn profile(client: &Client) -> Arc<FeatureView> {
    client.catalog().unwrap().view("profile").unwrap().clone()
}

fn load(stage: Box<dyn Staging + '_>) -> Result<Committed> {
    stage.load(Vec::new(), &|_| Ok(()))
}

/// One user, for whom `visits` are true since one hour.
fn row(view: &FeatureView, user: i64, visits: i64) -> WriteBatch {
    use asofdb::storage::{key, row};
    let (mut entity, mut encoded) = (Vec::new(), Vec::new());
    key::encode_entity(&view.key_types(), &[Some(Value::Int64(user))], &mut entity).unwrap();
    let values = [None, Some(Value::Int64(visits)), None];
    row::encode(&view.current_layout(), &values, &mut encoded);
    let mut batch = WriteBatch::bulk();
    batch.put(view, &entity, crate::common::hours_ago(1), None, &encoded, NOW).unwrap();
    batch
}

#[test]
fn a_large_ingest_is_one_step_and_gives_what_the_embedded_store_gives() {
    let (host, embedded) = (Host::on_disk(&users()), TestStore::new(&users()));
    let file = files::parquet(host.path("rows.parquet"), &profiles(100_000), 20_000);
    let before = host.store.stats().unwrap().batches;
    let mut seen = Vec::new();
    let inputs = || vec![Input::Path(file.clone())];
    let there =
        host.client.ingest("profile", inputs(), &options(ONE_STEP), &mut |progress| seen.push(progress.done)).unwrap();
    let here = embedded.store.ingest("profile", inputs(), &options(ONE_STEP), &mut |_| {}).unwrap();
    assert_eq!((counts(&there), counts(&here)), ([100_000, 100_000, 0, 0], [100_000, 100_000, 0, 0]));
    assert_eq!(host.store.stats().unwrap().batches, before + 1);
    assert!(seen.is_sorted() && seen.last() == Some(&(3 * std::fs::metadata(&file).unwrap().len())), "{seen:?}");
    assert_eq!(loads_under_way(&host.path("store")), 0);
    let exported = [&host.store, &embedded.store].map(|store| {
        let out = TempDir::new().unwrap();
        let manifest =
            store.export("profile", &out.path().join("out"), &ExportOptions::default(), &mut |_| {}).unwrap();
        manifest.files.iter().map(|file| read(&out.path().join("out").join(&file.path))).collect::<Vec<_>>()
    });
    assert_eq!(exported[0], exported[1]);
    assert_eq!(exported[0].iter().map(RecordBatch::num_rows).sum::<usize>(), 100_000);
    let again = ingest(&host.client, &[&file], &options(ONE_STEP)).unwrap();
    assert_eq!(counts(&again), [0, 0, 0, 100_000]);
    assert_eq!(host.store.verify().unwrap().problems, Vec::<String>::new());
}

/// Kills a sidecar in the middle of an ingest, and ingests again. Tells how many rows were there before.
fn kill_and_go_on(options: &IngestOptions) -> u64 {
    let directory = TempDir::new().unwrap();
    let file = files::parquet(directory.path().join("rows.parquet"), &profiles(200_000), 20_000);
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let mut killed = false;
    let error = client
        .ingest("profile", vec![Input::Path(file.clone())], options, &mut |progress| {
            if progress.rows > 150_000 && !killed {
                sidecar.signal(Signal::KILL);
                killed = true;
            }
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().ends_with("run the ingest again to go on"), "{error}");
    let sidecar = Sidecar::over(sidecar.kill(), &[]);
    assert_eq!(loads_under_way(&sidecar.directory.path().join("store")), 0);
    let before = client.verify().unwrap();
    assert_eq!(before.problems, Vec::<String>::new());
    let report = ingest(&client, &[&file], options).unwrap();
    assert_eq!(counts(&report), [200_000 - before.versions, 200_000 - before.versions, 0, before.versions]);
    let verified = client.verify().unwrap();
    assert_eq!((verified.versions, verified.problems), (200_000, Vec::new()));
    assert_eq!(visits(&client, 199_999), [Some(Value::Int64(599_997))]);
    before.versions
}

#[test]
fn a_sidecar_that_is_killed_while_it_gathers_has_none_of_the_step() {
    assert_eq!(kill_and_go_on(&options(ONE_STEP)), 0);
}

#[test]
fn a_sidecar_that_is_killed_has_the_steps_before_and_none_of_the_one_under_way() {
    let before = kill_and_go_on(&options(1 << 20));
    assert!((1..200_000).contains(&before), "{before}");
}

#[test]
fn what_was_gathered_goes_with_its_client_and_its_room_is_anothers() {
    let host = Host::on_disk(&users());
    let view = profile(&host.client);
    let mut stages: Vec<_> = (0..4).map(|_| host.client.stage(&view).expect("a quarter of the room")).collect();
    for (user, stage) in (0..).zip(&mut stages) {
        stage.add(row(&view, user, user)).unwrap();
    }
    assert_eq!(loads_under_way(&host.path("store")), 4);
    assert!(host.client.stage(&view).is_none(), "there is no room for a fifth");
    // An ingest does without: each chunk is a step then.
    let file = files::parquet(host.path("rows.parquet"), &profiles(20_000), 5_000);
    let before = host.store.stats().unwrap().batches;
    assert_eq!(counts(&ingest(&host.client, &[&file], &options(ONE_STEP)).unwrap()), [20_000, 20_000, 0, 0]);
    assert!(host.store.stats().unwrap().batches > before + 1);
    drop(stages.pop());
    assert!(eventually(|| loads_under_way(&host.path("store")) == 3), "the files of the one that left are there");
    assert!(eventually(|| host.client.stage(&view).is_some()), "its room is taken");
    assert_eq!(host.store.verify().unwrap().versions, 20_000);
    load(stages.remove(1)).unwrap();
    let users = [0, 1].map(|user| visits(&host.client, user).len());
    assert_eq!(users, [1, 2], "one of them has loaded its row, beside that of the file");
}

#[test]
fn rows_that_are_gathered_for_too_long_are_not_loaded() {
    let bounds = Bounds { bulk_timeout: Duration::from_secs(2), ..Bounds::default() };
    let host = Host::on_disk_with(&users(), bounds);
    let view = profile(&host.client);
    let mut stage = host.client.stage(&view).unwrap();
    stage.add(row(&view, 1, 1)).unwrap();
    let mut error = None;
    assert!(eventually(|| {
        error = stage.stay().err();
        error.is_some()
    }));
    let text = format!("{:#}", error.unwrap());
    assert!(text.contains("rows are gathered for a load for at most 2s; none of them is loaded"), "{text}");
    assert_eq!(load(stage).unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(eventually(|| loads_under_way(&host.path("store")) == 0));
    assert_eq!(host.store.verify().unwrap().versions, 0);
}

#[test]
fn a_connection_with_gathered_rows_makes_no_room_for_others() {
    let host = Host::on_disk_with(&users(), Bounds { connections_max: 3, ..Bounds::default() });
    let view = profile(&host.client);
    let mut stage = host.client.stage(&view).unwrap();
    stage.add(row(&view, 7, 7)).unwrap();
    let mut others = Vec::new();
    for _ in 0..5 {
        // From the third on each takes the place of the one that has been idle longest.
        let connects = || Client::connect(host.path("socket")).map(|other| others.push(other)).is_ok();
        assert!(eventually(connects), "nobody makes room");
    }
    stage.add(row(&view, 8, 8)).unwrap();
    load(stage).unwrap();
    assert_eq!(host.store.verify().unwrap().versions, 2);
}

#[test]
fn a_view_that_changes_while_its_rows_are_gathered_is_a_conflict_and_nothing_is_loaded() {
    let host = Host::on_disk(&users());
    let file = files::parquet(host.path("rows.parquet"), &profiles(100_000), 20_000);
    let mut wide = users();
    wide.views[0].features.push(FeatureDefinition::new("level", "int32".parse().unwrap()));
    let mut applied = false;
    let inputs = vec![Input::Path(file.clone())];
    let error = host
        .client
        .ingest("profile", inputs, &options(ONE_STEP), &mut |progress| {
            if progress.rows > 50_000 && !applied {
                host.store.apply(&wide, false).unwrap();
                applied = true;
            }
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.message(), "the view was changed meanwhile; run the ingest again: \"profile\"");
    assert!(eventually(|| loads_under_way(&host.path("store")) == 0));
    assert_eq!(host.store.verify().unwrap().versions, 0);
}

#[test]
fn a_disk_that_fills_while_a_sidecar_gathers_is_named_and_nothing_stays_on_it() {
    let Some(disk) = Disk::small(96) else { return };
    let path = disk.path().join("store");
    let (clock, options_of_store) =
        (ManualClock::new(NOW), Options { memory_budget_bytes: 64 << 20, ..Options::default() });
    let store = Store::open_with(&path, options_of_store, clock.clone(), Durability::Os).unwrap();
    store.apply(&users(), false).unwrap();
    let (directory, bulk) = (TempDir::new().unwrap(), BulkBounds::default());
    let host = Host::over(store, clock, directory, Bounds::default(), bulk, Access::default());
    let file = files::parquet(host.path("rows.parquet"), &profiles(100_000), 20_000);
    let ballast = disk.fill_up_to(1 << 20);
    let error = ingest(&host.client, &[&file], &options(ONE_STEP)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:#}").contains("the disk is full; free some space and try again"), "{error:#}");
    assert!(eventually(|| loads_under_way(&path) == 0));
    std::fs::remove_file(ballast).unwrap();
    assert_eq!(counts(&ingest(&host.client, &[&file], &options(ONE_STEP)).unwrap()), [100_000, 100_000, 0, 0]);
    assert_eq!(host.store.verify().unwrap().versions, 100_000);
}

/// A request to gather rows, with the chunk of them that follows it.
fn gather(view: &FeatureView, rows: u64, bytes: u64, chunk: &[u8]) -> Vec<u8> {
    let mut body = (view.name.len() as u64).to_le_bytes().to_vec();
    body.extend_from_slice(view.name.as_bytes());
    body.extend_from_slice(&view.id.to_le_bytes());
    body.extend_from_slice(&view.current_layout().version().to_le_bytes());
    body.extend_from_slice(&rows.to_le_bytes());
    body.extend_from_slice(&bytes.to_le_bytes());
    let (mut frames, more) = (raw::request(48, &body), 1);
    frames[5] = more;
    frames.extend(raw::request(21, chunk));
    frames
}

#[test]
fn a_bad_row_loses_what_its_connection_has_gathered_and_nothing_else() {
    let host = Host::on_disk(&users());
    let view = profile(&host.client);
    let mut stream = raw::greeted(&host.path("socket"));
    let mut ask = |frames: Vec<u8>| {
        stream.write_all(&frames).unwrap();
        raw::frame(&mut stream)
    };
    let room = (16_u64 << 30) / 4;
    assert_eq!(ask(gather(&view, 0, 0, &[])), (0xb0, room.to_le_bytes().to_vec()));
    let batch = row(&view, 1, 1);
    let chunk = chunk_of(&batch);
    let bytes = batch.bytes() as u64;
    assert_eq!(ask(gather(&view, 1, bytes, &chunk)).0, 0xb0);
    assert_eq!(loads_under_way(&host.path("store")), 1);
    // A key of another length than it says; fewer rows than it says; more bytes than a load may have.
    for (rows, bytes, bad) in [(1, bytes, &chunk[..30]), (2, bytes, &chunk), (1, 1 << 40, &[])] {
        let (kind, message) = ask(gather(&view, 1, batch.bytes() as u64, &chunk));
        assert_eq!(kind, 0xb0, "{}", String::from_utf8_lossy(&message));
        let (kind, message) = ask(gather(&view, rows, bytes, bad));
        assert_eq!(kind, 0xff, "{}", String::from_utf8_lossy(&message));
        assert!(eventually(|| loads_under_way(&host.path("store")) == 0));
    }
    assert_eq!(ask(gather(&view, 0, 0, &[])).0, 0xb0);
    assert_eq!(host.store.verify().unwrap().versions, 0);
}

/// The rows of a batch as they travel.
fn chunk_of(batch: &WriteBatch) -> Vec<u8> {
    let mut chunk = Vec::new();
    batch.rows().for_each(|row| asofdb_protocol::write_row(&row, &mut chunk));
    chunk
}

#[test]
fn rows_are_gathered_at_the_pace_of_their_consumers_bytes() {
    let host = Host::on_disk(&users());
    let limits = "[default]\nwritten_bytes_per_second = 200_000\nwritten_bytes_burst = 1\n";
    host.client.set_limits(limits).unwrap();
    let file = files::parquet(host.path("rows.parquet"), &profiles(15_000), 5_000);
    #[allow(clippy::disallowed_methods, reason = "measures how long it takes at the least")]
    let started = std::time::Instant::now();
    let before = host.store.stats().unwrap().batches;
    assert_eq!(counts(&ingest(&host.client, &[&file], &options(ONE_STEP)).unwrap()), [15_000, 15_000, 0, 0]);
    assert_eq!(host.store.stats().unwrap().batches, before + 1);
    // They have at least 30 bytes each.
    assert!(started.elapsed() > Duration::from_secs(2), "{:?}", started.elapsed());
}
