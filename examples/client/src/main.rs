//! A program that reads from a running sidecar: the code that reads an embedded store, without RocksDB.
//!
//! `cargo run -p asofdb-example-client -- SOCKET REF KEY=VALUE`, where `asof serve --socket SOCKET` runs.

use asofdb::{EntityRows, Error, F32Matrix, Prepared, Result, Session, Status, parse_join_key};
use asofdb_client::Client;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [socket, reference, entity] => read(&Client::connect(socket)?, reference, entity),
        _ => Err(Error::invalid("arguments: SOCKET REF KEY=VALUE")),
    }
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
