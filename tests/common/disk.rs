//! File systems for tests, where this process may mount them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A mounted file system, unmounted when dropped: declare it before the store on it.
pub struct Disk {
    path: PathBuf,
    _directory: Option<TempDir>,
}

impl Disk {
    /// A small one that can be filled. `None`, and a word about it, where nothing may be mounted.
    pub fn small(megabytes: usize) -> Option<Self> {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().to_owned();
        let size = format!("size={megabytes}m");
        mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], &path)?;
        Some(Disk { path, _directory: Some(directory) })
    }

    /// Makes a directory read-only, even for root.
    pub fn read_only(path: &Path) -> Option<Self> {
        let source = path.to_str().expect("a path in UTF-8");
        mount(&["--bind", source], path)?;
        let disk = Disk { path: path.to_owned(), _directory: None };
        mount(&["-o", "remount,bind,ro"], path)?;
        Some(disk)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all but `bytes` of the room that is left; removing the file that is returned gives it back.
    pub fn fill_up_to(&self, bytes: u64) -> PathBuf {
        let room = self.path.join("room");
        fs::write(&room, vec![1; bytes as usize]).expect("as much room as shall be left");
        let ballast = self.path.join("ballast");
        let mut file = fs::File::create(&ballast).expect("a new file");
        let error = std::io::copy(&mut std::io::repeat(1), &mut file).expect_err("a disk that fills");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        fs::remove_file(room).expect("a file to remove");
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be unmounted now goes when nobody uses it any more.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> Option<()> {
    let status = Command::new("mount").args(arguments).arg(path).stderr(Stdio::null()).status();
    let mounted = status.is_ok_and(|status| status.success());
    if !mounted {
        println!("skipped: this process may not mount file systems");
    }
    mounted.then_some(())
}
