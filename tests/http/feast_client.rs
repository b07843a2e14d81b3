//! An unmodified Feast client reads and writes through us.

use super::client::Target;
use super::sidecar::Sidecar;
use super::venv::run_script;
use crate::common::NOW;

#[test]
fn an_unmodified_feast_client_reads_and_writes_through_us() {
    let sidecar = Sidecar::start();
    let Target::Tcp(address) = &sidecar.tcp else { unreachable!("it is TCP") };
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http://{address}");
    if !run_script("feast_client.py", &[&url, directory.path().to_str().unwrap(), &NOW.to_string()]) {
        return;
    }
    let written = sidecar.service.report().into_iter().filter(|one| one.operation == "write" && one.rows > 0);
    let views: Vec<String> = written.map(|one| one.view).collect();
    assert_eq!(views, ["clicks_by_shop", "stats"]);
}
