//! The commands, and what each leaves.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use asofdb::Manifest;
use asofdb_storage::{Backups, SystemClock, Upkeep, restore, restore_backup};

use super::site::{Program, Site, succeed, tree};
use crate::{Setting, writer};

/// The output of a command, in parts that are each there or not.
pub(super) type Print = Vec<String>;

/// A command.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) program: Program,
    pub(super) arguments: &'static [&'static str],
    /// Looks at what it has made. An error is something that looks complete and is not.
    pub(super) print: fn(&Site, &Setting) -> Result<Print, String>,
    /// True if it does not replace what it has made.
    pub(super) refuses_what_exists: bool,
    /// True if what it has done in part stays, and it goes on from there.
    pub(super) goes_in_steps: bool,
}

/// A command of `asof` that is done whole or not at all, and that can be run again.
const REPEATABLE: Case = Case {
    name: "",
    program: Program::Asof,
    arguments: &[],
    print: ingested,
    refuses_what_exists: false,
    goes_in_steps: false,
};

/// A command of `asof` that makes something new.
const MAKES: Case = Case { refuses_what_exists: true, ..REPEATABLE };

/// The mark of a part that is not there.
const NOTHING: &str = "nothing";

/// Every command.
pub(super) const CASES: [Case; 14] = [
    Case { name: "apply", arguments: &["apply", "definitions.toml", "--store", "out"], print: new_store, ..REPEATABLE },
    Case {
        name: "ingest",
        arguments: &["ingest", "clicks", "third.csv", "--store", "store"],
        print: ingested,
        ..REPEATABLE
    },
    Case {
        name: "ingest in steps",
        program: Program::Ingest,
        arguments: &["store", "clicks", "long.csv", "65536"],
        print: ingested,
        goes_in_steps: true,
        ..REPEATABLE
    },
    Case {
        name: "ingest of rows gathered on disk",
        program: Program::Ingest,
        arguments: &["store", "clicks", "long.csv", "1073741824"],
        print: ingested,
        ..REPEATABLE
    },
    Case {
        name: "ingest with rejects",
        arguments: &["ingest", "clicks", "bad.csv", "--rejects", "out", "--store", "store"],
        print: ingested,
        ..MAKES
    },
    Case {
        name: "export",
        arguments: &["export", "clicks", "--out", "out", "--store", "store"],
        print: export,
        ..MAKES
    },
    Case {
        name: "export by day",
        arguments: &["export", "clicks", "--partition-by", "day", "--out", "out", "--store", "store"],
        print: export,
        ..MAKES
    },
    Case {
        name: "training-set",
        arguments: &["training-set", "clicks:*", "--spine", "spine.csv", "--out", "out.parquet", "--store", "store"],
        print: training_set,
        ..MAKES
    },
    Case { name: "checkpoint", arguments: &["checkpoint", "out", "--store", "store"], print: checkpoint, ..MAKES },
    Case {
        name: "checkpoint --copy",
        arguments: &["checkpoint", "out", "--copy", "--store", "store"],
        print: checkpoint,
        ..MAKES
    },
    Case {
        name: "first backup",
        arguments: &["backup", "out", "--store", "store"],
        print: |site, setting| backups(&site.path("out"), setting),
        ..REPEATABLE
    },
    Case {
        name: "second backup --keep 1",
        arguments: &["backup", "backups", "--keep", "1", "--store", "store"],
        print: |site, setting| backups(&site.path("backups"), setting),
        ..REPEATABLE
    },
    Case {
        name: "restore of a checkpoint",
        arguments: &["restore", "checkpoint", "--store", "out"],
        print: |site, _| Ok(vec![versions_if_there(&site.path("out"))?]),
        ..MAKES
    },
    Case {
        name: "restore of a backup",
        arguments: &["restore", "backups", "--store", "out"],
        print: |site, _| Ok(vec![versions_if_there(&site.path("out"))?]),
        ..MAKES
    },
];

/// The versions of a store, which is verified.
fn versions(store: &Path) -> Result<String, String> {
    let verified = writer::open(store, Arc::new(SystemClock)).and_then(|store| store.verify());
    let verified = verified.map_err(|error| format!("{}: {error:#}", store.display()))?;
    match verified.problems.as_slice() {
        [] => Ok(format!("{} versions", verified.versions)),
        problems => Err(format!("{}: {}", store.display(), problems.join("; "))),
    }
}

