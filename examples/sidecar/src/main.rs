//! A store that this process serves to others, as `asof serve` does, and a client that reads from it.
//!
//! `cargo run -p asofdb-example-sidecar`

use std::sync::Arc;

use asofdb::{Result, Session, Store, Value, parse_definitions};
use asofdb_client::Client;
use asofdb_sidecar::{Access, Bounds, Limits, Server, Service, Socket};

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
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(directory.path().join("store"))?;
    store.apply(&parse_definitions(DEFINITIONS, "sidecar.rs")?, false)?;
    let path = directory.path().join("socket");
    let service = Arc::new(Service::new(store, Limits::default()));
    let server = Server::start(service, Socket::bind(&path, 0o600)?, Access::default(), Bounds::default())?;
    // This is the line that differs: `Store::open(..)` in the process of the store, `Client::connect(..)` elsewhere.
    read(&Client::connect(&path)?, "activity_v1:clicks", 1001)?;
    server.drain(std::time::Duration::from_secs(5));
    Ok(())
}

fn read(client: &Client, reference: &str, user: i64) -> Result<()> {
    let request = client.prepare(&[reference])?;
    let mut users = request.entity_rows();
    users.push(&[Some(Value::Int64(user))])?;
    let answer = client.latest(&request, &users)?;
    println!("{reference} = {:?} ({})", answer.value(0, 0)?, answer.status(0, 0));
    Ok(())
}
