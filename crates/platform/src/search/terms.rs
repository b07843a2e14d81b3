//! Terms: the words of all entries, and where each stands.

use std::collections::HashMap;

use super::entry::Entry;
use super::field::Field;
use super::hit::Closeness;
use super::spelling::{Typed, letter_set};
use crate::synonyms::Synonyms;
use crate::words::words;

/// The part by which a text that is longer than others of its field counts less: BM25's b.
const LENGTH_MATTERS: f32 = 0.6;

/// A word of some entries.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) text: String,
    letters: u64,
    /// The entries that have it, in their order.
    pub(super) postings: Vec<Posting>,
}

/// A word in an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    pub(super) entry: u32,
    /// Its frequency, by the weight and the length of the fields.
    pub(super) frequency: f32,
    /// The field where it counts most.
    pub(super) field: Field,
}

/// The words of all entries, and which of them mean the same.
#[derive(Debug)]
pub(super) struct Terms {
    /// Every word, sorted.
    all: Vec<Term>,
    synonyms: Synonyms,
}

impl Terms {
    pub(super) fn of(entries: &[Entry], synonyms: Synonyms) -> Self {
        let mut places: HashMap<String, Vec<(u32, Field)>> = HashMap::new();
        let mut lengths = vec![[0_u32; Field::COUNT]; entries.len()];
        for (number, entry) in (0_u32..).zip(entries) {
            for (field, text) in entry.texts() {
                for word in words(text) {
                    lengths[number as usize][field as usize] += 1;
                    places.entry(word).or_default().push((number, field));
                }
            }
        }
        let lengths = Lengths::new(lengths);
        let mut terms: Vec<_> = places.into_iter().map(|(text, places)| Term::new(text, &places, &lengths)).collect();
        terms.sort_unstable_by(|one, other| one.text.cmp(&other.text));
        Terms { all: terms, synonyms }
    }

    /// The terms that a word of a query may mean, each with how close it is.
    pub(super) fn meant_by<'t>(&'t self, word: &str, may_be_beginning: bool) -> Vec<(&'t Term, Closeness)> {
        let typed = Typed::new(word);
        let closeness = |term: &Term| match term.text.as_str() {
            text if text == word => Some(Closeness::Exact),
            text if may_be_beginning && text.starts_with(word) => Some(Closeness::Prefix),
            text if self.synonyms.are(word, text) => Some(Closeness::Synonym),
            text => typed.may_mean(text, term.letters).then_some(Closeness::Typo),
        };
        self.all.iter().filter_map(|term| Some((term, closeness(term)?))).collect()
    }
}

impl Term {
    fn new(text: String, places: &[(u32, Field)], lengths: &Lengths) -> Self {
        let of_entry = |places: &[(u32, Field)]| {
            let entry = places[0].0;
            let counted = |field: Field| field.weight() * lengths.share(entry, field);
            let fields = places.iter().map(|(_, field)| *field);
            Posting {
                entry,
                frequency: fields.clone().map(counted).sum(),
                // A chunk has an element at least.
                field: fields.max_by(|one, other| one.weight().total_cmp(&other.weight())).unwrap_or(places[0].1),
            }
        };
        let postings = places.chunk_by(|one, other| one.0 == other.0).map(of_entry).collect();
        Term { letters: letter_set(&text), text, postings }
    }
}

/// The numbers of words in the fields of every entry.
struct Lengths {
    of: Vec<[u32; Field::COUNT]>,
    /// Of the entries that have the field.
    mean: [f32; Field::COUNT],
}

impl Lengths {
    fn new(of: Vec<[u32; Field::COUNT]>) -> Self {
        let mean = std::array::from_fn(|field| {
            let filled = of.iter().map(|lengths| lengths[field]).filter(|length| *length > 0);
            filled.clone().map(|length| length as f32).sum::<f32>() / filled.count().max(1) as f32
        });
        Lengths { of, mean }
    }

    /// The weight of one word of a field: less where the field is longer than it usually is.
    fn share(&self, entry: u32, field: Field) -> f32 {
        let length = self.of[entry as usize][field as usize] as f32;
        1.0 / (1.0 - LENGTH_MATTERS + LENGTH_MATTERS * length / self.mean[field as usize])
    }
}
