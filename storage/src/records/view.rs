//! The record of a feature view, with every schema that its rows were written with.
//!
//! Times are microseconds since 1970 and spans are microseconds, as `i64`.

use std::collections::BTreeMap;

use super::codec::{self, Decode, Encode};
use super::computed::ComputedRecordV1;
use super::entity::JoinKeyRecordV1;
use super::feed_source::FeedSourceRecordV1;
use super::hot_policy::HotRecordV1;
use super::life_cycle::LifeRecordV1;
use super::value::{ValueRecord, ValueTypeRecord};
use super::verdicts::VerdictsRecordV1;
use super::{Reader, Recorded, named};
use crate::catalog::{EventIndex, Feature, FeatureView, JoinKey};
use crate::computed::Computed;
use crate::error::{Error, Result};
use crate::feed_source::FeedSource;
use crate::hot_policy::HotPolicy;
use crate::life_cycle::LifeCycle;
use crate::objective::FreshnessObjective;
use crate::schema::{FeatureId, RowSchema};
use crate::time::{Span, Timestamp};
use crate::verdicts::Verdicts;

#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV1 {
    id: u32,
    key_space: u32,
    name: String,
    entities: Vec<String>,
    join_keys: Vec<JoinKeyRecordV1>,
    ttl: Option<i64>,
    retention: Option<i64>,
    keep_newest: bool,
    retention_floor: Option<i64>,
    max_future_skew: i64,
    event_column: String,
    created_column: Option<String>,
    owner: String,
    team: String,
    description: String,
    tags: BTreeMap<String, String>,
    features: Vec<FeatureRecordV1>,
    next_feature: u32,
    schemas: Vec<SchemaRecordV1>,
}

/// As version 1, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV2 {
    view: ViewRecordV1,
    /// The columns of the event id; `None` for a feature view.
    event_id: Option<Vec<u32>>,
    check: Option<String>,
}

/// As version 2, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV3 {
    view: ViewRecordV2,
    computed: Option<ComputedRecordV1>,
}

/// As version 3, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV4 {
    view: ViewRecordV3,
    also_by: Vec<IndexRecordV1>,
}

/// Version 4, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV5 {
    view: ViewRecordV4,
    freshness: Option<FreshnessRecordV1>,
}

/// Version 5, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV6 {
    view: ViewRecordV5,
    life: LifeRecordV1,
}

/// Version 6, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV7 {
    view: ViewRecordV6,
    verdicts: VerdictsRecordV1,
    source: Option<FeedSourceRecordV1>,
}

/// Version 7, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ViewRecordV8 {
    view: ViewRecordV7,
    hot: HotRecordV1,
}

#[derive(Encode, Decode)]
struct FreshnessRecordV1 {
    warn: i64,
    stale: i64,
    stale_share_max: Option<f64>,
}

#[derive(Encode, Decode)]
struct IndexRecordV1 {
    id: u32,
    key_space: u32,
    entities: Vec<String>,
    join_keys: Vec<JoinKeyRecordV1>,
}

#[derive(Encode, Decode)]
struct FeatureRecordV1 {
    id: u32,
    name: String,
    ty: ValueTypeRecord,
    description: String,
    default: Option<ValueRecord>,
    tags: BTreeMap<String, String>,
}

#[derive(Encode, Decode)]
struct SchemaRecordV1 {
    version: u16,
    columns: Vec<(u32, ValueTypeRecord)>,
}

impl Recorded for FeatureView {
    type Written = ViewRecordV8;

    const READERS: &'static [Reader<Self>] = &[
        codec::read::<ViewRecordV1, Self>,
        codec::read::<ViewRecordV2, Self>,
        codec::read_checked::<ViewRecordV3, Self>,
        codec::read_checked::<ViewRecordV4, Self>,
        codec::read_checked::<ViewRecordV5, Self>,
        codec::read_checked::<ViewRecordV6, Self>,
        codec::read_checked::<ViewRecordV7, Self>,
        codec::read_checked::<ViewRecordV8, Self>,
    ];

    fn name(key: &[u8]) -> String {
        named("feature view", key)
    }

    /// Writes the oldest version that says all of the view.
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        if self.hot != HotPolicy::default() {
            out.push(8);
            return codec::write(&ViewRecordV8::from(self), out);
        }
        if !self.verdicts.is_empty() || self.source.is_some() {
            out.push(7);
            return codec::write(&ViewRecordV7::from(self), out);
        }
        if self.life != LifeCycle::default() {
            out.push(6);
            return codec::write(&ViewRecordV6::from(self), out);
        }
        if self.freshness.is_some() {
            out.push(5);
            return codec::write(&ViewRecordV5::from(self), out);
        }
        if !self.also_by.is_empty() {
            out.push(4);
            return codec::write(&ViewRecordV4::from(self), out);
        }
        if !self.is_stored() {
            out.push(3);
            return codec::write(&ViewRecordV3::from(self), out);
        }
        if self.holds_events() || self.check.is_some() {
            out.push(2);
            return codec::write(&ViewRecordV2::from(self), out);
        }
        out.push(1);
        codec::write(&ViewRecordV1::from(self), out)
    }
}

