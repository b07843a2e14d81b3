//! Many views.

use std::path::Path;

use asofdb::{Session, Status, Value};
use asofdb_client::Client;

use crate::check::{Checked, check, equal};
use crate::host::{Conditions, Host, mib, moment};
use crate::ledger::{self, Ledger, Outcome};
use crate::place::in_memory;
use crate::{Report, Setting};

/// Views that are written and read, from the first to the last.
const USED: usize = 100;

/// Bytes that the metrics have at most: 2,048 series with counters and 256 with durations.
const METRICS_BYTES_MAX: usize = 2 << 20;

pub(super) fn run(setting: &Setting, report: &mut Report) {
    let counts: &[usize] = if setting.scaled(0, 1) == 0 { &[200] } else { &[1_000, 10_000] };
    for count in counts {
        let mut found = Report::default();
        report.check("stores of many views", &format!("{count} views"), || many(setting, *count, &mut found));
        report.absorb(found);
    }
}

fn name(view: usize) -> String {
    format!("view_{view}")
}

fn start(setting: &Setting, directory: &Path) -> Checked<Host> {
    let arguments = vec!["--memory-budget", "64MiB"];
    let conditions = Conditions { arguments, ..Conditions::default() };
    Ok(Host::start(setting, directory, &directory.join("store"), &conditions).map_err(|ended| ended.log)?)
}

fn many(setting: &Setting, count: usize, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let mut figures = Vec::new();
    let mut timed = |what: &str, since: std::time::Instant| figures.push(format!("{what} {:.1?}", since.elapsed()));
    let host = start(setting, directory.path())?;
    let client = host.client()?;
    let began = moment();
    client.apply(&ledger::definitions((0..count).map(|view| ledger::view(&name(view))).collect()), false)?;
    timed("applied in", began);
    let began = moment();
    let ledgers = write(&client, count)?;
    timed("100 of them written in", began);
    let began = moment();
    read(&client, count)?;
    timed("read in one request in", began);
    let ended = host.terminate();
    check(ended.is_some_and(|status| status.success()), || format!("the sidecar ended with {ended:?}"))?;
    let began = moment();
    let host = start(setting, directory.path())?;
    timed("opened in", began);
    let client = host.client()?;
    ledgers.iter().try_for_each(|ledger| ledger.compare(&client))?;
    let began = moment();
    let catalog = get(&host, "/v1/catalog")?.len();
    timed("catalog read in", began);
    let metrics = get(&host, "/metrics")?.len();
    check(metrics <= METRICS_BYTES_MAX, || format!("the metrics of {count} views have {metrics} bytes"))?;
    figures.push(format!("catalog {catalog} bytes, metrics {metrics} bytes, peak {}", mib(host.peak_bytes())));
    report.figure(&format!("{count} views"), figures.join(", "));
    Ok(())
}

fn get(host: &Host, path: &str) -> Checked<String> {
    let (status, body) = host.get(path)?;
    equal(path, &status, &200)?;
    Ok(body)
}

/// The views that are used.
fn used(count: usize) -> impl Iterator<Item = usize> {
    (0..USED).map(move |number| number * (count - 1) / (USED - 1))
}

fn write(client: &Client, count: usize) -> Checked<Vec<Ledger>> {
    let mut ledgers: Vec<Ledger> = used(count).map(|view| Ledger::new(&name(view), 4, 40)).collect();
    for ledger in &mut ledgers {
        let refused = ledger.write(client)?;
        check(refused.is_none(), || format!("a write is refused: {refused:?}"))?;
        equal("batches written", &ledger.count(Outcome::Written), &1)?;
    }
    Ok(ledgers)
}

/// Reads all views that are used in one request.
fn read(client: &Client, count: usize) -> Checked {
    let references: Vec<String> = used(count).map(|view| format!("{}:number", name(view))).collect();
    let request = client.prepare(&references)?;
    let mut users = request.entity_rows();
    users.push(&[Some(Value::Int64(1))])?;
    let answer = client.latest(&request, &users)?;
    let present = (0..references.len()).filter(|feature| answer.status(0, *feature) == Status::Present).count();
    equal("views that have the user", &present, &references.len())
}
