//! Writing to RocksDB without ever stalling in it.

use std::time::Duration;

use rocksdb::{WriteBatch as RocksBatch, WriteOptions};

use super::error::from_rocks;
use super::families::Database;
use super::fate::Fate;
use crate::error::{Error, Result};

/// The first pause when RocksDB asks writers to slow down; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(1);

/// The longest pause: what a waiting writer may lose when compaction has caught up meanwhile.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Writes the batch that `build` makes, waiting where RocksDB would stall, at most about `patience` long; `stalled`
/// is called once a pause.
///
/// RocksDB is told not to wait itself: it can wait for ever when the disk fills up meanwhile. It takes a batch also
/// when it refuses it, and keeping a copy of each for that rare case would cost more than building it again.
///
/// # Errors
/// Those of `build`; `Unavailable` when patience has ended, RocksDB cannot write, or the latch is closed. What an error
/// says of the write is judged by [`Fate`]; one that leaves the outcome unknown closes the latch.
pub(super) fn write(
    database: &Database,
    patience: Duration,
    sync: bool,
    mut build: impl FnMut() -> Result<RocksBatch>,
    mut stalled: impl FnMut(),
) -> Result<()> {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    options.set_no_slowdown(true);
    options.set_memtable_insert_hint_per_batch(true);
    database.latch.check()?;
    let (mut pause, mut waited) = (PAUSE_FIRST, Duration::ZERO);
    loop {
        match database.rocks.write_opt(build()?, &options) {
            Ok(()) => return Ok(()),
            Err(error) => match database.latch.close_after(&error) {
                Fate::Stalled if waited >= patience => return Err(out_of_patience(waited)),
                Fate::Stalled => {}
                fate => return Err(failed(fate, error)),
            },
        }
        stalled();
        std::thread::sleep(pause);
        waited += pause;
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

fn failed(fate: Fate, error: rocksdb::Error) -> Error {
    let doing = match fate {
        Fate::Stalled | Fate::Refused => "nothing was written",
        Fate::Stopped => {
            "nothing was written, and the store is read-only from now on; see that the disk is well, then open it again"
        }
        Fate::Unknown => {
            "it is unknown whether the write is on disk, and the store is read-only from now on; see that the disk is \
             well, open the store again, and write the same rows again, which does no harm if they are there"
        }
    };
    from_rocks(doing, error)
}

fn out_of_patience(waited: Duration) -> Error {
    Error::unavailable(format!(
        "nothing was written: compaction is behind or cannot write, perhaps the disk is full; waited for {waited:?}"
    ))
}
