//! Entries: things that are defined, as search sees them.

use std::collections::BTreeMap;

use asofdb::Stage;

use super::field::Field;
use super::hit::Hit;
use super::sources::Sources;

/// Something that is defined, with what is searched and filtered.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    /// `view:feature` of a feature.
    pub(super) name: String,
    /// The view that it is in, or that it is.
    pub(super) view: String,
    pub(super) description: String,
    pub(super) owner: String,
    pub(super) team: String,
    /// Its own and those of its view.
    pub(super) tags: BTreeMap<String, String>,
    pub(super) entities: Vec<String>,
    /// Of a feature.
    pub(super) ty: String,
    pub(super) computed_from: Vec<String>,
    /// The way in which it is computed: an expression, or the parts of a window.
    pub(super) computation: String,
    /// Its stage, or that of its view.
    pub(super) stage: Option<Stage>,
    /// The stored views that it comes from.
    pub(super) sources: Sources,
}

impl Entry {
    /// The texts that are searched.
    pub(super) fn texts(&self) -> Vec<(Field, &str)> {
        let (view, name) = self.name.split_once(':').unwrap_or(("", &self.name));
        let one = [
            (Field::Name, name),
            (Field::View, view),
            (Field::Owner, self.owner.as_str()),
            (Field::Owner, self.team.as_str()),
            (Field::Type, self.ty.as_str()),
            (Field::Description, self.description.as_str()),
            (Field::Computation, self.computation.as_str()),
        ];
        let tags = self.tags.iter().flat_map(|(name, value)| [name, value]).map(|text| (Field::Tags, text.as_str()));
        let entities = self.entities.iter().map(|name| (Field::Entity, name.as_str()));
        let from = self.computed_from.iter().map(|name| (Field::Computation, name.as_str()));
        one.into_iter().chain(tags).chain(entities).chain(from).filter(|(_, text)| !text.is_empty()).collect()
    }

    /// A hit without words.
    pub(super) fn hit(&self) -> Hit {
        Hit {
            kind: self.kind,
            name: self.name.clone(),
            description: self.description.clone(),
            score: 0.0,
            matched: Vec::new(),
            computed_from: self.computed_from.clone(),
        }
    }
}
