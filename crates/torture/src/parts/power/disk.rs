//! A disk whose power can be cut: a file system in an image of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::shutdown::shut_down;
use crate::Setting;

/// The size of an image: the least that xfs takes.
const BYTES: u64 = 320 << 20;

/// A mounted file system with a journal, unmounted when it is dropped.
pub(super) struct Disk {
    kind: &'static str,
    path: PathBuf,
    _directory: TempDir,
}

impl Disk {
    /// Makes and mounts a disk of a kind; `Err` says why that is not possible here.
    pub(super) fn new(setting: &Setting, kind: &'static str) -> Result<Self, String> {
        let directory = setting.directory();
        let (image, path) = (directory.path().join("image"), directory.path().join("disk"));
        File::create(&image).and_then(|file| file.set_len(BYTES)).expect("room for an image");
        fs::create_dir(&path).expect("a directory");
        let (make, force) = (format!("mkfs.{kind}"), if kind == "xfs" { "-f" } else { "-F" });
        if !succeeds(Command::new(&make).args(["-q", force]).arg(&image)) {
            return Err(format!("there is no {make}"));
        }
        let disk = Disk { kind, path, _directory: directory };
        disk.mount().then_some(disk).ok_or_else(|| format!("this process may not mount {kind}"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn mount(&self) -> bool {
        let image = self.path.with_file_name("image");
        succeeds(Command::new("mount").args(["-t", self.kind, "-o", "loop"]).args([&image, &self.path]))
    }

    /// Cuts the power: nothing is written any more. With `journal` the journal in memory still is.
    ///
    /// # Panics
    /// If the file system cannot be shut down.
    pub(super) fn cut(&self, journal: bool) {
        let root = File::open(&self.path).expect("the root of a mounted disk");
        shut_down(&root, journal).expect("a file system that can be shut down");
    }

    /// Brings the disk back, as a restart does. Nothing on it may be open.
    ///
    /// # Panics
    /// If it cannot be mounted again.
    pub(super) fn restart(&self) {
        assert!(succeeds(Command::new("umount").arg(&self.path)), "something on the disk is open");
        assert!(self.mount(), "it was mounted before");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be unmounted now goes when nobody uses it any more.
        succeeds(Command::new("umount").arg("-l").arg(&self.path));
    }
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
