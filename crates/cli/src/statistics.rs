//! Statistics of values as a sheet and as lines.

use asofdb::parts::number_json;
use asofdb::{
    EventsRead, FeatureProfile, NumberProfile, ScalarType, Span, TopValue, ValueType, ViewProfile, ViewStatistics,
};
use serde_json::Value as Json;

use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::text::{bytes, count, counted, short_span};

/// Digits of a number in a table.
const DIGITS: usize = 6;

/// A row a feature.
pub(crate) fn sheet(statistics: &ViewStatistics, features: &[FeatureProfile]) -> Sheet {
    let mut sheet = Sheet::new(columns());
    for feature in features {
        let share = |of: u64| Cell::new(feature.counts.share(of)).shown(percent(feature.counts.share(of)));
        let outdated = statistics.outdated.contains(&feature.name);
        let name = Cell::new(&feature.name).tone(if outdated { Tone::Warning } else { Tone::Strong });
        let estimate = if feature.is_distinct_exact { "" } else { "~" };
        let distinct = Cell::new(feature.distinct).shown(format!("{estimate}{}", count(feature.distinct)));
        let empty = feature.counts.missing + feature.counts.expired;
        let head = [
            Cell::new(&statistics.view),
            name,
            Cell::new(feature.ty),
            number(feature.counts.present),
            share(feature.counts.null),
            share(empty),
            distinct,
        ];
        let row = head.into_iter().chain(ranks(feature)).chain([top(feature), Cell::new(outdated)]);
        sheet.push(row.collect());
    }
    sheet
}

fn columns() -> Vec<Column> {
    let head = [
        Column::new("view").place(Place::CsvOnly),
        Column::new("feature"),
        Column::new("type"),
        Column::right("values"),
        Column::right("null"),
        Column::right("missing"),
        Column::right("distinct"),
    ];
    let ranks = ["of", "min", "p1", "p5", "p25", "p50", "p75", "p95", "p99", "max", "mean", "stddev"];
    let rank = |name: &str| {
        let place = if matches!(name, "p1" | "p25" | "p75" | "p99") { Place::CsvOnly } else { Place::Everywhere };
        if name == "of" { Column::new(name) } else { Column::right(name).place(place) }
    };
    let tail = [Column::new("top"), Column::new("outdated").place(Place::CsvOnly)];
    head.into_iter().chain(ranks.map(rank)).chain(tail).collect()
}

/// The cells of numbers, or of lengths.
fn ranks(feature: &FeatureProfile) -> Vec<Cell> {
    let of = if feature.numbers.is_some() { "value" } else { "length" };
    let Some(ranked) = feature.ranked() else { return vec![Cell::default(); 12] };
    let ty = feature.numbers.as_ref().map(|_| feature.ty);
    let cell = |at: f64| number_cell(ty, at);
    let [p1, p5, p25, p50, p75, p95, p99] = ranked.quantiles.map(cell);
    let stddev = ranked.stddev.map_or_else(Cell::default, |at| Cell::new(at).shown(deviation(ty, at)));
    let mean = ranked.mean.map_or_else(Cell::default, cell);
    let (min, max) = (cell(ranked.min), cell(ranked.max));
    vec![Cell::new(of), min, p1, p5, p25, p50, p75, p95, p99, max, mean, stddev]
}

fn top(feature: &FeatureProfile) -> Cell {
    // Of values that are nearly all different the most frequent says nothing.
    let frequent = feature.top.first().filter(|top| top.count > 1 || feature.distinct == 1);
    Cell::optional(frequent.map(|top| told(feature, top))).tone(Tone::Faint)
}

fn told(feature: &FeatureProfile, top: &TopValue) -> String {
    let rest = if top.is_shortened { "…" } else { "" };
    format!("{}{rest} ({})", top.text, percent(feature.share_of_present(top.count)))
}

/// A line each for the time, the sample and what is to be known of the statistics.
pub(crate) fn lines(statistics: &ViewStatistics) -> Vec<String> {
    let Some(profile) = &statistics.profile else {
        return vec![format!("no statistics were taken: asof profile {}", statistics.view)];
    };
    let mut lines = vec![format!("statistics of {}", taken(profile))];
    lines.extend(size(profile));
    lines.extend(notices(statistics));
    lines
}

/// The sample and the time: `1,000 of 5,000 entities as of 2024-06-01T00:00:00Z, revision 7`; of events also how many
/// they are.
pub(crate) fn taken(profile: &ViewProfile) -> String {
    let entities = counted(profile.entities, "entity", "entities");
    let sample = match profile.of_entities {
        _ if profile.is_all() => format!("all {entities}"),
        Some(of) => format!("{} of {}", count(profile.entities), counted(of, "entity", "entities")),
        None => format!("{entities}, of more"),
    };
    let sample = match profile.events {
        None => sample,
        Some(EventsRead { count: read, of_entity_max: None }) => {
            format!("{} of {sample}", counted(read, "event", "events"))
        }
        Some(EventsRead { count: read, of_entity_max: Some(most) }) => {
            format!("{} of {sample}, at most the newest {most} of each,", counted(read, "event", "events"))
        }
    };
    format!("{sample} as of {}, revision {}", profile.taken, profile.revision)
}

/// The versions and bytes of a view with rows.
pub(crate) fn size(profile: &ViewProfile) -> Option<String> {
    profile.size.map(|size| {
        let about = if size.is_exact { "" } else { "about " };
        let versions = counted(size.versions, "version", "versions");
        format!("{about}{versions}, {} of keys and rows", bytes(size.bytes))
    })
}

