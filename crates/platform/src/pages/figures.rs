//! Figures for people: times, ages, counts and shares.

use asofdb::{Span, Timestamp};
use maud::{Markup, html};

const UNITS: [i64; 5] = [86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000];

/// A time, also for machines.
pub(super) fn time(time: Timestamp) -> Markup {
    let text = time.to_string();
    html! { time datetime=(text) { (text) } }
}

/// A span in its two greatest units, rounded down: `3d 4h`.
pub(super) fn about(span: Span) -> String {
    let micros = span.as_micros();
    let greatest = UNITS.iter().position(|unit| micros >= *unit).unwrap_or(UNITS.len());
    let least = UNITS.get(greatest + 1).copied().unwrap_or(1);
    Span::from_micros(micros - micros % least).to_string()
}

/// A count, with a space between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let places = digits.len();
    let mut text = String::with_capacity(places + places / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (places - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 { "< 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// A word that stands out, in the colours that the style gives to it.
pub(super) fn badge(word: &str) -> Markup {
    html! { span class={ "badge " (word.replace(' ', "_")) } { (word.replace('_', " ")) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_never_too_great() {
        let spans = [(90_061, "1d 1h"), (3_600, "1h"), (3_725, "1h 2m"), (59, "59s"), (0, "0s")];
        for (seconds, expected) in spans {
            assert_eq!(about(Span::from_secs(seconds)), expected);
        }
        assert_eq!(about(Span::from_micros(1_500)), "1ms 500us");
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        assert_eq!([0.0, 0.0001, 0.123, 1.0].map(percent), ["0.0 %", "< 0.1 %", "12.3 %", "100.0 %"]);
    }
}
