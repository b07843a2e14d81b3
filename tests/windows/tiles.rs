//! Tiles: what is kept of events that were folded, and that it changes no answer.

use std::sync::Arc;

use asofdb::{
    AnswerColumns, Definitions, IngestOptions, Input, ManualClock, Session, Span, Store, Timestamp, parse_definitions,
};

use asofdb::storage::Tile;
use asofdb::storage::tile::TileKey;

use super::{Purchase, bought, entities, purchase, values};
use crate::common::files::parquet;
use crate::common::{NOW, TestStore, in_memory, int};

const TILED: &str = concat!(
    events!(),
    r#"
[[window_view]]
name = "w"
from = "purchases"
where = "shop != 'c'"
windows = ["5m", "1h", "7h", "2d", "50d"]
feature = [
    { name = "n", aggregate = "count" },
    { name = "sum", aggregate = "sum", of = "amount" },
    { name = "mean", aggregate = "mean", of = "amount", where = "shop == 'a'" },
    { name = "least", aggregate = "min", of = "amount" },
    { name = "most", aggregate = "max", of = "shop" },
    { name = "spread", aggregate = "stddev", of = "amount" },
    { name = "first", aggregate = "first", of = "amount" },
    { name = "last", aggregate = "last", of = "shop" },
    { name = "shops", aggregate = "distinct", of = "shop" },
    { name = "latest", aggregate = "last_k", of = "amount", k = 3 },
    { name = "at", aggregate = "count_by", of = "shop", values = ["a"] },
    { name = "orders", aggregate = "approx_distinct", of = "order_id", precision = 6 },
    { name = "middle", aggregate = "quantile", of = "amount", q = 0.5, error = 0.05 },
]

[[window_view]]
name = "stepped"
from = "purchases"
windows = ["1h", "1d"]
every = "5m"
offset = "10m"
feature = [{ name = "n", aggregate = "count" }, { name = "sum", aggregate = "sum", of = "amount" }]
"#
);

const HOUR: i64 = 3_600_000_000;

fn tiled() -> Definitions {
    parse_definitions(TILED, "tiled.toml").unwrap()
}

/// The tiles that a store has, about.
fn tiles(store: &Store) -> u64 {
    store.flush().unwrap();
    let stats = store.stats().unwrap();
    stats.families.iter().find(|family| family.name == "tiles").unwrap().rows_estimate
}

/// Numbers that look random, each time the same.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound as u64) as i64
    }
}

/// A store on disk, which keeps tiles, and one in memory, which folds everything; both with the same writes.
struct Pair {
    test: TestStore,
    memory: Store,
    clock: Arc<ManualClock>,
    draw: Draw,
    now: Timestamp,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let clock = ManualClock::new(NOW);
        let memory = Store::in_memory(clock.clone());
        memory.apply(&tiled(), false).unwrap();
        Pair { test: TestStore::new(&tiled()), memory, clock, draw: Draw(seed), now: NOW }
    }

    fn both(&self, run: impl Fn(&Store)) {
        run(&self.test.store);
        run(&self.memory);
    }

    /// Events of a user in some hours before a time, a part of them known late.
    fn write(&mut self, rows: i64, before: Timestamp, hours: i64) {
        let now = self.now;
        let draw = &mut self.draw;
        let rows: Vec<Purchase<'_>> = (0..rows)
            .map(|_| {
                // Some lie at the very ends of slots and hours.
                let at = before.as_micros() - draw.below(hours * HOUR);
                let at = if draw.below(10) == 0 { at - at.rem_euclid(HOUR / 12) } else { at };
                let event = Timestamp::from_micros(at);
                let lag = if draw.below(5) == 0 { draw.below(20 * HOUR) } else { 0 };
                let created = event.plus(Span::from_micros(lag)).min(now);
                let shop = ["a", "b", "c"][draw.below(3) as usize];
                let amount = (draw.below(10) > 0).then(|| draw.below(1 << 40) as f64 / 1024.0 - 1e8);
                (1 + draw.below(2), event, created, draw.below(50), shop, amount)
            })
            .collect();
        let rows = bought(&rows);
        self.both(|store| {
            store.write("purchases", &rows).unwrap();
        });
    }

    /// Deletes an event that is not there: whatever tiles it would be in go, and no answer changes.
    fn spoil(&mut self) {
        let at = self.now.minus(Span::from_micros(self.draw.below(30 * HOUR)));
        let row = bought(&[(1 + self.draw.below(2), at, self.now, 1_000_000, "", None)]).project(&[0, 1, 3]).unwrap();
        self.both(|store| {
            store.delete_events("purchases", &row).unwrap();
        });
    }

    /// Compares all windows of both users at a time.
    fn compare(&mut self) {
        let before = Span::from_micros(self.draw.below(60 * HOUR));
        let at = [self.now, self.now.minus(before)][self.draw.below(2) as usize];
        let at = match self.draw.below(3) {
            0 => Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(HOUR / 12)),
            1 => Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(HOUR)),
            _ => at,
        };
        let known_at = (self.draw.below(3) == 0).then(|| at.minus(Span::from_micros(self.draw.below(10 * HOUR))));
        let answer = |store: &Store| {
            let request = store.prepare(&["w:*", "stepped:*"]).unwrap();
            let answer = store.as_of(&request, &entities(&request, &[1, 2, 3]), at, known_at).unwrap();
            let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
            format!("{:?}", answer.to_record_batch(columns).unwrap())
        };
        assert_eq!(answer(&self.test.store), answer(&self.memory), "at {at}, known at {known_at:?}");
    }

    /// Lets time pass; a minute after its last making tiles of an entity are made again.
    fn pass(&mut self, time: Span) {
        self.now = self.now.plus(time);
        self.test.clock.set(self.now);
        self.clock.set(self.now);
        self.both(|store| store.confirm_clock().unwrap());
    }
}

