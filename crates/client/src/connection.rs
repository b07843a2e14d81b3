//! One connection of a client: requests out, answers in.

use std::collections::HashMap;
use std::io::{ErrorKind as IoKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asofdb::parts::{AskedRows, ReadPlan};
use asofdb::{Error, Prepared, Result};
use asofdb_protocol::{
    ANSWER_BYTES_MAX, Call, Form, HandleMessage, Header, Input, Kind, Message, PointHeader, PrepareRequest,
    ReleaseRequest, ShareRequest, SharedMessage, Welcome, decode_message, encode_message, put_frame,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::descriptor::DescriptorReader;
use crate::failure::{Failure, cannot_connect, check_answer, check_length, unexpected};
use crate::handles::{FormKey, HANDLES_KEPT_MAX, KnownHandle, check_handle, form_key, older_form};
use crate::options::ConnectOptions;

/// A connection that has said hello.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Shared with whoever may cancel the call that uses the connection.
    stream: Arc<UnixStream>,
    input: Input,
    out: Vec<u8>,
    /// Bytes of `out` that have been sent.
    sent: usize,
    next_id: u64,
    handles: HashMap<(u64, FormKey), KnownHandle>,
    pub(crate) welcome: Welcome,
    timeout: Duration,
}

/// The result of a [`Connection::turn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Everything that waited has been sent.
    Sent,
    /// A frame is there to be taken.
    Arrived,
}

impl Connection {
    /// Connects and says hello.
    ///
    /// # Errors
    /// `Unavailable` when nobody listens there; what the sidecar answers otherwise.
    pub(crate) fn open(path: &Path, options: &ConnectOptions) -> Result<Self> {
        let stream = UnixStream::connect(path).map_err(|error| cannot_connect(path, error))?;
        let set = stream
            .set_read_timeout(Some(options.timeout))
            .and_then(|()| stream.set_write_timeout(Some(options.timeout)));
        set.map_err(|error| Error::unavailable("cannot set the time-outs of a socket").with_source(error))?;
        let mut connection = Connection {
            stream: Arc::new(stream),
            input: Input::new(),
            out: Vec::new(),
            sent: 0,
            next_id: 1,
            handles: HashMap::new(),
            welcome: Welcome::default(),
            timeout: options.timeout,
        };
        connection.welcome = connection.call(&options.hello()).map_err(Failure::into_error)?;
        Ok(connection)
    }

