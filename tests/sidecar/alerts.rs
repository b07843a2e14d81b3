//! Alerts of a sidecar, to a real server that fails, hangs and comes back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{Session, Span, Timestamp};
use asofdb_client::{AlertTargetReport, AsyncClient, Client};
use rustix::process::Signal;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::certificates;
use super::harness::{Sidecar, eventually};
use super::receiver::{Manner, Receiver, Request};
use crate::common::{batch, times, users};

/// Looks and deliveries without pauses that a test would have to wait for.
const QUICK: &str = "from = \"prod\"\nlook_every = \"20ms\"\nafter = \"0s\"\nrecover_after = \"0s\"\n\
                     retry_from = \"10ms\"\nretry_max = \"50ms\"\n";

/// A sidecar whose view `profile` has no events yet, with these targets.
fn start(targets: &str) -> Sidecar {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    asofdb::Store::open(directory.path().join("store")).unwrap().apply(&users(), false).unwrap();
    restart(directory, targets)
}

fn restart(directory: TempDir, targets: &str) -> Sidecar {
    let alerts = directory.path().join("alerts.toml");
    fs::write(&alerts, format!("{QUICK}{targets}")).unwrap();
    fs::set_permissions(&alerts, fs::Permissions::from_mode(0o600)).unwrap();
    Sidecar::over(directory, &["--alerts", alerts.to_str().unwrap()])
}

fn webhook(name: &str, url: &str, more: &str) -> String {
    format!("[[webhook]]\nname = {name:?}\nurl = {url:?}\n{more}\n")
}

/// Writes a row of `profile`, whose ttl is a day, of so many days ago.
fn write(client: &Client, days: i64) {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![days]));
    let at = client.now().unwrap().minus(Span::from_secs(days * 86_400));
    let columns = vec![
        ("user_id", ids.clone()),
        ("event_timestamp", times([Some(at)])),
        ("score", Arc::new(Float32Array::from(vec![0.5])) as ArrayRef),
        ("visits", ids),
        ("name", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
    ];
    client.write("profile", &batch(columns)).unwrap();
}

/// Waits until a target's report says so.
#[track_caller]
fn wait_for(client: &Client, target: &str, is_so: impl Fn(&AlertTargetReport) -> bool) -> AlertTargetReport {
    let mut report = AlertTargetReport::default();
    let has_happened = eventually(|| {
        report = client.alerts().unwrap().targets.into_iter().find(|one| one.target == target).unwrap();
        is_so(&report)
    });
    assert!(has_happened, "{report:?}");
    report
}

fn asof(place: &[&str], words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_asof")).args(place).args(words).env_remove("ASOF_STORE").output().unwrap()
}

#[test]
fn each_change_of_state_is_told_once_and_its_end_to_webhooks_and_commands_alike() {
    let (json, slack) = (Receiver::start(Manner::Take), Receiver::start(Manner::Take));
    let out = TempDir::new().unwrap();
    let out = out.path().join("out");
    let targets = [
        webhook("json", &json.url(), "headers = { Authorization = \"Bearer t0ken\" }"),
        webhook("chat", &slack.url(), "format = \"slack\""),
        format!("[[command]]\nname = \"page\"\nargv = [\"/bin/sh\", \"-c\", \"cat >> $0; echo >> $0\", {out:?}]\n"),
    ];
    let sidecar = start(&targets.concat());
    let client = sidecar.client();
    json.expect(&[("opened", "no_data")]);
    write(&client, 2);
    json.expect(&[("opened", "no_data"), ("changed", "stale")]);
    write(&client, 0);
    json.expect(&[("opened", "no_data"), ("changed", "stale"), ("recovered", "ok")]);
    let request = &json.requests()[0];
    assert!(request.head.starts_with("POST /hook/secret HTTP/1.1"), "{}", request.head);
    assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!((&request.body["version"], &request.body["from"]), (&json!(1), &json!("prod")));
    let notice = &request.body["notices"][0];
    assert_eq!((&notice["kind"], &notice["subject"]), (&json!("freshness"), &json!("profile")));
    assert_eq!(notice["message"], "view \"profile\" has no events, and promises to be fresh");
    let since: Timestamp = notice["since"].as_str().unwrap().parse().unwrap();
    assert!(since <= client.now().unwrap());
    let texts = || {
        let text = |request: &Request| request.body["text"].as_str().unwrap().to_owned();
        slack.requests().iter().map(text).collect::<Vec<_>>().join("\n")
    };
    assert!(eventually(|| texts().lines().count() == 3), "{}", texts());
    let said = "\n:red_circle: *prod*: view \"profile\" is stale: its newest event is 2d ";
    assert!(texts().contains(said), "{}", texts());
    wait_for(&client, "page", |report| report.delivered == 3);
    let lines = fs::read_to_string(&out).unwrap();
    let bodies: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_command: Vec<_> = bodies.iter().flat_map(|body| body["notices"].as_array().unwrap()).cloned().collect();
    assert_eq!(of_command, json.notices());
}

