//! One round: a sidecar under load, of whose calls to the disk one fails, or all from one on.

use std::path::{Path, PathBuf};

use asofdb::{Error, ErrorKind, Session, Store};
use asofdb_client::Client;
use tempfile::TempDir;

use crate::check::{Checked, check, equal};
use crate::fault_shim::{Control, Kind, Shim};
use crate::host::{Conditions, Host, NotStarted, eventually};
use crate::ledger::{self, Ledger, Outcome, Trouble};
use crate::place::in_memory;
use crate::{Random, Report, Setting};

const VIEW: &str = "kept";

/// Batches before the calls begin to fail: in data files, and in the log.
const FLUSHED: usize = 20;
const LOGGED: usize = 5;

/// Steps of the load. Each writes a batch, and some do more.
const STEPS: u64 = 40;

/// Of so many rounds one has its failing call while the store is opened.
const OPENING_EVERY: u64 = 4;

/// A store, the control of what fails, and what it should have.
struct Scene<'s> {
    setting: &'s Setting,
    shim: &'s Shim,
    directory: TempDir,
    control: Control,
    ledger: Ledger,
    kind: Kind,
    random: Random,
}

/// Runs a round.
pub(super) fn run(setting: &Setting, shim: &Shim, kind: Kind, mut random: Random, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let control = Control::new(&directory.path().join("control"))?;
    let (opening, forever) = (random.below(OPENING_EVERY) == 0, random.below(2) == 0);
    let nth = 1 + random.below(if opening { 25 } else { nth_max(kind) }) as i64;
    let ledger = Ledger::new(VIEW, 8, 400);
    let mut scene = Scene { setting, shim, directory, control, ledger, kind, random };
    scene.prepare()?;
    if opening {
        scene.control.arm(kind, nth, forever)?;
    }
    let done = match scene.start() {
        Ok(host) => scene.go_on(host, (!opening).then_some((nth, forever)), report),
        Err(NotStarted { status, log }) => scene.not_opened(status.code(), &log, report),
    };
    let file = scene.control.failed_file()?;
    let what = format!("call {nth}{}, of {file:?}", if forever { " and all after it" } else { "" });
    done.and_then(|()| scene.reopen()).map_err(|error| format!("{what}: {error}"))?;
    scene.tell(report)
}

/// About as many calls of a kind as the load makes.
const fn nth_max(kind: Kind) -> u64 {
    match kind {
        Kind::Read => 60,
        Kind::Write => 120,
        Kind::Sync => 60,
    }
}

