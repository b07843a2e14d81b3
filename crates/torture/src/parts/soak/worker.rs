//! A process of clients: it works until it is killed, checks every answer, and tells what it did every second.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use asofdb::{Error, ErrorKind};
use asofdb_client::{Client, ConnectOptions};
use rustix::process::{Signal, set_parent_process_death_signal};

use super::bulk;
use super::floor::Floor;
use super::points;
use super::tally::{Did, SharedTally};
use super::values::{Beginning, ENTITIES};
use crate::Random;
use crate::stopwatch::{Stopwatch, eventually};

/// The name of the child.
pub(crate) const CHILD: &str = "soak-clients";

/// Processes of which each has two writers, three readers and one that reads as of a time.
pub(super) const POINT_PROCESSES: usize = 4;

/// All processes: one has two readers over HTTP, and one each that exports, joins, ingests, opens checkpoints, restores
/// backups, and compacts.
pub(super) const PROCESSES: usize = POINT_PROCESSES + 1;

/// Writers of all processes; each writes its own entities.
const WRITERS: i64 = 2 * POINT_PROCESSES as i64;

/// The pause of a client that was told to come again.
const REST: Duration = Duration::from_millis(50);

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The state that the clients of a process share.
#[derive(Debug)]
pub(super) struct Worker {
    /// The directory of the sidecar, and of files of the clients.
    pub(super) directory: PathBuf,
    pub(super) beginning: Beginning,
    pub(super) floor: Floor,
    pub(super) tally: SharedTally,
}

/// The failure of some work.
#[derive(Debug)]
pub(super) enum Failure {
    /// The sidecar did not answer, or had no room.
    Unavailable,
    /// Something that must not be.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Unavailable => Failure::Unavailable,
            _ => Failure::Wrong(format!("{error:#}")),
        }
    }
}

impl From<String> for Failure {
    fn from(wrong: String) -> Self {
        Failure::Wrong(wrong)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Wrong(error.to_string())
    }
}

/// The work that a client does again and again.
pub(super) type Work = Box<dyn FnMut(&Worker, &mut Random) -> Result<(), Failure> + Send>;

/// A client of a process: its work, and the pause after it.
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) pause: Duration,
    pub(super) work: Work,
}

/// Runs the clients of a process; the arguments are the directory, the beginning, the number of the process and a seed.
///
/// # Panics
/// If the arguments are others.
pub(crate) fn run(arguments: &[String]) {
    let [directory, beginning, number, seed] = arguments else { panic!("four arguments") };
    // With whoever started it this process has no purpose.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let directory = PathBuf::from(directory);
    let number: usize = number.parse().expect("a number");
    let seed: u64 = seed.parse().expect("a seed");
    let worker = Arc::new(Worker {
        beginning: Beginning::of_micros(beginning.parse().expect("microseconds")),
        floor: Floor::open(&directory.join("floor")).expect("the floor"),
        tally: SharedTally::default(),
        directory,
    });
    for (role_number, role) in roles(&worker, number).into_iter().enumerate() {
        let (worker, random) = (worker.clone(), Random::new(seed ^ ((role_number as u64) << 40)));
        thread::spawn(move || act(&worker, role, random));
    }
    loop {
        thread::sleep(Duration::from_secs(1));
        println!("did {}", worker.tally.take());
    }
}

fn roles(worker: &Worker, number: usize) -> Vec<Role> {
    if number >= POINT_PROCESSES {
        let bulk = worker.directory.join("bulk");
        // What a process that was killed has left.
        let _ = fs::remove_dir_all(&bulk);
        fs::create_dir_all(&bulk).expect("room for a directory");
        return bulk::roles(worker);
    }
    let entities = |writer: i64| writer * ENTITIES / WRITERS..(writer + 1) * ENTITIES / WRITERS;
    let writers = [2 * number as i64, 2 * number as i64 + 1].map(|writer| points::writer(worker, entities(writer)));
    let readers = (0..3).map(|_| points::reader(worker));
    writers.into_iter().chain(readers).chain([points::as_of_reader(worker)]).collect()
}

/// Works on and on.
fn act(worker: &Worker, mut role: Role, mut random: Random) {
    loop {
        match (role.work)(worker, &mut random) {
            Ok(()) => thread::sleep(role.pause),
            Err(Failure::Unavailable) => {
                worker.tally.did(Did::ToldToComeAgain, Duration::ZERO);
                thread::sleep(REST);
            }
            Err(Failure::Wrong(what)) => {
                println!("wrong {}: {}", role.name, what.replace('\n', " "));
                thread::sleep(REST);
            }
        }
    }
}

impl Worker {
    /// A client. It waits for a sidecar that is there.
    pub(super) fn client(&self) -> Client {
        let socket = self.directory.join("socket");
        let options = ConnectOptions { timeout: PATIENCE, ..ConnectOptions::default() };
        let mut client = None;
        while !eventually(PATIENCE, || {
            client = Client::connect_with(&socket, options.clone()).ok();
            client.is_some()
        }) {}
        client.expect("it has connected")
    }

    /// Does some work that is counted with its time.
    pub(super) fn timed<T>(&self, what: Did, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let started = Stopwatch::start();
        let done = work()?;
        self.tally.did(what, started.elapsed());
        Ok(done)
    }
}
