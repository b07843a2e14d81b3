//! The time up to which a training set knows, on the command line.

use std::str::FromStr;

use asofdb::{Error, KnownAt, Timestamp};

use super::when::When;

/// The word for each row's own time.
const OWN_TIME: &str = "own-time";

/// The time by which rows must have been written, as it is given: a time for all, or `own-time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// One time for all rows.
    By(When),
    /// Each row's own time.
    ByOwnTime,
}

impl Known {
    /// The time meant, where `now` is the present by the store's clock.
    pub(crate) fn resolve(self, now: Timestamp) -> KnownAt {
        match self {
            Known::By(when) => KnownAt::At(when.resolve(now)),
            Known::ByOwnTime => KnownAt::OwnTime,
        }
    }
}

impl FromStr for Known {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            OWN_TIME => Ok(Known::ByOwnTime),
            "now" => Ok(Known::By(When::Now)),
            _ => match text.parse() {
                Ok(at) => Ok(Known::By(When::At(at))),
                Err(error) => Err(Error::invalid(format!("{} (or `now`, or `{OWN_TIME}`)", error.message()))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_known_by_a_time_or_by_their_own() {
        let ten = Timestamp::from_micros(1_357_034_400_000_000);
        let known = |text: &str| text.parse::<Known>().map(|known| known.resolve(ten));
        assert_eq!(known("own-time").unwrap(), KnownAt::OwnTime);
        assert_eq!(known("now").unwrap(), KnownAt::At(ten));
        assert_eq!(known("2013-01-01T10:00:00Z").unwrap(), KnownAt::At(ten));
        let error = known("own_time").unwrap_err();
        assert!(error.message().ends_with("(or `now`, or `own-time`)"), "{error}");
    }
}
