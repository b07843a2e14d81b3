//! Restoring to a point between two backups.

use std::fs;
use std::path::Path;

use super::Backups;
use super::backup::Backup;
use crate::error::{Error, Result};
use crate::rocks::error::from_io;
use crate::rocks::manifest::Manifest;
use crate::rocks::point;
use crate::rocks::restore::{self, Restored};
use crate::time::Timestamp;

/// The directory of the kept logs while they are applied, within the store that is being made.
const LOGS: &str = "kept-logs";

/// Makes the store `store` of the commits up to a time. `prove` opens the copy.
pub(in crate::rocks) fn restore_point(
    backups: &Backups,
    at: Timestamp,
    store: &Path,
    prove: impl Fn(&Path) -> Result<Option<u64>>,
) -> Result<Restored> {
    let list = backups.list()?;
    for (index, base) in list.iter().enumerate().rev().filter(|(_, backup)| backup.taken <= at) {
        let next = list.get(index + 1).map(Backup::name);
        if !base.has_logs() {
            return Err(without_logs(at, base, next));
        }
        let mut is_later = false;
        let made = restore::make(store, |to| copy(backups, &list, base, at, to, &mut is_later), &prove);
        // Its name is of a clock that was behind: one before it may lead there.
        if !is_later {
            let next = next.map_or_else(|| "there is none after it".to_owned(), |next| format!("the next is {next}"));
            let from = format!("cannot restore {at} from the backup {}; {next}", base.name());
            return made.map_err(|error| error.context(from));
        }
    }
    Err(Error::not_found(match list.first() {
        Some(first) => format!("there is no backup from {at} or before; the first is {}", first.name()),
        None => "there is no backup here".to_owned(),
    }))
}

/// Copies a backup and brings the copy on; says whether it is of after that time.
fn copy(
    backups: &Backups,
    list: &[Backup],
    base: &Backup,
    at: Timestamp,
    to: &Path,
    is_later: &mut bool,
) -> Result<Manifest> {
    let copied = backups.copy(base, to)?;
    let position = point::position(to)?.ok_or_else(|| without_logs(at, base, None))?;
    *is_later = position.time > at;
    if *is_later {
        return Err(Error::not_found(format!("the backup {} is of a time after {at}", base.name())));
    }
    let (logs, failed) = (to.join(LOGS), |error| from_io("cannot copy the kept logs", error));
    fs::create_dir(&logs).map_err(failed)?;
    backups.copy_logs(list, position.id, &logs)?;
    point::bring_on(to, &logs, &position, at)?;
    fs::remove_dir_all(&logs).map_err(failed)?;
    Ok(copied)
}

fn without_logs(at: Timestamp, base: &Backup, next: Option<String>) -> Error {
    let base = base.name();
    let there = match next {
        Some(next) => format!("there are the backups {base} and {next}"),
        None => format!("the last backup before it is {base}"),
    };
    Error::not_found(format!("no logs were kept that lead to {at}; {there}"))
}
