//! The record of a view's statistics.

use super::codec::{self, Decode, Encode};
use super::value::ValueTypeRecord;
use super::{Reader, Recorded};
use crate::error::Result;
use crate::profile::{
    EventsRead, FeatureProfile, HistogramBucket, NumberProfile, StatusCounts, TopValue, ViewProfile, ViewSize,
};
use crate::time::Timestamp;

#[derive(Encode, Decode)]
pub(crate) struct ViewProfileRecordV1 {
    /// Microseconds since 1970.
    taken: i64,
    revision: u64,
    entities: u64,
    of_entities: Option<u64>,
    /// Versions, bytes, and whether they are exact.
    size: Option<(u64, u64, bool)>,
    features: Vec<FeatureProfileRecordV1>,
}

/// Version 2 has the events that were read.
#[derive(Encode, Decode)]
pub(crate) struct ViewProfileRecordV2 {
    profile: ViewProfileRecordV1,
    /// How many, and the most of one entity.
    events: Option<(u64, Option<u64>)>,
}

#[derive(Encode, Decode)]
struct FeatureProfileRecordV1 {
    name: String,
    ty: ValueTypeRecord,
    meaning: u128,
    /// Present, null, missing, expired.
    counts: [u64; 4],
    nan: u64,
    infinite: [u64; 2],
    numbers: Option<NumberProfileRecordV1>,
    lengths: Option<NumberProfileRecordV1>,
    distinct: u64,
    is_distinct_exact: bool,
    /// Text, whether it is shortened, and count.
    top: Vec<(String, bool, u64)>,
    is_top_exact: bool,
}

#[derive(Encode, Decode)]
struct NumberProfileRecordV1 {
    count: u64,
    min: f64,
    max: f64,
    mean: Option<f64>,
    stddev: Option<f64>,
    ranked: u64,
    quantiles: [f64; 7],
    /// From, to, and count.
    histogram: Vec<(f64, f64, u64)>,
}

impl Recorded for ViewProfile {
    type Written = ViewProfileRecordV2;

    const READERS: &'static [Reader<Self>] =
        &[codec::read::<ViewProfileRecordV1, Self>, codec::read::<ViewProfileRecordV2, Self>];

    fn name(_: &[u8]) -> String {
        "statistics of a view".to_owned()
    }

    /// Statistics of features are written as an asofdb of before knows them.
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        match self.events {
            None => {
                out.push(1);
                codec::write(&ViewProfileRecordV1::from(self), out)
            }
            Some(_) => {
                out.push(2);
                codec::write(&ViewProfileRecordV2::from(self), out)
            }
        }
    }
}

impl From<&ViewProfile> for ViewProfileRecordV2 {
    fn from(profile: &ViewProfile) -> Self {
        let events = profile.events.map(|events| (events.count, events.of_entity_max));
        ViewProfileRecordV2 { profile: ViewProfileRecordV1::from(profile), events }
    }
}

impl From<ViewProfileRecordV2> for ViewProfile {
    fn from(record: ViewProfileRecordV2) -> Self {
        let events = record.events.map(|(count, of_entity_max)| EventsRead { count, of_entity_max });
        ViewProfile { events, ..ViewProfile::from(record.profile) }
    }
}

impl From<&ViewProfile> for ViewProfileRecordV1 {
    fn from(profile: &ViewProfile) -> Self {
        ViewProfileRecordV1 {
            taken: profile.taken.as_micros(),
            revision: profile.revision,
            entities: profile.entities,
            of_entities: profile.of_entities,
            size: profile.size.map(|size| (size.versions, size.bytes, size.is_exact)),
            features: profile.features.iter().map(FeatureProfileRecordV1::from).collect(),
        }
    }
}

impl From<ViewProfileRecordV1> for ViewProfile {
    fn from(record: ViewProfileRecordV1) -> Self {
        ViewProfile {
            taken: Timestamp::from_micros(record.taken),
            revision: record.revision,
            entities: record.entities,
            of_entities: record.of_entities,
            size: record.size.map(|(versions, bytes, is_exact)| ViewSize { versions, bytes, is_exact }),
            events: None,
            features: record.features.into_iter().map(FeatureProfile::from).collect(),
        }
    }
}

impl From<&FeatureProfile> for FeatureProfileRecordV1 {
    fn from(feature: &FeatureProfile) -> Self {
        let StatusCounts { present, null, missing, expired } = feature.counts;
        FeatureProfileRecordV1 {
            name: feature.name.clone(),
            ty: ValueTypeRecord(feature.ty),
            meaning: feature.meaning,
            counts: [present, null, missing, expired],
            nan: feature.nan,
            infinite: feature.infinite,
            numbers: feature.numbers.as_ref().map(NumberProfileRecordV1::from),
            lengths: feature.lengths.as_ref().map(NumberProfileRecordV1::from),
            distinct: feature.distinct,
            is_distinct_exact: feature.is_distinct_exact,
            top: feature.top.iter().map(|top| (top.text.clone(), top.is_shortened, top.count)).collect(),
            is_top_exact: feature.is_top_exact,
        }
    }
}

