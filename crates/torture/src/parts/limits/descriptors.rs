//! Few file descriptors.

use asofdb::Store;

use super::load;
use crate::check::{Checked, check};
use crate::host::{Conditions, Host, NotStarted, limited};
use crate::ledger::{self, Ledger, Outcome};
use crate::place::in_memory;
use crate::{Report, Setting};

/// Descriptors; the last ones suffice for a sidecar.
const LIMITS: [u64; 5] = [64, 128, 256, 288, 400];

/// Connections that are opened while there are so few descriptors.
const CROWD: usize = 300;

/// Batches of the file that the command line ingests.
const BATCHES: usize = 100;

pub(super) fn run(setting: &Setting, report: &mut Report) {
    for limit in LIMITS {
        let name = format!("{limit} descriptors");
        report.check("limits on descriptors", &name, || embedded(setting, limit));
        let mut found = Report::default();
        report.check("limits on descriptors", &name, || served(setting, limit, &mut found));
        report.absorb(found);
    }
}

/// The command line works with so few, or says that they are too few.
fn embedded(setting: &Setting, limit: u64) -> Checked {
    let directory = in_memory()?;
    let (path, file) = (directory.path().join("store"), directory.path().join("rows.csv"));
    let mut ledger = Ledger::new("kept", 50, 200);
    Store::open(&path)?.apply(&ledger::definitions(vec![ledger::view("kept")]), false)?;
    std::fs::write(&file, ledger.csv(BATCHES))?;
    let conditions = Conditions { limits: Some(format!("-n {limit}")), ..Conditions::default() };
    let mut command = limited(setting, &conditions);
    let output = command.arg("--store").arg(&path).arg("ingest").arg("kept").arg(&file).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => ledger.keep(Outcome::Written, BATCHES),
        Some(1 | 2) => {
            check(said.contains("error: "), || format!("it says no error: {said}"))?;
            ledger.keep(Outcome::Refused, BATCHES);
        }
        code => return Err(format!("asof ingest ended with {code:?}: {said}").into()),
    }
    ledger.compare(&Store::open(&path)?).map_err(Into::into)
}

/// The sidecar says at its start that they are too few, or goes on under load and in a crowd.
fn served(setting: &Setting, limit: u64, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    let conditions = Conditions {
        arguments: vec!["--memory-budget", "32MiB"],
        limits: Some(format!("-n {limit}")),
        ..Conditions::default()
    };
    let host = match Host::start(setting, directory.path(), &path, &conditions) {
        Ok(host) => host,
        Err(NotStarted { status, log }) => {
            report.count("sidecars refused for too few descriptors", 1);
            let is_named = matches!(status.code(), Some(1 | 2)) && log.contains("ulimit -n");
            return check(is_named, || format!("it ended with {status} and says: {log}"));
        }
    };
    report.count("sidecars that work with few descriptors", 1);
    // Whoever comes too many is refused or makes room; the store keeps its own.
    let crowd: Vec<_> = (0..CROWD).map(|_| host.client()).collect();
    report.count("connections of a crowd that were taken", crowd.iter().filter(|one| one.is_ok()).count() as u64);
    let ledgers = load::run(&host, directory.path(), setting.scaled(5, 30), report)?;
    drop(crowd);
    after(host, &path, ledgers)
}

/// Ends the sidecar, and compares what the store has with what was acknowledged.
pub(super) fn after(host: Host, path: &std::path::Path, mut ledgers: Vec<Ledger>) -> Checked {
    let log = host.log();
    let ended = host.terminate();
    check(ended.is_some_and(|status| status.success()), || format!("the sidecar ended with {ended:?}: {log}"))?;
    let store = Store::open(path)?;
    for ledger in &mut ledgers {
        ledger.compare(&store)?;
        let written = ledger.write(&store)?;
        check(written.is_none(), || format!("the store takes no more writes: {written:?}"))?;
    }
    let problems = store.verify()?.problems;
    check(problems.is_empty(), || format!("problems: {problems:?}"))
}
