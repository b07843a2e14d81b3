//! The calendar of partitions: the UTC day or month that an event belongs to.

use asofdb_storage::{Error, Result, Timestamp};

use super::options::PartitionBy;

impl PartitionBy {
    /// The first moment of the partition that `event` belongs to.
    pub(super) fn start(self, event: Timestamp) -> Result<Timestamp> {
        const DAY_MICROS: i64 = 86_400_000_000;
        let midnight = event.as_micros().div_euclid(DAY_MICROS) * DAY_MICROS;
        match self {
            PartitionBy::Day => Ok(Timestamp::from_micros(midnight)),
            PartitionBy::Month => {
                let (_, _, day) = date(event)?;
                let days = i64::from(day) - 1;
                Ok(Timestamp::from_micros(midnight - days * DAY_MICROS))
            }
        }
    }

    /// The directory of the partition that starts at `start`.
    pub(super) fn directory(self, start: Timestamp) -> Result<String> {
        let (year, month, day) = date(start)?;
        let column = self.column();
        Ok(match self {
            PartitionBy::Day => format!("{column}={year:04}-{month:02}-{day:02}"),
            PartitionBy::Month => format!("{column}={year:04}-{month:02}"),
        })
    }
}

/// The UTC date of a moment: year, month, day.
fn date(moment: Timestamp) -> Result<(i16, i8, i8)> {
    moment.date().ok_or_else(|| {
        Error::invalid(format!("an event is outside the years 1 to 9999; export it without partitions: {moment}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_utc_days_and_months_also_before_the_epoch() {
        let directories = |time: &str| {
            let event: Timestamp = time.parse().unwrap();
            [PartitionBy::Day, PartitionBy::Month].map(|by| by.directory(by.start(event).unwrap()).unwrap())
        };
        for (time, day, month) in [
            ("2013-01-31T23:59:59.999999Z", "event_date=2013-01-31", "event_month=2013-01"),
            ("2013-02-01T00:00:00Z", "event_date=2013-02-01", "event_month=2013-02"),
            ("2016-02-29T12:00:00+14:00", "event_date=2016-02-28", "event_month=2016-02"),
            ("1969-12-31T23:59:59.999999Z", "event_date=1969-12-31", "event_month=1969-12"),
            ("9999-12-31T23:59:59.999999Z", "event_date=9999-12-31", "event_month=9999-12"),
        ] {
            assert_eq!(directories(time), [day, month], "{time}");
        }
    }
}
