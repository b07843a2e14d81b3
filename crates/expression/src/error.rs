//! What is wrong with an expression, and where.

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

    /// What would help, such as the nearest name.
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// Line and column of the error in `text`, both from 1; columns count characters.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let before = &text[..boundary(text, self.span().start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The error with its place: the message, line and column, the line of the expression, and carets below the place.
    ///
    /// `text` is that of the expression; any other text gives a wrong place but no panic.
    pub fn render(&self, text: &str) -> String {
        let (line, column) = self.position(text);
        let start = boundary(text, self.span().start);
        let end = boundary(text, self.span().end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        let shown: String = text[line_start..line_end].chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
        let carets = text[start..end.min(line_end).max(start)].chars().count().max(1);
        let margin = " ".repeat(line.to_string().len());
        format!(
            "{self}\n{margin} --> line {line}, column {column}\n{line} | {}\n{margin} | {}{}",
            shown.trim_end_matches('\r'),
            " ".repeat(column - 1),
            "^".repeat(carets)
        )
    }
}

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

impl From<Error> for asofdb_storage::Error {
    /// The error as the engine reports it: `NotFound` for what does not exist, `Invalid` for the rest. The place is
    /// lost, so whoever knows the file and the text puts it in front.
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Unknown => StorageKind::NotFound,
            ErrorKind::Syntax | ErrorKind::Type | ErrorKind::Limit => StorageKind::Invalid,
        };
        asofdb_storage::Error::new(kind, error.to_string())
    }
}

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
    fn any_place_in_any_text_can_be_shown() {
        for text in ["", "ü", "a\n", "\n\n", "a\r\nb"] {
            for (start, end) in [(0, 0), (1, 1), (0, 9), (9, 9), (2, 1)] {
                Error::syntax(Span { start, end }, "wrong").render(text);
            }
        }
    }
}
