//! Rounds of threads on a store of their own process, which flushes, compacts and loads meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asofdb::storage::{WriteBatch, row};
use asofdb::{Durability, Options, Result, Store, SystemClock, Value, storage::key};

use super::judge::judge;
use super::round::{Recorded, Round};
use super::world::{Door, SessionDoor, VIEWS, definitions};
use crate::{Random, Report, Setting};

const SALT: u64 = 0x11a5_0001;

/// Memory of the store: little, so that it writes files.
const MEMORY_BUDGET_BYTES: usize = 32 << 20;

/// An entity that no register is.
const LOADED_ENTITY: i64 = -1;

/// Runs so many rounds on one store, which is opened again after each.
pub(super) fn run(setting: &Setting, rounds: u64, report: &mut Report) {
    let directory = setting.directory();
    let path = directory.path().join("store");
    let mut store = open(&path).expect("a new store");
    store.apply(&definitions(), false).expect("definitions of ours");
    for number in 0..rounds {
        let mut random = setting.random(SALT + number);
        let round = Round::new(&door(&store), 4 * number as i64, &mut random).expect("a store that is open");
        let mut recorded = clients(&round, &store, &random);
        round.read_all(&door(&store), &mut recorded).expect("a store that is open");
        drop(store);
        store = open(&path).expect("a store that was closed");
        round.read_all(&door(&store), &mut recorded).expect("a store that is open");
        let name = format!("seed {}, embedded round {number}", setting.seed);
        for error in &recorded.failed {
            report.fault(format!("{name}: a call failed: {error:#}"));
        }
        judge(&round, &recorded, &name, report);
        report.count("rounds of threads", 1);
    }
}

fn open(path: &Path) -> Result<Store> {
    let options = Options { memory_budget_bytes: MEMORY_BUDGET_BYTES, ..Options::default() };
    Store::open_with(path, options, Arc::new(SystemClock), Durability::Os)
}

fn door(store: &Store) -> SessionDoor {
    SessionDoor::new(Arc::new(store.clone())).expect("views that are defined")
}

/// Runs the clients of a round beside what a store does at any time.
fn clients(round: &Round, store: &Store, random: &Random) -> Recorded {
    let (is_over, mut recorded) = (AtomicBool::new(false), Recorded::default());
    std::thread::scope(|scope| {
        let unrest = scope.spawn(|| unrest(store, &is_over, random.clone()));
        let client = |number: usize| {
            let (door, random) = (door(store), Random::new(random.clone().next() ^ number as u64));
            scope.spawn(move || round.client(&door as &dyn Door, number, random, || true))
        };
        let clients: Vec<_> = (0..round.clients()).map(client).collect();
        let ended: Vec<_> = clients.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        for client in ended {
            recorded.add(client.expect("a client that does not panic"));
        }
        unrest.join().expect("a store that flushes, compacts and loads");
    });
    recorded
}

/// Flushes, compacts and loads until the round is over.
fn unrest(store: &Store, is_over: &AtomicBool, mut random: Random) {
    while !is_over.load(Ordering::Relaxed) {
        match random.below(4) {
            0 => store.flush(),
            1 => store.compact(),
            _ => load(store),
        }
        .expect("a store that flushes, compacts and loads");
        std::thread::sleep(Duration::from_millis(random.below(4)));
    }
}

/// Loads a row in bulk, for which the table of newest versions must not answer.
fn load(store: &Store) -> Result<()> {
    let catalog = store.catalog();
    let view = catalog.view(VIEWS[0]).expect("a view that is defined");
    let (mut entity, mut bytes) = (Vec::new(), Vec::new());
    key::encode_value(&Value::Int64(LOADED_ENTITY), &mut entity)?;
    row::encode(&view.current_layout(), &[Some(Value::Int64(0))], &mut bytes);
    let (mut batch, now) = (WriteBatch::bulk(), store.now());
    batch.put(view, &entity, now, None, &bytes, now)?;
    store.backend().bulk_load(batch).map(drop)
}
