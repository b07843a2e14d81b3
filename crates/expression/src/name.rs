//! Names of inputs.

use std::fmt;

/// The name of an input: a feature of a view, or a bare name (a request value, or a column of an event view).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The view, where the name is `view:feature`.
    pub view: Option<String>,
    /// The feature, the request value or the column.
    pub name: String,
}

impl Name {
    /// The name that `text` says: `view:feature`, or a bare name.
    pub fn new(text: &str) -> Self {
        match text.split_once(':') {
            Some((view, name)) => Name { view: Some(view.to_owned()), name: name.to_owned() },
            None => Name { view: None, name: text.to_owned() },
        }
    }

    /// Returns the name as references spell it, without the quotes that an expression may need.
    pub fn reference(&self) -> String {
        match &self.view {
            Some(view) => format!("{view}:{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Words that are no names unless they stand in backticks.
pub(crate) const WORDS: [&str; 8] = ["and", "false", "in", "not", "now", "null", "or", "true"];

/// Returns whether a byte can begin a name that is not in backticks.
pub(crate) fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// Returns whether a byte can go on with such a name.
pub(crate) fn continues_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_plain(part: &str) -> bool {
    part.bytes().next().is_some_and(begins_name) && part.bytes().all(continues_name)
}

impl fmt::Display for Name {
    /// The name as an expression spells it: in backticks where it has other characters than letters, digits and `_`, or
    /// would be a word of the language.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.reference();
        let plain = match &self.view {
            Some(view) => is_plain(view) && is_plain(&self.name),
            None => is_plain(&self.name) && !WORDS.contains(&self.name.as_str()),
        };
        if plain { f.write_str(&reference) } else { write!(f, "`{reference}`") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_read_as_something_else_are_in_backticks() {
        for (name, spelled) in [
            ("user_v1:birth_year", "user_v1:birth_year"),
            ("amount", "amount"),
            ("now", "`now`"),
            ("view:now", "view:now"),
            ("my-view:a.b", "`my-view:a.b`"),
            ("birth-year", "`birth-year`"),
        ] {
            assert_eq!(Name::new(name).to_string(), spelled);
        }
    }
}
