//! One connection that tasks share: each waits for the answer with the number of its request.

use std::collections::HashMap;
use std::io::{self, ErrorKind as IoKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb::parts::ReadPlan;
use asofdb::{Error, Prepared, Result};
use asofdb_protocol::{
    ANSWER_BYTES_MAX, Call, ErrorMessage, Form, HEADER_BYTES, HandleMessage, Header, Input, Kind, Message,
    PrepareRequest, ReleaseRequest, Welcome, decode_message, encoded_message, put_frame,
};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};

use crate::failure::{Failure, cannot_connect, check_answer, check_length};
use crate::handles::{FormKey, HANDLES_KEPT_MAX, KnownHandle, check_handle, form_key, older_form};
use crate::options::ConnectOptions;

/// The most requests in flight at a time; the others wait for their turn.
const IN_FLIGHT_MAX: usize = 4_096;

/// Bytes of requests that are written together.
const WRITTEN_TOGETHER_BYTES: usize = 64 << 10;

/// The pause before connecting again where the sidecar has too many waiting.
const BACK_OFF: Duration = Duration::from_millis(5);

/// A connection that has said hello.
#[derive(Debug)]
pub(super) struct Link {
    waiting: Arc<Waiting>,
    /// The queue of frames to send. When it is dropped, the connection ends.
    frames: UnboundedSender<Vec<u8>>,
    next_id: AtomicU64,
    in_flight: Semaphore,
    handles: Mutex<HashMap<(u64, FormKey), Arc<LinkHandle>>>,
    /// Held while a handle is being asked for, so that it is asked for once.
    preparing: tokio::sync::Mutex<()>,
    welcome: Welcome,
    timeout: Duration,
}

/// A handle of a link. The sidecar forgets it when nobody uses it any more.
#[derive(Debug)]
pub(super) struct LinkHandle {
    known: KnownHandle,
    /// The number of the request that releases it.
    id: u64,
    frames: UnboundedSender<Vec<u8>>,
}

impl LinkHandle {
    pub(super) fn known(&self) -> &KnownHandle {
        &self.known
    }
}

impl Drop for LinkHandle {
    fn drop(&mut self) {
        // A connection that is gone has no handles, and nobody waits for the answer.
        if let Ok(frame) = request(Kind::Release, self.id, &ReleaseRequest { handle: self.known.number }) {
            let _ = self.frames.send(frame);
        }
    }
}

/// The requests in flight, each with the channel that waits for its answer.
#[derive(Debug, Default)]
struct Waiting {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<u64, oneshot::Sender<(Header, Vec<u8>)>>,
    /// The reason why the connection can no longer be used.
    broken: Option<ErrorMessage>,
}

impl Waiting {
    /// Registers request `id` as in flight and returns the channel on which its answer will come.
    fn expect(&self, id: u64) -> Result<oneshot::Receiver<(Header, Vec<u8>)>, Failure> {
        let mut state = self.state.lock();
        if let Some(error) = &state.broken {
            return Err(Failure::Broken { error: error.clone().into_error(), sent: false });
        }
        let (sender, receiver) = oneshot::channel();
        state.answers.insert(id, sender);
        Ok(receiver)
    }

    fn forget(&self, id: u64) {
        self.state.lock().answers.remove(&id);
    }

    /// Gives an answer to whoever waits for it, if anybody does.
    fn answer(&self, header: Header, body: &[u8]) {
        let waiting = self.state.lock().answers.remove(&header.id);
        if let Some(waiting) = waiting {
            let _ = waiting.send((header, body.to_vec()));
        }
    }

    /// The connection is no good any more: nobody waits in vain.
    fn break_off(&self, error: &Error) {
        let mut state = self.state.lock();
        state.broken.get_or_insert_with(|| ErrorMessage::new(error));
        state.answers.clear();
    }

