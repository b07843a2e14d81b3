//! The length of a window, with the text that names features after it.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::time::Span;

/// The shortest window.
pub const WINDOW_MIN: Span = Span::from_secs(60);

/// The longest window.
pub const WINDOW_MAX: Span = Span::from_secs(400 * 86_400);

/// A length of time before the time asked about, such as `24h`: a whole number of minutes, hours or days.
///
/// It keeps its text, as features are named after it: `24h` and `1d` are as long as each other, and name features
/// differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    text: String,
    length: Span,
}

impl Window {
    /// The text: the end of the names of features over the window.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the length.
    pub fn length(&self) -> Span {
        self.length
    }
}

impl FromStr for Window {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused =
            || Error::invalid(format!("a window is a whole number of minutes, hours or days, such as 24h: {text:?}"));
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refused)?;
        let seconds = match unit {
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(refused()),
        };
        // One text a number: no signs, no leading zeros.
        if !number.bytes().all(|byte| byte.is_ascii_digit()) || number.starts_with('0') {
            return Err(refused());
        }
        let count: u32 = number.parse().map_err(|_| refused())?;
        let length = Span::from_secs(i64::from(count) * seconds);
        match (WINDOW_MIN..=WINDOW_MAX).contains(&length) {
            true => Ok(Window { text: text.to_owned(), length }),
            false => Err(Error::invalid(format!("a window is from {WINDOW_MIN} to {WINDOW_MAX}: {text}"))),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_minutes_hours_or_days_from_a_minute_to_400_days() {
        for (text, seconds) in [("1m", 60), ("90m", 5_400), ("24h", 86_400), ("1d", 86_400), ("400d", 400 * 86_400)] {
            let window: Window = text.parse().unwrap();
            assert_eq!((window.as_str(), window.length()), (text, Span::from_secs(seconds)));
        }
        for text in ["", "h", "0h", "01h", "+1h", "1.5h", "1h30m", "60s", "1 h", "é", "4294967296d"] {
            let message = text.parse::<Window>().unwrap_err().message().to_owned();
            assert!(message.contains("such as 24h"), "{text}: {message}");
        }
        assert_eq!("401d".parse::<Window>().unwrap_err().message(), "a window is from 1m to 400d: 401d");
    }
}
