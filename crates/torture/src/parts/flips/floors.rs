//! The floor of a store, by which lost writes are noticed: missing, of a copy, and compared by `verify`.

use std::fs;
use std::path::Path;

use asofdb_storage::{CheckpointFiles, Durability, ErrorKind, RocksBackend, Upkeep};

use super::Case;
use super::files::{last, named, set_len};
use super::rows::{Rows, commit, make, open, rows_of};
use crate::check::{Checked, check, equal};
use crate::place::in_memory;

pub(super) const CASES: &[Case] = &[
    ("a store without a floor is read as a whole and given one", without_a_floor),
    ("a damaged store without a floor gets none", damaged_without_a_floor),
    ("checkpoints have a floor of their own", checkpoints),
    ("opening makes a torn part of the floor whole and leaves the other", torn_part),
    ("verify finds damage of an open store", verify),
    ("errors say the place and what is missing", errors),
];

fn remove_floor(path: &Path) -> Checked {
    named(path, |name| name.starts_with("FLOOR"))?.iter().try_for_each(fs::remove_file)?;
    Ok(())
}

fn without_a_floor() -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    let rows = make(&path)?;
    remove_floor(&path)?;
    let (read, notices) = rows_of(&path)?;
    equal("rows", &read, &rows)?;
    let said = notices.first().is_some_and(|notice| notice.starts_with("the store had no floor"));
    check(said, || format!("it does not say so: {notices:?}"))?;
    equal("rows and notices of the next opening", &rows_of(&path)?, &(rows, Vec::new()))
}

fn damaged_without_a_floor() -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    make(&path)?;
    let store = open(&path)?;
    store.compact()?;
    drop(store);
    remove_floor(&path)?;
    for file in named(&path, |name| name.ends_with(".sst"))? {
        let mut bytes = fs::read(&file)?;
        bytes[20] ^= 1;
        fs::write(&file, bytes)?;
    }
    let error = open(&path).err().ok_or("it was opened")?;
    equal("kind", &error.kind(), &ErrorKind::Corrupt)?;
    equal("files of a floor", &named(&path, |name| name.starts_with("FLOOR"))?.len(), &0)
}

fn checkpoints() -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    let rows = make(&path)?;
    let (copied, restored) = (directory.path().join("copy"), directory.path().join("restored"));
    open(&path)?.checkpoint(&copied, CheckpointFiles::Shared)?;
    asofdb_storage::restore(&copied, &restored)?;
    equal("rows and notices", &rows_of(&restored)?, &(rows, Vec::new()))
}

/// A power cut may tear the part that is being written. If the other were written over first, the next one could leave
/// none.
fn torn_part() -> Checked {
    for torn in ["FLOOR-A", "FLOOR-B"] {
        let directory = in_memory()?;
        let path = directory.path().join("store");
        let rows = make(&path)?;
        let bytes = fs::read(path.join(torn))?;
        fs::write(path.join(torn), &bytes[..bytes.len() / 2])?;
        let store = open(&path)?;
        let notices = store.notices();
        let said = notices.len() == 1 && notices[0].contains(torn);
        check(said, || format!("{torn} was torn, and it says {notices:?}"))?;
        equal("problems", &store.verify()?.problems, &Vec::<String>::new())?;
        drop(store);
        equal("rows", &rows_of(&path)?.0, &rows)?;
    }
    Ok(())
}

fn verify() -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    make(&path)?;
    let store = open(&path)?;
    commit(&store, &mut Rows::new(), 0..20, 50, Durability::Sync)?;
    equal("problems", &store.verify()?.problems, &Vec::<String>::new())?;
    for (kind, expected) in [(".log", "can be read to byte"), ("MANIFEST", "is damaged"), ("FLOOR-B", "was damaged")] {
        let problems = with_damage(&store, &path, kind)?;
        check(problems.iter().any(|problem| problem.contains(expected)), || format!("{kind}: {problems:?}"))?;
    }
    equal("problems afterwards", &store.verify()?.problems, &Vec::<String>::new())
}

/// The problems of an open store while one bit of a file is flipped.
fn with_damage(store: &RocksBackend, path: &Path, kind: &str) -> Checked<Vec<String>> {
    let file = last(path, kind)?;
    let bytes = fs::read(&file)?;
    let mut flipped = bytes.clone();
    flipped[30] ^= 1;
    fs::write(&file, flipped)?;
    let problems = store.verify()?.problems;
    fs::write(&file, bytes)?;
    Ok(problems)
}

fn errors() -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    make(&path)?;
    let log = last(&path, ".log")?;
    set_len(&log, fs::metadata(&log)?.len() - 10)?;
    let error = open(&path).err().ok_or("it was opened")?.to_string();
    for expected in
        ["ends within the record at byte", "that were on disk", "restore a checkpoint of it, or let `asof repair`"]
    {
        check(error.contains(expected), || format!("{expected}: {error}"))?;
    }
    Ok(())
}
