//! Who takes part in which scenario.

use asofdb_peers::Layout;

use crate::contender::{Fallible, Opened, Reader, Writer};
use crate::embedded::asof::{Embedded, EmbeddedArrow, EmbeddedWriter};
use crate::embedded::fjall_kv::FjallKv;
use crate::embedded::kv::Kv;
use crate::embedded::kv_reader::KvReader;
use crate::embedded::kv_writer::KvWriter;
use crate::embedded::lmdb_kv::LmdbKv;
use crate::embedded::map_kv::MapKv;
use crate::embedded::murr_memory::MurrMemory;
use crate::embedded::redb_kv::RedbKv;
use crate::embedded::rocks_kv::RocksKv;
use crate::embedded::sqlite::Sqlite;
use crate::embedded::sqlite_writer::SqliteWriter;
use crate::scenario::{Scenario, Setting};
use crate::served::murr_client::{Way, start as start_murr};
use crate::served::murr_server::MurrStore;
use crate::served::redis_client::RedisReader;
use crate::served::sidecar::Sidecar;

/// Returns the names of those that take part, asofdb first.
pub fn names(scenario: Scenario) -> &'static [&'static str] {
    match scenario {
        Scenario::Latest | Scenario::Views => {
            &["asofdb", "hash map", "RocksDB", "LMDB (heed)", "redb", "fjall", "SQLite"]
        }
        Scenario::Keyed => &[
            "asofdb",
            "asofdb to Arrow",
            "murr in memory",
            "hash map",
            "RocksDB",
            "LMDB (heed)",
            "redb",
            "fjall",
            "SQLite",
        ],
        Scenario::AsOf => &["asofdb", "RocksDB", "LMDB (heed)", "redb", "fjall", "SQLite"],
        Scenario::Writes => &["asofdb", "RocksDB", "LMDB (heed)", "redb", "fjall", "SQLite"],
        Scenario::ServedKeyed => &[
            "asofdb sidecar",
            "asofdb shared memory",
            "murr HTTP, mapped files",
            "murr Flight, mapped files",
            "murr HTTP, memory",
            "murr Flight, memory",
            "Redis blobs",
            "Redis hashes",
            "Valkey blobs",
        ],
        Scenario::ServedOne
        | Scenario::ServedHundred
        | Scenario::ServedThousand
        | Scenario::ServedClients
        | Scenario::ServedViews => {
            &["asofdb sidecar", "asofdb shared memory", "Redis blobs", "Redis hashes", "Valkey blobs", "Valkey hashes"]
        }
    }
}

/// Returns what is to be known about one of them beside its figures.
pub fn note(scenario: Scenario, name: &str) -> &'static str {
    match (scenario, name) {
        (Scenario::Writes, "RocksDB") => "writes both families blindly: wrong for late rows",
        (Scenario::Writes, "redb") => "keeps commits in memory: a crash of the process loses them",
        (_, "hash map") => "dashmap, in memory only: nothing is kept",
        (_, "murr in memory") => "nothing is kept",
        (Scenario::ServedKeyed, name) if name.starts_with("Redis") || name.starts_with("Valkey") => {
            "keys of 9 bytes instead of texts"
        }
        _ => "",
    }
}

/// Opens one of them with the data of the scenario.
///
/// # Errors
/// When it is not known, not installed, or what its library says.
pub fn open(name: &str, setting: &Setting) -> Fallible<Opened> {
    match setting.scenario {
        Scenario::Writes => writer(name, setting).map(Opened::Writer),
        scenario if scenario.is_served() => served(name, setting).map(Opened::Reader),
        _ => embedded(name, setting).map(Opened::Reader),
    }
}

fn embedded(name: &str, setting: &Setting) -> Fallible<Box<dyn Reader>> {
    let directory = &setting.directory;
    Ok(match name {
        "asofdb" => Box::new(Embedded::load(setting)?),
        "asofdb to Arrow" => Box::new(EmbeddedArrow(Embedded::load(setting)?)),
        "murr in memory" => Box::new(MurrMemory::load(setting)?),
        "hash map" => kv(MapKv::default(), setting)?,
        "RocksDB" => kv(RocksKv::open(directory)?, setting)?,
        "LMDB (heed)" => kv(LmdbKv::open(directory)?, setting)?,
        "redb" => kv(RedbKv::open(directory)?, setting)?,
        "fjall" => kv(FjallKv::open(directory)?, setting)?,
        "SQLite" => Box::new(Sqlite::load(setting)?),
        other => return Err(format!("no contender is called {other:?}").into()),
    })
}

fn kv(kv: impl Kv + 'static, setting: &Setting) -> Fallible<Box<dyn Reader>> {
    Ok(Box::new(KvReader::load(kv, setting)?))
}

