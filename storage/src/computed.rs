//! Computed features: windows over events and expressions over other features, as plain data.

use std::collections::BTreeMap;

use crate::aggregate::Aggregate;
use crate::error::{Error, Result};
use crate::time::Span;
use crate::value::Value;
use crate::value_type::ValueType;
use crate::window::Window;

/// The way in which the features of a view are computed, where they are not stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Computed {
    /// By windows over the events of a view.
    Windows(Windows),
    /// By expressions over other features and values of the request.
    Expressions(Expressions),
}

/// Windows over the events of a view.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Windows {
    /// Name of the event view.
    pub from: String,
    /// A condition over columns of the event view: events for which it is not true do not count.
    pub condition: Option<String>,
    /// Windows end at multiples of this since 1970; `None`: at any time.
    pub every: Option<Span>,
    /// Windows end this long before the time asked about.
    pub offset: Span,
    /// The features; at least one.
    pub features: Vec<WindowFeature>,
}

/// One aggregate, which is a feature for each of its windows: `name_24h`.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowFeature {
    /// The beginning of the names of its features.
    pub name: String,
    /// The function.
    pub aggregate: WindowAggregate,
    /// The column that it is of; `None` for a count of events.
    pub of: Option<String>,
    /// A condition beside that of the view.
    pub condition: Option<String>,
    /// The windows; at least one.
    pub windows: Vec<Window>,
    /// Stands in for null and missing values, in each window.
    pub default: Option<Value>,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// An aggregate as it is defined, which may give more than one value a window.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowAggregate {
    /// One value.
    One(Aggregate),
    /// The number of events with each of these values, a feature each: `name_food_24h`.
    CountBy(Vec<Value>),
    /// The most frequent values and how often each is there, two lists: `name_24h` and `name_counts_24h`.
    Top {
        /// The most values.
        k: u32,
    },
}

/// One feature of a window view: one value of an aggregate over one window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowedFeature<'w> {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ValueType,
    /// Its aggregate.
    pub aggregate: Aggregate,
    /// The definition that it comes from, with the column and the condition.
    pub of: &'w WindowFeature,
    /// Its window.
    pub window: &'w Window,
}

/// Expressions over other features and over values of the request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expressions {
    /// The values that come with the question.
    pub request: Vec<RequestValue>,
    /// The expression of each feature, by name.
    pub of: BTreeMap<String, String>,
}

/// A value that comes with the question: in a training set, the column of the spine that has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestValue {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: ValueType,
    /// True if it must be given; otherwise it is null where it is not.
    pub required: bool,
    /// For people.
    pub description: String,
}

impl Windows {
    /// The features that there are over columns of the event view, whose types `column` tells: of each aggregate, in the
    /// order of the definition, all its windows.
    ///
    /// # Errors
    /// `NotFound` for a column that the event view has not, `Invalid` for one that the aggregate cannot be of.
    pub fn features(&self, column: impl Fn(&str) -> Option<ValueType>) -> Result<Vec<WindowedFeature<'_>>> {
        let features = self.features.iter().map(|of| of.features(&self.from, &column));
        features.collect::<Result<Vec<_>>>().map(|features| features.into_iter().flatten().collect())
    }

    /// Returns how far before the time asked about the longest window can begin.
    pub fn reach(&self) -> Span {
        let windows = self.features.iter().flat_map(|feature| &feature.windows);
        let longest = windows.map(Window::length).max().unwrap_or(Span::ZERO);
        let parts = [longest, self.offset, self.every.unwrap_or(Span::ZERO)];
        Span::from_micros(parts.iter().fold(0, |sum: i64, part| sum.saturating_add(part.as_micros())))
    }
}

