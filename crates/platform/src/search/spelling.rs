//! Slips of the keyboard: how far one word is from another.

/// Fewest letters of a word that may have a slip.
const LETTERS_OF_ONE_SLIP: usize = 4;

/// Fewest letters of a word that may have two.
const LETTERS_OF_TWO_SLIPS: usize = 8;

/// A word of a query, ready to be compared with many.
pub(super) struct Typed<'w> {
    word: &'w str,
    letters: usize,
    set: u64,
    slips: usize,
}

impl<'w> Typed<'w> {
    /// A word; numbers are taken as they are.
    pub(super) fn new(word: &'w str) -> Self {
        let letters = word.chars().count();
        let slips = match letters {
            _ if !word.chars().all(char::is_alphabetic) => 0,
            LETTERS_OF_TWO_SLIPS.. => 2,
            LETTERS_OF_ONE_SLIP.. => 1,
            _ => 0,
        };
        Typed { word, letters, set: letter_set(word), slips }
    }

    /// Returns whether `known`, with its letters, could have been meant: a letter more or less, another one, or two
    /// that changed places, each being a slip.
    pub(super) fn may_mean(&self, known: &str, known_set: u64) -> bool {
        // A slip changes at most two letters of the set, and one in the length. That rules out nearly all words.
        self.slips > 0
            && (self.set ^ known_set).count_ones() as usize <= 2 * self.slips
            && known.chars().count().abs_diff(self.letters) <= self.slips
            && strsim::osa_distance(self.word, known) <= self.slips
    }
}

/// The letters of a word, a bit each; those that share a bit only make words look alike that are compared then.
pub(super) fn letter_set(word: &str) -> u64 {
    word.chars().fold(0, |set, letter| set | 1 << (u32::from(letter) % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(typed: &str, known: &str) -> bool {
        Typed::new(typed).may_mean(known, letter_set(known))
    }

    #[test]
    fn one_slip_is_forgiven_from_four_letters_and_two_from_eight() {
        for (typed, known) in [("prise", "price"), ("pirce", "price"), ("rice", "price"), ("pricee", "price")] {
            assert!(means(typed, known), "{typed}");
        }
        assert!(means("purhcasse", "purchase") && means("tempreture", "temperature"));
        for (typed, known) in [("aeg", "age"), ("prsie", "prize"), ("2014", "2013"), ("delaaay", "delay")] {
            assert!(!means(typed, known), "{typed}");
        }
    }
}
