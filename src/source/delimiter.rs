//! The delimiter between the fields of CSV.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use asofdb_storage::{Error, Result};

/// The delimiter between the fields of CSV: one ASCII character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delimiter(u8);

impl Delimiter {
    /// A comma.
    pub const COMMA: Delimiter = Delimiter(b',');
    /// A tab.
    pub const TAB: Delimiter = Delimiter(b'\t');

    /// The delimiters that files usually have.
    const USUAL: [Delimiter; 4] = [Delimiter::COMMA, Delimiter(b';'), Delimiter::TAB, Delimiter(b'|')];

    /// The delimiter of a file by the ending of its name: a tab for `.tsv`, else a comma.
    pub(super) fn of(path: &Path) -> Self {
        let is_tsv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tsv"));
        if is_tsv { Delimiter::TAB } else { Delimiter::COMMA }
    }

    pub(super) fn byte(self) -> u8 {
        self.0
    }

    /// The other delimiter that parts a line of names so that one of them is wanted, where this one does not.
    pub(super) fn looks_like(self, line: &str, is_wanted: impl Fn(&str) -> bool) -> Option<Delimiter> {
        let parts = |delimiter: Delimiter| line.split(char::from(delimiter.0)).any(&is_wanted);
        if parts(self) {
            return None;
        }
        Delimiter::USUAL.into_iter().find(|other| *other != self && parts(*other))
    }
}

impl Default for Delimiter {
    fn default() -> Self {
        Delimiter::COMMA
    }
}

impl fmt::Display for Delimiter {
    /// `";"`, or `tab`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Delimiter::TAB => f.write_str("tab"),
            Delimiter(byte) => write!(f, "\"{}\"", char::from(byte)),
        }
    }
}

impl FromStr for Delimiter {
    type Err = Error;

    /// Reads one character, or `tab`.
    fn from_str(text: &str) -> Result<Self> {
        match text.as_bytes() {
            b"tab" | b"\\t" => Ok(Delimiter::TAB),
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(Delimiter(*byte)),
            _ => Err(Error::invalid(format!("a delimiter is one ASCII character and no quote, or tab: {text:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_one_character_or_tab() {
        for (text, delimiter) in [(",", Delimiter::COMMA), ("tab", Delimiter::TAB), ("\t", Delimiter::TAB)] {
            assert_eq!(text.parse::<Delimiter>().unwrap(), delimiter);
        }
        assert_eq!(";".parse::<Delimiter>().unwrap().byte(), b';');
        for text in ["", "\"", "\n", "::", "é"] {
            assert!(text.parse::<Delimiter>().is_err(), "{text}");
        }
        assert_eq!(Delimiter::of(Path::new("a.TSV")), Delimiter::TAB);
    }

    #[test]
    fn another_delimiter_is_recognised_by_the_names_it_parts() {
        let known = |name: &str| name == "user_id";
        let looks_like = |names| Delimiter::COMMA.looks_like(names, known).map(|other| other.to_string());
        assert_eq!(looks_like("user_id;clicks").as_deref(), Some("\";\""));
        assert_eq!(looks_like("clicks\tuser_id").as_deref(), Some("tab"));
        assert_eq!(looks_like("a;b"), None);
        assert_eq!(looks_like("user_id"), None);
    }
}
