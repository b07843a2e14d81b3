//! Text.

use regex::bytes::Regex;

use crate::kernel::{Faults, rows, texts, utf8};
use crate::lane::{Out, TextLane, TextView, View};
use crate::nulls::Fault;

/// An operation on one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Text1 {
    Lower,
    Upper,
    /// Without white space at both ends.
    Trim,
}

impl Text1 {
    pub(crate) const FUNCTIONS: [(&'static str, Text1); 3] =
        [("lower", Text1::Lower), ("upper", Text1::Upper), ("trim", Text1::Trim)];

    pub(crate) fn run(self, out: &mut TextLane, a: TextView<'_>, faults: &mut Faults<'_>) {
        texts(
            out,
            a.valid.len(),
            |row| a.valid[row],
            faults,
            |row, out| {
                let text = utf8(&a, row)?;
                match self {
                    Text1::Lower => push(out, text.chars().flat_map(char::to_lowercase)),
                    Text1::Upper => push(out, text.chars().flat_map(char::to_uppercase)),
                    Text1::Trim => out.extend_from_slice(text.trim().as_bytes()),
                }
                Ok(())
            },
        );
    }
}

fn push(out: &mut Vec<u8>, characters: impl Iterator<Item = char>) {
    let mut buffer = [0; 4];
    characters.for_each(|character| out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()));
}

/// A question about two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

impl TextTest {
    pub(crate) fn run(self, out: Out<'_, bool>, a: TextView<'_>, b: TextView<'_>) {
        for (row, (value, valid)) in out.values.iter_mut().zip(out.valid.iter_mut()).enumerate() {
            *valid = a.valid[row] & b.valid[row];
            *value = *valid && self.holds(a.get(row), b.get(row));
        }
    }

    fn holds(self, text: &[u8], part: &[u8]) -> bool {
        match self {
            TextTest::StartsWith => text.starts_with(part),
            TextTest::EndsWith => text.ends_with(part),
            TextTest::Contains => contains(text, part),
        }
    }
}

/// Returns whether `part` is anywhere in `text`. UTF-8 is searched by the standard library, in linear time; other bytes
/// have no text in them.
fn contains(text: &[u8], part: &[u8]) -> bool {
    match (std::str::from_utf8(text), std::str::from_utf8(part)) {
        (Ok(text), Ok(part)) => text.contains(part),
        _ => false,
    }
}

/// Returns whether a pattern is found anywhere in a text.
pub(crate) fn matches(out: Out<'_, bool>, a: TextView<'_>, pattern: &Regex) {
    for (row, (value, valid)) in out.values.iter_mut().zip(out.valid.iter_mut()).enumerate() {
        *valid = a.valid[row];
        *value = *valid && pattern.is_match(a.get(row));
    }
}

/// The number of characters of texts, or of bytes.
pub(crate) fn length(out: Out<'_, i64>, a: TextView<'_>, of_characters: bool, faults: &mut Faults<'_>) {
    rows(
        out,
        |row| a.valid[row],
        faults,
        |row| match of_characters {
            true => utf8(&a, row).map(|text| text.chars().count() as i64),
            false => Ok(a.get(row).len() as i64),
        },
    );
}

/// A part of a text: `length` characters from position `start`, which counts from 0, or from the end where negative.
pub(crate) fn substring(
    out: &mut TextLane,
    a: TextView<'_>,
    start: View<'_, i64>,
    length: Option<View<'_, i64>>,
    faults: &mut Faults<'_>,
) {
    let has_length = |row: usize| length.is_none_or(|length| length.valid[row]);
    let valid = |row: usize| a.valid[row] & start.valid[row] & has_length(row);
    texts(out, a.valid.len(), valid, faults, |row, out| {
        let text = utf8(&a, row)?;
        let part = part(text, start.values[row], length.map(|length| length.values[row]));
        out.extend_from_slice(part.as_bytes());
        Ok::<(), Fault>(())
    });
}

/// The characters from `start` on; what lies outside of the text is left out.
fn part(text: &str, start: i64, length: Option<i64>) -> &str {
    let from = if start < 0 { (text.chars().count() as i64).saturating_add(start) } else { start };
    let rest = &text[byte_at(text, from.max(0))..];
    let Some(length) = length else { return rest };
    // Where the part begins before the text, what is before it uses up the length.
    let inside = length.saturating_add(from.min(0)).max(0);
    &rest[..byte_at(rest, inside)]
}

/// Finds where a character begins, or the end where there are not so many.
fn byte_at(text: &str, characters: i64) -> usize {
    let nth = usize::try_from(characters).unwrap_or(usize::MAX);
    match text.len() <= nth {
        true => text.len(),
        false => text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at),
    }
}