#[test]
fn a_webhook_that_fails_hangs_and_comes_back_gets_every_notice_once_and_in_order() {
    let receiver = Receiver::start(Manner::Refuse("503 Service Unavailable"));
    let sidecar = start(&webhook("a", &receiver.url(), "timeout = \"200ms\""));
    let client = sidecar.client();
    let report = wait_for(&client, "a", |report| report.failures >= 3);
    assert_eq!(report.last_error.as_deref(), Some("it answered 503 Service Unavailable: not   now"));
    assert_eq!((report.waiting, report.delivered, report.last_delivered), (1, 0, None));
    receiver.set(Manner::Hang);
    let report = wait_for(&client, "a", |report| report.last_error.as_ref().unwrap().contains("timeout"));
    assert!(report.last_failed.is_some());
    write(&client, 2);
    wait_for(&client, "a", |report| report.waiting == 2);
    receiver.set(Manner::Close);
    wait_for(&client, "a", |report| !report.last_error.as_ref().unwrap().contains("timeout"));
    write(&client, 0);
    wait_for(&client, "a", |report| report.waiting == 3);
    receiver.set(Manner::Take);
    receiver.expect(&[("opened", "no_data"), ("changed", "stale"), ("recovered", "ok")]);
    let report = wait_for(&client, "a", |report| report.waiting == 0);
    assert_eq!((report.delivered, report.dropped), (3, 0));
    let asynchronous = tokio::runtime::Runtime::new().unwrap();
    let told = asynchronous.block_on(async { AsyncClient::connect(sidecar.socket()).await?.alerts().await }).unwrap();
    assert_eq!(told, client.alerts().unwrap());
    assert!(!sidecar.log().contains("secret"), "{}", sidecar.log());
    let said = "notices of alerts are not delivered, and tried again";
    assert_eq!(sidecar.log().matches(said).count(), 1, "{}", sidecar.log());
}

#[test]
fn what_lasts_is_told_again_after_the_time_to_repeat_until_it_is_over() {
    let receiver = Receiver::start(Manner::Take);
    let sidecar = start(&format!("repeat = \"1s\"\n{}", webhook("a", &receiver.url(), "")));
    let events = || receiver.taken().into_iter().map(|(event, _)| event).collect::<Vec<_>>();
    assert!(eventually(|| events().len() >= 2), "{:?}", events());
    assert_eq!(events()[..2], ["opened", "repeated"]);
    let [open] = &sidecar.client().alerts().unwrap().alerts[..] else { panic!("one is open") };
    assert!(open.notices >= 2 && open.told > open.since, "{open:?}");
    write(&sidecar.client(), 0);
    assert!(eventually(|| events().last().is_some_and(|event| event == "recovered")));
}

