//! The manifest of a checkpoint: the files that belong to it, with their sums.
//!
//! It is the record of [`crate::records::manifest`] followed by the xxh3-128 of the record's bytes (little-endian), so
//! that damage to the list is told from damage to what it lists.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::error::from_io;
use super::modes::Modes;
use super::sums::{self, FileSum, Sums};
use crate::error::{Error, Result};
use crate::records::manifest::{ListedFileRecordV1, ManifestRecordV1};
use crate::records::{self, Reader, Recorded, codec};
use crate::stop::Stop;

/// The file of the manifest, which it does not list.
pub(super) const MANIFEST: &str = "ASOFDB.files";

/// Bytes of the checksum behind the record.
const SUM_BYTES: usize = size_of::<u128>();

/// The files of a checkpoint, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) files: Vec<ListedFile>,
}

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedFile {
    pub(super) name: String,
    pub(super) sum: FileSum,
}

impl Manifest {
    /// Lists the files of a directory. Those whose sums are known, at the size that they have, are not read.
    ///
    /// # Errors
    /// `Unavailable` when a file cannot be read, or it was stopped.
    pub(super) fn of(directory: &Path, known: &Sums, stop: &Stop) -> Result<Self> {
        let mut files = Vec::new();
        for name in names(directory)? {
            let path = directory.join(&name);
            let failed = |error| from_io(&format!("cannot read {}", path.display()), error);
            let bytes = fs::symlink_metadata(&path).map_err(failed)?.len();
            let sum = match known.get(&name).filter(|sum| sum.bytes == bytes) {
                Some(sum) => *sum,
                None => FileSum::of_file(&path, stop).map_err(failed)?,
            };
            files.push(ListedFile { name, sum });
        }
        Ok(Manifest { files })
    }

    /// Writes the manifest into a directory.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written.
    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join(MANIFEST);
        let bytes = self.encode()?;
        fs::write(&path, bytes).map_err(|error| from_io(&format!("cannot write {}", path.display()), error))
    }

    /// Reads the manifest in a directory; none where there is none.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged; `Conflict` when it is of a newer version; `Unavailable` when it cannot be read.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(MANIFEST);
        match fs::read(&path) {
            Ok(bytes) => Manifest::decode(&bytes).map(Some).map_err(|error| {
                error.context(format!("the list of the checkpoint's files is damaged: {}", path.display()))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(from_io(&format!("cannot read {}", path.display()), error)),
        }
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = records::encode(self)?;
        bytes.extend(FileSum::of(&bytes).xxh3.to_le_bytes());
        Ok(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let cut_short = || Error::corrupt(format!("it is cut short: {} bytes", bytes.len()));
        let (record, sum) = bytes.split_last_chunk::<SUM_BYTES>().ok_or_else(cut_short)?;
        if FileSum::of(record).xxh3.to_le_bytes() != *sum {
            return Err(Error::corrupt("its checksum differs"));
        }
        let manifest: Manifest = records::decode(MANIFEST.as_bytes(), record)?;
        // A name that leads elsewhere would be written there.
        match manifest.files.iter().find(|file| !is_plain(&file.name)) {
            Some(file) => Err(Error::corrupt(format!("it names what is no file of a checkpoint: {:?}", file.name))),
            None => Ok(manifest),
        }
    }

    /// Checks that a directory has the files of the manifest and no others.
    ///
    /// # Errors
    /// `Corrupt`, naming the first file that is too many, missing or no file.
    pub(super) fn check_names(&self, directory: &Path) -> Result<()> {
        let there: BTreeSet<_> = names(directory)?.into_iter().collect();
        let listed: BTreeSet<_> = self.files.iter().map(|file| file.name.clone()).collect();
        let damaged = |what: &str, name: &String| {
            Err(Error::corrupt(format!("the checkpoint is damaged: {what}: {}", directory.join(name).display())))
        };
        if let Some(name) = listed.difference(&there).next() {
            return damaged("a file is missing", name);
        }
        if let Some(name) = there.difference(&listed).next() {
            return damaged("a file does not belong to it", name);
        }
        let is_file = |name: &&String| fs::symlink_metadata(directory.join(name)).is_ok_and(|found| found.is_file());
        match listed.iter().find(|name| !is_file(name)) {
            Some(name) => damaged("this is a link or no file", name),
            None => Ok(()),
        }
    }

    /// Copies the files to another directory, and checks that they are what they were.
    ///
    /// # Errors
    /// `Corrupt`, naming the file that is not; `Unavailable` when one cannot be read or written.
    pub(super) fn copy(&self, from: &Path, to: &Path, modes: Modes) -> Result<()> {
        self.files.iter().try_for_each(|file| {
            let path = from.join(&file.name);
            let failed = |error| from_io(&format!("cannot copy {}", path.display()), error);
            file.check(&path, sums::copy(&path, &to.join(&file.name), modes, &Stop::NEVER).map_err(failed)?)
        })
    }
}

impl ListedFile {
    /// Compares a file that was read with what it should be.
    ///
    /// # Errors
    /// `Corrupt`, naming the file.
    pub(super) fn check(&self, path: &Path, found: FileSum) -> Result<()> {
        let what = match (found == self.sum, found.bytes == self.sum.bytes) {
            (true, _) => return Ok(()),
            (false, true) => "a file has another checksum".to_owned(),
            (false, false) => format!("a file has {} bytes and should have {}", found.bytes, self.sum.bytes),
        };
        Err(Error::corrupt(format!("the checkpoint is damaged: {what}: {}", path.display())))
    }
}

/// The names in a directory but for the manifest's own, in order.
pub(super) fn names(directory: &Path) -> Result<Vec<String>> {
    let list = || -> io::Result<Vec<String>> {
        let entries = fs::read_dir(directory)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names: Vec<_> = names.collect::<io::Result<_>>()?;
        names.retain(|name| name != MANIFEST);
        names.sort_unstable();
        Ok(names)
    };
    list().map_err(|error| from_io(&format!("cannot read {}", directory.display()), error))
}

/// Returns whether a name is that of a file in the same directory, and not the manifest's.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && ![".", "..", MANIFEST].contains(&name)
}

