//! Numbers for people: three digits and a unit.

/// Three digits of a number, without needless zeros.
pub fn digits(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return if number == 0.0 { "0".into() } else { "?".into() };
    }
    let places = (2 - number.abs().log10().floor() as i32).max(0) as usize;
    let text = format!("{number:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    with_commas(text)
}

fn with_commas(text: &str) -> String {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    rest.map_or(out.clone(), |rest| format!("{out}.{rest}"))
}

/// A time.
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{} ns", digits(ns)),
        ns if ns < 1e6 => format!("{} µs", digits(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", digits(ns / 1e6)),
        ns => format!("{} s", digits(ns / 1e9)),
    }
}

/// A number of rows.
pub fn rows(number: f64) -> String {
    match number {
        rows if rows < 1e4 => digits(rows.round()),
        rows if rows < 1e6 => format!("{}k", digits(rows / 1e3)),
        rows => format!("{}M", digits(rows / 1e6)),
    }
}

/// Bytes, as MiB.
pub fn mib(bytes: u64) -> String {
    match bytes {
        0 => "–".into(),
        bytes => digits(bytes as f64 / f64::from(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        assert_eq!([time(640.0), time(1_234.0), time(52_000_000.0)], ["640 ns", "1.23 µs", "52 ms"]);
        assert_eq!([rows(9_999.0), rows(262_000.0), rows(1_500_000.0)], ["9,999", "262k", "1.5M"]);
        assert_eq!([digits(12_345.6), digits(0.0), digits(0.01234)], ["12,346", "0", "0.0123"]);
        assert_eq!([mib(0), mib(3 << 19)], ["–", "1.5"]);
    }
}