impl From<&FeatureView> for ViewRecordV8 {
    fn from(view: &FeatureView) -> Self {
        ViewRecordV8 { view: view.into(), hot: view.hot.into() }
    }
}

impl TryFrom<ViewRecordV8> for FeatureView {
    type Error = Error;

    fn try_from(record: ViewRecordV8) -> Result<Self> {
        Ok(FeatureView { hot: record.hot.try_into()?, ..FeatureView::try_from(record.view)? })
    }
}

impl From<&FeatureView> for ViewRecordV7 {
    fn from(view: &FeatureView) -> Self {
        let source = view.source.as_ref().map(FeedSourceRecordV1::from);
        ViewRecordV7 { view: view.into(), verdicts: VerdictsRecordV1::from(&view.verdicts), source }
    }
}

impl TryFrom<ViewRecordV7> for FeatureView {
    type Error = Error;

    fn try_from(record: ViewRecordV7) -> Result<Self> {
        let (verdicts, source) = (Verdicts::from(record.verdicts), record.source.map(FeedSource::from));
        Ok(FeatureView { verdicts, source, ..FeatureView::try_from(record.view)? })
    }
}

impl From<&FeatureView> for ViewRecordV6 {
    fn from(view: &FeatureView) -> Self {
        ViewRecordV6 { view: view.into(), life: LifeRecordV1::from(&view.life) }
    }
}

impl TryFrom<ViewRecordV6> for FeatureView {
    type Error = Error;

    fn try_from(record: ViewRecordV6) -> Result<Self> {
        Ok(FeatureView { life: record.life.try_into()?, ..FeatureView::try_from(record.view)? })
    }
}

impl From<&FeatureView> for ViewRecordV5 {
    fn from(view: &FeatureView) -> Self {
        ViewRecordV5 { view: ViewRecordV4::from(view), freshness: view.freshness.map(FreshnessRecordV1::from) }
    }
}

impl TryFrom<ViewRecordV5> for FeatureView {
    type Error = Error;

    fn try_from(record: ViewRecordV5) -> Result<Self> {
        let freshness = record.freshness.map(FreshnessObjective::from);
        Ok(FeatureView { freshness, ..FeatureView::try_from(record.view)? })
    }
}

impl From<FreshnessObjective> for FreshnessRecordV1 {
    fn from(objective: FreshnessObjective) -> Self {
        let FreshnessObjective { warn, stale, stale_share_max } = objective;
        FreshnessRecordV1 { warn: warn.as_micros(), stale: stale.as_micros(), stale_share_max }
    }
}

impl From<FreshnessRecordV1> for FreshnessObjective {
    fn from(record: FreshnessRecordV1) -> Self {
        let FreshnessRecordV1 { warn, stale, stale_share_max } = record;
        let (warn, stale) = (Span::from_micros(warn), Span::from_micros(stale));
        FreshnessObjective { warn, stale, stale_share_max }
    }
}

impl From<&FeatureView> for ViewRecordV4 {
    fn from(view: &FeatureView) -> Self {
        ViewRecordV4 { view: ViewRecordV3::from(view), also_by: view.also_by.iter().map(IndexRecordV1::from).collect() }
    }
}

impl TryFrom<ViewRecordV4> for FeatureView {
    type Error = Error;

    fn try_from(record: ViewRecordV4) -> Result<Self> {
        let also_by = record.also_by.into_iter().map(EventIndex::from).collect();
        Ok(FeatureView { also_by, ..FeatureView::try_from(record.view)? })
    }
}

impl From<&EventIndex> for IndexRecordV1 {
    fn from(index: &EventIndex) -> Self {
        IndexRecordV1 {
            id: index.id,
            key_space: index.key_space,
            entities: index.entities.clone(),
            join_keys: index.join_keys.iter().map(JoinKeyRecordV1::from).collect(),
        }
    }
}

impl From<IndexRecordV1> for EventIndex {
    fn from(record: IndexRecordV1) -> Self {
        let IndexRecordV1 { id, key_space, entities, join_keys } = record;
        EventIndex { id, key_space, entities, join_keys: join_keys.into_iter().map(JoinKey::from).collect() }
    }
}

