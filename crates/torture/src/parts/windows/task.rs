//! The tasks of a process that works with events and windows.

use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use asofdb::{IngestOptions, Input, InputFormat, Result, Session as _, Span, Store, Timestamp, Value};

use super::world::{EVENTS, USERS, definitions, read_all};
use crate::Random;

/// The time of the first task: 2024-06-01.
const FIRST: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

/// The time between two tasks. Tiles of an entity are made again after a minute at the earliest.
const STEP: Span = Span::from_secs(30);

const HOUR_MICROS: u64 = 3_600_000_000;

/// Rows of a load: as many as go by way of files.
const LOAD_ROWS: u64 = 50_000;

/// A task, which follows from the seed and its number alone.
pub(super) struct Task {
    seed: u64,
    number: u64,
}

/// A purchase: user, event, order, shop, amount.
type Purchase = (i64, Timestamp, i64, &'static str, Option<f64>);

enum Work {
    Define,
    Write { rows: u64, hours: u64 },
    Load,
    Delete,
    Erase,
    Read,
    Compact,
}

impl Task {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        Task { seed, number }
    }

    /// The present of the task.
    pub(super) fn now(&self) -> Timestamp {
        FIRST.plus(Span::from_micros(STEP.as_micros() * self.number as i64))
    }

    fn random(&self) -> Random {
        Random::new(Random::new(self.seed ^ self.number.rotate_left(40)).next())
    }

    fn work(&self, random: &mut Random) -> Work {
        match (self.number, random.below(20)) {
            (0, _) => Work::Define,
            (1..=4, _) => Work::Write { rows: 1_500, hours: 48 },
            (_, 0..=4) => Work::Write { rows: 20 + random.below(300), hours: 1 },
            (_, 5..=7) => Work::Write { rows: 1 + random.below(30), hours: 60 },
            (_, 8..=10) => Work::Delete,
            (_, 11) if random.below(8) == 0 => Work::Load,
            (_, 12) if random.below(4) == 0 => Work::Erase,
            (_, 13..=14) => Work::Compact,
            _ => Work::Read,
        }
    }

    /// Does the task. `is_tiled` says that the store keeps tiles, so that what changes nothing but tiles is done as
    /// well.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn run(&self, store: &Store, is_tiled: bool) -> Result<()> {
        let mut random = self.random();
        match self.work(&mut random) {
            Work::Define => store.apply(&definitions()?, false).map(drop),
            Work::Write { rows, hours } => {
                store.write(EVENTS, &bought(&self.purchases(&mut random, rows, hours), self.now())?).map(drop)
            }
            Work::Load => self.load(&mut random, store),
            Work::Delete => self.delete(&mut random, store),
            Work::Erase => {
                let user = Value::Int64(1 + random.below(USERS) as i64);
                store.erase(&[EVENTS], &[("user_id", user)]).map(drop)
            }
            Work::Read if is_tiled => read_all(store, self.now(), None).map(drop),
            Work::Compact if is_tiled => store.compact(),
            Work::Read | Work::Compact => Ok(()),
        }
    }

    /// Purchases of the last hours.
    fn purchases(&self, random: &mut Random, rows: u64, hours: u64) -> Vec<Purchase> {
        let purchase = |row: u64| {
            let at = self.now().minus(Span::from_micros(random.below(hours * HOUR_MICROS) as i64));
            let shop = ["a", "b", "c"][random.below(3) as usize];
            let amount = (random.below(10) > 0).then(|| random.below(1 << 40) as f64 / 1_024.0 - 1e8);
            (1 + random.below(USERS) as i64, at, (self.number * LOAD_ROWS + row) as i64, shop, amount)
        };
        (0..rows).map(purchase).collect()
    }

    /// Loads a file that is so long that it becomes files of the store.
    fn load(&self, random: &mut Random, store: &Store) -> Result<()> {
        let mut lines = "user_id,event_timestamp,created,order_id,shop,amount\n".to_owned();
        for (user, event, order, shop, amount) in self.purchases(random, LOAD_ROWS, 400) {
            let amount = amount.map_or(String::new(), |amount| amount.to_string());
            // Writing to a text does not fail.
            let _ = writeln!(lines, "{user},{event},{},{order},{shop},{amount}", self.now());
        }
        let reader = Box::new(Cursor::new(lines.into_bytes()));
        let input = Input::Reader { name: format!("task {}", self.number), reader };
        let options =
            IngestOptions { input_format: Some(InputFormat::Csv), from_scratch: true, ..IngestOptions::default() };
        store.ingest(EVENTS, vec![input], &options, &mut |_| {}).map(drop)
    }

    /// Deletes some events that an earlier task wrote, and one that was never there.
    fn delete(&self, random: &mut Random, store: &Store) -> Result<()> {
        let earlier = Task::new(self.seed, random.below(self.number));
        let mut theirs = earlier.random();
        let mut rows = match earlier.work(&mut theirs) {
            Work::Write { rows, hours } => earlier.purchases(&mut theirs, rows, hours),
            _ => Vec::new(),
        };
        rows.truncate(5);
        rows.push((1, self.now().minus(Span::from_micros(random.below(30 * HOUR_MICROS) as i64)), -1, "a", None));
        store.delete_events(EVENTS, &bought(&rows, self.now())?).map(drop)
    }
}

fn bought(rows: &[Purchase], created: Timestamp) -> Result<RecordBatch> {
    let times = |times: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")) };
    let columns: [(&str, ArrayRef); 6] = [
        ("user_id", Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>())),
        ("event_timestamp", times(rows.iter().map(|row| row.1.as_micros()).collect())),
        ("created", times(vec![created.as_micros(); rows.len()])),
        ("order_id", Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int64Array>())),
        ("shop", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.3)))),
        ("amount", Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .map_err(|error| asofdb::Error::internal(error.to_string()))
}
