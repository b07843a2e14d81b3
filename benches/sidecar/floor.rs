//! The least that a socket costs: blocking frames of ready rows, found by their number in memory. No database, no
//! protocol but lengths.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::child::Server;
use crate::contender::{Contender, Reader, ReadyWrite, WrittenRow};
use crate::support::{Sizes, WIDE, value};

/// Tells this binary that it is the server, and where.
const SOCKET: &str = "ASOFDB_BENCH_FLOOR_SOCKET";
/// Before the keys of a request and before the rows of an answer: the number of rows, then nothing.
const HEADER_BYTES: usize = 16;
const KEY_BYTES: usize = 8;
/// The bytes that a row of the store has before its values, so that the same number of bytes travels.
const ROW_HEAD_BYTES: usize = 11;
const ROW_BYTES: usize = ROW_HEAD_BYTES + WIDE * size_of::<f32>();
/// Room for the largest request and for many small ones.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// A process that answers so.
#[derive(Debug)]
pub struct Floor {
    server: Server,
}

impl Floor {
    pub fn start() -> Self {
        Floor { server: Server::start(as_server) }
    }

    fn client(&self, rows_a_frame: Option<usize>) -> Box<dyn Reader + Send> {
        let socket = UnixStream::connect(&self.server.socket).expect("the floor listens");
        Box::new(FloorClient { socket, rows_a_frame, request: Vec::new(), answer: Vec::new(), frame_rows: 1 })
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        "floor: ready rows"
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.process())
    }

    fn reader(&self) -> Box<dyn Reader + Send + '_> {
        self.client(None)
    }

    fn pipeline(&self) -> Option<Box<dyn Reader + Send + '_>> {
        Some(self.client(Some(1)))
    }

    fn writes(&self, _: &[Vec<WrittenRow>]) -> Vec<ReadyWrite<'_>> {
        Vec::new()
    }
}

struct FloorClient {
    socket: UnixStream,
    /// Rows of each request; `None`: all that are asked in one.
    rows_a_frame: Option<usize>,
    request: Vec<u8>,
    answer: Vec<u8>,
    frame_rows: usize,
}

impl Reader for FloorClient {
    fn read(&mut self, entities: &[usize]) {
        self.frame_rows = self.rows_a_frame.unwrap_or(entities.len());
        self.request.clear();
        for frame in entities.chunks(self.frame_rows) {
            put_header(frame.len(), &mut self.request);
            frame.iter().for_each(|entity| self.request.extend((*entity as u64).to_le_bytes()));
        }
        let frames = entities.len().div_ceil(self.frame_rows);
        self.answer.resize(frames * HEADER_BYTES + entities.len() * ROW_BYTES, 0);
        self.socket.write_all(&self.request).expect("the floor takes requests");
        self.socket.read_exact(&mut self.answer).expect("the floor answers");
    }

    fn value(&self, row: usize, feature: usize) -> f32 {
        let frames = row / self.frame_rows + 1;
        let at = frames * HEADER_BYTES + row * ROW_BYTES + ROW_HEAD_BYTES + feature * size_of::<f32>();
        let bytes = self.answer[at..].first_chunk().expect("four bytes of the answer");
        f32::from_le_bytes(*bytes)
    }
}

fn put_header(rows: usize, out: &mut Vec<u8>) {
    out.extend((rows as u64).to_le_bytes());
    out.extend([0; HEADER_BYTES - 8]);
}

/// This binary again, to serve a socket.
fn as_server(socket: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this binary"));
    command.env(SOCKET, socket);
    command
}

/// Serves the newest rows for ever if this process was started to do so; the data are as large as the bench's.
pub fn serve_if_asked() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let rows: Arc<[u8]> = rows(Sizes::from_env()).into();
    let listener = UnixListener::bind(socket).expect("a free path");
    for client in listener.incoming() {
        let rows = rows.clone();
        // A client that goes away ends its thread.
        std::thread::spawn(move || client.and_then(|client| answer(client, &rows)));
    }
}

fn rows(sizes: Sizes) -> Vec<u8> {
    let mut rows = Vec::with_capacity(sizes.entities * ROW_BYTES);
    for entity in 0..sizes.entities {
        rows.extend([0; ROW_HEAD_BYTES]);
        (0..WIDE).for_each(|feature| rows.extend(value(entity, sizes.versions - 1, feature + 1).to_le_bytes()));
    }
    rows
}

/// Answers all requests that have arrived with one write.
fn answer(mut client: UnixStream, rows: &[u8]) -> std::io::Result<()> {
    let mut input = vec![0; REQUEST_BYTES_MAX];
    let (mut end, mut out) = (0, Vec::new());
    loop {
        match client.read(&mut input[end..])? {
            0 => return Ok(()),
            read => end += read,
        }
        let mut taken = 0;
        while let Some(keys) = keys(&input[taken..end]) {
            taken += HEADER_BYTES + keys.as_flattened().len();
            put_header(keys.len(), &mut out);
            for key in keys {
                let first = u64::from_le_bytes(*key) as usize * ROW_BYTES;
                out.extend_from_slice(&rows[first..first + ROW_BYTES]);
            }
        }
        input.copy_within(taken..end, 0);
        end -= taken;
        client.write_all(&out)?;
        out.clear();
    }
}

/// The keys of the first request, if all of it is there.
fn keys(input: &[u8]) -> Option<&[[u8; KEY_BYTES]]> {
    let rows = u64::from_le_bytes(*input.first_chunk()?) as usize;
    input.get(HEADER_BYTES..HEADER_BYTES + rows * KEY_BYTES).map(|keys| keys.as_chunks().0)
}
