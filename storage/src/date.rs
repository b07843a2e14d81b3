//! Days of the calendar.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// A day of the proleptic Gregorian calendar, from 0001-01-01 to 9999-12-31: days since 1970-01-01.
///
/// A date has no time of day and no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date(i32);

impl Date {
    /// 0001-01-01.
    pub const MIN: Date = Date(-719_162);
    /// 9999-12-31, which warehouses write for "open".
    pub const MAX: Date = Date(2_932_896);

    /// Returns the date so many days after 1970-01-01; `None` outside of the range.
    pub const fn from_days(days: i32) -> Option<Self> {
        if days < Self::MIN.0 || days > Self::MAX.0 { None } else { Some(Date(days)) }
    }

    /// Days since 1970-01-01.
    pub const fn as_days(self) -> i32 {
        self.0
    }

    /// Returns its first moment, in UTC.
    pub fn start(self) -> Timestamp {
        Timestamp::from_micros(i64::from(self.0) * DAY_MICROS)
    }

    /// Returns year, month and day, the latter two from one.
    pub fn ymd(self) -> (i16, i8, i8) {
        let date = EPOCH.saturating_add(jiff::Span::new().days(self.0));
        (date.year(), date.month(), date.day())
    }

    /// Returns the date of year, month and day; `None` where the calendar has none.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        Date::from_days(date.since(EPOCH).ok()?.get_days())
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

impl fmt::Display for Date {
    /// `YYYY-MM-DD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads `YYYY-MM-DD`, and nothing else: a time of day would be lost, and a number says no unit.
    fn from_str(text: &str) -> Result<Self> {
        let parsed = match text.trim().as_bytes() {
            [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => {
                let number = |digits: &[u8]| {
                    let digit =
                        |number: i16, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'));
                    digits.iter().try_fold(0, digit)
                };
                let small = |digits: &[u8]| number(digits).map(|number| number as i8);
                number(year).zip(small(&[*m1, *m2])).zip(small(&[*d1, *d2]))
            }
            _ => None,
        };
        let date = parsed.and_then(|((year, month), day)| Date::from_ymd(year, month, day));
        date.ok_or_else(|| Error::invalid(format!("a date is YYYY-MM-DD, from 0001-01-01 to 9999-12-31: {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar_there_and_back() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2024-06-01", 19_875),
            ("1899-12-31", -25_568),
            ("0001-01-01", -719_162),
            ("9999-12-31", 2_932_896),
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!((date.as_days(), date.to_string().as_str()), (days, text));
        }
        let mut days = Date::MIN.as_days();
        while let Some(date) = Date::from_days(days) {
            let (year, month, day) = date.ymd();
            assert_eq!(Date::from_ymd(year, month, day), Some(date));
            assert_eq!(date.to_string().parse::<Date>().unwrap(), date);
            days += 997;
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in [
            "",
            "2024",
            "2024-6-1",
            "2024-02-30",
            "2023-02-29",
            "0000-01-01",
            "10000-01-01",
            "19875",
            "2024-06-01T00:00:00Z",
            "2024/06/01",
            "-001-01-01",
            "2024-06-0x",
            "20240-6-01",
        ] {
            let error = bad.parse::<Date>().unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::Invalid, "{bad}");
        }
        assert_eq!((Date::from_days(-719_163), Date::from_days(2_932_897)), (None, None));
        assert_eq!(" 2024-06-01 ".parse::<Date>().unwrap().as_days(), 19_875);
    }
}