fn versions_if_there(store: &Path) -> Result<String, String> {
    if store.exists() { versions(store) } else { Ok(NOTHING.to_owned()) }
}

/// A store that was being made counts when it has the definitions.
fn new_store(site: &Site, setting: &Setting) -> Result<Print, String> {
    let mut command = site.command(setting, Program::Asof, &["views", "--format", "csv", "--store", "out"]);
    let listed = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    let has_view = String::from_utf8_lossy(&listed.stdout).contains("clicks");
    match (listed.status.success(), has_view) {
        (true, true) => Ok(vec!["a store with views".to_owned()]),
        (true, false) => Ok(vec![NOTHING.to_owned()]),
        (false, _) if said.contains("there is no store here") => Ok(vec![NOTHING.to_owned()]),
        (false, _) => Err(said),
    }
}

fn ingested(site: &Site, _: &Setting) -> Result<Print, String> {
    let rejects = fs::read_to_string(site.path("out")).unwrap_or_else(|_| NOTHING.to_owned());
    Ok(vec![versions(&site.path("store"))?, rejects])
}

/// An export, by its manifest and the rows of its files.
fn export(site: &Site, setting: &Setting) -> Result<Print, String> {
    let out = site.path("out");
    if !out.exists() {
        return Ok(vec![NOTHING.to_owned()]);
    }
    let manifest = Manifest::read(&out).map_err(|error| format!("{error:#}"))?;
    let files: Vec<_> = manifest.files.iter().map(|file| format!("out/{}", file.path)).collect();
    for (file, listed) in files.iter().zip(&manifest.files) {
        let bytes = fs::metadata(site.path(file)).map_err(|error| format!("{file}: {error}"))?.len();
        if bytes != listed.bytes {
            return Err(format!("{file} has {bytes} bytes, and {} are listed", listed.bytes));
        }
    }
    let there = tree(&out).iter().filter(|path| path.is_file()).count();
    let read = read_back(site, &files, setting)?;
    Ok(vec![format!("{} rows in {files:?}, {there} files, {read}", manifest.rows)])
}

/// A training set has the columns of the view that it was made of.
fn training_set(site: &Site, setting: &Setting) -> Result<Print, String> {
    let read = match site.path("out.parquet").exists() {
        true => read_back(site, &["out.parquet".to_owned()], setting)?,
        false => NOTHING.to_owned(),
    };
    Ok(vec![read])
}

/// Reads files into a store of their own, and tells what is there then.
fn read_back(site: &Site, files: &[String], setting: &Setting) -> Result<String, String> {
    let scratch = setting.directory();
    let store = scratch.path().join("store");
    let run = |arguments: &[&str]| {
        let mut command = site.command(setting, Program::Asof, arguments);
        succeed(command.arg("--store").arg(&store))
    };
    run(&["apply", "definitions.toml"])?;
    let ingest: Vec<&str> = ["ingest", "clicks"].into_iter().chain(files.iter().map(String::as_str)).collect();
    run(&ingest)?;
    versions(&store)
}

/// A checkpoint, by what is restored from it; the store must be well besides.
fn checkpoint(site: &Site, setting: &Setting) -> Result<Print, String> {
    let (out, scratch) = (site.path("out"), setting.directory());
    let restored = match out.exists() {
        true => {
            let to = scratch.path().join("restored");
            restore(&out, &to).map_err(|error| format!("{error:#}"))?;
            versions(&to)?
        }
        false => NOTHING.to_owned(),
    };
    Ok(vec![restored, versions(&site.path("store"))?])
}

/// A directory of backups, by what is restored from the newest; each can be.
fn backups(directory: &Path, setting: &Setting) -> Result<Print, String> {
    if !Backups::is_at(directory) {
        return Ok(vec![NOTHING.to_owned()]);
    }
    let scratch = setting.directory();
    let failed = |error: asofdb_storage::Error| format!("{error:#}");
    let backups = Backups::open(directory, None).map_err(failed)?;
    let mut newest = NOTHING.to_owned();
    for backup in backups.list().map_err(failed)? {
        let to = scratch.path().join(backup.name());
        restore_backup(&backups, &backup, &to).map_err(failed)?;
        newest = versions(&to)?;
    }
    Ok(vec![newest])
}
