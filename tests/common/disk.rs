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

    /// One with a journal in an image of its own, which can fail: see [`Disk::fail`].
    pub fn journaled(megabytes: u64) -> Option<Self> {
        let directory = TempDir::new().expect("a temporary directory");
        let image = directory.path().join("image");
        fs::File::create(&image).and_then(|file| file.set_len(megabytes << 20)).expect("an image");
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: there is no mkfs.ext4");
            return None;
        }
        let path = directory.path().join("disk");
        fs::create_dir(&path).expect("a directory");
        let disk = Disk { path, _directory: Some(directory) };
        disk.attach().then_some(disk)
    }

    /// Mounts the image of a journaled disk, which is not mounted now.
    fn attach(&self) -> bool {
        let image = self.path.with_file_name("image");
        mount(&["-o", "loop", image.to_str().expect("a path in UTF-8")], &self.path).is_some()
    }

    /// Lets every write and sync of a journaled disk fail from now on (`EXT4_IOC_SHUTDOWN` without a last flush), as
    /// when the device is gone. `None`, and a word about it, where that cannot be asked for.
    pub fn fail(&self) -> Option<()> {
        const ASK: &str = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        let asked = Command::new("python3").args(["-c", ASK]).arg(&self.path).stderr(Stdio::null()).status();
        let failed = asked.is_ok_and(|status| status.success());
        if !failed {
            println!("skipped: the file system cannot be shut down");
        }
        failed.then_some(())
    }

    /// Gives a journaled disk that failed back, as after a restart. Nothing on it may be open.
    pub fn recover(&self) {
        let unmounted = Command::new("umount").arg(&self.path).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "something on the disk is open");
        assert!(self.attach(), "it was mounted before");
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
