//! Clients with much to do: HTTP, exports, joins, ingests, checkpoints, backups, compactions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use asofdb::storage::KeepPolicy;
use asofdb::{
    Backups, ExportOptions, ExportRows, IngestOptions, Input, JoinOptions, Manifest, Session, Source, Store,
    TextOptions, back_up, restore, restore_backup,
};
use asofdb_client::Client;
use serde_json::Value as Json;

use super::points::{BACK_MAX, check_all, entity_rows, some_entities, verify};
use super::tally::Did;
use super::values::{ENTITIES, check_rows, csv, spine, sum};
use super::worker::{Failure, Role, Worker};
use crate::Random;
use crate::http::{HttpClient, HttpTarget};

/// The longest wait for an answer over HTTP.
const HTTP_PATIENCE: Duration = Duration::from_secs(30);

/// Rows of a join.
const JOIN_ROWS: u64 = 2_000;

/// Rows of a small file, and of a large one, which is loaded past the log.
const FILE_ROWS: [i64; 2] = [2_000, 60_000];

/// Backups that are kept.
const BACKUPS_KEPT: usize = 2;

/// The clients of the process that has them.
pub(super) fn roles(worker: &Worker) -> Vec<Role> {
    let role = |name, pause_millis, work: fn(&Worker, &Client, &mut Random) -> Result<(), Failure>| {
        let client = worker.client();
        let work = move |worker: &Worker, random: &mut Random| work(worker, &client, random);
        Role { name, pause: Duration::from_millis(pause_millis), work: Box::new(work) }
    };
    vec![
        http_reader(worker),
        http_reader(worker),
        role("exporter", 500, export),
        role("joiner", 300, join),
        role("ingester", 1_000, ingest),
        role("checkpointer", 2_000, checkpoint),
        role("backup", 4_000, backup),
        role("operator", 10_000, operate),
    ]
}

fn http_reader(worker: &Worker) -> Role {
    let mut client = HttpClient::new(HttpTarget::Unix(worker.directory.join("http")), HTTP_PATIENCE);
    let work = move |worker: &Worker, random: &mut Random| read_over_http(worker, &mut client, random);
    Role { name: "reader over HTTP", pause: Duration::from_millis(10), work: Box::new(work) }
}

fn read_over_http(worker: &Worker, client: &mut HttpClient, random: &mut Random) -> Result<(), Failure> {
    let asked = some_entities(random);
    let least = asked.iter().map(|entity| worker.floor.get(*entity)).collect::<Result<Vec<_>, _>>()?;
    let entities: Vec<Json> = asked.iter().map(|entity| serde_json::json!({"id": entity})).collect();
    let features = ["soak_a:version", "soak_a:sum", "soak_b:version"];
    let body = serde_json::json!({"features": features, "entities": entities}).to_string();
    let reply = client.ask("/v1/latest", Some(&body)).map_err(|_| Failure::Unavailable)?;
    match reply.status {
        200 => worker.tally.did(Did::Http, Duration::ZERO),
        503 => return Err(Failure::Unavailable),
        status => return Err(format!("status {status}: {}", reply.body).into()),
    }
    let rows: Vec<Json> = serde_json::from_str(&reply.body).map_err(|error| format!("{error}: {}", reply.body))?;
    for ((row, entity), least) in rows.iter().zip(&asked).zip(least) {
        let values = features.map(|feature| row["features"][feature]["value"].as_i64());
        let [Some(version), found, beside] = values else { return Err(format!("entity {entity}: {row}").into()) };
        if version < least || found != Some(sum(*entity, version)) || beside != Some(version) {
            return Err(format!("entity {entity}, of which {least} was acknowledged: {row}").into());
        }
    }
    Ok(())
}

/// Exports a view, reads the files, and finds every version of every entity from the oldest to the newest.
fn export(worker: &Worker, client: &Client, random: &mut Random) -> Result<(), Failure> {
    let acknowledged = worker.floor.all()?;
    let out = empty(worker, "bulk/export");
    let latest = random.below(2) == 0;
    let rows = if latest { ExportRows::Latest } else { ExportRows::Versions { from: None, to: None } };
    let manifest = client.export("soak_a", &out, &ExportOptions { rows, ..ExportOptions::default() }, &mut |_| {})?;
    let mut found: Vec<Vec<i64>> = vec![Vec::new(); ENTITIES as usize];
    read_export(&out, &manifest, &mut found)?;
    fs::remove_dir_all(&out)?;
    worker.tally.did(Did::Export, Duration::ZERO);
    for (entity, versions) in found.iter_mut().enumerate() {
        versions.sort_unstable();
        versions.dedup();
        let (Some(first), Some(last)) = (versions.first(), versions.last()) else {
            return Err(format!("entity {entity} is not in the export").into());
        };
        if last - first + 1 != versions.len() as i64 || *last < acknowledged[entity] {
            let least = acknowledged[entity];
            return Err(format!("entity {entity}, of which {least} was acknowledged, has {versions:?}").into());
        }
    }
    Ok(())
}

fn read_export(out: &Path, manifest: &Manifest, found: &mut [Vec<i64>]) -> Result<(), Failure> {
    for file in &manifest.files {
        let source = Source::open(out.join(&file.path), None, TextOptions::default())?;
        for batch in source.batches()? {
            check_rows(&batch?)?.into_iter().for_each(|(entity, version)| found[entity as usize].push(version));
        }
    }
    Ok(())
}

