//! Start and stop: what was acknowledged is there, what was asked is answered.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{ErrorKind, Session, Timestamp};
use asofdb_client::Client;
use rustix::process::Signal;

use super::harness::Sidecar;
use super::raw::{PING, frame, greeted, is_ended};
use crate::common::{batch, int, times, users};

fn write_one(client: &Client, id: i64, at: Timestamp) -> asofdb::Result<()> {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![id]));
    let scores: ArrayRef = Arc::new(Float32Array::from(vec![0.5]));
    let visits: ArrayRef = Arc::new(Int64Array::from(vec![id]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let columns = vec![
        ("user_id", ids),
        ("event_timestamp", times([Some(at)])),
        ("score", scores),
        ("visits", visits),
        ("name", names),
    ];
    client.write("profile", &batch(columns)).map(drop)
}

/// The C library would reserve 64 MiB for each thread: the cache of RocksDB, or threads of connections, got none.
#[test]
fn few_addresses_are_enough_for_the_store_and_for_connections() {
    let mut directory = Sidecar::start(&users(), &[]).kill();
    for _ in 0..8 {
        let sidecar = Sidecar::limited(directory, "-v 786432", &["--memory-budget", "32MiB"]);
        let clients: Vec<Client> = (0..16).map(|_| sidecar.client()).collect();
        let now: asofdb::Result<Vec<Timestamp>> = clients.iter().map(Client::now).collect();
        assert_eq!(now.map(|now| now.len()).unwrap_or_else(|error| panic!("{error}\n{}", sidecar.log())), 16);
        directory = sidecar.kill();
    }
}

#[test]
fn sigterm_answers_what_was_asked_and_ends_well() {
    let mut sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let now = client.now().unwrap();
    write_one(&client, 7, now).unwrap();
    let mut stream = greeted(&sidecar.socket());
    // Asked before the signal: answered after it.
    (0..100).for_each(|_| stream.write_all(PING).unwrap());
    sidecar.signal(Signal::TERM);
    (0..100).for_each(|_| assert_eq!(frame(&mut stream).0, 0x89));
    assert!(is_ended(&mut stream));
    assert_eq!(sidecar.wait().code(), Some(0), "{}", sidecar.log());
    assert!(!sidecar.socket().exists(), "its socket goes with it");
    let error = client.now().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("no sidecar listens on"), "{error}");
    let again = Sidecar::over(sidecar.kill(), &[]);
    let request = client.prepare(&["profile:visits"]).unwrap();
    assert_eq!(request.references(), ["profile:visits"], "the client knows the catalog");
    let moved = again.client();
    let mut entities = request.entity_rows();
    entities.push(&[int(7)]).unwrap();
    assert_eq!(moved.latest(&request, &entities).unwrap().value(0, 0).unwrap(), int(7));
}

/// Writes, and compacts or reads everything, until the sidecar is gone.
fn work_on(client: &Client, worker: i64) -> asofdb::Result<()> {
    let now = client.now()?;
    loop {
        (0..20).try_for_each(|id| write_one(client, worker * 100 + id, now))?;
        if worker % 2 == 0 { client.compact()? } else { client.verify().map(drop)? }
    }
}

#[test]
fn sigterm_ends_well_whatever_is_under_way_when_patience_ends() {
    let arguments = ["--drain-timeout", "1ms", "--bulk-max", "8"];
    let mut sidecar = Sidecar::start(&users(), &arguments);
    for _ in 0..15 {
        let clients: Vec<Client> = (0..6).map(|_| sidecar.client()).collect();
        std::thread::scope(|scope| {
            for (worker, client) in clients.iter().enumerate() {
                scope.spawn(move || work_on(client, worker as i64).unwrap_err());
            }
            std::thread::sleep(Duration::from_millis(100));
            sidecar.signal(Signal::TERM);
            assert_eq!(sidecar.wait().code(), Some(0), "{}", sidecar.log());
        });
        sidecar = Sidecar::over(sidecar.kill(), &arguments);
    }
}

