//! Tables that other processes read.

#![cfg(target_os = "linux")]

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use asofdb_hot::{Hot, Looked, Row, SharedTable, Table, Times};
use rustix::fs::{MemfdFlags, SealFlags, ftruncate, memfd_create};

const KEYS: [(u32, &[u8]); 3] = [(1, b"anna"), (1, b"otto, who has a longer key"), (2, b"anna")];
const TIMES: Times = Times { from: 1_000, until: 3_000, floor: 2_000 };
const IS_OTHER: &str = "ASOFDB_HOT_TEST_IS_OTHER";

fn row(number: i64, bytes: &[u8]) -> Row<'_> {
    Row { version: [number, number + 1], bytes }
}

/// A table with the first key, and that the second has no row.
fn filled() -> Table {
    let table = Table::shared(1 << 20).unwrap();
    table.set_revision(7);
    table.set_times(TIMES);
    let mut looked = Looked::new();
    table.look(KEYS[..2].iter().copied(), &mut looked);
    table.fill(&looked, 0, KEYS[0], Some(row(10, b"secret of anna")));
    table.fill(&looked, 1, KEYS[1], None);
    table
}

fn mapped(table: &Table) -> SharedTable {
    SharedTable::open(table.descriptor().unwrap().unwrap()).unwrap()
}

/// What a table knows of a row: nothing, that there is none, or a version and bytes.
type Known = Option<Option<(i64, Vec<u8>)>>;

fn read(table: &SharedTable) -> Vec<Known> {
    let mut looked = Looked::new();
    let conditions = table.conditions().expect("a table that is kept");
    table.look(KEYS.iter().copied(), &mut looked);
    assert!(table.is_still(&looked, &conditions));
    let known = |index| match looked.get(index) {
        Hot::Row(row) => Some(Some((row.version[0], row.bytes.to_vec()))),
        Hot::Absent => Some(None),
        Hot::Unknown => None,
    };
    (0..KEYS.len()).map(known).collect()
}

#[test]
fn another_mapping_has_what_the_table_has_and_no_more() {
    let table = filled();
    let shared = mapped(&table);
    assert_eq!(read(&shared), [Some(Some((10, b"secret of anna".to_vec()))), Some(None), None]);
    let conditions = shared.conditions().unwrap();
    assert_eq!((conditions.revision, conditions.times), (7, TIMES));
    assert_eq!(
        [900, 1_500, 3_000, 3_001].map(|now| conditions.times.present(now)),
        [None, Some(2_000), Some(3_000), None]
    );
    let changing = table.change([KEYS[0]].into_iter());
    let mut looked = Looked::new();
    assert_eq!(shared.look([KEYS[0]].into_iter(), &mut looked), 0, "a row that is being written");
    changing.put(KEYS[0], row(20, b"another"));
    changing.finish();
    assert_eq!(read(&shared)[0], Some(Some((20, b"another".to_vec()))));
}

#[test]
fn a_row_that_was_written_meanwhile_and_a_table_that_was_closed_are_found_out() {
    let table = filled();
    let shared = mapped(&table);
    let changes: [&dyn Fn(); 4] = [
        &|| table.change([KEYS[0]].into_iter()).finish(),
        &|| {
            table.close();
            table.close();
            assert_eq!(shared.conditions(), None);
            table.open();
            assert_eq!(shared.conditions(), None, "it was closed twice");
            table.open();
        },
        &|| table.set_revision(8),
        &|| table.clear(),
    ];
    for change in changes {
        let (conditions, mut looked) = (shared.conditions().unwrap(), Looked::new());
        shared.look([KEYS[0]].into_iter(), &mut looked);
        change();
        assert!(!shared.is_still(&looked, &conditions));
    }
    assert_eq!(read(&shared), [None, None, None], "cleared");
}

#[test]
fn what_is_forgotten_is_nowhere_in_shared_memory() {
    let table = filled();
    let mut memory = Vec::new();
    let has = |memory: &[u8], what: &[u8]| memory.windows(what.len()).any(|window| window == what);
    let mut read = || {
        memory.clear();
        File::from(table.descriptor().unwrap().unwrap()).read_to_end(&mut memory).unwrap();
        (has(&memory, b"secret of anna"), has(&memory, b"longer key"))
    };
    assert_eq!(read(), (true, true));
    // A longer row lies elsewhere, and then all is erased.
    let changing = table.change([KEYS[0]].into_iter());
    changing.put(KEYS[0], row(20, b"a row that is longer than the one before"));
    changing.finish();
    assert_eq!(read(), (false, true));
    drop(table.change([KEYS[1]].into_iter()));
    assert_eq!(read(), (false, false));
}

#[test]
fn others_can_neither_write_nor_shorten_it() {
    let table = filled();
    let descriptor = table.descriptor().unwrap().unwrap();
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    assert!(File::from(descriptor.try_clone().unwrap()).set_len(0).is_err());
    assert!(File::from(descriptor).write_all(b"x").is_err());
    let opened = File::options().write(true).open(path);
    assert!(opened.is_err() || opened.unwrap().write_all(b"x").is_err());
}

