//! Run events of OpenLineage: what a piece of work reads and writes, for catalogs of data.
//!
//! The format is <https://openlineage.io/spec/2-0-2/OpenLineage.json>; facets are those of its own schemas. A run has one
//! event at its start and one at its end.

use asofdb::{Catalog, FeatureView, Timestamp};
use serde_json::{Value as Json, json};
use uuid::Uuid;

const PRODUCER: &str = "https://github.com/asofdb/asofdb";
const EVENT_SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const SCHEMA_FACET: &str = "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet";
const ERROR_FACET: &str =
    "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet";

/// Something that is read or written: a view, or files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The place that the name is of: that of the store, or `file`.
    pub namespace: String,
    /// The name of a view, or a path.
    pub name: String,
    /// The columns: name, type and description each.
    pub fields: Vec<[String; 3]>,
}

impl Dataset {
    /// A view of the store that `namespace` names, with its join keys and features.
    pub fn view(namespace: &str, view: &FeatureView) -> Self {
        let keys = view.join_keys.iter().map(|key| [key.name.clone(), key.ty.name().to_owned(), String::new()]);
        let feature =
            |feature: &asofdb::Feature| [feature.name.clone(), feature.ty.to_string(), feature.description.clone()];
        let fields = keys.chain(view.features.iter().map(feature)).collect();
        Dataset { namespace: namespace.to_owned(), name: view.name.clone(), fields }
    }

    /// A file, a directory, or a pattern of files; a relative path is one of the working directory.
    pub fn files(path: &str) -> Self {
        let absolute = std::path::absolute(path).map_or(path.to_owned(), |path| path.to_string_lossy().into_owned());
        Dataset { namespace: "file".to_owned(), name: absolute, fields: Vec::new() }
    }

    /// The views of references (`view:feature`, `view:*`, a view or a service), each once, without those that are not
    /// there.
    pub fn of_references(namespace: &str, catalog: &Catalog, references: &[String]) -> Vec<Self> {
        let of_service = |name: &str| catalog.service(name).map(|service| service.features.clone());
        let features = references.iter().flat_map(|name| of_service(name).unwrap_or_else(|| vec![name.clone()]));
        let mut views: Vec<String> = Vec::new();
        for feature in features {
            let view = feature.split_once(':').map_or(feature.as_str(), |(view, _)| view).to_owned();
            if !views.contains(&view) {
                views.push(view);
            }
        }
        Dataset::of_views(namespace, catalog, &views)
    }

    /// Views of these names, without those that are not there.
    pub fn of_views(namespace: &str, catalog: &Catalog, names: &[String]) -> Vec<Self> {
        names.iter().filter_map(|name| Some(Dataset::view(namespace, catalog.view(name)?))).collect()
    }

    fn to_json(&self) -> Json {
        let mut json = json!({"namespace": self.namespace, "name": self.name});
        if !self.fields.is_empty() {
            let field = |[name, ty, description]: &[String; 3]| match description.is_empty() {
                true => json!({"name": name, "type": ty}),
                false => json!({"name": name, "type": ty, "description": description}),
            };
            let fields: Vec<Json> = self.fields.iter().map(field).collect();
            json["facets"] = json!({"schema": {"_producer": PRODUCER, "_schemaURL": SCHEMA_FACET, "fields": fields}});
        }
        json
    }
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It begins.
    Start,
    /// It has ended well.
    Complete,
    /// It has failed, for a reason.
    Fail(String),
}

/// One run of a job.
#[derive(Debug, Clone)]
pub struct LineageRun {
    id: Uuid,
    namespace: String,
    job: String,
    inputs: Vec<Dataset>,
    outputs: Vec<Dataset>,
}

impl LineageRun {
    /// A run of a job such as `ingest.user_stats_v1`, of the store that `namespace` names.
    pub fn new(namespace: &str, job: &str, inputs: Vec<Dataset>, outputs: Vec<Dataset>) -> Self {
        LineageRun { id: Uuid::new_v4(), namespace: namespace.to_owned(), job: job.to_owned(), inputs, outputs }
    }

    /// The event that the run is in a state, at a time.
    pub fn event(&self, state: &RunState, at: Timestamp) -> Json {
        let datasets = |datasets: &[Dataset]| datasets.iter().map(Dataset::to_json).collect::<Vec<_>>();
        let (kind, facets) = match state {
            RunState::Start => ("START", json!({})),
            RunState::Complete => ("COMPLETE", json!({})),
            RunState::Fail(reason) => {
                let facet = json!({
                    "_producer": PRODUCER,
                    "_schemaURL": ERROR_FACET,
                    "message": reason,
                    "programmingLanguage": "Rust",
                });
                ("FAIL", json!({"errorMessage": facet}))
            }
        };
        json!({
            "eventType": kind,
            "eventTime": at.to_string(),
            "run": {"runId": self.id.to_string(), "facets": facets},
            "job": {"namespace": self.namespace, "name": self.job},
            "inputs": datasets(&self.inputs),
            "outputs": datasets(&self.outputs),
            "producer": PRODUCER,
            "schemaURL": EVENT_SCHEMA,
        })
    }
}
