//! A process of clients: it works until it is killed, checks every answer, and tells what it did every second.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal};

use super::floor::Floor;
use super::tally::{Did, SharedTally};
use super::values::{Beginning, ENTITIES};
use super::worker::{Failure, Role, Worker};
use super::{bulk, points};
use crate::Random;

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
