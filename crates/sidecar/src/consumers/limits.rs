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
//!
//! [[view]]
//! name = "user_stats_v1"
//! rows_per_second = 100_000     # of all consumers together
//! ```

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;

use asofdb::parts::{Table, TomlText, read_text};
use asofdb::{Result, check_consumer_name};

use super::bucket::Rate;

/// Longest limits file in bytes.
const LIMITS_BYTES_MAX: usize = 1 << 20;

/// Most a rate can say; above a billion a second it limits nothing.
const RATE_MAX: u32 = 1_000_000_000;

const DOCUMENT_KEYS: [&str; 3] = ["default", "consumer", "view"];
const RATE_KEYS: [&str; 4] = ["requests_per_second", "requests_burst", "rows_per_second", "rows_burst"];
const CONSUMER_KEYS: [&str; 6] =
    ["name", "uids", "requests_per_second", "requests_burst", "rows_per_second", "rows_burst"];
const VIEW_KEYS: [&str; 3] = ["name", "rows_per_second", "rows_burst"];

/// The limits of consumers and views. Without any, everybody may ask without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    pub(crate) default: Rates,
    pub(crate) consumers: HashMap<String, ConsumerLimits>,
    pub(crate) views: HashMap<String, Rate>,
}

/// The limits of one consumer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) requests: Option<Rate>,
    pub(crate) rows: Option<Rate>,
}

/// A consumer that is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConsumerLimits {
    pub(crate) rates: Rates,
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
        let default = root.table("default", "the default", &RATE_KEYS)?;
        let mut limits = Limits { default: default.as_ref().map_or(Ok(Rates::default()), rates)?, ..Limits::default() };
        for table in root.tables("consumer", "a consumer", &CONSUMER_KEYS)? {
            let name = unlisted(&table, &limits.consumers)?;
            check_consumer_name(&name).or_else(|error| Err(table.required("name")?.invalid(error.message())))?;
            limits.consumers.insert(name, ConsumerLimits { rates: rates(&table)?, uids: uids(&table)? });
        }
        for table in root.tables("view", "a view", &VIEW_KEYS)? {
            let name = unlisted(&table, &limits.views)?;
            table.required("rows_per_second")?;
            limits.views.extend(rate(&table, "rows_per_second", "rows_burst")?.map(|rate| (name, rate)));
        }
        Ok(limits)
    }
}

/// The name of a table, which no earlier one has.
fn unlisted<T>(table: &Table<'_>, known: &HashMap<String, T>) -> Result<String> {
    let field = table.required("name")?;
    let name = field.text()?;
    match known.contains_key(name) {
        true => Err(field.invalid(format!("a name is listed once: {name:?}"))),
        false => Ok(name.to_owned()),
    }
}

fn uids(table: &Table<'_>) -> Result<Vec<u32>> {
    let Some(field) = table.field("uids") else { return Ok(Vec::new()) };
    field.items()?.map(|item| item.whole_number(0..=u32::MAX)).collect()
}

fn rates(table: &Table<'_>) -> Result<Rates> {
    Ok(Rates {
        requests: rate(table, "requests_per_second", "requests_burst")?,
        rows: rate(table, "rows_per_second", "rows_burst")?,
    })
}

fn rate(table: &Table<'_>, per_second: &'static str, burst: &'static str) -> Result<Option<Rate>> {
    let number = |name| Ok(table.whole_number(name, 1..=RATE_MAX)?.and_then(NonZeroU32::new));
    match (number(per_second)?, number(burst)?) {
        (Some(per_second), at_once) => Ok(Some(Rate { per_second, burst: at_once.unwrap_or(per_second) })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(table.required(burst)?.invalid(format!("{burst} says nothing without {per_second}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Option<Rate> {
        Some(Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() })
    }

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
            [[view]]
            name = "stats"
            rows_per_second = 7
        "#;
        let limits = Limits::parse(text, "limits.toml").unwrap();
        assert_eq!(limits.default, Rates { requests: None, rows: rate(1_000, 1_000) });
        let ranker = ConsumerLimits { rates: Rates { requests: rate(5, 10), rows: None }, uids: vec![1001, 0] };
        assert_eq!(limits.consumers, HashMap::from([("ranker".to_owned(), ranker)]));
        assert_eq!(limits.views.get("stats").copied(), rate(7, 7));
        assert_eq!(Limits::parse("", "limits.toml").unwrap(), Limits::default());
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
            ("[[view]]\nname = \"v\"\nrows_per_second = 0", "l:3:19: rows_per_second is from 1 to 1000000000: 0"),
            ("[[view]]\nname = \"v\"", "l:1:1: a view needs the key \"rows_per_second\""),
            ("[default]\nrows_per_second = \"1\"", "l:2:19: rows_per_second is a whole number, not text"),
            ("[default]\nrows_burst = 5", "l:2:14: rows_burst says nothing without rows_per_second"),
            ("default = 1", "l:1:11: default is a table, not a whole number"),
            ("[[consumer]]\nname = \"a\"\nuids = [-1]", "l:3:9: uids is from 0 to 4294967295: -1"),
        ] {
            assert_eq!(Limits::parse(text, "l").unwrap_err().to_string(), expected);
        }
    }
}
