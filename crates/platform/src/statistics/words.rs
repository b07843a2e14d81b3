//! Statistics in words and short numbers.

use asofdb::parts::number_json;
use asofdb::{EventsRead, FeatureProfile, TopValue, ValueType, ViewProfile};
use serde_json::Value as Json;

/// Digits of a number.
const DIGITS: usize = 6;

/// The values that statistics are of: the newest of each entity of a sample, or events of these.
pub(super) fn sample(profile: &ViewProfile) -> String {
    let sample = entities(profile);
    match profile.events {
        None => format!("the newest value of {sample}"),
        Some(EventsRead { count: 1, .. }) => format!("1 event of {sample}"),
        Some(EventsRead { count, of_entity_max: None }) => format!("{count} events of {sample}"),
        Some(EventsRead { count, of_entity_max: Some(most) }) => {
            format!("{count} events of {sample}, at most the newest {most} of each")
        }
    }
}

/// The word for what values are of: entities or events.
pub(super) fn counted(profile: &ViewProfile) -> &'static str {
    if profile.events.is_some() { "events" } else { "entities" }
}

/// The entities: `1 000 of 5 000 entities`.
fn entities(profile: &ViewProfile) -> String {
    let entities = |count| if count == 1 { "entity" } else { "entities" };
    match profile.of_entities {
        _ if profile.is_all() => format!("all {} {}", profile.entities, entities(profile.entities)),
        Some(of) => format!("{} of {of} {}", profile.entities, entities(of)),
        None => format!("{} {}, of more", profile.entities, entities(profile.entities)),
    }
}

/// The size of a view with rows.
pub(super) fn size(profile: &ViewProfile) -> Option<String> {
    profile.size.map(|size| {
        let about = if size.is_exact { "" } else { "about " };
        format!("{about}{} versions, {} bytes of keys and rows", size.versions, size.bytes)
    })
}

/// The type of the numbers of a feature; `None` where they are lengths.
pub(super) fn ranked_type(feature: &FeatureProfile) -> Option<ValueType> {
    feature.numbers.as_ref().map(|_| feature.ty)
}

/// A number as people read it; a time to the second.
pub(super) fn number(ty: Option<ValueType>, at: f64) -> String {
    match number_json(ty, at) {
        Json::String(text) => text.split('.').next().unwrap_or_default().trim_end_matches('Z').replace('T', " "),
        _ => short(at),
    }
}

fn short(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e15).contains(&magnitude) {
        return format!("{number:.3e}");
    }
    let whole = if magnitude < 1.0 { 1 } else { magnitude.log10() as usize + 1 };
    let text = format!("{number:.*}", DIGITS.saturating_sub(whole));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The number of different values, and whether it is an estimate.
pub(super) fn distinct(feature: &FeatureProfile) -> String {
    let about = if feature.is_distinct_exact { "" } else { "about " };
    format!("{about}{}", feature.distinct)
}

/// A frequent value; of a long one the beginning.
pub(super) fn value(top: &TopValue) -> String {
    if top.is_shortened { format!("{}…", top.text) } else { top.text.clone() }
}

/// The meaning of its numbers: values, or lengths of them.
pub(super) fn ranked_words(feature: &FeatureProfile) -> &'static str {
    match (feature.numbers.is_some(), feature.ty) {
        (true, _) => "values",
        (false, ValueType::List(_)) => "numbers of items",
        (false, _) => "lengths",
    }
}

#[cfg(test)]
mod tests {
    use asofdb::ScalarType;

    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        let texts = [0.0, 1.0 / 3.0, -1234.5678, 1e20].map(|at| number(None, at));
        assert_eq!(texts, ["0", "0.33333", "-1234.57", "1.000e20"]);
        let time = Some(ValueType::Scalar(ScalarType::Timestamp));
        assert_eq!(number(time, 1_500_000.0), "1970-01-01 00:00:01");
    }
}
