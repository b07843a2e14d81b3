//! The library that makes calls of a process fail and its clock wrong, compiled when it is needed, and the file by
//! which it is told so.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

const SOURCE: &str = include_str!("fault_shim.c");

/// Bytes of the file that is shared with the library; the layout is that of its `struct control`.
const CONTROL_BYTES: u64 = 256;

const FAILED_AT: u64 = 16;
const AHEAD_AT: u64 = 24;
const PATH_AT: u64 = 32;

/// The kind of calls that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read = 1,
    Write = 2,
    Sync = 4,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Read, Kind::Write, Kind::Sync];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Sync => "sync",
        }
    }
}

/// The library.
pub(crate) struct Shim {
    directory: TempDir,
}

impl Shim {
    /// Compiles it.
    pub(crate) fn compile() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("torture-shim-").tempdir()?;
        let (source, library) = (directory.path().join("fault_shim.c"), directory.path().join("shim.so"));
        fs::write(&source, SOURCE)?;
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]);
        let output = compile.stdin(Stdio::null()).output()?;
        match output.status.success() {
            true => Ok(Shim { directory }),
            false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }

    /// Its path, for `LD_PRELOAD`.
    pub(crate) fn library(&self) -> PathBuf {
        self.directory.path().join("shim.so")
    }
}

/// The file by which one process is told which of its calls fail, and what time it is.
pub(crate) struct Control {
    path: PathBuf,
    file: File,
}

impl Control {
    /// Makes one by which no call fails.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        file.set_len(CONTROL_BYTES)?;
        Ok(Control { path: path.to_owned(), file })
    }

    /// The environment of a process that goes by it. Calls fail on files below `root`.
    pub(crate) fn environment<'e>(&'e self, library: &'e Path, root: &'e Path) -> Vec<(&'e str, &'e OsStr)> {
        vec![
            ("LD_PRELOAD", library.as_os_str()),
            ("ASOF_FAULTS", self.path.as_os_str()),
            ("ASOF_FAULTS_ROOT", root.as_os_str()),
        ]
    }

    /// Sets by how many seconds the clock is ahead; behind, if they are negative.
    pub(crate) fn set_ahead(&self, seconds: i64) -> io::Result<()> {
        self.file.write_all_at(&seconds.to_ne_bytes(), AHEAD_AT)
    }

    /// Lets the `nth` call of a kind from now on fail, and all after it if it shall be so.
    pub(crate) fn arm(&self, kind: Kind, nth: i64, forever: bool) -> io::Result<()> {
        self.file.write_all_at(&nth.to_ne_bytes(), 8)?;
        self.file.write_all_at(&u32::from(forever).to_ne_bytes(), 4)?;
        self.file.write_all_at(&(kind as u32).to_ne_bytes(), 0)
    }

    /// Lets every call succeed again.
    pub(crate) fn disarm(&self) -> io::Result<()> {
        self.file.write_all_at(&[0; 4], 0)
    }

    /// The number of calls that have failed.
    pub(crate) fn failed(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, FAILED_AT)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    /// The name of the file that the first of them was for.
    pub(crate) fn failed_file(&self) -> io::Result<String> {
        let mut bytes = vec![0; (CONTROL_BYTES - PATH_AT) as usize];
        self.file.read_exact_at(&mut bytes, PATH_AT)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}
