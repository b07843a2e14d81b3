//! The files of a store, as they are to whoever damages them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Replaces a directory by a copy of another.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name()))?,
            false => drop(fs::copy(entry.path(), to.join(entry.file_name()))?),
        }
    }
    Ok(())
}

/// Every file with its content. An open store removes what it needs no more: such files are left out.
pub(super) fn contents(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut contents = BTreeMap::new();
    for name in names(path)? {
        match fs::read(path.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => drop(contents.insert(name, read?)),
        }
    }
    Ok(contents)
}

/// The names of the files, in order.
fn names(path: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type() {
            Ok(kind) if kind.is_file() => drop(names.insert(entry.file_name().to_string_lossy().into_owned())),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(names)
}

/// The files whose names are wanted, in their order.
pub(super) fn named(path: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let names = names(path)?.into_iter().filter(|name| is_wanted(name));
    Ok(names.map(|name| path.join(name)).collect())
}

/// The last of the files whose names have this in them: the one in use.
pub(super) fn last(path: &Path, part: &str) -> io::Result<PathBuf> {
    let missing = || io::Error::other(format!("no file {part} in {}", path.display()));
    named(path, |name| name.contains(part))?.pop().ok_or_else(missing)
}

/// Cuts a file to a length, or fills it up with zeros.
pub(super) fn set_len(path: &Path, length: u64) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.set_len(length)
}
