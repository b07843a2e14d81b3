//! Streams: each record becomes a row once, also when the process is killed.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use asofdb::{Session, Store, Value};
use asofdb_client::Client;
use serde_json::Value as Json;
use tempfile::TempDir;

use super::certificates;
use super::harness::{Sidecar, eventually};
use crate::common::users;
use crate::http::client::Target;

/// Lines that are written between two kills.
const STEP: i64 = 400;

/// Of so many records one is bad.
const BAD_EVERY: i64 = 50;

fn line(number: i64) -> String {
    let time = format!("2024-05-01T12:00:00.{number:06}Z");
    match number % BAD_EVERY {
        0 => format!("{{\"user_id\": \"x\", \"number\": {number}}}\n"),
        _ => format!("{{\"user_id\": 7, \"event_timestamp\": \"{time}\", \"visits\": {number}}}\n"),
    }
}

fn append(path: &Path, numbers: std::ops::Range<i64>) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    numbers.map(line).for_each(|line| file.write_all(line.as_bytes()).unwrap());
}

fn streaming(directory: &Path, more: &[&str]) -> Child {
    let path = |name: &str| directory.join(name);
    Command::new(env!("CARGO_BIN_EXE_asof"))
        .args(["stream", "profile", "--from"])
        .arg(path("log.ndjson"))
        .arg("--store")
        .arg(path("store"))
        .arg("--rejects")
        .arg(path("bad.ndjson"))
        .args(more)
        .env_remove("ASOF_STORE")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("asof starts")
}

