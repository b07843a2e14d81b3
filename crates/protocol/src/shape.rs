//! The shape of a prepared request, on which both ends must agree: its keys, and where values are in its answers.

use asofdb::RequestValue;
use asofdb::parts::{OutputColumn, ReadPlan, SourcePlan};

use crate::message::{HandleFeature, HandleMessage, HandleRequestValue, HandleView, JoinKeyMessage, ValueTypeMessage};

/// Returns whether requests and answers of two handles are the same, whatever their numbers.
pub fn is_same_shape(a: &HandleMessage, b: &HandleMessage) -> bool {
    let is_asked_alike =
        a.join_keys == b.join_keys && a.key_groups == b.key_groups && a.request_values == b.request_values;
    is_asked_alike && a.views == b.views && a.features == b.features
}

/// Describes a plan to a client: all that it needs to ask and to read answers.
pub fn describe(plan: &ReadPlan, handle: u32) -> HandleMessage {
    let view = |planned: &SourcePlan| HandleView {
        name: planned.view.name.clone(),
        key_group: planned.key_group as u32,
        record_bytes: planned.layout().stride() as u32,
    };
    let feature = |column: &OutputColumn| {
        let field = plan.sources.field(column.slot);
        let feature = &column.resolved.feature;
        let default = column.default().map(|value| {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            bytes
        });
        HandleFeature {
            view: column.slot.source as u32,
            name: feature.name.clone(),
            ty: ValueTypeMessage(feature.ty),
            default,
            offset: field.offset as u32,
            null_bit: field.bit as u32,
        }
    };
    let request_value = |value: &RequestValue| HandleRequestValue {
        name: value.name.clone(),
        ty: ValueTypeMessage(value.ty),
        required: value.required,
    };
    let group = |group: &Vec<usize>| group.iter().map(|position| *position as u32).collect();
    HandleMessage {
        handle,
        catalog_revision: plan.revision,
        join_keys: plan.sources.join_keys.iter().cloned().map(JoinKeyMessage::from).collect(),
        key_groups: plan.sources.key_groups.iter().map(group).collect(),
        views: plan.sources.list.iter().map(view).collect(),
        features: plan.output.columns.iter().map(feature).collect(),
        request_values: plan.derived.request.iter().map(request_value).collect(),
    }
}
