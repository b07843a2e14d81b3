//! Files that keep what a restart would forget, and whose loss harms nobody. Each is replaced whole. One that is
//! damaged, or of a later version, is said in the log, and keeps nothing from starting.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tracing::warn;
use twox_hash::XxHash3_128;

/// Bytes of a first line, at most.
const HEAD_BYTES_MAX: usize = 128;

/// A file: a line `asofdb NAME VERSION CHECKSUM`, and what it keeps.
#[derive(Debug)]
pub(crate) struct KeptFile {
    path: PathBuf,
    /// The name that it has until all of it is on disk.
    new: PathBuf,
    form: Form,
    /// True where it is of a later version, and left alone.
    is_later: bool,
    is_failing: bool,
}

/// The form of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// The word in its first line.
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// What it keeps, for the log.
    pub(crate) what: &'static str,
    /// Bytes that it has at most.
    pub(crate) bytes_max: u64,
}

/// The reason why a file cannot be used.
enum Unusable {
    Damaged(String),
    Later(u32),
}

impl KeptFile {
    /// Reads a file; without one, or one that cannot be used, there is nothing.
    pub(crate) fn open(path: &Path, form: Form) -> (Self, Option<Vec<u8>>) {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let mut kept = KeptFile { path: path.to_owned(), new: new.into(), form, is_later: false, is_failing: false };
        let (name, what) = (path.display(), form.what);
        let read = match read(path, form) {
            Ok(read) => Some(read),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(Err(Unusable::Damaged(error.to_string()))),
        };
        match read.transpose() {
            Ok(body) => (kept, body),
            Err(Unusable::Damaged(why)) => {
                warn!(file = %name, why, "{what} cannot be read, and begins anew");
                (kept, None)
            }
            Err(Unusable::Later(version)) => {
                let known = form.version;
                warn!(file = %name, version, known, "{what} is of a later version: it is left alone, and none is kept");
                kept.is_later = true;
                (kept, None)
            }
        }
    }

    /// Says that what it has cannot be read after all.
    pub(crate) fn refuse(&self, why: &str) {
        warn!(file = %self.path.display(), why, "{} cannot be read, and begins anew", self.form.what);
    }

    /// Replaces it. Where that fails the log has it once, and the file of before stays.
    pub(crate) fn save(&mut self, body: &[u8]) {
        if self.is_later {
            return;
        }
        match self.replace(body) {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                let (file, what) = (self.path.display(), self.form.what);
                warn!(%file, %error, "{what} cannot be written; a restart will not know it");
            }
            Err(_) => (),
        }
    }

    fn replace(&self, body: &[u8]) -> io::Result<()> {
        let Form { name, version, .. } = self.form;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.new)?;
        file.write_all(format!("asofdb {name} {version} {:032x}\n", XxHash3_128::oneshot(body)).as_bytes())?;
        file.write_all(body)?;
        file.sync_all()?;
        fs::rename(&self.new, &self.path)
    }
}

/// Reads what a file keeps.
fn read(path: &Path, form: Form) -> io::Result<Result<Vec<u8>, Unusable>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(form.bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(body_of(bytes, form))
}

fn body_of(mut bytes: Vec<u8>, form: Form) -> Result<Vec<u8>, Unusable> {
    let damaged = |why: &str| Unusable::Damaged(why.to_owned());
    let end = bytes.iter().take(HEAD_BYTES_MAX).position(|byte| *byte == b'\n');
    let head = end.and_then(|end| std::str::from_utf8(&bytes[..end]).ok()).unwrap_or_default();
    let words: Vec<_> = head.split(' ').collect();
    let ["asofdb", name, version, checksum] = words[..] else { return Err(damaged("its first line is none")) };
    let version = version.parse().map_err(|_| damaged("its first line has no version"))?;
    if name != form.name {
        return Err(damaged("it is another file"));
    }
    if version > form.version {
        return Err(Unusable::Later(version));
    }
    let checksum = u128::from_str_radix(checksum, 16).map_err(|_| damaged("its first line has no checksum"))?;
    if bytes.len() as u64 > form.bytes_max {
        return Err(damaged("it is too long"));
    }
    let body = bytes.split_off(end.unwrap_or_default() + 1);
    match XxHash3_128::oneshot(&body) == checksum {
        true => Ok(body),
        false => Err(damaged("it is not what was written")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const FORM: Form = Form { name: "THINGS", version: 2, what: "the things", bytes_max: 200 };

    #[test]
    fn what_was_saved_is_read_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("THINGS");
        let (mut file, body) = KeptFile::open(&path, FORM);
        assert_eq!(body, None);
        [b"one".as_slice(), b"two\nlines"].iter().for_each(|body| file.save(body));
        assert_eq!(KeptFile::open(&path, FORM).1.as_deref(), Some(b"two\nlines".as_slice()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!file.new.exists());
        let older = Form { version: 3, ..FORM };
        assert_eq!(KeptFile::open(&path, older).1.as_deref(), Some(b"two\nlines".as_slice()));
    }

    #[test]
    fn a_damaged_file_is_as_none_and_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("THINGS");
        KeptFile::open(&path, FORM).0.save(b"good");
        let good = fs::read(&path).unwrap();
        for cut in 0..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            assert_eq!(KeptFile::open(&path, FORM).1, None, "{cut}");
        }
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let other = String::from_utf8(good).unwrap().replace("THINGS", "OTHERS").into_bytes();
        for bytes in [flipped, other, vec![b'x'; 500], b"asofdb THINGS x y\n".to_vec(), b"asofdb THINGS 1 y\n".to_vec()]
        {
            fs::write(&path, bytes).unwrap();
            let (mut file, body) = KeptFile::open(&path, FORM);
            assert_eq!(body, None);
            file.save(b"again");
            assert_eq!(KeptFile::open(&path, FORM).1.as_deref(), Some(b"again".as_slice()));
        }
        KeptFile::open(&path, FORM).0.save(&[b'x'; 300]);
        assert_eq!(KeptFile::open(&path, FORM).1, None, "it is longer than any may be");
    }

    #[test]
    fn a_file_of_a_later_version_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("THINGS");
        fs::write(&path, "asofdb THINGS 3 something\nelse").unwrap();
        let (mut file, body) = KeptFile::open(&path, FORM);
        assert_eq!(body, None);
        file.save(b"older");
        assert_eq!(fs::read_to_string(&path).unwrap(), "asofdb THINGS 3 something\nelse");
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let (mut file, _) = KeptFile::open(&directory.path().join("THINGS"), FORM);
        file.save(b"one");
        fs::create_dir(&file.new).unwrap();
        file.save(b"two");
        assert!(file.is_failing);
        assert_eq!(KeptFile::open(&file.path, FORM).1.as_deref(), Some(b"one".as_slice()));
    }
}
