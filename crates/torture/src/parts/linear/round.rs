//! A round: clients that call at the same time, and the histories that become of it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use asofdb::{Error, Result, Span, Timestamp};

use super::checker::CALLS_MAX;
use super::history::{Action, Call, Tick};
use super::world::{Door, Version, WIDTHS};
use crate::Random;

/// Calls of clients to a register; the rest of [`CALLS_MAX`] is for rounding, and for the reads at the end.
const REGISTER_CALLS: usize = 104;

/// The time between the events of a round and its reads, so that no event is in the future of any read.
const AGE: Span = Span::from_secs(86_400);

/// The number of events, and of created timestamps, where versions are scattered.
const SCATTERED: u64 = 5;

/// The relation of the versions that are written to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versions {
    /// Each event is later than those that were chosen before.
    Rising,
    /// All writes are of one version, which each replaces.
    Same,
    /// All are of one event, and stamped by the store.
    Stamped,
    /// Events and created timestamps are of a few.
    Scattered,
}

impl Versions {
    const ALL: [Versions; 4] = [Versions::Rising, Versions::Same, Versions::Stamped, Versions::Scattered];
}

/// A call that a client is about to make.
#[derive(Debug, Clone, Copy)]
enum Planned {
    Put(Version),
    Delete { event: Timestamp },
    Read { at: Option<Timestamp>, views: usize },
    Erase,
}

/// The answer to a call, one value a view.
enum Answered {
    Written,
    Read(Vec<Option<i64>>),
    Erased(Vec<u64>),
}

/// A round: its registers, and what its clients share.
pub(super) struct Round {
    registers: Vec<(i64, Versions)>,
    clients: usize,
    base: Timestamp,
    ticks: AtomicU64,
    values: AtomicI64,
}

/// The outcome of a round.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// The history of each register, by its number.
    pub(super) calls: Vec<(usize, Call)>,
    /// The answers that cannot be, whatever the order.
    pub(super) torn: Vec<String>,
    /// The calls that failed.
    pub(super) failed: Vec<Error>,
}

impl Recorded {
    /// The history of a register.
    pub(super) fn history(&self, register: usize) -> Vec<Call> {
        let mut calls: Vec<Call> =
            self.calls.iter().filter(|(of, _)| *of == register).map(|(_, call)| call.clone()).collect();
        calls.sort_by_key(|call| call.start);
        calls
    }

    /// Adds what became of another client.
    pub(super) fn add(&mut self, other: Recorded) {
        self.calls.extend(other.calls);
        self.torn.extend(other.torn);
        self.failed.extend(other.failed);
    }
}

impl Round {
    /// A round of up to three registers, from entity `first_entity` on, and two to six clients.
    ///
    /// # Errors
    /// Those of the door.
    pub(super) fn new(door: &dyn Door, first_entity: i64, random: &mut Random) -> Result<Self> {
        let versions = |random: &mut Random| Versions::ALL[random.below(Versions::ALL.len() as u64) as usize];
        let registers = (0..1 + random.below(3) as i64).map(|number| (first_entity + number, versions(random)));
        let registers: Vec<_> = registers.collect();
        let clients = 2 + random.below(5) as usize;
        let base = door.now()?.minus(AGE);
        Ok(Round { registers, clients, base, ticks: AtomicU64::new(0), values: AtomicI64::new(0) })
    }

    /// The number of registers.
    pub(super) fn registers(&self) -> usize {
        self.registers.len()
    }

    /// The number of clients.
    pub(super) fn clients(&self) -> usize {
        self.clients
    }

    /// Returns whether so many of ten parts of the calls have been made.
    pub(super) fn has_made(&self, tenths: usize) -> bool {
        let ticks = 2 * self.calls_each() * self.clients;
        self.ticks.load(Ordering::SeqCst) >= (ticks * tenths / 10) as u64
    }

    fn calls_each(&self) -> usize {
        self.registers.len() * REGISTER_CALLS / self.clients
    }

