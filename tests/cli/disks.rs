//! Disks that are full or read-only, from the command line.

use std::fs;

use super::{Cli, flights};
use crate::common::disk::Disk;

/// A store of the flights example at `store`.
fn flights_store(cli: &Cli, store: &str) {
    std::os::unix::fs::symlink(flights(), cli.path("flights")).unwrap();
    cli.succeeds(&format!("apply flights/definitions.toml --store {store}"));
}

#[test]
fn a_full_disk_is_said_by_every_command_that_writes_and_nothing_is_left() {
    let Some(disk) = Disk::small(64) else { return };
    let cli = Cli::new();
    let full = disk.path().display();
    let store = format!("{full}/store");
    flights_store(&cli, &store);
    cli.succeeds("apply flights/definitions.toml");
    cli.succeeds("ingest airport_weather_v1 flights/weather.parquet");
    let ballast = disk.fill_up_to(0);
    let names = || fs::read_dir(disk.path()).unwrap().count();
    let before = names();
    let spine = "--spine flights/flights.parquet";
    for (line, what) in [
        (format!("ingest airport_weather_v1 flights/weather.parquet --store {store}"), &*store),
        (format!("training-set airport_weather_v1:* {spine} --out {full}/t.parquet"), "t.parquet"),
        (format!("export airport_weather_v1 --out {full}/weather"), "weather"),
        (format!("checkpoint {full}/copy"), "copy"),
    ] {
        let message = cli.fails(1, &line);
        assert!(message.contains("the disk is full") && message.contains(what), "{line}: {message}");
        assert_eq!(names(), before, "{line}");
    }
    fs::remove_file(ballast).unwrap();
    assert_eq!(cli.json(&format!("verify --store {store}"))["versions"], 0);
    let report = cli.json(&format!("ingest airport_weather_v1 flights/weather.parquet --store {store}"));
    assert_eq!(report["rows_written"], 26_115);
}

#[test]
fn a_read_only_store_is_refused_by_name() {
    let cli = Cli::filled();
    let Some(_mounted) = Disk::read_only(&cli.path("asof-data")) else { return };
    for line in ["views", "ingest stats_v1 stats.ndjson", "apply features.toml", "get stats_v1 --entity user_id=1"] {
        let message = cli.fails(1, line);
        assert!(message.contains("the store cannot be written") && message.contains("asof-data"), "{line}: {message}");
    }
    assert!(cli.fails(1, "apply features.toml --store asof-data/new").contains("asof-data/new"));
}
