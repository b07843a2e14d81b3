//! File systems of their own, where this process may mount them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A mounted file system, unmounted when it is dropped: declare it before what uses it.
#[derive(Debug)]
pub(crate) struct Mount {
    path: PathBuf,
    _directory: Option<TempDir>,
}

impl Mount {
    /// A new ext4 in an image of its own, or a file system in memory where there is no `mkfs.ext4` or no loop device.
    ///
    /// # Errors
    /// With the reason why nothing may be mounted.
    pub(crate) fn small(directory: TempDir, megabytes: u64) -> Result<Self, String> {
        let (image, path) = (directory.path().join("image"), directory.path().join("disk"));
        let make = || -> io::Result<bool> {
            fs::create_dir(&path)?;
            fs::File::create(&image)?.set_len(megabytes << 20)?;
            Ok(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image).status()?.success())
        };
        let image_text = image.to_string_lossy();
        if !make().unwrap_or_default() || mount(&["-o", "loop", &image_text], &path).is_err() {
            let size = format!("size={megabytes}m");
            mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], &path)?;
        }
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(|e| e.to_string())?;
        Ok(Mount { path, _directory: Some(directory) })
    }

    /// Makes a directory read-only for whoever goes by its path, even for root. Files that are open stay as they are.
    ///
    /// # Errors
    /// With the reason why nothing may be mounted.
    pub(crate) fn read_only(path: &Path) -> Result<Self, String> {
        mount(&["--bind", &path.to_string_lossy()], path)?;
        let mounted = Mount { path: path.to_owned(), _directory: None };
        mount(&["-o", "remount,bind,ro"], path)?;
        Ok(mounted)
    }

    /// The directory where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // What cannot be unmounted now goes when nobody uses it any more.
        let _ = Command::new("umount").arg("-l").arg(&self.path).stderr(Stdio::null()).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> Result<(), String> {
    let mounted = Command::new("mount").args(arguments).arg(path).stderr(Stdio::null()).status();
    match mounted {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("this process may not mount file systems".to_owned()),
        Err(error) => Err(format!("there is no `mount`: {error}")),
    }
}
