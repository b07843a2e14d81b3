//! Ranking: what entries are worth for the words of a query.

use super::hit::{Closeness, Matched};
use super::terms::{Term, Terms};

/// The number that says how soon further occurrences stop to count: BM25's k1.
const SATURATION: f32 = 1.2;

/// The best that an entry has for one word of a query.
#[derive(Debug, Clone, Copy)]
struct Best<'t> {
    closeness: Closeness,
    score: f32,
    term: &'t Term,
    posting: usize,
}

/// Entries that have every word of a query.
pub(super) struct Ranking<'q> {
    words: &'q [String],
    /// By word and entry.
    best: Vec<Vec<Option<Best<'q>>>>,
    entries: usize,
}

impl<'q> Ranking<'q> {
    pub(super) fn new(words: &'q [String], terms: &'q Terms, entries: usize) -> Self {
        let last = words.len().saturating_sub(1);
        let of = |(number, word): (usize, &'q String)| of_word(&terms.meant_by(word, number == last), entries);
        Ranking { words, best: words.iter().enumerate().map(of).collect(), entries }
    }

    /// The entries that have all words, with what sorts them: how close the least close word is, and the score in
    /// thousandths, which must not depend on the last bits of a sum.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, Closeness, u64)> {
        (0..self.entries).filter_map(|entry| {
            let mut found = (entry, Closeness::Exact, 0.0);
            for best in &self.best {
                let best = best[entry].as_ref()?;
                found = (entry, found.1.max(best.closeness), found.2 + best.score);
            }
            Some((entry, found.1, (f64::from(found.2) * 1_000.0).round() as u64))
        })
    }

    /// The word as which each one was found in an entry.
    pub(super) fn matched(&self, entry: usize) -> Vec<Matched> {
        let found = self.words.iter().zip(&self.best).filter_map(|(word, best)| Some((word, best[entry].as_ref()?)));
        let matched = |(word, best): (&String, &Best<'_>)| Matched {
            word: word.clone(),
            found: best.term.text.clone(),
            field: best.term.postings[best.posting].field,
            how: best.closeness,
        };
        found.map(matched).collect()
    }
}

fn of_word<'t>(meant: &[(&'t Term, Closeness)], entries: usize) -> Vec<Option<Best<'t>>> {
    let mut best: Vec<Option<Best<'t>>> = vec![None; entries];
    for (term, closeness) in meant {
        let having = term.postings.len() as f32;
        let rarity = (1.0 + (entries as f32 - having + 0.5) / (having + 0.5)).ln();
        for (number, posting) in term.postings.iter().enumerate() {
            let score = rarity * posting.frequency * (SATURATION + 1.0) / (posting.frequency + SATURATION);
            let known = &mut best[posting.entry as usize];
            let is_better = known.as_ref().is_none_or(|known| {
                *closeness < known.closeness || *closeness == known.closeness && score > known.score
            });
            if is_better {
                *known = Some(Best { closeness: *closeness, score, term, posting: number });
            }
        }
    }
    best
}
