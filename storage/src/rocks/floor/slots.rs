//! The files in which the floor stands.
//!
//! | file | what it has | written |
//! |---|---|---|
//! | `FLOOR-A`, `FLOOR-B` | a [`Floor`] each | one after the other, synced, when the set of files changes |
//! | `FLOOR-LOG` | two [`LogFloor`]s, at 0 and at 4096 | in turn after each synced commit; synced a moment later |
//!
//! Of the first two one is always whole, whatever interrupts the writing of the other. A statement of `FLOOR-LOG` lies
//! in one sector of the disk. It survives the end of the process at once, and a power cut as of its last sync; what is
//! older says less, and is as true.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::statement::{self, Floor, LogFloor};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::records::Recorded;
use crate::rocks::directory::sync_directory;
use crate::rocks::error::from_io;

/// The two files of the floor.
pub(super) const FLOORS: [&str; 2] = ["FLOOR-A", "FLOOR-B"];

/// The file of the floor of the write-ahead logs.
pub(super) const LOG_FLOOR: &str = "FLOOR-LOG";

/// Places of the statements in [`LOG_FLOOR`]: a page each.
const LOG_PLACES: [u64; 2] = [0, 4096];

/// Bytes of one of them: a sector, which a disk writes whole or not at all.
const LOG_SLOT_BYTES: usize = 512;

/// Logs of one statement, so that it fits its sector. There are hardly ever more than two.
pub(super) const LOGS_MAX: usize = 24;

/// Longest file that is read: that of a store of a million files.
const FLOOR_BYTES_MAX: u64 = 32 << 20;

/// The contents of a floor's files.
#[derive(Debug, Default)]
pub(super) struct Stated {
    /// The greatest statement of the files.
    pub(super) floor: Option<Floor>,
    /// The turn in which the next floor is written ([`write`]): not over the one that is the greatest, which may be the
    /// only one that is whole.
    pub(super) turn: usize,
    /// All statements about logs, taken together.
    pub(super) logs: LogFloor,
    /// True if there is any file of a floor.
    pub(super) is_present: bool,
    /// The parts that cannot be read, one line each.
    pub(super) damaged: Vec<String>,
}

/// Reads the floor of a store.
///
/// # Errors
/// `Conflict` when a newer asofdb wrote it; `Unavailable` when it cannot be read.
pub(super) fn read(directory: &Path) -> Result<Stated> {
    let mut stated = Stated::default();
    for (index, name) in FLOORS.into_iter().enumerate() {
        let Some(bytes) = contents(directory, name)? else { continue };
        stated.is_present = true;
        if let Some(floor) = stated.take::<Floor>(name, &bytes)? {
            stated.logs.raise(floor.last_sequence, &floor.logs);
            let place = |floor: &Floor| (floor.manifest, floor.manifest_bytes);
            if stated.floor.as_ref().is_none_or(|other| place(other) < place(&floor)) {
                (stated.floor, stated.turn) = (Some(floor), index + 1);
            }
        }
    }
    if let Some(bytes) = contents(directory, LOG_FLOOR)? {
        for place in LOG_PLACES {
            let slot = bytes.get(place as usize..).unwrap_or_default();
            if let Some(floor) = stated.take::<LogFloor>(LOG_FLOOR, slot)? {
                stated.logs.raise(floor.last_sequence, &floor.logs);
            }
        }
    }
    Ok(stated)
}

fn contents(directory: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = directory.join(name);
    let read = fs::metadata(&path).and_then(|metadata| match metadata.len() > FLOOR_BYTES_MAX {
        true => Ok(Vec::new()),
        false => fs::read(&path),
    });
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(from_io(&format!("cannot read {}", path.display()), error)),
    }
}

impl Stated {
    fn take<T: Recorded>(&mut self, name: &str, bytes: &[u8]) -> Result<Option<T>> {
        match statement::decode(bytes) {
            Ok(statement) => Ok(Some(statement)),
            Err(error) if error.kind() == crate::ErrorKind::Corrupt => {
                self.damaged.push(format!("the file {name} was damaged; what else the floor says was used instead"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl LogFloor {
    /// Takes over what another statement says beyond this one.
    pub(super) fn raise(&mut self, last_sequence: u64, logs: &super::statement::Logs) {
        self.last_sequence = self.last_sequence.max(last_sequence);
        for (number, bytes) in logs {
            let known = self.logs.entry(*number).or_default();
            *known = (*known).max(*bytes);
        }
    }
}

/// Writes a floor to the file that is at turn, and syncs it.
pub(super) fn write(directory: &Path, turn: usize, floor: &Floor) -> Result<()> {
    let bytes = statement::encode(floor)?;
    let path = directory.join(FLOORS[turn % FLOORS.len()]);
    let is_new = !path.exists();
    let write = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        file.write_all_at(&bytes, 0)?;
        fail_point("floor written");
        file.set_len(bytes.len() as u64)?;
        file.sync_all()?;
        fail_point("floor synced");
        match is_new {
            true => sync_directory(directory),
            false => Ok(()),
        }
    };
    write().map_err(|error| failed(&path, error))
}

/// Removes the floor of a store that has lost what it says.
pub(in crate::rocks) fn remove(directory: &Path) -> Result<()> {
    for name in FLOORS.into_iter().chain([LOG_FLOOR]) {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&directory.join(name), error)),
            _ => {}
        }
    }
    sync_directory(directory).map_err(|error| failed(directory, error))
}

/// The open file of statements about logs.
pub(super) struct LogSlots {
    file: File,
    path: PathBuf,
    turn: usize,
}

impl LogSlots {
    /// Opens or makes the file, and states in it that nothing is known; other statements say the rest.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let path = directory.join(LOG_FLOOR);
        let is_new = !path.exists();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| failed(&path, error))?;
        let mut slots = LogSlots { file, path, turn: 0 };
        for _ in LOG_PLACES {
            slots.state(&LogFloor::default())?;
        }
        if is_new {
            let synced = slots.file.sync_all().and_then(|()| sync_directory(directory));
            synced.map_err(|error| failed(&slots.path, error))?;
        }
        Ok(slots)
    }

    /// Writes a statement over the older of the two. It is not synced.
    pub(super) fn state(&mut self, floor: &LogFloor) -> Result<()> {
        let mut bytes = statement::encode(floor)?;
        if bytes.len() > LOG_SLOT_BYTES {
            return Err(Error::internal("a statement of the floor is too long for its place"));
        }
        bytes.resize(LOG_SLOT_BYTES, 0);
        let place = LOG_PLACES[self.turn % LOG_PLACES.len()];
        self.turn += 1;
        fail_point("log synced");
        self.file.write_all_at(&bytes, place).map_err(|error| failed(&self.path, error))
    }

    /// The file, to be synced elsewhere.
    pub(super) fn file(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| failed(&self.path, error))
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    from_io(&format!("cannot write {}", path.display()), error)
}