fn random_history(seed: u64) {
    let mut pair = Pair::new(seed);
    pair.write(3_000, NOW, 48);
    pair.write(200, NOW, 40 * 24);
    let mut most = 0;
    for step in 0..40 {
        match pair.draw.below(8) {
            0 => pair.write(20, pair.now, 48),
            1 => pair.spoil(),
            2 => pair.write(300, pair.now, 2),
            3 => pair.pass(Span::from_micros(HOUR / 3)),
            _ => {}
        }
        pair.compare();
        if step % 5 == 4 {
            pair.pass(Span::from_secs(61));
            pair.compare();
            // The tiles that were wished for are there when it returns.
            pair.test.store.compact().unwrap();
            most = most.max(tiles(&pair.test.store));
            pair.compare();
            assert_eq!(pair.test.store.verify().unwrap().problems, Vec::<String>::new());
        }
    }
    assert!(most > 20, "tiles were made: {most}");
}

#[test]
fn with_all_some_or_no_tiles_answers_are_the_same_bits() {
    (1..=3).for_each(random_history);
}

/// A purchase of user 1 every so many seconds before now, from a first one on.
fn regularly(rows: i64, seconds: i64, first: i64) -> Vec<Purchase<'static>> {
    (first..first + rows)
        .map(|row| purchase(NOW.minus(Span::from_secs(600 + row * seconds)), row, "a", row as f64))
        .collect()
}

/// A store with 2,000 purchases of user 1 in the 100,000 seconds before now, and tiles of them.
fn with_tiles() -> TestStore {
    let test = TestStore::new(&tiled());
    test.store.write("purchases", &bought(&regularly(2_000, 50, 0))).unwrap();
    assert_eq!(values(&test.store, &["w:n_2d"], NOW, None), [int(2_000)]);
    test.store.compact().unwrap();
    assert!(tiles(&test.store) > 20);
    test
}

#[test]
fn a_late_event_is_in_every_window_as_soon_as_it_is_written() {
    let test = with_tiles();
    let event = NOW.minus(Span::from_secs(20 * 3_600));
    let late = bought(&[(1, event, NOW, 77_000, "b", Some(0.5))]);
    test.store.write("purchases", &late).unwrap();
    let features = ["w:n_1h", "w:n_2d", "w:n_50d", "stepped:n_1d"];
    let counts = values(&test.store, &features, NOW, None);
    assert_eq!(counts[1..3], [int(2_001), int(2_001)]);
    let memory = in_memory(&tiled());
    memory.write("purchases", &bought(&regularly(2_000, 50, 0))).unwrap();
    memory.write("purchases", &late).unwrap();
    assert_eq!(counts, values(&memory, &features, NOW, None));
    let known = values(&test.store, &["w:n_2d"], NOW, Some(NOW.minus(Span::from_secs(1))));
    assert_eq!(known, [int(2_000)], "and not in what was known before");
}

