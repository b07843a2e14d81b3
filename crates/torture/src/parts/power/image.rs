//! The contents that a disk may have after a power cut: all that was synced, and of the rest whatever happened to be
//! written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::recording::{Change, Event, Naming, Recording};
use crate::Random;

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// Bytes that the system writes in any order.
const PAGE_BYTES: u64 = 4096;

/// The fate of all that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing of it is written.
    Dropped,
    /// Of each file so many of the first writes, whatever becomes of other files.
    Cut,
    /// A beginning of the writes, and a part of the next one, in whole sectors.
    Torn,
    /// A beginning of the writes, but the file has its new length already: the rest of it is zeros.
    Zeros,
    /// Of each file some of the pages, in any order.
    Holes,
    /// All of it.
    Written,
}

impl Fate {
    /// Every fate.
    pub(super) const ALL: [Fate; 6] = [Fate::Dropped, Fate::Cut, Fate::Torn, Fate::Zeros, Fate::Holes, Fate::Written];
}

/// The rule by which names last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Any sync makes all earlier names last, as in file systems with a journal.
    Journaled,
    /// The sync of a directory makes its own names last, and nothing else does, as POSIX has it.
    OfDirectory,
}

/// A power cut: when, and what becomes of what was not synced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// The number of events that had happened.
    pub(super) at: usize,
    /// The fate of contents.
    pub(super) fate: Fate,
    /// The fate of names.
    pub(super) names: Names,
}

/// The state of a disk and of the memory in front of it.
#[derive(Default)]
struct Cached<'r> {
    files: Vec<CachedFile<'r>>,
    names: Vec<CachedName<'r>>,
    /// The syncs of names that have begun: the directory, and how many names there were.
    begun: Vec<(&'r str, usize)>,
    acknowledged: u64,
}

#[derive(Default, Clone)]
struct CachedFile<'r> {
    changes: Vec<&'r Change>,
    /// So many of them are on disk.
    synced: usize,
    /// The number of writes when each sync that is under way began, and that of names.
    begun: Vec<(usize, usize)>,
}

struct CachedName<'r> {
    naming: &'r Naming,
    lasts: bool,
}

impl<'r> Cached<'r> {
    /// The state after some events.
    fn after(recording: &'r Recording, cut: &Cut) -> Self {
        let mut cached = Cached { files: vec![CachedFile::default(); recording.files], ..Cached::default() };
        recording.events[..cut.at].iter().for_each(|event| cached.take(event, cut.names));
        cached
    }

    fn take(&mut self, event: &'r Event, names: Names) {
        match event {
            Event::Changed(file, change) => self.files[*file].changes.push(change),
            Event::Named(naming) => self.names.push(CachedName { naming, lasts: false }),
            Event::Sync(file) => {
                let (file, names) = (&mut self.files[*file], self.names.len());
                file.begun.push((file.changes.len(), names));
            }
            Event::Synced(file) => {
                let file = &mut self.files[*file];
                if file.begun.is_empty() {
                    return;
                }
                let (changes, before) = file.begun.remove(0);
                file.synced = file.synced.max(changes);
                if names == Names::Journaled {
                    self.names[..before].iter_mut().for_each(|name| name.lasts = true);
                }
            }
            Event::SyncNames(directory) => self.begun.push((directory, self.names.len())),
            Event::SyncedNames(directory) => {
                let Some(index) = self.begun.iter().position(|(begun, _)| begun == directory) else { return };
                let (_, before) = self.begun.remove(index);
                let is_made_to_last =
                    |name: &CachedName<'_>| names == Names::Journaled || name.naming.directory() == directory;
                let synced = self.names[..before].iter_mut().filter(|name| is_made_to_last(name));
                synced.for_each(|name| name.lasts = true);
            }
            Event::Acknowledged(done) => self.acknowledged = *done,
        }
    }

    /// The changes of names that are on disk: those that last, and of the others the first few, of each directory or of
    /// all.
    fn names_on_disk(&self, rule: Names, fate: Fate, random: &mut Random) -> Vec<&'r Naming> {
        let mut left: BTreeMap<&str, u64> = BTreeMap::new();
        let mut on_disk = Vec::new();
        for name in &self.names {
            if name.lasts {
                on_disk.push(name.naming);
                continue;
            }
            let of = if rule == Names::Journaled { "" } else { name.naming.directory() };
            let count = match fate {
                Fate::Dropped => 0,
                Fate::Written => u64::MAX,
                _ => random.below(12),
            };
            let left = left.entry(of).or_insert(count);
            if *left > 0 {
                *left -= 1;
                on_disk.push(name.naming);
            }
        }
        on_disk
    }
}

impl CachedFile<'_> {
    /// The content on disk.
    fn content(&self, recording: &Recording, fate: Fate, random: &mut Random) -> Vec<u8> {
        let (mut content, pending) = (Vec::new(), &self.changes[self.synced..]);
        self.changes[..self.synced].iter().for_each(|change| apply(&mut content, recording, change, |_| true));
        let written = match fate {
            Fate::Dropped => 0,
            Fate::Written | Fate::Holes => pending.len(),
            Fate::Cut | Fate::Torn | Fate::Zeros => random.below(pending.len() as u64 + 1) as usize,
        };
        if fate == Fate::Holes {
            let pages = random.next();
            let has_page = |page: u64| Random::new(pages ^ page).next() & 1 == 0;
            pending.iter().for_each(|change| apply(&mut content, recording, change, |at| has_page(at / PAGE_BYTES)));
            return content;
        }
        pending[..written].iter().for_each(|change| apply(&mut content, recording, change, |_| true));
        if let (Fate::Torn | Fate::Zeros, Some(Change::Write { at, bytes })) = (fate, pending.get(written)) {
            let end = at + random.below(bytes.len() as u64 + 1);
            let end = end - end % SECTOR_BYTES;
            if fate == Fate::Zeros || end > *at {
                apply(&mut content, recording, pending[written], |place| place < end);
            }
            if fate == Fate::Torn {
                content.truncate(self.length_before(recording, written).max(end) as usize);
            }
        }
        content
    }

    /// The length of the file after its synced changes and `pending` more.
    fn length_before(&self, recording: &Recording, pending: usize) -> u64 {
        let mut content = Vec::new();
        let changes = &self.changes[..self.synced + pending];
        changes.iter().for_each(|change| apply(&mut content, recording, change, |_| true));
        content.len() as u64
    }
}