impl WindowFeature {
    /// The features that it gives over columns of the event view `from`, whose types `column` tells.
    ///
    /// # Errors
    /// As [`Windows::features`].
    pub fn features(&self, from: &str, column: impl Fn(&str) -> Option<ValueType>) -> Result<Vec<WindowedFeature<'_>>> {
        let missing = |name: &String| Error::not_found(format!("event view {from:?} has no column {name:?}"));
        let of = self.of.as_ref().map(|name| column(name).ok_or_else(|| missing(name))).transpose()?;
        let each = |(name, aggregate, window): (String, Aggregate, _)| {
            let ty = aggregate.value_type(of)?;
            Ok(WindowedFeature { name, ty, aggregate, of: self, window })
        };
        self.names().map(each).collect()
    }

    /// The name, the aggregate and the window of each of its features.
    pub(crate) fn names(&self) -> impl Iterator<Item = (String, Aggregate, &Window)> {
        self.windows.iter().flat_map(move |window| {
            self.aggregate.parts().into_iter().map(move |(part, aggregate)| {
                let name = if part.is_empty() { self.name.clone() } else { format!("{}_{part}", self.name) };
                (format!("{name}_{window}"), aggregate, window)
            })
        })
    }
}

impl WindowAggregate {
    /// The aggregates that give its values, each with what the name of its feature has before the window.
    fn parts(&self) -> Vec<(String, Aggregate)> {
        match self {
            WindowAggregate::One(aggregate) => vec![(String::new(), aggregate.clone())],
            WindowAggregate::CountBy(values) => {
                values.iter().map(|value| (name_of(value), Aggregate::CountOf { value: value.clone() })).collect()
            }
            WindowAggregate::Top { k } => vec![
                (String::new(), Aggregate::Top { k: *k, counts: false }),
                ("counts".to_owned(), Aggregate::Top { k: *k, counts: true }),
            ],
        }
    }
}

/// A value as a part of a name: what names cannot have becomes an underscore.
fn name_of(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

/// The word in definition files for a view that has events, or is computed in some way.
pub(crate) fn kind(holds_events: bool, computed: Option<&Computed>) -> &'static str {
    match computed {
        Some(Computed::Windows(_)) => "window_view",
        Some(Computed::Expressions(_)) => "derived_view",
        None if holds_events => "event_view",
        None => "feature_view",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value_type::ScalarType;

    fn feature(name: &str, aggregate: WindowAggregate, of: Option<&str>) -> WindowFeature {
        WindowFeature {
            name: name.to_owned(),
            aggregate,
            of: of.map(str::to_owned),
            condition: None,
            windows: ["1h", "24h"].map(|text| text.parse().unwrap()).to_vec(),
            default: None,
            description: String::new(),
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn features_are_named_after_their_window_and_have_the_types_of_their_aggregates() {
        let windows = Windows {
            from: "purchases_v1".into(),
            every: Some(Span::from_secs(300)),
            offset: Span::from_micros(1),
            features: vec![
                feature("purchases", WindowAggregate::One(Aggregate::Count), None),
                feature("largest", WindowAggregate::One(Aggregate::Max), Some("amount")),
                feature(
                    "by",
                    WindowAggregate::CountBy(["food", "a b"].map(|text| Value::String(text.into())).to_vec()),
                    Some("category"),
                ),
                feature("top", WindowAggregate::Top { k: 2 }, Some("category")),
            ],
            ..Windows::default()
        };
        let column = |name: &str| match name {
            "amount" => Some(ValueType::Scalar(ScalarType::Float32)),
            "category" => Some(ValueType::Scalar(ScalarType::String)),
            _ => None,
        };
        let features = windows.features(column).unwrap();
        let named: Vec<_> = features.iter().map(|feature| format!("{} {}", feature.name, feature.ty)).collect();
        let expected = [
            "purchases_1h int64",
            "purchases_24h int64",
            "largest_1h float32",
            "largest_24h float32",
            "by_food_1h int64",
            "by_a_b_1h int64",
            "by_food_24h int64",
            "by_a_b_24h int64",
            "top_1h list<string>",
            "top_counts_1h list<int64>",
            "top_24h list<string>",
            "top_counts_24h list<int64>",
        ];
        assert_eq!(named, expected);
        assert_eq!(windows.reach(), Span::from_micros(86_700_000_001), "window, step and offset");
        let error = windows.features(|_| None).unwrap_err();
        assert_eq!(error.message(), "event view \"purchases_v1\" has no column \"amount\"");
    }
}
