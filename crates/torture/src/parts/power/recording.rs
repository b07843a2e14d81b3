//! All that a process did to the files below a directory, in the order in which it happened.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

/// Bytes of the head of a record; see `shim.c`.
const HEAD_BYTES: usize = 28;

/// A change of a file's content.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Bytes of the recording were written at a place.
    Write { at: u64, bytes: Range<usize> },
    /// The file got another length.
    Truncate(u64),
}

/// A change of names. Files are known by their numbers.
#[derive(Debug, Clone)]
pub(super) enum Naming {
    /// A file got a name: a new one or one more.
    Name { path: String, file: usize },
    /// A file got another name.
    Rename { from: String, to: String },
    /// A name went.
    Remove(String),
    /// A directory was made.
    Directory(String),
}

impl Naming {
    /// The directory whose sync makes it last.
    pub(super) fn directory(&self) -> &str {
        let (Naming::Name { path, .. }
        | Naming::Rename { to: path, .. }
        | Naming::Remove(path)
        | Naming::Directory(path)) = self;
        path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A file changed.
    Changed(usize, Change),
    /// Names changed.
    Named(Naming),
    /// A sync of a file began.
    Sync(usize),
    /// The oldest sync of a file that had begun has ended.
    Synced(usize),
    /// A sync of a directory began.
    SyncNames(String),
    /// The oldest sync of a directory that had begun has ended.
    SyncedNames(String),
    /// So many tasks were acknowledged.
    Acknowledged(u64),
}

/// All that a process did.
#[derive(Debug)]
pub(super) struct Recording {
    bytes: Vec<u8>,
    /// The events, in order.
    pub(super) events: Vec<Event>,
    /// The number of files.
    pub(super) files: usize,
}

/// The state of reading a recording.
#[derive(Default)]
struct Reader {
    events: Vec<Event>,
    files: usize,
    /// The file of each inode that was seen.
    inodes: HashMap<u64, usize>,
    /// The file of each name as it was then.
    names: HashMap<String, usize>,
    /// The beginning of a line that was said.
    said: String,
}

/// One record.
struct Record<'b> {
    kind: u32,
    inode: u64,
    place: u64,
    first: Range<usize>,
    second: &'b [u8],
}

impl Recording {
    /// Reads the file that the shim wrote. A record that was not finished is the end.
    pub(super) fn read(path: &Path) -> std::io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let (mut reader, mut at) = (Reader::default(), 0);
        while let Some((record, end)) = record(&bytes, at) {
            reader.take(&record, &bytes);
            at = end;
        }
        Ok(Recording { events: reader.events, files: reader.files, bytes })
    }

    /// A recording of these events, whose writes are of these bytes.
    #[cfg(test)]
    pub(super) fn of(bytes: Vec<u8>, events: Vec<Event>, files: usize) -> Self {
        Recording { bytes, events, files }
    }

    /// Bytes of a write.
    pub(super) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

/// The record at a place, and its end.
fn record(bytes: &[u8], at: usize) -> Option<(Record<'_>, usize)> {
    let head = bytes.get(at..at + HEAD_BYTES)?;
    let u32_at = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let u64_at = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    let start = at + HEAD_BYTES;
    let middle = start + u32_at(20) as usize;
    let end = middle + u32_at(24) as usize;
    let second = bytes.get(middle..end)?;
    Some((Record { kind: u32_at(0), inode: u64_at(4), place: u64_at(12), first: start..middle, second }, end))
}

impl Reader {
    fn take(&mut self, record: &Record<'_>, bytes: &[u8]) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let first = || text(&bytes[record.first.clone()]);
        match record.kind {
            1 => self.create(record.inode, first()),
            2 => self.change(record.inode, Change::Write { at: record.place, bytes: record.first.clone() }),
            3 => self.change(record.inode, Change::Truncate(record.place)),
            4 | 5 if record.place == 1 => {
                self.events.push(if record.kind == 4 {
                    Event::SyncNames(first())
                } else {
                    Event::SyncedNames(first())
                });
            }
            4 | 5 => {
                let Some(file) = self.inodes.get(&record.inode).copied() else { return };
                self.events.push(if record.kind == 4 { Event::Sync(file) } else { Event::Synced(file) });
            }
            6 => self.rename(first(), text(record.second)),
            7 => {
                let Some(file) = self.names.get(&first()).copied() else { return };
                self.name(text(record.second), file);
            }
            8 => {
                self.names.remove(&first());
                self.events.push(Event::Named(Naming::Remove(first())));
            }
            9 => self.events.push(Event::Named(Naming::Directory(first()))),
            _ => self.hear(&first()),
        }
    }

    fn create(&mut self, inode: u64, path: String) {
        let file = self.files;
        self.files += 1;
        self.inodes.insert(inode, file);
        self.name(path, file);
    }

    fn name(&mut self, path: String, file: usize) {
        self.names.insert(path.clone(), file);
        self.events.push(Event::Named(Naming::Name { path, file }));
    }

    fn change(&mut self, inode: u64, change: Change) {
        if let Some(file) = self.inodes.get(&inode) {
            self.events.push(Event::Changed(*file, change));
        }
    }

    fn rename(&mut self, from: String, to: String) {
        if let Some(file) = self.names.remove(&from) {
            self.names.insert(to.clone(), file);
        }
        self.events.push(Event::Named(Naming::Rename { from, to }));
    }

    fn hear(&mut self, said: &str) {
        self.said.push_str(said);
        while let Some((line, rest)) = self.said.split_once('\n') {
            if let Some(done) = line.strip_prefix("done ").and_then(|done| done.parse().ok()) {
                self.events.push(Event::Acknowledged(done));
            }
            self.said = rest.to_owned();
        }
    }
}
