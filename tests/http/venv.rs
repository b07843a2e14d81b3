//! A Python with Feast and validators: the one of `make test`, or else one from the package index, kept beside the
//! build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::common::repository;

/// The Python packages that the tests need; another list makes another directory.
const PACKAGES: [&str; 4] =
    ["feast==0.67.0", "jsonschema==4.26.0", "openapi-spec-validator==0.9.0", "openlineage-python==1.54.0"];

static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(find_or_make);

/// The Python, or, where it can neither be found nor made, the reason: a test then says that it skips.
pub fn python() -> Result<&'static Path, &'static str> {
    match &*PYTHON {
        Ok(python) => Ok(python),
        Err(reason) => Err(reason),
    }
}

fn find_or_make() -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("ASOF_TEST_PYTHON") {
        return Ok(python.into());
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-feast-0.67.0");
    let python = directory.join("bin").join("python");
    let complete = directory.join("complete");
    if !complete.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let options = ["-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "15"];
        run(Command::new(&python).args(options).args(PACKAGES))?;
        std::fs::write(&complete, "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Runs a script that asserts; `false` when it skips.
#[track_caller]
pub fn run_script(script: &str, arguments: &[&str]) -> bool {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            eprintln!("skipped: no Python with Feast: {reason}");
            return false;
        }
    };
    let script = repository("tests/http").join(script);
    let output = Command::new(python).arg(&script).args(arguments).output().expect("Python runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    true
}
