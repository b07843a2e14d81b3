//! A directory that is made read-only while its store is served.

use asofdb::{Session, Store};

use crate::check::{Checked, check, equal};
use crate::host::{Conditions, Host};
use crate::ledger::{self, Ledger, Outcome};
use crate::mount::Mount;
use crate::place::in_memory;
use crate::{Report, Setting};

const VIEW: &str = "kept";

pub(super) fn run(setting: &Setting, report: &mut Report) {
    for number in 0..setting.scaled(1, 5) {
        match round(setting) {
            Ok(None) => report.count("directories made read-only", 1),
            Ok(Some(reason)) => return report.figure("directories made read-only", format!("not run: {reason}")),
            Err(wrong) => report.fault(format!("a directory made read-only, round {number}: {wrong}")),
        }
    }
}

/// One directory; the reason where it cannot be made read-only.
fn round(setting: &Setting) -> Checked<Option<String>> {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    let mut ledger = Ledger::new(VIEW, 8, 400);
    let store = Store::open(&path)?;
    store.apply(&ledger::definitions(vec![ledger::view(VIEW)]), false)?;
    drop(store);
    let conditions = Conditions { arguments: vec!["--durability", "sync"], ..Conditions::default() };
    let host = Host::start(setting, directory.path(), &path, &conditions).map_err(|ended| ended.log)?;
    let client = host.client()?;
    ledger.write_until_error(&client, 20)?;
    match Mount::read_only(&path) {
        Err(reason) => return Ok(Some(reason)),
        Ok(_read_only) => {
            // The log is open; the next file that is made is refused.
            let flushed = client.compact();
            check(flushed.is_err(), || "a compaction in a read-only directory says that it is done".to_owned())?;
            let refused = ledger.write_until_error(&client, 100)?.ok_or("every write is taken")?;
            check(refused.to_string().contains("nothing was written"), || format!("{refused:#}"))?;
            equal("unknown writes", &ledger.count(Outcome::Unknown), &0)?;
            let (ready, reason) = host.get("/readyz")?;
            check(ready == 503 && reason.contains("Read-only file system"), || format!("/readyz: {ready} {reason}"))?;
            ledger.compare(&client)?;
        }
    }
    drop((client, host));
    let store = Store::open(&path)?;
    ledger.compare(&store)?;
    check(ledger.write(&store)?.is_none(), || "the store that was opened again takes no write".to_owned())?;
    Ok(None)
}
