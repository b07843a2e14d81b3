//! Points in time, spans of time, and the clock.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use jiff::SignedDuration;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use parking_lot::Mutex;

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
    /// 0001-01-01T00:00:00Z, the first moment of the range of times that every entrance takes.
    pub const FIRST: Timestamp = Timestamp(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z, the last moment of that range: RFC 3339 and Python's `datetime` end there.
    /// Today's nanoseconds taken for microseconds lie far beyond it.
    pub const LAST: Timestamp = Timestamp(253_402_300_799_999_999);
    /// Values nearer to the epoch than this (some 116 days) are seconds or milliseconds taken for
    /// microseconds: seconds reach it in the year 2286, milliseconds in 2286 too.
    const NEAREST_TO_EPOCH: u64 = 10_000_000_000_000;

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

    /// Returns the time from `earlier` to this point; zero when this is not after it.
    pub const fn since(self, earlier: Timestamp) -> Span {
        let micros = self.0.saturating_sub(earlier.0);
        Span(if micros < 0 { 0 } else { micros })
    }

    /// A timestamp from a plain whole number, which says no unit, where microseconds since 1970 are expected.
    ///
    /// # Errors
    /// As [`Timestamp::check_plausible`].
    pub fn from_plain_micros(number: i64) -> Result<Self> {
        Timestamp(number).check_plausible().map(|()| Timestamp(number))
    }

    /// A timestamp from a plain whole number where seconds since 1970 are expected, as in Feast.
    ///
    /// # Errors
    /// `Invalid` when the number is outside the years 1 to 9999, naming the unit it looks like.
    pub fn from_plain_seconds(number: i64) -> Result<Self> {
        let time = number.checked_mul(MICROS_PER_SECOND).map(Timestamp).filter(|time| time.is_in_range());
        time.ok_or_else(|| {
            let unit = Self::unit_of_plain(number);
            Error::invalid(format!("whole numbers are seconds since 1970, this looks like {unit}: {number}"))
        })
    }

    /// The unit of time since 1970 that a plain whole number looks like.
    pub const fn unit_of_plain(number: i64) -> &'static str {
        match number.unsigned_abs() {
            0 => "an unset value",
            m if m < 100_000_000_000 => "seconds",
            m if m < Self::NEAREST_TO_EPOCH => "milliseconds",
            m if m <= Self::LAST.0.unsigned_abs() => "microseconds",
            _ => "nanoseconds",
        }
    }

    /// Returns whether this point lies in the years 1 to 9999, which every format that we read or write can hold.
    pub const fn is_in_range(self) -> bool {
        Self::FIRST.0 <= self.0 && self.0 <= Self::LAST.0
    }

    /// Refuses values whose magnitude says that another unit was taken for microseconds.
    ///
    /// # Errors
    /// `Invalid`, naming the unit the value looks like.
    pub fn check_plausible(self) -> Result<()> {
        if self.is_in_range() && self.0.unsigned_abs() >= Self::NEAREST_TO_EPOCH {
            return Ok(());
        }
        Err(Error::invalid(match Self::unit_of_plain(self.0) {
            "microseconds" => format!("timestamps lie in the years 1 to 9999: {self}"),
            unit => format!("timestamps are microseconds since 1970, this looks like {unit}: {}", self.0),
        }))
    }

    /// Year, month and day in UTC; `None` outside the years 1 to 9999.
    pub fn date(self) -> Option<(i16, i8, i8)> {
        let date = self.civil()?.date();
        Some((date.year(), date.month(), date.day()))
    }

    /// Date and time in UTC. A point in time of jiff ends some hours earlier, so that any offset can be applied to it.
    fn civil(self) -> Option<DateTime> {
        let civil = EPOCH.checked_add(SignedDuration::from_micros(self.0)).ok();
        civil.filter(|_| self.is_in_range())
    }
}

/// 1970-01-01T00:00:00 without an offset.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with six fraction digits when there are any; outside the years 1 to 9999, plain microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(civil) = self.civil() else { return write!(f, "{}us", self.0) };
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

    /// Reads RFC 3339 (any offset; none means UTC; a space may stand for the `T`) or a bare date (midnight UTC), in the
    /// years 1 to 9999.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let pieces = Pieces::parse(text).ok().filter(|_| text.starts_with(|c: char| c.is_ascii_digit()));
        let Some(pieces) = pieces else { return Err(no_time(text)) };
        let offset = match (pieces.to_numeric_offset(), pieces.time_zone_annotation()) {
            (Some(offset), _) => offset,
            (None, None) => Offset::UTC,
            // A zone without an offset would need the rules of the zone.
            (None, Some(_)) => return Err(no_time(text)),
        };
        let civil = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
        if civil.subsec_nanosecond() % 1_000 != 0 {
            // Cutting off what is below a microsecond would be a lossy cast.
            return Err(Error::invalid(format!("a time has at most six fraction digits: {text:?}")));
        }
        let since =
            civil.duration_since(EPOCH).as_micros() - i128::from(offset.seconds()) * i128::from(MICROS_PER_SECOND);
        let time = i64::try_from(since).ok().map(Timestamp).filter(|time| time.is_in_range());
        time.ok_or_else(|| Error::invalid(format!("a time lies in the years 1 to 9999: {text:?}")))
    }
}