#[test]
fn a_webhook_that_asks_for_time_gets_it() {
    let receiver = Receiver::start(Manner::Refuse("429 Too Many Requests\r\nRetry-After: 3600"));
    let sidecar = start(&webhook("a", &receiver.url(), ""));
    let client = sidecar.client();
    wait_for(&client, "a", |report| report.failures == 1);
    receiver.set(Manner::Take);
    // What is found meanwhile waits behind it: without the hour both would be tried at once.
    write(&client, 2);
    wait_for(&client, "a", |report| report.waiting == 2);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn what_was_told_and_what_waits_are_kept_over_a_kill() {
    let receiver = Receiver::start(Manner::Refuse("500 No"));
    let targets = webhook("a", &receiver.url(), "");
    let sidecar = start(&targets);
    wait_for(&sidecar.client(), "a", |report| report.failures >= 1);
    let refused = receiver.requests()[0].body["notices"].clone();
    let directory = sidecar.kill();
    receiver.set(Manner::Take);
    let sidecar = restart(directory, &targets);
    receiver.expect(&[("opened", "no_data")]);
    assert_eq!(json!(receiver.notices()), refused, "the same, with the same id");
    wait_for(&sidecar.client(), "a", |report| report.waiting == 0);
    let saved = |sidecar: &Sidecar| fs::read_to_string(sidecar.directory.path().join("store/ALERTS")).unwrap();
    assert!(eventually(|| saved(&sidecar).contains("\"waiting\":{}")), "{}", saved(&sidecar));
    let sidecar = restart(sidecar.kill(), &targets);
    let [open] = &sidecar.client().alerts().unwrap().alerts[..] else { panic!("one is open") };
    assert_eq!((open.state.as_str(), open.notices), ("no_data", 1));
    assert_eq!(json!(open.since.to_string()), refused[0]["since"]);
    let copy = sidecar.directory.path().join("copy");
    sidecar.client().checkpoint(&copy).unwrap();
    assert!(copy.join("CURRENT").exists() && !copy.join("ALERTS").exists(), "a copy tells nothing");
    write(&sidecar.client(), 0);
    receiver.expect(&[("opened", "no_data"), ("recovered", "ok")]);
}

#[test]
fn a_sidecar_that_ends_saves_what_it_told_last() {
    let receiver = Receiver::start(Manner::Take);
    let targets = webhook("a", &receiver.url(), "");
    let mut sidecar = start(&targets);
    receiver.expect(&[("opened", "no_data")]);
    write(&sidecar.client(), 2);
    sidecar.signal(Signal::TERM);
    assert!(sidecar.wait().success(), "{}", sidecar.log());
    receiver.expect(&[("opened", "no_data"), ("changed", "stale")]);
    let sidecar = restart(sidecar.kill(), &targets);
    write(&sidecar.client(), 0);
    receiver.expect(&[("opened", "no_data"), ("changed", "stale"), ("recovered", "ok")]);
}

#[test]
fn a_target_that_hangs_holds_up_neither_others_nor_requests() {
    let (hanging, well) = (Receiver::start(Manner::Hang), Receiver::start(Manner::Take));
    let sidecar =
        start(&[webhook("hanging", &hanging.url(), "timeout = \"1h\""), webhook("well", &well.url(), "")].concat());
    let client = sidecar.client();
    well.expect(&[("opened", "no_data")]);
    assert!(eventually(|| hanging.requests().len() == 1));
    write(&client, 2);
    well.expect(&[("opened", "no_data"), ("changed", "stale")]);
    let report = wait_for(&client, "hanging", |report| report.waiting == 2);
    assert_eq!((report.delivered, report.failures), (0, 0));
    assert_eq!(hanging.requests().len(), 1);
}

#[test]
fn the_command_line_shows_open_alerts_and_how_delivery_goes() {
    let receiver = Receiver::start(Manner::Take);
    let sidecar = start(&webhook("a", &receiver.url(), ""));
    wait_for(&sidecar.client(), "a", |report| report.delivered == 1);
    let socket = sidecar.socket();
    let place = ["--connect", socket.to_str().unwrap()];
    let output = asof(&place, &["alerts"]);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("view \"profile\" has no events, and promises to be fresh"), "{text}");
    assert!(text.contains("a (json): 1 delivered, last at 2") && text.contains(", 0 waiting\n"), "{text}");
    let output = asof(&place, &["alerts", "--format", "json"]);
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["alerts"][0]["kind"], &json["alerts"][0]["severity"]), (&json!("freshness"), &json!("critical")));
    assert_eq!((&json["targets"][0]["waiting"], &json["targets"][0]["last_error"]), (&json!(0), &json!(null)));
    write(&sidecar.client(), 0);
    assert!(eventually(|| asof(&place, &["alerts"]).status.success()));
}

