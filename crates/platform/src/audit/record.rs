//! The record of an audit, by which it is kept: all of it, values bit for bit.

use asofdb::{Error, Result, Status, Timestamp, Value, ValueType};
use serde::{Deserialize, Serialize};

use super::difference::{Difference, Side};
use super::reason::Reason;
use super::{Audit, AuditedFeature};

/// An audit as it is written. Times are microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditRecord {
    rows: u64,
    answers: u64,
    served: Option<(i64, i64)>,
    /// Hour, values, and those that differ.
    hours: Vec<(i64, u64, u64)>,
    features: Vec<FeatureRecord>,
    examples: Vec<DifferenceRecord>,
}

/// A feature: its reference, values, and differences by reason.
type FeatureRecord = (String, u64, Vec<(String, u64)>);

#[derive(Debug, Serialize, Deserialize)]
struct DifferenceRecord {
    id: String,
    row: u32,
    consumer: Option<String>,
    entity: Vec<(String, Option<ValueRecord>)>,
    at: i64,
    served_at: i64,
    feature: String,
    served: SideRecord,
    again: Option<SideRecord>,
    reason: String,
    detail: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct SideRecord {
    value: Option<ValueRecord>,
    status: String,
    event: Option<i64>,
}

/// A value: its type, and its bytes as rows have them, in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
struct ValueRecord(String, String);

impl From<&Audit> for AuditRecord {
    fn from(audit: &Audit) -> Self {
        let feature = |(name, of): (&String, &AuditedFeature)| {
            let differences = of.differences.iter().map(|(reason, count)| (reason.to_string(), *count));
            (name.clone(), of.values, differences.collect())
        };
        let hour = |(at, (values, differing)): (&Timestamp, &(u64, u64))| (at.as_micros(), *values, *differing);
        AuditRecord {
            rows: audit.rows,
            answers: audit.answers,
            served: audit.served.map(|(from, to)| (from.as_micros(), to.as_micros())),
            hours: audit.hours.iter().map(hour).collect(),
            features: audit.features.iter().map(feature).collect(),
            examples: audit.examples.iter().map(DifferenceRecord::from).collect(),
        }
    }
}

impl TryFrom<AuditRecord> for Audit {
    type Error = Error;

    fn try_from(record: AuditRecord) -> Result<Self> {
        let feature = |(name, values, differences): FeatureRecord| {
            let differences = differences.into_iter().map(|(reason, count)| Ok((reason_of(&reason)?, count)));
            Ok((name, AuditedFeature { values, differences: differences.collect::<Result<_>>()? }))
        };
        let hour = |(at, values, differing)| (time(at), (values, differing));
        Ok(Audit {
            rows: record.rows,
            answers: record.answers,
            served: record.served.map(|(from, to)| (time(from), time(to))),
            hours: record.hours.into_iter().map(hour).collect(),
            features: record.features.into_iter().map(feature).collect::<Result<_>>()?,
            examples: record.examples.into_iter().map(Difference::try_from).collect::<Result<_>>()?,
        })
    }
}

impl From<&Difference> for DifferenceRecord {
    fn from(difference: &Difference) -> Self {
        let key = |(name, value): &(String, Option<Value>)| (name.clone(), value.as_ref().map(ValueRecord::from));
        DifferenceRecord {
            id: difference.id.clone(),
            row: difference.row,
            consumer: difference.consumer.clone(),
            entity: difference.entity.iter().map(key).collect(),
            at: difference.at.as_micros(),
            served_at: difference.served_at.as_micros(),
            feature: difference.feature.clone(),
            served: SideRecord::from(&difference.served),
            again: difference.again.as_ref().map(SideRecord::from),
            reason: difference.reason.to_string(),
            detail: difference.detail.clone(),
        }
    }
}

impl TryFrom<DifferenceRecord> for Difference {
    type Error = Error;

    fn try_from(record: DifferenceRecord) -> Result<Self> {
        let key = |(name, value): (String, Option<ValueRecord>)| Ok((name, value.map(ValueRecord::value).transpose()?));
        Ok(Difference {
            id: record.id,
            row: record.row,
            consumer: record.consumer,
            entity: record.entity.into_iter().map(key).collect::<Result<_>>()?,
            at: time(record.at),
            served_at: time(record.served_at),
            feature: record.feature,
            served: Side::try_from(record.served)?,
            again: record.again.map(Side::try_from).transpose()?,
            reason: reason_of(&record.reason)?,
            detail: record.detail,
        })
    }
}

impl From<&Side> for SideRecord {
    fn from(side: &Side) -> Self {
        SideRecord {
            value: side.value.as_ref().map(ValueRecord::from),
            status: side.status.as_str().to_owned(),
            event: side.event.map(Timestamp::as_micros),
        }
    }
}

impl TryFrom<SideRecord> for Side {
    type Error = Error;

