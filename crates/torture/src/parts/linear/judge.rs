//! The judgement of a round: is there an order for each of its histories?

use super::checker::{Verdict, check, smallest};
use super::history::Call;
use super::round::{Recorded, Round};
use crate::Report;

/// Judges the histories of a round, called `name` in what is reported.
pub(super) fn judge(round: &Round, recorded: &Recorded, name: &str, report: &mut Report) {
    for torn in &recorded.torn {
        report.fault(format!("{name}: {torn}"));
    }
    for register in 0..round.registers() {
        let calls = recorded.history(register);
        report.count("histories", 1);
        report.count("calls", calls.len() as u64);
        report.count("calls without an answer", calls.iter().filter(|call| !call.is_answered()).count() as u64);
        match check(&calls) {
            Verdict::Explained => {}
            Verdict::Undecided => report.count("histories with too many orders to try", 1),
            Verdict::Impossible => report.fault(format!(
                "{name}, register {register}: no order explains these calls:\n{}",
                shown(&smallest(&calls))
            )),
        }
    }
}

fn shown(calls: &[Call]) -> String {
    calls.iter().map(|call| format!("      {call}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use asofdb::{Result, Store, SystemClock, Timestamp};

    use super::*;
    use crate::Random;
    use crate::parts::linear::world::{Door, SessionDoor, Version, definitions};

    /// A store in memory that acknowledges some writes and forgets them.
    struct Forgetful {
        door: SessionDoor,
        writes: AtomicU64,
        /// One of so many is forgotten.
        forgets: u64,
    }

    impl Forgetful {
        fn new(forgets: u64) -> Self {
            let store = Store::in_memory(Arc::new(SystemClock));
            store.apply(&definitions(), false).unwrap();
            let door = SessionDoor::new(Arc::new(store)).unwrap();
            Forgetful { door, writes: AtomicU64::new(0), forgets }
        }
    }

    impl Door for Forgetful {
        fn put(&self, entity: i64, version: Version) -> Result<()> {
            let number = self.writes.fetch_add(1, Ordering::Relaxed);
            if number % self.forgets == self.forgets - 1 { Ok(()) } else { self.door.put(entity, version) }
        }

        fn delete(&self, entity: i64, event: Timestamp) -> Result<()> {
            self.door.delete(entity, event)
        }

        fn read(&self, entity: i64, at: Option<Timestamp>, views: usize) -> Result<Vec<Option<i64>>> {
            self.door.read(entity, at, views)
        }

        fn erase(&self, entity: i64) -> Result<Vec<u64>> {
            self.door.erase(entity)
        }

        fn now(&self) -> Result<Timestamp> {
            self.door.now()
        }
    }

    fn judged(door: &Forgetful) -> Report {
        let (mut random, mut report) = (Random::new(3), Report::default());
        let round = Round::new(door, 0, &mut random).unwrap();
        let mut recorded = round.client(door, 0, random, || true);
        round.read_all(door, &mut recorded).unwrap();
        assert!(recorded.failed.is_empty(), "{:?}", recorded.failed);
        judge(&round, &recorded, "a round", &mut report);
        report
    }

    #[test]
    fn a_store_that_forgets_what_it_acknowledged_is_found_and_another_is_not() {
        let right = judged(&Forgetful::new(u64::MAX));
        assert_eq!(right.faults(), Vec::<String>::new());
        assert!(right.counted("calls") >= 20, "{:?}", right.lines());
        let wrong = judged(&Forgetful::new(2));
        assert!(wrong.faults()[0].contains("no order explains these calls"), "{:?}", wrong.faults());
    }
}
