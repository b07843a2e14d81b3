//! The sidecar, in the two forms in which it answers.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb::{Answer, EntityRows, F32Matrix, FeatureView, Prepared, Session, Value};
use asofdb_client::{Client, ConnectOptions, Pipeline};
use tempfile::TempDir;

use crate::child::Server;
use crate::contender::{Contender, Reader, ReadyWrite, WrittenRow};
use crate::embedded::{copy, fill, to_batches, warm};
use crate::support::{CACHE_BYTES, Sizes, WIDE, all};

/// `asof serve` with its defaults, but for the memory that the embedded store has as well.
fn as_server(socket: &Path, store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asof"));
    command.arg("serve").arg("--store").arg(store).arg("--socket").arg(socket);
    command.arg("--memory-budget").arg(CACHE_BYTES.to_string()).args(["--log", "warn", "--share-memory"]);
    command
}

/// A process that serves a copy of the bench's store.
pub struct Sidecar {
    // Stops before the directory goes.
    server: Server,
    client: Client,
    request: Prepared,
    view: Arc<FeatureView>,
    _directory: TempDir,
}

impl Sidecar {
    pub fn start(sizes: Sizes) -> Self {
        let directory = copy(sizes);
        let server = Server::start(|socket| as_server(socket, &directory.path().join("store")));
        let client = Client::connect(&server.socket).expect("the sidecar listens");
        let request = client.prepare(&all("wide")).expect("a request");
        let view = client.catalog().expect("the catalog").view("wide").expect("the view").clone();
        let sidecar = Sidecar { server, client, request, view, _directory: directory };
        let warming = SidecarContender { sidecar: &sidecar, answers: Answers::Matrix };
        warm(&mut *warming.reader(), sizes);
        sidecar
    }

    /// A client whose connections are its own.
    fn connect(&self, shared_memory: bool) -> Client {
        let options = ConnectOptions { shared_memory, ..ConnectOptions::default() };
        Client::connect_with(&self.server.socket, options).expect("the sidecar listens")
    }
}

/// The form of the sidecar's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Rows with their statuses and event timestamps, which the client decodes as it reads values.
    Rows,
    /// A matrix of floats.
    Matrix,
    /// A matrix of floats, which the client fills by itself out of shared memory.
    Shared,
}

/// A sidecar asked for one of them.
pub struct SidecarContender<'s> {
    pub sidecar: &'s Sidecar,
    pub answers: Answers,
}

impl Contender for SidecarContender<'_> {
    fn name(&self) -> &'static str {
        match self.answers {
            Answers::Rows => "sidecar: rows",
            Answers::Matrix => "sidecar: f32 matrix",
            Answers::Shared => "sidecar: shared memory",
        }
    }

    fn server(&self) -> Option<u32> {
        Some(self.sidecar.server.process())
    }

    fn reader(&self) -> Box<dyn Reader + Send + '_> {
        let (client, request) = (self.sidecar.connect(self.answers == Answers::Shared), &self.sidecar.request);
        let rows = request.entity_rows();
        match self.answers {
            Answers::Rows => Box::new(RowsReader { client, request, rows, answer: None }),
            Answers::Matrix | Answers::Shared => Box::new(MatrixReader { client, request, rows, out: Vec::new() }),
        }
    }

    fn pipeline(&self) -> Option<Box<dyn Reader + Send + '_>> {
        if self.answers != Answers::Matrix {
            return None;
        }
        let pipeline = self.sidecar.client.pipeline(&self.sidecar.request, false, f32::NAN).expect("a pipeline");
        let rows = self.sidecar.request.entity_rows();
        Some(Box::new(PipelineReader { pipeline, rows, out: Vec::new() }))
    }

    fn writes(&self, batches: &[Vec<WrittenRow>]) -> Vec<ReadyWrite<'_>> {
        if self.answers != Answers::Matrix {
            // The same server has been measured beside a writer already, or will be.
            return Vec::new();
        }
        let write = |batch: RecordBatch| -> ReadyWrite<'_> {
            Box::new(move || {
                self.sidecar.client.write("wide", &batch).expect("a write");
            })
        };
        to_batches(&self.sidecar.view, batches).into_iter().map(write).collect()
    }
}

struct RowsReader<'s> {
    client: Client,
    request: &'s Prepared,
    rows: EntityRows,
    answer: Option<Answer>,
}

impl Reader for RowsReader<'_> {
    fn read(&mut self, entities: &[usize]) {
        fill(&mut self.rows, entities);
        self.answer = Some(self.client.latest(self.request, &self.rows).expect("a read"));
    }

    fn value(&self, row: usize, feature: usize) -> f32 {
        let answer = self.answer.as_ref().expect("something was read");
        match answer.value(row, feature).expect("a good row") {
            Some(Value::Float32(value)) => value,
            other => panic!("a float was written, and {other:?} is read"),
        }
    }
}

struct MatrixReader<'s> {
    client: Client,
    request: &'s Prepared,
    rows: EntityRows,
    out: Vec<f32>,
}

impl Reader for MatrixReader<'_> {
    fn read(&mut self, entities: &[usize]) {
        fill(&mut self.rows, entities);
        self.out.resize(entities.len() * WIDE, 0.0);
        let matrix = F32Matrix { values: &mut self.out, statuses: None, fill: f32::NAN };
        self.client.latest_f32(self.request, &self.rows, matrix).expect("a read");
    }

    fn value(&self, row: usize, feature: usize) -> f32 {
        self.out[row * WIDE + feature]
    }
}

struct PipelineReader<'s> {
    pipeline: Pipeline<'s>,
    rows: EntityRows,
    out: Vec<f32>,
}

impl Reader for PipelineReader<'_> {
    fn read(&mut self, entities: &[usize]) {
        for entity in entities {
            fill(&mut self.rows, &[*entity]);
            self.pipeline.send(&self.rows).expect("a request");
        }
        self.out.resize(entities.len() * WIDE, 0.0);
        for row in self.out.chunks_exact_mut(WIDE) {
            self.pipeline.receive(row, None).expect("an answer");
        }
    }

    fn value(&self, row: usize, feature: usize) -> f32 {
        self.out[row * WIDE + feature]
    }
}