#[test]
fn what_is_no_table_is_refused() {
    let refused = |file: OwnedFd| SharedTable::open(file).unwrap_err().to_string();
    assert_eq!(refused(File::open("/dev/zero").unwrap().into()), "it is no memory file");
    let empty = memfd_create("x", MemfdFlags::ALLOW_SEALING).unwrap();
    assert_eq!(refused(empty.try_clone().unwrap()), "it is not sealed: its size could change while it is read");
    ftruncate(&empty, 8_192).unwrap();
    rustix::fs::fcntl_add_seals(&empty, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).unwrap();
    assert_eq!(refused(empty), "it is a table of another version");
}

/// A file with the header of a table and any words after it.
fn any_words(header: &[u8], words: impl Iterator<Item = u64>, bytes: usize) -> OwnedFd {
    let file = memfd_create("x", MemfdFlags::ALLOW_SEALING).unwrap();
    let mut content = header.to_vec();
    content.extend(words.take((bytes - header.len()) / 8).flat_map(u64::to_le_bytes));
    let mut file = File::from(file);
    file.write_all(&content).unwrap();
    let file = OwnedFd::from(file);
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).unwrap();
    file
}

#[test]
fn a_table_of_any_words_is_read_without_a_panic() {
    let table = filled();
    let mut memory = Vec::new();
    File::from(table.descriptor().unwrap().unwrap()).read_to_end(&mut memory).unwrap();
    let mut random = 1_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random
    };
    let mut looked = Looked::new();
    for round in 0..20 {
        // Small numbers are places that there are, and bits that are set seldom let readers go on.
        let words: Vec<u64> = (0..memory.len() / 8).map(|_| next() >> (next() % 64) & !3).collect();
        let any = SharedTable::open(any_words(&memory[..512], words.into_iter(), memory.len())).unwrap();
        let keys: Vec<_> = (0..2_000_u64).map(|key| (key + round).to_be_bytes()).collect();
        any.look(keys.iter().map(|key| (1, &key[..])), &mut looked);
        let found = (0..looked.len()).filter(|row| looked.get(*row) != Hot::Unknown).count();
        assert!(found < 20, "{found}: hardly any words are a row of these keys");
    }
    let mut header = memory[..512].to_vec();
    for at in 1..5 {
        let before = header[at * 8..][..8].to_vec();
        header[at * 8..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
        let refused = SharedTable::open(any_words(&header, std::iter::repeat(0), memory.len()));
        assert_eq!(refused.unwrap_err().to_string(), "it is a table of another version");
        header[at * 8..][..8].copy_from_slice(&before);
    }
}

#[test]
fn a_table_that_is_dropped_is_gone_for_others() {
    let table = filled();
    let shared = mapped(&table);
    assert!(shared.is_kept());
    let (conditions, mut looked) = (shared.conditions().unwrap(), Looked::new());
    shared.look([KEYS[0]].into_iter(), &mut looked);
    drop(table);
    assert!(!shared.is_still(&looked, &conditions) && !shared.is_kept());
    assert_eq!(shared.conditions(), None);
}

/// Another process with a table, until it is killed.
struct Other {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    fn start() -> (Self, SharedTable) {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["the_other_process", "--exact", "--ignored", "--nocapture"])
            .env(IS_OTHER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut other = Other { process, input, output };
        let path = other.hear("table ");
        let table = SharedTable::open(File::open(path).unwrap().into()).unwrap();
        (other, table)
    }

    /// What it says after a word.
    fn hear(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the other process has ended");
            if let Some((_, said)) = line.split_once(word) {
                return said.trim().to_owned();
            }
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "a part of other tests, which start it"]
fn the_other_process() {
    if env::var_os(IS_OTHER).is_none() {
        return;
    }
    let table = filled();
    let descriptor = table.descriptor().unwrap().unwrap();
    println!("\ntable /proc/{}/fd/{}", std::process::id(), descriptor.as_raw_fd());
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let changing = table.change([KEYS[0]].into_iter());
        changing.put(KEYS[0], row(30, line.as_bytes()));
        println!("\nwriting it");
        if line != "half of it" {
            changing.finish();
            println!("\nwritten it");
        } else {
            std::io::stdin().lines().next();
        }
    }
}

#[test]
fn a_reader_sees_what_another_process_has_written_when_that_says_so() {
    let (mut other, shared) = Other::start();
    for number in 0..100 {
        let text = format!("row {number}");
        writeln!(other.input, "{text}").unwrap();
        other.hear("written");
        assert_eq!(read(&shared)[0], Some(Some((30, text.into_bytes()))));
    }
}

#[test]
fn a_process_that_is_killed_leaves_a_table_that_says_so() {
    for is_writing in [false, true] {
        let (mut other, shared) = Other::start();
        let (conditions, mut looked) = (shared.conditions().unwrap(), Looked::new());
        shared.look([KEYS[0]].into_iter(), &mut looked);
        if is_writing {
            writeln!(other.input, "half of it").unwrap();
            other.hear("writing");
        }
        assert!(shared.is_kept());
        other.process.kill().unwrap();
        other.process.wait().unwrap();
        assert!(!shared.is_kept(), "the kernel tells it before the process is gone");
        assert!(!shared.is_still(&looked, &conditions));
        assert_eq!(shared.conditions(), None);
    }
}
