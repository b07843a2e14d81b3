//! Limits of consumers and views, from TOML.
//!
//! ```toml
//! [default]                     # every consumer that is not listed, each for itself
//! rows_per_second = 1_000_000
//!
//! [[consumer]]
//! name = "ranker"
//! uids = [1001]                 # nobody else may use the name
//! requests_per_second = 5_000
//! requests_burst = 10_000       # as many as a second brings, if left out
//! rows_per_second = 200_000
//! requests_in_flight_max = 16   # at a time
//! answered_bytes_per_second = 100_000_000
//! written_bytes_per_second = 10_000_000
//! latency_p99 = "2ms"           # an objective: 99 in 100 reads shall stay within
//!
//! [[view]]
//! name = "user_stats_v1"
//! rows_per_second = 100_000     # of all consumers together
//! ```

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use asofdb::parts::{Table, TomlText, read_text};
use asofdb::{Result, Span, check_consumer_name};

use super::bucket::Rate;
use super::terms::Terms;

/// Longest limits file in bytes.
const LIMITS_BYTES_MAX: usize = 1 << 20;

/// Most a rate can say; above a billion requests or rows, or four billion bytes, a second it limits nothing.
const RATE_MAX: u32 = 4_000_000_000;

/// Most consumers, and most views, that are listed.
const LISTED_MAX: usize = 1_024;

/// The longest latency objective: requests do not take longer.
const LATENCY_MAX: Span = Span::from_secs(60);

const DOCUMENT_KEYS: [&str; 3] = ["default", "consumer", "view"];

/// The keys of terms. Those of consumers and views begin with others.
macro_rules! term_keys {
    ($($first:literal),*) => {
        &[
            $($first,)*
            "requests_per_second",
            "requests_burst",
            "rows_per_second",
            "rows_burst",
            "answered_bytes_per_second",
            "answered_bytes_burst",
            "written_bytes_per_second",
            "written_bytes_burst",
            "requests_in_flight_max",
            "latency_p99",
        ]
    };
}

const DEFAULT_KEYS: &[&str] = term_keys!();
const CONSUMER_KEYS: &[&str] = term_keys!("name", "uids");
const VIEW_KEYS: &[&str] = term_keys!("name");

/// The limits of consumers and views. Without any, everybody may ask without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The TOML that they were read from.
    text: String,
    pub(crate) default: Terms,
    pub(crate) consumers: BTreeMap<String, ConsumerLimits>,
    pub(crate) views: HashMap<String, Terms>,
}

/// A consumer that is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConsumerLimits {
    pub(crate) terms: Terms,
    /// The users who may use the name; empty: everybody.
    pub(crate) uids: Vec<u32>,
}

impl Limits {
    /// Reads a limits file.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `Unavailable` when it cannot be read, otherwise as [`Limits::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let text = read_text(path.as_ref(), "limits file", LIMITS_BYTES_MAX)?;
        Limits::parse(&text, &path.as_ref().display().to_string())
    }

    /// Reads limits from TOML; `origin` is the name of the text in errors.
    ///
    /// # Errors
    /// `Invalid`, one line, beginning with `origin:line:column:`, when the text is not TOML, has keys or values that
    /// limits do not have, or lists a name twice.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let source = TomlText { origin, text };
        if text.len() > LIMITS_BYTES_MAX {
            return Err(source.invalid(0, format!("a limits file has at most {LIMITS_BYTES_MAX} bytes")));
        }
        let document = source.parse()?;
        let root = Table::document(source, &document, "a limits file", &DOCUMENT_KEYS)?;
        let default = root.table("default", "the default", DEFAULT_KEYS)?;
        let default = default.as_ref().map_or(Ok(Terms::default()), terms)?;
        let mut limits = Limits { text: text.to_owned(), default, ..Limits::default() };
        for table in root.tables("consumer", "a consumer", CONSUMER_KEYS)? {
            let name = unlisted(&table, |name| limits.consumers.contains_key(name), limits.consumers.len())?;
            check_consumer_name(&name).or_else(|error| Err(table.required("name")?.invalid(error.message())))?;
            limits.consumers.insert(name, ConsumerLimits { terms: terms(&table)?, uids: uids(&table)? });
        }
        for table in root.tables("view", "a view", VIEW_KEYS)? {
            let name = unlisted(&table, |name| limits.views.contains_key(name), limits.views.len())?;
            let terms = terms(&table)?;
            if terms == Terms::default() {
                return Err(table.invalid("a view is listed with a limit, or with latency_p99"));
            }
            limits.views.insert(name, terms);
        }
        Ok(limits)
    }

    /// The terms of a consumer.
    pub(crate) fn terms_of(&self, consumer: &str) -> &Terms {
        self.consumers.get(consumer).map_or(&self.default, |listed| &listed.terms)
    }

    /// The TOML that they were read from; empty where there are none.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The name of a table, which no earlier one of so many has.
fn unlisted(table: &Table<'_>, is_known: impl Fn(&str) -> bool, known: usize) -> Result<String> {
    let field = table.required("name")?;
    let name = field.text()?;
    match (is_known(name), known) {
        (true, _) => Err(field.invalid(format!("a name is listed once: {name:?}"))),
        (false, LISTED_MAX..) => Err(field.invalid(format!("at most {LISTED_MAX} are listed"))),
        (false, _) => Ok(name.to_owned()),
    }
}

