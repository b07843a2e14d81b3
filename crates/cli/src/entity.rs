//! Entities on the command line: `user_id=1001`, `origin=EWR,dest=BOS`.

use std::str::FromStr;

use asofdb::{Error, FeatureView, JoinKey, Session, Value, parse_join_key};
use asofdb_client::Engine;

/// An entity as it is given: names and values of its join keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityArgument(Vec<(String, String)>);

impl FromStr for EntityArgument {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in split(text) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(Error::invalid(
                    "an entity is KEY=VALUE, or KEY=VALUE,KEY=VALUE (a comma within a value: \\,)",
                ));
            };
            let name = name.trim();
            if pairs.iter().any(|(known, _)| known == name) {
                return Err(Error::invalid(format!("an entity has each join key once: {name:?}")));
            }
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(EntityArgument(pairs))
    }
}

/// Cuts at commas; a backslash makes the next comma or backslash part of a value.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let taken = match c {
            ',' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next_if(|next| [',', '\\'].contains(next)).unwrap_or(c),
            c => c,
        };
        parts.last_mut().expect("there is always a last part").push(taken);
    }
    parts
}

impl EntityArgument {
    /// Reads each value by the type of its join key. A key that is not among `keys` stays text: the library
    /// refuses it by name.
    pub(crate) fn typed(&self, keys: &[JoinKey]) -> Result<Vec<(&str, Value)>, Error> {
        let value = |(name, text): &'_ (String, String)| match keys.iter().find(|key| key.name == *name) {
            Some(key) => parse_join_key(key, text),
            None => Ok(Value::String(text.clone())),
        };
        self.0.iter().map(|pair| Ok((pair.0.as_str(), value(pair)?))).collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The join keys, if they are those of the view.
    fn is_key_of(&self, view: &FeatureView) -> bool {
        view.join_keys.len() == self.0.len() && self.is_part_of(view)
    }

    /// Returns whether the view has all of these join keys, and perhaps more.
    pub(crate) fn is_part_of(&self, view: &FeatureView) -> bool {
        self.names().all(|name| view.join_keys.iter().any(|key| key.name == name))
    }
}

/// The views that a deletion is about: one, or all whose join keys are those of the entity.
pub(crate) struct Target<'a> {
    pub(crate) views: Vec<String>,
    pub(crate) entity: Vec<(&'a str, Value)>,
}

impl<'a> Target<'a> {
    /// `view`, or without one every view of the entity that `takes` lets pass.
    pub(crate) fn resolve(
        store: &Engine,
        view: Option<&str>,
        entity: &'a EntityArgument,
        takes: impl Fn(&FeatureView) -> bool,
    ) -> Result<Self, Error> {
        let catalog = store.catalog()?;
        if let Some(name) = view {
            let keys = catalog.view(name).map(|view| view.join_keys.clone()).unwrap_or_default();
            return Ok(Target { views: vec![name.to_owned()], entity: entity.typed(&keys)? });
        }
        let mut views =
            catalog.views().filter(|view| view.is_stored() && entity.is_key_of(view) && takes(view)).peekable();
        let Some(first) = views.peek() else {
            let names = entity.names().collect::<Vec<_>>().join(", ");
            let message = "no view has exactly these join keys; `asof views` lists the join keys of each";
            return Err(Error::not_found(format!("{message}: {names}")));
        };
        let entity = entity.typed(&first.join_keys)?;
        Ok(Target { views: views.map(|view| view.name.clone()).collect(), entity })
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.views.iter().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use asofdb::ScalarType;

    use super::*;

    fn parse(text: &str) -> Result<EntityArgument, String> {
        text.parse().map_err(|error: Error| error.to_string())
    }

    #[test]
    fn entities_are_read_by_the_types_of_their_join_keys() {
        let keys = [
            JoinKey { name: "user_id".into(), ty: ScalarType::Int64 },
            JoinKey { name: "shop".into(), ty: ScalarType::String },
        ];
        let entity = parse(r"user_id=1001,shop=a=b\, c\\d").unwrap();
        let typed = entity.typed(&keys).unwrap();
        assert_eq!(typed, [("user_id", Value::Int64(1001)), ("shop", Value::String(r"a=b, c\d".into()))]);
        assert!(parse("user_id").unwrap_err().contains("KEY=VALUE"));
        assert!(parse("a=1,a=2").unwrap_err().contains("each join key once"));
        assert!(parse("user_id=x").unwrap().typed(&keys).is_err());
    }
}
