//! The distributions of a feature in two places, and how far they are apart.

use std::collections::HashMap;

use asofdb::{Value, ValueType};
use serde_json::{Value as Json, json};

/// Numbers that are kept of each side, drawn evenly from all.
const NUMBERS_MAX: usize = 50_000;

/// Texts that are counted by themselves; others count together.
const TEXTS_MAX: usize = 10_000;

/// Texts that have a bin of their own.
const TEXT_BINS: usize = 20;

/// Bins of numbers: each has about as many values of the training set.
const NUMBER_BINS: usize = 10;

/// Letters of a text that a bin is named after.
const LABEL_LETTERS: usize = 40;

/// The seed of the draw, which is the same in each run.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The values of a feature in one place, as far as they are kept.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    kind: SampleKind,
    /// Values, those that are not there included.
    pub(super) values: u64,
    pub(super) missing: u64,
    numbers: Vec<f64>,
    texts: HashMap<String, u64>,
    other_texts: u64,
    state: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SampleKind {
    Numbers,
    Texts,
    /// Lists: only whether they are there.
    Presence,
}

/// The distance of two distributions.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// The population stability index over the bins: below 0.1 nothing, above 0.25 much.
    pub psi: f64,
    /// The statistic of Kolmogorov and Smirnov, the greatest distance of the cumulative distributions; of numbers only.
    pub ks: Option<f64>,
    /// The bins.
    pub bins: Vec<Bin>,
}

/// A bin of values, and its share on each side.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Its values, in words.
    pub label: String,
    /// Its share of what was served.
    pub served: f64,
    /// Its share of the training set.
    pub training: f64,
}

impl Drift {
    /// Makes JSON of it.
    pub fn to_json(&self) -> Json {
        let bin = |bin: &Bin| json!({"label": bin.label, "served": bin.served, "training": bin.training});
        json!({"psi": self.psi, "ks": self.ks, "bins": self.bins.iter().map(bin).collect::<Vec<_>>()})
    }
}

impl Sample {
    pub(super) fn new(ty: ValueType) -> Self {
        use asofdb::ScalarType::{Bytes, String as Text};
        let kind = match ty {
            ValueType::List(_) => SampleKind::Presence,
            ValueType::Scalar(Text | Bytes) => SampleKind::Texts,
            ValueType::Scalar(_) => SampleKind::Numbers,
        };
        let (numbers, texts) = (Vec::new(), HashMap::new());
        Sample { kind, values: 0, missing: 0, numbers, texts, other_texts: 0, state: SEED }
    }

    /// Adds a value.
    pub(super) fn add(&mut self, value: Option<&Value>) {
        self.values += 1;
        match (self.kind, value) {
            (_, None) => self.missing += 1,
            (SampleKind::Presence, _) => {}
            (SampleKind::Numbers, Some(value)) => match number_of(value) {
                Some(number) => self.add_number(number),
                None => self.missing += 1,
            },
            (SampleKind::Texts, Some(value)) => {
                let text = text_of(value);
                match self.texts.len() < TEXTS_MAX || self.texts.contains_key(&text) {
                    true => *self.texts.entry(text).or_default() += 1,
                    false => self.other_texts += 1,
                }
            }
        }
    }

