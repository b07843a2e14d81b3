//! Tests of the table beside a map that is the store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::layout::{BUCKET_WORDS, Layout};
use crate::{Hot, Looked, Row, Table};

const VIEW: u32 = 7;

/// A row of a key: its length and its bytes follow from its version, so that a torn one is known.
fn row_of(key: u64, version: i64) -> Vec<u8> {
    let words = 1 + (key.wrapping_mul(7) as usize + version as usize) % 23;
    let content = (0..words as u64).flat_map(|word| (key ^ (version as u64) << 20 ^ word << 50).to_le_bytes());
    content.take(words * 8 - version as usize % 8).collect()
}

fn key_of(key: u64) -> Vec<u8> {
    let mut bytes = key.to_be_bytes().to_vec();
    bytes.truncate(5 + key as usize % 4);
    bytes.splice(0..0, key.to_be_bytes().into_iter().skip(4));
    bytes
}

/// A store of versions, one a key, and a table in front of it.
struct Store {
    table: Table,
    versions: BTreeMap<u64, i64>,
    looked: Looked,
}

impl Store {
    fn new(bytes: usize) -> Self {
        Store { table: Table::new(bytes), versions: BTreeMap::new(), looked: Looked::new() }
    }

    /// Reads keys, and checks all that the table says; fills in the rest. Returns the number of hits.
    fn read(&mut self, keys: &[u64]) -> usize {
        let encoded: Vec<_> = keys.iter().map(|key| key_of(*key)).collect();
        self.table.look(encoded.iter().map(|key| (VIEW, key.as_slice())), &mut self.looked);
        assert!(self.table.is_still(&self.looked) && !self.looked.is_changing());
        for (index, key) in keys.iter().enumerate() {
            let version = self.versions.get(key).copied();
            match self.looked.get(index) {
                Hot::Unknown => {}
                Hot::Absent => assert_eq!(version, None),
                Hot::Row(row) => {
                    assert_eq!(row.version, [version.unwrap(), 1]);
                    assert_eq!(row.bytes, row_of(*key, version.unwrap()));
                }
            }
        }
        let unknown: Vec<_> = self.looked.unknown().collect();
        for index in &unknown {
            let version = self.versions.get(&keys[*index]).copied();
            let bytes = version.map(|version| row_of(keys[*index], version));
            let row = version.zip(bytes.as_ref()).map(|(version, bytes)| Row { version: [version, 1], bytes });
            self.table.fill(&self.looked, *index, (VIEW, &encoded[*index]), row);
        }
        keys.len() - unknown.len()
    }

