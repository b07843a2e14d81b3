//! Keeping the floor while a store is open.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use super::check::Checked;
use super::log::DamageKind;
use super::manifest::{self, Manifest};
use super::position::Position;
use super::slots;
use super::statement::{Floor, LogFloor};
use super::wal::{self, Wal};
use crate::error::{Error, Result};
use crate::rocks::directory::sync_directory;
use crate::rocks::error::from_io;

/// The time for which a power cut may set the floor back.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Keeps the floor of an open store.
///
/// Synced writes go through [`Keeper::write`], which states how far they reach. Everything else is noticed by a thread
/// that looks at the MANIFEST now and then, and by [`Keeper::refresh`] after work that changes the set of files.
pub(in crate::rocks) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

struct Shared {
    directory: PathBuf,
    /// `None` until the floor is kept. Held by whoever writes: with two writes at a time nobody could tell which bytes
    /// of the log were synced.
    position: Mutex<Option<Position>>,
    /// Held by whoever writes the files of the floor.
    files: Mutex<Files>,
    /// True if anything was stated about logs since that file was last synced.
    is_unsynced: AtomicBool,
    failure: Mutex<Option<String>>,
}

#[derive(Default)]
struct Files {
    turn: usize,
    /// The MANIFEST of the last statement: its number, and its length as it was found.
    stated: (u64, u64),
    log_slots: Option<File>,
}

impl Keeper {
    /// A keeper that keeps nothing yet.
    pub(in crate::rocks) fn new(directory: &Path) -> Self {
        let shared = Shared {
            directory: directory.to_owned(),
            position: Mutex::default(),
            files: Mutex::default(),
            is_unsynced: AtomicBool::default(),
            failure: Mutex::default(),
        };
        Keeper { shared: Arc::new(shared), thread: Mutex::default() }
    }

    /// Writes the floor of the store as it is now, and keeps it from here on. The store must have been checked.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written, or a thread cannot be started.
    pub(in crate::rocks) fn start(&self, checked: &Checked) -> Result<()> {
        let shared = self.shared.clone();
        shared.files.lock().turn = checked.turn;
        shared.refresh_one(&checked.logs)?;
        let position = Position::new(&shared.directory, checked.logs.clone())?;
        shared.files.lock().log_slots = Some(position.slots().file()?);
        *shared.position.lock() = Some(position);
        let (stop, stopped) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("asofdb-floor".into())
            .spawn(move || shared.run(&stopped))
            .map_err(|error| Error::unavailable("cannot start the thread that keeps the floor").with_source(error))?;
        *self.thread.lock() = Some((stop, thread));
        Ok(())
    }

    /// Runs `write`, which writes to RocksDB, alone. Once it has succeeded and is synced, the floor is raised to where
    /// it reaches; `last_sequence` then tells the last sequence number.
    ///
    /// # Errors
    /// Those of `write`. That the floor cannot be raised is no error: the old one is as true.
    pub(in crate::rocks) fn write(
        &self,
        is_synced: bool,
        write: impl FnOnce() -> Result<()>,
        last_sequence: impl FnOnce() -> u64,
    ) -> Result<()> {
        let mut position = self.shared.position.lock();
        let Some(position) = position.as_mut().filter(|_| is_synced) else { return write() };
        let before = position.length();
        write()?;
        let raised = position.synced(before, last_sequence());
        self.shared.is_unsynced.store(true, Ordering::Release);
        self.shared.note(raised);
        Ok(())
    }

    /// States what files the store has now. Where that fails the old floor stays, which is as true, and
    /// [`Keeper::failure`] says why.
    pub(in crate::rocks) fn refresh(&self) {
        self.shared.note(self.shared.refresh());
    }

    /// The reason why the floor could not be raised last time; none once it could again.
    pub(in crate::rocks) fn failure(&self) -> Option<String> {
        self.shared.failure.lock().clone()
    }

    /// Compares the files of the open store with its floor; `is_live` tells whether the store has a file of this number
    /// still. Returns what is wrong, a line each.
    ///
    /// # Errors
    /// `Unavailable` when the files cannot be read.
    pub(in crate::rocks) fn verify(&self, is_live: impl Fn(u64) -> bool) -> Result<Vec<String>> {
        let directory = &self.shared.directory;
        let stated = slots::read(directory)?;
        let mut problems = stated.damaged;
        let manifest = match live(directory) {
            Ok(manifest) => manifest,
            Err(error) if error.kind() == crate::ErrorKind::Corrupt => {
                problems.push(format!("{error:#}"));
                return Ok(problems);
            }
            Err(error) => return Err(error),
        };
        verify_files(directory, &manifest, &mut problems, is_live);
        verify_logs(directory, &manifest, &stated.logs, &mut problems)?;
        Ok(problems)
    }

