//! A sidecar whose disk fails: everybody is told, reads go on, and it ends if it shall.

use std::os::unix::fs::symlink;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{ErrorKind, Session, Store, Value};
use asofdb_client::Client;
use tempfile::TempDir;

use super::harness::{Sidecar, eventually};
use super::receiver::{Manner, Receiver};
use crate::common::disk::Disk;
use crate::common::{batch, int, times, users};
use crate::http::client::Target;

fn write_one(client: &Client, id: i64) -> asofdb::Result<()> {
    let ids: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![id]));
    let scores: ArrayRef = std::sync::Arc::new(Float32Array::from(vec![0.5]));
    let names: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["x"]));
    let columns = vec![
        ("user_id", ids.clone()),
        ("event_timestamp", times([Some(client.now()?)])),
        ("score", scores),
        ("visits", ids),
        ("name", names),
    ];
    client.write("profile", &batch(columns)).map(drop)
}

fn visits(client: &Client, id: i64) -> Option<Value> {
    let request = client.prepare(&["profile:visits"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(id)]).unwrap();
    client.latest(&request, &entities).unwrap().value(0, 0).unwrap()
}

/// A sidecar with one user over a disk that has just failed under a write, and its HTTP.
fn failed(disk: &Disk, arguments: &[&str]) -> Option<(Sidecar, Client, Target)> {
    let directory = TempDir::new().unwrap();
    symlink(disk.path(), directory.path().join("store")).unwrap();
    Store::open(directory.path().join("store")).unwrap().apply(&users(), false).unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let http = directory.path().join("http");
    let all = [&["--durability", "sync", "--http-socket", http.to_str().unwrap()], arguments].concat();
    let sidecar = Sidecar::over(directory, &all);
    let (client, http) = (sidecar.client(), Target::Unix(http));
    write_one(&client, 7).unwrap();
    assert_eq!((http.get("/readyz").status, http.get("/health").status), (200, 200));
    assert!(http.get("/metrics").text().contains("asof_store_read_only 0"));
    disk.fail()?;
    let error = write_one(&client, 8).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().starts_with("it is unknown whether the write is on disk"), "{error}");
    Some((sidecar, client, http))
}

#[test]
fn a_sidecar_whose_disk_failed_is_not_ready_says_why_and_goes_on_with_reads() {
    let Some(disk) = Disk::journaled(256) else { return };
    let Some((sidecar, client, http)) = failed(&disk, &[]) else { return };
    let ready = http.get("/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["status"], "read_only");
    assert!(ready.json()["reason"].as_str().unwrap().contains("Input/output error"), "{ready:?}");
    assert_eq!((http.get("/health").status, http.get("/healthz").status), (503, 200));
    let metrics = http.get("/metrics").text().to_owned();
    assert!(metrics.contains("asof_store_read_only 1") && metrics.contains("asof_ready 0"), "{metrics}");
    let error = write_one(&client, 9).unwrap_err();
    assert!(error.message().starts_with("nothing was written: the store is read-only"), "{error}");
    assert_eq!(visits(&client, 7), int(7));
    let is_said = || sidecar.log().contains("the store is read-only since writing to disk failed");
    assert!(eventually(is_said), "{}", sidecar.log());
    drop(sidecar.kill());
}

#[test]
fn a_sidecar_that_shall_exit_on_a_storage_error_ends_with_it_and_starts_again_on_a_disk_that_is_well() {
    let Some(disk) = Disk::journaled(256) else { return };
    let (receiver, alerts) = (Receiver::start(Manner::Take), tempfile::NamedTempFile::new().unwrap());
    let hook = format!("[[webhook]]\nname = \"a\"\nurl = {:?}\n", receiver.url());
    std::fs::write(&alerts, hook).unwrap();
    let arguments = ["--on-storage-error", "exit", "--alerts", alerts.path().to_str().unwrap()];
    let Some((mut sidecar, client, _)) = failed(&disk, &arguments) else { return };
    assert_eq!(sidecar.wait().code(), Some(1), "{}", sidecar.log());
    receiver.expect(&[("opened", "read_only")]);
    let said = "asof: error: the store was read-only since writing to disk failed";
    assert!(sidecar.log().contains(said), "{}", sidecar.log());
    drop(client);
    disk.recover();
    let again = Sidecar::over(sidecar.kill(), &[]);
    let client = again.client();
    assert_eq!(visits(&client, 7), int(7));
    write_one(&client, 8).unwrap();
    assert_eq!(visits(&client, 8), int(8));
    drop(again.kill());
}
