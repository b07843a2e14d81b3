//! The version of RocksDB.

/// The version of RocksDB whose C++ is built in, as the release of `librocksdb-sys` in Cargo.lock says it.
pub const ROCKSDB_VERSION: &str = "11.8.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_of_the_lock_file() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
        let (_, package) = lock.split_once("name = \"librocksdb-sys\"\nversion = \"").unwrap();
        let (version, _) = package.split_once('"').unwrap();
        assert_eq!(version.split_once('+').unwrap().1, ROCKSDB_VERSION);
    }
}
