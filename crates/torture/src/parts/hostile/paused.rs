//! A client that is stopped in the middle of an answer, and a sidecar that is stopped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use asofdb::{ErrorKind, Prepared, Session, Value};
use asofdb_client::{Client, ConnectOptions};
use rustix::process::{Pid, Signal, kill_process};

use super::USERS;
use super::kind::TimeOuts;
use super::watch::{PATIENCE, one_entity};
use crate::http::{HttpClient, HttpTarget};
use crate::sidecar::Sidecar;
use crate::stopwatch::eventually;
use crate::{Report, Setting};

/// The name of the child.
pub(crate) const CHILD: &str = "large-reader";

/// Entities of a read whose answer is some megabytes.
const ROWS: usize = 50_000;

/// The patience of a client with a sidecar that stands still.
const SHORT_PATIENCE: Duration = Duration::from_millis(500);

/// Stops a client, and then the sidecar.
pub(super) fn run_paused(setting: &Setting, sidecar: &Sidecar, times: TimeOuts, report: &mut Report) {
    for round in 0..setting.scaled(1, 3) {
        pause_client(setting, sidecar, times, report, round);
        pause_sidecar(setting, sidecar, report, round);
    }
}

/// Reads large answers, one after the other, and says how many it has read.
///
/// # Panics
/// If an answer is wrong.
pub(crate) fn run(arguments: &[String]) {
    let [socket] = arguments else { panic!("the socket of a sidecar") };
    let client = Client::connect(Path::new(socket)).expect("a sidecar that listens");
    let request = client.prepare(&["profile:visits", "profile:name"]).expect("the view that was made");
    let mut entities = request.entity_rows();
    let user = |row: usize| row as i64 % USERS;
    (0..ROWS).for_each(|row| entities.push(&[Some(Value::Int64(user(row)))]).expect("a key"));
    for count in 1u64.. {
        let answer = client.latest(&request, &entities).expect("an answer, also after a pause");
        for row in 0..ROWS {
            assert_eq!(answer.value(row, 0).expect("a value"), Some(Value::Int64(user(row))));
        }
        println!("{count}");
    }
}

/// A child that reads, and how many answers it has read.
struct Reader {
    child: Child,
    count: Arc<AtomicU64>,
}

impl Reader {
    fn start(setting: &Setting, sidecar: &Sidecar) -> Self {
        let mut command = setting.child(CHILD);
        let mut child = command.arg(sidecar.socket()).stdout(Stdio::piped()).spawn().expect("a reader");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let count = Arc::new(AtomicU64::new(0));
        let counting = count.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                counting.store(line.parse().unwrap_or(0), Ordering::SeqCst);
            }
        });
        Reader { child, count }
    }

    fn signal(&self, signal: Signal) {
        // It is a child that nobody has waited for.
        kill_process(Pid::from_child(&self.child), signal).expect("a child");
    }

    /// Waits until it has read some more.
    fn reads_on(&self) -> bool {
        let before = self.count.load(Ordering::SeqCst);
        eventually(PATIENCE * 2, || self.count.load(Ordering::SeqCst) > before + 2)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stops a client in the middle of an answer, for less and for more time than the sidecar waits.
fn pause_client(setting: &Setting, sidecar: &Sidecar, times: TimeOuts, report: &mut Report, round: u64) {
    let reader = Reader::start(setting, sidecar);
    let seed = setting.seed;
    if !reader.reads_on() {
        return report.fault(format!("the reader does not begin (seed {seed}, round {round})"));
    }
    for pause in [times.stall / 5, times.stall + Duration::from_secs(1)] {
        reader.signal(Signal::STOP);
        thread::sleep(pause);
        let client =
            sidecar.client(PATIENCE).and_then(|client| read_one(&client, &client.prepare(&["profile:visits"])?));
        reader.signal(Signal::CONT);
        if let Err(error) = client {
            report.fault(format!("beside a client that stands still: {error:#} (seed {seed}, round {round})"));
        }
        if !reader.reads_on() {
            report.fault(format!(
                "a client does not go on after {pause:?} of standing still (seed {seed}, round {round})"
            ));
        }
        report.count("clients stopped in the middle of an answer", 1);
    }
}

/// Stops the sidecar. Its clients, old and new, time out with a clear error; afterwards all go on.
fn pause_sidecar(setting: &Setting, sidecar: &Sidecar, report: &mut Report, round: u64) {
    let impatient = ConnectOptions { timeout: SHORT_PATIENCE, ..ConnectOptions::default() };
    let client = Client::connect_with(sidecar.socket(), impatient.clone()).expect("a sidecar that listens");
    let request = client.prepare(&["profile:visits"]).expect("the view that was made");
    let patient = sidecar.client(PATIENCE).expect("a sidecar that listens");
    let seed = setting.seed;
    sidecar.pause();
    let waiting = thread::spawn({
        let request = patient.prepare(&["profile:visits"]).expect("the catalog that it knows");
        move || read_one(&patient, &request)
    });
    let kept = read_one(&client, &request).map(drop);
    let came = Client::connect_with(sidecar.socket(), impatient).map(drop);
    for (who, answered) in [("kept its connection", kept), ("connected", came)] {
        let is_clear = |error: &asofdb::Error| {
            error.kind() == ErrorKind::Unavailable && error.message().contains("did not answer within 500ms")
        };
        match answered {
            Err(error) if is_clear(&error) => report.count("time-outs of a sidecar that stands still", 1),
            other => report.fault(format!("a client that {who} heard {other:?} (seed {seed}, round {round})")),
        }
    }
    let mut probe = HttpClient::new(HttpTarget::Unix(sidecar.http_socket()), SHORT_PATIENCE);
    if probe.ask("/readyz", None).is_ok() {
        report.fault(format!("a sidecar that stands still is ready (seed {seed}, round {round})"));
    }
    sidecar.resume();
    let went_on = waiting.join().unwrap_or_else(|_| Err(asofdb::Error::internal("the waiting client has panicked")));
    let late = eventually(PATIENCE, || read_one(&client, &request).is_ok());
    let is_ready = eventually(PATIENCE, || probe.ask("/readyz", None).is_ok_and(|reply| reply.status == 200));
    if let Err(error) = went_on {
        report.fault(format!(
            "a client that waited for the sidecar to go on heard {error:#} (seed {seed}, round {round})"
        ));
    }
    if !late || !is_ready {
        report.fault(format!("clients do not go on with the sidecar (seed {seed}, round {round})"));
    }
}

/// Reads one value, which is known.
fn read_one(client: &Client, request: &Prepared) -> asofdb::Result<()> {
    let answer = client.latest(request, &one_entity(request, 7))?;
    match answer.value(0, 0)? {
        Some(Value::Int64(7)) => Ok(()),
        other => Err(asofdb::Error::internal(format!("a wrong value: {other:?}"))),
    }
}
