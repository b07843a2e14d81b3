//! Cells: values from text.
//!
//! Each function gives the value or, as an error, what the text should have been.

use asofdb_storage::{Date, Result, ScalarType, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::decimal::Decimal;

const SECONDS_A_DAY: i64 = 86_400;

/// Longest part of a bad value that is shown.
const SHOWN_CHARS_MAX: usize = 60;

/// The form of bytes in text, and the meaning of whole numbers as timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// Files: hexadecimal and microseconds.
    File,
    /// Requests: base64 and microseconds, as in our answers.
    Request,
    /// Requests of Feast's clients: base64 and seconds.
    Feast,
}

/// `column "x" is no int64: "abc"`.
pub(super) fn problem(column: &str, ty: impl std::fmt::Display, text: &str, form: TextForm) -> String {
    let wanted = match (ty.to_string(), form) {
        (ty, _) if ty == ScalarType::Timestamp.name() => {
            if let Some(Err(error)) = plain_time(text, form) {
                return format!("column {column:?}: {}", error.message());
            }
            let unit = if form == TextForm::Feast { "seconds" } else { "microseconds" };
            format!("timestamp (RFC 3339, a date, or {unit} since 1970)")
        }
        (ty, _) if ty == ScalarType::Date.name() => "date (YYYY-MM-DD)".to_owned(),
        (ty, TextForm::File) if ty == ScalarType::Bytes.name() => "bytes (hexadecimal)".to_owned(),
        (ty, _) if ty == ScalarType::Bytes.name() => "bytes (base64)".to_owned(),
        (ty, _) => ty,
    };
    format!("column {column:?} is no {wanted}: {}", shown(text))
}

/// A value in quotes, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if shown.len() < text.len() { ".." } else { "" };
    format!("{shown:?}{more}")
}

pub(super) fn bool(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "True" | "TRUE" | "1" => Some(true),
        "false" | "False" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

/// Whole numbers, also written as `3.0` or `1e3`; exact, whatever their size.
pub(super) fn int64(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| Decimal::read(text)?.to_i64())
}

pub(super) fn int32(text: &str) -> Option<i32> {
    i32::try_from(int64(text)?).ok()
}

/// The float nearest to a decimal; `inf` and `nan` may be written, but no number may become infinite.
pub(super) fn float32(text: &str) -> Option<f32> {
    let text = text.trim();
    text.parse().ok().filter(|value: &f32| !value.is_infinite() || !has_digits(text))
}

/// Reads a float64 as [`float32`] reads its type.
pub(super) fn float64(text: &str) -> Option<f64> {
    let text = text.trim();
    text.parse().ok().filter(|value: &f64| !value.is_infinite() || !has_digits(text))
}

