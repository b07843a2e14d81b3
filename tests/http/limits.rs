//! Limits: what is over them is answered or closed, and nobody else notices.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asofdb_sidecar::HttpOptions;
use serde_json::json;

use super::client::{Reply, wait_until};
use super::sidecar::{Sidecar, stats_row};
use crate::common::hours_ago;

#[test]
fn a_body_over_its_limit_is_413_whether_it_tells_its_length_or_not() {
    let sidecar = Sidecar::with("", HttpOptions { body_bytes_max: 20_000, ..HttpOptions::default() });
    let long = vec![b' '; 20_001];
    let reply = sidecar.tcp.send("POST", "/v1/latest", &[], &long);
    let message = "a body has at most 20000 bytes; split the request, or load files with `asof ingest`";
    assert_eq!(reply.error(413, "invalid"), message);
    let fits = vec![b' '; 20_000];
    assert_eq!(sidecar.tcp.send("POST", "/v1/latest", &[], &fits).status, 400);
    let mut stream = sidecar.tcp.connect();
    let head = "POST /push HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..3 {
        let _ = stream.write_all(format!("2000\r\n{}\r\n", " ".repeat(0x2000)).as_bytes());
    }
    assert_eq!(Reply::read(&mut *stream).feast_error(413, "FeastError"), message);
}

#[test]
fn bodies_of_all_requests_together_are_bounded() {
    let options = HttpOptions {
        body_bytes_max: 100_000,
        memory_bytes_max: 2_000_000,
        answer_bytes_max: 100_000,
        ..HttpOptions::default()
    };
    let sidecar = Sidecar::with("", options);
    let mut slow = sidecar.tcp.connect();
    slow.write_all(b"POST /v1/latest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n").unwrap();
    wait_until(|| sidecar.tcp.get("/metrics").text().contains("asof_large_frames_bytes{door=\"http\"} 1600000\n"));
    let body = vec![b' '; 60_000];
    let reply = sidecar.tcp.send("POST", "/v1/latest", &[], &body);
    assert_eq!(
        reply.error(503, "unavailable"),
        "the sidecar holds too many large requests and answers; try again, or ask for fewer rows: 1600000 of 2000000 bytes"
    );
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(sidecar.tcp.get("/v1/views").status, 200);
    drop(slow);
    wait_until(|| sidecar.tcp.send("POST", "/v1/latest", &[], &body).status == 400);
}

#[test]
fn who_does_not_finish_a_head_is_closed_and_who_does_not_finish_a_body_is_told() {
    let timeout = Duration::from_millis(300);
    let options = HttpOptions { header_timeout: timeout, body_timeout: timeout, ..HttpOptions::default() };
    let sidecar = Sidecar::with("", options);
    let mut loris = sidecar.tcp.connect();
    loris.write_all(b"GET /v1/views HTTP/1.1\r\nHost: local").unwrap();
    let mut silent = sidecar.unix.connect();
    let mut slow = sidecar.tcp.connect();
    slow.write_all(b"POST /v1/latest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{").unwrap();
    let reply = Reply::read(&mut *slow);
    assert_eq!(reply.error(408, "unavailable"), "the body did not arrive in time, 0.3 seconds");
    for stream in [&mut loris, &mut silent] {
        // A read that the server does not end by closing fails for want of patience.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    }
}

const HEAD: &[u8] = b"POST /v1/latest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";

#[test]
fn when_all_places_are_taken_the_connection_that_was_idle_longest_makes_room() {
    let sidecar = Sidecar::with("", HttpOptions { connections_max: 2, ..HttpOptions::default() });
    let mut idle: Vec<_> = (0..2)
        .map(|n| {
            let stream = sidecar.unix.connect();
            let open = format!("asof_connections{{door=\"http\"}} {}\n", n + 2);
            wait_until(|| sidecar.tcp.get("/metrics").text().contains(&open));
            stream
        })
        .collect();
    assert_eq!(sidecar.unix.get("/v1/views").status, 200);
    let mut rest = Vec::new();
    idle[0].read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "closed without a word");
}