/// Lines about features whose statistics are old or not told.
pub(crate) fn notices(statistics: &ViewStatistics) -> Vec<String> {
    let line = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")));
    let outdated = line("of an older definition, to be taken again", &statistics.outdated);
    let withheld = line("not told, because the policy does not let you read them", &statistics.withheld);
    outdated.into_iter().chain(withheld).collect()
}

/// Lines about one feature: all that is known of it.
pub(crate) fn of_feature(feature: &FeatureProfile) -> Vec<(&'static str, String)> {
    let counts = feature.counts;
    let shared = |of: u64| format!("{} ({})", count(of), percent(counts.share(of)));
    let mut facts = vec![("values", shared(counts.present))];
    for (name, of) in [("null", counts.null), ("missing", counts.missing), ("expired", counts.expired)] {
        if of > 0 {
            facts.push((name, shared(of)));
        }
    }
    let [below, above] = feature.infinite;
    for (name, of) in [("NaN", feature.nan), ("-infinity", below), ("infinity", above)] {
        if of > 0 {
            facts.push((name, shared(of)));
        }
    }
    let estimate = if feature.is_distinct_exact { "" } else { "about " };
    facts.push(("distinct", format!("{estimate}{}", count(feature.distinct))));
    facts.extend(feature.numbers.iter().flat_map(|numbers| of_numbers("", numbers, Some(feature.ty))));
    facts.extend(feature.lengths.iter().flat_map(|lengths| of_numbers("length ", lengths, None)));
    if !feature.top.is_empty() {
        let most: Vec<_> = feature.top.iter().map(|top| told(feature, top)).collect();
        let least = if feature.is_top_exact { "" } else { "at least " };
        facts.push(("top values", format!("{least}{}", most.join(", "))));
    }
    facts
}

fn of_numbers(of: &str, numbers: &NumberProfile, ty: Option<ValueType>) -> Vec<(&'static str, String)> {
    let text = |at: f64| shown(ty, at);
    let quantiles = NumberProfile::QUANTILES.iter().zip(numbers.quantiles);
    let quantiles: Vec<_> = quantiles.map(|(q, at)| format!("p{:.0} {}", q * 100.0, text(at))).collect();
    let mean = numbers.mean.map_or_else(String::new, |mean| format!(", mean {}", text(mean)));
    let stddev = numbers.stddev.map_or_else(String::new, |at| format!(", stddev {}", deviation(ty, at)));
    vec![
        ("range", format!("{of}{} to {}{mean}{stddev}", text(numbers.min), text(numbers.max))),
        ("quantiles", format!("{of}{}", quantiles.join(", "))),
        ("histogram", bars(numbers)),
    ]
}

/// A histogram as a line of bars, each from no height to full height.
fn bars(numbers: &NumberProfile) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.histogram.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    let bar = |of: u64| if of == 0 { ' ' } else { BARS[((of * 8).div_ceil(most) as usize).clamp(1, 8) - 1] };
    numbers.histogram.iter().map(|bucket| bar(bucket.count)).collect()
}

fn number(number: u64) -> Cell {
    Cell::new(number).shown(count(number))
}

fn number_cell(ty: Option<ValueType>, at: f64) -> Cell {
    let text = match number_json(ty, at) {
        Json::String(text) => text,
        json => json.to_string(),
    };
    Cell::new(text).shown(shown(ty, at))
}

/// A number as people read it; a time to the second.
fn shown(ty: Option<ValueType>, at: f64) -> String {
    match number_json(ty, at) {
        Json::String(text) => text.split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned(),
        _ => short(at),
    }
}

/// A standard deviation: of times and days a length of time.
fn deviation(ty: Option<ValueType>, at: f64) -> String {
    match ty {
        Some(ValueType::Scalar(ScalarType::Timestamp)) => short_span(Span::from_micros(at as i64)),
        Some(ValueType::Scalar(ScalarType::Date)) => format!("{}d", short(at)),
        _ => short(at),
    }
}

/// A number with its first six digits.
fn short(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e15).contains(&magnitude) {
        return format!("{number:.3e}");
    }
    let whole = if magnitude < 1.0 { 1 } else { magnitude.log10() as usize + 1 };
    let text = format!("{number:.*}", DIGITS.saturating_sub(whole));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 { "<0.1%".to_owned() } else { format!("{percent:.1}%") }
}

#[cfg(test)]
mod tests {
    use asofdb::HistogramBucket;

    use super::*;

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 1.0, 1.0 / 3.0, -1234.5678, 123_456_789.0, 1e20, 0.000_01].map(short);
        assert_eq!(texts, ["0", "1", "0.33333", "-1234.57", "123456789", "1.000e20", "1.000e-5"]);
        assert_eq!([0.0, 0.0001, 0.5].map(percent), ["0.0%", "<0.1%", "50.0%"]);
    }

    #[test]
    fn a_histogram_is_a_line_of_bars() {
        let bucket = |count| HistogramBucket { from: 0.0, to: 1.0, count };
        let numbers = NumberProfile {
            count: 17,
            min: 0.0,
            max: 1.0,
            mean: None,
            stddev: None,
            ranked: 17,
            quantiles: [0.0; 7],
            histogram: [0, 1, 8, 16].map(bucket).to_vec(),
        };
        assert_eq!(bars(&numbers), " ▁▄█");
    }
}
