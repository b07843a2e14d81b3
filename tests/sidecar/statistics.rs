//! Statistics through a sidecar: who may take them, and who sees what.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{ErrorKind, ProfileSample, Session, Span, ViewStatistics};
use asofdb_client::{Client, ConnectOptions};
use serde_json::Value as Json;

use super::command_line::{asof, text};
use super::harness::Sidecar;
use crate::common::{batch, times, users};

fn connect(sidecar: &Sidecar, consumer: &str) -> Client {
    let options = ConnectOptions { consumer: Some(consumer.to_owned()), ..ConnectOptions::default() };
    Client::connect_with(sidecar.socket(), options).unwrap()
}

fn write(client: &Client) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 2]))),
        ("event_timestamp", times([Some(client.now().unwrap().minus(Span::from_secs(3_600))); 2])),
        ("score", Arc::new(Float32Array::from(vec![0.5, 1.5]))),
        ("visits", Arc::new(Int64Array::from(vec![3, 4]))),
        ("name", Arc::new(StringArray::from(vec!["Ada", "Grace"]))),
    ];
    client.write("profile", &batch(columns)).unwrap();
}

fn features(statistics: ViewStatistics) -> Vec<String> {
    statistics.profile.unwrap().features.into_iter().map(|feature| feature.name).collect()
}

#[test]
fn a_consumer_sees_no_statistics_of_what_it_may_not_read_by_any_way_of_the_protocol() {
    let mut definitions = users();
    definitions.views[0].features[2].tags.insert("pii".to_owned(), "true".to_owned());
    let sidecar = Sidecar::start(&definitions, &[]);
    let (ranker, fraud) = (connect(&sidecar, "ranker"), connect(&sidecar, "fraud"));
    write(&fraud);
    fraud.apply_policy("[[restricted]]\ntags = { pii = \"true\" }\nconsumers = \"fraud\"\n", "").unwrap();
    let taken = ranker.profile("profile", ProfileSample::All, &mut |_| {}).unwrap();
    assert_eq!(taken.withheld, ["name"]);
    assert_eq!(features(taken), ["score", "visits"]);
    assert_eq!(features(ranker.statistics("profile").unwrap()), ["score", "visits"]);
    assert_eq!(features(fraud.statistics("profile").unwrap()), ["score", "visits", "name"]);
    let id = fraud.catalog().unwrap().view("profile").unwrap().id;
    let note = [b"statistics/".as_slice(), &id.to_be_bytes()].concat();
    let refused = ranker.note(&note).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert!(refused.to_string().contains("statistics show values"), "{refused}");
}

#[test]
fn readers_see_statistics_and_only_writers_take_them() {
    let sidecar = Sidecar::start(&users(), &["--read-only"]);
    let client = sidecar.client();
    let error = client.profile("profile", ProfileSample::All, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("taking statistics"), "{error}");
    assert_eq!(client.statistics("profile").unwrap().profile, None);
}

#[test]
fn the_command_line_takes_statistics_and_describes_them_through_a_sidecar() {
    let sidecar = Sidecar::start(&users(), &[]);
    write(&sidecar.client());
    let socket = sidecar.socket().to_str().expect("a path").to_owned();
    let place = ["--connect", socket.as_str()];
    let json: Json = serde_json::from_str(&text(&asof(&place, &["profile", "profile", "--format", "json"]))).unwrap();
    let [score, ..] = json[0]["features"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!((&score["feature"], &score["numbers"]["max"]), (&"score".into(), &1.5.into()));
    assert_eq!((&json[0]["entities"], &json[0]["of_entities"]), (&2.into(), &2.into()));
    let table = text(&asof(&place, &["profile", "profile", "--all"]));
    assert!(table.contains("statistics of all 2 entities as of "), "{table}");
    let csv = text(&asof(&place, &["profile", "profile", "--format", "csv"]));
    let head =
        "view,feature,type,values,null,missing,distinct,of,min,p1,p5,p25,p50,p75,p95,p99,max,mean,stddev,top,outdated";
    assert_eq!(csv.lines().next(), Some(head));
    assert!(csv.contains("\nprofile,visits,int64,2,0,0,2,value,3,3,3,3,3,3,3,3,4,3.5,"), "{csv}");
    let wrong = asof(&place, &["profile", "profile", "--all", "--entities", "5"]);
    assert_eq!(wrong.status.code(), Some(2));
}
