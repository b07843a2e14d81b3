//! "Another machine": a copy of a directory of backups that can only be read, and nothing of the store.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Copies a directory of backups, and takes away the permission to write to it.
///
/// # Panics
/// If it cannot be copied.
pub(super) fn copy(from: &Path, to: &Path) {
    copy_tree(from, to);
    set_modes(to, 0o500, 0o400);
}

/// Removes such a copy.
///
/// # Panics
/// If it cannot be removed.
pub(super) fn remove(copy: &Path) {
    set_modes(copy, 0o700, 0o600);
    fs::remove_dir_all(copy).expect("the copy is removed");
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory is made");
    for entry in fs::read_dir(from).expect("the backups are listed") {
        let entry = entry.expect("the backups are listed");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("an entry has a type").is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file is copied")),
        }
    }
}

fn set_modes(path: &Path, directory: u32, file: u32) {
    // To look into a directory it has to be ours again first.
    fs::set_permissions(path, Permissions::from_mode(0o700)).expect("permissions are set");
    for entry in fs::read_dir(path).expect("the copy is listed") {
        let entry = entry.expect("the copy is listed");
        match entry.file_type().expect("an entry has a type").is_dir() {
            true => set_modes(&entry.path(), directory, file),
            false => fs::set_permissions(entry.path(), Permissions::from_mode(file)).expect("permissions are set"),
        }
    }
    fs::set_permissions(path, Permissions::from_mode(directory)).expect("permissions are set");
}