fn uids(table: &Table<'_>) -> Result<Vec<u32>> {
    let Some(field) = table.field("uids") else { return Ok(Vec::new()) };
    field.items()?.map(|item| item.whole_number(0..=u32::MAX)).collect()
}

fn terms(table: &Table<'_>) -> Result<Terms> {
    let in_flight = table.whole_number("requests_in_flight_max", 1..=RATE_MAX)?;
    Ok(Terms {
        requests: rate(table, "requests_per_second", "requests_burst")?,
        rows: rate(table, "rows_per_second", "rows_burst")?,
        answered: rate(table, "answered_bytes_per_second", "answered_bytes_burst")?,
        written: rate(table, "written_bytes_per_second", "written_bytes_burst")?,
        in_flight: in_flight.and_then(|most| NonZeroU64::new(most.into())),
        latency_p99: latency(table)?,
    })
}

fn latency(table: &Table<'_>) -> Result<Option<Duration>> {
    let Some(latency) = table.span("latency_p99")? else { return Ok(None) };
    match (Span::from_micros(1)..=LATENCY_MAX).contains(&latency) {
        true => Ok(Some(latency.to_duration())),
        false => {
            let message = format!("latency_p99 is from 1us to {LATENCY_MAX}: {latency}");
            Err(table.required("latency_p99")?.invalid(message))
        }
    }
}

fn rate(table: &Table<'_>, per_second: &'static str, burst: &'static str) -> Result<Option<Rate>> {
    let number = |name| Ok(table.whole_number(name, 1..=RATE_MAX)?.and_then(|number| NonZeroU64::new(number.into())));
    match (number(per_second)?, number(burst)?) {
        (Some(per_second), at_once) => Ok(Some(Rate { per_second, burst: at_once.unwrap_or(per_second) })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(table.required(burst)?.invalid(format!("{burst} says nothing without {per_second}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::rate;
    use super::*;

    #[test]
    fn limits_are_read_with_bursts_of_a_second() {
        let text = r#"
            [default]
            rows_per_second = 1_000
            [[consumer]]
            name = "ranker"
            uids = [1001, 0]
            requests_per_second = 5
            requests_burst = 10
            answered_bytes_per_second = 4_000_000_000
            requests_in_flight_max = 3
            latency_p99 = "1ms 500us"
            [[view]]
            name = "stats"
            written_bytes_per_second = 7
        "#;
        let limits = Limits::parse(text, "limits.toml").unwrap();
        assert_eq!(limits.default, Terms { rows: rate(1_000, 1_000), ..Terms::default() });
        let terms = Terms {
            requests: rate(5, 10),
            answered: rate(4_000_000_000, 4_000_000_000),
            in_flight: NonZeroU64::new(3),
            latency_p99: Some(Duration::from_micros(1_500)),
            ..Terms::default()
        };
        let ranker = ConsumerLimits { terms, uids: vec![1001, 0] };
        assert_eq!(limits.consumers, BTreeMap::from([("ranker".to_owned(), ranker)]));
        assert_eq!(limits.views.get("stats").copied(), Some(Terms { written: rate(7, 7), ..Terms::default() }));
        assert_eq!(limits.text(), text);
        assert_eq!(Limits::parse("", "limits.toml").unwrap(), Limits::default());
    }

    #[test]
    fn as_many_names_are_listed_as_may_be() {
        let list = |count: usize| (0..count).map(|n| format!("[[consumer]]\nname = \"c{n}\"\n")).collect::<String>();
        assert_eq!(Limits::parse(&list(LISTED_MAX), "l").unwrap().consumers.len(), LISTED_MAX);
        let error = Limits::parse(&list(LISTED_MAX + 1), "l").unwrap_err();
        assert_eq!(error.to_string(), "l:2050:8: at most 1024 are listed");
    }

    #[test]
    fn what_limits_do_not_have_is_refused_where_it_stands() {
        for (text, expected) in [
            (
                "[[consumer]]\nname = \"a\"\nrequest_per_second = 1",
                "l:3:1: a consumer has no key \"request_per_second\"; did you mean \"requests_per_second\"?",
            ),
            ("[[consumer]]\nname = \"a b\"", "l:2:8: a consumer's name has 1 to 64 of A-Z a-z 0-9 _ . : -: \"a b\""),
            ("[[consumer]]\nname = \"a\"\n[[consumer]]\nname = \"a\"", "l:4:8: a name is listed once: \"a\""),
            ("[[consumer]]\nuids = [1]", "l:1:1: a consumer needs the key \"name\""),
            ("[[view]]\nname = \"v\"\nrows_per_second = 0", "l:3:19: rows_per_second is from 1 to 4000000000: 0"),
            ("[[view]]\nname = \"v\"", "l:1:1: a view is listed with a limit, or with latency_p99"),
            ("[default]\nlatency_p99 = \"61s\"", "l:2:15: latency_p99 is from 1us to 1m: 1m 1s"),
            ("[default]\nlatency_p99 = \"0s\"", "l:2:15: latency_p99 is from 1us to 1m: 0s"),
            ("[default]\nrows_per_second = \"1\"", "l:2:19: rows_per_second is a whole number, not text"),
            ("[default]\nrows_burst = 5", "l:2:14: rows_burst says nothing without rows_per_second"),
            ("default = 1", "l:1:11: default is a table, not a whole number"),
            ("[[consumer]]\nname = \"a\"\nuids = [-1]", "l:3:9: uids is from 0 to 4294967295: -1"),
        ] {
            assert_eq!(Limits::parse(text, "l").unwrap_err().to_string(), expected);
        }
    }
}
