//! Errors in expressions, with their places.

use std::fmt;
use std::ops::Range;

use asofdb_storage::ErrorKind as StorageKind;

/// A place in the text of an expression, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Span {
    /// The place from byte `start` to before byte `end`. Texts are short, so that both fit.
    pub(crate) fn new(range: Range<usize>) -> Self {
        let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { start: clamp(range.start), end: clamp(range.end) }
    }

    /// The place from the start of this one to the end of `last`.
    pub(crate) fn to(self, last: Span) -> Self {
        Span { start: self.start, end: last.end }
    }
}

/// The kind of an error, which says what the writer can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is no expression.
    Syntax,
    /// A name or a function does not exist.
    Unknown,
    /// Values do not have the types that an operator or a function takes.
    Type,
    /// The expression is longer, deeper or more work than is allowed.
    Limit,
}

/// An error in an expression. `{}` prints one line; [`Error::render`] shows the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    span: Span,
    message: String,
    hint: Option<String>,
}

/// The result of whatever reads an expression.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, span: Span, message: impl Into<String>) -> Self {
        Error { inner: Box::new(Inner { kind, span, message: message.into(), hint: None }) }
    }

    pub(crate) fn syntax(span: Span, message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Syntax, span, message)
    }

    pub(crate) fn unknown(span: Span, message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Unknown, span, message)
    }

    pub(crate) fn ty(span: Span, message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Type, span, message)
    }

    pub(crate) fn limit(span: Span, message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Limit, span, message)
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.inner.hint = hint.into();
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the place in the text.
    pub fn span(&self) -> Span {
        self.inner.span
    }

    /// The rule that is broken, without the hint.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Returns what would help, such as the nearest name.
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// The error as the engine reports it, with the place in the text in lines below: `NotFound` for what does not
    /// exist, `Invalid` for the rest. There is no conversion by `From`: a second one into the engine's error would
    /// leave the type of `?` open in closures everywhere.
    pub fn located(&self, text: &str) -> asofdb_storage::Error {
        let kind = match self.kind() {
            ErrorKind::Unknown => StorageKind::NotFound,
            ErrorKind::Syntax | ErrorKind::Type | ErrorKind::Limit => StorageKind::Invalid,
        };
        asofdb_storage::Error::new(kind, self.render(text))
    }

    /// Line and column of the error in `text`, both from 1; columns count characters.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let before = &text[..boundary(text, self.span().start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The error with its place: the message, line and column, the line of the expression, and carets below the place.
    /// Of a long line the part around the place is shown.
    ///
    /// `text` is that of the expression; any other text gives a wrong place but no panic.
    pub fn render(&self, text: &str) -> String {
        let (number, column) = self.position(text);
        let (start, end) = (boundary(text, self.span().start), boundary(text, self.span().end));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let skipped = if line.chars().count() > SHOWN_MAX { (column - 1).saturating_sub(SHOWN_BEFORE) } else { 0 };
        let shown: String =
            line.chars().skip(skipped).take(SHOWN_MAX).map(|c| if c == '\t' { ' ' } else { c }).collect();
        let indent = column - 1 - skipped;
        let marked = text[start..end.clamp(start, line_end)].chars().count();
        let carets = "^".repeat(marked.clamp(1, SHOWN_MAX - indent));
        let (margin, indent) = (" ".repeat(number.to_string().len()), " ".repeat(indent));
        format!("{self}\n{margin} --> line {number}, column {column}\n{number} | {shown}\n{margin} | {indent}{carets}")
    }
}

/// The most characters of a line that are shown.
const SHOWN_MAX: usize = 100;

/// The number of them before the place of an error, where the line is longer.
const SHOWN_BEFORE: usize = 40;

/// The nearest boundary of characters at or before byte `at`.
fn boundary(text: &str, at: u32) -> usize {
    text.floor_char_boundary(at as usize)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        match self.hint() {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_below_its_place() {
        let text = "a +\n  größe * 'x'";
        let start = text.find("'x'").unwrap();
        let error = Error::ty(Span::new(start..start + 3), "no number").with_hint("did you mean `y`?".to_owned());
        let expected = "no number; did you mean `y`?\n  --> line 2, column 11\n2 |   größe * 'x'\n  |           ^^^";
        assert_eq!(error.render(text), expected);
        assert_eq!(error.position(text), (2, 11));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let text = format!("{} + wrong + {}", "a".repeat(300), "b".repeat(300));
        let shown = Error::syntax(Span::new(303..308), "bad").render(&text);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], "  --> line 1, column 304");
        assert_eq!(lines[2], format!("1 | {} + wrong + {}", "a".repeat(37), "b".repeat(52)));
        assert_eq!(lines[3], format!("  | {}^^^^^", " ".repeat(40)));
        let all = Error::syntax(Span::new(0..text.len()), "bad").render(&text);
        assert_eq!(all.lines().next_back().unwrap().len(), 4 + SHOWN_MAX);
    }

    #[test]
    fn any_place_in_any_text_can_be_shown() {
        for text in ["", "ü", "a\n", "\n\n", "a\r\nb", &"x".repeat(200), "a\r"] {
            for (start, end) in [(0, 0), (1, 1), (0, 9), (9, 9), (2, 1)] {
                Error::syntax(Span { start, end }, "wrong").render(text);
            }
        }
    }
}
