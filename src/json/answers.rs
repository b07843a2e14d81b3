//! JSON of what consumers got of late.

use serde::ser::{Serialize, Serializer};
use serde_json::json;

use crate::json::AsJson;
use crate::usage::answers::{AnswerCounts, AnswerRow};

impl Serialize for AsJson<'_, AnswerRow> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.0;
        let counts = |counts: &AnswerCounts| {
            json!({
                "values": counts.values,
                "present": counts.present(),
                "null": counts.null,
                "missing": counts.missing,
                "expired": counts.expired,
                "defaulted": counts.defaulted,
            })
        };
        json!({
            "view": row.view,
            "feature": row.feature,
            "consumer": row.consumer,
            "last_5m": counts(&row.last_5m),
            "last_1h": counts(&row.last_1h),
            "last_1d": counts(&row.last_1d),
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, [AnswerRow]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsJson))
    }
}