impl From<FeatureProfileRecordV1> for FeatureProfile {
    fn from(record: FeatureProfileRecordV1) -> Self {
        let [present, null, missing, expired] = record.counts;
        let top = |(text, is_shortened, count)| TopValue { text, is_shortened, count };
        FeatureProfile {
            name: record.name,
            ty: record.ty.0,
            meaning: record.meaning,
            counts: StatusCounts { present, null, missing, expired },
            nan: record.nan,
            infinite: record.infinite,
            numbers: record.numbers.map(NumberProfile::from),
            lengths: record.lengths.map(NumberProfile::from),
            distinct: record.distinct,
            is_distinct_exact: record.is_distinct_exact,
            top: record.top.into_iter().map(top).collect(),
            is_top_exact: record.is_top_exact,
        }
    }
}

impl From<&NumberProfile> for NumberProfileRecordV1 {
    fn from(numbers: &NumberProfile) -> Self {
        let NumberProfile { count, min, max, mean, stddev, ranked, quantiles, histogram } = numbers;
        NumberProfileRecordV1 {
            count: *count,
            min: *min,
            max: *max,
            mean: *mean,
            stddev: *stddev,
            ranked: *ranked,
            quantiles: *quantiles,
            histogram: histogram.iter().map(|bucket| (bucket.from, bucket.to, bucket.count)).collect(),
        }
    }
}

impl From<NumberProfileRecordV1> for NumberProfile {
    fn from(record: NumberProfileRecordV1) -> Self {
        let NumberProfileRecordV1 { count, min, max, mean, stddev, ranked, quantiles, histogram } = record;
        let bucket = |(from, to, count)| HistogramBucket { from, to, count };
        let histogram = histogram.into_iter().map(bucket).collect();
        NumberProfile { count, min, max, mean, stddev, ranked, quantiles, histogram }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::value_type::{ScalarType, ValueType};

    fn profile() -> ViewProfile {
        let numbers = NumberProfile {
            count: 5,
            min: 1.0,
            max: 2.0,
            mean: Some(1.5),
            stddev: None,
            ranked: 6,
            quantiles: [1.0; 7],
            histogram: vec![HistogramBucket { from: 1.0, to: 2.0, count: 7 }],
        };
        let feature = FeatureProfile {
            name: "f".to_owned(),
            ty: ValueType::Scalar(ScalarType::Float64),
            meaning: 8,
            counts: StatusCounts { present: 9, null: 10, missing: 11, expired: 12 },
            nan: 13,
            infinite: [14, 15],
            numbers: Some(numbers),
            lengths: None,
            distinct: 16,
            is_distinct_exact: true,
            top: vec![TopValue { text: "t".to_owned(), is_shortened: true, count: 17 }],
            is_top_exact: false,
        };
        let taken = Timestamp::from_micros(1);
        let size = Some(ViewSize { versions: 18, bytes: 19, is_exact: false });
        let features = vec![feature];
        ViewProfile { taken, revision: 2, entities: 3, of_entities: Some(4), size, events: None, features }
    }

    #[test]
    fn statistics_have_these_bytes_and_damaged_ones_are_refused() {
        let number = |number: u64| number.to_le_bytes().to_vec();
        let float = |float: f64| float.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        let size = [vec![1], number(18), number(19), vec![0]].concat();
        let head = [vec![1], number(1), number(2), number(3), vec![1], number(4), size, number(1), text("f")].concat();
        let ty = [0_u32.to_le_bytes(), ScalarType::Float64.number().to_le_bytes()].concat();
        let counts = [9, 10, 11, 12, 13, 14, 15].map(number).concat();
        let moments = [vec![1], number(5), float(1.0), float(2.0), vec![1], float(1.5), vec![0], number(6)].concat();
        let histogram = [number(1), float(1.0), float(2.0), number(7)].concat();
        let numbers = [moments, float(1.0).repeat(7), histogram].concat();
        let top = [number(1), text("t"), vec![1], number(17), vec![0]].concat();
        let meaning = 8_u128.to_le_bytes().to_vec();
        let bytes = [head, ty, meaning, counts, numbers, vec![0], number(16), vec![1], top].concat();
        assert_eq!(profile().encode().unwrap(), bytes);
        assert_eq!(ViewProfile::decode(&bytes).unwrap(), profile());
        for cut in 0..bytes.len() {
            assert_eq!(ViewProfile::decode(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt, "{cut}");
        }
        let newer = [&[3][..], &bytes[1..]].concat();
        assert_eq!(ViewProfile::decode(&newer).unwrap_err().kind(), ErrorKind::Conflict);
    }

    #[test]
    fn statistics_of_events_have_the_events_behind_the_rest_and_those_of_features_are_as_they_were() {
        let features = profile().encode().unwrap();
        for (of_entity_max, tail) in [(None, vec![0]), (Some(6), [&[1][..], &6_u64.to_le_bytes()].concat())] {
            let of_events = ViewProfile { events: Some(EventsRead { count: 5, of_entity_max }), ..profile() };
            let bytes = [&[2][..], &features[1..], &[1], &5_u64.to_le_bytes(), &tail].concat();
            assert_eq!(of_events.encode().unwrap(), bytes);
            assert_eq!(ViewProfile::decode(&bytes).unwrap(), of_events);
        }
        assert_eq!(features[0], 1);
    }
}
