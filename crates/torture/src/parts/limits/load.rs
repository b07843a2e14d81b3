//! The load on a sidecar that has little: several clients that write, read, and do what takes memory.

use std::path::Path;

use asofdb::{Error, ErrorKind, ExportOptions, IngestOptions, Input, Session};
use asofdb_client::Client;

use crate::check::{Checked, check};
use crate::host::{Host, eventually};
use crate::ledger::{self, Ledger, Outcome, Trouble};
use crate::{Random, Report};

/// Clients at a time.
const CLIENTS: usize = 4;

/// Batches that are ingested from a file.
const INGESTED: usize = 200;

/// The view of each client.
fn view(client: usize) -> String {
    format!("kept_{client}")
}

/// Connects where others may hold every connection: those that are idle make room, but not at once.
fn connect(host: &Host) -> Checked<Client> {
    let mut connected = host.client();
    eventually(|| {
        connected = host.client();
        connected.is_ok()
    });
    Ok(connected?)
}

/// Loads a sidecar, and compares what it has in the end; returns the ledgers, for whoever opens the store afterwards.
pub(super) fn run(host: &Host, outside: &Path, steps: u64, report: &mut Report) -> Checked<Vec<Ledger>> {
    let client = connect(host)?;
    let views = (0..=CLIENTS).map(|client| ledger::view(&view(client))).collect();
    let applied = client.apply(&ledger::definitions(views), false);
    if let Err(error) = applied {
        named(&error)?;
        report.count("loads that ended in an error", 1);
        return Ok(Vec::new());
    }
    let loaded = std::thread::scope(|scope| {
        let one = |number: usize| scope.spawn(move || load(host, outside, number, steps));
        let clients: Vec<_> = (0..CLIENTS).map(one).collect();
        clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")?).collect::<Vec<_>>()
    });
    let mut ledgers = Vec::new();
    for one in loaded {
        let (ledger, refused) = one?;
        report.count("batches acknowledged", ledger.count(Outcome::Written));
        report.count("calls refused, and said why", refused);
        ledgers.push(ledger);
    }
    Ok(ledgers)
}

/// One client: its ledger, and the number of calls that were refused.
fn load(host: &Host, outside: &Path, number: usize, steps: u64) -> Checked<(Ledger, u64)> {
    let client = connect(host)?;
    let mut ledger = Ledger::new(&view(number), 50, 2_000);
    let (mut random, mut refused) = (Random::new(number as u64), 0);
    for step in 0..steps {
        refused += u64::from(ledger.write(&client)?.is_some());
        match ledger.compare_drawn(&client, &mut random) {
            Err(Trouble::Read(error)) => {
                named(&error)?;
                refused += 1;
            }
            compared => compared?,
        }
        if step % 10 == number as u64 {
            refused += u64::from(heavy(&client, outside, number, step)?.is_some());
        }
    }
    Ok((ledger, refused))
}

/// Does something that takes memory; returns the error that it is refused with.
fn heavy(client: &Client, outside: &Path, number: usize, step: u64) -> Checked<Option<Error>> {
    let done = match number {
        0 => client.verify().map(drop),
        1 => client.compact(),
        2 => {
            let out = outside.join(format!("export_{step}"));
            client.export(&view(number), &out, &ExportOptions::default(), &mut |_| ()).map(drop)
        }
        _ => ingest(client, outside, step),
    };
    match done {
        Ok(()) => Ok(None),
        Err(error) => named(&error).map(|()| Some(error)),
    }
}

fn ingest(client: &Client, outside: &Path, step: u64) -> asofdb::Result<()> {
    let path = outside.join(format!("rows_{step}.csv"));
    let text = Ledger::new(&view(CLIENTS), 50, 200).csv(INGESTED);
    std::fs::write(&path, text).map_err(|error| Error::unavailable("no room for a file").with_source(error))?;
    let options = IngestOptions { from_scratch: true, ..IngestOptions::default() };
    client.ingest(&view(CLIENTS), vec![Input::Path(path)], &options, &mut |_| ()).map(drop)
}

/// Checks that an error is one of a limit or of a busy sidecar, and no bug.
fn named(error: &Error) -> Checked {
    let is_named = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Limited | ErrorKind::Invalid);
    check(is_named, || format!("an error of the kind {}: {error:#}", error.kind()))
}