    fn broken(&self) -> Failure {
        let broken = self.state.lock().broken.clone();
        let error = broken.map_or_else(|| Error::unavailable("the connection broke"), ErrorMessage::into_error);
        Failure::Broken { error, sent: true }
    }
}

impl Link {
    /// Connects and says hello.
    ///
    /// # Errors
    /// `Unavailable` when nobody listens there; what the sidecar answers otherwise.
    pub(super) async fn open(path: &Path, options: &ConnectOptions) -> Result<Arc<Self>, Failure> {
        let connected = tokio::time::timeout(options.timeout, connect(path)).await;
        let stream = connected.unwrap_or_else(|_| Err(IoKind::TimedOut.into()));
        let (reader, writer) = stream.map_err(|error| cannot_connect(path, error))?.into_split();
        let (frames, queue) = unbounded_channel();
        let mut link = Link {
            waiting: Arc::default(),
            frames,
            next_id: AtomicU64::new(1),
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            handles: Mutex::default(),
            preparing: tokio::sync::Mutex::default(),
            welcome: Welcome::default(),
            timeout: options.timeout,
        };
        // The writer ends with the link; the sidecar then closes its end, and so the reader ends.
        tokio::spawn(write(writer, queue, link.waiting.clone(), options.timeout));
        tokio::spawn(read(reader, link.waiting.clone(), options.timeout));
        link.welcome = link.call(&options.hello()).await?;
        Ok(Arc::new(link))
    }

    /// Returns whether nothing can be asked any more.
    pub(super) fn is_broken(&self) -> bool {
        self.waiting.state.lock().broken.is_some()
    }

    /// Returns what the sidecar said about itself.
    pub(super) fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks and waits for the answer.
    pub(super) async fn call<C: Call>(&self, call: &C) -> Result<C::Answer, Failure> {
        let body = self
            .ask(C::KIND, |id, out| {
                *out = request(C::KIND, id, call)?;
                Ok(())
            })
            .await?;
        decode_message(&body).map_err(|error| Failure::Broken { error, sent: true })
    }

    /// Sends the frame that `encode` makes for a number, and waits for the answer's body.
    pub(super) async fn ask(
        &self,
        kind: Kind,
        encode: impl FnOnce(u64, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Vec<u8>, Failure> {
        // Nobody closes it.
        let _permit = self.in_flight.acquire().await;
        let (id, mut frame) = (self.new_id(), Vec::new());
        encode(id, &mut frame)?;
        check_length(kind, frame.len(), &self.welcome)?;
        let answer = self.waiting.expect(id)?;
        if self.frames.send(frame).is_err() {
            return Err(self.waiting.broken());
        }
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok((header, body))) => {
                check_answer(header, &body, kind, id)?;
                Ok(body)
            }
            Ok(Err(_)) => Err(self.waiting.broken()),
            Err(_) => {
                self.waiting.forget(id);
                let late = Failure::broken(&IoKind::TimedOut.into(), self.timeout, true);
                // The connection is good: the others wait on.
                Err(Failure::Refused(late.into_error()))
            }
        }
    }

    /// The handle of a request, which the sidecar is asked for once.
    pub(super) async fn handle(
        &self,
        prepared: &Prepared,
        form: Form,
        plan: &Arc<ReadPlan>,
    ) -> Result<Arc<LinkHandle>, Failure> {
        let key = (prepared.id(), form_key(form));
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let _preparing = self.preparing.lock().await;
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let (handle, told) = self.prepare(prepared, form).await?;
        let known = KnownHandle { number: handle.handle, plan: plan.clone(), form: told };
        // From here on it is released, whatever happens.
        let new = Arc::new(LinkHandle { known, id: self.new_id(), frames: self.frames.clone() });
        check_handle(&handle, plan, &self.welcome)?;
        let mut handles = self.handles.lock();
        if handles.len() >= HANDLES_KEPT_MAX {
            handles.clear();
        }
        handles.insert(key, new.clone());
        Ok(new)
    }