impl From<&FeatureView> for ViewRecordV3 {
    fn from(view: &FeatureView) -> Self {
        let computed = view.computed.as_ref().map(ComputedRecordV1::from);
        ViewRecordV3 { view: ViewRecordV2::from(view), computed }
    }
}

impl TryFrom<ViewRecordV3> for FeatureView {
    type Error = Error;

    fn try_from(record: ViewRecordV3) -> Result<Self> {
        let computed = record.computed.map(Computed::try_from).transpose()?;
        Ok(FeatureView { computed, ..FeatureView::from(record.view) })
    }
}

impl From<&FeatureView> for ViewRecordV2 {
    fn from(view: &FeatureView) -> Self {
        let event_id = view.event_id.as_ref().map(|columns| columns.iter().map(|column| column.0).collect());
        ViewRecordV2 { view: ViewRecordV1::from(view), event_id, check: view.check.clone() }
    }
}

impl From<ViewRecordV2> for FeatureView {
    fn from(record: ViewRecordV2) -> Self {
        let event_id = record.event_id.map(|columns| columns.into_iter().map(FeatureId).collect());
        FeatureView { event_id, check: record.check, ..FeatureView::from(record.view) }
    }
}

impl From<&FeatureView> for ViewRecordV1 {
    fn from(view: &FeatureView) -> Self {
        ViewRecordV1 {
            id: view.id,
            key_space: view.key_space,
            name: view.name.clone(),
            entities: view.entities.clone(),
            join_keys: view.join_keys.iter().map(JoinKeyRecordV1::from).collect(),
            ttl: view.ttl.map(Span::as_micros),
            retention: view.retention.map(Span::as_micros),
            keep_newest: view.keep_newest,
            retention_floor: view.retention_floor.map(Timestamp::as_micros),
            max_future_skew: view.max_future_skew.as_micros(),
            event_column: view.event_column.clone(),
            created_column: view.created_column.clone(),
            owner: view.owner.clone(),
            team: view.team.clone(),
            description: view.description.clone(),
            tags: view.tags.clone(),
            features: view.features.iter().map(FeatureRecordV1::from).collect(),
            next_feature: view.next_feature,
            schemas: view.schemas.iter().map(SchemaRecordV1::from).collect(),
        }
    }
}

impl From<ViewRecordV1> for FeatureView {
    fn from(record: ViewRecordV1) -> Self {
        FeatureView {
            id: record.id,
            key_space: record.key_space,
            name: record.name,
            entities: record.entities,
            join_keys: record.join_keys.into_iter().map(JoinKey::from).collect(),
            ttl: record.ttl.map(Span::from_micros),
            retention: record.retention.map(Span::from_micros),
            keep_newest: record.keep_newest,
            retention_floor: record.retention_floor.map(Timestamp::from_micros),
            max_future_skew: Span::from_micros(record.max_future_skew),
            event_column: record.event_column,
            created_column: record.created_column,
            owner: record.owner,
            team: record.team,
            description: record.description,
            tags: record.tags,
            event_id: None,
            also_by: Vec::new(),
            check: None,
            freshness: None,
            life: LifeCycle::default(),
            verdicts: Verdicts::default(),
            source: None,
            hot: HotPolicy::default(),
            computed: None,
            features: record.features.into_iter().map(Feature::from).collect(),
            next_feature: record.next_feature,
            schemas: record.schemas.into_iter().map(RowSchema::from).collect(),
        }
    }
}

impl From<&Feature> for FeatureRecordV1 {
    fn from(feature: &Feature) -> Self {
        FeatureRecordV1 {
            id: feature.id.0,
            name: feature.name.clone(),
            ty: ValueTypeRecord(feature.ty),
            description: feature.description.clone(),
            default: feature.default.clone().map(ValueRecord),
            tags: feature.tags.clone(),
        }
    }
}

impl From<FeatureRecordV1> for Feature {
    fn from(record: FeatureRecordV1) -> Self {
        Feature {
            id: FeatureId(record.id),
            name: record.name,
            ty: record.ty.0,
            description: record.description,
            default: record.default.map(|value| value.0),
            tags: record.tags,
        }
    }
}

impl From<&RowSchema> for SchemaRecordV1 {
    fn from(schema: &RowSchema) -> Self {
        let columns = schema.columns.iter().map(|(id, ty)| (id.0, ValueTypeRecord(*ty)));
        SchemaRecordV1 { version: schema.version, columns: columns.collect() }
    }
}

impl From<SchemaRecordV1> for RowSchema {
    fn from(record: SchemaRecordV1) -> Self {
        let columns = record.columns.into_iter().map(|(id, ty)| (FeatureId(id), ty.0));
        RowSchema { version: record.version, columns: columns.collect() }
    }
}
