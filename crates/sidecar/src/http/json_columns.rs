//! Values by column, as requests give them: entities, data frames, and values that come with a question.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use asofdb::parts::COLUMNS_MAX;
use asofdb::storage::BATCH_ROWS_MAX;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Named columns of values that are not read yet, in the order of the request.
#[derive(Debug, Default)]
pub(super) struct JsonColumns<'a> {
    columns: Vec<(Cow<'a, str>, Vec<&'a RawValue>)>,
    /// The position of each name.
    positions: HashMap<Cow<'a, str>, usize>,
}

impl<'a> JsonColumns<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&[&'a RawValue]> {
        self.positions.get(name).map(|position| self.columns[*position].1.as_slice())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[&'a RawValue])> {
        self.columns.iter().map(|(name, values)| (&**name, values.as_slice()))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| &**name)
    }

    /// Adds a column, or says why it cannot be one.
    fn add(&mut self, name: Cow<'a, str>, values: Vec<&'a RawValue>) -> std::result::Result<(), String> {
        if self.columns.len() == COLUMNS_MAX {
            return Err(format!("a request has at most {COLUMNS_MAX} columns"));
        }
        if self.positions.insert(name.clone(), self.columns.len()).is_some() {
            return Err(format!("column {name:?} is given twice"));
        }
        self.columns.push((name, values));
        Ok(())
    }
}

/// A column's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

/// The values of a column, at most as many as a batch has rows: each takes some times the bytes it arrived in.
struct Values<'v>(Vec<&'v RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Values<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_seq(ValuesVisitor).map(Values)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            if values.len() == BATCH_ROWS_MAX {
                return Err(A::Error::custom(format!("a column has at most {BATCH_ROWS_MAX} values")));
            }
            values.push(value);
        }
        Ok(values)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonColumns<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Columns;

        impl<'de> Visitor<'de> for Columns {
            type Value = JsonColumns<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of lists, one a column")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut columns = JsonColumns::default();
                while let Some((name, values)) = map.next_entry::<Name<'de>, Values<'de>>()? {
                    columns.add(name.0, values.0).map_err(A::Error::custom)?;
                }
                Ok(columns)
            }
        }

        deserializer.deserialize_map(Columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_order_and_their_digits() {
        let text = r#"{"b\"":[9007199254740993,null],"a":["x"]}"#;
        let columns: JsonColumns<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(columns.names().collect::<Vec<_>>(), ["b\"", "a"]);
        let values: Vec<_> = columns.get("b\"").unwrap().iter().map(|value| value.get()).collect();
        assert_eq!(values, ["9007199254740993", "null"]);
        assert!(columns.get("c").is_none());
    }

    #[test]
    fn what_is_not_an_object_of_lists_is_refused() {
        let error = |text| serde_json::from_str::<JsonColumns<'_>>(text).unwrap_err().to_string();
        assert!(error("[]").contains("an object of lists"));
        assert!(error(r#"{"a": {"0": 1}}"#).contains("expected a list of values"));
        assert!(error(r#"{"a": [], "a": []}"#).contains("given twice"));
    }
}
