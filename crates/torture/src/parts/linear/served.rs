//! Rounds of clients of a sidecar, each with connections of its own. The sidecar is killed and started again, or stops
//! for longer than clients wait, in the middle of most.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asofdb::{ErrorKind, Result, Store};
use asofdb_client::{Client, ConnectOptions};

use super::judge::judge;
use super::round::{Recorded, Round};
use super::world::{Door, SessionDoor, definitions};
use crate::sidecar::Sidecar;
use crate::stopwatch::eventually;
use crate::{Random, Report, Setting};

const SALT: u64 = 0x11a5_0002;

/// The longest that a client waits for an answer: a pause of the sidecar is longer.
const PATIENCE: Duration = Duration::from_millis(150);
const PAUSE: Duration = Duration::from_millis(250);

/// The longest that clients wait for the sidecar to come back.
const ABSENCE_MAX: Duration = Duration::from_secs(120);

/// The fate of the sidecar in the middle of a round.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    None,
    Kill,
    Pause,
}

/// Runs so many rounds over one store.
pub(super) fn run(setting: &Setting, rounds: u64, report: &mut Report) {
    let directory = setting.directory();
    let store = Store::open(directory.path().join("store")).expect("a new store");
    store.apply(&definitions(), false).expect("definitions of ours");
    drop(store);
    let mut sidecar = Sidecar::start(setting, directory.path(), &[]);
    for number in 0..rounds {
        let trouble = [Trouble::Kill, Trouble::Pause, Trouble::None][number as usize % 3];
        let mut random = setting.random(SALT + number);
        let socket = sidecar.socket();
        let patient = door(&socket, ConnectOptions::default()).expect("a sidecar that is ready");
        let round = Round::new(&patient, 4 * number as i64, &mut random).expect("a sidecar that is ready");
        let mut recorded = clients(&round, &mut sidecar, trouble, &random, report);
        let patient = door(&socket, ConnectOptions::default()).expect("a sidecar that is ready");
        round.read_all(&patient, &mut recorded).expect("a sidecar that is ready");
        let name = format!("seed {}, served round {number} ({trouble:?})", setting.seed);
        for error in recorded.failed.iter().filter(|error| error.kind() != ErrorKind::Unavailable) {
            report.fault(format!("{name}: a call failed: {error:#}"));
        }
        judge(&round, &recorded, &name, report);
        report.count("rounds of clients", 1);
    }
}

fn door(socket: &Path, options: ConnectOptions) -> Result<SessionDoor> {
    SessionDoor::new(Arc::new(Client::connect_with(socket, options)?))
}

/// Runs the clients of a round, and troubles the sidecar once half of the calls were made.
fn clients(round: &Round, sidecar: &mut Sidecar, trouble: Trouble, random: &Random, report: &mut Report) -> Recorded {
    let (socket, mut recorded) = (sidecar.socket(), Recorded::default());
    std::thread::scope(|scope| {
        let client = |number: usize| {
            let (socket, random) = (socket.clone(), Random::new(random.clone().next() ^ number as u64));
            scope.spawn(move || client(round, &socket, number, random))
        };
        let clients: Vec<_> = (0..round.clients()).map(client).collect();
        while !round.has_made(5) && !clients.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(1));
        }
        match trouble {
            Trouble::None => {}
            Trouble::Kill => {
                sidecar.restart();
                report.count("kills of the sidecar", 1);
            }
            Trouble::Pause => {
                sidecar.pause();
                std::thread::sleep(PAUSE);
                sidecar.resume();
                report.count("pauses of the sidecar", 1);
            }
        }
        for client in clients {
            recorded.add(client.join().expect("a client that does not panic"));
        }
    });
    recorded
}

fn client(round: &Round, socket: &Path, number: usize, random: Random) -> Recorded {
    let options = ConnectOptions { timeout: PATIENCE, ..ConnectOptions::default() };
    let mut connected = None;
    eventually(ABSENCE_MAX, || {
        connected = door(socket, options.clone()).ok();
        connected.is_some()
    });
    let door = connected.expect("a sidecar that listens");
    round.client(&door, number, random, || eventually(ABSENCE_MAX, || door.now().is_ok()))
}
