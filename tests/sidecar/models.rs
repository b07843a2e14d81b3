//! Consumers of a sidecar that are versions of models.

use std::process::Command;

use asofdb::{ErrorKind, Session};
use asofdb_client::{Client, ConnectOptions};
use serde_json::{Value as Json, json};

use super::harness::Sidecar;
use crate::common::{int, users};
use crate::http::client::Target;

fn connect(sidecar: &Sidecar, model: &str) -> asofdb::Result<Client> {
    let (consumer, model) = (Some("ranker".to_owned()), Some(model.to_owned()));
    Client::connect_with(sidecar.socket(), ConnectOptions { consumer, model, ..ConnectOptions::default() })
}

#[test]
fn models_are_told_by_every_way_of_access_and_bad_ones_are_refused() {
    let place = tempfile::TempDir::new().expect("a temporary directory");
    let socket = place.path().join("http");
    let sidecar = Sidecar::start(&users(), &["--http-socket", socket.to_str().expect("a path")]);
    let client = connect(&sidecar, "fraud/3").unwrap();
    let request = client.prepare(&["profile:visits"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    client.latest(&request, &rows).unwrap();
    let http = Target::Unix(socket);
    let asked = json!({"features": ["profile:name"], "entities": [{"user_id": 1}, {"user_id": 2}]}).to_string();
    let named = |model| [("X-Asof-Consumer", "web"), ("X-Asof-Model", model)];
    assert_eq!(http.send("POST", "/v1/latest", &named("search/a"), asked.as_bytes()).status, 200);
    let refused = http.send("POST", "/v1/latest", &named("search"), asked.as_bytes()).error(422, "invalid");
    assert!(refused.contains("a model is NAME/VERSION"), "{refused}");
    let error = connect(&sidecar, "fraud").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let rows: Vec<_> = client.models().unwrap().into_iter().map(|row| (row.key.model, row.serving.rows)).collect();
    assert_eq!(rows, [("fraud/3".to_owned(), 1), ("search/a".to_owned(), 2)]);
    let told = http.get("/v1/models?name=profile&model=search/a").ok();
    let wanted = json!({"calls": 1, "rows": 2});
    assert_eq!((&told[0]["consumer"], &told[0]["of"], &told[0]["serving"]), (&json!("web"), &json!("view"), &wanted));
    assert_eq!(http.get("/v1/models?name=profil").ok(), json!([]));
    http.get("/v1/models?x=y").error(422, "invalid");
    for page in ["/views/profile/usage", "/consumers/usage"] {
        let reply = http.get(page);
        let text = reply.text();
        assert!(text.contains("<th scope=\"row\">fraud/3</th>") && text.contains("<th scope=\"row\">search/a</th>"));
    }
    let socket = sidecar.socket();
    let socket = socket.to_str().expect("a path");
    let words = ["--connect", socket, "usage", "profile", "--models", "--format", "json"];
    let output = Command::new(env!("CARGO_BIN_EXE_asof")).args(words).output().expect("asof");
    let told: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told[0]["model"], &told[1]["model"]), (&json!("fraud/3"), &json!("search/a")));
}
