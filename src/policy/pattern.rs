//! Patterns of names.

use asofdb_storage::NAME_BYTES_MAX;

/// Longest pattern in bytes.
const PATTERN_BYTES_MAX: usize = 2 * NAME_BYTES_MAX;

/// The names that a pattern can speak of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Names<'n> {
    pub(super) team: &'n str,
    pub(super) entities: &'n [String],
    pub(super) view: &'n str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Any characters, also none.
    Any,
    /// Digits, at least one.
    Number,
    Team,
    /// The name of one of the entities.
    Entity,
    View,
}

/// A pattern that is the whole of a name: `*` is any characters, `{n}` a number, and `{team}`, `{entity}` and `{view}`
/// are what the thing is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    parts: Vec<Part>,
}

impl Pattern {
    /// Reads a pattern in which the placeholders of `known` may stand; the rule that it breaks otherwise.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Pattern, String> {
        if text.is_empty() || text.len() > PATTERN_BYTES_MAX {
            return Err(format!("a pattern has from 1 to {PATTERN_BYTES_MAX} bytes"));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '*' => 1,
                '{' => rest.find('}').map_or(rest.len(), |end| end + 1),
                _ => rest.find(['*', '{']).unwrap_or(rest.len()),
            };
            let part = match &rest[..end] {
                "*" => Part::Any,
                name if first == '{' && !known.contains(&name) => {
                    return Err(format!("a pattern has no {name}; here it may have * and {}", known.join(" ")));
                }
                "{n}" => Part::Number,
                "{team}" => Part::Team,
                "{entity}" => Part::Entity,
                "{view}" => Part::View,
                text => Part::Text(text.to_owned()),
            };
            parts.push(part);
            rest = &rest[end..];
        }
        Ok(Pattern { text: text.to_owned(), parts })
    }

    /// The pattern as it was given.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether a text is all of it. Takes time by the product of both lengths, whatever is in them.
    pub(super) fn matches(&self, text: &str, names: &Names<'_>) -> bool {
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            reached = part.step(&reached, text.as_bytes(), names);
        }
        reached[text.len()]
    }
}

impl Part {
    /// The places that can be reached with this part from those that are reached.
    fn step(&self, from: &[bool], text: &[u8], names: &Names<'_>) -> Vec<bool> {
        let mut to = vec![false; from.len()];
        let starts = || (0..from.len()).filter(|start| from[*start]);
        let mut words = |words: &mut dyn Iterator<Item = &str>| {
            for word in words.filter(|word| !word.is_empty()) {
                let ends = starts().filter(|start| text[*start..].starts_with(word.as_bytes()));
                ends.for_each(|start| to[start + word.len()] = true);
            }
        };
        match self {
            Part::Text(word) => words(&mut [word.as_str()].into_iter()),
            Part::Team => words(&mut [names.team].into_iter()),
            Part::View => words(&mut [names.view].into_iter()),
            Part::Entity => words(&mut names.entities.iter().map(String::as_str)),
            Part::Any => {
                if let Some(first) = starts().next() {
                    to[first..].fill(true);
                }
            }
            Part::Number => {
                for at in 0..text.len() {
                    to[at + 1] = text[at].is_ascii_digit() && (from[at] || to[at]);
                }
            }
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["{n}", "{team}", "{entity}", "{view}"];

    fn is_match(pattern: &str, text: &str) -> bool {
        let entities = ["user".to_owned(), "shop".to_owned()];
        let names = Names { team: "growth", entities: &entities, view: "v" };
        Pattern::parse(pattern, KNOWN).unwrap().matches(text, &names)
    }

    #[test]
    fn a_pattern_is_all_of_a_name_with_stars_numbers_and_what_it_is_of() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "anything"),
            ("a*c", "ac"),
            ("a*c", "abcbc"),
            ("{team}_{entity}_*_v{n}", "growth_user_stats_v12"),
            ("{team}_{entity}_*_v{n}", "growth_shop__v1"),
            ("*_v{n}", "a_v_v2"),
            ("{view}_x", "v_x"),
            ("*é", "aé"),
        ] {
            assert!(is_match(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a", "A"),
            ("a*c", "acb"),
            ("{team}_{entity}_*_v{n}", "growth_city_stats_v1"),
            ("*_v{n}", "a_v"),
            ("*_v{n}", "a_v1b"),
            ("a", "aa"),
        ] {
            assert!(!is_match(pattern, text), "{pattern} {text}");
        }
        let nobody = Names::default();
        assert!(!Pattern::parse("{team}_x", KNOWN).unwrap().matches("_x", &nobody), "no team is no name");
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let (pattern, text) = ("*a".repeat(PATTERN_BYTES_MAX / 2), "a".repeat(20_000));
        assert!(is_match(&pattern, &text) && !is_match(&pattern, &format!("{text}b")));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", "{tema}", "{", "a{n", &"a".repeat(PATTERN_BYTES_MAX + 1)] {
            assert!(Pattern::parse(bad, KNOWN).is_err(), "{bad}");
        }
        let error = Pattern::parse("{team}_*", &["{n}"]).unwrap_err();
        assert_eq!(error, "a pattern has no {team}; here it may have * and {n}");
    }
}
