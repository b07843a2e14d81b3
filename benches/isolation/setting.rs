//! Settings of the sidecar that are compared.

use std::fs;
use std::path::Path;

/// A way to start it.
#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    pub arguments: Vec<String>,
}

/// The limits of the consumer that asks at full speed, and of those that export and ingest.
fn limits() -> String {
    // The command line gives itself no name, and is called by its user.
    let user = rustix::process::geteuid().as_raw();
    format!(
        "[[consumer]]\nname = \"hungry\"\nrequests_per_second = 500\nrequests_in_flight_max = 1\n\
         [[consumer]]\nname = \"uid:{user}\"\nanswered_bytes_per_second = 20_000_000\n\
         written_bytes_per_second = 5_000_000\n"
    )
}

/// Nothing that keeps consumers apart but what the kernel does; what the sidecar does by itself; and that with limits of
/// the others.
pub fn all(directory: &Path) -> [Setting; 3] {
    let file = directory.join("limits.toml");
    fs::write(&file, limits()).expect("a file of limits");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let file = file.display().to_string();
    [
        Setting { name: "no budget", arguments: words(&["--bulk-share", "100", "--background-nice", "0"]) },
        Setting { name: "as it is", arguments: Vec::new() },
        Setting { name: "with limits of the others", arguments: words(&["--limits", &file]) },
    ]
}
