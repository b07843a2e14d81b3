//! JSON of statistics.

use asofdb_storage::{Date, FeatureProfile, NumberProfile, ScalarType, Timestamp, TopValue, ValueType};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::AsJson;
use crate::profile::statistics::ViewStatistics;

/// Whole floats up to this are whole numbers in JSON: beyond it, they are not exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Microseconds of a second.
const SECOND: f64 = 1e6;

impl Serialize for AsJson<'_, ViewStatistics> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let statistics = self.0;
        let profile = statistics.profile.as_ref();
        let size = profile.and_then(|profile| profile.size);
        let events = profile.and_then(|profile| profile.events);
        let features = profile.map_or(&[][..], |profile| &profile.features);
        json!({
            "view": statistics.view,
            "taken": profile.map(|profile| profile.taken.to_string()),
            "catalog_revision": profile.map(|profile| profile.revision),
            "entities": profile.map(|profile| profile.entities),
            "of_entities": profile.and_then(|profile| profile.of_entities),
            "events": events.map(|events| events.count),
            "events_of_entity_max": events.and_then(|events| events.of_entity_max),
            "versions": size.map(|size| size.versions),
            "bytes": size.map(|size| size.bytes),
            "size_is_exact": size.map(|size| size.is_exact),
            "outdated": statistics.outdated,
            "withheld": statistics.withheld,
            "features": features.iter().map(feature).collect::<Vec<_>>(),
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, FeatureProfile> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        feature(self.0).serialize(serializer)
    }
}

fn feature(feature: &FeatureProfile) -> Json {
    let counts = feature.counts;
    let [negative_infinity, positive_infinity] = feature.infinite;
    let top = |top: &TopValue| {
        let share = feature.share_of_present(top.count);
        json!({"value": top.text, "shortened": top.is_shortened, "count": top.count, "share": share})
    };
    json!({
        "feature": feature.name,
        "type": feature.ty.to_string(),
        "present": counts.present,
        "null": counts.null,
        "missing": counts.missing,
        "expired": counts.expired,
        "null_share": counts.share(counts.null),
        "missing_share": counts.share(counts.missing),
        "expired_share": counts.share(counts.expired),
        "nan": feature.nan,
        "negative_infinity": negative_infinity,
        "positive_infinity": positive_infinity,
        "distinct": feature.distinct,
        "distinct_is_exact": feature.is_distinct_exact,
        "top": feature.top.iter().map(top).collect::<Vec<_>>(),
        "top_is_exact": feature.is_top_exact,
        "numbers": feature.numbers.as_ref().map(|numbers| of_numbers(numbers, Some(feature.ty))),
        "lengths": feature.lengths.as_ref().map(|lengths| of_numbers(lengths, None)),
    })
}

fn of_numbers(numbers: &NumberProfile, ty: Option<ValueType>) -> Json {
    let number = |number| number_json(ty, number);
    let quantiles: Map<_, _> = NumberProfile::QUANTILES
        .iter()
        .zip(numbers.quantiles)
        .map(|(q, at)| (format!("p{:.0}", q * 100.0), number(at)))
        .collect();
    let bucket = |bucket: &asofdb_storage::HistogramBucket| json!({"from": number(bucket.from), "to": number(bucket.to), "count": bucket.count});
    let stddev = match ty {
        Some(ValueType::Scalar(ScalarType::Timestamp)) => numbers.stddev.map(|stddev| stddev / SECOND),
        _ => numbers.stddev,
    };
    json!({
        "count": numbers.count,
        "min": number(numbers.min),
        "max": number(numbers.max),
        "mean": numbers.mean.map(number),
        "stddev": stddev,
        "ranked": numbers.ranked,
        "quantiles": quantiles,
        "histogram": numbers.histogram.iter().map(bucket).collect::<Vec<_>>(),
    })
}

/// A number of the statistics of a feature of a type, or of lengths: a time or a day where it stands for one.
pub fn number_json(ty: Option<ValueType>, number: f64) -> Json {
    match ty {
        Some(ValueType::Scalar(ScalarType::Timestamp)) => Timestamp::from_micros(number as i64).to_string().into(),
        Some(ValueType::Scalar(ScalarType::Date)) => {
            Date::from_days(number.round() as i32).map_or(Json::Null, |date| date.to_string().into())
        }
        _ if number.fract() == 0.0 && number.abs() <= WHOLE_MAX => (number as i64).into(),
        _ => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_they_stand_for() {
        let of = |ty, number| number_json(Some(ValueType::Scalar(ty)), number).to_string();
        assert_eq!(of(ScalarType::Int64, 3.0), "3");
        assert_eq!(of(ScalarType::Float64, 0.5), "0.5");
        assert_eq!(of(ScalarType::Float64, 1e300), "1e+300");
        assert_eq!(of(ScalarType::Date, 0.6), "\"1970-01-02\"");
        assert_eq!(of(ScalarType::Timestamp, 1e6), "\"1970-01-01T00:00:01Z\"");
        assert_eq!(number_json(None, 7.0), Json::from(7));
    }
}
