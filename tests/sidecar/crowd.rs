//! Many clients at once, reading and writing, and never a wrong answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{F32Matrix, Session, Span, Status, Timestamp, Value};
use asofdb_client::Client;

use super::harness::Sidecar;
use crate::common::{batch, int, times, users};

const CLIENTS: usize = 100;
const SECONDS: u64 = 60;

/// Each client owns some users that nobody else writes. A user's visits count up; score and name say the same number,
/// so that a torn row shows.
struct Member {
    client: Client,
    number: i64,
    base: Timestamp,
}

impl Member {
    fn write(&self, user: i64, count: i64) {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![user]));
        let scores: ArrayRef = Arc::new(Float32Array::from(vec![count as f32]));
        let visits: ArrayRef = Arc::new(Int64Array::from(vec![count]));
        let names: ArrayRef = Arc::new(StringArray::from(vec![count.to_string()]));
        // Events count up too, a microsecond each, so that every count can be asked for as of its time.
        let event = self.base.plus(Span::from_micros(count));
        let columns = vec![
            ("user_id", ids),
            ("event_timestamp", times([Some(event)])),
            ("score", scores),
            ("visits", visits),
            ("name", names),
        ];
        self.client.write("profile", &batch(columns)).expect("a good row");
    }

    fn work(&self, all: &[AtomicI64], is_over: &AtomicBool) -> u64 {
        let records = self.client.prepare(&["profile:*"]).expect("a view");
        let numbers = self.client.prepare(&["profile:visits", "profile:score"]).expect("a view");
        let (mut one, mut some) = (records.entity_rows(), numbers.entity_rows());
        let (mut count, mut rounds) = (0, 0);
        let own = self.number;
        while !is_over.load(Ordering::Relaxed) {
            rounds += 1;
            if rounds % 4 == 1 {
                count += 1;
                self.write(own, count);
                all[own as usize].store(count, Ordering::SeqCst);
            }
            one.clear();
            one.push(&[int(own)]).expect("a key");
            let answer = self.client.latest(&records, &one).expect("an answer");
            let read: Vec<_> = (0..3).map(|feature| answer.value(0, feature).expect("a value")).collect();
            let wanted = [Value::Float32(count as f32), Value::Int64(count), Value::String(count.to_string())];
            assert_eq!(read, wanted.map(Some), "a client reads what it has written");
            let back = 1 + rounds as i64 % count;
            let at = self.base.plus(Span::from_micros(back));
            let past = self.client.as_of(&records, &one, at, None).expect("an answer");
            assert_eq!(past.value(0, 1).expect("a value"), int(back), "the past does not change");
            self.read_others(&numbers, &mut some, all);
        }
        rounds
    }

    /// Others' counts never go back, and a row is whole.
    fn read_others(&self, numbers: &asofdb::Prepared, some: &mut asofdb::EntityRows, all: &[AtomicI64]) {
        some.clear();
        let known: Vec<i64> = all.iter().map(|count| count.load(Ordering::SeqCst)).collect();
        (0..all.len()).for_each(|user| some.push(&[int(user as i64)]).expect("a key"));
        let (mut values, mut statuses) = (vec![0.0; 2 * all.len()], vec![Status::Missing; 2 * all.len()]);
        let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: f32::NAN };
        self.client.latest_f32(numbers, some, matrix).expect("an answer");
        for (user, known) in known.into_iter().enumerate() {
            let (visits, score) = (values[2 * user], values[2 * user + 1]);
            match statuses[2 * user] {
                Status::Missing => assert_eq!(known, 0),
                Status::Present => assert!(visits == score && visits as i64 >= known, "{visits} {score} {known}"),
                status => panic!("{status}"),
            }
        }
    }
}

#[test]
fn a_hundred_clients_read_and_write_for_a_minute_without_a_wrong_answer() {
    let sidecar = Sidecar::start(&users(), &[]);
    let base = sidecar.client().now().expect("a time").minus(Span::from_secs(60));
    let all: Vec<AtomicI64> = (0..CLIENTS).map(|_| AtomicI64::new(0)).collect();
    let (is_over, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for number in 0..CLIENTS as i64 {
            let member = Member { client: sidecar.client(), number, base };
            let (all, is_over, rounds) = (&all, &is_over, &rounds);
            scope.spawn(move || {
                let done = member.work(all, is_over);
                rounds.fetch_add(done, Ordering::Relaxed);
            });
        }
        std::thread::sleep(Duration::from_secs(SECONDS));
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(rounds.load(Ordering::Relaxed) > CLIENTS as u64, "everybody had a turn");
    assert_eq!(sidecar.client().verify().expect("a check").problems, Vec::<String>::new());
}
