//! From text to words.

use crate::duration::UNITS;
use crate::error::{Error, Result, Span};
use crate::name::{Name, begins_name, continues_name};
use crate::token::{Token, TokenKind};

/// The longest text of an expression in bytes.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// The longest name in backticks in bytes: two names of a catalog and a colon.
const NAME_BYTES_MAX: usize = 511;

/// Cuts an expression into words; the last one is the end.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>> {
    if text.len() > TEXT_BYTES_MAX {
        let whole = Span::new(0..text.len());
        return Err(Error::limit(whole, format!("an expression has at most {TEXT_BYTES_MAX} bytes: {}", text.len())));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let is_end = token.kind == TokenKind::End;
        tokens.push(token);
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Token> {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        let start = self.at;
        let kind = match self.peek(0) {
            None => TokenKind::End,
            Some(b'0'..=b'9') => self.number()?,
            Some(b'.') if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number()?,
            Some(quote @ (b'\'' | b'"')) => self.quoted(quote)?,
            Some(b'`') => self.quoted_name()?,
            Some(byte) if begins_name(byte) => self.word()?,
            Some(_) => self.symbol()?,
        };
        Ok(Token { kind, span: Span::new(start..self.at) })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Goes past the bytes that `belongs` accepts, all of which are ASCII, and returns them.
    fn skip(&mut self, belongs: impl Fn(u8) -> bool) -> &str {
        let start = self.at;
        while self.peek(0).is_some_and(&belongs) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn from(&self, start: usize) -> Span {
        Span::new(start..self.at)
    }

    fn number(&mut self) -> Result<TokenKind> {
        let start = self.at;
        let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'_';
        self.skip(is_digit);
        let mut is_float = false;
        if self.peek(0) == Some(b'.') && self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
            is_float = true;
            self.at += 1;
            self.skip(is_digit);
        }
        is_float |= self.exponent();
        let digits: String = self.text[start..self.at].chars().filter(|c| *c != '_').collect();
        let unit = self.skip(|byte| continues_name(byte) || byte == b'.').to_owned();
        match (is_float, unit.as_str()) {
            (false, "") => whole(&digits, 1).map(TokenKind::Int),
            (true, "") => digits.parse().ok().filter(|number: &f64| number.is_finite()).map(TokenKind::Float),
            (false, unit) => return self.duration(start, &digits, unit),
            (true, _) => return Err(Error::syntax(self.from(start), "a number ends where a name begins")),
        }
        .ok_or_else(|| Error::syntax(self.from(start), format!("the number is too large: {digits}")))
    }

    /// Goes past an exponent, if there is one: `e5`, `E-5`.
    fn exponent(&mut self) -> bool {
        let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
        let has =
            matches!(self.peek(0), Some(b'e' | b'E')) && self.peek(1 + sign).is_some_and(|byte| byte.is_ascii_digit());
        if has {
            self.at += 1 + sign;
            self.skip(|byte| byte.is_ascii_digit());
        }
        has
    }

    fn duration(&self, start: usize, digits: &str, unit: &str) -> Result<TokenKind> {
        let Some((_, micros)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let message = format!("a number is followed by no name, except by a unit of time: {digits}{unit}");
            let hint = "units are w, d, h, m (minutes), s, ms and us; whole numbers only".to_owned();
            return Err(Error::syntax(self.from(start), message).with_hint(hint));
        };
        let too_long = || Error::syntax(self.from(start), format!("the duration is too long: {digits}{unit}"));
        whole(digits, *micros).map(TokenKind::Duration).ok_or_else(too_long)
    }

    fn quoted(&mut self, quote: u8) -> Result<TokenKind> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(next) = self.text[self.at..].chars().next() else {
                let message = format!("the text is not closed by {}", char::from(quote));
                return Err(Error::syntax(self.from(start), message));
            };
            self.at += next.len_utf8();
            match next {
                '\\' => text.push(self.escape()?),
                next if next == char::from(quote) => return Ok(TokenKind::Text(text)),
                next => text.push(next),
            }
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<char> {
        let start = self.at - 1;
        let escaped = self.text[self.at..].chars().next();
        self.at += escaped.map_or(0, char::len_utf8);
        let meant = match escaped {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('0') => Some('\0'),
            Some(same @ ('\\' | '\'' | '"')) => Some(same),
            Some('u') => self.unicode(),
            _ => None,
        };
        meant.ok_or_else(|| {
            let hint = "escapes are \\n \\r \\t \\0 \\\\ \\' \\\" and \\u{1F600}".to_owned();
            Error::syntax(self.from(start), "a backslash begins no escape here").with_hint(hint)
        })
    }

    /// Reads a character by its number, in hexadecimal digits between braces.
    fn unicode(&mut self) -> Option<char> {
        (self.peek(0) == Some(b'{')).then(|| self.at += 1)?;
        let digits = self.skip(|byte| byte.is_ascii_hexdigit()).to_owned();
        (self.peek(0) == Some(b'}')).then(|| self.at += 1)?;
        u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
    }

    fn quoted_name(&mut self) -> Result<TokenKind> {
        let start = self.at;
        let rest = &self.text[start + 1..];
        let Some(length) = rest.find('`') else {
            self.at = self.text.len();
            return Err(Error::syntax(self.from(start), "the name is not closed by `"));
        };
        self.at = start + length + 2;
        let name = Name::new(&rest[..length]);
        let is_good = !name.name.is_empty() && name.view.as_deref() != Some("");
        if !is_good || length > NAME_BYTES_MAX || rest[..length].contains(char::is_control) {
            let rule = format!("a name in backticks is `name` or `view:feature`, of at most {NAME_BYTES_MAX} bytes");
            return Err(Error::syntax(self.from(start), rule));
        }
        Ok(TokenKind::Name(name))
    }

    fn word(&mut self) -> Result<TokenKind> {
        let start = self.at;
        let word = self.skip(continues_name).to_owned();
        let has_view = self.peek(0) == Some(b':') && self.peek(1).is_some_and(begins_name);
        if has_view {
            self.at += 1;
            let name = self.skip(continues_name).to_owned();
            return self.ends(start, TokenKind::Name(Name { view: Some(word), name }));
        }
        self.ends(start, TokenKind::word(&word))
    }

    /// Refuses a name that goes on with a character that it may only have in backticks.
    fn ends(&mut self, start: usize, kind: TokenKind) -> Result<TokenKind> {
        if !matches!(self.peek(0), Some(b'.' | b':')) {
            return Ok(kind);
        }
        self.skip(|byte| continues_name(byte) || matches!(byte, b'.' | b':' | b'-'));
        let name = &self.text[start..self.at];
        let hint = Some(format!("write it in backticks: `{name}`"));
        Err(Error::syntax(self.from(start), "this name has characters beside letters, digits and _").with_hint(hint))
    }

    fn symbol(&mut self) -> Result<TokenKind> {
        let start = self.at;
        let two = self.text.as_bytes().get(start..start + 2).and_then(|two| double(two.try_into().ok()?));
        if let Some(kind) = two {
            self.at += 2;
            return Ok(kind);
        }
        let first = self.text[start..].chars().next().unwrap_or_default();
        self.at += first.len_utf8();
        single(first).ok_or_else(|| {
            let hint = match first {
                '=' => Some("`==` compares".to_owned()),
                '!' => Some("`not` negates, `!=` compares".to_owned()),
                '&' => Some("`and` is the word".to_owned()),
                '|' => Some("`or` is the word".to_owned()),
                '^' => Some("`pow(x, y)` is the function".to_owned()),
                _ => None,
            };
            Error::syntax(self.from(start), format!("this character means nothing here: {first:?}")).with_hint(hint)
        })
    }
}

/// The number of digits, times a unit, where it is at most 2^63.
fn whole(digits: &str, unit: u64) -> Option<u64> {
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|number| *number <= i64::MIN.unsigned_abs())
}

fn double(bytes: [u8; 2]) -> Option<TokenKind> {
    match &bytes {
        b"//" => Some(TokenKind::DoubleSlash),
        b"==" => Some(TokenKind::Equal),
        b"!=" => Some(TokenKind::NotEqual),
        b"<=" => Some(TokenKind::LessOrEqual),
        b">=" => Some(TokenKind::GreaterOrEqual),
        _ => None,
    }
}

fn single(symbol: char) -> Option<TokenKind> {
    match symbol {
        '+' => Some(TokenKind::Plus),
        '-' => Some(TokenKind::Minus),
        '*' => Some(TokenKind::Times),
        '/' => Some(TokenKind::Slash),
        '%' => Some(TokenKind::Percent),
        '<' => Some(TokenKind::Less),
        '>' => Some(TokenKind::Greater),
        '(' => Some(TokenKind::Open),
        ')' => Some(TokenKind::Close),
        '[' => Some(TokenKind::OpenList),
        ']' => Some(TokenKind::CloseList),
        ',' => Some(TokenKind::Comma),
        _ => None,
    }
}
