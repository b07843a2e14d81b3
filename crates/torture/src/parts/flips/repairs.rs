//! Repairs of damaged stores.

use std::fs;
use std::path::Path;

use asofdb_storage::{ErrorKind, Repaired, Upkeep, examine, repair};

use super::Case;
use super::files::{contents, copy, last, named};
use super::patient::Whole;
use super::rows::{Rows, clock, open, options, rows_of};
use crate::check::{Checked, check, equal};
use crate::place::in_memory;

pub(super) const CASES: &[Case] = &[
    ("repair puts a flipped bit right and loses nothing", a_flipped_bit),
    ("repair of a log loses what is damaged and no more", a_log),
    ("repair opens a store without a file with what is left", || without_a_file(".sst")),
    ("repair opens a store without a MANIFEST with what is left", || without_a_file("MANIFEST")),
    ("repair opens a store without a log with what is left", || without_a_file(".log")),
    ("repair leaves a sound store alone", a_sound_store),
];

fn mend(path: &Path) -> Checked<Repaired> {
    Ok(repair(path, options(), clock())?)
}

/// The rows of a repaired store, which is sound.
fn repaired(path: &Path) -> Checked<Rows> {
    let store = open(path)?;
    equal("problems", &store.verify()?.problems, &Vec::<String>::new())?;
    drop(store);
    Ok(rows_of(path)?.0)
}

/// Checks that every row is one that was written.
fn all_written(rows: &Rows, written: &Rows) -> Checked {
    let wrong = rows.iter().find(|(key, value)| written.get(key) != Some(value));
    check(wrong.is_none(), || format!("a row is another: {wrong:?}"))
}

fn a_flipped_bit() -> Checked {
    let whole = Whole::new()?;
    let patient = whole.patient()?;
    let path = patient.path();
    for kind in [".log", "MANIFEST", "CURRENT"] {
        let file = last(&path, kind)?;
        let mut bytes = fs::read(&file)?;
        let place = bytes.len() / 2;
        bytes[place] ^= 1 << 5;
        fs::write(&file, &bytes)?;
        equal("findings", &examine(&path)?.len(), &1)?;
        let done = mend(&path)?;
        equal("mended and lost", &(done.mended.len(), done.lost.len()), &(1, 0))?;
        let kept = done.aside.ok_or("the damaged file was not kept")?.join(file.file_name().unwrap_or_default());
        check(fs::read(kept)? == bytes, || "the damaged file is kept as it was".to_owned())?;
        equal(kind, &repaired(&path)?, patient.rows())?;
        copy(&whole.path(), &path)?;
    }
    Ok(())
}

fn a_log() -> Checked {
    let whole = Whole::new()?;
    let patient = whole.patient()?;
    let path = patient.path();
    let log = last(&path, ".log")?;
    let mut bytes = fs::read(&log)?;
    let place = bytes.len() / 2;
    bytes[place..place + 20].fill(0xa5);
    fs::write(&log, &bytes)?;
    let done = mend(&path)?;
    let said = done.lost.first().is_some_and(|lost| lost.contains("is not what was written"));
    check(said, || format!("{done:?}"))?;
    let rows = repaired(&path)?;
    all_written(&rows, patient.rows())?;
    let flushed = patient.rows().keys().filter(|(_, event)| *event <= 10);
    check(flushed.into_iter().all(|key| rows.contains_key(key)), || "rows of data files are lost".to_owned())?;
    check(rows.len() < patient.rows().len(), || "the damaged batch is still there".to_owned())
}

fn without_a_file(kind: &str) -> Checked {
    let whole = Whole::new()?;
    let patient = whole.patient()?;
    let path = patient.path();
    for file in named(&path, |name| name.contains(kind))?.iter().take(1) {
        fs::remove_file(file)?;
    }
    let done = mend(&path)?;
    check(done.lost.first().is_some_and(|lost| lost.contains("is missing")), || format!("{done:?}"))?;
    let rows = repaired(&path)?;
    all_written(&rows, patient.rows())?;
    if kind == "MANIFEST" {
        let mut committed = patient.rows().keys().filter(|(user, _)| *user < 100);
        check(committed.all(|key| rows.contains_key(key)), || "rows that were committed are lost".to_owned())?;
        let said = done.lost.iter().any(|lost| lost.starts_with("RocksDB could not take over"));
        check(said, || format!("{done:?}"))?;
    }
    Ok(())
}

fn a_sound_store() -> Checked {
    let whole = Whole::new()?;
    let patient = whole.patient()?;
    let before = contents(&patient.path())?;
    equal("what was repaired", &mend(&patient.path())?, &Repaired::default())?;
    check(contents(&patient.path())? == before, || "a file was changed".to_owned())?;
    let directory = in_memory()?;
    let error = examine(directory.path().join("nowhere")).err().ok_or("nothing was examined")?;
    equal("kind", &error.kind(), &ErrorKind::NotFound)
}
