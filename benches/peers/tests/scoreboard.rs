//! The scoreboard is a workspace of its own: what it must share with this one, and what this one must not get of it.

use std::collections::BTreeMap;
use std::path::Path;

/// The versions of each crate in a lock file.
fn locked(path: &str) -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(found) = line.strip_prefix("name = ") {
            name = found.trim_matches('"').to_owned();
        } else if let Some(found) = line.strip_prefix("version = ") {
            versions.entry(name.clone()).or_default().push(found.trim_matches('"').to_owned());
        }
    }
    versions
}

/// It links the library that this workspace has built, with bindings of its own.
#[test]
fn the_scoreboard_has_the_rocksdb_of_the_workspace() {
    let (ours, its) = (locked("Cargo.lock"), locked("benches/scoreboard/Cargo.lock"));
    for name in ["rocksdb", "librocksdb-sys"] {
        assert!(ours[name].len() == 1, "{name}: {:?}", ours[name]);
        assert_eq!(its[name], ours[name], "{name}: run `cargo update -p {name} --precise` in benches/scoreboard");
    }
}

#[test]
fn no_build_of_the_workspace_compiles_a_peer() {
    let (ours, its) = (locked("Cargo.lock"), locked("benches/scoreboard/Cargo.lock"));
    for peer in ["murr", "heed", "redb", "fjall", "rusqlite", "arrow-flight"] {
        assert!(its.contains_key(peer), "{peer} is no peer any more");
        assert!(!ours.contains_key(peer), "{peer} came into the workspace");
    }
}
