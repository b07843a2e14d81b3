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
//! names. The next one removes them. All but the lock and the checkpoint goes through [`place::Place`], which has one
//! implementation: a directory.

mod backup;
mod directory;
mod key;
mod layout;
mod object;
mod place;
mod policy;
mod to_point;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub use self::backup::Backup;
use self::backup::{BackedUpFile, Objects};
use self::directory::Directory;
pub use self::key::BackupKey;
use self::layout::{MARKER, OBJECTS, RECORD};
use self::place::Place;
pub use self::policy::KeepPolicy;
pub(super) use self::to_point::restore_point;
use super::error::from_io;
use super::kept::KeptName;
use super::manifest::{ListedFile, Manifest};
use super::modes::Modes;
use crate::error::{Error, Result};
use crate::fail_point;
use crate::local::refuse_url;
use crate::time::{Span, Timestamp};

/// A place of backups, locked.
#[derive(Debug)]
pub struct Backups {
    place: Box<dyn Place>,
    key: Option<BackupKey>,
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
    /// are encrypted and there is no key, or the other way round, and for a URL; `Unavailable` when another run works
    /// with it, or it cannot be written.
    pub fn create(path: &Path, key: Option<BackupKey>) -> Result<Self> {
        refuse_url(path)?;
        let backups = Backups { place: Box::new(Directory::create(path)?), key };
        if backups.place.bytes(MARKER).is_none() {
            let text = marker_text(backups.key.is_some());
            backups.place.put(MARKER, &mut |out| {
                out.write_all(text.as_bytes()).map_err(|error| from_io("cannot write backups", error))
            })?;
        }
        backups.check_marker()?;
        Ok(backups)
    }

    /// Opens a directory of backups to read them.
    ///
    /// # Errors
    /// `NotFound` when there are none; otherwise as [`Backups::create`].
    pub fn open(path: &Path, key: Option<BackupKey>) -> Result<Self> {
        refuse_url(path)?;
        let backups = Backups { place: Box::new(Directory::open(path)?), key };
        backups.check_marker()?;
        Ok(backups)
    }

    /// Returns whether a directory is one of backups.
    pub fn is_at(path: &Path) -> bool {
        directory::is_at(path)
    }

    /// Returns the place for the checkpoint that is to be added: where nothing is, and nothing comes to be. The place
    /// is another one each time, since a checkpoint whose maker was given up by its client may still be finished.
    ///
    /// # Errors
    /// `Unavailable` when what a killed run left there cannot be removed.
    pub fn place_for_checkpoint(&self) -> Result<PathBuf> {
        self.clear_checkpoint()?;
        let staging = self.place.staging();
        let staging =
            staging.ok_or_else(|| Error::invalid("these backups have no place for a checkpoint; name one for it"))?;
        // Its keys are random.
        Ok(staging.join(format!("{:016x}", RandomState::new().hash_one(()))))
    }

    /// Removes the checkpoint that was added, and what others have left. What is being written there just now stays for
    /// the next time.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be removed.
    pub fn clear_checkpoint(&self) -> Result<()> {
        let Some(path) = self.place.staging() else { return Ok(()) };
        match fs::remove_dir_all(&path) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
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
        let backup = next(&there, now, files);
        self.write_record(&backup)?;
        fail_point("backup recorded");
        Ok(BackedUp { name: backup.name(), files: backup.files(), bytes: backup.bytes(), ..added })
    }

    /// Lists the backups in the order in which they were taken, whatever the clock showed.
    ///
    /// # Errors
    /// `Corrupt`, naming it, when one cannot be read, or was encrypted with another key.
    pub fn list(&self) -> Result<Vec<Backup>> {
        let records = self.place.list("")?.into_iter().filter(|name| name.ends_with(RECORD));
        let mut backups: Vec<_> = records.map(|name| self.read_record(&name)).collect::<Result<_>>()?;
        backups.sort_by_key(|backup| (backup.number, backup.taken));
        Ok(backups)
    }