fn no_time(text: &str) -> Error {
    let advice = match text.parse() {
        Ok(number) => {
            format!("; a whole number does not say its unit, and this looks like {}", Timestamp::unit_of_plain(number))
        }
        Err(_) => String::new(),
    };
    Error::invalid(format!("a time is RFC 3339 (2013-01-01T10:00:00Z) or a date (2013-01-01){advice}: {text:?}"))
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

    /// Returns both spans one after the other; at most 292,000 years.
    #[must_use]
    pub const fn plus(self, other: Span) -> Self {
        Span(self.0.saturating_add(other.0))
    }

    /// Returns what is left of this span without the other; nothing where that is longer.
    #[must_use]
    pub const fn minus(self, other: Span) -> Self {
        Span::from_micros(self.0.saturating_sub(other.0))
    }

    /// Returns this length as a standard duration.
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

/// The readings of a machine's clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The system's clock. People and programs set it, so it may jump, forwards or back.
    pub system: Timestamp,
    /// A monotonic clock: the time since a moment in the life of this process. Nobody sets it.
    pub elapsed: Span,
}

/// The clock of the engine. Injected, so that tests can hold it still.
pub trait Clock: Send + Sync + 'static {
    /// The present by the system's clock.
    fn now(&self) -> Timestamp;

    /// Reads the system's clock and the monotonic one together. A store tells by it whether the first has jumped.
    fn reading(&self) -> Reading;

    /// Returns whether other processes on this machine see the same clock.
    fn is_of_system(&self) -> bool {
        false
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The moment from which [`SystemClock`] counts.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn reading(&self) -> Reading {
        let elapsed = i64::try_from(BEGUN.elapsed().as_micros()).unwrap_or(i64::MAX);
        Reading { system: self.now(), elapsed: Span(elapsed) }
    }

    fn is_of_system(&self) -> bool {
        true
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock(Mutex<Reading>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Arc<Self> {
        Arc::new(ManualClock(Mutex::new(Reading { system: now, elapsed: Span::ZERO })))
    }

    /// Moves the clock to `now`: forwards as time passes, or back as when it is set.
    pub fn set(&self, now: Timestamp) {
        let mut reading = self.0.lock();
        reading.elapsed = reading.elapsed.plus(now.since(reading.system));
        reading.system = now;
    }

    /// Moves the clock forwards as time passes.
    pub fn advance(&self, span: Span) {
        let mut reading = self.0.lock();
        reading.elapsed = reading.elapsed.plus(span);
        reading.system = reading.system.plus(span);
    }

    /// Sets the clock to `now`, forwards or back, in no time: the monotonic clock stays where it is.
    pub fn step(&self, now: Timestamp) {
        self.0.lock().system = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().system
    }

    fn reading(&self) -> Reading {
        *self.0.lock()
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
    fn the_years_1_to_9999_are_read_and_printed_to_the_last_microsecond() {
        for (text, micros) in [
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
            ("0001-01-01T00:00:00.000001Z", -62_135_596_799_999_999),
            ("9999-12-30T22:00:01Z", 253_402_207_201_000_000),
            ("9999-12-31T00:00:00Z", 253_402_214_400_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap(), Timestamp(micros), "{text}");
            assert_eq!(Timestamp(micros).to_string(), text);
        }
        assert_eq!("9999-12-31".parse::<Timestamp>().unwrap().date(), Some((9999, 12, 31)));
        assert_eq!("9999-12-31T12:00:00+14:00".parse::<Timestamp>().unwrap().date(), Some((9999, 12, 30)));
        for outside in ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01", "0000-12-31", "10000-01-01"] {
            assert!(outside.parse::<Timestamp>().is_err(), "{outside}");
        }
        assert_eq!(Timestamp(253_402_300_800_000_000).to_string(), "253402300800000000us");
        assert_eq!(Timestamp(-62_135_596_800_000_001).date(), None);
        assert_eq!(Timestamp::MIN.to_string(), "-9223372036854775808us");
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
        for bad in [
            "",
            "now-ish",
            "2013-13-01",
            "1357034400",
            "2013-01-01T10:00:00.0000001Z",
            "2013-01-01T10:00[Europe/Berlin]",
        ] {
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
        assert!(message(-100_000_000_000_000_000).contains("the years 1 to 9999"));
    }

    #[test]
    fn plain_numbers_are_taken_in_the_unit_that_is_expected_or_refused_by_the_one_they_look_like() {
        let seconds = |number| Timestamp::from_plain_seconds(number).map_err(|error| error.to_string());
        assert_eq!(seconds(1_717_243_200), Ok(Timestamp(1_717_243_200_000_000)));
        // A birthday in 1969 is no other unit.
        assert_eq!(seconds(-86_400), Ok(Timestamp(-86_400_000_000)));
        assert_eq!(seconds(0), Ok(Timestamp::EPOCH));
        assert_eq!(seconds(253_402_300_799), Ok(Timestamp(253_402_300_799_000_000)));
        let looks_like = |number| seconds(number).unwrap_err();
        assert!(looks_like(1_717_243_200_000).ends_with("this looks like milliseconds: 1717243200000"));
        assert!(looks_like(1_717_243_200_000_000).contains("microseconds"));
        assert!(looks_like(1_717_243_200_000_000_000).contains("nanoseconds"));
        assert_eq!(Timestamp::from_plain_micros(1_717_243_200_000_000).unwrap(), Timestamp(1_717_243_200_000_000));
        assert!(Timestamp::from_plain_micros(1_717_243_200).unwrap_err().to_string().contains("seconds"));
        let error = "1717243200".parse::<Timestamp>().unwrap_err().to_string();
        assert!(error.contains("this looks like seconds"), "{error}");
    }
}
