//! Life and measures of the sidecar.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use asofdb::{Span, Value};
use serde_json::json;

use super::client::{Reply, Stream, Target, wait_until};
use super::sidecar::Sidecar;
use crate::common::{NOW, hours_ago};

#[test]
fn readiness_follows_the_life_of_the_service_and_liveness_does_not() {
    let sidecar = Sidecar::start();
    assert_eq!(sidecar.tcp.get("/readyz").ok(), json!({"status": "ready"}));
    sidecar.service.start_draining();
    let reply = sidecar.tcp.get("/readyz");
    assert_eq!((reply.status, reply.json()), (503, json!({"status": "draining"})));
    assert_eq!(sidecar.tcp.get("/healthz").ok(), json!({"status": "alive"}));
}

#[test]
fn a_clock_that_jumps_is_told_by_readiness_and_metrics_and_is_forgotten_when_it_comes_back() {
    let sidecar = Sidecar::start();
    let gauges = |names: &[&str]| {
        let reply = sidecar.tcp.get("/metrics");
        let text = reply.text();
        let value = |name: &&str| {
            let line = text.lines().find(|line| line.starts_with(&format!("asof_clock_{name} ")));
            line.unwrap_or_else(|| panic!("{name} in {text}")).rsplit(' ').next().unwrap().to_owned()
        };
        names.iter().map(value).collect::<Vec<_>>()
    };
    let names = ["quarantined", "ahead_seconds", "behind_seconds", "stamp_runs_apart"];
    assert_eq!(gauges(&names), ["0", "0.0", "0.0", "0"]);
    sidecar.clock.clock.step(NOW.plus(Span::from_secs(86_400)));
    let ready = sidecar.tcp.get("/readyz").ok();
    assert_eq!(ready["status"], "ready");
    assert!(ready["clock"].as_str().unwrap().starts_with("the clock is 1d ahead"), "{ready}");
    assert_eq!(gauges(&names), ["1", "86400.0", "0.0", "0"]);
    sidecar.store.delete(&["stats"], &[("user_id", Value::Int64(1))], NOW).unwrap();
    sidecar.clock.clock.step(NOW.minus(Span::from_secs(7_200)));
    assert_eq!(gauges(&names), ["0", "0.0", "7200.0", "1"]);
    sidecar.clock.clock.step(NOW);
    assert_eq!(sidecar.tcp.get("/readyz").ok(), json!({"status": "ready"}));
}

#[test]
fn draining_finishes_what_is_in_flight_and_takes_nothing_new() {
    let mut sidecar = Sidecar::start();
    // A body that is large enough to be seen among the metrics while it is read.
    let mut body = br#"{"features":["stats:clicks"],"entities":[{"user_id":1}]}"#.to_vec();
    body.resize(20_000, b' ');
    let mut begun = begin_request(&sidecar, &body);
    let mut idle = sidecar.tcp.connect();
    wait_until(|| sidecar.unix.get("/metrics").text().contains("asof_connections{door=\"http\"} 3\n"));
    let target = sidecar.tcp.clone();
    let service = sidecar.service.clone();
    let drained = std::thread::spawn(move || sidecar.drain(Duration::from_secs(10)));
    wait_until(|| service.is_draining());
    begun.write_all(&body[10..]).unwrap();
    let reply = Reply::read(&mut *begun);
    assert_eq!(reply.ok()[0]["features"]["stats:clicks"]["status"], "missing");
    assert!(drained.join().unwrap());
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest);
    assert!(rest.is_empty());
    let Target::Tcp(address) = target else { unreachable!("it is TCP") };
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn draining_ends_in_a_bounded_time_and_says_that_something_was_cut_off() {
    let mut sidecar = Sidecar::start();
    let _begun = begin_request(&sidecar, &[b' '; 100_000]);
    assert!(!sidecar.drain(Duration::from_millis(200)));
}

