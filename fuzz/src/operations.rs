//! Histories of a store against the model.

use asofdb_model::{Op, Subject, run};
use asofdb_storage::{ManualClock, Timestamp};

/// The in-memory backend answers as a plain list of writes does, whatever happens to it.
pub fn fuzz_operations(data: &[u8]) {
    let clock = ManualClock::new(Timestamp::from_micros(1_704_067_200_000_000));
    run(Subject::in_memory(clock.clone()), clock, &Op::history(data));
}
