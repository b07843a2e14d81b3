//! What is asked of the explorer: the parameters of its address.

use form_urlencoded::Serializer;

use super::keys::KeySet;

/// The beginning of a parameter that is the value of a join key.
const KEY_PREFIX: &str = "key.";

/// Parameters of the explorer's address, as text; what is not given is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The names of the join keys, with commas.
    pub by: String,
    /// The only view to show.
    pub view: String,
    /// The time as of which features are.
    pub at: String,
    /// The time up to which something is known.
    pub known_at: String,
    /// The same of the second moment.
    pub then: String,
    /// The same of the second moment.
    pub then_known_at: String,
    /// The values of join keys, by name.
    keys: Vec<(String, String)>,
}

impl Asked {
    /// Reads parameters. Those that it does not know say nothing.
    pub fn of(parameters: Vec<(String, String)>) -> Self {
        let mut asked = Asked::default();
        for (name, value) in parameters {
            let value = value.trim().to_owned();
            match name.as_str() {
                "by" => asked.by = value,
                "view" => asked.view = value,
                "at" => asked.at = value,
                "known_at" => asked.known_at = value,
                "then" => asked.then = value,
                "then_known_at" => asked.then_known_at = value,
                _ => asked.keys.extend(name.strip_prefix(KEY_PREFIX).map(|key| (key.to_owned(), value))),
            }
        }
        asked
    }

    /// The set of join keys that is meant; the only one where there is no other.
    pub fn chosen<'s>(&self, sets: &'s [KeySet]) -> Option<&'s KeySet> {
        match sets {
            [only] if self.by.is_empty() => Some(only),
            sets => sets.iter().find(|set| set.name() == self.by),
        }
    }

    /// The value that a join key has in the form; empty where none was given.
    pub fn key(&self, name: &str) -> &str {
        self.keys.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns whether an entity is asked for, and not the form alone.
    pub fn has_entity(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Returns whether there are two moments.
    pub fn has_second(&self) -> bool {
        !self.then.is_empty() || !self.then_known_at.is_empty()
    }

    /// The name of the parameter of a join key.
    pub(super) fn key_parameter(name: &str) -> String {
        format!("{KEY_PREFIX}{name}")
    }

    /// The address of the same question as of another time, and with all that is known.
    pub(super) fn address_at(&self, at: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("by", &self.by);
        for (name, value) in &self.keys {
            query.append_pair(&Asked::key_parameter(name), value);
        }
        for (name, value) in [("view", self.view.as_str()), ("at", at), ("then", &self.then)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("/explore?{}", query.finish())
    }
}
