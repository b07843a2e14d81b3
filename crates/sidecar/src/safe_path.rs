//! The path of a socket: whether anybody but its owner and root could change where it leads.
//!
//! Every component is looked at from the root on, links resolved one by one. Whoever can write to a directory can put
//! another one, or a link, in the place of what is in it. The sticky bit (`/tmp`) keeps others from that for entries
//! that are not theirs, and so serves on the way, but not for the socket's own directory: there a stranger could make
//! the socket first.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use asofdb::{Error, Result};
use rustix::process::geteuid;

/// Most links on one path, as many as the kernel follows.
const LINKS_MAX: usize = 40;

const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Checks that nobody but this user and root can change what the path of a directory leads to, nor what is in it.
///
/// # Errors
/// `NotFound` when there is no such directory; `Invalid`, naming the component, when others could change it.
pub(crate) fn check(directory: &Path) -> Result<()> {
    let absolute = std::path::absolute(directory);
    let mut ahead = names(&absolute.map_err(|error| cannot_look(directory, error))?);
    let (mut here, mut links) = (PathBuf::from("/"), 0);
    check_directory("a directory on the way to the socket", &here, &look(&here)?, STICKY)?;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(name);
        let found = look(&next)?;
        if !found.is_symlink() {
            here = next;
            if !ahead.is_empty() {
                check_directory("a directory on the way to the socket", &here, &found, STICKY)?;
            }
            continue;
        }
        links += 1;
        check_owner("a link on the way to the socket", &next, &found)?;
        if links > LINKS_MAX {
            return Err(Error::invalid(format!("too many links on the way to the socket: {}", next.display())));
        }
        let target = fs::read_link(&next).map_err(|error| cannot_look(&next, error))?;
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        ahead.extend(names(&target));
    }
    check_directory("the directory of the socket", &here, &look(&here)?, 0)
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    names.collect()
}

fn look(path: &Path) -> Result<Metadata> {
    fs::symlink_metadata(path).map_err(|error| cannot_look(path, error))
}

fn cannot_look(path: &Path, error: std::io::Error) -> Error {
    let shown = path.display();
    match error.kind() {
        IoKind::NotFound => Error::not_found(format!("no directory for the socket; make it (mkdir -m 700 {shown})")),
        _ => Error::unavailable(format!("cannot look at the directory of the socket {shown}")).with_source(error),
    }
}

/// Others may write to a directory with all of `kept_by` set.
fn check_directory(what: &str, path: &Path, found: &Metadata, kept_by: u32) -> Result<()> {
    if !found.is_dir() {
        return Err(Error::invalid(format!("a socket needs a directory, and this is none: {}", path.display())));
    }
    check_owner(what, path, found)?;
    let mode = found.mode();
    let is_kept = kept_by != 0 && mode & kept_by == kept_by;
    match (mode & OTHERS_WRITE != 0, mode & GROUP_WRITES != 0) {
        _ if is_kept => Ok(()),
        (true, _) => Err(refused(what, "can be written by everybody", path)),
        (_, true) => Err(refused(what, "can be written by its group", path)),
        (false, false) => Ok(()),
    }
}

fn check_owner(what: &str, path: &Path, found: &Metadata) -> Result<()> {
    match [0, geteuid().as_raw()].contains(&found.uid()) {
        true => Ok(()),
        false => Err(refused(what, "belongs to another user", path)),
    }
}

fn refused(what: &str, fault: &str, path: &Path) -> Error {
    Error::invalid(format!(
        "{what} {fault}, who could put another socket there; use directories of your own (mkdir -m 700): {}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    use super::*;

    /// No user of this host.
    const STRANGER: u32 = 4_000_000;

    fn make(path: &Path, mode: u32) {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn fault(path: &Path) -> String {
        check(path).unwrap_err().to_string()
    }

    #[test]
    fn directories_that_others_may_write_to_are_refused_wherever_they_are() {
        let root = tempfile::tempdir().unwrap();
        for (mode, wanted) in [(0o770, "written by its group"), (0o777, "written by everybody")] {
            let open = root.path().join(format!("{mode:o}"));
            make(&open, mode);
            assert!(fault(&open).starts_with("the directory of the socket can be "), "{}", fault(&open));
            assert!(fault(&open).contains(wanted), "{}", fault(&open));
            let inner = open.join("private");
            make(&inner, 0o700);
            assert!(fault(&inner).starts_with("a directory on the way to the socket can be "), "{}", fault(&inner));
            assert!(fault(&inner).contains(wanted), "{}", fault(&inner));
        }
    }

    #[test]
    fn a_sticky_directory_serves_on_the_way_and_not_for_the_socket_itself() {
        let root = tempfile::tempdir().unwrap();
        let sticky = root.path().join("tmp");
        make(&sticky, 0o1777);
        assert!(fault(&sticky).contains("the directory of the socket can be written by everybody"));
        make(&sticky.join("mine"), 0o755);
        check(&sticky.join("mine")).unwrap();
    }

    #[test]
    fn links_are_followed_and_what_they_lead_to_is_checked() {
        let root = tempfile::tempdir().unwrap();
        let (good, open) = (root.path().join("good"), root.path().join("open"));
        make(&good, 0o700);
        make(&open, 0o777);
        make(&open.join("private"), 0o700);
        symlink("good", root.path().join("to-good")).unwrap();
        symlink(open.join("private"), root.path().join("to-private")).unwrap();
        symlink("loop", root.path().join("loop")).unwrap();
        check(&root.path().join("to-good")).unwrap();
        check(&root.path().join("to-good/../good/.")).unwrap();
        assert!(fault(&root.path().join("to-private")).contains("can be written by everybody"));
        assert!(fault(&root.path().join("loop")).contains("too many links"));
        assert!(fault(&root.path().join("good/missing")).contains("mkdir -m 700"));
    }

    #[test]
    fn links_and_directories_of_others_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let (theirs, link) = (root.path().join("theirs"), root.path().join("link"));
        make(&root.path().join("good"), 0o700);
        make(&theirs, 0o755);
        make(&theirs.join("mine"), 0o700);
        symlink("good", &link).unwrap();
        if lchown(&link, Some(STRANGER), None).and_then(|()| lchown(&theirs, Some(STRANGER), None)).is_err() {
            return println!("skipped: only root can give a file to another user");
        }
        assert!(fault(&link).starts_with("a link on the way to the socket belongs to another user"));
        assert!(fault(&theirs).starts_with("the directory of the socket belongs to another user"));
        assert!(fault(&theirs.join("mine")).starts_with("a directory on the way to the socket belongs to"));
    }
}
