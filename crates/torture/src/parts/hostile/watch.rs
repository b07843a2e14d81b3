//! Those who must not notice: good clients of both doors, an operator, and whoever asks whether the sidecar is ready.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{EntityRows, Prepared, Session, Status, Value};
use asofdb_client::{Client, ConnectOptions};

use super::manner::latest;
use crate::histogram::Histogram;
use crate::http::{HttpClient, HttpTarget};
use crate::sidecar::Sidecar;
use crate::stopwatch::{Stopwatch, eventually};

/// The longest wait for any answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The pause of a good client between two requests.
const PAUSE: Duration = Duration::from_millis(2);

/// The pause of an operator, and of a probe.
const LONG_PAUSE: Duration = Duration::from_millis(200);

/// The events since the last look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Durations of reads over the native protocol.
    pub(super) native: Histogram,
    /// Durations of reads over HTTP.
    pub(super) http: Histogram,
    /// Answers of the good client over HTTP that told it to come again.
    pub(super) told_to_come_again: u64,
    /// Times that an answer came only after another try: a connection without a request makes room for others.
    pub(super) tried_again: u64,
    /// Times that the sidecar said that it is ready.
    pub(super) ready: u64,
    /// Answers to the operator, over the connection that it keeps, and over new ones.
    pub(super) operator: u64,
    /// Everything that should not have been.
    pub(super) wrong: Vec<String>,
}

/// The pause before another try.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Threads that ask until they are dropped.
pub(super) struct Watch {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    is_over: AtomicBool,
}

/// An error that tells a connection which ended without an answer from an answer that is an error.
trait Cut {
    fn is_cut(&self) -> bool;
}

impl Cut for io::Error {
    fn is_cut(&self) -> bool {
        use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        matches!(self.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    }
}

impl Cut for asofdb::Error {
    fn is_cut(&self) -> bool {
        self.kind() == asofdb::ErrorKind::Unavailable
    }
}

/// The work of one thread.
type Work = Box<dyn FnOnce(&Shared) + Send>;

impl Watch {
    /// Starts to ask a sidecar whose store has the rows of [`super::rows`].
    pub(super) fn start(sidecar: &Sidecar) -> Self {
        let shared = Arc::new(Shared::default());
        let socket = sidecar.socket();
        let client = sidecar.client(PATIENCE).expect("a sidecar that listens");
        let operator = sidecar.client(PATIENCE).expect("a sidecar that listens");
        let unix = HttpTarget::Unix(sidecar.http_socket());
        let tcp = HttpTarget::Tcp(sidecar.http_address());
        let good = HttpClient::new(unix.clone(), PATIENCE);
        let work: Vec<Work> = vec![
            Box::new(move |shared| native(shared, &client)),
            Box::new(move |shared| http(shared, good)),
            Box::new(move |shared| operate(shared, &operator, &socket)),
            Box::new(move |shared| probe(shared, &unix)),
            Box::new(move |shared| probe(shared, &tcp)),
        ];
        let spawn = |work: Work| {
            let shared = shared.clone();
            thread::spawn(move || work(&shared))
        };
        let threads = work.into_iter().map(spawn).collect();
        Watch { shared, threads }
    }

    /// Waits until everybody has been answered since the last look, which a busy machine may put off; false if somebody
    /// is not.
    pub(super) fn has_seen(&self) -> bool {
        eventually(PATIENCE * 2, || {
            let seen = self.shared.seen();
            seen.ready > 0 && seen.operator > 0 && seen.native.total() > 0
        })
    }

    /// Takes what was seen since the last time.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut self.shared.seen())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.shared.wrong("a thread of the watch has panicked".to_owned());
            }
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrong(&self, what: String) {
        self.seen().wrong.push(what);
    }

    /// Asks until there is an answer. A connection without a request makes room for others, however short its client
    /// was kept from asking: such a client comes again, as those of service managers and of HTTP do, until it has
    /// waited as long as for an answer.
    fn insist<T, E: Cut>(&self, mut ask: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        let asked = Stopwatch::start();
        loop {
            let answered = ask();
            let is_cut = answered.as_ref().is_err_and(Cut::is_cut);
            if !is_cut || asked.elapsed() > PATIENCE {
                return answered;
            }
            self.seen().tried_again += 1;
            thread::sleep(RETRY_PAUSE);
        }
    }

    fn goes_on(&self, pause: Duration) -> bool {
        thread::sleep(pause);
        !self.is_over.load(Ordering::Relaxed)
    }
}

/// A good client, which asks one thing after the other over one connection.
fn native(shared: &Shared, client: &Client) {
    let request = client.prepare(&["profile:*"]).expect("the view that was made");
    let entities = one_entity(&request, 7);
    while shared.goes_on(PAUSE) {
        let asked = Stopwatch::start();
        match shared.insist(|| client.latest(&request, &entities)) {
            Ok(answer) if answer.status(0, 0) == Status::Present => shared.seen().native.record(asked.elapsed()),
            Ok(answer) => shared.wrong(format!("the good client read {}", answer.status(0, 0))),
            Err(error) => shared.wrong(format!("the good client heard: {error:#}")),
        }
    }
}

/// A good client over HTTP. It may be told to come again, and nothing else.
fn http(shared: &Shared, mut client: HttpClient) {
    let body = latest(1);
    while shared.goes_on(PAUSE) {
        let asked = Stopwatch::start();
        match shared.insist(|| client.ask("/v1/latest", Some(&body))) {
            Ok(reply) if reply.status == 200 && reply.body.contains("\"present\"") => {
                shared.seen().http.record(asked.elapsed());
            }
            Ok(reply) if reply.status == 503 => shared.seen().told_to_come_again += 1,
            Ok(reply) => shared.wrong(format!("the good client over HTTP got {}: {}", reply.status, reply.body)),
            Err(error) => shared.wrong(format!("the good client over HTTP failed: {error}")),
        }
    }
}

/// An operator, with a connection that it keeps and a new one each time.
fn operate(shared: &Shared, kept: &Client, socket: &Path) {
    while shared.goes_on(LONG_PAUSE) {
        let options = ConnectOptions { timeout: PATIENCE, ..ConnectOptions::default() };
        let connect = || Client::connect_with(socket, options.clone()).and_then(|client| client.stats());
        let (kept, connected) = (shared.insist(|| kept.stats()), shared.insist(connect));
        for (who, answered) in [("that kept its connection", kept), ("that connected", connected)] {
            match answered {
                Ok(_) => shared.seen().operator += 1,
                Err(error) => shared.wrong(format!("the operator {who} heard: {error:#}")),
            }
        }
    }
}

/// A probe of a service manager: a connection each time.
fn probe(shared: &Shared, target: &HttpTarget) {
    while shared.goes_on(LONG_PAUSE) {
        match shared.insist(|| HttpClient::new(target.clone(), PATIENCE).ask("/readyz", None)) {
            Ok(reply) if reply.status == 200 => shared.seen().ready += 1,
            Ok(reply) => shared.wrong(format!("/readyz over {target:?} said {}: {}", reply.status, reply.body)),
            Err(error) => shared.wrong(format!("/readyz over {target:?} failed: {error}")),
        }
    }
}

/// The key of one user.
pub(super) fn one_entity(request: &Prepared, user: i64) -> EntityRows {
    let mut entities = request.entity_rows();
    entities.push(&[Some(Value::Int64(user))]).expect("a key of the view");
    entities
}
