//! The bytes of messages that a dialogue with a small store does not show whole, as asofdb 0.1.0 sent them.
//!
//! They were written while the engine's own types were the messages. The fixtures of whole frames are held by
//! `tests/sidecar/golden.rs`.

use asofdb::storage::FamilyStats;
use asofdb::{Allow, Definitions, Erased, Stats, Timestamp, Value, ValueType, Verified};

use super::value::ValueTypeMessage;
use super::{ApplyRequest, ErasedMessage, StatsMessage, VerifiedMessage};
use crate::codec::{Message, decode_message as decode, encoded_message as encoded};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/fixtures/protocol-1/", $name, ".body"))
    };
}

/// Decodes a message, and encodes it again to the same bytes.
fn again<T: Message>(bytes: &[u8]) -> T {
    let message: T = decode(bytes).unwrap();
    assert_eq!(encoded(&message).unwrap(), bytes);
    message
}

#[test]
fn definitions_travel_with_a_default_of_every_type() {
    let ApplyRequest { definitions, allow, catalog_revision, message } = again(fixture!("apply"));
    let definitions = Definitions::try_from(definitions).unwrap();
    let sent = ApplyRequest { definitions: definitions.clone().try_into().unwrap(), allow, catalog_revision, message };
    let bytes = encoded(&sent).unwrap();
    assert_eq!((bytes.as_slice(), allow, catalog_revision), (&fixture!("apply")[..], Allow::drops(true), 6));

    let [view] = definitions.views.as_slice() else { panic!("one view") };
    assert_eq!((view.name.as_str(), view.event_column.as_str(), view.keep_newest), ("profile", "at", false));
    let defaults: Vec<String> =
        view.features.iter().map(|feature| feature.default.as_ref().map_or("none".into(), Value::to_string)).collect();
    let singles = "true -7 -9223372036854775808 1.5 -0.1 \"é\" \"\\x00\\xff\" 1969-12-31T23:59:59.999999Z";
    let lists = "[true, true] none [-9223372036854775808, -9223372036854775808] none [-0.1, -0.1] none \
                 [\"\\x00\\xff\", \"\\x00\\xff\"] none";
    assert_eq!(defaults.join(" "), format!("{singles} {lists}"));
    let types: Vec<String> = view.features.iter().map(|feature| feature.ty.to_string()).collect();
    assert_eq!(types[..4], ["bool", "int32", "int64", "float32"]);
    assert_eq!(types[14..], ["list<bytes>", "list<timestamp>"]);
    assert_eq!(definitions.entities[0].join_keys[1].ty.name(), "timestamp");
    assert_eq!(definitions.services[0].features, ["profile:*", "shop:open"]);
}

#[test]
fn figures_receipts_and_verifications_keep_their_bytes() {
    let stats: StatsMessage = again(fixture!("stats"));
    let consumers = stats.consumers.clone();
    let wanted = Stats {
        disk_bytes: 1,
        memory_bytes: 2,
        memory_budget_bytes: 3,
        families: vec![FamilyStats { name: "latest".into(), rows_estimate: 4, disk_bytes: 5 }],
        batches: 6,
        rows: 7,
        stalls: 8,
        background_error: Some("disk full".into()),
        hot: None,
    };
    assert_eq!((stats.into_stats(), consumers), (wanted, Vec::new()));
    let verified: VerifiedMessage = again(fixture!("verified"));
    assert_eq!(Verified::from(verified), Verified { versions: 1, entities: 2, problems: vec!["no".into()] });
    let erased: Vec<ErasedMessage> = again(fixture!("erased"));
    let erased: Vec<Erased> = erased.into_iter().map(Erased::from).collect();
    assert_eq!(erased, [Erased { view: "profile".into(), versions: 2, bytes: 99 }]);
}

#[test]
fn numbers_of_no_type_are_refused_and_counts_that_lie_end_with_the_bytes() {
    assert!(decode::<ValueTypeMessage>(&[0, 0, 0, 0, 99, 0, 0, 0]).is_err());
    assert!(decode::<ValueTypeMessage>(&[2, 0, 0, 0, 0, 0, 0, 0]).is_err());
    let times = ValueTypeMessage(ValueType::List(asofdb::ScalarType::Timestamp));
    assert_eq!(encoded(&times).unwrap(), [1, 0, 0, 0, 7, 0, 0, 0]);
    let time = encoded(&super::TimeMessage::from(Timestamp::from_micros(-2))).unwrap();
    assert_eq!(time, (-2i64).to_le_bytes());
    // A value: a list of bools that says it has more items than there is memory.
    let mut list = [8u32.to_le_bytes(), 0u32.to_le_bytes()].concat();
    list.extend(u64::MAX.to_le_bytes());
    assert!(decode::<super::value::ValueMessage>(&list).is_err());
}
