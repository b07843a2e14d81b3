//! Likeness of names and descriptions.

use std::collections::BTreeSet;

use crate::synonyms::Synonyms;
use crate::words::{is_stop_word, words};

/// Fewest letters of a word that may stand for a longer one, or have a slip.
const LETTERS_MIN: usize = 4;

/// The words of a text by which it is compared with others.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wording {
    /// Each once, synonyms by the first of them.
    words: Vec<String>,
    /// `24` in `mean_24h`: another window is another thing.
    numbers: Vec<String>,
}

impl Wording {
    /// The words of a text but for those that go without saying.
    pub(super) fn new(text: &str, given: &[String], synonyms: &Synonyms) -> Self {
        let common = |word: &str| common(word, synonyms);
        let given: BTreeSet<_> = given.iter().flat_map(|text| words(text)).map(|word| common(&word)).collect();
        let (mut kept, mut numbers) = (Vec::new(), Vec::new());
        for word in words(text).iter().filter(|word| !is_stop_word(word)) {
            match word.bytes().all(|byte| byte.is_ascii_digit()) {
                true => numbers.push(word.clone()),
                false => kept.push(common(word)),
            }
        }
        let all = kept.clone();
        kept.retain(|word| !given.contains(word));
        // A name that is only what goes without saying is all that there is.
        let mut words = if kept.is_empty() { all } else { kept };
        words.sort_unstable();
        words.dedup();
        Wording { words, numbers }
    }

    /// The likeness of two, from 0 to 1: the words that both have, among those that either has.
    pub(super) fn likeness(&self, other: &Wording) -> f64 {
        if !self.numbers.is_empty() && !other.numbers.is_empty() && self.numbers != other.numbers {
            return 0.0;
        }
        let best = |word: &String| other.words.iter().map(|known| alike(word, known)).fold(0.0, f64::max);
        let both: f64 = self.words.iter().map(best).sum();
        let all = (self.words.len() + other.words.len()) as f64 - both;
        let same_numbers = if self.numbers == other.numbers { 1.0 } else { 0.7 };
        if all > 0.0 { (both / all).min(1.0) * same_numbers } else { 0.0 }
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// A word for all that mean the same.
fn common(word: &str, synonyms: &Synonyms) -> String {
    let singular = word.strip_suffix('s').filter(|word| word.len() >= LETTERS_MIN).unwrap_or(word);
    [word, singular].into_iter().find_map(|word| synonyms.common(word)).unwrap_or(singular).to_owned()
}

fn alike(one: &str, other: &str) -> f64 {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    match () {
        () if one == other => 1.0,
        () if short.chars().count() < LETTERS_MIN => 0.0,
        () if long.starts_with(short) => 0.8,
        () if strsim::osa_distance(one, other) <= 1 => 0.7,
        () => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, other: &str) -> f64 {
        let given = ["user".to_owned()];
        let synonyms = Synonyms::default();
        Wording::new(one, &given, &synonyms).likeness(&Wording::new(other, &given, &synonyms))
    }

    #[test]
    fn abbreviations_synonyms_and_what_goes_without_saying_do_not_tell_names_apart() {
        for (one, other) in [
            ("purchase_count", "cnt_purchases"),
            ("user_age", "age"),
            ("usrAge", "age"),
            ("total_amt_30d", "sum_amount_30d"),
            ("users", "user"),
        ] {
            assert_eq!(likeness(one, other), 1.0, "{one} {other}");
        }
        assert_eq!(likeness("mean_24h", "mean_7d"), 0.0, "another window");
        assert_eq!(likeness("clicks", "country"), 0.0);
        let half = likeness("age_years", "age");
        assert!((0.4..0.6).contains(&half), "{half}");
    }
}