    /// Writes keys, with the manner of telling the table.
    fn write(&mut self, keys: &[u64], version: i64, is_finished: bool) {
        let encoded: Vec<_> = keys.iter().map(|key| key_of(*key)).collect();
        let changing = self.table.change(encoded.iter().map(|key| (VIEW, key.as_slice())));
        for (key, encoded) in keys.iter().zip(&encoded) {
            let newest = self.versions.entry(*key).or_insert(version);
            if *newest <= version {
                *newest = version;
                if is_finished {
                    changing.put((VIEW, encoded), Row { version: [version, 1], bytes: &row_of(*key, version) });
                }
            }
        }
        if is_finished {
            changing.finish();
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Read(Vec<u64>),
    Write(Vec<u64>, i64),
    Lose(Vec<u64>, i64),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let keys = || vec(0..300u64, 1..40);
    prop_oneof![
        8 => keys().prop_map(Step::Read),
        4 => (keys(), 0..1_000i64).prop_map(|(keys, version)| Step::Write(keys, version)),
        1 => (keys(), 0..1_000i64).prop_map(|(keys, version)| Step::Lose(keys, version)),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_table_says_is_what_the_store_has(bytes in 8_192..200_000usize, steps in vec(step(), 1..120)) {
        let mut store = Store::new(bytes);
        for step in steps {
            match step {
                Step::Read(keys) => { store.read(&keys); }
                Step::Write(keys, version) => store.write(&keys, version, true),
                Step::Lose(keys, version) => store.write(&keys, version, false),
                Step::Clear => store.table.clear(),
            }
        }
        let counts = store.table.counts();
        prop_assert!(counts.bytes <= counts.bytes_max, "{counts:?}");
        prop_assert!(counts.rows <= counts.fills);
    }
}

#[test]
fn what_was_read_once_is_there_and_what_was_written_is_new() {
    let mut store = Store::new(1 << 20);
    store.write(&[1, 2, 3], 10, true);
    assert_eq!(store.read(&[1, 2, 3, 4]), 0);
    assert_eq!(store.read(&[1, 2, 3, 4]), 4);
    store.write(&[2, 4], 20, true);
    assert_eq!(store.read(&[1, 2, 3, 4]), 4);
    store.write(&[3], 5, true);
    assert_eq!(store.read(&[3]), 1);
    store.write(&[1], 30, false);
    assert_eq!(store.read(&[1]), 0, "a change that was lost is forgotten");
    let counts = store.table.counts();
    assert_eq!((counts.hits, counts.misses, counts.fills, counts.rows), (9, 5, 5, 4));
    store.table.clear();
    assert_eq!(store.table.counts().rows, 0);
    assert_eq!(store.read(&[2]), 0);
}

#[test]
fn a_row_that_is_being_written_is_not_answered() {
    let mut store = Store::new(1 << 20);
    store.write(&[1, 2], 10, true);
    store.read(&[1, 2]);
    let (one, two) = (key_of(1), key_of(2));
    let mut looked = Looked::new();
    let look = |looked: &mut Looked| store.table.look([(VIEW, &one[..]), (VIEW, &two[..])].into_iter(), looked);
    let mut before = Looked::new();
    look(&mut before);
    let changing = store.table.change([(VIEW, &one[..])].into_iter());
    look(&mut looked);
    assert!(looked.is_changing());
    assert_eq!(looked.get(0), Hot::Unknown);
    assert!(!store.table.is_still(&before));
    store.table.fill(&looked, 0, (VIEW, &one), None);
    changing.finish();
    look(&mut looked);
    assert!(matches!(looked.get(0), Hot::Row(_)), "{looked:?}");
    store.table.fill(&before, 0, (VIEW, &one), None);
    assert!(store.table.is_still(&looked));
}

#[test]
fn a_full_table_takes_no_more_than_its_bytes() {
    for bytes in [64 << 10, 1 << 20, 3_000_000, 128 << 20] {
        let counts = Table::new(bytes).counts();
        assert!(counts.bytes_max as usize <= bytes + 64, "{bytes}: {counts:?}");
        assert!(counts.bytes_max as usize > bytes / 100 * 95, "{bytes}: {counts:?}");
    }
}

#[test]
fn the_memory_of_a_large_look_is_given_back_and_that_of_a_small_one_is_kept() {
    let table = Table::new(64 << 20);
    let keys: Vec<_> = (0..20_000u64).map(u64::to_be_bytes).collect();
    let mut looked = Looked::new();
    let rows = || keys.iter().map(|key| (VIEW, &key[..]));
    for (key, row) in rows().zip(0..) {
        table.look([key].into_iter(), &mut looked);
        table.fill(&looked, 0, key, Some(Row { version: [row, 0], bytes: &[7; 100] }));
    }
    table.look(rows().take(100), &mut looked);
    let kept = (looked.rows.capacity(), looked.words.capacity());
    looked.trim();
    assert_eq!((looked.rows.capacity(), looked.words.capacity()), kept);
    table.look(rows(), &mut looked);
    assert!(looked.words.len() > 15_000 * 13);
    looked.trim();
    assert_eq!((looked.rows.capacity(), looked.words.capacity()), (0, 0));
}

#[test]
fn what_was_looked_for_before_a_clearing_is_not_filled_in_after_it() {
    let store = Store::new(1 << 20);
    let key = key_of(1);
    let mut looked = Looked::new();
    store.table.look([(VIEW, &key[..])].into_iter(), &mut looked);
    store.table.clear();
    store.table.fill(&looked, 0, (VIEW, &key), Some(Row { version: [1, 1], bytes: b"old" }));
    assert_eq!(store.table.counts().rows, 0);
}

#[test]
fn the_rows_of_a_view_are_forgotten_and_no_others() {
    let table = Table::new(1 << 20);
    let mut looked = Looked::new();
    let keys: Vec<_> = (0..200u64).map(|key| ((key % 3) as u32, key_of(key))).collect();
    for key in keys.iter().map(|(view, key)| (*view, key.as_slice())) {
        table.look([key].into_iter(), &mut looked);
        table.fill(&looked, 0, key, None);
    }
    table.forget_views(&[1, 9]);
    let is_there = |(view, key): &(u32, Vec<u8>)| {
        let mut looked = Looked::new();
        table.look([(*view, key.as_slice())].into_iter(), &mut looked);
        looked.get(0) == Hot::Absent
    };
    assert!(keys.iter().all(|key| is_there(key) == (key.0 != 1)));
    assert_eq!(table.counts().rows, 133);
}

#[test]
fn rows_of_other_views_and_of_keys_that_begin_alike_are_others() {
    let table = Table::new(1 << 20);
    let mut looked = Looked::new();
    let keys = [(1, &b"abcdefgh"[..]), (2, b"abcdefgh"), (1, b"abcdefgh\0"), (1, b"abcdefghi"), (1, b"")];
    table.look(keys.iter().copied(), &mut looked);
    for (index, key) in keys.iter().enumerate() {
        table.fill(&looked, index, *key, Some(Row { version: [index as i64, 0], bytes: &[index as u8; 9][..index] }));
        // The bucket has another word now.
        table.look(keys.iter().copied(), &mut looked);
    }
    for index in 0..keys.len() {
        let row = Row { version: [index as i64, 0], bytes: &[index as u8; 9][..index] };
        assert_eq!(looked.get(index), Hot::Row(row));
    }
}

#[test]
fn a_row_that_is_too_long_is_not_kept_and_one_that_becomes_so_is_forgotten() {
    let table = Table::new(1 << 20);
    let mut looked = Looked::new();
    let (long, short) = (vec![1; 1 << 20], vec![1; 100]);
    let key = (1, &b"k"[..]);
    let look = |looked: &mut Looked| table.look([key].into_iter(), looked);
    look(&mut looked);
    table.fill(&looked, 0, key, Some(Row { version: [1, 1], bytes: &long }));
    look(&mut looked);
    assert_eq!(looked.get(0), Hot::Unknown);
    table.fill(&looked, 0, key, Some(Row { version: [1, 1], bytes: &short }));
    look(&mut looked);
    assert!(matches!(looked.get(0), Hot::Row(_)));
    let changing = table.change([key].into_iter());
    changing.put(key, Row { version: [2, 2], bytes: &long });
    changing.finish();
    look(&mut looked);
    assert_eq!(looked.get(0), Hot::Unknown);
}

#[test]
fn a_scan_leaves_what_is_read_often() {
    let mut store = Store::new(1 << 20);
    let often: Vec<u64> = (0..1_000).collect();
    for _ in 0..4 {
        often.chunks(100).for_each(|keys| {
            store.read(keys);
        });
    }
    let all: Vec<u64> = (10_000..60_000).collect();
    all.chunks(100).for_each(|keys| {
        store.read(keys);
    });
    let hits: usize = often.chunks(100).map(|keys| store.read(keys)).sum();
    assert!(hits > 900, "{hits} of 1000");
    assert!(store.table.counts().evictions > 30_000);
}

#[test]
fn a_table_that_is_not_full_gives_nothing_up() {
    let mut store = Store::new(1 << 20);
    let keys: Vec<u64> = (0..3_000).collect();
    // One by one: of two that share a bucket and are read together, the second is filled in when it is read again.
    keys.iter().for_each(|key| {
        store.read(&[*key]);
    });
    let found: usize = keys.chunks(100).map(|keys| store.read(keys)).sum();
    let counts = store.table.counts();
    assert!((found, counts.evictions) == (3_000, 0) && counts.bytes < 800_000, "{found}, {counts:?}");
}

#[test]
fn an_index_of_one_bucket_holds_what_is_used_most() {
    let table = Table::with_layout(Layout { shards: 1, buckets: 1, small: 2_000, main: 2_000 });
    let mut looked = Looked::new();
    for key in 0..100u64 {
        let key = key.to_be_bytes();
        table.look([(VIEW, &key[..])].into_iter(), &mut looked);
        table.fill(&looked, 0, (VIEW, &key), Some(Row { version: [1, 1], bytes: &key }));
        let first = 0u64.to_be_bytes();
        table.look([(VIEW, &first[..])].into_iter(), &mut looked);
        assert!(matches!(looked.get(0), Hot::Row(_)));
    }
    assert_eq!(table.counts().rows, BUCKET_WORDS as u64 - 1);
}

/// Pairs of rows that are always written together, the versions that were acknowledged, and a table.
struct Shared {
    table: Table,
    stored: Vec<AtomicU64>,
    acknowledged: Vec<AtomicU64>,
    is_over: AtomicBool,
}

const PAIRS: u64 = 200;

impl Shared {
    fn write(&self, pair: u64, version: u64) {
        let keys = [2 * pair, 2 * pair + 1];
        let encoded = keys.map(key_of);
        let changing = self.table.change(encoded.iter().map(|key| (VIEW, key.as_slice())));
        self.stored[pair as usize].store(version, Ordering::SeqCst);
        for (key, encoded) in keys.iter().zip(&encoded) {
            let bytes = row_of(*key, version as i64);
            changing.put((VIEW, encoded), Row { version: [version as i64, 0], bytes: &bytes });
        }
        changing.finish();
        self.acknowledged[pair as usize].store(version, Ordering::SeqCst);
    }

    /// Reads a pair; says whether the table answered.
    fn read(&self, pair: u64, looked: &mut Looked) -> bool {
        let keys = [2 * pair, 2 * pair + 1];
        let encoded = keys.map(key_of);
        let least = self.acknowledged[pair as usize].load(Ordering::SeqCst);
        self.table.look(encoded.iter().map(|key| (VIEW, key.as_slice())), looked);
        if looked.is_changing() {
            return false;
        }
        let stored = self.stored[pair as usize].load(Ordering::SeqCst);
        let rows: Vec<_> = keys.iter().map(|key| row_of(*key, stored as i64)).collect();
        let of_store = |index: usize| Row { version: [stored as i64, 0], bytes: &rows[index] };
        let found = [0, 1].map(|index| match looked.get(index) {
            Hot::Row(row) => row,
            Hot::Absent => panic!("nobody said so"),
            Hot::Unknown => of_store(index),
        });
        if !self.table.is_still(looked) {
            return false;
        }
        let [one, other] = found.map(|row| row.version[0]);
        assert!(one == other && one as u64 >= least, "pair {pair}: {one}, {other}, acknowledged {least}");
        for (key, row) in keys.iter().zip(found) {
            assert_eq!(row.bytes, row_of(*key, one), "torn");
        }
        let unknown: Vec<_> = looked.unknown().collect();
        unknown.iter().for_each(|index| {
            self.table.fill(looked, *index, (VIEW, &encoded[*index]), Some(of_store(*index)));
        });
        unknown.is_empty()
    }
}

#[test]
fn readers_beside_a_writer_see_no_torn_no_old_and_no_half_written_rows() {
    // Small enough that rows make room for others all the time.
    let shared = Shared {
        table: Table::new(24 << 10),
        stored: (0..PAIRS).map(|_| AtomicU64::new(0)).collect(),
        acknowledged: (0..PAIRS).map(|_| AtomicU64::new(0)).collect(),
        is_over: AtomicBool::new(false),
    };
    let (writes, threads) = if cfg!(miri) { (300, 2) } else { (60_000, 3) };
    let hits = thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|reader| {
                let shared = &shared;
                scope.spawn(move || {
                    let (mut looked, mut hits, mut turn) = (Looked::new(), 0u64, reader);
                    while !shared.is_over.load(Ordering::Relaxed) {
                        turn += 1;
                        hits += u64::from(shared.read(turn * turn % PAIRS * turn % 7 % PAIRS, &mut looked));
                        hits += u64::from(shared.read(turn % PAIRS, &mut looked));
                    }
                    hits
                })
            })
            .collect();
        for version in 1..=writes {
            shared.write(version * 31 % PAIRS, version);
        }
        shared.is_over.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>()
    });
    // Both are found when nobody writes: of two that share a bucket the second one comes in with the second read.
    let mut looked = Looked::new();
    assert!((0..4).any(|_| shared.read(0, &mut looked)));
    let counts = shared.table.counts();
    assert!(counts.hits >= hits && counts.bytes <= counts.bytes_max, "{counts:?}");
}