    /// Writes the floor for the last time.
    pub(in crate::rocks) fn close(&self) {
        let Some((stop, thread)) = self.thread.lock().take() else { return };
        drop(stop);
        // It panicked only where a bug made it; the floor that is there stays true.
        let _ = thread.join();
        let known = self.shared.known();
        self.shared.note(self.shared.refresh_both(&known));
        self.shared.sync_logs();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.lock().take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, stopped: &Receiver<()>) {
        while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            if self.has_changed() {
                self.note(self.refresh());
            }
            self.sync_logs();
        }
    }

    fn note(&self, raised: Result<()>) {
        *self.failure.lock() = raised.err().map(|error| format!("the floor is not kept: {error:#}"));
    }

    fn known(&self) -> LogFloor {
        self.position.lock().as_ref().map(|position| position.known().clone()).unwrap_or_default()
    }

    fn has_changed(&self) -> bool {
        let Ok(Some(number)) = manifest::current(&self.directory) else { return true };
        let length = std::fs::metadata(manifest::path(&self.directory, number)).map(|metadata| metadata.len());
        length.is_ok_and(|length| self.files.lock().stated != (number, length))
    }

    fn sync_logs(&self) {
        if !self.is_unsynced.swap(false, Ordering::AcqRel) {
            return;
        }
        let file = self.files.lock().log_slots.as_ref().and_then(|file| file.try_clone().ok());
        if file.is_none_or(|file| file.sync_data().is_err()) {
            self.is_unsynced.store(true, Ordering::Release);
        }
    }

    fn refresh(&self) -> Result<()> {
        let known = self.known();
        self.refresh_one(&known)
    }

    /// Writes both files, so that each of them says all.
    fn refresh_both(&self, known: &LogFloor) -> Result<()> {
        self.refresh_one(known)?;
        self.refresh_one(known)
    }

    fn refresh_one(&self, known: &LogFloor) -> Result<()> {
        let mut files = self.files.lock();
        let manifest = live(&self.directory)?;
        slots::write(&self.directory, files.turn, &floor_of(&manifest, known))?;
        files.turn += 1;
        files.stated = (manifest.number, manifest.walked.length);
        Ok(())
    }
}

fn verify_files(directory: &Path, manifest: &Manifest, problems: &mut Vec<String>, is_live: impl Fn(u64) -> bool) {
    for (number, bytes) in manifest.files() {
        let name = format!("{number:06}.sst");
        let length = std::fs::metadata(directory.join(&name)).map(|metadata| metadata.len());
        if length.as_ref().ok() != Some(&bytes) && is_live(number) {
            let is = length.map_or_else(|_| "is missing".to_owned(), |length| format!("has {length} bytes"));
            problems.push(format!("the file {name} of {bytes} bytes {is}"));
        }
    }
}

fn verify_logs(directory: &Path, manifest: &Manifest, known: &LogFloor, problems: &mut Vec<String>) -> Result<()> {
    for (number, known) in known.logs.range(manifest.first_log()..) {
        let name = wal::name(*number);
        match Wal::read(directory, *number) {
            Ok(read) if read.walked.whole >= *known => {}
            Ok(read) => {
                let whole = read.walked.whole;
                problems.push(format!("the file {name} can be read to byte {whole}, and {known} were on disk"));
            }
            // It was needed no more, and removed since.
            Err(_) if live(directory)?.first_log() > *number => {}
            Err(error) => problems.push(format!("the file {name} cannot be read: {error}")),
        }
    }
    Ok(())
}

/// The MANIFEST of an open store, up to what is on disk.
fn live(directory: &Path) -> Result<Manifest> {
    let read = manifest::read_live(directory)?;
    let manifest = read.ok_or_else(|| Error::corrupt("the file CURRENT of the store is damaged"))?;
    let name = manifest::name(manifest.number);
    // RocksDB may be writing its end just now.
    let is_damaged = manifest.walked.damage.as_ref().is_some_and(|damage| damage.kind != DamageKind::CutShort);
    if is_damaged || manifest.unreadable.is_some() {
        return Err(Error::corrupt(format!("the file {name} of the store is damaged")));
    }
    // What was read may not be on disk yet, nor the new name of `CURRENT`.
    let synced = File::open(manifest::path(directory, manifest.number)).and_then(|file| file.sync_data());
    let synced = synced.and_then(|()| sync_directory(directory));
    synced.map_err(|error| from_io(&format!("cannot write {name}"), error))?;
    Ok(manifest)
}

fn floor_of(manifest: &Manifest, known: &LogFloor) -> Floor {
    Floor {
        manifest: manifest.number,
        manifest_bytes: manifest.walked.whole,
        last_sequence: manifest.last_sequence.max(known.last_sequence),
        files: manifest.files(),
        logs: known.logs.range(manifest.first_log()..).map(|(number, bytes)| (*number, *bytes)).collect(),
    }
}

/// Writes the floor of a copy of a store that nobody has open.
///
/// # Errors
/// `Corrupt` when its MANIFEST is damaged; `Unavailable` when it cannot be read or the floor not be written.
pub(in crate::rocks) fn establish(directory: &Path) -> Result<()> {
    let floor = floor_of(&live(directory)?, &LogFloor::default());
    (0..slots::FLOORS.len()).try_for_each(|turn| slots::write(directory, turn, &floor))
}
