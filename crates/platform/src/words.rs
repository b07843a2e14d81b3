//! Words of names and texts.

/// Words that say nothing about a feature.
const STOP_WORDS: [&str; 22] = [
    "a", "an", "and", "are", "as", "at", "by", "for", "from", "has", "in", "is", "it", "of", "on", "or", "that", "the",
    "this", "to", "was", "with",
];

/// Splits text into words in lower case: at whatever is neither a letter nor a digit, between a small letter and a
/// capital one, and between letters and digits.
pub(crate) fn words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        if is_boundary(before, *letter, letters.get(at + 1).copied()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Returns whether a word ends before `letter`.
fn is_boundary(before: Option<char>, letter: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let capital_of_next = before.is_uppercase() && letter.is_uppercase() && after.is_some_and(char::is_lowercase);
    !letter.is_alphanumeric()
        || before.is_numeric() != letter.is_numeric()
        || (before.is_lowercase() && letter.is_uppercase())
        || capital_of_next
}

/// Returns whether a word says nothing about a feature.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_underscores_cases_and_digits() {
        for (text, expected) in [
            ("mean_24h", "mean 24 h"),
            ("userAge", "user age"),
            ("HTTPStatusCode", "http status code"),
            ("avg-price.eur", "avg price eur"),
            ("Orders, that were PAID!", "orders that were paid"),
            ("list<float32>", "list float 32"),
            ("Größe_ÄÖ", "größe äö"),
            ("", ""),
            ("__", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn stop_words_are_sorted_as_their_lookup_needs() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("the") && !is_stop_word("count"));
    }
}