    fn tick(&self) -> Tick {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Makes the calls of one client. After a call that failed `recover` waits until it makes sense to go on, or
    /// returns false to end.
    pub(super) fn client(
        &self,
        door: &dyn Door,
        client: usize,
        mut random: Random,
        recover: impl Fn() -> bool,
    ) -> Recorded {
        let mut recorded = Recorded::default();
        for register in dealt(self.calls_each(), self.registers.len(), &mut random) {
            let planned = self.plan(register, &mut random);
            if !self.make(door, client, register, planned, &mut recorded) && !recover() {
                break;
            }
        }
        recorded
    }

    /// Reads every register in every way, one call after the other.
    pub(super) fn read_all(&self, door: &dyn Door, recorded: &mut Recorded) -> Result<()> {
        let now = door.now()?;
        for register in 0..self.registers.len() {
            for (at, views) in [(None, WIDTHS[0]), (None, WIDTHS[2]), (Some(now), WIDTHS[1])] {
                self.make(door, self.clients, register, Planned::Read { at, views }, recorded);
            }
        }
        Ok(())
    }

    /// Chooses a call.
    fn plan(&self, register: usize, random: &mut Random) -> Planned {
        let versions = self.registers[register].1;
        let views = WIDTHS[random.below(WIDTHS.len() as u64) as usize];
        match random.below(32) {
            0 => Planned::Erase,
            1 if versions != Versions::Same => Planned::Delete { event: self.event(versions, self.value(), random) },
            1..14 => Planned::Put(self.version(versions, random)),
            14..18 => Planned::Read { at: Some(self.base.plus(AGE)), views },
            18..22 => {
                let last = self.values.load(Ordering::Relaxed);
                let value = random.below(last as u64 + 1) as i64;
                Planned::Read { at: Some(self.event(versions, value, random)), views }
            }
            _ => Planned::Read { at: None, views },
        }
    }

    /// A value that no other write has.
    fn value(&self) -> i64 {
        self.values.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn version(&self, versions: Versions, random: &mut Random) -> Version {
        let value = self.value();
        let created = match versions {
            Versions::Rising | Versions::Stamped => None,
            Versions::Same => Some(self.base),
            Versions::Scattered => {
                let micros = random.below(2 * SCATTERED) as i64;
                Some(self.base.plus(Span::from_micros(micros))).filter(|_| micros < SCATTERED as i64)
            }
        };
        Version { event: self.event(versions, value, random), created, value }
    }

    fn event(&self, versions: Versions, value: i64, random: &mut Random) -> Timestamp {
        self.base.plus(Span::from_micros(match versions {
            Versions::Rising => value,
            Versions::Same | Versions::Stamped => 0,
            Versions::Scattered => random.below(SCATTERED) as i64,
        }))
    }

    /// Makes a call and records it; false if it failed.
    fn make(&self, door: &dyn Door, client: usize, register: usize, planned: Planned, recorded: &mut Recorded) -> bool {
        let start = self.tick();
        let answered = perform(door, self.registers[register].0, planned);
        let call = Call { client, start, end: self.tick(), action: self.asked(planned) };
        let is_answered = answered.is_ok();
        let call = match answered {
            Ok(answered) => self.answered(call, answered, recorded),
            Err(error) => {
                recorded.failed.push(error);
                call.unanswered()
            }
        };
        recorded.calls.extend(call.map(|call| (register, call)));
        is_answered
    }

    /// The action of a call that is not answered yet.
    fn asked(&self, planned: Planned) -> Action {
        let micros = |time: Timestamp| time.as_micros() - self.base.as_micros();
        match planned {
            Planned::Put(Version { event, created, value }) => {
                Action::Put { event: micros(event), created: created.map(micros), value: Some(value) }
            }
            Planned::Delete { event } => Action::Put { event: micros(event), created: None, value: None },
            Planned::Read { at, .. } => Action::Read { at: at.map_or(i64::MAX, micros), found: None },
            Planned::Erase => Action::Erase { versions: None },
        }
    }

    /// The call with its answer; none if its views have different ones.
    fn answered(&self, mut call: Call, answered: Answered, recorded: &mut Recorded) -> Option<Call> {
        let of_one_state = match (&mut call.action, answered) {
            (Action::Read { found, .. }, Answered::Read(values)) => {
                *found = values.first().copied().flatten();
                values.iter().all(|value| *value == *found)
            }
            (Action::Erase { versions }, Answered::Erased(counts)) => {
                *versions = counts.first().copied();
                counts.iter().all(|count| Some(*count) == *versions)
            }
            _ => true,
        };
        if !of_one_state {
            recorded.torn.push(format!("its views differ: {call}"));
        }
        of_one_state.then_some(call)
    }
}

fn perform(door: &dyn Door, entity: i64, planned: Planned) -> Result<Answered> {
    Ok(match planned {
        Planned::Put(version) => {
            door.put(entity, version)?;
            Answered::Written
        }
        Planned::Delete { event } => {
            door.delete(entity, event)?;
            Answered::Written
        }
        Planned::Read { at, views } => Answered::Read(door.read(entity, at, views)?),
        Planned::Erase => Answered::Erased(door.erase(entity)?),
    })
}

/// The registers of a client's calls: each as often as the others, in any order.
fn dealt(calls: usize, registers: usize, random: &mut Random) -> Vec<usize> {
    let mut dealt: Vec<usize> = (0..calls).map(|call| call % registers).collect();
    for at in (1..dealt.len()).rev() {
        dealt.swap(at, random.below(at as u64 + 1) as usize);
    }
    dealt
}

// Rounding adds at most one call a client, and a register is read six times at the end.
const _: () = assert!(REGISTER_CALLS + 6 + 6 <= CALLS_MAX);