#[test]
fn when_all_places_are_busy_the_others_hear_so_and_health_and_the_other_pool_go_on() {
    let sidecar = Sidecar::with("", HttpOptions { connections_max: 2, ..HttpOptions::default() });
    let mut busy: Vec<_> = (0..2).map(|_| sidecar.unix.connect()).collect();
    busy.iter_mut().for_each(|stream| stream.write_all(HEAD).unwrap());
    wait_until(|| sidecar.tcp.get("/metrics").text().contains("asof_large_frames_bytes{door=\"http\"} 3200000\n"));
    let refused = sidecar.unix.get("/v1/views");
    let message = "as many connections are open as may be, and all of them are busy; try again: 2";
    assert_eq!(refused.error(503, "unavailable"), message);
    assert_eq!(sidecar.unix.get("/readyz").status, 200);
    assert_eq!(sidecar.tcp.get("/v1/views").status, 200);
    drop(busy);
    wait_until(|| sidecar.unix.get("/v1/views").status == 200);
}

/// Asks for an answer of some megabytes and reads none of it.
fn ask_and_not_read(sidecar: &Sidecar) -> Box<dyn super::client::Stream> {
    let features = json!(["stats:clicks", "stats:score", "stats:rate", "stats:name", "stats:embedding"]);
    let entities: Vec<_> = (0..20_000).map(|id| json!({"user_id": id})).collect();
    let body = json!({"features": features, "entities": entities}).to_string();
    let head = format!("POST /v1/latest HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = sidecar.unix.connect();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

#[test]
fn an_answer_counts_in_the_budget_until_it_is_read() {
    let sidecar = Sidecar::start();
    let held = |most: u64| {
        let metrics = sidecar.tcp.get("/metrics");
        let line =
            metrics.text().lines().find(|line| line.starts_with("asof_large_frames_bytes{door=\"http\"}")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap() > most
    };
    let unread = ask_and_not_read(&sidecar);
    wait_until(|| held(2_000_000));
    drop(unread);
    wait_until(|| !held(0));
}

#[test]
fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let options = HttpOptions { stall_timeout: Duration::from_millis(200), ..HttpOptions::default() };
    let sidecar = Sidecar::with("", options);
    let mut unread = ask_and_not_read(&sidecar);
    // Only the connection that asks for the metrics is left.
    wait_until(|| {
        let metrics = sidecar.tcp.get("/metrics");
        let asked = "asof_requests_total{operation=\"latest\",consumer=";
        metrics.text().contains(asked) && metrics.text().contains("asof_connections{door=\"http\"} 1\n")
    });
    let mut answer = Vec::new();
    let _ = unread.read_to_end(&mut answer);
    let head = String::from_utf8_lossy(&answer[..200]).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    assert!(answer.len() < length.parse().unwrap(), "{} of {length}", answer.len());
}

#[test]
fn an_answer_over_its_limit_is_refused_by_the_rule() {
    let sidecar = Sidecar::with("", HttpOptions { answer_bytes_max: 1_000, ..HttpOptions::default() });
    let entities: Vec<_> = (0..100).map(|id| json!({"user_id": id})).collect();
    let reply = sidecar.tcp.post("/v1/latest", &json!({"features": ["stats:clicks"], "entities": entities}));
    assert_eq!(reply.error(422, "invalid"), "an answer has at most 1000 bytes; ask for fewer entities at once");
}

/// The first request that reads the clock, held until it is let go.
#[derive(Clone, Default)]
struct Hold {
    holds: Arc<AtomicBool>,
    let_go: Arc<AtomicBool>,
}

impl Hold {
    fn of(sidecar: &Sidecar) -> Self {
        let hold = Hold::default();
        let held = hold.clone();
        sidecar.clock.hook(move || {
            if held.holds.swap(true, Ordering::SeqCst) {
                return;
            }
            while !held.let_go.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        hold
    }

    fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
    }
}

#[test]
fn requests_over_those_in_flight_are_told_to_come_again() {
    let sidecar = Sidecar::with("", HttpOptions { requests_in_flight_max: 1, ..HttpOptions::default() });
    let hold = Hold::of(&sidecar);
    let target = sidecar.unix.clone();
    let held = std::thread::spawn(move || {
        target.post("/v1/write/stats", &json!([stats_row(1, hours_ago(1), &json!(1))])).status
    });
    wait_until(|| hold.holds.load(Ordering::SeqCst));
    let refused = sidecar.tcp.get("/v1/views");
    assert_eq!(refused.error(503, "unavailable"), "the sidecar works on 1 requests already; try again");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(sidecar.tcp.get("/healthz").status, 200);
    let metrics = sidecar.tcp.get("/metrics");
    assert!(metrics.text().contains("asof_requests_in_flight{door=\"http\"} 1\n"), "told while the place is taken");
    hold.let_go();
    assert_eq!(held.join().unwrap(), 200);
    wait_until(|| sidecar.tcp.get("/v1/views").status == 200);
    let metrics = sidecar.unix.get("/metrics");
    assert!(metrics.text().contains("asof_refused_total{door=\"http\",reason=\"in_flight\"}"));
}

#[test]
fn a_request_that_takes_too_long_is_answered_and_its_work_goes_on() {
    let options = HttpOptions { request_timeout: Duration::from_millis(300), ..HttpOptions::default() };
    let sidecar = Sidecar::with("", options);
    let hold = Hold::of(&sidecar);
    let reply = sidecar.unix.post("/v1/write/stats", &json!([stats_row(1, hours_ago(1), &json!(1))]));
    assert_eq!(reply.error(503, "unavailable"), "the request took longer than it may, 0.3 seconds");
    hold.let_go();
    wait_until(|| sidecar.store.stats().unwrap().rows == 1);
}

#[test]
fn limits_of_consumers_and_views_are_429_and_say_when_to_come_again() {
    let limits = r#"
        [[consumer]]
        name = "ranker"
        requests_per_second = 1
        requests_burst = 2
        [[view]]
        name = "stats"
        rows_per_second = 1
        rows_burst = 10
    "#;
    let sidecar = Sidecar::with(limits, HttpOptions::default());
    let ranker = [("X-Asof-Consumer", "ranker")];
    let get = || sidecar.tcp.send("GET", "/v1/views", &ranker, b"");
    assert_eq!([get().status, get().status], [200, 200]);
    let refused = get();
    let message = refused.error(429, "limited");
    assert!(message.starts_with("consumer \"ranker\" has used up its 1 requests a second; try again in "), "{message}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let read = |users: i64| {
        let entities = (0..users).map(|user| json!({"user_id": user})).collect::<serde_json::Value>();
        sidecar.tcp.post("/v1/latest", &json!({"features": ["stats:clicks"], "entities": entities}))
    };
    assert_eq!(read(8).status, 200);
    assert!(read(8).error(429, "limited").starts_with("view \"stats\" has used up its 1 rows a second"));
    assert_eq!(read(11).error(422, "invalid"), "view \"stats\" may ask for 10 rows at once; split the request: 11");
}

#[test]
fn requests_at_a_time_of_a_consumer_and_a_view_are_429_beyond_their_limit() {
    let limits = "[[consumer]]\nname = \"ranker\"\nrequests_in_flight_max = 1\n\
                  [[view]]\nname = \"clicks_by_shop\"\nrequests_in_flight_max = 1\n";
    let sidecar = Sidecar::with(limits, HttpOptions::default());
    let hold = Hold::of(&sidecar);
    let (target, ranker) = (sidecar.unix.clone(), [("X-Asof-Consumer", "ranker")]);
    let row = json!([stats_row(1, hours_ago(1), &json!(1))]).to_string();
    let held = std::thread::spawn(move || target.send("POST", "/v1/write/stats", &ranker, row.as_bytes()).status);
    wait_until(|| hold.holds.load(Ordering::SeqCst));
    let refused = sidecar.tcp.send("GET", "/v1/views", &ranker, b"");
    let message = "consumer \"ranker\" may have 1 requests at a time, and has them; try again";
    assert_eq!(refused.error(429, "limited"), message);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(sidecar.tcp.get("/v1/views").status, 200);
    hold.let_go();
    assert_eq!(held.join().unwrap(), 200);
    wait_until(|| sidecar.tcp.send("GET", "/v1/views", &ranker, b"").status == 200);
}

#[test]
fn bytes_of_answers_are_owed_by_the_next_request_and_429_says_for_how_long() {
    let limits = "[[consumer]]\nname = \"ranker\"\nanswered_bytes_per_second = 1\nanswered_bytes_burst = 100\n";
    let sidecar = Sidecar::with(limits, HttpOptions::default());
    let asked = json!({"features": ["stats"], "entities": [{"user_id": 1}, {"user_id": 2}]}).to_string();
    let get = || sidecar.tcp.send("POST", "/v1/latest", &[("X-Asof-Consumer", "ranker")], asked.as_bytes());
    let answered = get();
    assert_eq!(answered.status, 200);
    assert!(answered.body.len() > 200, "{}", answered.text());
    let refused = get();
    let message = refused.error(429, "limited");
    assert!(message.starts_with("consumer \"ranker\" has used up its 1 bytes of answers a second; "), "{message}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // What is defined is read all the same.
    assert_eq!(sidecar.tcp.send("GET", "/v1/views", &[("X-Asof-Consumer", "ranker")], b"").status, 200);
    let metrics = sidecar.tcp.get("/metrics");
    let line = format!(
        "asof_answered_bytes_total{{operation=\"latest\",consumer=\"ranker\",view=\"stats\"}} {}\n",
        answered.body.len()
    );
    assert!(metrics.text().contains(&line), "{line}: {}", metrics.text());
}

#[test]
fn limits_are_changed_by_an_operator_and_told_to_everybody() {
    let sidecar = Sidecar::start();
    let limits = "[[consumer]]\nname = \"ranker\"\nrequests_per_second = 1\nlatency_p99 = \"1ms\"\n";
    let put = |target: &super::client::Target, limits: &str| {
        target.send("PUT", "/v1/limits", &[], json!({ "limits": limits }).to_string().as_bytes())
    };
    let before = sidecar.tcp.get("/v1/limits").ok();
    assert_eq!((&before["limits"], &before["by"], &before["error"]), (&json!(""), &json!("start"), &json!(null)));
    assert!(put(&sidecar.tcp, limits).error(403, "denied").starts_with("changing the limits needs the role operator"));
    let set = put(&sidecar.unix, limits).ok();
    assert_eq!((&set["limits"], sidecar.tcp.get("/v1/limits").ok()), (&json!(limits), set.clone()));
    let bad = put(&sidecar.unix, "[default]\nrows_burst = 1\n").error(422, "invalid").to_owned();
    assert_eq!(bad, "limits:2:14: rows_burst says nothing without rows_per_second");
    assert_eq!(sidecar.tcp.get("/v1/limits").ok(), set);
    let ask = || sidecar.tcp.send("GET", "/v1/views", &[("X-Asof-Consumer", "ranker")], b"").status;
    assert_eq!([ask(), ask()], [200, 429]);
}

#[test]
fn settings_that_were_refused_are_told_by_health_and_metrics_and_are_no_reason_to_go_elsewhere() {
    let sidecar = Sidecar::start();
    let refused = |count: u8| format!("asof_settings_refused{{settings=\"limits\"}} {count}\n");
    assert!(sidecar.tcp.get("/metrics").text().contains(&refused(0)));
    sidecar.service.refuse_limits(&asofdb::Error::invalid("limits.toml:1:1: no"));
    let ready = sidecar.tcp.get("/readyz");
    let settings = "the file of limits was refused: limits.toml:1:1: no";
    assert_eq!(ready.ok(), json!({"status": "ready", "settings": settings}));
    assert!(sidecar.tcp.get("/metrics").text().contains(&refused(1)));
    assert_eq!(sidecar.tcp.get("/v1/limits").ok()["error"], "limits.toml:1:1: no");
    sidecar.unix.send("PUT", "/v1/limits", &[], b"{\"limits\": \"\"}").ok();
    assert_eq!(sidecar.tcp.get("/readyz").ok(), json!({"status": "ready"}));
}

#[test]
fn columns_of_a_request_are_bounded_and_not_compared_each_with_each() {
    let sidecar = Sidecar::start();
    let columns = |count: usize| (0..count).map(|n| format!("\"c{n}\":[1]")).collect::<Vec<_>>().join(",");
    let ask = |columns: &str| {
        let body = format!("{{\"features\": [\"stats:clicks\"], \"entities\": {{{columns}}}}}");
        sidecar.tcp.send("POST", "/get-online-features", &[], body.as_bytes()).feast_error(400, "FeastError")
    };
    let message = ask(&columns(200_000));
    assert!(message.contains("a request has at most 16384 columns"), "{message}");
    let message = ask(&format!("{},\"c3\":[1]", columns(16_000)));
    assert!(message.contains("column \"c3\" is given twice"), "{message}");
}

#[test]
fn a_list_where_an_object_was_expected_makes_no_tree() {
    let sidecar = Sidecar::start();
    let deep = format!("{{\"entity\": {{\"user_id\": [{}0]}}}}", "{\"a\":0},".repeat(1_000_000));
    let reply = sidecar.tcp.send("POST", "/v1/delete", &[], deep.as_bytes());
    assert_eq!(reply.status, 422, "{}", reply.text());
    let rows = format!("[{}0]", "[],".repeat(1_000_000));
    let reply = sidecar.tcp.send("POST", "/v1/write/stats", &[], rows.as_bytes());
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert!(reply.text().contains("row 0:"), "{}", reply.text());
}