#[test]
fn without_alerts_there_are_none_and_a_store_of_ones_own_has_none() {
    let sidecar = Sidecar::start(&users(), &[]);
    let socket = sidecar.socket();
    let output = asof(&["--connect", socket.to_str().unwrap()], &["alerts"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("nobody is told: the sidecar was started without --alerts"), "{text}");
    let output = asof(&[], &["alerts"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("alerts are a sidecar's; ask it with --connect SOCKET"), "{text}");
}

#[test]
fn a_wrong_file_of_alerts_is_refused_before_the_store_is_opened() {
    let directory = TempDir::new().unwrap();
    let (alerts, store) = (directory.path().join("alerts.toml"), directory.path().join("store"));
    fs::write(&alerts, "[[webhook]]\nname = \"a\"\n").unwrap();
    fs::set_permissions(&alerts, fs::Permissions::from_mode(0o600)).unwrap();
    let words = ["serve", "--socket", "/nowhere/socket", "--alerts", alerts.to_str().unwrap()];
    let output = asof(&["--store", store.to_str().unwrap()], &words);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("alerts.toml:1:1: a webhook needs the key \"url\""), "{text}");
    assert!(!store.exists());
}

/// A server for `localhost`; `None` without openssl's command.
fn secured(directory: &Path) -> Option<ServerConfig> {
    certificates::make(directory)?;
    let certificate = CertificateDer::from_pem_file(directory.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(directory.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Some(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

/// Needs openssl's command, as every Debian has that has certificates.
#[test]
fn https_is_spoken_to_who_is_trusted_and_to_nobody_else() {
    let directory = TempDir::new().unwrap();
    let Some(tls) = secured(directory.path()) else { return eprintln!("skipped: openssl is not installed") };
    let receiver = Receiver::secure(Manner::Take, tls);
    let url = |host: &str| format!("https://{host}:{}/hook", receiver.address.port());
    let ca = format!("ca_file = {:?}", directory.path().join("ca.pem"));
    // The certificate is not of the second name, and nobody trusted has signed it for the third.
    let targets = [
        webhook("trusted", &url("localhost"), &ca),
        webhook("another", &url("127.0.0.1"), &ca),
        webhook("strange", &url("localhost"), &format!("ca_file = {:?}", directory.path().join("other.pem"))),
    ];
    let other = directory.path().join("other.pem");
    let words =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout o.key -days 2 -subj /CN=o -out";
    let made =
        Command::new("openssl").current_dir(directory.path()).args(words.split(' ')).arg(&other).output().unwrap();
    assert!(made.status.success());
    let sidecar = start(&targets.concat());
    let client = sidecar.client();
    receiver.expect(&[("opened", "no_data")]);
    for name in ["another", "strange"] {
        let report = wait_for(&client, name, |report| report.failures >= 1);
        let error = report.last_error.unwrap();
        assert!(error.contains("certificate"), "{error}");
        assert_eq!(report.delivered, 0);
    }
    assert_eq!(receiver.requests().len(), 1);
}