impl Scene<'_> {
    fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Makes the store, with rows in data files and in the log.
    fn prepare(&mut self) -> Checked {
        let store = Store::open(self.store())?;
        store.apply(&ledger::definitions(vec![ledger::view(VIEW)]), false)?;
        equal("errors", &self.ledger.write_until_error(&store, FLUSHED)?.is_some(), &false)?;
        store.flush()?;
        equal("errors", &self.ledger.write_until_error(&store, LOGGED)?.is_some(), &false)
    }

    fn start(&self) -> Result<Host, NotStarted> {
        let (library, store) = (self.shim.library(), self.store());
        let environment = self.control.environment(&library, &store);
        let arguments = vec!["--durability", "sync", "--memory-budget", "32MiB"];
        let conditions = Conditions { arguments, environment, limits: None };
        Host::start(self.setting, self.directory.path(), &store, &conditions)
    }

    /// Checks the end of a sidecar whose store cannot be opened.
    fn not_opened(&self, code: Option<i32>, log: &str, report: &mut Report) -> Checked {
        report.count("stores that were not opened, and said why", 1);
        self.control.disarm()?;
        check(code == Some(1), || format!("the sidecar ended with {code:?} while it opened the store: {log}"))?;
        check(log.contains("error: "), || format!("it says no error: {log}"))
    }

    /// The load, with the failing calls in its midst, and what is said of them.
    fn go_on(&mut self, mut host: Host, armed: Option<(i64, bool)>, report: &mut Report) -> Checked {
        let client = host.client()?;
        if let Some((nth, forever)) = armed {
            self.control.arm(self.kind, nth, forever)?;
        }
        let loaded = self.load(&client, report);
        let done = loaded.and_then(|()| self.judge(&host, &client, report));
        self.control.disarm()?;
        match host.ended() {
            Some(status) => return Err(format!("the sidecar ended with {status}: {}", host.log()).into()),
            None => done.map_err(|error| format!("{error}; its log: {}", host.log()))?,
        }
        if self.random.below(2) == 0 {
            return end(host);
        }
        Ok(())
    }

    fn load(&mut self, client: &Client, report: &mut Report) -> Checked {
        for step in 0..STEPS {
            self.ledger.write(client)?;
            if step % 3 == 0 {
                let compared = self.ledger.compare_drawn(client, &mut self.random);
                self.forgive(compared, report)?;
            }
            let upkeep = match step {
                10 | 25 => client.compact(),
                18 | 33 => client.verify().map(drop),
                _ => Ok(()),
            };
            upkeep.or_else(|error| self.forgive_upkeep(&error))?;
        }
        Ok(())
    }

    /// A read may fail where reading the disk does, with a word of it, and is never wrong.
    fn forgive(&self, compared: Result<(), Trouble>, report: &mut Report) -> Checked {
        match compared {
            Err(Trouble::Read(error)) if self.kind == Kind::Read && self.control.failed()? > 0 => {
                report.count("reads that failed, and said why", 1);
                let is_named = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Corrupt);
                check(is_named, || format!("a read that failed has the kind {}: {error:#}", error.kind()))
            }
            compared => compared.map_err(Into::into),
        }
    }

    fn forgive_upkeep(&self, error: &Error) -> Checked {
        let is_named = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Corrupt);
        check(is_named && self.control.failed()? > 0, || format!("upkeep failed: {error:#}"))
    }

    /// Compares what the sidecar says of itself with what it has answered, once the disk is well again.
    fn judge(&mut self, host: &Host, client: &Client, report: &mut Report) -> Checked {
        self.control.disarm()?;
        equal("/healthz", &host.get("/healthz")?.0, &200)?;
        let was_ready = host.get("/readyz")?.0 == 200;
        let unknown = self.ledger.count(Outcome::Unknown);
        check(unknown <= 1, || format!("{unknown} writes are unknown: the first one makes the store read-only"))?;
        check(unknown == 0 || !was_ready, || "a write is unknown, and the sidecar says that it is ready".to_owned())?;
        match self.ledger.write(client)? {
            Some(error) => read_only(host, &error, report)?,
            None => {
                report.count("stores that went on", 1);
                check(was_ready, || "a sidecar that is not ready takes a write".to_owned())?;
            }
        }
        self.ledger.compare(client).map_err(Into::into)
    }

    /// Opens the store again, on a disk that is well: everything is there and can be written.
    fn reopen(&mut self) -> Checked {
        let store = open(&self.store())?;
        self.ledger.compare(&store)?;
        equal("problems", &store.verify()?.problems, &Vec::<String>::new())?;
        let written = self.ledger.write(&store)?;
        check(written.is_none(), || format!("the store that was opened again takes no write: {written:?}"))
    }

    fn tell(&self, report: &mut Report) -> Checked {
        let failed = self.control.failed()?;
        report.count(&format!("calls that failed: {}", self.kind.as_str()), failed);
        report.count("rounds in which no call was reached", u64::from(failed == 0));
        report.count("batches acknowledged", self.ledger.count(Outcome::Written));
        report.count("batches refused", self.ledger.count(Outcome::Refused));
        report.count("batches unknown", self.ledger.count(Outcome::Unknown));
        Ok(())
    }
}

/// Asks a sidecar to end. One that cannot write its memory to disk any more says so.
fn end(host: Host) -> Checked {
    let is_read_only = host.get("/readyz")?.1.contains("read_only");
    let log = host.log_file();
    let ended = host.terminate().and_then(|status| status.code());
    let log = std::fs::read_to_string(log)?;
    let expected = if is_read_only { Some(1) } else { Some(0) };
    check(ended == expected, || format!("a sidecar that was asked to end did so with {ended:?}: {log}"))?;
    let says_it = log.contains("asof: error: ") && log.contains("read-only");
    check(!is_read_only || says_it, || format!("a sidecar of a read-only store ended without a word of it: {log}"))
}

/// Checks what the sidecar of a store that has become read-only says.
fn read_only(host: &Host, error: &Error, report: &mut Report) -> Checked {
    report.count("stores that became read-only", 1);
    let (said, refused) = (error.to_string(), "nothing was written: the store is read-only");
    check(said.starts_with(refused), || format!("a write to a read-only store: {said}"))?;
    // Background work that failed is noticed within a second where no write finds it first.
    let is_said = || host.get("/readyz").is_ok_and(|(status, _)| status == 503);
    check(eventually(is_said), || format!("the sidecar says that it is ready, and refuses a write: {said}"))?;
    let (status, reason) = host.get("/readyz")?;
    let named = status == 503 && reason.contains("read_only") && reason.contains("Input/output error");
    check(named, || format!("/readyz does not say the reason: {reason}"))?;
    let metrics = host.get("/metrics")?.1;
    check(metrics.contains("asof_store_read_only 1"), || "the metrics do not say that it is read-only".to_owned())
}

/// Opens a store that a process has just left.
fn open(path: &Path) -> Checked<Store> {
    Store::open(path).map_err(|error| format!("it cannot be opened again: {error:#}").into())
}
