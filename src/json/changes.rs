//! JSON of changes of the catalog and of breaches of a policy.

use asofdb_storage::{Approval, CatalogChange, Change};
use serde::ser::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use crate::json::AsJson;
use crate::policy::breach::Breach;

impl Serialize for AsJson<'_, CatalogChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let CatalogChange { revision, at, cause, .. } = self.0;
        let approval = |approval: &Approval| json!({ "who": approval.who, "at": approval.at.to_string() });
        json!({
            "revision": revision,
            "at": at.to_string(),
            "who": cause.who,
            "message": cause.message,
            "approved_by": cause.approved_by.iter().map(approval).collect::<Json>(),
            "changes": cause.changes.iter().map(change_json).collect::<Json>(),
            "left_out": cause.left_out,
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, [CatalogChange]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsJson))
    }
}

impl Serialize for AsJson<'_, [Change]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(change_json))
    }
}

impl Serialize for AsJson<'_, [Breach]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let breach = |breach: &Breach| {
            json!({
                "place": breach.place,
                "what": breach.what.as_str(),
                "name": breach.name,
                "field": breach.field,
                "rule": breach.rule,
                "message": breach.message,
            })
        };
        serializer.collect_seq(self.0.iter().map(breach))
    }
}

fn change_json(change: &Change) -> Json {
    json!({
        "change": change.kind.as_str(),
        "what": change.what.as_str(),
        "name": change.name,
        "details": change.details,
    })
}
