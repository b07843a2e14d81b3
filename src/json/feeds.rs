//! JSON of feeds and their runs.

use asofdb_storage::FeedRun;
use serde::ser::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use crate::feeds::{Feed, ViewRun};
use crate::json::AsJson;

fn run(run: &FeedRun) -> Json {
    json!({
        "began": run.began.to_string(),
        "ended": run.ended.to_string(),
        "files": run.files,
        "rows_read": run.rows_read,
        "rows_written": run.rows_written,
        "rows_rejected": run.rows_rejected,
        "error": run.error,
    })
}

impl Serialize for AsJson<'_, ViewRun> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = run(&self.0.run);
        json["view"] = self.0.view.as_str().into();
        json.serialize(serializer)
    }
}

impl Serialize for AsJson<'_, Feed> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let feed = self.0;
        json!({
            "view": feed.view,
            "path": feed.source.path,
            "schedule": feed.source.schedule.map(|schedule| schedule.to_string()),
            "status": feed.status(),
            "succeeded": feed.succeeded.map(|time| time.to_string()),
            "failures": feed.failures,
            "runs": feed.runs.iter().map(run).collect::<Vec<_>>(),
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, [ViewRun]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsJson))
    }
}

impl Serialize for AsJson<'_, [Feed]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsJson))
    }
}
