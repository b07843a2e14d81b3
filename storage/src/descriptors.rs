//! File descriptors: the part of a process's that a store on disk takes.

/// Files are kept open for speed, as many as serve.
const OPEN_FILES_MAX: u64 = 4_096;

/// Returns how many files a store keeps open at most, in a process that may have `limit` descriptors: half of them, for
/// the process needs descriptors of its own, and a store that finds none left can no longer write.
pub const fn open_files_max(limit: u64) -> u64 {
    if limit / 2 < OPEN_FILES_MAX { limit / 2 } else { OPEN_FILES_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_takes_half_of_few_descriptors_and_a_bounded_part_of_many() {
        assert_eq!([64, 1_024, 65_536, u64::MAX].map(open_files_max), [32, 512, 4_096, 4_096]);
    }
}
