//! A store behind a socket: the code that reads it is the code that reads an embedded one.
//!
//! `cargo run --example sidecar`, or with the socket of a running `asof serve`: `cargo run --example sidecar -- SOCKET REF KEY=VALUE`

use std::sync::Arc;

use asofdb::{
    Access, Bounds, Client, EntityRows, F32Matrix, Limits, Prepared, Result, Server, Service, Socket, Status, Store,
    parse_definitions, parse_join_key,
};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
[[feature_view]]
name = "activity_v1"
entities = ["user"]
[[feature_view.feature]]
name = "clicks"
type = "int64"
default = 0
"#;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [socket, reference, entity] => read(&Client::connect(socket)?, reference, entity),
        _ => serve_and_read(),
    }
}

/// Serves a store from this process, as `asof serve` does from its own.
fn serve_and_read() -> Result<()> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(directory.path().join("store"))?;
    store.apply(&parse_definitions(DEFINITIONS, "sidecar.rs")?, false)?;
    let path = directory.path().join("socket");
    let service = Arc::new(Service::new(store, Limits::default()));
    let server = Server::start(service, Socket::bind(&path, 0o600)?, Access::default(), Bounds::default())?;
    // This is the line that differs: `Store::open(..)` in the process of the store, `Client::connect(..)` elsewhere.
    read(&Client::connect(&path)?, "activity_v1:clicks", "user_id=1001")?;
    server.drain(std::time::Duration::from_secs(5));
    Ok(())
}

fn read(client: &Client, reference: &str, entity: &str) -> Result<()> {
    let request = client.prepare(&[reference])?;
    let entities = entity_row(&request, entity)?;
    let answer = client.latest(&request, &entities)?;
    for (feature, reference) in answer.references().iter().enumerate() {
        println!("{reference} = {:?} ({})", answer.value(0, feature)?, answer.status(0, feature));
    }
    let (mut values, mut statuses) = (vec![0.0; answer.features()], vec![Status::Missing; answer.features()]);
    let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: f32::NAN };
    client.latest_f32(&request, &entities, matrix)?;
    println!("for a model: {values:?}");
    Ok(())
}

/// The entity `KEY=VALUE`, of a request with one join key.
fn entity_row(request: &Prepared, entity: &str) -> Result<EntityRows> {
    let (_, value) = entity.split_once('=').unwrap_or(("", entity));
    let mut entities = request.entity_rows();
    for key in request.join_keys() {
        entities.push(&[Some(parse_join_key(&key, value)?)])?;
    }
    Ok(entities)
}
