//! Output that appears whole or not at all.
//!
//! A file or a directory is written under a temporary name beside its target, `.NAME.asof-tmp-PID-N`, made
//! durable and renamed to the target at the end. The rename is the only step that makes it visible, so no
//! failure, kill or power cut leaves something that looks complete.
//!
//! The temporary is locked while its writer lives. The kernel releases the lock with the process, which tells
//! what a killed run left (removed by the next run on the same target) from what a running one is writing.
//!
//! N is a ticket: one more than the greatest there was. A run gives way to another that lives and has a smaller
//! ticket, or the same and a smaller PID, so that of runs which begin together at least one goes on. Should two go
//! on, the rename lets one of them win, since it never replaces anything.

use std::error::Error as StdError;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::fail_point;

/// The text between the target's name and the writer's number in a temporary name.
pub const TEMPORARY_MARK: &str = ".asof-tmp-";

/// Temporary names tried before giving up. A name is taken only by an output that lives, or that an
/// earlier process of the same number left on a file system without locks.
const ATTEMPTS_MAX: u32 = 100;

/// The mode of a directory that is its owner's alone.
const PRIVATE_MODE: u32 = 0o700;

/// A file being written. Dropped before `finish`, it leaves nothing.
#[derive(Debug)]
pub struct OutputFile {
    file: File,
    claim: Claim,
}

impl OutputFile {
    /// Starts to write the file `target`.
    ///
    /// # Errors
    /// `Conflict` when `target` exists or another run is writing it, `NotFound` when its directory does not
    /// exist, `Unavailable` when nothing can be written there.
    pub fn create(target: &Path) -> Result<Self> {
        let create = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
        let (claim, file) = Claim::new(target, create)?;
        Ok(OutputFile { file, claim })
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full, `Conflict` when the target was created meanwhile. Nothing is left then.
    pub fn finish(self) -> Result<()> {
        fail_point("output written");
        self.file.sync_all().map_err(|error| cannot_write(&self.claim.target, error))?;
        self.claim.publish()
    }
}

impl io::Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A directory being filled. Dropped before `finish`, it leaves nothing.
#[derive(Debug)]
pub struct OutputDirectory {
    claim: Claim,
    /// Holds the lock.
    _directory: File,
}

impl OutputDirectory {
    /// Starts to fill the directory `target`.
    ///
    /// # Errors
    /// As [`OutputFile::create`].
    pub fn create(target: &Path) -> Result<Self> {
        OutputDirectory::claim(target, &fs::DirBuilder::new())
    }

    /// [`OutputDirectory::create`] of a directory that nobody but its owner may look into.
    ///
    /// # Errors
    /// As there.
    pub fn create_private(target: &Path) -> Result<Self> {
        OutputDirectory::claim(target, fs::DirBuilder::new().mode(PRIVATE_MODE))
    }

    fn claim(target: &Path, builder: &fs::DirBuilder) -> Result<Self> {
        let create = |path: &Path| builder.create(path).and_then(|()| File::open(path));
        let (claim, directory) = Claim::new(target, create)?;
        Ok(OutputDirectory { claim, _directory: directory })
    }

    /// Returns the path of the directory while it is being filled.
    pub fn path(&self) -> &Path {
        &self.claim.temporary
    }

    /// Returns the path that the directory will have.
    pub fn target(&self) -> &Path {
        &self.claim.target
    }

    /// Makes everything in the directory durable and gives it its name.
    ///
    /// # Errors
    /// As [`OutputFile::finish`].
    pub fn finish(self) -> Result<()> {
        fail_point("output written");
        sync_tree(&self.claim.temporary).map_err(|error| cannot_write(&self.claim.target, error))?;
        self.claim.publish()
    }
}

/// Makes a directory with all that is in it durable.
fn sync_tree(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_tree(&entry.path())?,
            false => File::open(entry.path())?.sync_all()?,
        }
    }
    File::open(directory)?.sync_all()
}

/// Makes a directory where there is none, and those above it. Their names outlive a power cut when it returns.
///
/// # Errors
/// Those of the file system.
pub fn create_directories(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    create_directories(parent(path))?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
        _ => sync_name(path),
    }
}

/// Makes the name of a file or directory outlive a power cut: only the sync of the directory that has it promises that.
///
/// # Errors
/// Those of the file system.
pub fn sync_name(path: &Path) -> io::Result<()> {
    match File::open(parent(path)) {
        // Who may not list a directory may still write into it, and has no way to ask for more.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// The error for a write below `path` that failed; the cause may lie deep in the chain of another library's error.
pub fn cannot_write(path: &Path, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    let error = error.into();
    let path = path.display();
    let made = match io_kind(&*error) {
        Some(io::ErrorKind::StorageFull) => Error::unavailable(format!("the disk is full: cannot write {path}")),
        Some(io::ErrorKind::QuotaExceeded) => {
            Error::unavailable(format!("the disk quota is used up: cannot write {path}"))
        }
        Some(io::ErrorKind::ReadOnlyFilesystem) => {
            Error::unavailable(format!("the file system is read-only: cannot write {path}"))
        }
        _ => Error::unavailable(format!("cannot write {path}")),
    };
    made.with_source(error)
}

fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => Some(error.kind()),
        None => io_kind(error.source()?),
    }
}