    /// Returns whether the sidecar still holds its end, as far as one can know.
    pub(crate) fn is_open(&self) -> bool {
        let mut byte = [0];
        match recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((read, _)) => read > 0,
            Err(error) => error == rustix::io::Errno::AGAIN,
        }
    }

    pub(crate) fn socket(&self) -> &Arc<UnixStream> {
        &self.stream
    }

    pub(crate) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Asks and waits for the answer.
    pub(crate) fn call<C: Call>(&mut self, call: &C) -> Result<C::Answer, Failure> {
        let id = self.queue_with(C::KIND, false, call)?;
        self.flush()?;
        let body = self.answer(C::KIND, id)?;
        decode_message(body).map_err(|error| Failure::Broken { error, sent: true })
    }

    /// Asks for the memory of the hot table; its descriptor comes with the answer.
    pub(crate) fn share(&mut self) -> Result<(SharedMessage, OwnedFd), Failure> {
        let id = self.queue_with(Kind::Share, false, &ShareRequest)?;
        self.flush()?;
        let stream = self.stream.clone();
        let mut reader = DescriptorReader { stream: &stream, descriptor: None };
        while self.input.peek(ANSWER_BYTES_MAX).map_err(|error| Failure::Broken { error, sent: true })?.is_none() {
            match self.input.read_from(&mut reader) {
                Ok(0) => return Err(self.broken(&IoKind::UnexpectedEof.into(), true)),
                Ok(_) => {}
                Err(error) if error.kind() == IoKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error, true)),
            }
        }
        let body = self.answer(Kind::Share, id)?;
        let message = decode_message(body).map_err(|error| Failure::Broken { error, sent: true })?;
        let none = || Error::unavailable("the sidecar has sent no descriptor of its memory");
        Ok((message, reader.descriptor.ok_or_else(none)?))
    }

    /// Adds a request, with chunks to follow or none, to what will be sent; gives its number.
    pub(crate) fn queue_with<Q: Message>(&mut self, kind: Kind, more: bool, request: &Q) -> Result<u64, Failure> {
        let (id, before) = (self.new_id(), self.out.len());
        let mut encoded = Ok(());
        let header = Header::request(kind, id).more(more);
        put_frame(&mut self.out, header, |out| encoded = encode_message(request, out));
        let checked = encoded.and_then(|()| check_length(kind, self.out.len() - before, &self.welcome));
        if let Err(error) = checked {
            self.out.truncate(before);
            return Err(error.into());
        }
        Ok(id)
    }

    /// Adds a read to what will be sent; gives its number.
    pub(crate) fn queue_read(&mut self, point: &PointHeader, asked: &AskedRows) -> Result<u64> {
        check_length(point.kind(), point.frame_bytes(asked), &self.welcome)?;
        let id = self.new_id();
        point.encode(id, asked, &mut self.out);
        Ok(id)
    }

    /// Bytes that wait to be sent.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Adds a frame to what will be sent.
    pub(crate) fn queue_frame(&mut self, header: Header, body: &[u8]) {
        put_frame(&mut self.out, header, |out| out.extend_from_slice(body));
    }

    /// Sends what waits.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let sent = (&*self.stream).write_all(&self.out[self.sent..]);
        self.forget_queue();
        match sent {
            // The sidecar has closed the connection; what it said before, and why, is still to be read.
            Err(error) if matches!(error.kind(), IoKind::BrokenPipe | IoKind::ConnectionReset) => Ok(()),
            sent => sent.map_err(|error| self.broken(&error, true)),
        }
    }

    fn forget_queue(&mut self) {
        self.out.clear();
        self.sent = 0;
    }

    /// Sends what waits while it takes what arrives, until all is sent or a frame is there: neither end ever waits
    /// for the other to listen first.
    pub(crate) fn turn(&mut self) -> Result<Turn, Failure> {
        let unreadable = |error| Failure::Broken { error, sent: true };
        loop {
            if self.input.peek(ANSWER_BYTES_MAX).map_err(unreadable)?.is_some() {
                return Ok(Turn::Arrived);
            }
            if self.queued_bytes() > 0 && self.send_some()? {
                return Ok(Turn::Sent);
            }
            if self.wait()? {
                self.read_once()?;
            }
        }
    }

    /// Sends what the kernel takes; whether that was the rest.
    fn send_some(&mut self) -> Result<bool, Failure> {
        loop {
            match send(&self.stream, &self.out[self.sent..], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(sent) => self.sent += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                // The sidecar has closed the connection; what it said before is still to be read.
                Err(Errno::PIPE | Errno::CONNRESET) => {
                    self.forget_queue();
                    return Ok(false);
                }
                Err(error) => return Err(self.broken(&error.into(), true)),
            }
            if self.queued_bytes() == 0 {
                self.forget_queue();
                return Ok(true);
            }
        }
    }

    /// Waits until something has arrived (true) or the kernel takes more.
    fn wait(&self) -> Result<bool, Failure> {
        let wanted = if self.queued_bytes() > 0 { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut ready = [PollFd::new(&self.stream, wanted)];
        let timeout = Timespec::try_from(self.timeout).ok();
        match poll(&mut ready, timeout.as_ref()) {
            Ok(0) => Err(self.broken(&IoKind::TimedOut.into(), true)),
            Ok(_) => Ok(ready[0].revents().intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(self.broken(&error.into(), true)),
        }
    }

    fn read_once(&mut self) -> Result<(), Failure> {
        match self.input.read_from(&mut &*self.stream) {
            Ok(0) => Err(self.broken(&IoKind::UnexpectedEof.into(), true)),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == IoKind::Interrupted => Ok(()),
            Err(error) => Err(self.broken(&error, true)),
        }
    }

    /// Waits for the answer to request `id`, which is one message.
    pub(crate) fn answer(&mut self, kind: Kind, id: u64) -> Result<&[u8], Failure> {
        loop {
            let header = self.take(kind, id)?;
            match (header.kind, header.body_bytes) {
                (Kind::Chunk, 0) => {} // a heartbeat
                (Kind::Chunk, _) => return Err(Failure::Broken { error: unexpected(), sent: true }),
                _ => return Ok(self.taken(header)),
            }
        }
    }

    /// Takes the next frame of the answer to request `id`, which is a stream. [`Connection::taken`] has its body.
    pub(crate) fn take(&mut self, kind: Kind, id: u64) -> Result<Header, Failure> {
        let (header, body) = self.frame()?;
        check_answer(header, body, kind, id)?;
        Ok(header)
    }

    /// The body of the frame that was taken last.
    pub(crate) fn taken(&self, header: Header) -> &[u8] {
        self.input.taken(header)
    }

    /// The next frame, whatever it is.
    pub(crate) fn frame(&mut self) -> Result<(Header, &[u8]), Failure> {
        let unreadable = |error| Failure::Broken { error, sent: true };
        while self.input.peek(ANSWER_BYTES_MAX).map_err(unreadable)?.is_none() {
            self.read_once()?;
        }
        match self.input.next(ANSWER_BYTES_MAX) {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(unreadable(Error::internal("a frame that was there is gone"))),
            Err(error) => Err(unreadable(error)),
        }
    }

    fn broken(&self, error: &std::io::Error, sent: bool) -> Failure {
        Failure::broken(error, self.timeout, sent)
    }

    /// The handle of a request, which the sidecar is asked for once.
    pub(crate) fn handle(
        &mut self,
        request: &Prepared,
        form: Form,
        plan: &Arc<ReadPlan>,
    ) -> Result<KnownHandle, Failure> {
        let key = (request.id(), form_key(form));
        if let Some(known) = self.handles.get(&key) {
            return Ok(known.clone());
        }
        if self.handles.len() >= HANDLES_KEPT_MAX {
            self.release_all()?;
        }
        let (handle, told) = self.prepare(request, form)?;
        if let Err(failure) = check_handle(&handle, plan, &self.welcome) {
            self.call(&ReleaseRequest { handle: handle.handle })?;
            return Err(failure);
        }
        let known = KnownHandle { number: handle.handle, plan: plan.clone(), form: told };
        self.handles.insert(key, known.clone());
        Ok(known)
    }

    /// Asks for a handle; tells the form that its answers have, which is an older one where the sidecar knows no other.
    fn prepare(&mut self, request: &Prepared, form: Form) -> Result<(HandleMessage, Form), Failure> {
        let asked = |form| PrepareRequest { references: request.references().to_vec(), form };
        match self.call(&asked(form)) {
            Ok(handle) => Ok((handle, form)),
            Err(failure) => match older_form(form, &failure) {
                Some(older) => Ok((self.call(&asked(older))?, older)),
                None => Err(failure),
            },
        }
    }

    /// Forgets the handle of a request, so that it is prepared again.
    pub(crate) fn forget(&mut self, request: &Prepared, form: Form) -> Result<(), Failure> {
        match self.handles.remove(&(request.id(), form_key(form))) {
            Some(known) => self.call(&ReleaseRequest { handle: known.number }),
            None => Ok(()),
        }
    }

    fn release_all(&mut self) -> Result<(), Failure> {
        for (_, known) in std::mem::take(&mut self.handles) {
            self.call(&ReleaseRequest { handle: known.number })?;
        }
        Ok(())
    }
}