    fn add_number(&mut self, number: f64) {
        if self.numbers.len() < NUMBERS_MAX {
            self.numbers.push(number);
            return;
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let place = (self.state % (self.values - self.missing)) as usize;
        if let Some(kept) = self.numbers.get_mut(place) {
            *kept = number;
        }
    }

    /// The share of values that are not there.
    pub(super) fn missing_share(&self) -> f64 {
        if self.values == 0 { 0.0 } else { self.missing as f64 / self.values as f64 }
    }
}

fn number_of(value: &Value) -> Option<f64> {
    Some(match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Int32(value) => f64::from(*value),
        Value::Int64(value) => *value as f64,
        Value::Float32(value) => f64::from(*value),
        Value::Float64(value) => *value,
        Value::Timestamp(value) => value.as_micros() as f64 / 1e6,
        Value::Date(value) => f64::from(value.as_days()),
        Value::String(_) | Value::Bytes(_) | Value::List(..) => return None,
    })
    .filter(|number| !number.is_nan())
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Compares what was served with a training set; `None` where one of them has no values.
pub(super) fn drift(served: &Sample, training: &Sample) -> Option<Drift> {
    if served.values == 0 || training.values == 0 {
        return None;
    }
    let mut bins = match served.kind {
        SampleKind::Numbers => number_bins(served, training),
        SampleKind::Texts => text_bins(served, training),
        SampleKind::Presence => {
            let share = |sample: &Sample| 1.0 - sample.missing_share();
            vec![Bin { label: "a list".to_owned(), served: share(served), training: share(training) }]
        }
    };
    let missing = (served.missing_share(), training.missing_share());
    bins.push(Bin { label: "no value".to_owned(), served: missing.0, training: missing.1 });
    let ks = (served.kind == SampleKind::Numbers).then(|| kolmogorov_smirnov(&served.numbers, &training.numbers));
    Some(Drift { psi: stability(&bins, served.values, training.values), ks: ks.flatten(), bins })
}

/// The deciles of numbers, each once.
fn deciles(numbers: &[f64]) -> Vec<f64> {
    let sorted = sorted(numbers);
    let Some(last) = sorted.len().checked_sub(1) else { return Vec::new() };
    let mut edges: Vec<f64> = (1..NUMBER_BINS).map(|at| sorted[last * at / NUMBER_BINS]).collect();
    edges.dedup();
    edges
}

/// Bins whose edges are the deciles of the training set; and of what was served, where those fall together.
fn number_bins(served: &Sample, training: &Sample) -> Vec<Bin> {
    let mut edges = deciles(&training.numbers);
    if edges.len() < NUMBER_BINS - 1 {
        edges.extend(deciles(&served.numbers));
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
    }
    let shares = |sample: &Sample| {
        let mut counts = vec![0_u64; edges.len() + 1];
        sample.numbers.iter().for_each(|number| counts[edges.partition_point(|edge| edge < number)] += 1);
        let all = sample.numbers.len().max(1) as f64;
        let present = 1.0 - sample.missing_share();
        counts.into_iter().map(|count| present * count as f64 / all).collect::<Vec<_>>()
    };
    let label = |at: usize| match (at.checked_sub(1).map(|before| edges[before]), edges.get(at)) {
        (None, Some(edge)) => format!("≤ {edge}"),
        (Some(before), Some(edge)) => format!("{before} to {edge}"),
        (Some(before), None) => format!("> {before}"),
        (None, None) => "all".to_owned(),
    };
    let (served, training) = (shares(served), shares(training));
    let bin = |(at, (served, training))| Bin { label: label(at), served, training };
    served.into_iter().zip(training).enumerate().map(bin).collect()
}

/// A bin for each of the most frequent texts of the training set and of what was served, and one for the others.
fn text_bins(served: &Sample, training: &Sample) -> Vec<Bin> {
    let mut counts: HashMap<&String, u64> = HashMap::new();
    training.texts.iter().chain(&served.texts).for_each(|(text, count)| *counts.entry(text).or_default() += count);
    let mut texts: Vec<(&String, u64)> = counts.into_iter().collect();
    texts.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    texts.truncate(TEXT_BINS);
    let share = |sample: &Sample, count: u64| count as f64 / sample.values as f64;
    let of = |sample: &Sample, text: &String| share(sample, sample.texts.get(text).copied().unwrap_or(0));
    let label = |text: &str| text.chars().take(LABEL_LETTERS).collect::<String>();
    let bin =
        |(text, _): &(&String, u64)| Bin { label: label(text), served: of(served, text), training: of(training, text) };
    let mut bins: Vec<Bin> = texts.iter().map(bin).collect();
    let rest = |sample: &Sample, side: fn(&Bin) -> f64| {
        (1.0 - sample.missing_share() - bins.iter().map(side).sum::<f64>()).max(0.0)
    };
    let (served, training) = (rest(served, |bin| bin.served), rest(training, |bin| bin.training));
    bins.push(Bin { label: "others".to_owned(), served, training });
    bins
}

fn sorted(numbers: &[f64]) -> Vec<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The population stability index. Half a value more in each bin keeps empty ones finite.
fn stability(bins: &[Bin], served: u64, training: u64) -> f64 {
    let smooth = |share: f64, values: u64| (share * values as f64 + 0.5) / (values as f64 + 0.5 * bins.len() as f64);
    let term = |bin: &Bin| {
        let (served, training) = (smooth(bin.served, served), smooth(bin.training, training));
        (served - training) * (served / training).ln()
    };
    bins.iter().map(term).sum()
}

/// The greatest distance of two cumulative distributions.
fn kolmogorov_smirnov(one: &[f64], other: &[f64]) -> Option<f64> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let (one, other) = (sorted(one), sorted(other));
    let (mut at, mut beside, mut greatest) = (0, 0, 0.0_f64);
    while at < one.len() && beside < other.len() {
        let least = one[at].min(other[beside]);
        at += one[at..].iter().take_while(|number| **number <= least).count();
        beside += other[beside..].iter().take_while(|number| **number <= least).count();
        let distance = at as f64 / one.len() as f64 - beside as f64 / other.len() as f64;
        greatest = greatest.max(distance.abs());
    }
    Some(greatest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ty: &str, values: impl IntoIterator<Item = Option<Value>>) -> Sample {
        let mut sample = Sample::new(ty.parse().unwrap());
        values.into_iter().for_each(|value| sample.add(value.as_ref()));
        sample
    }

