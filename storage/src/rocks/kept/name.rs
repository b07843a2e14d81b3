//! The names that kept logs have in checkpoints and backups.

/// The start of each.
const START: &str = "kept-";

/// The end of a write-ahead log's.
const LOG_END: &str = ".log";

/// A file of kept logs, as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rocks) struct KeptName {
    /// The logs that it belongs to.
    pub(in crate::rocks) id: u128,
    pub(in crate::rocks) file: KeptFile,
}

/// The kinds of files that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rocks) enum KeptFile {
    /// A write-ahead log, by its number.
    Log(u64),
    /// A file of a bulk load, by the load's stamp in microseconds, and its name among those of the load.
    Load(i64, String),
}

impl KeptName {
    /// Reads a name; none for those of other files.
    pub(in crate::rocks) fn of(name: &str) -> Option<Self> {
        let (id, rest) = name.strip_prefix(START)?.split_once('-')?;
        let id = u128::from_str_radix(id, 16).ok()?;
        let file = match rest.strip_suffix(LOG_END) {
            Some(number) => KeptFile::Log(number.parse().ok()?),
            None => {
                let (stamp, name) = rest.strip_prefix("load-")?.split_once('-')?;
                KeptFile::Load(stamp.parse().ok()?, name.to_owned())
            }
        };
        Some(KeptName { id, file })
    }

    /// Returns the name.
    pub(in crate::rocks) fn text(&self) -> String {
        let id = self.id;
        match &self.file {
            KeptFile::Log(number) => format!("{START}{id:032x}-{number:06}{LOG_END}"),
            KeptFile::Load(stamp, name) => format!("{START}{id:032x}-load-{stamp}-{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kept_files_are_read_as_they_were_written_and_others_are_not() {
        let load = KeptFile::Load(1_704_067_200_000_000, "history-000.sst".to_owned());
        for file in [KeptFile::Log(7), KeptFile::Log(12_345_678), load] {
            let name = KeptName { id: 0xab, file };
            assert_eq!(KeptName::of(&name.text()), Some(name));
        }
        assert_eq!(KeptName::of("kept-000000000000000000000000000000ab-000007.log").unwrap().file, KeptFile::Log(7));
        for other in ["000007.log", "CURRENT", "kept-", "kept-x-1.log", "kept-1-x.log", "kept-1-load-1"] {
            assert_eq!(KeptName::of(other), None, "{other}");
        }
    }
}
