//! The record of what was read on one day.

use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded};
use crate::date::Date;
use crate::error::{Error, Result};
use crate::time::Timestamp;
use crate::usage::{UsageCounts, UsageDay, UsageKey, UsageOf, UsageRow};

#[derive(Encode, Decode)]
pub(crate) struct UsageDayRecordV1 {
    rows: Vec<UsageRowRecordV1>,
}

#[derive(Encode, Decode)]
struct UsageRowRecordV1 {
    /// Days since 1970-01-01.
    day: i32,
    is_service: bool,
    name: String,
    consumer: String,
    /// Calls and rows, of serving, training and exports.
    counts: [(u64, u64); 3],
    /// Microseconds since 1970.
    last: i64,
    values: Vec<(String, u64)>,
}

impl Recorded for UsageDay {
    type Written = UsageDayRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read_checked::<UsageDayRecordV1, Self>];

    fn name(_: &[u8]) -> String {
        "usage of a day".to_owned()
    }
}

impl From<&UsageDay> for UsageDayRecordV1 {
    fn from(day: &UsageDay) -> Self {
        let counts = |counts: UsageCounts| (counts.calls, counts.rows);
        let row = |row: &UsageRow| UsageRowRecordV1 {
            day: row.day.as_days(),
            is_service: row.key.of == UsageOf::Service,
            name: row.key.name.clone(),
            consumer: row.key.consumer.clone(),
            counts: [row.serving, row.training, row.exports].map(counts),
            last: row.last.as_micros(),
            values: row.values.iter().map(|(feature, values)| (feature.clone(), *values)).collect(),
        };
        UsageDayRecordV1 { rows: day.rows.iter().map(row).collect() }
    }
}

impl TryFrom<UsageDayRecordV1> for UsageDay {
    type Error = Error;

    fn try_from(record: UsageDayRecordV1) -> Result<Self> {
        let counts = |(calls, rows)| UsageCounts { calls, rows };
        let row = |row: UsageRowRecordV1| {
            let of = if row.is_service { UsageOf::Service } else { UsageOf::View };
            let [serving, training, exports] = row.counts.map(counts);
            Ok(UsageRow {
                day: Date::from_days(row.day).ok_or_else(|| Error::corrupt("a day that no calendar has"))?,
                key: UsageKey { of, name: row.name, consumer: row.consumer },
                serving,
                training,
                exports,
                last: Timestamp::from_micros(row.last),
                values: row.values.into_iter().collect(),
            })
        };
        Ok(UsageDay { rows: record.rows.into_iter().map(row).collect::<Result<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_day_has_these_bytes_and_damaged_ones_are_refused() {
        let key = UsageKey { of: UsageOf::Service, name: "r".to_owned(), consumer: "c".to_owned() };
        let mut row = UsageRow::new(Date::from_days(1).unwrap(), key);
        row.serving = UsageCounts { calls: 2, rows: 3 };
        row.last = Timestamp::from_micros(4);
        row.values = [("f".to_owned(), 5)].into();
        let day = UsageDay { rows: vec![row] };
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        let counts = [2, 3, 0, 0, 0, 0].map(number).concat();
        let values = [number(1), text("f"), number(5)].concat();
        let start = [vec![1], number(1), 1_i32.to_le_bytes().to_vec(), vec![1], text("r"), text("c")].concat();
        let bytes = [start, counts, number(4), values].concat();
        assert_eq!(day.encode().unwrap(), bytes);
        assert_eq!(UsageDay::decode(&bytes).unwrap(), day);
        for cut in 0..bytes.len() {
            assert_eq!(UsageDay::decode(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt, "{cut}");
        }
        let mut no_day = bytes;
        no_day[9..13].copy_from_slice(&i32::MAX.to_le_bytes());
        assert_eq!(UsageDay::decode(&no_day).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
