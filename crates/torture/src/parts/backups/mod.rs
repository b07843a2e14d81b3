//! Backups under load: every one is of one state, wherever it is restored, whatever was killed meanwhile.
//!
//! Two directories of backups, a plain and a sealed one, are filled in turn from a store that writers fill. Some runs
//! are killed, old backups expire under way, and what is left is restored from a copy of the directory that cannot be
//! written, and compared with what had been acknowledged.

mod check;
mod elsewhere;
mod killed;
mod round;
mod target;
mod writers;

pub(crate) use self::killed::child;
use self::round::Rounds;
use crate::{Part, Report, Setting};

/// The part.
pub(crate) const BACKUPS: Part =
    Part { name: "backups", about: "backups under load, killed, expired, restored elsewhere, to any commit", run };

/// Rounds of the two lengths: each is a backup in one of the two directories.
const ROUNDS: (u64, u64) = (4, 100);

fn run(setting: &Setting, report: &mut Report) {
    let mut rounds = Rounds::new(setting);
    for round in 0..setting.scaled(ROUNDS.0, ROUNDS.1) {
        rounds.run(round, report);
    }
    rounds.end(report);
}