impl Recorded for Manifest {
    type Written = ManifestRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<ManifestRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "the list of files".to_owned()
    }
}

impl From<&Manifest> for ManifestRecordV1 {
    fn from(manifest: &Manifest) -> Self {
        let file = |file: &ListedFile| ListedFileRecordV1 {
            name: file.name.clone(),
            bytes: file.sum.bytes,
            xxh3: file.sum.xxh3,
        };
        ManifestRecordV1 { files: manifest.files.iter().map(file).collect() }
    }
}

impl From<ManifestRecordV1> for Manifest {
    fn from(record: ManifestRecordV1) -> Self {
        let file = |ListedFileRecordV1 { name, bytes, xxh3 }| ListedFile { name, sum: FileSum { bytes, xxh3 } };
        Manifest { files: record.files.into_iter().map(file).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &[u8] = include_bytes!("../../tests/fixtures/records-1/checkpoint");

    fn manifest() -> Manifest {
        let file = |name: &str, content: &[u8]| ListedFile { name: name.to_owned(), sum: FileSum::of(content) };
        Manifest { files: vec![file("000030.sst", b"rows"), file("CURRENT", b"")] }
    }

    #[test]
    fn the_list_of_a_checkpoint_is_read_and_written_as_version_1_has_it() {
        assert_eq!(manifest().encode().unwrap(), GOLDEN);
        assert_eq!(Manifest::decode(GOLDEN).unwrap(), manifest());
    }

    #[test]
    fn every_bit_and_every_length_of_a_list_counts() {
        for bit in 0..GOLDEN.len() * 8 {
            let mut bytes = GOLDEN.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Manifest::decode(&bytes).unwrap_err().kind(), crate::ErrorKind::Corrupt, "bit {bit}");
        }
        for end in 0..GOLDEN.len() {
            assert_eq!(Manifest::decode(&GOLDEN[..end]).unwrap_err().kind(), crate::ErrorKind::Corrupt, "{end}");
        }
    }

    #[test]
    fn a_list_of_files_elsewhere_is_refused() {
        for name in ["", ".", "..", "../x", "/etc/passwd", MANIFEST] {
            let sum = FileSum::of(b"");
            let bytes = Manifest { files: vec![ListedFile { name: name.to_owned(), sum }] }.encode().unwrap();
            assert_eq!(Manifest::decode(&bytes).unwrap_err().kind(), crate::ErrorKind::Corrupt, "{name:?}");
        }
    }
}
