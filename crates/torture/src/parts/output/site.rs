//! A directory with a store, its sources, a checkpoint and a backup, in which a command is run.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use asofdb_storage::output::TEMPORARY_MARK;
use tempfile::TempDir;

use super::ingest;
use crate::Setting;

/// Rows of each source.
const ROWS: u64 = 2_000;

/// Rows of the source of an ingest in steps: three pieces.
const LONG_ROWS: u64 = 20_000;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "clicks"
entities = ["user"]
feature = [{ name = "count", type = "int64" }, { name = "page", type = "string" }]
"#;

/// The number of SIGKILL.
const KILLED: i32 = 9;

/// The program of a command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Program {
    Asof,
    /// The child that ingests in steps.
    Ingest,
}

/// A directory in which commands are run.
#[derive(Debug)]
pub(super) struct Site {
    directory: TempDir,
}

impl Site {
    /// The beginning of all rounds: a store with rows, a checkpoint, a backup from before the last of its rows, and
    /// sources of more rows.
    ///
    /// # Panics
    /// If it cannot be made.
    pub(super) fn base(setting: &Setting) -> Self {
        let site = Site { directory: setting.directory() };
        let write = |name: &str, text: String| fs::write(site.path(name), text).expect("room for sources");
        write("definitions.toml", DEFINITIONS.to_owned());
        write("first.csv", rows(0, ROWS));
        write("second.csv", rows(ROWS, ROWS));
        write("third.csv", rows(2 * ROWS, ROWS));
        write("bad.csv", rows(3 * ROWS, ROWS) + "no number,2024-01-01T00:00:00Z,1,a\n");
        write("long.csv", rows(4 * ROWS, LONG_ROWS));
        write("spine.csv", spine());
        for arguments in [
            &["apply", "definitions.toml", "--store", "store"][..],
            &["ingest", "clicks", "first.csv", "--store", "store"],
            &["backup", "backups", "--store", "store"],
            &["ingest", "clicks", "second.csv", "--store", "store"],
            &["checkpoint", "checkpoint", "--copy", "--store", "store"],
        ] {
            succeed(&mut site.command(setting, Program::Asof, arguments)).expect("nothing disturbs it");
        }
        site
    }

    /// A copy of the whole directory.
    ///
    /// # Panics
    /// If there is no room for it.
    pub(super) fn copy(&self, setting: &Setting) -> Self {
        let directory = setting.directory();
        let copied = Command::new("cp").arg("-a").arg(self.path(".")).arg(directory.path()).status();
        assert!(copied.is_ok_and(|status| status.success()), "no room for a copy");
        Site { directory }
    }

    /// A path within.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program with arguments, run in this directory.
    pub(super) fn command(&self, setting: &Setting, program: Program, arguments: &[&str]) -> Command {
        let mut command = match program {
            Program::Asof => Command::new(&setting.asof),
            Program::Ingest => setting.child(ingest::INGEST),
        };
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Keeps the directory, for whoever looks into what is wrong.
    pub(super) fn keep(&mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }

    /// Fails if anything of a killed run is left anywhere.
    pub(super) fn expect_no_leftovers(&self) -> Result<(), String> {
        let mut left = String::new();
        for path in tree(self.directory.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_load = path.parent().is_some_and(|parent| parent.ends_with("loads"));
            if name.contains(TEMPORARY_MARK)
                || is_load
                || ["backups/checkpoint", "out/checkpoint"].iter().any(|end| path.ends_with(end))
            {
                write!(left, " {}", path.display()).expect("texts take anything");
            }
        }
        if left.is_empty() { Ok(()) } else { Err(format!("left over:{left}")) }
    }
}

/// Everything below a directory, sorted.
pub(super) fn tree(directory: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        let below = if path.is_dir() { tree(&path) } else { Vec::new() };
        paths.push(path);
        paths.extend(below);
    }
    paths
}

fn rows(first: u64, count: u64) -> String {
    let mut text = String::from("user_id,event_timestamp,count,page\n");
    for number in first..first + count {
        let (user, day, second) = (number % 97, number % 3 + 1, number % 86_400);
        let time = format!("2024-01-0{day}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
        writeln!(text, "{user},{time},{number},page {number}").expect("texts take anything");
    }
    text
}

fn spine() -> String {
    let users = (0..97).map(|user| format!("{user},2024-01-02T12:00:00Z\n"));
    std::iter::once("user_id,event_timestamp\n".to_owned()).chain(users).collect()
}

fn run(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| format!("cannot start asof: {error}"))
}

/// Runs a command that must succeed.
pub(super) fn succeed(command: &mut Command) -> Result<(), String> {
    let output = run(command)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{:?} fails: {}", command.get_args(), String::from_utf8_lossy(&output.stderr))),
    }
}

/// Runs a command that must refuse to replace what exists.
pub(super) fn be_refused(command: &mut Command) -> Result<(), String> {
    let output = run(command)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let is_refused = output.status.code() == Some(1)
        && ["exist", "there is something already"].iter().any(|words| said.contains(words));
    if is_refused { Ok(()) } else { Err(format!("it does not say that the output exists: {said}")) }
}

/// Runs a command that ends itself at a place, if it comes there; false if it succeeds without.
pub(super) fn be_killed(command: &mut Command) -> Result<bool, String> {
    let output = run(command)?;
    match (output.status.signal(), output.status.success()) {
        (Some(KILLED), _) => Ok(true),
        (None, true) => Ok(false),
        _ => Err(format!("it was not killed, and fails: {}", String::from_utf8_lossy(&output.stderr))),
    }
}
