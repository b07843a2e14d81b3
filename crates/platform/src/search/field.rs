//! Fields: the parts of a definition that are searched.

use serde::Serialize;

/// The part of a definition in which a word was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The name; of a feature that without its view.
    Name,
    /// The name of a feature's view.
    View,
    /// Names and values of tags, those of the view among them.
    Tags,
    /// Owner and team.
    Owner,
    /// The names of the entities that it is about.
    Entity,
    /// The type of a feature.
    Type,
    /// The description.
    Description,
    /// The things that it is computed from, and the way.
    Computation,
}

impl Field {
    /// The number of fields.
    pub(crate) const COUNT: usize = 8;

    /// The weight of a word that stands in it.
    pub(crate) fn weight(self) -> f32 {
        match self {
            Field::Name => 5.0,
            Field::View | Field::Tags => 2.0,
            Field::Owner | Field::Entity => 1.5,
            Field::Description | Field::Type => 1.0,
            Field::Computation => 0.5,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::View => "view",
            Field::Tags => "tags",
            Field::Owner => "owner",
            Field::Entity => "entity",
            Field::Type => "type",
            Field::Description => "description",
            Field::Computation => "computation",
        }
    }
}