/// Joins entities and times: each has exactly the version of its time.
fn join(worker: &Worker, client: &Client, random: &mut Random) -> Result<(), Failure> {
    let acknowledged = worker.floor.all()?.into_iter().min().unwrap_or(0);
    if acknowledged < worker.beginning.newest_version() - BACK_MAX as i64 {
        return Ok(());
    }
    let mut row = || (random.below(ENTITIES as u64) as i64, (acknowledged - random.below(BACK_MAX) as i64).max(1));
    let asked: Vec<(i64, i64)> = (0..JOIN_ROWS).map(|_| row()).collect();
    let spine = spine(worker.beginning, &asked);
    let references = ["soak_a:version", "soak_a:sum"];
    let (schema, spine) = (spine.schema(), std::iter::once(Ok(spine)));
    let joined = client.point_in_time_join(&references, schema, spine, &JoinOptions::default())?;
    let mut rows = asked.into_iter();
    for batch in joined {
        let batch = batch?;
        let column = |name| batch.column_by_name(name).map(AsArray::as_primitive::<Int64Type>);
        let columns = ["version", "sum"].map(column);
        let [Some(versions), Some(sums)] = columns else { return Err("the join has no features".to_owned().into()) };
        for (position, (entity, version)) in (0..batch.num_rows()).zip(rows.by_ref()) {
            if (versions.value(position), sums.value(position)) != (version, sum(entity, version)) {
                let found = versions.value(position);
                return Err(format!("entity {entity} joined as of version {version}: version {found}").into());
            }
        }
    }
    if rows.next().is_some() {
        return Err("the join has lost rows".to_owned().into());
    }
    worker.tally.did(Did::Join, Duration::ZERO);
    Ok(())
}

/// Ingests a file twice: the second time there is nothing to do. What it had is there.
fn ingest(worker: &Worker, client: &Client, random: &mut Random) -> Result<(), Failure> {
    let (version, rows) = (worker.beginning.newest_version(), FILE_ROWS[usize::from(random.below(5) == 0)]);
    let file = worker.directory.join("bulk/file.csv");
    fs::write(&file, csv(worker.beginning, rows, version))?;
    let ingest = || {
        let inputs = vec![Input::Path(file.clone())];
        client.ingest("soak_load", inputs, &IngestOptions::default(), &mut |_| {})
    };
    ingest()?;
    let again = ingest()?;
    if again.rows_written != 0 {
        return Err(format!("{} rows of a file were written again", again.rows_written).into());
    }
    let request = client.prepare(&["soak_load:version", "soak_load:sum"])?;
    let asked = some_entities(random);
    let answer = client.latest(&request, &entity_rows(&request, &asked)?)?;
    for (row, entity) in asked.iter().enumerate() {
        let found = [answer.value(row, 0)?, answer.value(row, 1)?];
        if found != [version, sum(*entity, version)].map(|value| Some(asofdb::Value::Int64(value))) {
            return Err(format!("entity {entity} of a file of version {version}: {found:?}").into());
        }
    }
    worker.tally.did(Did::Ingest, Duration::ZERO);
    Ok(())
}

/// Makes a checkpoint, restores it, and finds everything that was acknowledged before.
fn checkpoint(worker: &Worker, client: &Client, random: &mut Random) -> Result<(), Failure> {
    let acknowledged = worker.floor.all()?;
    let [checkpoints, restored] = ["bulk/checkpoints", "bulk/restored"].map(|name| empty(worker, name));
    // Another one each time: one whose answer was lost may be finished later.
    let to = checkpoints.join(random.next().to_string());
    client.checkpoint(&to)?;
    restore(&to, &restored)?;
    check_store(&restored, &acknowledged)?;
    fs::remove_dir_all(&to)?;
    worker.tally.did(Did::Checkpoint, Duration::ZERO);
    Ok(())
}

/// Adds a backup, restores the newest, and finds everything that was acknowledged before.
fn backup(worker: &Worker, client: &Client, _: &mut Random) -> Result<(), Failure> {
    let acknowledged = worker.floor.all()?;
    let restored = empty(worker, "bulk/restored-backup");
    let backups = Backups::create(&worker.directory.join("backups"), None)?;
    back_up(client, &backups, None)?;
    backups.expire(&KeepPolicy { newest: Some(BACKUPS_KEPT), within: None }, None)?;
    restore_backup(&backups, &backups.find(None)?, &restored)?;
    check_store(&restored, &acknowledged)?;
    worker.tally.did(Did::Backup, Duration::ZERO);
    Ok(())
}

/// A path where nothing is: what a try left whose answer was lost is removed.
fn empty(worker: &Worker, name: &str) -> PathBuf {
    let path = worker.directory.join(name);
    let _ = fs::remove_dir_all(&path);
    path
}

/// Opens a store, checks it and removes it.
fn check_store(path: &Path, acknowledged: &[i64]) -> Result<(), Failure> {
    let store = Store::open(path)?;
    check_all(&store, acknowledged)?;
    drop(store);
    Ok(fs::remove_dir_all(path)?)
}

/// Compacts, and now and then reads everything.
fn operate(worker: &Worker, client: &Client, random: &mut Random) -> Result<(), Failure> {
    client.compact()?;
    if random.below(3) == 0 {
        verify(client)?;
    }
    worker.tally.did(Did::Compact, Duration::ZERO);
    Ok(())
}
