//! Points in time, spans of time, and the clock.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::error::{Error, Result};

/// Microseconds a second.
const MICROS_PER_SECOND: i64 = 1_000_000;

/// A point in time: microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The least timestamp.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The greatest timestamp.
    pub const MAX: Timestamp = Timestamp(i64::MAX);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// Values nearer to the epoch than this (some 116 days) are seconds or milliseconds taken for
    /// microseconds: seconds reach it in the year 2286, milliseconds in 2286 too.
    const NEAREST_TO_EPOCH: i64 = 10_000_000_000_000;
    /// The end of the year 9999. Today's nanoseconds taken for microseconds lie far beyond it.
    const FARTHEST: i64 = 253_402_300_799_999_999;

    /// A timestamp from microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This point moved into the future, at most to [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Timestamp(self.0.saturating_add(span.0))
    }

    /// This point moved into the past, at most to [`Timestamp::MIN`].
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Timestamp(self.0.saturating_sub(span.0))
    }

    /// How long after `earlier` this point is; zero when it is not after it.
    pub const fn since(self, earlier: Timestamp) -> Span {
        let micros = self.0.saturating_sub(earlier.0);
        Span(if micros < 0 { 0 } else { micros })
    }

    /// Refuses values whose magnitude says that another unit was taken for microseconds.
    ///
    /// # Errors
    /// `Invalid`, naming the unit the value looks like.
    pub fn check_plausible(self) -> Result<()> {
        let magnitude = self.0.unsigned_abs();
        if magnitude >= Self::NEAREST_TO_EPOCH as u64 && magnitude <= Self::FARTHEST as u64 {
            return Ok(());
        }
        let unit = match magnitude {
            0 => "an unset value",
            m if m < 100_000_000_000 => "seconds",
            m if m < Self::NEAREST_TO_EPOCH as u64 => "milliseconds",
            _ => "nanoseconds",
        };
        Err(Error::invalid(format!("timestamps are microseconds since 1970, this looks like {unit}: {}", self.0)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with six fraction digits when there are any; outside the calendar, plain microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(point) = jiff::Timestamp::from_microsecond(self.0) else {
            return write!(f, "{}us", self.0);
        };
        let civil = point.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let (date, time) = (civil.date(), civil.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339 (any offset; none means UTC; a space may stand for the `T`) or a bare date (midnight UTC).
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Ok(point) = text.parse::<jiff::Timestamp>() {
            return exact_micros(text, point);
        }
        let utc = text.parse::<jiff::civil::DateTime>().ok().filter(|_| text.starts_with(|c: char| c.is_ascii_digit()));
        match utc.and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok()) {
            Some(zoned) => exact_micros(text, zoned.timestamp()),
            None => Err(Error::invalid(format!(
                "a time is RFC 3339 (2013-01-01T10:00:00Z) or a date (2013-01-01): {text:?}"
            ))),
        }
    }
}

/// Refuses fractions below a microsecond: cutting them off would be a lossy cast.
fn exact_micros(text: &str, point: jiff::Timestamp) -> Result<Timestamp> {
    if point.subsec_nanosecond() % 1_000 != 0 {
        return Err(Error::invalid(format!("a time has at most six fraction digits: {text:?}")));
    }
    Ok(Timestamp(point.as_microsecond()))
}

/// A length of time in microseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of whole microseconds; negative counts are taken as zero.
    pub const fn from_micros(micros: i64) -> Self {
        Span(if micros < 0 { 0 } else { micros })
    }

    /// A span of whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Span::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds in this span.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The same length as a standard duration.
    pub const fn to_duration(self) -> std::time::Duration {
        std::time::Duration::from_micros(self.0.unsigned_abs())
    }
}

impl fmt::Display for Span {
    /// Exact, in the units of definition files: `1d 12h`, `500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, i64); 6] = [
            ("d", 86_400_000_000),
            ("h", 3_600_000_000),
            ("m", 60_000_000),
            ("s", 1_000_000),
            ("ms", 1_000),
            ("us", 1),
        ];
        let (mut rest, mut gap) = (self.0, "");
        for (unit, micros) in UNITS.into_iter().filter(|(_, micros)| self.0 >= *micros) {
            if rest >= micros {
                write!(f, "{gap}{}{unit}", rest / micros)?;
                gap = " ";
            }
            rest %= micros;
        }
        if self.0 == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

impl TryFrom<std::time::Duration> for Span {
    type Error = Error;

    /// Exact only: fractions of a microsecond and lengths over 292,000 years are refused.
    fn try_from(duration: std::time::Duration) -> Result<Self> {
        let micros = i64::try_from(duration.as_micros()).ok().filter(|_| duration.subsec_nanos().is_multiple_of(1_000));
        micros.map(Span).ok_or_else(|| Error::invalid(format!("a span is whole microseconds: {duration:?}")))
    }
}

/// Where the engine takes the time from. Injected, so that tests can hold it still.
pub trait Clock: Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Arc<Self> {
        Arc::new(ManualClock(AtomicI64::new(now.0)))
    }

    /// Moves the clock to `now`, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock forwards.
    pub fn advance(&self, span: Span) {
        self.0.fetch_add(span.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_rfc_3339_with_microseconds_when_there_are_any() {
        assert_eq!(Timestamp(1_357_034_400_000_000).to_string(), "2013-01-01T10:00:00Z");
        assert_eq!(Timestamp(1_357_034_400_000_001).to_string(), "2013-01-01T10:00:00.000001Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn spans_print_exactly_in_the_units_of_definition_files() {
        let print = |micros| Span::from_micros(micros).to_string();
        assert_eq!(print(0), "0s");
        assert_eq!(print(7_200_000_000), "2h");
        assert_eq!(print(400 * 86_400_000_000), "400d");
        assert_eq!(print(86_400_000_000 + 60_000_001), "1d 1m 1us");
        assert_eq!(print(1_500_000), "1s 500ms");
    }

    #[test]
    fn timestamps_parse_dates_offsets_and_fractions() {
        let ten = Timestamp(1_357_034_400_000_000);
        for text in
            ["2013-01-01T10:00:00Z", "2013-01-01T12:00:00+02:00", "2013-01-01 10:00:00", "2013-01-01T10:00:00.000000Z"]
        {
            assert_eq!(text.parse::<Timestamp>().unwrap(), ten, "{text}");
        }
        assert_eq!("2013-01-01".parse::<Timestamp>().unwrap(), Timestamp(1_356_998_400_000_000));
        for bad in ["", "now-ish", "2013-13-01", "1357034400", "2013-01-01T10:00:00.0000001Z"] {
            assert_eq!(bad.parse::<Timestamp>().unwrap_err().kind(), crate::error::ErrorKind::Invalid, "{bad}");
        }
    }

    #[test]
    fn implausible_magnitudes_name_the_unit_they_look_like() {
        let message = |micros| Timestamp(micros).check_plausible().unwrap_err().to_string();
        assert!(message(1_700_000_000).contains("seconds"));
        assert!(message(1_700_000_000_000).contains("milliseconds"));
        assert!(message(1_700_000_000_000_000_000).contains("nanoseconds"));
        assert!(message(0).contains("unset"));
        assert!(Timestamp(1_700_000_000_000_000).check_plausible().is_ok());
        assert!(Timestamp(-1_700_000_000_000_000).check_plausible().is_ok());
    }
}
