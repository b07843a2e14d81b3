//! Loads of encoded rows into a sidecar's store.

use asofdb::storage::{Note, WriteBatch};
use asofdb::{Error, ErrorKind, FeatureView, Result};
use asofdb_protocol::{Kind, LoadRequest, NoteMessage, PIECE_BYTES, Role, Welcome, write_row};

use super::exchange::{Event, Exchange};
use crate::client::Client;

/// Most bytes of keys and rows that one load should have.
///
/// # Errors
/// As the sidecar refuses writers of a lesser role.
pub(crate) fn load_bytes_max(welcome: &Welcome) -> Result<usize> {
    if welcome.role < Role::Writer as u8 {
        Role::Reader.require(Role::Writer, "loading rows")?;
    }
    // A chunk is full when it has as much or more: there is room for what the last piece adds.
    Ok(usize::try_from(welcome.load_bytes_max).unwrap_or(usize::MAX) / 3 * 2)
}

/// Writes a batch with its notes.
///
/// # Errors
/// Those of the sidecar; `Unavailable` when the connection breaks, and the rows may have been written.
pub(crate) fn load(client: &Client, view: &FeatureView, batch: &WriteBatch) -> Result<()> {
    send(client, view, batch).map_err(unknown)
}

/// The meaning of a failure for an ingest.
pub(super) fn unknown(error: Error) -> Error {
    match error.kind() {
        // Rows and notes are written together, so whether or not they were, the next run knows.
        ErrorKind::Unavailable => error.context("the rows may not have been loaded; run the ingest again to go on"),
        _ => error,
    }
}

fn send(client: &Client, view: &FeatureView, batch: &WriteBatch) -> Result<()> {
    let mut exchange = Exchange::begin(client.pool(), Kind::Load, &load_request(view, batch), true)?;
    send_rows(&mut exchange, batch)?;
    loop {
        match exchange.turn()? {
            Event::Sent => {}
            Event::End(_) => return Ok(()),
            Event::Piece { .. } => return Err(Error::internal("the sidecar answered a load with a stream")),
        }
    }
}

/// Sends the rows of a batch, the last of which wait to be sent then.
pub(super) fn send_rows(exchange: &mut Exchange<'_>, batch: &WriteBatch) -> Result<()> {
    let mut chunk = Vec::new();
    for row in batch.rows() {
        write_row(&row, &mut chunk);
        if chunk.len() >= PIECE_BYTES {
            exchange.queue(&chunk, true)?;
            exchange.send()?;
            chunk.clear();
        }
    }
    exchange.queue(&chunk, false)
}

pub(super) fn load_request(view: &FeatureView, batch: &WriteBatch) -> LoadRequest {
    let note = |(name, value): &Note| Some(NoteMessage { name: name.clone(), value: value.clone()? });
    LoadRequest {
        view: view.name.clone(),
        view_id: view.id,
        schema_version: view.current_layout().version(),
        rows: batch.len() as u64,
        bytes: batch.bytes() as u64,
        notes: batch.notes().iter().filter_map(note).collect(),
    }
}
