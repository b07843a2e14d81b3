//! Lineage: what features are computed from.

use asofdb_expression::Program;
use asofdb_storage::Result;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::AsJson;
use super::catalog::settings;
use crate::lineage::{Lineage, LineageFeature, LineageInput, Origin, WindowOrigin};

/// A list of features: those that were asked for, each followed by what it is computed from.
impl Serialize for AsJson<'_, Lineage> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let features = self.0.features.iter().map(|one| feature(self.0, one).map_err(S::Error::custom));
        features.collect::<Result<Vec<Json>, S::Error>>()?.serialize(serializer)
    }
}

fn feature(lineage: &Lineage, one: &LineageFeature) -> Result<Json> {
    let mut json = json!({
        "feature": one.reference(),
        "kind": one.view.kind(),
        "type": one.feature.ty.to_string(),
        "default": AsJson(&one.feature.default).to_tree()?,
    });
    let more = match &one.origin {
        Origin::Stored => json!({}),
        Origin::Window(window) => of_window(window)?,
        Origin::Expression { program, .. } => of_expression(lineage, one, program),
    };
    if let (Some(json), Json::Object(more)) = (json.as_object_mut(), more) {
        json.extend(more);
    }
    Ok(json)
}

fn of_window(window: &WindowOrigin) -> Result<Json> {
    let mut json = json!({
        "from": window.from.name,
        "aggregate": window.aggregate.name(),
        "settings": settings(&window.aggregate)?,
        "of": window.of,
        "where": window.conditions,
        "window": window.window.as_str(),
        "every": window.every.map(|every| every.to_string()),
        "offset": window.offset.to_string(),
    });
    if let Some(entities) = &window.also_by {
        json["also_by"] = json!(entities);
    }
    Ok(json)
}

fn of_expression(lineage: &Lineage, one: &LineageFeature, program: &Program) -> Json {
    let input = |input: LineageInput<'_>| match input {
        LineageInput::Events(view) => json!({"name": view.name, "kind": view.kind()}),
        LineageInput::Request(value) => {
            let (name, ty) = (&value.name, value.ty.to_string());
            json!({"name": name, "type": ty, "kind": "request", "required": value.required})
        }
        LineageInput::Feature(input) => {
            let name = input.name.reference();
            let kind = lineage.find(&name).map(|one| one.view.kind());
            json!({"name": name, "type": input.ty.to_string(), "kind": kind})
        }
    };
    let explanation = program.explain();
    json!({
        "expression": explanation.text,
        "inputs": one.inputs().into_iter().map(input).collect::<Json>(),
        "plan": explanation.steps,
        "sql": explanation.sql.as_ref().ok(),
        "not_in_sql": explanation.sql.as_ref().err(),
    })
}