#[test]
fn a_client_finds_the_sidecar_again_after_a_restart() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let request = client.prepare(&["profile:visits"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(7)]).unwrap();
    client.latest(&request, &entities).unwrap();
    // In the same place, as a service manager would.
    let directory = sidecar.kill();
    let elsewhere = directory.path().to_owned();
    let again = Sidecar::over(directory, &[]);
    assert_eq!(again.directory.path(), elsewhere);
    let now = client.now().unwrap();
    write_one(&client, 7, now).unwrap();
    assert_eq!(client.latest(&request, &entities).unwrap().value(0, 0).unwrap(), int(7));
}

#[test]
fn after_kill_9_every_acknowledged_write_is_there() {
    let mut sidecar = Sidecar::start(&users(), &[]);
    for round in 0..5i64 {
        let acknowledged = AtomicI64::new(0);
        std::thread::scope(|scope| {
            let client = sidecar.client();
            let now = client.now().unwrap();
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                for id in round * 1_000_000.. {
                    match write_one(&client, id, now) {
                        Ok(()) => acknowledged.store(id + 1, Ordering::SeqCst),
                        Err(error) => return assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
                    }
                }
            });
            while acknowledged.load(Ordering::SeqCst) < round * 1_000_000 + 200 {
                std::thread::sleep(Duration::from_millis(1));
            }
            sidecar.signal(Signal::KILL);
        });
        sidecar = Sidecar::over(sidecar.kill(), &[]);
        let client = sidecar.client();
        let request = client.prepare(&["profile:visits"]).unwrap();
        let mut entities = request.entity_rows();
        let ids: Vec<i64> = (round * 1_000_000..acknowledged.load(Ordering::SeqCst)).collect();
        ids.iter().for_each(|id| entities.push(&[int(*id)]).unwrap());
        let answer = client.latest(&request, &entities).unwrap();
        for (row, id) in ids.iter().enumerate() {
            assert_eq!(answer.value(row, 0).unwrap(), int(*id), "round {round}");
        }
    }
}

#[test]
fn a_write_whose_connection_broke_says_that_its_outcome_is_unknown() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let now = client.now().unwrap();
    // Stopped, not ended: the write is sent, and nobody answers before the kill.
    sidecar.pause();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| write_one(&client, 1, now));
        std::thread::sleep(Duration::from_millis(200));
        sidecar.signal(Signal::KILL);
        let error = writing.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("whether it was done is not known"), "{error}");
    });
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_refused() {
    let sidecar = Sidecar::start(&users(), &[]);
    let output = Command::new(env!("CARGO_BIN_EXE_asof"))
        .args(["serve", "--store"])
        .arg(sidecar.directory.path().join("another"))
        .arg("--socket")
        .arg(sidecar.socket())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another server listens on"));
    let directory = sidecar.kill();
    assert!(directory.path().join("socket").exists(), "a killed sidecar leaves its socket");
    drop(Sidecar::over(directory, &[]));
}

#[test]
fn a_service_manager_passes_the_socket_and_is_told_when_it_is_ready() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let told = UnixDatagram::bind(directory.path().join("notify")).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let socket = directory.path().join("socket");
    // What systemd does: the socket is descriptor 3, and the environment says so.
    let script = r#"
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"#;
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(&socket)
        .arg(env!("CARGO_BIN_EXE_asof"))
        .args(["serve", "--store"])
        .arg(directory.path().join("store"))
        .env("NOTIFY_SOCKET", directory.path().join("notify"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut said = [0; 100];
    let mut hear = || {
        let length = told.recv(&mut said).expect("a service manager is told");
        String::from_utf8_lossy(&said[..length]).into_owned()
    };
    assert!(hear().contains("READY=1"));
    Client::connect(&socket).unwrap().now().unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(hear().contains("STOPPING=1"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(socket.exists(), "the socket is the service manager's");
}

#[test]
fn logs_are_structured_and_hold_no_values() {
    let mut sidecar = Sidecar::start(&users(), &["--log-format", "json", "--log", "debug"]);
    let client = sidecar.client();
    let now = client.now().unwrap();
    write_one(&client, 987_654_321, now).unwrap();
    let request = client.prepare(&["profile:*"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(987_654_321)]).unwrap();
    client.latest(&request, &entities).unwrap();
    drop(client);
    sidecar.signal(Signal::TERM);
    sidecar.wait();
    let log = sidecar.log();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string());
    }
    assert!(log.contains("\"message\":\"ready\"") && log.contains("\"message\":\"stopped\""), "{log}");
    assert!(!log.contains("987654321"), "{log}");
}
