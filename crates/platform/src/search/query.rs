//! Queries: words and filters, as people type them.

use asofdb::{Error, Result};

use super::entry::Entry;
use super::filter::{FILTERS, Filter};
use super::standing::{SearchNeeds, Standing};
use crate::words::{is_stop_word, words};

/// Longest query in bytes.
pub const QUERY_BYTES_MAX: usize = 1_024;

/// Most words and filters of a query.
pub const QUERY_PARTS_MAX: usize = 32;

/// The words and filters that are searched for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Words in lower case, each once. All of them must be found; of the last the beginning will do.
    pub(super) words: Vec<String>,
    pub(super) filters: Vec<Filter>,
}

impl Query {
    /// Reads a query: `mean delay team:growth "kind:of"`. What stands in double quotes are words, behind a colon a
    /// value with spaces. `is_view` tells the names of views, so that `view:feature` is understood as the words that it
    /// is.
    ///
    /// # Errors
    /// `Invalid`, naming the part and the rule.
    pub(super) fn parse(text: &str, is_view: impl Fn(&str) -> bool) -> Result<Self> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(Error::invalid(format!("a query has at most {QUERY_BYTES_MAX} bytes, not {}", text.len())));
        }
        let mut query = Query { words: Vec::new(), filters: Vec::new() };
        for part in parts(text)? {
            let filter = part.name.as_ref().map(|name| name.to_lowercase());
            match (filter, part.name) {
                (Some(filter), Some(name)) if FILTERS.contains(&filter.as_str()) || !is_view(&name) => {
                    query.filters.push(Filter::new(&filter, &part.value)?);
                }
                (_, name) => query.add_words(&format!("{} {}", name.unwrap_or_default(), part.value)),
            }
        }
        query.without_stop_words().checked()
    }

    fn add_words(&mut self, text: &str) {
        for word in words(text) {
            // A word that comes again stays where it is last: the last word may be a beginning.
            self.words.retain(|known| *known != word);
            self.words.push(word);
        }
    }

    /// Leaves out the words that say nothing, unless there are no others.
    fn without_stop_words(mut self) -> Self {
        if self.words.iter().any(|word| !is_stop_word(word)) {
            // The last one may be the beginning of another word.
            let last = self.words.len() - 1;
            let mut at = 0..;
            self.words.retain(|word| at.next() == Some(last) || !is_stop_word(word));
        }
        self
    }

    fn checked(self) -> Result<Self> {
        match self.words.len() + self.filters.len() {
            0 => Err(Error::invalid("a search needs a word or a filter")),
            count if count > QUERY_PARTS_MAX => {
                Err(Error::invalid(format!("a query has at most {QUERY_PARTS_MAX} words and filters, not {count}")))
            }
            _ => Ok(self),
        }
    }

    /// The things that its filters ask of the state of a store.
    pub(super) fn needs(&self) -> SearchNeeds {
        let days = |filter: &Filter| if let Filter::Unused(days) = filter { Some(*days) } else { None };
        SearchNeeds {
            freshness: self.filters.iter().any(|filter| matches!(filter, Filter::Freshness(_))),
            usage_days: self.filters.iter().filter_map(days).max(),
        }
    }

    /// Returns whether an entry passes all filters.
    pub(super) fn admits(&self, entry: &Entry, standing: &Standing) -> bool {
        self.filters.iter().all(|filter| filter.admits(entry, standing))
    }
}

/// A part of a query between spaces: text, or a name, a colon and text.
#[derive(Debug, Default)]
struct Part {
    name: Option<String>,
    value: String,
}

fn parts(text: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let (mut part, mut is_quoted, mut is_open) = (Part::default(), false, false);
    for letter in text.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ':' if !is_quoted && part.name.is_none() && !part.value.is_empty() => {
                part.name = Some(std::mem::take(&mut part.value));
            }
            letter if letter.is_whitespace() && !is_quoted => {
                if is_open {
                    parts.push(std::mem::take(&mut part));
                }
                is_open = false;
                continue;
            }
            letter => part.value.push(letter),
        }
        is_open = true;
    }
    if is_quoted {
        return Err(Error::invalid("a double quote of the query is not closed"));
    }
    if is_open {
        parts.push(part);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Query {
        Query::parse(text, |name| name == "stats").unwrap()
    }

    fn refused(text: &str) -> String {
        Query::parse(text, |name| name == "stats").unwrap_err().message().to_owned()
    }

    #[test]
    fn words_and_filters_are_told_apart_and_quotes_make_one_of_several() {
        let query = parsed("Mean_Delay team:growth");
        assert_eq!((query.words, query.filters.len()), (vec!["mean".to_owned(), "delay".to_owned()], 1));
        let query = parsed("OWNER:\"Growth Team\" \"team:x\"");
        assert_eq!(query.words, ["team", "x"]);
        assert_eq!(query.filters, [Filter::new("owner", "growth team").unwrap()]);
        assert_eq!(parsed("stats:clicks").words, ["stats", "clicks"], "a reference is no filter");
        assert_eq!(parsed("mean of the user mean").words, ["user", "mean"]);
        assert_eq!(parsed("number of").words, ["number", "of"], "the last word may be a beginning");
        assert_eq!(parsed("the").words, ["the"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_its_name() {
        assert_eq!(refused(" \"\" "), "a search needs a word or a filter");
        assert_eq!(refused("\"a b"), "a double quote of the query is not closed");
        assert_eq!(
            refused("taem:growth"),
            "there is no filter \"taem\"; filters are team, owner, tag, entity, type, view, kind, status, unused (a word with \
             a colon stands in double quotes); did you mean \"team\"?"
        );
        assert_eq!(refused("team:"), "the filter \"team\" has a value behind the colon");
        assert!(refused("kind:featrue").ends_with("\"featrue\"; did you mean \"feature\"?"));
        assert!(refused("type:float").contains("float32, float64"));
        assert_eq!(refused(&"x".repeat(1_025)), "a query has at most 1024 bytes, not 1025");
        let many: String = (0..33).map(|number| format!("w{} ", "x".repeat(number + 1))).collect();
        assert_eq!(refused(&many), "a query has at most 32 words and filters, not 33");
    }
}
