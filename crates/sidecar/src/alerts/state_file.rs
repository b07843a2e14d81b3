//! The file with what was told and what waits for delivery, so that a restart neither forgets nor repeats it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use asofdb::{Error, Result};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::notice::Notice;
use super::tracker::{Told, Tracker};

/// The version of the file's form.
const FORMAT: u32 = 1;

/// The contents of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    next: u64,
    open: Vec<Told>,
    waiting: BTreeMap<String, Vec<Notice>>,
}

/// The version of a file, whatever else is in it.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

impl Record {
    pub(super) fn new(tracker: &Tracker, waiting: Vec<(String, Vec<Notice>)>) -> Self {
        let (open, next) = tracker.told();
        let waiting = waiting.into_iter().filter(|(_, notices)| !notices.is_empty()).collect();
        Record { format: FORMAT, next, open, waiting }
    }

    /// Returns, once, what waits for a target.
    pub(super) fn take_waiting(&mut self, target: &str) -> Vec<Notice> {
        self.waiting.remove(target).unwrap_or_default()
    }

    /// Logs what nobody is to be told any more.
    pub(super) fn warn_of_the_rest(&self) {
        for (target, notices) in &self.waiting {
            warn!(
                target,
                notices = notices.len(),
                "notices of alerts are given up: their target is not there any more"
            );
        }
    }

    pub(super) fn into_tracker(self) -> Tracker {
        Tracker::of(self.open, self.next)
    }
}

/// The file, which is replaced whole.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// The name that it has until all of it is on disk.
    new: PathBuf,
    is_failing: bool,
}

impl StateFile {
    pub(super) fn new(path: &Path) -> Self {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        StateFile { path: path.to_owned(), new: new.into(), is_failing: false }
    }

    /// Reads it. Without a file nothing was told. A damaged one is logged, and what is wrong is told again: alerts that
    /// do not start would tell nothing.
    ///
    /// # Errors
    /// `Invalid` for a later version; `Unavailable` when it cannot be read.
    pub(super) fn load(&self) -> Result<Record> {
        let name = self.path.display();
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
            Err(error) => {
                let message = format!("the state of the alerts cannot be read: {name}: {error}");
                return Err(Error::unavailable(message).with_source(error));
            }
        };
        if let Ok(Form { format }) = serde_json::from_slice(&bytes)
            && format != FORMAT
        {
            let message =
                format!("the state of the alerts is of version {format}, and this is version {FORMAT}: {name}");
            return Err(Error::invalid(message));
        }
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            warn!(file = %name, %error, "the state of the alerts is damaged; what is wrong is told again");
            Record::default()
        }))
    }

    /// Replaces it. Where that fails the log has it once, and alerts go on.
    pub(super) fn save(&mut self, record: &Record) {
        match self.replace(record) {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                let file = self.path.display();
                warn!(%file, %error, "the state of the alerts cannot be written; a restart may tell things again");
            }
            Err(_) => (),
        }
    }

    fn replace(&self, record: &Record) -> io::Result<()> {
        let bytes = serde_json::to_vec(record)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&self.new, &self.path)?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::outbox::tests::notice;
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = StateFile::new(&directory.path().join("ALERTS"));
        assert!(file.load().unwrap().take_waiting("t").is_empty());
        let waiting = vec![("t".to_owned(), vec![notice(1), notice(2)]), ("other".to_owned(), Vec::new())];
        file.save(&Record::new(&Tracker::of(Vec::new(), 7), waiting));
        let mut record = file.load().unwrap();
        assert_eq!(record.take_waiting("t"), [notice(1), notice(2)]);
        assert_eq!(record.into_tracker().told(), (Vec::new(), 7));
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!file.new.exists());
    }

    #[test]
    fn a_damaged_file_forgets_and_a_later_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = StateFile::new(&directory.path().join("ALERTS"));
        fs::write(&file.path, b"{\"format\": 1, \"next\": 3").unwrap();
        assert_eq!(file.load().unwrap().into_tracker().told(), (Vec::new(), 0));
        fs::write(&file.path, b"{\"format\": 2}").unwrap();
        let error = file.load().unwrap_err();
        assert!(error.message().contains("is of version 2, and this is version 1"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = StateFile::new(&directory.path().join("ALERTS"));
        file.save(&Record::new(&Tracker::of(Vec::new(), 1), Vec::new()));
        fs::create_dir(&file.new).unwrap();
        file.save(&Record::new(&Tracker::of(Vec::new(), 2), Vec::new()));
        assert!(file.is_failing);
        assert_eq!(file.load().unwrap().into_tracker().told().1, 1);
    }
}
