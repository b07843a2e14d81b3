//! Pythons with what tests need: that of `make test`, or else ones from the package index, kept beside the build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::common::repository;

/// A Python, or, where it can neither be found nor made, the reason: a test then says that it skips.
type Found = LazyLock<Result<PathBuf, String>>;

/// The Python with Feast and validators; other packages make another directory.
static FEAST: Found = LazyLock::new(|| match std::env::var_os("ASOF_TEST_PYTHON") {
    Some(python) => Ok(python.into()),
    None => make(
        "python-feast-0.67.0-lineage",
        &["feast==0.67.0", "jsonschema==4.26.0", "openapi-spec-validator==0.9.0", "openlineage-python==1.54.0"],
    ),
});

/// The Python that drives a browser, with axe-core, which looks for what keeps people from using a page.
static BROWSER: Found = LazyLock::new(|| {
    make("python-playwright-1.65.2-axe-0.1.8", &["playwright==1.65.2", "axe-playwright-python==0.1.8"])
});

/// The Python with Feast and validators.
pub fn python() -> Result<&'static Path, &'static str> {
    found(&FEAST)
}

/// The Python that drives a browser.
pub fn browser_python() -> Result<&'static Path, &'static str> {
    found(&BROWSER)
}

fn found(python: &'static Found) -> Result<&'static Path, &'static str> {
    python.as_deref().map_err(String::as_str)
}

fn make(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = directory.join("bin").join("python");
    let complete = directory.join("complete");
    if !complete.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let options = ["-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "15"];
        run(Command::new(&python).args(options).args(packages))?;
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
    match python() {
        Ok(python) => run_with(python, script, arguments),
        Err(reason) => {
            eprintln!("skipped: no Python with Feast: {reason}");
            return false;
        }
    }
    true
}

/// Runs a script that asserts.
#[track_caller]
pub fn run_with(python: &Path, script: &str, arguments: &[&str]) {
    let script = repository("tests/http").join(script);
    let output = Command::new(python).arg(&script).args(arguments).output().expect("Python runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}