    fn numbers(from: i64, to: i64) -> Sample {
        sample("int64", (from..to).map(|number| Some(Value::Int64(number))))
    }

    #[test]
    fn equal_distributions_are_not_apart_and_those_that_share_nothing_are_wholly() {
        let same = drift(&numbers(0, 1_000), &numbers(0, 1_000)).unwrap();
        assert_eq!((same.psi, same.ks, same.bins.len()), (0.0, Some(0.0), 11));
        assert!((same.bins[0].training - 0.1).abs() < 0.01, "{same:?}");
        let apart = drift(&numbers(1_000, 2_000), &numbers(0, 1_000)).unwrap();
        assert_eq!(apart.ks, Some(1.0));
        assert!(apart.psi > 2.0, "{apart:?}");
        let half = drift(&numbers(500, 1_500), &numbers(0, 1_000)).unwrap();
        assert_eq!(half.ks, Some(0.5));
        assert!(drift(&numbers(0, 0), &numbers(0, 10)).is_none());
    }

    #[test]
    fn texts_have_bins_of_their_own_and_missing_values_too() {
        let texts = |a: usize, b: usize, none: usize| {
            let text = |text: &str| Some(Value::String(text.to_owned()));
            sample("string", std::iter::repeat_n(text("a"), a).chain(vec![text("b"); b]).chain(vec![None; none]))
        };
        let drift = drift(&texts(50, 25, 25), &texts(50, 50, 0)).unwrap();
        let bins: Vec<_> = drift.bins.iter().map(|bin| (bin.label.as_str(), bin.served, bin.training)).collect();
        assert_eq!(bins, [("a", 0.5, 0.5), ("b", 0.25, 0.5), ("others", 0.0, 0.0), ("no value", 0.25, 0.0)]);
        assert_eq!(drift.ks, None);
        assert!(drift.psi > 0.25, "{drift:?}");
    }

    #[test]
    fn many_numbers_are_drawn_from_evenly() {
        let many = numbers(0, 200_000);
        assert_eq!((many.numbers.len(), many.values), (NUMBERS_MAX, 200_000));
        let drift = drift(&many, &numbers(0, 40_000)).unwrap();
        assert!((drift.ks.unwrap() - 0.8).abs() < 0.02, "{drift:?}");
    }
}
