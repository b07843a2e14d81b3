//! Backups: copies of a store beside each other, in which contents that several have are there once.
//!
//! | name | what |
//! |---|---|
//! | `ASOFDB-BACKUPS` | the marker: `asofdb backups, format 1, plain` or `..., sealed` |
//! | `ASOFDB-BACKUPS.lock` | locked by whoever works with them: alone to write, together to read |
//! | `TIME.backup` | a backup: its files, their sums and their objects |
//! | `objects/` | contents, under random names |
//! | `checkpoint/` | the checkpoint that is being copied |
//!
//! A backup's record is written last and in one step, so that a run which is killed leaves objects that no record
//! names. The next one removes them.

mod backup;
mod key;
mod object;
mod policy;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub use self::backup::Backup;
use self::backup::{BackedUpFile, Objects};
pub use self::key::BackupKey;
pub use self::policy::KeepPolicy;
use super::directory::sync_directory;
use super::error::from_io;
use super::manifest::{ListedFile, Manifest};
use super::modes::Modes;
use crate::error::{Error, Result};
use crate::fail_point;
use crate::output::{OutputFile, TEMPORARY_MARK};
use crate::time::{Span, Timestamp};

const MARKER: &str = "ASOFDB-BACKUPS";
const LOCK: &str = "ASOFDB-BACKUPS.lock";
const OBJECTS: &str = "objects";
const CHECKPOINT: &str = "checkpoint";

/// The end of a record's name.
const RECORD: &str = ".backup";

/// A directory of backups, locked.
#[derive(Debug)]
pub struct Backups {
    path: PathBuf,
    key: Option<BackupKey>,
    /// Holds the lock.
    _lock: File,
}

/// The outcome of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Name of the backup.
    pub name: String,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files whose contents no earlier backup had.
    pub new_files: u64,
    /// Their bytes.
    pub new_bytes: u64,
}

