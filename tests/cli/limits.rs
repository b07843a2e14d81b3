//! Processes that may have little: an error that names the limit, and never an end without a word.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::Cli;

#[test]
fn an_ingest_under_any_limit_on_addresses_works_or_names_the_limit() {
    let cli = Cli::new();
    cli.succeeds("apply features.toml");
    let (mut refused, mut done) = (0, 0);
    for mib in [256, 384, 512, 640, 768, 1_024, 1_536, 4_096] {
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit -v {}; exec \"$0\" \"$@\"", mib << 10)])
            .arg(env!("CARGO_BIN_EXE_asof"))
            .args(["ingest", "stats_v1", "stats.ndjson", "--from-scratch"])
            .current_dir(cli.directory.path())
            .env_remove("ASOF_STORE")
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.signal(), None, "{mib} MiB: {message}");
        match output.status.code() {
            Some(0) => done += 1,
            code => {
                refused += 1;
                assert_eq!((code, done), (Some(1), 0), "{mib} MiB: {message}");
                assert!(message.contains("bytes of addresses (ulimit -v)"), "{mib} MiB: {message}");
                assert!(message.contains("raise the limit"), "{mib} MiB: {message}");
            }
        }
    }
    assert!(refused >= 2 && done >= 1, "refused {refused}, done {done}");
}
