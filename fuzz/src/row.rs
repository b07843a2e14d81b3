//! Rows: they read back with their nulls, through plans too, and broken ones are refused.

use asofdb_model::Bytes;
use asofdb_storage::row::{self, ROW_FORMAT, RowKind, RowRef};
use asofdb_storage::{
    Catalog, Definitions, EntityDefinition, FeatureDefinition, FeatureView, Floats, JoinKey, PlannedRow, RecordArena,
    RecordMut, RecordRef, Result, RowLayout, RowPlan, ScalarType, Sink, Status, Timestamp, Value, ValueType,
    ViewDefinition, is_numeric,
};

use crate::values::{has_nan, value, value_type};

/// A row of arbitrary types, written and read, and the same bytes taken for a stored row.
pub fn fuzz_row(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let types: Vec<ValueType> = (0..=bytes.below(20)).map(|_| value_type(&mut bytes)).collect();
    let view = view(&types);
    let layout = view.current_layout();
    let [low, high] = layout.version().to_le_bytes();
    read_stored(&view, &layout, bytes.rest());
    for flags in [0, 2] {
        read_stored(&view, &layout, &[&[ROW_FORMAT, flags, low, high], bytes.rest()].concat());
    }
    let values = layout.slots().iter().map(|slot| (bytes.below(4) > 0).then(|| value(slot.ty, &mut bytes)));
    let values: Vec<Option<Value>> = values.collect();
    let mut stored = Vec::new();
    row::encode(&layout, &values, &mut stored);
    let read = read(&layout, &stored).expect("what was encoded can be read");
    assert!(same(&read, &values), "{values:?} read back as {read:?}");
    project(&view, &layout, &stored).expect("what was encoded can be read through a plan");
}

fn view(types: &[ValueType]) -> FeatureView {
    let features = types.iter().enumerate().map(|(index, ty)| FeatureDefinition::new(format!("f{index}"), *ty));
    let entity = EntityDefinition {
        name: "entity".to_owned(),
        join_keys: vec![JoinKey { name: "id".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    };
    let view = ViewDefinition {
        name: "view".to_owned(),
        entities: vec![entity.name.clone()],
        features: features.collect(),
        ..ViewDefinition::default()
    };
    let definitions = Definitions { entities: vec![entity], views: vec![view], services: Vec::new() };
    let plan = Catalog::default().plan(&definitions, Timestamp::EPOCH).expect("the definitions are sound");
    plan.into_catalog().view("view").expect("the view is there").as_ref().clone()
}

fn read(layout: &RowLayout, stored: &[u8]) -> Result<Vec<Option<Value>>> {
    let row = RowRef::new(layout, stored)?;
    let slots = layout.slots().iter();
    slots.map(|slot| row.get(slot)?.map(|bytes| Value::decode(slot.ty, bytes)).transpose()).collect()
}

/// Equal, where NaN equals NaN.
fn same(a: &[Option<Value>], b: &[Option<Value>]) -> bool {
    let nan = |value: &Option<Value>| value.as_ref().is_some_and(has_nan);
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || nan(a) && nan(b))
}

/// Bytes that claim to be a row are refused, or hold values that can be written again.
fn read_stored(view: &FeatureView, layout: &RowLayout, stored: &[u8]) {
    if row::kind(stored).is_err() {
        return;
    }
    // Broken values within a sound frame are found one by one: an error or not, never a panic.
    let _ = project(view, layout, stored);
    let Ok(values) = read(layout, stored) else { return };
    let mut again = Vec::new();
    row::encode(layout, &values, &mut again);
    let read = read(layout, &again).expect("what was encoded can be read");
    assert!(same(&read, &values), "{values:?} written again reads as {read:?}");
}

/// A plan agrees with the row it looks at, value by value and in each sink.
fn project(view: &FeatureView, layout: &RowLayout, stored: &[u8]) -> Result<()> {
    let reversed: Vec<_> = view.features.iter().rev().map(|feature| feature.id).collect();
    let plan = RowPlan::new(view, &reversed)?;
    let Some(planned) = plan.open(stored)? else { return Ok(()) };
    let row = RowRef::new(layout, stored)?;
    for (feature, id) in reversed.iter().enumerate() {
        let slot = layout.slot(*id).expect("the layout is the view's");
        assert_eq!(planned.get(feature)?, row.get(slot)?, "feature {}", id.0);
    }
    let has_nulls = layout.slots().iter().any(|slot| row.is_null(slot));
    // A row whose flag denies the nulls of its bitmap was never written by this codec.
    let flagged = matches!(row::kind(stored)?, RowKind::Values { has_nulls: flag, .. } if flag || !has_nulls);
    if flagged {
        project_record(&plan, &planned)?;
        project_numbers(view, layout, stored)?;
    }
    Ok(())
}

/// The record holds the bytes that the row has.
fn project_record(plan: &RowPlan, planned: &PlannedRow<'_, '_>) -> Result<()> {
    let (mut bytes, mut arena) = (vec![0; plan.record().stride()], Kept::default());
    RecordMut::new(&mut bytes, &mut arena).present(planned, Timestamp::EPOCH)?;
    let record = RecordRef::new(&bytes);
    for (feature, field) in plan.record().fields().iter().enumerate() {
        let held = record.is_present(field).then(|| match field.ty.fixed_bytes() {
            Some(width) => record.fixed_bytes(field, width),
            None => {
                let (offset, len) = record.place(field);
                &arena.0[offset as usize..(offset + len) as usize]
            }
        });
        assert_eq!(held, planned.get(feature)?, "feature {feature}");
    }
    Ok(())
}

/// The dense matrix has the fill where there is a null, and says so.
fn project_numbers(view: &FeatureView, layout: &RowLayout, stored: &[u8]) -> Result<()> {
    const FILL: f32 = -1.0;
    let numeric = view.features.iter().rev().filter(|feature| is_numeric(feature.ty));
    let features: Vec<_> = numeric.map(|feature| feature.id).collect();
    let plan = RowPlan::new(view, &features)?;
    let Some(planned) = plan.open(stored)? else { return Ok(()) };
    let row = RowRef::new(layout, stored)?;
    let (mut out, mut statuses) = (vec![0.0; features.len()], vec![Status::Missing; features.len()]);
    let fills = vec![FILL; features.len()];
    let mut floats = Floats { values: &mut out, statuses: Some(&mut statuses), fills: &fills };
    floats.present(&planned, Timestamp::EPOCH)?;
    for (output, id) in features.iter().enumerate() {
        let null = row.is_null(layout.slot(*id).expect("the layout is the view's"));
        assert_eq!(statuses[output], if null { Status::Null } else { Status::Present });
        assert!(!null || out[output] == FILL, "a null reads as its fill");
    }
    Ok(())
}

/// Values of variable length, one after the other.
#[derive(Default)]
struct Kept(Vec<u8>);

impl RecordArena for Kept {
    fn push(&mut self, bytes: &[u8]) -> Result<u64> {
        self.0.extend_from_slice(bytes);
        Ok((self.0.len() - bytes.len()) as u64)
    }
}