    /// Asks for a handle; tells the form that its answers have, which is an older one where the sidecar knows no other.
    async fn prepare(&self, prepared: &Prepared, form: Form) -> Result<(HandleMessage, Form), Failure> {
        let asked = |form| PrepareRequest { references: prepared.references().to_vec(), form };
        match self.call(&asked(form)).await {
            Ok(handle) => Ok((handle, form)),
            Err(failure) => match older_form(form, &failure) {
                Some(older) => Ok((self.call(&asked(older)).await?, older)),
                None => Err(failure),
            },
        }
    }

    fn known(&self, key: (u64, FormKey)) -> Option<Arc<LinkHandle>> {
        self.handles.lock().get(&key).cloned()
    }

    /// Forgets a handle, so that its request is prepared again.
    pub(super) fn forget(&self, prepared: &Prepared, form: Form, stale: &LinkHandle) {
        let key = (prepared.id(), form_key(form));
        let mut handles = self.handles.lock();
        if handles.get(&key).is_some_and(|known| known.known.number == stale.known.number) {
            handles.remove(&key);
        }
    }
}

fn request<Q: Message>(kind: Kind, id: u64, message: &Q) -> Result<Vec<u8>> {
    let body = encoded_message(message)?;
    let mut out = Vec::with_capacity(HEADER_BYTES + body.len());
    put_frame(&mut out, Header::request(kind, id), |out| out.extend_from_slice(&body));
    Ok(out)
}

/// Connects, as soon as the sidecar has room for another that waits.
async fn connect(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == IoKind::WouldBlock => tokio::time::sleep(BACK_OFF).await,
            connected => return connected,
        }
    }
}

/// Writes requests, those that wait together in one write.
async fn write(
    mut stream: OwnedWriteHalf,
    mut queue: UnboundedReceiver<Vec<u8>>,
    waiting: Arc<Waiting>,
    timeout: Duration,
) {
    while let Some(mut frames) = queue.recv().await {
        while frames.len() < WRITTEN_TOGETHER_BYTES
            && let Ok(next) = queue.try_recv()
        {
            frames.extend_from_slice(&next);
        }
        if let Err(error) = stream.write_all(&frames).await {
            return waiting.break_off(&Failure::broken(&error, timeout, true).into_error());
        }
    }
}

/// Takes answers until the connection ends.
async fn read(stream: OwnedReadHalf, waiting: Arc<Waiting>, timeout: Duration) {
    let mut input = Input::new();
    loop {
        let error = match take(&stream, &mut input, &waiting).await {
            Ok(true) => continue,
            Ok(false) => Failure::broken(&IoKind::UnexpectedEof.into(), timeout, true).into_error(),
            Err(Failure::Broken { error, .. }) => error,
            Err(failure) => failure.into_error(),
        };
        return waiting.break_off(&error);
    }
}

/// Reads once and hands out the answers that are there; false at the end.
async fn take(stream: &OwnedReadHalf, input: &mut Input, waiting: &Waiting) -> Result<bool, Failure> {
    stream.readable().await.map_err(closed)?;
    match input.read_from(&mut Ready(stream)) {
        Ok(0) => return Ok(false),
        Ok(_) => {}
        Err(error) if matches!(error.kind(), IoKind::WouldBlock | IoKind::Interrupted) => {}
        Err(error) => return Err(closed(error).into()),
    }
    while let Some((header, body)) = input.next(ANSWER_BYTES_MAX)? {
        if header.kind == Kind::Error && header.id == 0 {
            return Err(decode_message::<ErrorMessage>(body)?.into_error().into());
        }
        if !header.more {
            waiting.answer(header, body);
        }
    }
    Ok(true)
}

#[cold]
fn closed(error: io::Error) -> Error {
    Error::unavailable("the connection to the sidecar broke; it was stopped, or it closed the connection")
        .with_source(error)
}

/// Reads what has arrived, without waiting.
struct Ready<'s>(&'s OwnedReadHalf);

impl Read for Ready<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}
