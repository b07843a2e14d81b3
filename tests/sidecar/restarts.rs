//! What a sidecar knows of the time before its start.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{Session, Span};
use asofdb_client::{AuditRequest, Client};
use rustix::process::Signal;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::harness::{Sidecar, eventually};
use crate::common::{batch, int, times, users};
use crate::http::client::Target;

/// A sidecar that logs all that it serves, with its HTTP socket and its log in a directory that outlives it.
struct Host {
    sidecar: Sidecar,
    place: TempDir,
}

impl Host {
    fn start() -> Self {
        let place = TempDir::new().expect("a directory");
        let sidecar = Sidecar::start(&users(), &Host::arguments(place.path()).each_ref().map(String::as_str));
        Host { sidecar, place }
    }

    fn arguments(place: &Path) -> [String; 6] {
        let path = |name: &str| place.join(name).to_str().expect("a path").to_owned();
        ["--log-served", &path("served"), "--log-share", "1", "--http-socket", &path("http")].map(str::to_owned)
    }

    /// Ends it, and starts another one over the same store. `meanwhile` is given the directories of the store and of the
    /// log.
    fn again(mut self, meanwhile: impl FnOnce(&Path, &Path)) -> Self {
        self.sidecar.signal(Signal::TERM);
        self.sidecar.wait();
        let directory = self.sidecar.kill();
        meanwhile(&directory.path().join("store"), &self.place.path().join("served"));
        let _ = fs::remove_file(self.place.path().join("http"));
        let arguments = Host::arguments(self.place.path());
        Host { sidecar: Sidecar::over(directory, &arguments.each_ref().map(String::as_str)), place: self.place }
    }

    fn http(&self) -> Target {
        Target::Unix(self.place.path().join("http"))
    }

    /// The times at which it has looked at how fresh the view is, as soon as there are so many.
    fn looks(&self, at_least: usize) -> Vec<Json> {
        let looks = || {
            let history = self.http().get("/v1/freshness/profile/history").ok();
            history.as_array().expect("points").iter().map(|point| point["at"].clone()).collect::<Vec<_>>()
        };
        assert!(eventually(|| looks().len() >= at_least), "{:?}: {}", looks(), self.sidecar.log());
        looks()
    }
}

fn write(client: &Client, score: f32, seconds_ago: i64) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(Int64Array::from(vec![1]))),
        ("event_timestamp", times([Some(client.now().unwrap().minus(Span::from_secs(seconds_ago)))])),
        ("score", Arc::new(Float32Array::from(vec![score]))),
        ("visits", Arc::new(Int64Array::from(vec![3]))),
        ("name", Arc::new(StringArray::from(vec!["one"]))),
    ];
    client.write("profile", &batch(columns)).unwrap();
}

/// Reads what a late row changes afterwards, and audits that.
fn audited(client: &Client) -> Json {
    write(client, 1.5, 60);
    let request = client.prepare(&["profile:score"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    client.latest(&request, &rows).unwrap();
    write(client, 2.5, 30);
    let number = client.begin_audit(&AuditRequest { examples: 5, ..AuditRequest::default() }).unwrap();
    let report = || client.audits_json(Some(number)).unwrap().parse::<Json>().expect("JSON");
    assert!(eventually(|| report()["state"] == json!("done")), "{}", report());
    report()
}

#[test]
fn the_history_of_freshness_is_there_after_a_restart() {
    let host = Host::start();
    let before = host.looks(1);
    let host = host.again(|store, _| assert!(store.join("FRESHNESS").is_file()));
    let after = host.looks(2);
    assert_eq!(after[..before.len()], before[..]);
}

#[test]
fn audits_are_there_after_a_restart_with_what_they_have_found() {
    let host = Host::start();
    let before = audited(&host.sidecar.client());
    assert_eq!((&before["audit"], &before["differing"]), (&json!(1), &json!(1)), "{before}");
    assert_eq!(before["found"]["examples"][0]["served"]["value"], json!(1.5));
    let host = host.again(|_, log| assert!(log.join("AUDITS").is_file()));
    let client = host.sidecar.client();
    assert_eq!(client.audits_json(Some(1)).unwrap().parse::<Json>().expect("JSON"), before);
    let page = host.http().get("/audits/1");
    assert!(page.text().contains("profile:score"), "{}", page.text());
    assert_eq!(audited(&client)["audit"], json!(2), "numbers go on");
}

#[test]
fn damaged_and_later_files_are_said_and_never_keep_a_sidecar_from_starting() {
    let host = Host::start();
    host.looks(1);
    let host = host.again(|store, log| {
        fs::write(store.join("FRESHNESS"), "asofdb FRESHNESS 1 00\ndamaged").expect("a file");
        fs::write(log.join("AUDITS"), "asofdb AUDITS 1 00\ndamaged").expect("a file");
    });
    let said = host.sidecar.log();
    for what in ["the history of freshness cannot be read, and begins anew", "the file of audits cannot be read"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert_eq!(host.http().get("/v1/audits").ok(), json!([]));
    host.looks(1);
    let later = "asofdb FRESHNESS 2 00\nlater";
    let host = host.again(|store, _| {
        let file = fs::read(store.join("FRESHNESS")).expect("a file");
        assert!(file.starts_with(b"asofdb FRESHNESS 1 ") && !file.ends_with(b"damaged"), "it was replaced");
        fs::write(store.join("FRESHNESS"), later).expect("a file");
    });
    let said = host.sidecar.log();
    assert!(said.contains("the history of freshness is of a later version: it is left alone"), "{said}");
    host.looks(1);
    host.again(|store, _| assert_eq!(fs::read_to_string(store.join("FRESHNESS")).expect("a text"), later));
}