fn has_digits(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// The microseconds that stand for no time within a list, which has no nulls, where Feast's clients write the least
/// int64: a microsecond into the year 1. Every reader can show it, and Feast, whose times are whole seconds, cannot
/// mean it.
pub const NO_TIME_MICROS: i64 = -62_135_596_799_999_999;

/// Microseconds since 1970.
pub(super) fn timestamp(text: &str, form: TextForm) -> Option<i64> {
    let time = plain_time(text, form).unwrap_or_else(|| text.parse());
    time.ok().map(Timestamp::as_micros)
}

/// The time that a whole number stands for; `None` for other text. The number does not say its unit, so it is refused
/// where it looks like another one than the form has.
fn plain_time(text: &str, form: TextForm) -> Option<Result<Timestamp>> {
    let number = text.trim().parse().ok()?;
    Some(match form {
        TextForm::Feast if number == i64::MIN => Ok(Timestamp::from_micros(NO_TIME_MICROS)),
        TextForm::Feast => Timestamp::from_plain_seconds(number),
        TextForm::File | TextForm::Request => Timestamp::from_plain_micros(number),
    })
}

/// Days since 1970-01-01. A number is no date, as it says no unit; but Feast has only the seconds of midnight.
pub(super) fn date(text: &str, form: TextForm) -> Option<i32> {
    let date = match (text.trim().parse::<i64>(), form) {
        (Ok(seconds), TextForm::Feast) if seconds % SECONDS_A_DAY == 0 => {
            i32::try_from(seconds / SECONDS_A_DAY).ok().and_then(Date::from_days)
        }
        _ => text.parse::<Date>().ok(),
    };
    date.map(Date::as_days)
}

pub(super) fn bytes(text: &str, form: TextForm) -> Option<Vec<u8>> {
    match form {
        TextForm::File => hexadecimal(text),
        TextForm::Request | TextForm::Feast => BASE64.decode(text).ok(),
    }
}

/// Two digits a byte.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.trim().as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        assert_eq!(int64("42"), Some(42));
        assert_eq!(int64(" -42.0 "), Some(-42));
        assert_eq!(int64("9223372036854775807"), Some(i64::MAX));
        assert_eq!(int64("9223372036854775808"), None);
        assert_eq!(int64("9007199254740993.0"), Some(9_007_199_254_740_993));
        assert_eq!(int64("42.5"), None);
        assert_eq!(int32("2147483648"), None);
        assert_eq!(int64(""), None);
    }

    #[test]
    fn a_number_too_large_for_a_float_is_refused_but_infinity_is_not() {
        assert_eq!(float32("3.5"), Some(3.5));
        assert_eq!(float32("1e39"), None);
        assert_eq!(float64("1e39"), Some(1e39));
        assert_eq!(float32("-inf"), Some(f32::NEG_INFINITY));
        assert!(float64("nan").is_some_and(f64::is_nan));
    }

    #[test]
    fn times_are_rfc_3339_dates_or_whole_numbers() {
        let expected = Some(1_357_034_400_000_000);
        for text in ["2013-01-01T10:00:00Z", "2013-01-01 10:00:00", "2013-01-01T12:00:00+02:00", "1357034400000000"] {
            assert_eq!(timestamp(text, TextForm::File), expected, "{text}");
        }
        assert_eq!(timestamp("2013-01-01", TextForm::Request), Some(1_356_998_400_000_000));
        assert_eq!(timestamp("1357034400", TextForm::Feast), expected);
        assert_eq!(timestamp("1357034400000000", TextForm::Feast), None);
        assert_eq!(timestamp("-9223372036854775808", TextForm::Feast), Some(NO_TIME_MICROS));
        assert_eq!(timestamp("yesterday", TextForm::File), None);
        assert_eq!(timestamp("9999-12-31", TextForm::File), Some(253_402_214_400_000_000));
    }

    #[test]
    fn whole_numbers_of_another_unit_are_no_times() {
        for (number, unit) in
            [("1717243200", "seconds"), ("1717243200000", "milliseconds"), ("1717243200000000000", "nanoseconds")]
        {
            for form in [TextForm::File, TextForm::Request] {
                assert_eq!(timestamp(number, form), None, "{number}");
                let expected =
                    format!("column \"t\": timestamps are microseconds since 1970, this looks like {unit}: {number}");
                assert_eq!(problem("t", ScalarType::Timestamp, number, form), expected);
            }
        }
        let seconds = problem("t", ScalarType::Timestamp, "1717243200000", TextForm::Feast);
        assert!(seconds.ends_with("are seconds since 1970, this looks like milliseconds: 1717243200000"), "{seconds}");
        assert_eq!(timestamp("1969-07-20T20:17:40Z", TextForm::File), Some(-14_182_940_000_000));
        assert_eq!(timestamp("-14182940", TextForm::Feast), Some(-14_182_940_000_000));
    }

    #[test]
    fn dates_are_text_and_from_feast_also_the_seconds_of_midnight() {
        for (text, days) in [("2013-01-01", 15_706), ("1969-12-31", -1), ("9999-12-31", 2_932_896)] {
            assert_eq!((date(text, TextForm::File), date(text, TextForm::Feast)), (Some(days), Some(days)), "{text}");
        }
        assert_eq!(date("-86400", TextForm::Feast), Some(-1));
        assert_eq!((date("1", TextForm::Feast), date("86400", TextForm::Request)), (None, None));
        assert_eq!(date("2013-01-01T00:00:00Z", TextForm::File), None);
    }

    #[test]
    fn bytes_are_hexadecimal_in_files_and_base64_in_requests() {
        assert_eq!(bytes("00fFa1", TextForm::File), Some(vec![0, 255, 0xa1]));
        assert_eq!(bytes("0", TextForm::File), None);
        assert_eq!(bytes("0g", TextForm::File), None);
        assert_eq!(bytes("AP8=", TextForm::Request), Some(vec![0, 255]));
        assert_eq!(bytes("AP8", TextForm::Feast), None);
    }

    #[test]
    fn a_problem_names_column_type_and_value() {
        let problem = |ty, text: &str, form| super::problem("temp", ty, text, form);
        assert_eq!(problem(ScalarType::Float32, "warm", TextForm::File), "column \"temp\" is no float32: \"warm\"");
        assert!(problem(ScalarType::Float32, &"9".repeat(100), TextForm::File).len() < 110);
        assert!(problem(ScalarType::Bytes, "?", TextForm::Feast).contains("bytes (base64)"));
        assert!(problem(ScalarType::Timestamp, "?", TextForm::Feast).contains(" or seconds since"));
    }
}