fn numbers(visits: impl Iterator<Item = Option<Value>>) -> Vec<i64> {
    let number = |value: Option<Value>| match value {
        Some(Value::Int64(number)) => number,
        other => panic!("{other:?}"),
    };
    let mut numbers: Vec<_> = visits.map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn history(session: &impl Session) -> Vec<i64> {
    let rows = session.history("profile", &[("user_id", Value::Int64(7))], usize::MAX).unwrap();
    numbers(rows.into_iter().map(|row| row.values[1].clone()))
}

fn good(until: i64) -> Vec<i64> {
    (0..until).filter(|number| number % BAD_EVERY != 0).collect()
}

/// The numbers of what was set aside, in the order of the lines.
fn bad(directory: &Path) -> Vec<i64> {
    let text = fs::read_to_string(directory.join("bad.ndjson")).unwrap();
    let numbers = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["value"]["number"].as_i64());
    numbers.map(Option::unwrap).collect()
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

fn store_in(directory: &Path) -> Store {
    Store::open(directory.join("store")).unwrap()
}

#[test]
fn a_stream_that_is_killed_anywhere_writes_each_record_once_and_sets_each_bad_one_aside_once() {
    let directory = TempDir::new().unwrap();
    store_in(directory.path()).apply(&users(), false).unwrap();
    let log = directory.path().join("log.ndjson");
    let bad_ones = directory.path().join("bad.ndjson");
    let mut written = 0;
    for round in 0..12u64 {
        let before = length(&bad_ones);
        let mut child = streaming(directory.path(), &[]);
        append(&log, written..written + STEP);
        written += STEP;
        // Anywhere: a step begins with what it sets aside, and takes some milliseconds; or before the first, or after all.
        match round % 3 {
            0 => std::thread::sleep(Duration::from_millis(round * 17 % 211)),
            _ => {
                assert!(eventually(|| length(&bad_ones) > before));
                std::thread::sleep(Duration::from_micros(round * 700));
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if round % 4 == 3 {
            fs::rename(&log, directory.path().join(format!("log.ndjson.{}", 12 - round))).unwrap();
        }
    }
    append(&log, written..written + STEP);
    written += STEP;
    assert!(streaming(directory.path(), &["--until-end"]).wait().unwrap().success());
    assert_eq!(history(&store_in(directory.path())), good(written));
    assert_eq!(bad(directory.path()), (0..written).step_by(BAD_EVERY as usize).collect::<Vec<_>>());
}

#[test]
fn a_stream_that_is_interrupted_writes_what_it_has_read_and_ends_well() {
    let directory = TempDir::new().unwrap();
    store_in(directory.path()).apply(&users(), false).unwrap();
    append(&directory.path().join("log.ndjson"), 0..STEP);
    let mut child = streaming(directory.path(), &[]);
    let bad_ones = directory.path().join("bad.ndjson");
    assert!(eventually(|| length(&bad_ones) > 0));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(history(&store_in(directory.path())), good(STEP));
}

/// A sidecar with a stream, whose definition is this.
fn serving(definition: &str) -> (Sidecar, Target) {
    let directory = TempDir::new().unwrap();
    store_in(directory.path()).apply(&users(), false).unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (log, bad_ones) = (path("log.ndjson"), path("bad.ndjson"));
    fs::write(path("streams.toml"), definition.replace("LOG", &log).replace("BAD", &bad_ones)).unwrap();
    let alerts = "look_every = \"20ms\"\nafter = \"0s\"\nrecover_after = \"0s\"\n";
    fs::write(path("alerts.toml"), format!("{alerts}[[command]]\nname = \"nobody\"\nargv = [\"/bin/true\"]\n"))
        .unwrap();
    fs::set_permissions(path("alerts.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let [http, streams, alerts] = ["http", "streams.toml", "alerts.toml"].map(path);
    let arguments = ["--http-socket", &http, "--streams", &streams, "--alerts", &alerts];
    let sidecar = Sidecar::over(directory, &arguments);
    (sidecar, Target::Unix(http.into()))
}

fn metrics(http: &Target) -> BTreeMap<String, String> {
    let text = http.get("/metrics").text().to_owned();
    let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_sidecar_runs_the_streams_that_it_is_given_and_tells_how_far_they_are() {
    let (sidecar, http) =
        serving("[[stream]]\nview = \"profile\"\nfrom = \"LOG\"\nname = \"visits\"\nrejects = \"BAD\"\n");
    let client = sidecar.client();
    append(&sidecar.directory.path().join("log.ndjson"), 0..STEP);
    let all = |client: &Client, until| eventually(|| history(client) == good(until));
    assert!(all(&client, STEP));
    let bad_ones = (STEP / BAD_EVERY).to_string();
    let labels = "{stream=\"visits\",view=\"profile\"}";
    let wanted = [("stream_rows_total", good(STEP).len().to_string()), ("stream_rejected_total", bad_ones)];
    for (name, value) in wanted.iter().map(|(name, value)| (format!("asof_{name}{labels}"), value)) {
        assert!(eventually(|| metrics(&http).get(&name) == Some(value)), "{name} {value} in {:?}", metrics(&http));
    }
    assert!(eventually(|| metrics(&http)
        .get(&format!("asof_stream_behind{labels}"))
        .is_some_and(|behind| behind == "0.0")));
    assert_eq!(metrics(&http)[&format!("asof_stream_running{labels}")], "1.0");
    // Over a kill.
    let directory = sidecar.kill();
    append(&directory.path().join("log.ndjson"), STEP..2 * STEP);
    let streams = directory.path().join("streams.toml");
    let sidecar = Sidecar::over(directory, &["--streams", streams.to_str().unwrap()]);
    assert!(all(&sidecar.client(), 2 * STEP));
}

#[test]
fn a_stream_that_fails_is_told_with_its_reason_and_goes_on_when_that_has_gone() {
    let (sidecar, http) = serving("[[stream]]\nview = \"profile\"\nfrom = \"LOG\"\nname = \"visits\"\n");
    let log = sidecar.directory.path().join("log.ndjson");
    append(&log, 0..1);
    let labels = "{stream=\"visits\",view=\"profile\"}";
    let running = format!("asof_stream_running{labels}");
    assert!(eventually(|| metrics(&http).get(&running).is_some_and(|running| running == "0.0")));
    assert!(eventually(|| sidecar.log().contains("user_id")), "{}", sidecar.log());
    assert_eq!(http.get("/readyz").status, 200, "reads go on");
    let open = || {
        let alerts = sidecar.client().alerts().unwrap().alerts;
        alerts.into_iter().filter(|alert| alert.kind == "stream").collect::<Vec<_>>()
    };
    assert!(eventually(|| !open().is_empty()));
    let alert = open().remove(0);
    assert_eq!((&*alert.subject, &*alert.state), ("visits > profile", "failing"));
    assert!(alert.message.contains("user_id"), "{alert:?}");
    // The line was mended in place.
    let mended = line(1).replace("\"visits\": 1", "\"visits\": 0");
    fs::write(&log, mended).unwrap();
    assert!(eventually(|| history(&sidecar.client()) == [0]));
    assert!(eventually(|| metrics(&http)[&running] == "1.0" && open().is_empty()));
}

#[test]
fn streams_that_cannot_be_run_are_refused_before_the_sidecar_serves() {
    for (definition, rule) in [
        ("[[stream]]\nview = \"profile\"\nfrom = \"-\"\n", "the standard input is for asof stream"),
        ("[[stream]]\nview = \"none\"\nfrom = \"LOG\"\n", "none"),
        ("[[stream]]\nview = \"profile\"\nfrom = \"ftp://host\"\n", "there is no source for"),
        ("[[stream]]\nview = \"profile\"\nform = \"LOG\"\n", "form"),
        (
            "[[stream]]\nview = \"profile\"\nfrom = \"LOG\"\n[[stream]]\nview = \"profile\"\nfrom = \"file:LOG\"\n",
            "give one of them a name",
        ),
        ("[[stream]]\nview = \"profile\"\nfrom = \"/dev/null\"\n", "is no file"),
        (&"[[stream]]\nview = \"profile\"\nfrom = \"LOG\"\n".repeat(2), "another one into this view has the same name"),
    ] {
        let directory = TempDir::new().unwrap();
        store_in(directory.path()).apply(&users(), false).unwrap();
        let streams = directory.path().join("streams.toml");
        fs::write(&streams, definition.replace("LOG", directory.path().join("log").to_str().unwrap())).unwrap();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_asof"));
        serve.arg("serve").arg("--store").arg(directory.path().join("store")).arg("--streams").arg(streams);
        let said = serve.arg("--socket").arg(directory.path().join("socket")).output().unwrap();
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(1) && text.contains(rule), "{rule}: {text}");
    }
}

/// A server with a password that speaks TLS, in a temporary directory with its certificates; ended when it goes.
struct SecureServer {
    directory: TempDir,
    server: Child,
    port: u16,
}

impl SecureServer {
    /// `None` without such a server, or openssl's command.
    fn start() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        certificates::make(directory.path())?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let words =
            format!("--port 0 --tls-port {port} --bind 127.0.0.1 --tls-auth-clients no --requirepass hidden --save");
        let files =
            "--tls-cert-file server.pem --tls-key-file server.key --tls-ca-cert-file ca.pem --unixsocket socket";
        let launch = |name: &&str| {
            let mut server = Command::new(name);
            let server = server.args(words.split(' ')).arg("").args(files.split(' ')).current_dir(directory.path());
            server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        };
        let server = ["valkey-server", "redis-server"].iter().find_map(launch)?;
        let server = SecureServer { directory, server, port };
        assert!(eventually(|| UnixStream::connect(server.directory.path().join("socket")).is_ok()));
        Some(server)
    }

    fn add(&self, number: i64) {
        let mut stream = UnixStream::connect(self.directory.path().join("socket")).unwrap();
        let value = line(number);
        let value = value.trim_end();
        write!(stream, "AUTH hidden\r\n*5\r\n$4\r\nXADD\r\n$6\r\nvisits\r\n$1\r\n*\r\n$5\r\nvalue\r\n").unwrap();
        write!(stream, "${}\r\n{value}\r\nQUIT\r\n", value.len()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("+OK\r\n$"), "{said}");
    }
}

impl Drop for SecureServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Needs a server of Redis or Valkey that speaks TLS, as Debian's does, and openssl's command.
#[test]
fn a_stream_of_redis_is_read_over_tls_from_who_is_trusted_with_the_password_of_the_environment() {
    let Some(server) = SecureServer::start() else {
        return eprintln!("skipped: there is no redis-server, or no openssl");
    };
    let directory = TempDir::new().unwrap();
    store_in(directory.path()).apply(&users(), false).unwrap();
    (1..4).for_each(|number| server.add(number));
    let ca = server.directory.path().join("ca.pem");
    let run = |host: &str, trusted: &Path, password: &str| {
        let address = format!("rediss://{host}:{}/0#visits", server.port);
        let mut asof = Command::new(env!("CARGO_BIN_EXE_asof"));
        asof.args(["stream", "profile", "--until-end", "--from", &address, "--store"])
            .arg(directory.path().join("store"));
        asof.env("SSL_CERT_FILE", trusted).env("REDISCLI_AUTH", password);
        let output = asof.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let strange = server.directory.path().join("strange.pem");
    fs::write(&strange, "").unwrap();
    for (host, trusted, password) in
        [("localhost", &strange, "hidden"), ("127.0.0.1", &ca, "hidden"), ("localhost", &ca, "wr0ng")]
    {
        let (code, said) = run(host, trusted, password);
        assert!(code == Some(1) && said.contains("rediss://") && !said.contains(password), "{host}: {said}");
    }
    assert_eq!(run("localhost", &ca, "hidden"), (Some(0), String::new()));
    assert_eq!(history(&store_in(directory.path())), [1, 2, 3]);
}
