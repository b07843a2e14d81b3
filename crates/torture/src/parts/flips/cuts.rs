//! Files that are deleted, cut and zeroed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use asofdb_storage::{Durability, Upkeep};

use super::files::{last, named, set_len};
use super::patient::{Outcome, Whole};
use super::rows::{Rows, commit, define, open};
use crate::Report;
use crate::check::{Checked, check, equal};
use crate::place::in_memory;

pub(super) fn run(report: &mut Report) {
    let mut missed = 0;
    report.check("other cases of damage", "logs that are deleted, cut or zeroed are missed", || logs(&mut missed));
    report.check("other cases of damage", "other files that are deleted or cut are missed too", || others(&mut missed));
    report.check("other cases of damage", "an older MANIFEST is not taken for the store", an_older_manifest);
    report.count("files deleted, cut or zeroed", missed);
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Counts each outcome.
type Outcomes = BTreeMap<Outcome, u64>;

fn logs(tried: &mut u64) -> Checked {
    let whole = Whole::new()?;
    let patient = whole.patient()?;
    let log = last(&whole.path(), ".log")?;
    let (name, length) = (name_of(&log), fs::metadata(&log)?.len());
    check(length > 1_000, || format!("the log has the last writes: {length} bytes"))?;
    let mut outcomes = Outcomes::new();
    *outcomes.entry(patient.suffer(&name, |file| fs::remove_file(file))?).or_default() += 1;
    for cut in [0, 1, length / 3, length / 2, length - 20] {
        *outcomes.entry(patient.suffer(&name, |file| set_len(file, cut))?).or_default() += 1;
        let zeroed = patient.suffer(&name, |file| set_len(file, cut).and_then(|()| set_len(file, length)))?;
        *outcomes.entry(zeroed).or_default() += 1;
    }
    *tried += 11;
    equal("outcomes", &outcomes, &Outcomes::from([(Outcome::Refused, 11)]))
}

fn others(tried: &mut u64) -> Checked {
    let whole = Whole::new()?;
    let patient = whole.patient()?;
    let is_wanted =
        |name: &str| name.starts_with("MANIFEST") || name == "CURRENT" || name.ends_with(".sst") || name == "ASOFDB";
    let mut outcomes = Outcomes::new();
    for file in named(&whole.path(), is_wanted)? {
        let (name, length) = (name_of(&file), fs::metadata(&file)?.len());
        *outcomes.entry(patient.suffer(&name, |file| fs::remove_file(file))?).or_default() += 1;
        for cut in [0, length / 2, length - 1] {
            *outcomes.entry(patient.suffer(&name, |file| set_len(file, cut))?).or_default() += 1;
        }
        *tried += 4;
    }
    let opened = outcomes.get(&Outcome::Whole).copied().unwrap_or_default();
    check(opened == 1 && !outcomes.contains_key(&Outcome::Said), || {
        format!("the newline of ASOFDB alone does not matter: {outcomes:?}")
    })
}

fn an_older_manifest() -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    drop(open(&path)?);
    let early = last(&path, "MANIFEST")?;
    let (name, bytes) = (name_of(&early), fs::read(&early)?);
    let store = open(&path)?;
    define(&store)?;
    commit(&store, &mut Rows::new(), 0..3, 0, Durability::Sync)?;
    equal("problems", &store.verify()?.problems.len(), &0)?;
    drop(store);
    fs::write(path.join(&name), bytes)?;
    fs::write(path.join("CURRENT"), format!("{name}\n"))?;
    match open(&path) {
        Ok(_) => Err("it was opened".into()),
        Err(error) => check(error.to_string().contains("and the store had come to MANIFEST-"), || format!("{error:#}")),
    }
}