fn writer(name: &str, setting: &Setting) -> Fallible<Box<dyn Writer>> {
    let (directory, shape) = (&setting.directory, setting.scenario.shape());
    Ok(match name {
        "asofdb" => Box::new(EmbeddedWriter::open(setting)?),
        "RocksDB" => Box::new(KvWriter::new(RocksKv::open(directory)?, shape)),
        "LMDB (heed)" => Box::new(KvWriter::new(LmdbKv::open(directory)?, shape)),
        "redb" => Box::new(KvWriter::new(RedbKv::open(directory)?, shape)),
        "fjall" => Box::new(KvWriter::new(FjallKv::open(directory)?, shape)),
        "SQLite" => Box::new(SqliteWriter::open(setting)?),
        other => return Err(format!("no contender is called {other:?}").into()),
    })
}

fn served(name: &str, setting: &Setting) -> Fallible<Box<dyn Reader>> {
    let redis = |program, layout| RedisReader::start(program, layout, setting);
    Ok(match name {
        "asofdb sidecar" => Box::new(Sidecar::start(setting, false)?),
        "asofdb shared memory" => Box::new(Sidecar::start(setting, true)?),
        "murr HTTP, mapped files" => start_murr(setting, MurrStore::Mapped, Way::Http)?,
        "murr Flight, mapped files" => start_murr(setting, MurrStore::Mapped, Way::Flight)?,
        "murr HTTP, memory" => start_murr(setting, MurrStore::Memory, Way::Http)?,
        "murr Flight, memory" => start_murr(setting, MurrStore::Memory, Way::Flight)?,
        "Redis blobs" => Box::new(redis("redis-server", Layout::Blob)?),
        "Redis hashes" => Box::new(redis("redis-server", Layout::Hash)?),
        "Valkey blobs" => Box::new(redis("valkey-server", Layout::Blob)?),
        "Valkey hashes" => Box::new(redis("valkey-server", Layout::Hash)?),
        other => return Err(format!("no contender is called {other:?}").into()),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::contender::{Written, check};
    use crate::data::row;
    use crate::measure::{Progress, read};

    const IN_PROCESS: [Scenario; 4] = [Scenario::Latest, Scenario::Keyed, Scenario::Views, Scenario::AsOf];

    fn setting(scenario: Scenario, directory: &Path) -> Setting {
        Setting { scenario, rows: 2_000, directory: directory.to_owned(), asof: "asof".into() }
    }

    #[test]
    fn all_in_process_answer_with_what_was_stored() {
        for scenario in IN_PROCESS {
            for name in names(scenario) {
                let directory = tempfile::tempdir().expect("a directory");
                let setting = setting(scenario, directory.path());
                let Ok(Opened::Reader(mut reader)) = open(name, &setting) else { panic!("{scenario:?}, {name}") };
                check(&mut *reader, &setting).unwrap_or_else(|error| panic!("{scenario:?}, {name}: {error}"));
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_what_was_stored_is_refused() {
        struct Zeros;
        impl Reader for Zeros {
            fn answer(&mut self, _: &crate::contender::Request, out: &mut [f32]) -> Fallible<()> {
                out.fill(0.0);
                Ok(())
            }
        }
        let error = check(&mut Zeros, &setting(Scenario::Latest, Path::new(""))).expect_err("zeros are no answer");
        assert!(error.to_string().contains(": 0 instead of "), "{error}");
    }

    /// Every writer writes the same batches; blind writes lose what is newest, and all others keep it.
    #[test]
    fn late_rows_leave_what_is_latest_alone_unless_they_are_written_blindly() {
        for name in names(Scenario::Writes) {
            let directory = tempfile::tempdir().expect("a directory");
            let setting = setting(Scenario::Writes, directory.path());
            let Ok(Opened::Writer(mut writer)) = open(name, &setting) else { panic!("{name}") };
            let batches: Vec<_> = (0..4).map(|number| Written::batch(number, 1_000, setting.entities())).collect();
            let mut newest = std::collections::BTreeMap::new();
            for batch in &batches {
                writer.prepare(batch).and_then(|()| writer.write()).unwrap_or_else(|error| panic!("{name}: {error}"));
                for row in batch {
                    let version: &mut u64 = newest.entry(row.entity).or_default();
                    *version = row.version.max(*version);
                }
            }
            let mut out = vec![f32::NAN; 50];
            let mut wrong = 0;
            for (entity, version) in &newest {
                assert!(writer.latest(*entity, &mut out).expect("a read"), "{name}: entity {entity} is not there");
                wrong += usize::from(!row(*entity, *version, 0, 50).eq(out.iter().copied()));
            }
            assert_eq!(wrong == 0, writer.is_right_when_late(), "{name}: {wrong} are wrong");
        }
    }

    #[test]
    fn a_turn_counts_rows_and_their_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let setting = setting(Scenario::Keyed, directory.path());
        let Ok(Opened::Reader(mut reader)) = open("hash map", &setting) else { panic!("a hash map") };
        let turn = read(&mut *reader, &setting, &mut Progress::default(), Duration::from_millis(1)).expect("a turn");
        assert!(turn.p50_ns > 0.0 && turn.rows_per_second > 0.0 && turn.cpu_us_per_row > 0.0, "{turn:?}");
    }
}