    /// Removes the backups that a policy does not keep, and the contents that no other has; their names. Ages count up
    /// to the time that is `believed`; where none is, none is too old.
    ///
    /// # Errors
    /// `Unavailable` when one cannot be removed.
    pub fn expire(&self, policy: &KeepPolicy, believed: Option<Timestamp>) -> Result<Vec<String>> {
        let backups = self.list()?;
        let expired = policy.expired(&backups, believed);
        let is_gone = |backup: &Backup| expired.contains(&(backup.number, backup.taken));
        let (gone, kept): (Vec<_>, Vec<_>) = backups.into_iter().partition(is_gone);
        // A record must not come back after its objects are gone.
        self.place.delete(&gone.iter().map(record_name).collect::<Vec<_>>())?;
        fail_point("backups expired");
        self.remove_unnamed(&kept)?;
        Ok(gone.iter().map(Backup::name).collect())
    }

    /// Finds a backup: by its name, or the last one that was taken up to a time; the last of all without either.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn find(&self, at: Option<&str>) -> Result<Backup> {
        let none = |what: String| Error::not_found(format!("{what}: {}", self.place.shown("")));
        let Some(at) = at else {
            return self.list()?.pop().ok_or_else(|| none("there is no backup here".to_owned()));
        };
        let time: Timestamp = at.parse()?;
        let mut up_to = self.list()?.into_iter().filter(|backup| backup.taken <= time);
        up_to.next_back().ok_or_else(|| none(format!("there is no backup from {at} or before")))
    }

    /// Copies the files of a backup into a directory; each has the sum that it had. Kept logs are left out.
    pub(super) fn copy(&self, backup: &Backup, to: &Path) -> Result<Manifest> {
        let files = backup.files.iter().filter(|file| KeptName::of(&file.name).is_none());
        let copied = files.map(|file| {
            self.copy_file(file, &to.join(&file.name))?;
            Ok(ListedFile { name: file.name.clone(), sum: file.sum })
        });
        Ok(Manifest { files: copied.collect::<Result<_>>()? })
    }

    /// Copies the kept logs of this identity of all backups into a directory. Of copies of one log, which each were
    /// made while it was written, the longest one has all that the others have.
    pub(super) fn copy_logs(&self, backups: &[Backup], id: u128, to: &Path) -> Result<()> {
        let mut longest: BTreeMap<&str, &BackedUpFile> = BTreeMap::new();
        for file in backups.iter().flat_map(|backup| &backup.files) {
            if KeptName::of(&file.name).is_some_and(|name| name.id == id) {
                let found = longest.entry(&file.name).or_insert(file);
                if file.sum.bytes > found.sum.bytes {
                    *found = file;
                }
            }
        }
        longest.into_iter().try_for_each(|(name, file)| self.copy_file(file, &to.join(name)))
    }

    fn copy_file(&self, file: &BackedUpFile, target: &Path) -> Result<()> {
        let failed = |error| from_io(&format!("cannot write {}", target.display()), error);
        let options = OpenOptions::new().write(true).create_new(true).mode(Modes::Private.file()).open(target);
        let mut out = options.map_err(failed)?;
        match object::read(&*self.place, &file.object, self.key.as_ref(), &mut out)? == file.sum {
            true => out.sync_all().map_err(failed),
            false => {
                let object = self.place.shown(&object::path(&file.object));
                Err(Error::corrupt(format!("the backup is damaged: {} ({object})", file.name)))
            }
        }
    }

    /// The objects that backups name and that are there, at the size that they must have.
    fn objects_of(&self, backups: &[Backup]) -> Objects {
        let is_whole = |file: &&BackedUpFile| {
            let expected = object::stored_bytes(file.sum.bytes, self.key.as_ref());
            self.place.bytes(&object::path(&file.object)) == Some(expected)
        };
        let files = backups.iter().flat_map(|backup| &backup.files).filter(is_whole);
        files.map(|file| ((file.sum.bytes, file.sum.xxh3), file.object.clone())).collect()
    }

    fn write_object(&self, checkpoint: &Path, file: &ListedFile) -> Result<String> {
        let source = checkpoint.join(&file.name);
        let opened = File::open(&source).map_err(|error| from_io(&format!("cannot read {}", source.display()), error));
        let name: String = key::random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let sum = object::write(&mut opened?, &*self.place, &name, self.key.as_ref())?;
        fail_point("backup object written");
        file.check(&source, sum)?;
        Ok(name)
    }

    fn write_record(&self, backup: &Backup) -> Result<()> {
        let (name, bytes) = (record_name(backup), backup.encode()?);
        let bytes = match &self.key {
            Some(key) => {
                let prefix = key::random()?;
                let place = key::PlaceOfPiece { name: &name, prefix, number: 0, is_last: true };
                [prefix.as_slice(), &key.seal(&place, &bytes)?].concat()
            }
            None => bytes,
        };
        let write = &mut |out: &mut dyn std::io::Write| {
            out.write_all(&bytes).map_err(|error| from_io("cannot write a backup", error))
        };
        self.place.put(&name, write)
    }

    fn read_record(&self, name: &str) -> Result<Backup> {
        let shown = self.place.shown(name);
        let mut bytes = Vec::new();
        let read = self.place.get(name)?.read_to_end(&mut bytes);
        read.map_err(|error| from_io(&format!("cannot read {shown}"), error))?;
        let damaged = || format!("the backup is damaged or was encrypted with another key: {shown}");
        let bytes = match &self.key {
            Some(key) => {
                let split = bytes.split_first_chunk::<{ key::PREFIX_BYTES }>();
                let opened = split.and_then(|(prefix, sealed)| {
                    key.open(&key::PlaceOfPiece { name, prefix: *prefix, number: 0, is_last: true }, sealed)
                });
                opened.ok_or_else(|| Error::corrupt(damaged()))?
            }
            None => bytes,
        };
        Backup::decode(&bytes).map_err(|error| error.context(damaged()))
    }

    /// Removes objects that none of the backups names, which are all there are, and what was not finished.
    fn remove_unnamed(&self, backups: &[Backup]) -> Result<()> {
        self.place.tidy()?;
        let named: HashSet<_> = backups.iter().flat_map(|backup| &backup.files).map(|file| &file.object).collect();
        let unnamed = self.place.list(OBJECTS)?.into_iter().filter(|name| !named.contains(name));
        self.place.delete(&unnamed.map(|name| object::path(&name)).collect::<Vec<_>>())
    }

    fn check_marker(&self) -> Result<()> {
        let shown = self.place.shown(MARKER);
        let mut text = String::new();
        let read = self.place.get(MARKER)?.read_to_string(&mut text);
        // What is no text is no marker either.
        if let Err(error) =
            read.or_else(|error| if error.kind() == ErrorKind::InvalidData { Ok(0) } else { Err(error) })
        {
            return Err(from_io(&format!("cannot read {shown}"), error));
        }
        let refused = |what: &str| Err(Error::invalid(format!("{what}: {}", self.place.shown(""))));
        match (text == marker_text(true), text == marker_text(false), self.key.is_some()) {
            (true, _, true) | (_, true, false) => Ok(()),
            (true, _, false) => refused("these backups are encrypted: their key is needed"),
            (_, true, true) => refused("these backups are not encrypted: begin a new directory to encrypt"),
            (false, false, _) => {
                let message = "the backups were written by a newer asofdb, or their marker is damaged";
                Err(Error::conflict(format!("{message}: {shown}")))
            }
        }
    }
}

/// The backup that follows those that are there.
fn next(there: &[Backup], now: Timestamp, files: Vec<BackedUpFile>) -> Backup {
    let taken: HashSet<_> = there.iter().map(|backup| backup.taken).collect();
    let number = there.iter().map(|backup| backup.number).max().unwrap_or_default() + 1;
    let mut backup = Backup { taken: now, number, files };
    while taken.contains(&backup.taken) {
        backup.taken = backup.taken.plus(Span::from_micros(1));
    }
    backup
}

fn record_name(backup: &Backup) -> String {
    format!("{}{RECORD}", backup.name())
}

fn marker_text(sealed: bool) -> String {
    format!("asofdb backups, format 1, {}\n", if sealed { "sealed" } else { "plain" })
}