impl Backups {
    /// Opens a directory of backups to write to it, and makes it where there is none. With a key, its backups are
    /// encrypted.
    ///
    /// # Errors
    /// `Conflict` when the directory has something else, or was written by a newer asofdb; `Invalid` when its backups
    /// are encrypted and there is no key, or the other way round; `Unavailable` when another run works with it, or it
    /// cannot be written.
    pub fn create(path: &Path, key: Option<BackupKey>) -> Result<Self> {
        let failed = |error| from_io(&format!("cannot write backups to {}", path.display()), error);
        let is_ours = [MARKER, LOCK].iter().any(|name| path.join(name).exists());
        let is_foreign = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != "lost+found");
        if !is_ours && fs::read_dir(path).is_ok_and(|mut entries| entries.any(is_foreign)) {
            return Err(Error::conflict(format!("not a directory of backups, and not empty: {}", path.display())));
        }
        Modes::Private.make_directory(path).map_err(failed)?;
        let lock = lock(path, true)?;
        Modes::Private.settle_directory(path)?;
        Modes::Private.make_directory(&path.join(OBJECTS)).map_err(failed)?;
        fail_point("backups begun");
        if !path.join(MARKER).exists() {
            let mut marker = OutputFile::create(&path.join(MARKER))?;
            marker.write_all(marker_text(key.is_some()).as_bytes()).map_err(failed)?;
            marker.finish()?;
        }
        check_marker(path, key.is_some())?;
        Ok(Backups { path: path.to_owned(), key, _lock: lock })
    }

    /// Opens a directory of backups to read them.
    ///
    /// # Errors
    /// `NotFound` when there are none; otherwise as [`Backups::create`].
    pub fn open(path: &Path, key: Option<BackupKey>) -> Result<Self> {
        if !path.join(MARKER).exists() {
            return Err(Error::not_found(format!("there are no backups here: {}", path.display())));
        }
        let lock = lock(path, false)?;
        check_marker(path, key.is_some())?;
        Ok(Backups { path: path.to_owned(), key, _lock: lock })
    }

    /// Returns whether a directory is one of backups.
    pub fn is_at(path: &Path) -> bool {
        path.join(MARKER).exists()
    }

    /// Returns the place for the checkpoint that is to be added: in this directory, where nothing is.
    ///
    /// # Errors
    /// `Unavailable` when what a killed run left there cannot be removed.
    pub fn place_for_checkpoint(&self) -> Result<PathBuf> {
        self.clear_checkpoint()?;
        Ok(self.path.join(CHECKPOINT))
    }

    /// Removes the checkpoint that was added.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be removed.
    pub fn clear_checkpoint(&self) -> Result<()> {
        let path = self.path.join(CHECKPOINT);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(from_io(&format!("cannot remove {}", path.display()), error))
            }
            _ => Ok(()),
        }
    }

    /// Adds a backup of a checkpoint, taken at `now` or as soon after it as no other was. Contents that are here
    /// already are not written again; what is written is read back and compared.
    ///
    /// # Errors
    /// `Corrupt` when the checkpoint is not what its list says, or no backup here can be opened with the key;
    /// `Unavailable` when it cannot be read or written. Nothing is added then.
    pub fn add(&self, checkpoint: &Path, now: Timestamp) -> Result<BackedUp> {
        let listed = Manifest::read(checkpoint)?;
        let listed = listed.ok_or_else(|| {
            Error::not_found(format!("there is no checkpoint with a list of files: {}", checkpoint.display()))
        })?;
        listed.check_names(checkpoint)?;
        let there = self.list()?;
        self.remove_unnamed(&there)?;
        let mut known = self.objects_of(&there);
        let mut added = BackedUp { name: String::new(), files: 0, bytes: 0, new_files: 0, new_bytes: 0 };
        let mut files = Vec::with_capacity(listed.files.len());
        for file in listed.files {
            let of = (file.sum.bytes, file.sum.xxh3);
            let object = match known.get(&of) {
                Some(object) => object.clone(),
                None => {
                    added.new_files += 1;
                    added.new_bytes += file.sum.bytes;
                    let object = self.write_object(checkpoint, &file)?;
                    known.insert(of, object.clone());
                    object
                }
            };
            files.push(BackedUpFile { name: file.name, sum: file.sum, object });
        }
        fail_point("backup copied");
        sync_directory(&self.path.join(OBJECTS)).map_err(|error| from_io("cannot write a backup", error))?;
        let taken: HashSet<_> = there.iter().map(|backup| backup.taken).collect();
        let mut backup = Backup { taken: now, files };
        while taken.contains(&backup.taken) {
            backup.taken = backup.taken.plus(Span::from_micros(1));
        }
        self.write_record(&backup)?;
        fail_point("backup recorded");
        Ok(BackedUp { name: backup.name(), files: backup.files(), bytes: backup.bytes(), ..added })
    }

    /// Lists the backups, oldest first.
    ///
    /// # Errors
    /// `Corrupt`, naming it, when one cannot be read, or was encrypted with another key.
    pub fn list(&self) -> Result<Vec<Backup>> {
        let failed = |error| from_io(&format!("cannot read the backups in {}", self.path.display()), error);
        let mut backups = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name.ends_with(RECORD) {
                backups.push(self.read_record(&name)?);
            }
        }
        backups.sort_by_key(|backup| backup.taken);
        Ok(backups)
    }

    /// Removes the backups that a policy does not keep, and the contents that no other has; their names.
    ///
    /// # Errors
    /// `Unavailable` when one cannot be removed.
    pub fn expire(&self, policy: &KeepPolicy) -> Result<Vec<String>> {
        let mut backups = self.list()?;
        let expired: HashSet<_> = policy.expired(&backups).into_iter().collect();
        let failed = |error| from_io("cannot remove a backup", error);
        let (gone, kept): (Vec<_>, Vec<_>) = backups.drain(..).partition(|backup| expired.contains(&backup.taken));
        for backup in &gone {
            fs::remove_file(self.path.join(record_name(backup))).map_err(failed)?;
        }
        fail_point("backups expired");
        // A record must not come back after its objects are gone.
        sync_directory(&self.path).map_err(failed)?;
        self.remove_unnamed(&kept)?;
        Ok(gone.iter().map(Backup::name).collect())
    }

    /// Finds a backup: by its name, or the newest that was taken up to a time; the newest of all without either.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn find(&self, at: Option<&str>) -> Result<Backup> {
        let none = |what: String| Error::not_found(format!("{what}: {}", self.path.display()));
        let Some(at) = at else {
            return self.list()?.pop().ok_or_else(|| none("there is no backup here".to_owned()));
        };
        let time: Timestamp = at.parse()?;
        let mut up_to = self.list()?.into_iter().filter(|backup| backup.taken <= time);
        up_to.next_back().ok_or_else(|| none(format!("there is no backup from {at} or before")))
    }

    /// Copies the files of a backup into a directory; each has the sum that it had.
    pub(super) fn copy(&self, backup: &Backup, to: &Path) -> Result<Manifest> {
        let copied = backup.files.iter().map(|file| {
            let (object, target) = (self.path.join(OBJECTS).join(&file.object), to.join(&file.name));
            let failed = |error| from_io(&format!("cannot write {}", target.display()), error);
            let options = OpenOptions::new().write(true).create_new(true).mode(Modes::Private.file()).open(&target);
            let mut out = options.map_err(failed)?;
            let found = object::read(&object, &file.object, self.key.as_ref(), &mut out)?;
            match found == file.sum {
                true => out.sync_all().map_err(failed).map(|()| ListedFile { name: file.name.clone(), sum: found }),
                false => Err(Error::corrupt(format!("the backup is damaged: {} ({})", file.name, object.display()))),
            }
        });
        Ok(Manifest { files: copied.collect::<Result<_>>()? })
    }

    /// The objects that backups name and that are there, at the size that they must have.
    fn objects_of(&self, backups: &[Backup]) -> Objects {
        let is_whole = |file: &&BackedUpFile| {
            let found = fs::symlink_metadata(self.path.join(OBJECTS).join(&file.object));
            found.is_ok_and(|found| found.len() == object::stored_bytes(file.sum.bytes, self.key.as_ref()))
        };
        let files = backups.iter().flat_map(|backup| &backup.files).filter(is_whole);
        files.map(|file| ((file.sum.bytes, file.sum.xxh3), file.object.clone())).collect()
    }

    fn write_object(&self, checkpoint: &Path, file: &ListedFile) -> Result<String> {
        let source = checkpoint.join(&file.name);
        let opened = File::open(&source).map_err(|error| from_io(&format!("cannot read {}", source.display()), error));
        let name: String = key::random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let object = self.path.join(OBJECTS).join(&name);
        let sum = object::write(&mut opened?, &object, &name, self.key.as_ref())?;
        fail_point("backup object written");
        file.check(&source, sum)?;
        Ok(name)
    }

    fn write_record(&self, backup: &Backup) -> Result<()> {
        let (name, bytes) = (record_name(backup), backup.encode()?);
        let bytes = match &self.key {
            Some(key) => {
                let prefix = key::random()?;
                let place = key::Place { name: &name, prefix, number: 0, is_last: true };
                [prefix.as_slice(), &key.seal(&place, &bytes)?].concat()
            }
            None => bytes,
        };
        let mut file = OutputFile::create(&self.path.join(&name))?;
        file.write_all(&bytes).map_err(|error| from_io("cannot write a backup", error))?;
        file.finish()
    }

    fn read_record(&self, name: &str) -> Result<Backup> {
        let path = self.path.join(name);
        let bytes = fs::read(&path).map_err(|error| from_io(&format!("cannot read {}", path.display()), error))?;
        let damaged = || format!("the backup is damaged or was encrypted with another key: {}", path.display());
        let bytes = match &self.key {
            Some(key) => {
                let split = bytes.split_first_chunk::<{ key::PREFIX_BYTES }>();
                let opened = split.and_then(|(prefix, sealed)| {
                    key.open(&key::Place { name, prefix: *prefix, number: 0, is_last: true }, sealed)
                });
                opened.ok_or_else(|| Error::corrupt(damaged()))?
            }
            None => bytes,
        };
        Backup::decode(&bytes).map_err(|error| error.context(damaged()))
    }

    /// Removes objects that none of the backups names, which are all there are, and records that were not finished.
    fn remove_unnamed(&self, backups: &[Backup]) -> Result<()> {
        let failed = |error| from_io("cannot remove what an expired or interrupted backup left", error);
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // A record that a killed run was writing: whoever writes now holds the lock.
            if is_unfinished(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        let named: HashSet<_> = backups.iter().flat_map(|backup| &backup.files).map(|file| &file.object).collect();
        for entry in fs::read_dir(self.path.join(OBJECTS)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !named.contains(&entry.file_name().to_string_lossy().into_owned()) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn record_name(backup: &Backup) -> String {
    format!("{}{RECORD}", backup.name())
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.contains(&format!("{RECORD}{TEMPORARY_MARK}"))
}

fn marker_text(sealed: bool) -> String {
    format!("asofdb backups, format 1, {}\n", if sealed { "sealed" } else { "plain" })
}

fn check_marker(path: &Path, has_key: bool) -> Result<()> {
    let text = fs::read(path.join(MARKER));
    let text = text.map_err(|error| from_io(&format!("cannot read the backups in {}", path.display()), error))?;
    let refused = |what: &str| Err(Error::invalid(format!("{what}: {}", path.display())));
    match (text == marker_text(true).as_bytes(), text == marker_text(false).as_bytes(), has_key) {
        (true, _, true) | (_, true, false) => Ok(()),
        (true, _, false) => refused("these backups are encrypted: their key is needed"),
        (_, true, true) => refused("these backups are not encrypted: begin a new directory to encrypt"),
        (false, false, _) => {
            let message = "the backups were written by a newer asofdb, or their marker is damaged";
            Err(Error::conflict(format!("{message}: {}", path.join(MARKER).display())))
        }
    }
}

/// Locks a directory of backups: alone, or together with others who read.
fn lock(path: &Path, alone: bool) -> Result<File> {
    let failed = |error| from_io(&format!("cannot lock the backups in {}", path.display()), error);
    let mut options = OpenOptions::new();
    options.read(true).write(alone).create(alone).truncate(false).mode(Modes::Private.file());
    let file = options.open(path.join(LOCK)).map_err(failed)?;
    match if alone { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let message = "another run is working with these backups; wait for it";
            Err(Error::unavailable(format!("{message}: {}", path.display())))
        }
    }
}
