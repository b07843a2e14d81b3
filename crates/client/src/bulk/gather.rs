//! Rows that a sidecar gathers for a load: they go to it as they come, and become part of the store in one step.

use asofdb::storage::{Note, OnStagingProgress, Staging, StagingProgress, WriteBatch};
use asofdb::{Committed, Error, ErrorKind, FeatureView, Result};
use asofdb_protocol::{CommittedMessage, GatherAnswer, GatherRequest, Kind, LoadProgress, Message, decode_message};

use super::exchange::{Event, Exchange};
use super::load::{load_request, send_rows};
use crate::connection::Connection;
use crate::pool::Lender;

/// Rows that a sidecar holds for a load. They belong to the connection, and are gone with it.
#[derive(Debug)]
pub(crate) struct Gathered<'c> {
    pool: Lender<'c>,
    /// `None` after an error.
    connection: Option<Connection>,
    view: FeatureView,
    bytes_max: u64,
}

/// Asks a sidecar to gather rows of a view; `None` where it does not, or has no room now.
pub(crate) fn gather<'c>(pool: Lender<'c>, view: &FeatureView) -> Option<Gathered<'c>> {
    let connection = pool.take_open().ok()?;
    let mut gathered = Gathered { pool, connection: Some(connection), view: view.clone(), bytes_max: 0 };
    // A sidecar that is too old for it, or refuses whatever it is asked, says more of that when it gets a load.
    gathered.bytes_max = gathered.send(&WriteBatch::bulk()).ok()?;
    if gathered.bytes_max > 0 {
        return Some(gathered);
    }
    gathered.give_back();
    None
}

impl Gathered<'_> {
    /// Sends rows; tells how many bytes the sidecar gathers.
    fn send(&mut self, rows: &WriteBatch) -> Result<u64> {
        let request = GatherRequest {
            view: self.view.name.clone(),
            view_id: self.view.id,
            schema_version: self.view.current_layout().version(),
            rows: rows.len() as u64,
            bytes: rows.bytes() as u64,
        };
        let answer: GatherAnswer = self.ask(Kind::Gather, &request, rows, &|_| Ok(()))?;
        Ok(answer.bytes_max)
    }

    /// Gives the connection, which holds no rows, to other calls.
    fn give_back(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put_back(connection);
        }
    }

    /// Sends a request with rows and waits for its answer. After an error the connection is gone, and so are the rows.
    fn ask<A: Message>(
        &mut self,
        kind: Kind,
        request: &impl Message,
        rows: &WriteBatch,
        progress: &OnStagingProgress<'_>,
    ) -> Result<A> {
        let connection = self.connection.take().ok_or_else(gone)?;
        let mut exchange = Exchange::over(self.pool, connection, kind, request)?;
        send_rows(&mut exchange, rows)?;
        let answer = loop {
            match exchange.turn()? {
                Event::Sent => {}
                Event::End(body) => break decode_message(body)?,
                Event::Piece { is_chunk: false, body } => {
                    let LoadProgress { done, total } = decode_message(body)?;
                    progress(StagingProgress { done, total })?;
                }
                Event::Piece { is_chunk: true, .. } => {
                    return Err(Error::internal("the sidecar answered a load with a stream"));
                }
            }
        };
        self.connection = exchange.into_connection();
        Ok(answer)
    }
}

impl Staging for Gathered<'_> {
    fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    fn add(&mut self, batch: WriteBatch) -> Result<()> {
        self.send(&batch).map(drop).map_err(unloaded)
    }

    fn stay(&mut self) -> Result<()> {
        self.send(&WriteBatch::bulk()).map(drop).map_err(unloaded)
    }

    fn load(mut self: Box<Self>, notes: Vec<Note>, progress: &OnStagingProgress<'_>) -> Result<Committed> {
        let mut last = WriteBatch::bulk();
        notes.into_iter().for_each(|(name, value)| last.note(name, value));
        let request = load_request(&self.view, &last);
        let answer: CommittedMessage = self.ask(Kind::Load, &request, &last, progress).map_err(super::load::unknown)?;
        self.give_back();
        Ok(answer.into())
    }
}

fn gone() -> Error {
    Error::unavailable("the connection to the sidecar is not there any more; run the ingest again")
}

/// The meaning of a failure for an ingest: none of the step is there.
fn unloaded(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable => error.context("the rows were not loaded; run the ingest again to go on"),
        _ => error,
    }
}