/// Applies a change, but of a write only the sectors at places that are wanted. The file gets its length all the same.
fn apply(content: &mut Vec<u8>, recording: &Recording, change: &Change, wanted: impl Fn(u64) -> bool) {
    match change {
        Change::Truncate(length) => content.resize(*length as usize, 0),
        Change::Write { at, bytes } => {
            let (mut at, mut bytes) = (*at, recording.bytes(bytes));
            content.resize(content.len().max(at as usize + bytes.len()), 0);
            while !bytes.is_empty() {
                let to_next_sector = (SECTOR_BYTES - at % SECTOR_BYTES) as usize;
                let (sector, rest) = bytes.split_at(to_next_sector.min(bytes.len()));
                if wanted(at) {
                    content[at as usize..][..sector.len()].copy_from_slice(sector);
                }
                (at, bytes) = (at + sector.len() as u64, rest);
            }
        }
    }
}

/// Writes what is on disk after a power cut into a directory; returns the number of tasks acknowledged before it.
///
/// # Errors
/// Those of writing.
pub(super) fn write(recording: &Recording, cut: &Cut, random: &mut Random, to: &Path) -> io::Result<u64> {
    let cached = Cached::after(recording, cut);
    let (mut files, mut directories) = (BTreeMap::new(), BTreeSet::new());
    for naming in cached.names_on_disk(cut.names, cut.fate, random) {
        match naming {
            Naming::Name { path, file } => drop(files.insert(path.as_str(), *file)),
            Naming::Rename { from, to } => {
                if let Some(file) = files.remove(from.as_str()) {
                    files.insert(to, file);
                }
            }
            Naming::Remove(path) => {
                files.remove(path.as_str());
                directories.remove(path.as_str());
            }
            Naming::Directory(path) => drop(directories.insert(path.as_str())),
        }
    }
    for directory in &directories {
        let target = to.join(directory);
        if target.parent().is_some_and(Path::is_dir) {
            fs::create_dir(target)?;
        }
    }
    for (path, file) in files {
        let target = to.join(path);
        if target.parent().is_some_and(Path::is_dir) {
            fs::write(&target, cached.files[file].content(recording, cut.fate, random))?;
        }
    }
    Ok(cached.acknowledged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str, file: usize) -> Event {
        Event::Named(Naming::Name { path: path.to_owned(), file })
    }

    /// A file whose first 1,000 bytes and name are synced, 1,000 more that are not, and a file of which nothing is.
    fn recording() -> Recording {
        let write = |file, at: u64| Event::Changed(file, Change::Write { at, bytes: at as usize..at as usize + 1_000 });
        let events = vec![
            name("kept", 0),
            write(0, 0),
            Event::Sync(0),
            write(0, 1_000),
            Event::Synced(0),
            Event::SyncNames(String::new()),
            Event::SyncedNames(String::new()),
            name("lost", 1),
            write(1, 0),
            Event::Acknowledged(3),
        ];
        Recording::of(vec![7; 2_000], events, 2)
    }

    fn image(fate: Fate, seed: u64) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let (recording, directory) = (recording(), tempfile::tempdir().expect("a directory"));
        let cut = Cut { at: recording.events.len(), fate, names: Names::OfDirectory };
        let acknowledged = write(&recording, &cut, &mut Random::new(seed), directory.path()).expect("room");
        assert_eq!(acknowledged, 3);
        let read = |name: &str| fs::read(directory.path().join(name)).ok();
        (read("kept"), read("lost"))
    }

    #[test]
    fn what_was_synced_is_on_disk_and_nothing_else_needs_to_be() {
        assert_eq!(image(Fate::Dropped, 1), (Some(vec![7; 1_000]), None));
        assert_eq!(image(Fate::Written, 1), (Some(vec![7; 2_000]), Some(vec![7; 1_000])));
        for (fate, seed) in Fate::ALL.iter().flat_map(|fate| (0..50).map(move |seed| (*fate, seed))) {
            let (kept, _) = image(fate, seed);
            assert_eq!(kept.expect("its name was synced")[..1_000], [7; 1_000], "{fate:?}, seed {seed}");
        }
    }

    #[test]
    fn a_torn_write_ends_at_a_sector_and_one_of_zeros_has_its_length() {
        for seed in 0..50 {
            let kept = image(Fate::Torn, seed).0.expect("its name was synced");
            let is_whole_write = [1_000, 2_000].contains(&kept.len());
            assert!(is_whole_write || kept.len().is_multiple_of(SECTOR_BYTES as usize), "{} bytes", kept.len());
            assert!(kept.iter().all(|byte| *byte == 7));
            let kept = image(Fate::Zeros, seed).0.expect("its name was synced");
            assert_eq!(kept.len(), 2_000);
            let end = kept.iter().position(|byte| *byte == 0).unwrap_or(kept.len());
            assert!(kept[end..].iter().all(|byte| *byte == 0));
        }
    }
}
