//! Pages of the docs: their definitions can be applied, and the tables say what the features give.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use asofdb::{Answer, IngestOptions, Input, Session, Span, Status, Store, Timestamp, Value, parse_definitions};

use crate::common::{NOW, TestStore, batch, hours_ago, int, repository, times};

/// The blocks of a page in a language, one after the other.
fn blocks(page: &str, language: &str) -> String {
    let parts = page.split("```").skip(1).step_by(2);
    parts.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect::<Vec<_>>().join("\n")
}

fn page(name: &str) -> String {
    fs::read_to_string(repository("docs").join(name)).expect("a page of the docs")
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()
}

/// A value as tables have it: a number, or why there is none.
fn shown(answer: &Answer, feature: usize) -> String {
    match (answer.value(0, feature).unwrap(), answer.status(0, feature)) {
        (Some(Value::Float64(value)), Status::Present) => format!("{value:?}"),
        (Some(value), Status::Present) => value.to_string(),
        (_, status) => format!("null ({status})"),
    }
}

fn check_row(store: &Store, features: &[&str], user: i64, now: &str, wanted: &[&str]) {
    let references: Vec<_> = features.iter().map(|feature| format!("user_age_v1:{feature}")).collect();
    let request = store.prepare(&references).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(user)]).unwrap();
    let answer = store.as_of(&request, &entities, now.parse().unwrap(), None).unwrap();
    let found: Vec<_> = (0..features.len()).map(|feature| shown(&answer, feature)).collect();
    assert_eq!(found, wanted, "user {user} at {now}");
}

#[test]
fn the_three_user_ages_are_what_their_page_says() {
    let page = page("user-age.md");
    let test = TestStore::new(&parse_definitions(&blocks(&page, "toml"), "user-age.md").unwrap());
    let csv = test.directory.path().join("users.csv");
    fs::write(&csv, blocks(&page, "csv")).unwrap();
    let options = IngestOptions::default();
    test.store.ingest("user_profile_v1", vec![Input::Path(csv)], &options, &mut |_| {}).unwrap();
    let (mut header, mut rows) = (Vec::new(), 0);
    for line in page.lines() {
        match cells(line) {
            cells if cells[0] == "now" => header = cells,
            cells if cells.len() == header.len() && cells[0].parse::<Timestamp>().is_ok() => {
                let has_user = usize::from(header[1] == "user");
                let user = if has_user == 1 { cells[1].parse().unwrap() } else { 7 };
                check_row(&test.store, &header[1 + has_user..], user, cells[0], &cells[1 + has_user..]);
                rows += 1;
            }
            _ => {}
        }
    }
    assert_eq!(rows, 26, "rows of the three tables");
}

#[test]
fn the_definitions_of_the_page_on_computed_features_can_be_applied_and_read() {
    let profile = "[[feature_view]]\nname = \"user_profile_v1\"\nentities = [\"user\"]\n\
                   feature = [{ name = \"birth_year\", type = \"int32\" }]\n";
    let text = blocks(&page("computed.md"), "toml") + profile;
    let store = TestStore::new(&parse_definitions(&text, "computed.md").unwrap()).store;
    let hours = [1, 2, 30];
    let purchases: [(&str, ArrayRef); 5] = [
        ("user_id", Arc::new(Int64Array::from(vec![7, 7, 7]))),
        ("bought_at", times(hours.map(|hours| Some(hours_ago(hours))))),
        ("order_id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("shop", Arc::new(StringArray::from(vec!["a", "test", "b"]))),
        ("amount", Arc::new(Float64Array::from(vec![10.0, 5.0, 15.0]))),
    ];
    store.write("purchases_v1", &batch(purchases.to_vec())).unwrap();
    store.write("purchases_v2", &batch(purchases.to_vec())).unwrap();
    let born: [(&str, ArrayRef); 3] = [
        ("user_id", Arc::new(Int64Array::from(vec![7]))),
        ("event_timestamp", times([Some(hours_ago(9))])),
        ("birth_year", Arc::new(Int64Array::from(vec![1990]))),
    ];
    store.write("user_profile_v1", &batch(born.to_vec())).unwrap();
    let features = [
        "user_purchases_v1:purchases_24h",
        "user_purchases_v1:spent_24h",
        "user_purchases_v1:mean_30d",
        "user_derived_v1:age",
        "user_derived_v1:amount_to_mean",
    ];
    let request = store.prepare(&features).unwrap();
    let mut entities = request.entity_rows();
    let (user, amount) = ([("user_id", Value::Int64(7))], [("amount", Value::Float64(20.0))]);
    entities.push_named_with(&user, &amount).unwrap();
    // Windows of the page end at the last full five minutes, as the present does.
    assert_eq!(NOW.as_micros().rem_euclid(Span::from_secs(300).as_micros()), 0);
    let answer = store.latest(&request, &entities).unwrap();
    let values: Vec<_> = (0..features.len()).map(|feature| answer.value(0, feature).unwrap()).collect();
    let float = |value| Some(Value::Float64(value));
    assert_eq!(values, [int(2), float(10.0), float(10.0), int(34), float(2.0)]);
    let request = store.prepare(&["shop_purchases_v1"]).unwrap();
    let mut shops = request.entity_rows();
    for shop in ["a", "b"] {
        shops.push(&[Some(Value::String(shop.to_owned()))]).unwrap();
    }
    let answer = store.latest(&request, &shops).unwrap();
    let values = |row| [answer.value(row, 0).unwrap(), answer.value(row, 1).unwrap()];
    assert_eq!((values(0), values(1)), ([int(1), float(10.0)], [int(0), None]));
}