    fn try_from(record: SideRecord) -> Result<Self> {
        let status = Status::ALL.into_iter().find(|status| status.as_str() == record.status);
        Ok(Side {
            value: record.value.map(ValueRecord::value).transpose()?,
            status: status.ok_or_else(|| unknown("status", &record.status))?,
            event: record.event.map(time),
        })
    }
}

impl From<&Value> for ValueRecord {
    fn from(value: &Value) -> Self {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        ValueRecord(value.value_type().to_string(), bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl ValueRecord {
    fn value(self) -> Result<Value> {
        let ValueRecord(ty, digits) = self;
        let ty: ValueType = ty.parse()?;
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        };
        let bytes: Option<Vec<_>> = digits.as_bytes().chunks(2).map(byte).collect();
        Value::decode(ty, &bytes.ok_or_else(|| unknown("value", &digits))?)
    }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn reason_of(word: &str) -> Result<Reason> {
    Reason::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or_else(|| unknown("reason", word))
}

fn unknown(what: &str, word: &str) -> Error {
    Error::corrupt(format!("an audit that was kept has an unknown {what}: {word:?}"))
}

#[cfg(test)]
mod tests {
    use asofdb::ScalarType;

    use super::*;

    fn audit() -> Audit {
        let list = Value::List(ScalarType::String, vec![Value::String("é".to_owned()), Value::String(String::new())]);
        let side = |value, status| Side { value, status, event: Some(time(-5)) };
        let difference = Difference {
            id: "a-1".to_owned(),
            row: 2,
            consumer: Some("ranker".to_owned()),
            entity: vec![("user".to_owned(), Some(Value::Int32(-7))), ("none".to_owned(), None)],
            at: time(3),
            served_at: time(4),
            feature: "v:f".to_owned(),
            served: side(Some(Value::Float64(-0.0)), Status::Present),
            again: Some(side(Some(list), Status::Null)),
            reason: Reason::Restated,
            detail: "why".to_owned(),
        };
        let gone = Difference { again: None, reason: Reason::Erased, ..difference.clone() };
        Audit {
            rows: 5,
            answers: 4,
            served: Some((time(1), time(2))),
            hours: [(time(0), (9, 1))].into(),
            features: [("v:f".to_owned(), AuditedFeature { values: 9, differences: [(Reason::Late, 3)].into() })]
                .into(),
            examples: vec![difference, gone],
        }
    }

    #[test]
    fn an_audit_is_kept_with_all_that_it_has_found_bit_for_bit() {
        let json = serde_json::to_value(AuditRecord::from(&audit())).unwrap();
        let back = Audit::try_from(serde_json::from_value::<AuditRecord>(json.clone()).unwrap()).unwrap();
        let (left, right) = (audit(), back);
        assert_eq!((left.rows, left.answers, left.served), (right.rows, right.answers, right.served));
        assert_eq!((&left.hours, &left.features, &left.examples), (&right.hours, &right.features, &right.examples));
        assert!(matches!(right.examples[0].served.value, Some(Value::Float64(zero)) if zero.is_sign_negative()));
        assert_eq!(json["examples"][0]["served"]["value"], serde_json::json!(["float64", "0000000000000080"]));
    }

    #[test]
    fn a_record_with_what_nobody_knows_is_refused() {
        for (place, word) in [("/examples/0/reason", "x"), ("/examples/0/served/status", "x")] {
            let mut json = serde_json::to_value(AuditRecord::from(&audit())).unwrap();
            *json.pointer_mut(place).unwrap() = word.into();
            let error = Audit::try_from(serde_json::from_value::<AuditRecord>(json).unwrap()).unwrap_err();
            assert!(error.message().contains("an unknown"), "{error}");
        }
        for digits in ["0", "zz", "00", "é"] {
            let record = ValueRecord("int32".to_owned(), digits.to_owned());
            assert!(record.value().is_err(), "{digits}");
        }
    }
}
