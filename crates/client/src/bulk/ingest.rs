//! Ingest into a sidecar's store: the files are read and the rows encoded here.

use asofdb::parts::{Target, ViewEncoder, check, find_view, ingest_into};
use asofdb::storage::WriteBatch;
use asofdb::{Error, ErrorKind, IngestOptions, IngestReport, Input, OnProgress, Result, Timestamp};
use asofdb_protocol::{Kind, LoadRequest, NoteAnswer, NoteMessage, NoteRequest, PIECE_BYTES, Role, write_row};

use crate::bulk::exchange::{Event, Exchange};
use crate::client::Client;

impl Client {
    /// Writes the rows of files of this host into a view. See [`Store::ingest`](asofdb::Store::ingest), all of whose
    /// promises hold: whole or not at all, once, and again where it was left off, also when the sidecar dies. Chunks are
    /// no larger than the sidecar takes.
    ///
    /// # Errors
    /// As there; `Invalid` when this user may not write, `Conflict` when the view is changed meanwhile.
    pub fn ingest(
        &self,
        view: &str,
        inputs: Vec<Input>,
        options: &IngestOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<IngestReport> {
        check(&inputs, options)?;
        let (role, load_bytes_max) = self.pool().welcome(|welcome| (welcome.role, welcome.load_bytes_max))?;
        if role < Role::Writer as u8 {
            Role::Reader.require(Role::Writer, "loading rows")?;
        }
        let encoder = ViewEncoder::new(find_view(&*self.catalog()?, view)?.clone());
        let load_bytes_max = usize::try_from(load_bytes_max).unwrap_or(usize::MAX);
        ingest_into(&Remote { client: self, encoder, load_bytes_max }, inputs, options, progress)
    }
}

/// A store in a sidecar.
struct Remote<'c> {
    client: &'c Client,
    encoder: ViewEncoder,
    load_bytes_max: usize,
}

impl Target for Remote<'_> {
    fn encoder(&self) -> &ViewEncoder {
        &self.encoder
    }

    fn now(&self) -> Result<Timestamp> {
        self.client.now()
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let answer: NoteAnswer = self.client.ask(Kind::Note, &NoteRequest { name: name.to_vec() })?;
        Ok(answer.value)
    }

    /// A chunk is full when it has as much or more: there is room for what the last piece adds.
    fn load_bytes_max(&self) -> usize {
        self.load_bytes_max / 3 * 2
    }

    fn load(&self, batch: WriteBatch) -> Result<()> {
        self.send(&batch).map_err(|error| match error.kind() {
            // Rows and notes are written together, so whether or not they were, the next run knows.
            ErrorKind::Unavailable => error.context("the rows may not have been loaded; run the ingest again to go on"),
            _ => error,
        })
    }
}

impl Remote<'_> {
    fn send(&self, batch: &WriteBatch) -> Result<()> {
        let mut exchange = Exchange::begin(self.client.pool(), Kind::Load, &self.request(batch), true)?;
        let mut chunk = Vec::new();
        for row in batch.rows() {
            write_row(&row, &mut chunk);
            if chunk.len() >= PIECE_BYTES {
                exchange.queue(&chunk, true)?;
                exchange.send()?;
                chunk.clear();
            }
        }
        exchange.queue(&chunk, false)?;
        loop {
            match exchange.turn()? {
                Event::Sent => {}
                Event::End(_) => return Ok(()),
                Event::Piece { .. } => return Err(Error::internal("the sidecar answered a load with a stream")),
            }
        }
    }

    fn request(&self, batch: &WriteBatch) -> LoadRequest {
        let view = self.encoder.view();
        let note =
            |(name, value): &asofdb::storage::Note| Some(NoteMessage { name: name.clone(), value: value.clone()? });
        LoadRequest {
            view: view.name.clone(),
            view_id: view.id,
            schema_version: self.encoder.schema_version(),
            rows: batch.len() as u64,
            bytes: batch.bytes() as u64,
            notes: batch.notes().iter().filter_map(note).collect(),
        }
    }
}
