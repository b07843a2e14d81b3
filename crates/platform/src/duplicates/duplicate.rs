//! Duplicates: pairs of features that are likely the same thing, and why.

use serde::Serialize;

/// Two features that are likely the same thing under another name or definition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicate {
    /// `view:feature` of each, by name.
    pub features: [String; 2],
    /// The owners of their views; empty where none is given.
    pub owners: [String; 2],
    /// The types.
    pub types: [String; 2],
    /// The entities that both are about.
    pub entities: Vec<String>,
    /// The relation of the one to the other.
    pub relation: Relation,
    /// The certainty of that, from 0 to 1.
    pub score: f64,
    /// The evidence in one line.
    pub reason: String,
    /// The likeness of the names, from 0 to 1.
    pub names: f64,
    /// The likeness of the descriptions; `None` where one has none.
    pub descriptions: Option<f64>,
    /// The values that were compared; `None` where there are none that both have.
    pub values: Option<Compared>,
}

/// The comparison of the values of two features.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Compared {
    /// Entities for which both have a value.
    pub entities: usize,
    /// The share of these with equal values.
    pub equal: f64,
    /// The share for which the relation holds.
    pub share: f64,
    /// The share for which it would hold by chance.
    pub by_chance: f64,
    /// The correlation of ranks; `None` where one of them is no number.
    pub rank_correlation: Option<f64>,
    /// The second is this times the first, ...
    pub factor: Option<f64>,
    /// ... plus this.
    pub offset: Option<f64>,
}

/// The relation of one feature to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Both are computed in the same way.
    SameDefinition,
    /// Their values are equal.
    Equal,
    /// The difference is constant.
    Shifted,
    /// The ratio is constant.
    Scaled,
    /// One is a factor times the other, plus an offset.
    Linear,
    /// Equal under other words: each value of one goes with one of the other.
    Recoded,
    /// One has what the other had at the time of its own rows.
    StaleCopy,
    /// One follows from the other, which is finer.
    Bucketed,
    /// Both put entities into the same order.
    SameOrder,
    /// The names are alike, and there are no values to compare.
    Named,
}

impl Relation {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::SameDefinition => "same definition",
            Relation::Equal => "equal",
            Relation::Shifted => "shifted",
            Relation::Scaled => "scaled",
            Relation::Linear => "linear",
            Relation::Recoded => "recoded",
            Relation::StaleCopy => "stale copy",
            Relation::Bucketed => "bucketed",
            Relation::SameOrder => "same order",
            Relation::Named => "named alike",
        }
    }

    /// The weight with which it says that the two are the same thing.
    pub(super) fn weight(self) -> f64 {
        match self {
            Relation::SameDefinition | Relation::Equal => 1.0,
            Relation::Shifted | Relation::Scaled | Relation::StaleCopy => 0.95,
            Relation::Linear | Relation::Recoded => 0.9,
            Relation::Bucketed => 0.8,
            Relation::SameOrder => 0.75,
            Relation::Named => 0.6,
        }
    }
}
