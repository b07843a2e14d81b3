//! The asynchronous client: many tasks, few connections, the same answers.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{Durability, ErrorKind, F32Matrix, FeatureDefinition, Prepared, Session, Span, Status, Timestamp, Value};
use asofdb_client::{AsyncClient, Client};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::harness::Sidecar;
use crate::common::{batch, int, times, users};

/// Rows of so many users, a second apart up to `now`: user n has n visits and a score of n.
fn rows(users: i64, now: Timestamp) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(0..users)) as ArrayRef),
        ("event_timestamp", times((0..users).map(|n| Some(now.minus(Span::from_secs(n)))))),
        ("score", Arc::new(Float32Array::from_iter_values((0..users).map(|n| n as f32)))),
        ("visits", Arc::new(Int64Array::from_iter_values(0..users))),
        ("name", Arc::new(StringArray::from_iter_values((0..users).map(|n| format!("user {n}"))))),
    ])
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(work)
}

async fn visits(client: &AsyncClient, request: &Prepared, user: i64) -> Option<Value> {
    let mut entities = request.entity_rows();
    entities.push(&[int(user)]).unwrap();
    client.latest(request, &entities).await.unwrap().value(0, 0).unwrap()
}

#[test]
fn a_thousand_reads_at_a_time_get_each_their_own_answer() {
    let sidecar = Sidecar::start(&users(), &[]);
    block_on(async {
        let client = AsyncClient::connect(sidecar.socket()).await.unwrap();
        let now = client.now().await.unwrap();
        client.write("profile", &rows(5_000, now)).await.unwrap();
        let number = Arc::new(client.prepare(&["profile:visits"]).await.unwrap());
        let words = Arc::new(client.prepare(&["profile:name", "profile:score"]).await.unwrap());
        let mut tasks = JoinSet::new();
        for task in 0..1_000i64 {
            let (client, number, words) = (client.clone(), number.clone(), words.clone());
            tasks.spawn(async move {
                for user in (0..5).map(|n| (task * 5 + n * 911) % 5_000) {
                    assert_eq!(visits(&client, &number, user).await, int(user));
                    let mut entities = words.entity_rows();
                    entities.push(&[int(user)]).unwrap();
                    entities.push(&[int(user + 10_000)]).unwrap();
                    let event = now.minus(Span::from_secs(user));
                    let answer = client.as_of(&words, &entities, event, None).await.unwrap();
                    assert_eq!(answer.value(0, 0).unwrap(), Some(Value::String(format!("user {user}"))));
                    assert_eq!(answer.status(1, 0), Status::Missing);
                    let before = event.minus(Span::from_micros(1));
                    let (mut values, mut statuses) = ([0.0; 2], [Status::Present; 2]);
                    let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
                    let mut entity = number.entity_rows();
                    entity.push(&[int(user)]).unwrap();
                    entity.push(&[int(user)]).unwrap();
                    client.as_of_f32(&number, &entity, before, None, matrix).await.unwrap();
                    assert_eq!((values, statuses), ([-1.0; 2], [Status::Missing; 2]));
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
}

#[test]
fn reads_go_on_after_the_sidecar_was_started_again_and_a_broken_write_says_that_its_outcome_is_unknown() {
    let sidecar = Sidecar::start(&users(), &[]);
    block_on(async {
        let client = AsyncClient::connect(sidecar.socket()).await.unwrap();
        let now = client.now().await.unwrap();
        client.write("profile", &rows(100, now)).await.unwrap();
        let request = client.prepare(&["profile:visits"]).await.unwrap();
        assert_eq!(visits(&client, &request, 7).await, int(7));
        let directory = sidecar.kill();
        let error = client.now().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().starts_with("no sidecar listens on "), "{error}");
        let sidecar = Sidecar::over(directory, &[]);
        for user in 0..100 {
            assert_eq!(visits(&client, &request, user).await, int(user));
        }
        client.write_all(&[("profile", &rows(101, now))], Durability::Sync).await.unwrap();
        assert_eq!(visits(&client, &request, 100).await, int(100));
        // Stopped: it takes the write and answers nothing. Then it is killed.
        sidecar.pause();
        let more = rows(102, now);
        let mut write = pin!(client.write("profile", &more));
        // Polled once, it is in flight: there is a connection, and nobody answers.
        assert!(poll_fn(|context| Poll::Ready(write.as_mut().poll(context).is_pending())).await);
        drop(sidecar.kill());
        let error = write.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("whether it was done is not known: read before doing it again"), "{error}");
    });
}

#[test]
fn everything_else_answers_as_the_blocking_client_does() {
    let sidecar = Sidecar::start(&users(), &[]);
    let blocking = sidecar.client();
    block_on(async {
        let client = AsyncClient::connect(sidecar.socket()).await.unwrap();
        let now = client.now().await.unwrap();
        client.write("profile", &rows(10, now)).await.unwrap();
        let request = client.prepare(&["profile:*"]).await.unwrap();
        let mut entities = request.entity_rows();
        entities.push(&[int(3)]).unwrap();
        let missing =
            [client.prepare(&["profile:vis"]).await.unwrap_err(), blocking.prepare(&["profile:vis"]).unwrap_err()];
        assert_eq!((missing[0].kind(), missing[0].message()), (ErrorKind::NotFound, missing[1].message()));
        assert_eq!(client.latest(&request, &entities).await.unwrap().features(), 3);
        let mut grown = users();
        grown.views[0].features.push(FeatureDefinition::new("level", "int32".parse().unwrap()));
        assert!(!client.apply(&grown, false).await.unwrap().is_empty());
        assert_eq!(client.catalog().await.unwrap().revision(), blocking.catalog().unwrap().revision());
        assert_eq!(client.latest(&request, &entities).await.unwrap().features(), 4, "a request follows the catalog");
        let three = [("user_id", Value::Int64(3))];
        client.delete(&["profile"], &three, now).await.unwrap();
        assert_eq!(client.latest(&request, &entities).await.unwrap().status(0, 0), Status::Missing);
        assert_eq!(client.erase(&["profile"], &three).await.unwrap()[0].versions, 2);
        let fresh = client.freshness("profile").await.unwrap();
        assert_eq!((fresh.entities, fresh.newest), (9, Some(now)));
        assert_eq!(client.freshness("profil").await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(client.stats().await.unwrap().rows > 0);
        let history = client.blocking(|client: &Client| client.history("profile", &[("user_id", Value::Int64(4))], 9));
        assert_eq!(history.await.unwrap()[0].values[1], int(4));
    });
}

#[test]
fn a_request_that_is_too_long_is_refused_without_harm_to_others() {
    let sidecar = Sidecar::start(&users(), &["--frame-bytes-max", "64KiB"]);
    block_on(async {
        let client = AsyncClient::connect(sidecar.socket()).await.unwrap();
        let now = client.now().await.unwrap();
        client.write("profile", &rows(10, now)).await.unwrap();
        let error = client.write("profile", &rows(10_000, now)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().starts_with("the sidecar takes requests of at most 65536 bytes"), "{error}");
        let request = client.prepare(&["profile:visits"]).await.unwrap();
        assert_eq!(visits(&client, &request, 9).await, int(9));
    });
}