/// Sends the beginning of a request and waits until its body is being read.
fn begin_request(sidecar: &Sidecar, body: &[u8]) -> Box<dyn Stream> {
    let mut stream = sidecar.tcp.connect();
    let head = format!("POST /v1/latest HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..10]).unwrap();
    // A body counts sixteen times: as what it becomes.
    let held = format!("asof_large_frames_bytes{{door=\"http\"}} {}\n", 16 * body.len());
    wait_until(|| sidecar.unix.get("/metrics").text().contains(&held));
    stream
}

#[test]
fn metrics_count_by_operation_consumer_and_view() {
    let sidecar = Sidecar::start();
    sidecar.write_stats(1, hours_ago(1), 1);
    let asked =
        json!({"features": ["stats:clicks", "clicks_by_shop:clicks"], "entities": [{"user_id": 1, "shop": "a"}]});
    let named = [("X-Asof-Consumer", "ranker")];
    for _ in 0..2 {
        sidecar.tcp.send("POST", "/v1/latest", &named, asked.to_string().as_bytes()).ok();
    }
    sidecar.tcp.post("/v1/latest", &json!({"features": ["nothing"], "entities": []})).error(404, "not_found");
    let reply = sidecar.tcp.get("/metrics");
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    // Connections of before are there until the door has noticed that they were closed.
    let mut text = String::new();
    wait_until(|| {
        text = sidecar.tcp.get("/metrics").text().to_owned();
        text.contains("asof_connections{door=\"http\"} 1\n")
    });
    for line in [
        "asof_requests_total{operation=\"write\",consumer=\"http\",view=\"stats\"} 1",
        "asof_rows_total{operation=\"write\",consumer=\"http\",view=\"stats\"} 1",
        "asof_requests_total{operation=\"latest\",consumer=\"ranker\",view=\"stats\"} 2",
        "asof_rows_total{operation=\"latest\",consumer=\"ranker\",view=\"clicks_by_shop\"} 2",
        "asof_errors_total{operation=\"latest\",consumer=\"http\",view=\"\",kind=\"not_found\"} 1",
        "asof_request_duration_seconds_count{operation=\"latest\",consumer=\"ranker\",view=\"stats\"} 2",
        "asof_request_duration_seconds_bucket{le=\"+Inf\",operation=\"latest\",consumer=\"ranker\",view=\"stats\"} 2",
        "# TYPE asof_request_duration_p99_seconds gauge",
        "# UNIT asof_store_disk_bytes bytes",
        "asof_connections{door=\"http\"} 1",
        "asof_connections{door=\"native\"} 0",
        "asof_requests_in_flight{door=\"http\"} 0",
        "asof_refused_total{door=\"http\",reason=\"access\"} 0",
        "asof_panics_total{door=\"http\"} 0",
        "asof_store_rows_total 1",
        "asof_view_freshness{view=\"stats\",status=\"fresh\"} 1",
        "asof_view_freshness{view=\"stats\",status=\"stale\"} 0",
        "asof_view_newest_event_age_seconds{view=\"stats\"} 3600.0",
        "asof_view_age_max_seconds{view=\"stats\"} 3600.0",
        "asof_view_stale_after_seconds{view=\"stats\"} 86400.0",
        "asof_view_entities{view=\"stats\"} 1.0",
        "asof_view_stale_share{view=\"stats\"} 0.0",
        "asof_ready 1",
        "asof_uptime_seconds 0.0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_panic_fails_its_request_only_and_is_counted() {
    let sidecar = Sidecar::start();
    let asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 1}]});
    sidecar.clock.hook(|| panic!("this test wants a panic"));
    let reply = sidecar.unix.post("/v1/as_of", &asked);
    assert_eq!(reply.error(500, "internal"), "the request ran into a bug of asofdb; the log of the sidecar says where");
    sidecar.clock.hook(|| ());
    assert_eq!(sidecar.unix.post("/v1/as_of", &asked).status, 200);
    let metrics = sidecar.unix.get("/metrics");
    for line in ["asof_panics_total{door=\"http\"} 1", "asof_requests_in_flight{door=\"http\"} 0"] {
        assert!(metrics.text().lines().any(|found| found == line), "{line} is not in\n{}", metrics.text());
    }
}
