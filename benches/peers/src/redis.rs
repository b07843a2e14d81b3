//! Redis on a Unix socket, without persistence, in the two layouts that feature stores use.
//!
//! The client is written by hand, with a request buffer and a reply buffer that are kept: the benches compare with the
//! fastest that a Redis user can have. It is faster than the crate `redis`, which makes a value of its own of each
//! part.

use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::resp::{Replies, command, word};

/// The attempts to reach a starting server, and the pause between two.
const START_ATTEMPTS: usize = 1_000;
const START_PAUSE: Duration = Duration::from_millis(10);
/// Rows of one write.
const WRITE_ROWS: usize = 1_000;
/// Field 6 (`float_val`) of Feast's protobuf message `Value`, with the wire type of four fixed bytes.
const PROTOBUF_FLOAT: u8 = 6 << 3 | 5;
/// Bytes of a float.
const FLOAT: usize = size_of::<f32>();

/// The layouts in which a row of features is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One string an entity: its features as little-endian floats, one after the other.
    Blob,
    /// Feast's layout: one hash an entity, a field a feature; its name is four bytes of a hash, its value the protobuf
    /// message of one float. Feast asks for a timestamp a view beside the features; these hashes have none.
    Hash,
}

impl Layout {
    fn key(self, entity: u64) -> [u8; 9] {
        let mut key = [0; 9];
        key[0] = match self {
            Layout::Blob => b'b',
            Layout::Hash => b'h',
        };
        key[1..].copy_from_slice(&entity.to_be_bytes());
        key
    }
}

/// A running `redis-server`, stopped when this is dropped.
#[derive(Debug)]
pub struct Redis {
    server: Child,
    socket: PathBuf,
    _directory: TempDir,
}

impl Redis {
    /// Starts a server of its own; `None`, after saying so, where `redis-server` is not installed.
    ///
    /// # Errors
    /// When the server cannot be started or does not answer within ten seconds.
    pub fn start() -> io::Result<Option<Redis>> {
        Redis::start_program("redis-server")
    }

    /// Starts a program with the options of Redis, `redis-server` or `valkey-server`, as [`Redis::start`] does.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_program(program: &str) -> io::Result<Option<Redis>> {
        let directory = TempDir::new()?;
        let socket = directory.path().join("redis.sock");
        let mut server = Command::new(program);
        server.args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"]);
        server.arg("--unixsocket").arg(&socket).arg("--dir").arg(directory.path());
        match server.stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
            Ok(server) => Redis { server, socket, _directory: directory }.wait().map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("{program} is not installed, so it is left out; `apt-get install {program}` may give it");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn wait(mut self) -> io::Result<Redis> {
        for _ in 0..START_ATTEMPTS {
            if UnixStream::connect(&self.socket).is_ok() {
                return Ok(self);
            }
            if let Some(status) = self.server.try_wait()? {
                return Err(io::Error::other(format!("redis-server ended at once: {status}")));
            }
            std::thread::sleep(START_PAUSE);
        }
        Err(io::Error::new(ErrorKind::TimedOut, "redis-server does not answer"))
    }

