//! A row plan gives every feature as it was written, in whatever order, from rows of whatever schema version, and its
//! two sinks agree with the values.

use asofdb_storage::{
    Catalog, Definitions, EntityDefinition, ErrorKind, Feature, FeatureDefinition, FeatureId, FeatureView, Floats,
    JoinKey, PlannedRow, RecordArena, RecordMut, RecordRef, Result, RowLayout, RowPlan, RowSchema, ScalarType, Sink,
    Status, Timestamp, Value, ValueType, ViewDefinition, is_numeric, mark_missing, row,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

const FILL: f32 = -77.0;
const UNTOUCHED: f32 = 123.5;
const EVENT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Values of a type by their bytes. Where not all bytes are values, as of dates, small numbers are.
fn scalar(ty: ScalarType) -> BoxedStrategy<Value> {
    let decoded = move |mut bytes: Vec<u8>| {
        let decode = |bytes: &[u8]| Value::decode(ValueType::Scalar(ty), bytes);
        decode(&bytes).unwrap_or_else(|_| {
            bytes.iter_mut().skip(2).for_each(|byte| *byte = 0);
            decode(&bytes).expect("a small number is a value of every type")
        })
    };
    match ty.fixed_bytes() {
        Some(1) => (0..2u8).prop_map(|byte| vec![byte]).prop_map(decoded).boxed(),
        Some(width) => vec(any::<u8>(), width).prop_map(decoded).boxed(),
        None => ".{0,9}".prop_map(String::into_bytes).prop_map(decoded).boxed(),
    }
}

fn value(ty: ValueType) -> BoxedStrategy<Value> {
    match ty {
        ValueType::Scalar(ty) => scalar(ty),
        ValueType::List(item) => vec(scalar(item), 0..4).prop_map(move |items| Value::List(item, items)).boxed(),
    }
}

/// Mostly scalars, so that runs come up.
fn value_type() -> impl Strategy<Value = ValueType> {
    let scalar = (0..ScalarType::ALL.len()).prop_map(|index| ScalarType::ALL[index]);
    prop_oneof![4 => scalar.clone().prop_map(ValueType::Scalar), 1 => scalar.prop_map(ValueType::List)]
}

/// A view, the schema version and the values of a row of it (by slot), and features to be read, which may be repeated.
#[derive(Debug)]
struct Case {
    view: FeatureView,
    schema: usize,
    values: Vec<Option<Value>>,
    features: Vec<FeatureId>,
}

/// A view whose rows have had several schemas: features came and went, and all that the last one has are features now.
fn view() -> impl Strategy<Value = FeatureView> {
    vec(value_type(), 1..16).prop_flat_map(|types| {
        let columns: Vec<_> = types.iter().enumerate().map(|(id, ty)| (FeatureId(id as u32), *ty)).collect();
        let subset = subsequence(columns.clone(), 1..=columns.len());
        vec(subset, 1..4).prop_map(|schemas| {
            let versions = schemas.into_iter().zip(0..);
            view_of(versions.map(|(columns, version)| RowSchema { version, columns }).collect())
        })
    })
}

fn view_of(schemas: Vec<RowSchema>) -> FeatureView {
    let entity = EntityDefinition {
        name: "entity".to_owned(),
        join_keys: vec![JoinKey { name: "id".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    };
    let view = ViewDefinition {
        name: "view".to_owned(),
        entities: vec![entity.name.clone()],
        features: vec![FeatureDefinition::new("any", ValueType::Scalar(ScalarType::Bool))],
        ..ViewDefinition::default()
    };
    let definitions = Definitions { entities: vec![entity], views: vec![view], services: Vec::new() };
    let catalog = Catalog::default().plan(&definitions, Timestamp::EPOCH).unwrap().into_catalog();
    let mut view = catalog.view("view").unwrap().as_ref().clone();
    let any = view.features[0].clone();
    let feature = |(id, ty): &(FeatureId, ValueType)| Feature { id: *id, ty: *ty, ..any.clone() };
    view.features = schemas.last().unwrap().columns.iter().map(feature).collect();
    view.schemas = schemas;
    view
}

fn case() -> impl Strategy<Value = Case> {
    (view(), any::<Index>(), vec(any::<Index>(), 0..24)).prop_flat_map(|(view, schema, picks)| {
        let schema = schema.index(view.schemas.len());
        let layout = RowLayout::new(&view.schemas[schema]);
        let values: Vec<_> = layout.slots().iter().map(|slot| option::weighted(0.8, value(slot.ty))).collect();
        let features: Vec<_> = picks.iter().map(|pick| pick.get(&view.features).id).collect();
        values.prop_map(move |values| Case { view: view.clone(), schema, values, features: features.clone() })
    })
}

impl Case {
    fn stored(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        row::encode(&RowLayout::new(&self.view.schemas[self.schema]), &self.values, &mut bytes);
        bytes
    }

    /// The value that was written for a feature; none where the row is older than the feature.
    fn written(&self, id: FeatureId) -> Option<&Value> {
        let layout = RowLayout::new(&self.view.schemas[self.schema]);
        let slot = layout.slots().iter().position(|slot| slot.feature == id)?;
        self.values[slot].as_ref()
    }
}

fn encoded(value: Option<&Value>) -> Option<Vec<u8>> {
    value.map(|value| {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        bytes
    })
}

/// The number that a matrix shows, said once more.
fn number(value: &Value) -> f32 {
    match value {
        Value::Bool(value) => f32::from(u8::from(*value)),
        Value::Int32(value) => *value as f32,
        Value::Int64(value) => *value as f32,
        Value::Float32(value) => *value,
        Value::Float64(value) => *value as f32,
        other => panic!("no number: {other}"),
    }
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl RecordArena for Kept {
    fn push(&mut self, bytes: &[u8]) -> Result<u64> {
        self.0.extend_from_slice(bytes);
        Ok((self.0.len() - bytes.len()) as u64)
    }
}

/// The bytes of each feature in the record of a row; the arena has been written to before.
fn through_record(plan: &RowPlan, row: &PlannedRow<'_, '_>) -> Vec<Option<Vec<u8>>> {
    let (mut bytes, mut arena) = (vec![0; plan.record().stride()], Kept(vec![1, 2, 3]));
    mark_missing(&mut bytes);
    RecordMut::new(&mut bytes, &mut arena).present(row, EVENT).unwrap();
    let record = RecordRef::new(&bytes);
    assert_eq!(record.event(), Some(EVENT));
    let fields = plan.record().fields();
    let all_present = fields.iter().all(|field| record.is_present(field));
    assert_eq!(record.is_complete(plan.record().header_bytes()), all_present);
    let bytes_of = |field: &asofdb_storage::Field| match (record.status(field), field.ty.fixed_bytes()) {
        (Status::Present, Some(width)) => Some(record.fixed_bytes(field, width).to_vec()),
        (Status::Present, None) => {
            let (offset, len) = record.place(field);
            Some(arena.0[offset as usize..(offset + len) as usize].to_vec())
        }
        (status, _) => {
            assert_eq!(status, Status::Null);
            None
        }
    };
    fields.iter().map(bytes_of).collect()
}

proptest! {
    #[test]
    fn every_value_and_record_has_what_was_written(case in case()) {
        let plan = RowPlan::new(&case.view, &case.features).unwrap();
        let stored = case.stored();
        let row = plan.open(&stored).unwrap().unwrap();
        let written: Vec<_> = case.features.iter().map(|id| encoded(case.written(*id))).collect();
        let single = |feature: usize| row.get(feature).unwrap().map(<[u8]>::to_vec);
        prop_assert_eq!((0..case.features.len()).map(single).collect::<Vec<_>>(), written.clone());
        prop_assert_eq!(through_record(&plan, &row), written);
    }

    #[test]
    fn floats_are_at_their_outputs_and_nowhere_else(case in case(), gaps in vec(0..3usize, 24), backwards: bool) {
        let ty = |id: &FeatureId| case.view.features.iter().find(|feature| feature.id == *id).unwrap().ty;
        let features: Vec<_> = case.features.iter().copied().filter(|id| is_numeric(ty(id))).collect();
        let mut outputs: Vec<usize> = gaps.iter().scan(0, |next, gap| {
            *next += gap + 1;
            Some(*next - 1)
        }).take(features.len()).collect();
        let width = outputs.last().map_or(3, |last| last + 3);
        if backwards {
            outputs.reverse();
        }
        let plan = RowPlan::with_outputs(&case.view, &features, outputs.clone()).unwrap();
        let stored = case.stored();
        let row = plan.open(&stored).unwrap().unwrap();
        let (mut values, mut statuses) = (vec![UNTOUCHED; width], vec![Status::Expired; width]);
        let fills = vec![FILL; width];
        Floats { values: &mut values, statuses: Some(&mut statuses), fills: &fills }.present(&row, EVENT).unwrap();
        let (mut expected, mut expected_statuses) = (vec![UNTOUCHED; width], vec![Status::Expired; width]);
        for (id, output) in features.iter().zip(&outputs) {
            let written = case.written(*id);
            expected[*output] = written.map_or(FILL, number);
            expected_statuses[*output] = if written.is_some() { Status::Present } else { Status::Null };
        }
        prop_assert_eq!(&statuses, &expected_statuses);
        let same = |(a, b): (&f32, &f32)| a == b || a.is_nan() && b.is_nan();
        prop_assert!(values.iter().zip(&expected).all(same), "{values:?} is not {expected:?}");
        let mut alone = vec![UNTOUCHED; width];
        Floats { values: &mut alone, statuses: None, fills: &fills }.present(&row, EVENT).unwrap();
        prop_assert!(alone.iter().zip(&expected).all(same), "{alone:?} is not {expected:?}");
    }
}

fn one_number() -> FeatureView {
    let columns = vec![(FeatureId(4), ValueType::Scalar(ScalarType::Int64))];
    view_of(vec![RowSchema { version: 0, columns }])
}

#[test]
fn rows_that_are_missing_or_expired_fill_their_outputs_and_leave_records_without_values() {
    let plan = RowPlan::with_outputs(&one_number(), &[FeatureId(4)], vec![1]).unwrap();
    let (mut values, mut statuses) = ([UNTOUCHED; 3], [Status::Present; 3]);
    let mut floats = Floats { values: &mut values, statuses: Some(&mut statuses), fills: &[FILL; 3] };
    floats.missing(&plan);
    assert_eq!((values, statuses[1]), ([UNTOUCHED, FILL, UNTOUCHED], Status::Missing));
    Floats { values: &mut values, statuses: Some(&mut statuses), fills: &[1.5; 3] }.expired(&plan, EVENT);
    assert_eq!((values, statuses[1]), ([UNTOUCHED, 1.5, UNTOUCHED], Status::Expired));
    assert_eq!((statuses[0], statuses[2]), (Status::Present, Status::Present));

    let field = plan.record().fields()[0];
    let (mut bytes, mut arena) = (vec![0; plan.record().stride()], Kept::default());
    RecordMut::new(&mut bytes, &mut arena).expired(&plan, EVENT);
    let record = RecordRef::new(&bytes);
    assert_eq!((record.status(&field), record.event()), (Status::Expired, Some(EVENT)));
    RecordMut::new(&mut bytes, &mut arena).missing(&plan);
    let record = RecordRef::new(&bytes);
    assert_eq!((record.status(&field), record.event()), (Status::Missing, None));
}

#[test]
fn what_no_plan_can_read_is_refused_by_name() {
    let view = one_number();
    let error = RowPlan::new(&view, &[FeatureId(5)]).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotFound, "no feature 5 in view \"view\""));
    let plan = RowPlan::new(&view, &[FeatureId(4)]).unwrap();
    assert!(plan.open(&row::TOMBSTONE_ROW).unwrap().is_none());
    let error = plan.open(&[row::ROW_FORMAT, 0, 9, 0]).unwrap_err();
    let message = "a row of view \"view\" has a schema version that the catalog does not know: 9";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Corrupt, message));
}
