//! One connection of a client: requests out, answers in.

use std::collections::HashMap;
use std::io::{ErrorKind as IoKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asofdb_storage::{Error, Result};
use bincode::{Decode, Encode};
use rustix::net::{RecvFlags, recv};

use super::ConnectOptions;
use crate::keys::EncodedKeys;
use crate::prepared::{Plan, Prepared};
use crate::sidecar::frame::{self, Header, Input, Kind};
use crate::sidecar::message::{self, ErrorMessage, Form, Handle, Hello, MAGIC, PROTOCOL_VERSION, Prepare, Welcome};
use crate::sidecar::point::PointHeader;
use crate::sidecar::shape::{describe, is_same_shape};

/// Longest answer that a client takes.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// Handles that a connection keeps; more are forgotten, all at once.
const HANDLES_KEPT_MAX: usize = 512;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The sidecar answered so; the connection is good.
    Refused(Error),
    /// The request has to be prepared again.
    Stale,
    /// The connection is no good any more. `sent` tells whether the sidecar may have got the request.
    Broken { error: Error, sent: bool },
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Refused(error) | Failure::Broken { error, .. } => error,
            Failure::Stale => ErrorMessage::stale().into_error(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Refused(error)
    }
}

/// A form without the value that fills holes, by its bits.
type FormKey = (bool, bool, u32);

fn form_key(form: Form) -> FormKey {
    match form {
        Form::Rows => (false, false, 0),
        Form::Matrix { statuses, fill } => (true, statuses, fill.to_bits()),
    }
}

/// A connection that has said hello.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    input: Input,
    out: Vec<u8>,
    next_id: u64,
    handles: HashMap<(u64, FormKey), KnownHandle>,
    pub(super) welcome: Welcome,
    timeout: Duration,
}

/// A handle, and the plan that its answers are read by.
#[derive(Debug, Clone)]
pub(super) struct KnownHandle {
    pub(super) number: u32,
    pub(super) plan: Arc<Plan>,
}

impl Connection {
    /// Connects and says hello.
    ///
    /// # Errors
    /// `Unavailable` when nobody listens there; what the sidecar answers otherwise.
    pub(super) fn open(path: &Path, options: &ConnectOptions) -> Result<Self> {
        let stream = UnixStream::connect(path).map_err(|error| {
            let shown = path.display();
            let what = match error.kind() {
                IoKind::NotFound | IoKind::ConnectionRefused => {
                    format!("no sidecar listens on {shown}; start one (asof serve --socket {shown})")
                }
                IoKind::PermissionDenied => format!("this user may not connect to the sidecar on {shown}"),
                _ => format!("cannot connect to the sidecar on {shown}"),
            };
            Error::unavailable(what).with_source(error)
        })?;
        let set = stream
            .set_read_timeout(Some(options.timeout))
            .and_then(|()| stream.set_write_timeout(Some(options.timeout)));
        set.map_err(|error| Error::unavailable("cannot set the time-outs of a socket").with_source(error))?;
        let unknown = Welcome {
            version: 0,
            server: String::new(),
            consumer: String::new(),
            role: 0,
            catalog_revision: 0,
            body_bytes_max: 0,
            rows_max: 0,
        };
        let mut connection = Connection {
            stream,
            input: Input::new(),
            out: Vec::new(),
            next_id: 1,
            handles: HashMap::new(),
            welcome: unknown,
            timeout: options.timeout,
        };
        let versions = (PROTOCOL_VERSION, PROTOCOL_VERSION);
        let hello = Hello { magic: MAGIC, versions, consumer: options.consumer.clone() };
        connection.welcome = connection.call(Kind::Hello, &hello).map_err(Failure::into_error)?;
        Ok(connection)
    }

    /// Whether the sidecar still holds its end, as far as one can know.
    pub(super) fn is_open(&self) -> bool {
        let mut byte = [0];
        match recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((read, _)) => read > 0,
            Err(error) => error == rustix::io::Errno::AGAIN,
        }
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Asks and waits for the answer.
    pub(super) fn call<Q: Encode, A: Decode<()>>(&mut self, kind: Kind, request: &Q) -> Result<A, Failure> {
        let id = self.queue(kind, request)?;
        self.flush()?;
        let body = self.answer(kind, id)?;
        message::decode(body).map_err(|error| Failure::Broken { error, sent: true })
    }

    /// Adds a request to what will be sent; gives its number.
    pub(super) fn queue<Q: Encode>(&mut self, kind: Kind, request: &Q) -> Result<u64, Failure> {
        let id = self.new_id();
        let mut encoded = Ok(());
        frame::put(&mut self.out, Header::request(kind, id), |out| encoded = message::encode(request, out));
        if let Err(error) = encoded {
            self.out.clear();
            return Err(error.into());
        }
        Ok(id)
    }