#[test]
fn a_bulk_load_of_old_events_is_in_every_window() {
    let test = with_tiles();
    let path = test.directory.path().join("old.parquet");
    let file = Input::Path(parquet(path, &bought(&regularly(60_000, 1, 100_000)), 10_000));
    test.store.ingest("purchases", vec![file], &IngestOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(values(&test.store, &["w:n_50d"], NOW, None), [int(62_000)]);
    assert_eq!(test.store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn an_entity_that_is_erased_leaves_no_tiles() {
    let test = with_tiles();
    let key = [("user_id", asofdb::Value::Int64(1))];
    test.store.erase(&["purchases"], &key).unwrap();
    assert_eq!(values(&test.store, &["w:n_2d"], NOW, None), [None]);
    test.store.compact().unwrap();
    assert!(tiles(&test.store) <= 1, "but for how far they reached");
}

#[test]
fn windows_that_are_defined_in_another_way_have_tiles_of_their_own() {
    let test = with_tiles();
    let other = TILED.replace("where = \"shop != 'c'\"", "where = \"shop != 'a'\"");
    let other = parse_definitions(&other, "other.toml").unwrap();
    let allow = asofdb::Allow { redefine: true, ..asofdb::Allow::default() };
    test.store.apply_to(&other, allow, None).unwrap();
    assert_eq!(values(&test.store, &["w:n_2d"], NOW, None), [int(0)]);
    // Another feature of the same view: the tiles of before do not have it.
    let more = TILED.replace("name = \"sum\", aggregate = \"sum\", of = \"amount\" },\n    { name = \"mean\"",
        "name = \"sum\", aggregate = \"sum\", of = \"amount\" },\n    { name = \"most_of\", aggregate = \"max\", of = \"amount\" },\n    { name = \"mean\"");
    test.store.apply_to(&parse_definitions(&more, "more.toml").unwrap(), allow, None).unwrap();
    assert_eq!(values(&test.store, &["w:n_2d", "w:most_of_2d"], NOW, None), [int(2_000), super::float(1_999.0)]);
}

#[test]
fn a_store_that_is_opened_again_has_its_tiles_and_knows_how_far_they_reach() {
    let TestStore { store, clock, directory } = with_tiles();
    let before = tiles(&store);
    drop(store);
    let path = directory.path().join("store");
    let store = Store::open_with(&path, asofdb::Options::default(), clock, asofdb::Durability::Os).unwrap();
    assert_eq!(tiles(&store), before);
    let event = NOW.minus(Span::from_secs(20 * 3_600));
    store.write("purchases", &bought(&[purchase(event, 77_000, "b", 0.5)])).unwrap();
    assert_eq!(values(&store, &["w:n_2d"], NOW, None), [int(2_001)]);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn retention_takes_tiles_along_with_the_events_that_they_are_of() {
    let kept = TILED.replace("event_id = [", "retention = \"60d\"\nevent_id = [");
    let test = TestStore::new(&parse_definitions(&kept, "kept.toml").unwrap());
    test.store.write("purchases", &bought(&regularly(2_000, 50, 0))).unwrap();
    assert_eq!(values(&test.store, &["w:n_2d"], NOW, None), [int(2_000)]);
    test.store.compact().unwrap();
    assert!(tiles(&test.store) > 20);
    let later = NOW.plus(Span::from_secs(100 * 86_400));
    test.clock.set(later);
    test.store.confirm_clock().unwrap();
    test.store.compact().unwrap();
    assert!(tiles(&test.store) < 5, "{}", tiles(&test.store));
    assert_eq!(test.store.verify().unwrap().problems, Vec::<String>::new());
}

/// Puts other contents in the place of tiles, as a fault of ours could: the key and the content of each go in.
fn replace(store: &Store, change: impl FnOnce(&mut Vec<Tile>)) {
    let mut tiles = Vec::new();
    let visit = &mut |key: TileKey<'_>, content: &[u8], _: &dyn asofdb::storage::State| {
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        tiles.push(Tile { key: bytes, content: content.to_vec() });
        Ok(())
    };
    store.backend().each_tile(visit).unwrap();
    change(&mut tiles);
    let making = store.backend().make_tiles(NOW).unwrap().unwrap();
    making.keep(tiles).unwrap();
}

#[test]
fn verify_tells_of_tiles_that_are_wrong_and_reads_pass_over_those_that_cannot_be_read() {
    let test = with_tiles();
    assert_eq!(test.store.verify().unwrap().problems, Vec::<String>::new());
    replace(&test.store, |tiles| {
        let level = |tile: &Tile| TileKey::decode(&tile.key).unwrap().level;
        let slots: Vec<usize> = (0..tiles.len()).filter(|tile| level(&tiles[*tile]) == 0).collect();
        tiles[slots[1]].content = tiles[slots[2]].content.clone();
    });
    let problems = test.store.verify().unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("a tile of window view \"w\" disagrees with its events"), "{problems:?}");
    replace(&test.store, |tiles| {
        for tile in tiles {
            let len = tile.content.len();
            tile.content.truncate(len - 1);
        }
    });
    let problems = test.store.verify().unwrap().problems;
    assert!(problems.len() > 20 && problems.iter().all(|problem| problem.contains("cannot be read")), "{problems:?}");
    // Reads pass them over, and they are made anew.
    assert_eq!(values(&test.store, &["w:n_2d"], NOW, None), [int(2_000)]);
    test.clock.set(NOW.plus(Span::from_secs(61)));
    assert_eq!(values(&test.store, &["w:n_2d"], NOW, None), [int(2_000)]);
    test.store.compact().unwrap();
    assert!(test.store.verify().unwrap().problems.len() < problems.len());
}
