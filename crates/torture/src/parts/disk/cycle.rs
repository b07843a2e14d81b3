//! One cycle: a disk fills up, is full for a while, and has room again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use asofdb::{Error, Session};
use asofdb_client::Client;
use rustix::fs::statvfs;

use super::beside;
use super::full::says_full;
use crate::check::{Checked, check, equal};
use crate::host::{Host, eventually, moment};
use crate::ledger::{self, Ledger, Outcome};
use crate::mount::Mount;
use crate::{Report, Setting};

/// The view whose rows stay over all cycles.
const KEPT: &str = "kept";

/// Room that a cycle begins with, in bytes: some write buffers.
const ROOM_BYTES: u64 = 14 << 20;

/// More batches than any room holds.
const BATCHES_MAX: usize = 2_000;

/// Writes that are tried while the disk is full.
const TRIED: usize = 5;

/// A disk that is filled again and again, under one store.
pub(super) struct Filling<'f> {
    setting: &'f Setting,
    mount: &'f Mount,
    /// A directory on another disk.
    outside: &'f Path,
    host: Option<Host>,
    client: Option<Client>,
    kept: Ledger,
    /// A write is unknown, and the store read-only: a full disk that only a sync has found.
    pub(super) must_restart: bool,
}

impl<'f> Filling<'f> {
    pub(super) fn new(setting: &'f Setting, mount: &'f Mount, outside: &'f Path, host: Host) -> Self {
        let kept = Ledger::new(KEPT, 4, 200);
        Filling { setting, mount, outside, host: Some(host), client: None, kept, must_restart: false }
    }

    /// Ends the sidecar, as a service manager does.
    pub(super) fn end(&mut self) -> Checked {
        self.client = None;
        let ended = self.host.take().and_then(Host::terminate);
        check(ended.is_some_and(|status| status.success()), || format!("the sidecar ended with {ended:?}"))
    }

    /// Goes on with another sidecar over the same store, which has all that was acknowledged.
    pub(super) fn begin(&mut self, host: Host) -> Checked {
        self.host = Some(host);
        self.must_restart = false;
        let client = self.client()?;
        self.kept.compare(&client).map_err(Into::into)
    }

    fn client(&mut self) -> Checked<Client> {
        let host = self.host.as_ref().ok_or("no sidecar runs")?;
        match &self.client {
            Some(client) => Ok(client.clone()),
            None => Ok(self.client.insert(host.client()?).clone()),
        }
    }

    /// Fills the disk, tries what there is to try while it is full, and makes room.
    pub(super) fn cycle(&mut self, number: u64, report: &mut Report) -> Checked {
        let client = self.client()?;
        let (filler, ingested) = (format!("filler_{number}"), format!("ingested_{number}"));
        let views = [KEPT, &filler, &ingested].map(ledger::view);
        client.apply(&ledger::definitions(views.into()), true)?;
        // What the last cycle wrote goes with its views.
        client.compact()?;
        check(self.kept.write(&client)?.is_none(), || "a disk with room takes no write".to_owned())?;
        let mut ledger = Ledger::new(&filler, 50, 2_000);
        let ballast = self.take_room()?;
        let error = ledger.write_until_error(&client, BATCHES_MAX)?.ok_or("the disk does not fill up")?;
        let during = self.while_full(&client, &mut ledger, (&filler, &ingested), &error, report);
        fs::remove_file(ballast)?;
        during?;
        self.go_on(&client, &mut ledger, report)?;
        if !self.must_restart {
            beside::afterwards(&client, self.outside, &ingested)?;
        }
        for (name, outcome) in
            [("acknowledged", Outcome::Written), ("refused", Outcome::Refused), ("unknown", Outcome::Unknown)]
        {
            report.count(&format!("batches {name}"), ledger.count(outcome));
        }
        Ok(())
    }

    /// Takes all but some of the room with a file, which is returned.
    fn take_room(&self) -> io::Result<PathBuf> {
        let path = self.mount.path().join("ballast");
        let mut file = File::create(&path)?;
        let room = statvfs(self.mount.path())?;
        let taken = (room.f_bavail * room.f_frsize).saturating_sub(ROOM_BYTES);
        io::copy(&mut io::Read::take(io::repeat(1), taken), &mut file)?;
        file.sync_all()?;
        Ok(path)
    }

    fn while_full(
        &mut self,
        client: &Client,
        ledger: &mut Ledger,
        views: (&str, &str),
        error: &Error,
        report: &mut Report,
    ) -> Checked {
        says_full(error)?;
        for _ in 0..TRIED {
            // Background work may have made some room, which is fine.
            if let Some(error) = ledger.write(client)? {
                says_full(&error).or_else(|wrong| if self.is_read_only()? { Ok(()) } else { Err(wrong) })?;
            }
        }
        self.kept.compare(client)?;
        ledger.compare(client)?;
        beside::while_full(self.setting, client, self.mount.path(), self.outside, views, report)?;
        ledger.compare(client)?;
        self.must_restart = self.is_read_only()?;
        let unknown = ledger.count(Outcome::Unknown);
        check(unknown == 0 || self.must_restart, || format!("{unknown} writes are unknown, and the store takes others"))
    }

    fn is_read_only(&self) -> Checked<bool> {
        let host = self.host.as_ref().ok_or("no sidecar runs")?;
        Ok(host.get("/readyz")?.1.contains("read_only"))
    }

    /// Writes go on by themselves when there is room.
    fn go_on(&mut self, client: &Client, ledger: &mut Ledger, report: &mut Report) -> Checked {
        if self.must_restart {
            report.count("full disks that only a sync found: opened again", 1);
            return Ok(());
        }
        let (freed, mut wrong) = (moment(), None);
        let goes_on = eventually(|| match ledger.write(client) {
            Ok(error) => error.is_none(),
            Err(error) => {
                wrong = Some(error);
                true
            }
        });
        wrong.map_or(Ok(()), Err)?;
        check(goes_on, || "writes do not go on when there is room".to_owned())?;
        let took = freed.elapsed().as_millis() as u64;
        report.count("milliseconds until writes went on, all together", took);
        check(self.kept.write(client)?.is_none(), || "a disk with room takes no write".to_owned())?;
        self.kept.compare(client)?;
        ledger.compare(client)?;
        equal("problems", &client.verify()?.problems, &Vec::<String>::new())
    }
}
