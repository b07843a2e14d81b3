//! The MANIFEST, read without RocksDB: which files make up the store.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::edit::Edit;
use super::log::{self, Walked};
use crate::error::Result;

/// The file that names the MANIFEST.
pub(super) const CURRENT: &str = "CURRENT";

const PREFIX: &str = "MANIFEST-";

/// Files by their number, with their bytes.
pub(super) type Files = BTreeMap<u64, u64>;

/// The contents of a MANIFEST, up to its end or to what is damaged.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) number: u64,
    pub(super) walked: Walked,
    pub(super) next_file: u64,
    pub(super) last_sequence: u64,
    first_log: u64,
    /// The log of each family, and the files of each.
    families: BTreeMap<u32, (u64, Files)>,
    /// A record whose checksum is right and that cannot be understood.
    pub(super) unreadable: Option<u64>,
    /// The files as of the length that was asked for, if a record ends there.
    pub(super) then: Option<Files>,
}

impl Manifest {
    /// Reads the MANIFEST of this number, up to `limit` bytes; `then` are the files at that length.
    pub(super) fn read(directory: &Path, number: u64, limit: Option<u64>, then: Option<u64>) -> io::Result<Self> {
        let mut reading = Reading { manifest: Manifest::empty(number), record: Vec::new(), group: Vec::new(), end: 0 };
        let walked = log::walk(&path(directory, number), limit, |fragment| {
            if fragment.is_first {
                reading.record.clear();
            }
            reading.record.extend_from_slice(fragment.bytes);
            if fragment.is_last {
                reading.end = fragment.end;
                reading.apply(then);
            }
        })?;
        Ok(Manifest { walked, ..reading.manifest })
    }

    fn empty(number: u64) -> Self {
        Manifest {
            number,
            walked: Walked { length: 0, whole: 0, damage: None },
            next_file: 0,
            last_sequence: 0,
            first_log: 0,
            families: BTreeMap::from([(0, (0, Files::new()))]),
            unreadable: None,
            then: None,
        }
    }

    /// All live files.
    pub(super) fn files(&self) -> Files {
        self.families.values().flat_map(|(_, files)| files.iter().map(|(number, bytes)| (*number, *bytes))).collect()
    }

    /// The first write-ahead log that is needed; RocksDB reads none before it.
    pub(super) fn first_log(&self) -> u64 {
        let unflushed = self.families.values().map(|(log, _)| *log).min();
        self.first_log.max(unflushed.unwrap_or_default())
    }

    fn take(&mut self, edit: Edit) {
        self.next_file = edit.next_file.unwrap_or(0).max(self.next_file);
        self.last_sequence = edit.last_sequence.unwrap_or(0).max(self.last_sequence);
        self.first_log = edit.first_log.unwrap_or(0).max(self.first_log);
        if edit.is_family_dropped {
            self.families.remove(&edit.family);
            return;
        }
        let (log, files) = self.families.entry(edit.family).or_default();
        *log = edit.log.unwrap_or(0).max(*log);
        for number in edit.removed {
            files.remove(&number);
        }
        files.extend(edit.added);
    }
}

struct Reading {
    manifest: Manifest,
    record: Vec<u8>,
    /// The edits of a group that is not complete yet.
    group: Vec<Edit>,
    end: u64,
}

impl Reading {
    fn apply(&mut self, then: Option<u64>) {
        match Edit::decode(&self.record) {
            Ok(edit) => {
                let is_complete = edit.group.is_none_or(|more| more == 0);
                self.group.push(edit);
                if is_complete {
                    self.group.drain(..).for_each(|edit| self.manifest.take(edit));
                }
            }
            Err(_) => self.manifest.unreadable = self.manifest.unreadable.or(Some(self.end)),
        }
        if then == Some(self.end) {
            self.manifest.then = Some(self.manifest.files());
        }
    }
}

/// The path of the MANIFEST of this number.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(name(number))
}

/// The name of the MANIFEST of this number.
pub(super) fn name(number: u64) -> String {
    format!("{PREFIX}{number:06}")
}

/// Returns the number in the name of a MANIFEST.
pub(super) fn number(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// Reads `CURRENT`; `None` when it does not name a MANIFEST as RocksDB writes it.
///
/// # Errors
/// Those of reading the file.
pub(super) fn current(directory: &Path) -> io::Result<Option<u64>> {
    let text = fs::read(directory.join(CURRENT))?;
    let named = std::str::from_utf8(&text).ok().and_then(|text| number(text.strip_suffix('\n')?));
    Ok(named.filter(|named| text == format!("{}\n", name(*named)).as_bytes()))
}

/// Reads the MANIFEST that `CURRENT` names, up to its last whole record and no further than it is now.
pub(super) fn read_live(directory: &Path) -> Result<Option<Manifest>> {
    let failed = |error| crate::rocks::error::from_io("cannot read the MANIFEST of the store", error);
    let Some(number) = current(directory).map_err(failed)? else { return Ok(None) };
    Manifest::read(directory, number, None, None).map(Some).map_err(failed)
}
