//! Times on the command line.

use std::str::FromStr;

use asofdb::{Error, Timestamp};

/// A time as it is given: RFC 3339, a date, or `now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    At(Timestamp),
}

impl When {
    /// The time meant, where `now` is the present by the store's clock.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            When::Now => now,
            When::At(at) => at,
        }
    }
}

impl FromStr for When {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "now" => Ok(When::Now),
            _ => match text.parse() {
                Ok(at) => Ok(When::At(at)),
                Err(error) => Err(Error::invalid(format!("{} (or `now`)", error.message()))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_a_date_or_now() {
        let ten = Timestamp::from_micros(1_357_034_400_000_000);
        assert_eq!("2013-01-01T10:00:00Z".parse::<When>().unwrap(), When::At(ten));
        assert_eq!("now".parse::<When>().unwrap().resolve(ten), ten);
        let error = "yesterday".parse::<When>().unwrap_err();
        assert!(error.message().contains("or `now`"), "{error}");
        let error = "1357034400".parse::<When>().unwrap_err();
        assert!(error.message().contains("looks like seconds"), "{error}");
        let end = "9999-12-31T23:59:59.999999Z".parse::<When>().unwrap();
        assert_eq!(end, When::At(Timestamp::LAST));
    }
}
