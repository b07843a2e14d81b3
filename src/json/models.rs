//! JSON of what models read.

use asofdb_storage::{ModelRow, UsageCounts};
use serde::ser::{Serialize, Serializer};
use serde_json::json;

use crate::json::AsJson;

impl Serialize for AsJson<'_, ModelRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.0;
        let counts = |counts: UsageCounts| json!({ "calls": counts.calls, "rows": counts.rows });
        json!({
            "model": row.key.model,
            "of": row.key.of.as_str(),
            "name": row.key.name,
            "consumer": row.key.consumer,
            "serving": counts(row.serving),
            "training": counts(row.training),
            "exports": counts(row.exports),
            "last_read": row.last.to_string(),
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, [ModelRow]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsJson))
    }
}