    /// The server's process.
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// A connection for rows of so many features.
    ///
    /// # Errors
    /// When the server does not accept it.
    pub fn connect(&self, features: usize) -> io::Result<RedisClient> {
        RedisClient::new(UnixStream::connect(&self.socket)?, features)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A blocking connection.
#[derive(Debug)]
pub struct RedisClient {
    socket: UnixStream,
    replies: Replies<UnixStream>,
    request: Vec<u8>,
    fields: Vec<[u8; 4]>,
}

impl RedisClient {
    fn new(socket: UnixStream, features: usize) -> io::Result<Self> {
        let replies = Replies::new(socket.try_clone()?);
        let fields =
            (0..features as u32).map(|feature| feature.wrapping_add(1).wrapping_mul(0x9e37_79b1).to_le_bytes());
        Ok(RedisClient { socket, replies, request: Vec::new(), fields: fields.collect() })
    }

    /// Writes a row of every entity, replacing what it had; `value` is asked for each entity and feature.
    ///
    /// # Errors
    /// When the server refuses it or goes away.
    pub fn load(&mut self, layout: Layout, entities: &[u64], value: impl Fn(u64, usize) -> f32) -> io::Result<()> {
        for entities in entities.chunks(WRITE_ROWS) {
            match layout {
                Layout::Blob => self.set(entities, &value)?,
                Layout::Hash => self.hset(entities, &value)?,
            }
        }
        Ok(())
    }

    fn set(&mut self, entities: &[u64], value: impl Fn(u64, usize) -> f32) -> io::Result<()> {
        let mut blob = Vec::new();
        self.begin(1 + 2 * entities.len(), b"MSET");
        for entity in entities {
            blob.clear();
            (0..self.fields.len()).for_each(|feature| blob.extend(value(*entity, feature).to_le_bytes()));
            word(&Layout::Blob.key(*entity), &mut self.request);
            word(&blob, &mut self.request);
        }
        self.send()?;
        self.replies.skip_line(b'+')
    }

    fn hset(&mut self, entities: &[u64], value: impl Fn(u64, usize) -> f32) -> io::Result<()> {
        for entity in entities {
            self.begin(2 + 2 * self.fields.len(), b"HSET");
            word(&Layout::Hash.key(*entity), &mut self.request);
            for (feature, field) in self.fields.iter().enumerate() {
                word(field, &mut self.request);
                word(&protobuf(value(*entity, feature)), &mut self.request);
            }
        }
        self.send()?;
        entities.iter().try_for_each(|_| self.replies.skip_line(b':'))
    }

    /// Reads blobs in one command (`GET` of one entity, `MGET` of more) into rows × features; NaN where there is none.
    ///
    /// # Errors
    /// When the server refuses it, goes away, or has rows of another length.
    ///
    /// # Panics
    /// When `out` has not a place for each feature of each entity.
    pub fn mget(&mut self, entities: &[u64], out: &mut [f32]) -> io::Result<()> {
        if let [_] = entities {
            return self.get_each(entities, out);
        }
        self.check_room(entities, out);
        self.begin(1 + entities.len(), b"MGET");
        entities.iter().for_each(|entity| word(&Layout::Blob.key(*entity), &mut self.request));
        self.send()?;
        let found = self.replies.array()?;
        if found != entities.len() {
            return Err(wrong(&format!("{} rows", entities.len()), found));
        }
        out.chunks_exact_mut(self.fields.len()).try_for_each(|row| read_blob(&mut self.replies, row))
    }

    /// As [`RedisClient::mget`], but a command an entity, all sent before the first reply is read.
    ///
    /// # Errors
    /// As [`RedisClient::mget`].
    ///
    /// # Panics
    /// As [`RedisClient::mget`].
    pub fn get_each(&mut self, entities: &[u64], out: &mut [f32]) -> io::Result<()> {
        self.check_room(entities, out);
        for entity in entities {
            self.begin(2, b"GET");
            word(&Layout::Blob.key(*entity), &mut self.request);
        }
        self.send()?;
        out.chunks_exact_mut(self.fields.len()).try_for_each(|row| read_blob(&mut self.replies, row))
    }

    /// Reads hashes (`HMGET` of all fields, a command an entity, all sent before the first reply is read) into rows ×
    /// features; NaN where there is none. Each value is taken out of its protobuf message.
    ///
    /// # Errors
    /// When the server refuses it, goes away, or a value is not the message of one float.
    ///
    /// # Panics
    /// As [`RedisClient::mget`].
    pub fn hmget(&mut self, entities: &[u64], out: &mut [f32]) -> io::Result<()> {
        self.check_room(entities, out);
        for entity in entities {
            self.begin(2 + self.fields.len(), b"HMGET");
            word(&Layout::Hash.key(*entity), &mut self.request);
            self.fields.iter().for_each(|field| word(field, &mut self.request));
        }
        self.send()?;
        out.chunks_exact_mut(self.fields.len()).try_for_each(|row| read_hash(&mut self.replies, row))
    }

    fn check_room(&self, entities: &[u64], out: &[f32]) {
        assert_eq!(out.len(), entities.len() * self.fields.len(), "a place for each feature of each entity");
    }

    /// Begins a command of so many words, after those already waiting.
    fn begin(&mut self, words: usize, name: &[u8]) {
        command(words, &mut self.request);
        word(name, &mut self.request);
    }

    /// Sends what waits.
    fn send(&mut self) -> io::Result<()> {
        let sent = self.socket.write_all(&self.request);
        self.request.clear();
        sent
    }
}

fn read_blob(replies: &mut Replies<UnixStream>, row: &mut [f32]) -> io::Result<()> {
    match replies.bulk()? {
        None => row.fill(f32::NAN),
        Some(blob) if blob.len() == row.len() * FLOAT => {
            let (floats, _) = blob.as_chunks();
            row.iter_mut().zip(floats).for_each(|(out, bytes)| *out = f32::from_le_bytes(*bytes));
        }
        Some(blob) => return Err(wrong(&format!("a row of {} bytes", row.len() * FLOAT), blob.len())),
    }
    Ok(())
}

fn read_hash(replies: &mut Replies<UnixStream>, row: &mut [f32]) -> io::Result<()> {
    let values = replies.array()?;
    if values != row.len() {
        return Err(wrong(&format!("{} values", row.len()), values));
    }
    for out in row {
        *out = match replies.bulk()? {
            None => f32::NAN,
            Some([PROTOBUF_FLOAT, bytes @ ..]) if bytes.len() == FLOAT => {
                f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
            }
            Some(other) => return Err(wrong("the message of one float", other.len())),
        };
    }
    Ok(())
}

/// Feast's message of one float.
fn protobuf(value: f32) -> [u8; 1 + FLOAT] {
    let [a, b, c, d] = value.to_le_bytes();
    [PROTOBUF_FLOAT, a, b, c, d]
}

fn wrong(expected: &str, found: usize) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("expected {expected}, the server sent {found}"))
}