/// A temporary name beside a target, and what is there. Removed on drop unless it was published.
#[derive(Debug)]
struct Claim {
    target: PathBuf,
    temporary: PathBuf,
    is_published: bool,
}

impl Claim {
    /// Refuses a target that exists, creates and locks a temporary, and removes what killed runs left.
    fn new(target: &Path, create: impl Fn(&Path) -> io::Result<File>) -> Result<(Self, File)> {
        refuse_existing(target)?;
        let name = target
            .file_name()
            .ok_or_else(|| Error::invalid(format!("an output has a name of its own: {}", target.display())))?;
        let parent = parent(target);
        if !parent.is_dir() {
            let parent = parent.display();
            return Err(Error::not_found(format!("the directory to write into does not exist; create it: {parent}")));
        }
        let mark = temporary_mark(name);
        let first = others(parent, &mark).map(|(ticket, _)| ticket.number.saturating_add(1)).max().unwrap_or_default();
        for number in first..first.saturating_add(ATTEMPTS_MAX) {
            let ticket = Ticket { number, pid: std::process::id() };
            let mut temporary = mark.clone();
            temporary.push(format!("{}-{number}", ticket.pid));
            let temporary = parent.join(temporary);
            match claim(&temporary, &create) {
                Ok(file) => {
                    let claim = Claim { target: target.to_owned(), temporary, is_published: false };
                    fail_point("output begun");
                    claim.settle(ticket, &mark)?;
                    return Ok((claim, file));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {}
                Err(error) => return Err(cannot_write(target, error)),
            }
        }
        Err(Error::unavailable(format!("too many temporary files {}*: remove them", parent.join(mark).display())))
    }

    /// Removes what killed runs left, and gives way to one that lives and came first.
    fn settle(&self, mine: Ticket, mark: &OsStr) -> Result<()> {
        for (ticket, path) in others(parent(&self.target), mark).filter(|(ticket, _)| *ticket != mine) {
            // A shared lock: two who look at one dead temporary must not take each other for its owner. What cannot be
            // opened or locked for another reason is left alone, for it may be alive.
            match File::open(&path).map(|file| file.try_lock_shared().map(|()| file)) {
                Ok(Ok(_locked)) => remove(&path),
                Ok(Err(TryLockError::WouldBlock)) if ticket < mine => {
                    let target = self.target.display();
                    return Err(Error::conflict(format!("another run is writing this output; wait for it: {target}")));
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn publish(mut self) -> Result<()> {
        fail_point("output synced");
        rename(&self.temporary, &self.target)?;
        self.is_published = true;
        fail_point("output named");
        let sync = File::open(parent(&self.target)).and_then(|directory| directory.sync_all());
        sync.map_err(|error| cannot_write(&self.target, error))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_published {
            remove(&self.temporary);
        }
    }
}

/// A run's place in the order of those that write one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    number: u32,
    pid: u32,
}

impl Ticket {
    /// The ticket in a temporary name; `None` for other names.
    fn of(name: &OsStr, mark: &OsStr) -> Option<Self> {
        let rest = name.as_encoded_bytes().strip_prefix(mark.as_encoded_bytes())?;
        let (pid, number) = str::from_utf8(rest).ok()?.split_once('-')?;
        Some(Ticket { number: number.parse().ok()?, pid: pid.parse().ok()? })
    }
}

/// The temporaries of a target, with their tickets.
fn others(parent: &Path, mark: &OsStr) -> impl Iterator<Item = (Ticket, PathBuf)> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries.filter_map(move |entry| Some((Ticket::of(&entry.file_name(), mark)?, entry.path())))
}

/// Creates a temporary and locks it. Another run may have taken it for a leftover in between and removed it, and a
/// thread of this process may have made another of the same name since.
fn claim(temporary: &Path, create: impl Fn(&Path) -> io::Result<File>) -> io::Result<File> {
    let file = create(temporary)?;
    if file.lock().is_ok() {
        let (mine, there) = (file.metadata()?, fs::symlink_metadata(temporary)?);
        if (mine.dev(), mine.ino()) != (there.dev(), there.ino()) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
    }
    Ok(file)
}

fn refuse_existing(target: &Path) -> Result<()> {
    match target.symlink_metadata() {
        Ok(_) => Err(exists(target)),
        Err(_) => Ok(()),
    }
}

fn exists(target: &Path) -> Error {
    Error::conflict(format!("the output exists; remove it or choose another name: {}", target.display()))
}

/// Renames without replacing: what came to the target meanwhile is not ours to remove.
fn rename(from: &Path, to: &Path) -> Result<()> {
    let renamed = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system can do both in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            refuse_existing(to)?;
            fs::rename(from, to)
        }
        renamed => renamed.map_err(io::Error::from),
    };
    renamed.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(to),
        _ => cannot_write(to, error),
    })
}

fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary_mark(name: &OsStr) -> OsString {
    let mut mark = OsString::from(".");
    mark.push(name);
    mark.push(TEMPORARY_MARK);
    mark
}

/// Removes a file or directory as well as it can: what stays is recognised and removed by the next run.
fn remove(path: &Path) {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    drop(removed);
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::error::ErrorKind;

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_and_only_when_finished() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out.csv");
        let mut file = OutputFile::create(&target).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(names(directory.path()), ["out.csv"]);
    }

    #[test]
    fn a_directory_appears_whole_and_only_when_finished() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let output = OutputDirectory::create(&target).unwrap();
        fs::create_dir(output.path().join("day=1")).unwrap();
        fs::write(output.path().join("day=1/part"), "x").unwrap();
        assert!(!output.target().exists());
        output.finish().unwrap();
        assert_eq!(fs::read(target.join("day=1/part")).unwrap(), b"x");
        assert_eq!(names(directory.path()), ["out"]);
    }

    #[test]
    fn what_is_dropped_unfinished_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        drop(OutputFile::create(&directory.path().join("file")).unwrap());
        let output = OutputDirectory::create(&directory.path().join("directory")).unwrap();
        fs::write(output.path().join("part"), "x").unwrap();
        drop(output);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_target_that_exists_is_refused_and_untouched_also_when_it_comes_late() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let (late_file, other) = (OutputFile::create(&target).unwrap(), directory.path().join("other"));
        let late_directory = OutputDirectory::create(&other).unwrap();
        fs::write(&target, "theirs").unwrap();
        fs::write(&other, "theirs").unwrap();
        let errors = [
            OutputFile::create(&target).map(drop).unwrap_err(),
            OutputDirectory::create(&target).map(drop).unwrap_err(),
            late_file.finish().unwrap_err(),
            late_directory.finish().unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::Conflict), "{errors:?}");
        assert!(errors[0].to_string().ends_with(&target.display().to_string()), "{}", errors[0]);
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert_eq!(names(directory.path()), ["other", "out"]);
    }

    #[test]
    fn leftovers_of_a_killed_run_on_the_same_target_are_removed_and_others_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path(".out.asof-tmp-4000000-0")).unwrap();
        fs::write(path(".out.asof-tmp-4000000-0/part"), "x").unwrap();
        fs::write(path(&format!(".out.asof-tmp-{}-0", std::process::id())), "of an earlier process").unwrap();
        fs::write(path(".other.asof-tmp-4000000-0"), "x").unwrap();
        fs::write(path(".out.asof-tmp-notes"), "x").unwrap();
        OutputDirectory::create(&path("out")).unwrap().finish().unwrap();
        assert_eq!(names(directory.path()), [".other.asof-tmp-4000000-0", ".out.asof-tmp-notes", "out"]);
    }

    #[test]
    fn an_output_that_another_run_is_writing_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let running = OutputDirectory::create(&target).unwrap();
        let error = OutputFile::create(&target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("another run is writing"), "{error}");
        running.finish().unwrap();
        assert_eq!(names(directory.path()), ["out"]);
    }

    #[test]
    fn a_missing_directory_and_a_target_without_a_name_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let missing = OutputFile::create(&directory.path().join("no/out")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert_eq!(OutputFile::create(Path::new("no-such-directory/..")).unwrap_err().kind(), ErrorKind::Invalid);
    }

    /// An error of another library around one of the file system.
    #[derive(Debug)]
    struct Wrapped(io::Error);

    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cannot do it")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_full_disk_is_named_however_deep_the_cause_lies() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        for error in [cannot_write(Path::new("out"), full()), cannot_write(Path::new("out"), Wrapped(full()))] {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert_eq!(error.to_string(), "the disk is full: cannot write out");
        }
    }

    #[test]
    fn of_many_who_write_one_output_at_once_exactly_one_does() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..40 {
            let target = directory.path().join(format!("out{round}"));
            let start = std::sync::Barrier::new(8);
            let write = |writer: usize| {
                start.wait();
                let output = OutputDirectory::create(&target)?;
                fs::write(output.path().join("part"), writer.to_string()).unwrap();
                output.finish()
            };
            let done: Vec<_> = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..8).map(|writer| scope.spawn(move || write(writer))).collect();
                writers.into_iter().map(|writer| writer.join().unwrap()).collect()
            });
            let winners: Vec<_> = (0..8).filter(|writer| done[*writer].is_ok()).collect();
            let [winner] = winners.as_slice() else { panic!("one of them makes it: {done:?}") };
            assert_eq!(fs::read_to_string(target.join("part")).unwrap(), winner.to_string());
            let losers = done.iter().filter_map(|done| done.as_ref().err());
            assert!(losers.clone().all(|error| error.kind() == ErrorKind::Conflict), "{done:?}");
        }
        assert_eq!(names(directory.path()).len(), 40, "nothing else is left");
    }
}