    /// Adds a read to what will be sent; gives its number.
    pub(super) fn queue_read(&mut self, point: &PointHeader, groups: &[EncodedKeys]) -> u64 {
        let id = self.new_id();
        point.encode(id, groups, &mut self.out);
        id
    }

    /// Bytes that wait to be sent.
    pub(super) fn queued_bytes(&self) -> usize {
        self.out.len()
    }

    /// Adds a frame to what will be sent.
    pub(super) fn queue_frame(&mut self, header: Header, body: &[u8]) {
        frame::put(&mut self.out, header, |out| out.extend_from_slice(body));
    }

    /// Sends what waits.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let sent = self.stream.write_all(&self.out);
        self.out.clear();
        sent.map_err(|error| self.broken(&error, true))
    }

    /// Waits for the answer to request `id`.
    pub(super) fn answer(&mut self, kind: Kind, id: u64) -> Result<&[u8], Failure> {
        let (header, body) = self.frame()?;
        if header.is_answer && header.kind == Kind::Error && (header.id == id || header.id == 0) {
            let message: ErrorMessage = message::decode(body).map_err(|error| Failure::Broken { error, sent: true })?;
            return Err(match (header.id, message.is_stale()) {
                (0, _) => Failure::Broken { error: message.into_error(), sent: true },
                (_, true) => Failure::Stale,
                _ => Failure::Refused(message.into_error()),
            });
        }
        if !header.is_answer || header.id != id || (header.kind != kind && header.kind != Kind::Chunk) {
            let error = Error::internal("the sidecar answered another request than was asked");
            return Err(Failure::Broken { error, sent: true });
        }
        Ok(body)
    }

    /// The next frame, whatever it is.
    pub(super) fn frame(&mut self) -> Result<(Header, &[u8]), Failure> {
        let unreadable = |error| Failure::Broken { error, sent: true };
        while self.input.peek(ANSWER_BYTES_MAX).map_err(unreadable)?.is_none() {
            match self.input.read_from(&mut self.stream) {
                Ok(0) => return Err(self.broken(&IoKind::UnexpectedEof.into(), true)),
                Ok(_) => {}
                Err(error) if error.kind() == IoKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error, true)),
            }
        }
        match self.input.next(ANSWER_BYTES_MAX) {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(unreadable(Error::internal("a frame that was there is gone"))),
            Err(error) => Err(unreadable(error)),
        }
    }

    fn broken(&self, error: &std::io::Error, sent: bool) -> Failure {
        let what = match error.kind() {
            IoKind::WouldBlock | IoKind::TimedOut => {
                format!("the sidecar did not answer within {:?}; it may still do what was asked", self.timeout)
            }
            _ => "the connection to the sidecar broke; it was stopped, or it closed the connection".to_owned(),
        };
        Failure::Broken { error: Error::unavailable(format!("{what}: {error}")), sent }
    }

    /// The handle of a request, which the sidecar is asked for once.
    pub(super) fn handle(&mut self, request: &Prepared, form: Form, plan: &Arc<Plan>) -> Result<KnownHandle, Failure> {
        let key = (request.id(), form_key(form));
        if let Some(known) = self.handles.get(&key) {
            return Ok(known.clone());
        }
        if self.handles.len() >= HANDLES_KEPT_MAX {
            self.release_all()?;
        }
        let asked = Prepare { references: request.references().to_vec(), form };
        let handle: Handle = self.call(Kind::Prepare, &asked)?;
        if !is_same_shape(&handle, &describe(plan, handle.handle)) {
            self.call::<_, ()>(Kind::Release, &message::Release { handle: handle.handle })?;
            if handle.catalog_revision != plan.revision {
                return Err(Failure::Stale);
            }
            let message = "this client and the sidecar lay out records differently; use the same version of asofdb";
            return Err(Error::conflict(format!("{message} ({})", self.welcome.server)).into());
        }
        let known = KnownHandle { number: handle.handle, plan: plan.clone() };
        self.handles.insert(key, known.clone());
        Ok(known)
    }

    /// Forgets the handle of a request, so that it is prepared again.
    pub(super) fn forget(&mut self, request: &Prepared, form: Form) -> Result<(), Failure> {
        match self.handles.remove(&(request.id(), form_key(form))) {
            Some(known) => self.call(Kind::Release, &message::Release { handle: known.number }),
            None => Ok(()),
        }
    }

    fn release_all(&mut self) -> Result<(), Failure> {
        for (_, known) in std::mem::take(&mut self.handles) {
            self.call::<_, ()>(Kind::Release, &message::Release { handle: known.number })?;
        }
        Ok(())
    }
}
