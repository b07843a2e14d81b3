//! The calendar in UTC, for every `i64` of microseconds.
//!
//! The proleptic Gregorian calendar repeats every 400 years, or 146,097 days. Counting years from March puts leap days
//! at the end of a year, so that the months before have the same lengths in every year.

use asofdb_storage::{Date, Timestamp};

use crate::nulls::Fault;

pub(crate) const MICROS_A_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_A_MINUTE: i64 = 60 * MICROS_A_SECOND;
pub(crate) const MICROS_AN_HOUR: i64 = 60 * MICROS_A_MINUTE;
pub(crate) const MICROS_A_DAY: i64 = 24 * MICROS_AN_HOUR;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_FROM_MARCH_0: i64 = 719_468;
const DAYS_AN_ERA: i64 = 146_097;

/// A part of a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// From 0, Monday, to 6, Sunday.
    Weekday,
}

impl Part {
    pub(crate) const ALL: [(&'static str, Part); 7] = [
        ("year", Part::Year),
        ("month", Part::Month),
        ("day", Part::Day),
        ("hour", Part::Hour),
        ("minute", Part::Minute),
        ("second", Part::Second),
        ("weekday", Part::Weekday),
    ];

    #[inline(always)]
    pub(crate) fn of(self, micros: i64) -> i64 {
        let days = micros.div_euclid(MICROS_A_DAY);
        match self {
            Part::Year => civil(days).0,
            Part::Month => civil(days).1,
            Part::Day => civil(days).2,
            Part::Hour => micros.rem_euclid(MICROS_A_DAY) / MICROS_AN_HOUR,
            Part::Minute => micros.rem_euclid(MICROS_AN_HOUR) / MICROS_A_MINUTE,
            Part::Second => micros.rem_euclid(MICROS_A_MINUTE) / MICROS_A_SECOND,
            // 1970-01-01 was a Thursday.
            Part::Weekday => (days + 3).rem_euclid(7),
        }
    }
}

/// Year, month and day of a day since 1970-01-01.
#[inline(always)]
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_FROM_MARCH_0;
    let era = days.div_euclid(DAYS_AN_ERA);
    let day_of_era = days.rem_euclid(DAYS_AN_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The midnight at which a day begins. Days are those of [`Date`]; others give some other time.
#[inline(always)]
pub(crate) fn midnight(days: i64) -> i64 {
    days.wrapping_mul(MICROS_A_DAY)
}

/// The day of a point in time; a fault outside the years 1 to 9999.
#[inline(always)]
pub(crate) fn day_of(micros: i64) -> (i64, Fault) {
    let days = micros.div_euclid(MICROS_A_DAY);
    let is_date = days >= Date::MIN.as_days() as i64 && days <= Date::MAX.as_days() as i64;
    (days, Fault::Overflow.when(!is_date))
}

/// A point in time that was computed; a fault outside the years 1 to 9999.
#[inline(always)]
pub(crate) fn in_range((micros, overflows): (i64, bool)) -> (i64, Fault) {
    let is_in = Timestamp::from_micros(micros).is_in_range();
    (micros, Fault::Overflow.when(overflows | !is_in))
}

/// Reads a point in time as definitions do.
pub(crate) fn read_time(text: &str) -> Result<i64, Fault> {
    // What is no date at the start is no time: no error need be made for it.
    let looks_good = text.trim_start().as_bytes().get(4) == Some(&b'-');
    let read = looks_good.then(|| text.parse::<Timestamp>().ok()).flatten();
    read.map(Timestamp::as_micros).ok_or(Fault::Domain)
}

/// Reads a day as definitions do.
pub(crate) fn read_date(text: &str) -> Result<i64, Fault> {
    let looks_good = text.trim().len() == "2024-01-01".len();
    let read = looks_good.then(|| text.parse::<Date>().ok()).flatten();
    read.map(|date| i64::from(date.as_days())).ok_or(Fault::Domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_calendar_of_the_engine() {
        let step = 7 * MICROS_A_DAY + 12_345_678_901;
        let mut micros = Timestamp::FIRST.as_micros();
        while micros <= Timestamp::LAST.as_micros() {
            let (year, month, day) = Timestamp::from_micros(micros).date().unwrap();
            let parts = [Part::Year, Part::Month, Part::Day].map(|part| part.of(micros));
            assert_eq!(parts, [i64::from(year), i64::from(month), i64::from(day)], "{micros}");
            micros += step;
        }
    }

    #[test]
    fn every_number_of_microseconds_has_parts() {
        for micros in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            for (name, part) in Part::ALL {
                let value = part.of(micros);
                assert!(part == Part::Year || (0..60).contains(&value), "{name} {micros} {value}");
            }
        }
        let last = Timestamp::from_micros(-1).as_micros();
        assert_eq!(Part::ALL.map(|(_, part)| part.of(last)), [1969, 12, 31, 23, 59, 59, 2]);
    }
}
