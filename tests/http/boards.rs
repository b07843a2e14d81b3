//! Pages of figures: freshness, consumers and answers.

use asofdb::{Span, parse_definitions};
use asofdb_sidecar::HttpOptions;
use serde_json::json;

use super::pages::page;
use super::sidecar::{DEFINITIONS, Sidecar};
use crate::common::{NOW, hours_ago};

/// Asks as a consumer for a feature of a user.
fn read(sidecar: &Sidecar, user: i64) {
    let body = json!({"features": ["stats:clicks", "stats:rate"], "entities": [{"user_id": user}]}).to_string();
    sidecar.tcp.send("POST", "/v1/latest", &[("X-Asof-Consumer", "ranker")], body.as_bytes()).ok();
}

#[test]
fn the_freshness_board_shows_stale_views_first() {
    let sidecar = Sidecar::start();
    let promised = DEFINITIONS.replace(
        "name = \"stats\"\n",
        "name = \"stats\"\nfreshness = { warn = \"1h\", stale = \"3h\", stale_share_max = 0.25 }\n",
    );
    sidecar.store.apply(&parse_definitions(&promised, "test.toml").unwrap(), false).unwrap();
    sidecar.write_stats(1, hours_ago(5), 7);
    let purchase = json!({"user_id": 1, "event_timestamp": NOW.to_string(), "order_id": 1, "shop": "a", "price": 1.0});
    sidecar.tcp.post("/v1/write/purchases", &json!([purchase])).ok();
    let text = page(&sidecar.tcp.get("/freshness")).to_owned();
    let stats = "<tr id=\"stats\"><th scope=\"row\"><a href=\"/views/stats\">stats</a></th>\
                 <td><span class=\"badge stale\">stale</span></td><td></td><td>5h ago</td><td>3h</td>\
                 <td>100.0 % <small>of at most 25.0 %</small></td><td>5h</td><td>5h</td><td>5h</td><td>1</td>";
    assert!(text.contains(stats), "{text}");
    let place = |view| text.find(&format!("<tr id=\"{view}\">")).unwrap();
    assert!(place("stats") < place("purchases"), "{text}");
    assert!(text.contains("1 <span class=\"badge stale\">stale</span>"), "{text}");
    sidecar.write_stats(1, NOW, 8);
    let text = page(&sidecar.tcp.get("/freshness")).to_owned();
    assert!(!text.contains("badge stale"), "{text}");
}

/// Lets two hours pass, with a look every minute.
fn look_for_two_hours(sidecar: &Sidecar) {
    for minute in 0..=120 {
        sidecar.clock.clock.set(NOW.plus(Span::from_secs(minute * 60)));
        sidecar.service.look_at_freshness().unwrap();
    }
}

#[test]
fn freshness_over_time_is_on_the_board_on_the_page_of_the_view_and_over_http() {
    let sidecar = Sidecar::start();
    let promised = DEFINITIONS.replace("name = \"stats\"\n", "name = \"stats\"\nfreshness = { stale = \"1h\" }\n");
    sidecar.store.apply(&parse_definitions(&promised, "test.toml").unwrap(), false).unwrap();
    sidecar.write_stats(1, NOW, 7);
    assert!(!page(&sidecar.tcp.get("/views/stats")).contains("<figure"), "nothing is known of the past yet");
    look_for_two_hours(&sidecar);
    // An age is that of the beginning of its minute: 61 looks are within the hour.
    let words = "Of 2h in the last day: fresh for 1h 1m, stale for 59m";
    let text = page(&sidecar.tcp.get("/views/stats")).to_owned();
    for part in [
        format!("<figcaption class=\"hint\">{words}</figcaption>"),
        "aria-label=\"Age of the newest event through the last day, 2h at most\"".to_owned(),
        "<rect class=\"fresh\" x=\"825\" y=\"136\" width=\"38.1\" height=\"10\">".to_owned(),
        "<title>stale from 2024-06-01T01:01:00Z to 2024-06-01T02:00:00Z</title>".to_owned(),
        "<line class=\"limit stale\" x1=\"0\" y1=\"76\" x2=\"900\" y2=\"76\">".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    let board = page(&sidecar.tcp.get("/freshness")).to_owned();
    assert!(board.contains(&format!("role=\"img\" aria-label=\"{words}\"")), "{board}");
    let points = sidecar.tcp.get("/v1/freshness/stats/history").ok();
    let point = |at: usize| (points[at]["status"].clone(), points[at]["age_seconds"].clone());
    assert_eq!(points.as_array().unwrap().len(), 121);
    assert_eq!([point(60), point(61)], [(json!("fresh"), json!(3600)), (json!("stale"), json!(3660))]);
    assert_eq!(points[61]["share_over_stale"], json!(1.0));
    let events = sidecar.tcp.get("/v1/freshness/spending/history").ok();
    assert_eq!(events[0]["status"], json!("no_data"), "windows are as fresh as their events");
    sidecar.tcp.get("/v1/freshness/none/history").error(404, "not_found");
}

#[test]
fn the_page_of_consumers_has_usage_errors_rates_and_limits() {
    let limits = "[default]\nrows_per_second = 1_000_000\n[[consumer]]\nname = \"ranker\"\nrequests_per_second = 2_000\n\
                  requests_burst = 4_000\nrequests_in_flight_max = 16\nlatency_p99 = \"2ms\"\n";
    let sidecar = Sidecar::with(limits, HttpOptions::default());
    sidecar.write_stats(1, hours_ago(1), 7);
    read(&sidecar, 1);
    read(&sidecar, 2);
    let wrong = sidecar.tcp.send("GET", "/v1/history/stats?user_id=x", &[("X-Asof-Consumer", "ranker")], b"");
    assert_eq!(wrong.status, 422);
    sidecar.clock.clock.set(NOW.plus(Span::from_secs(4)));
    let text = page(&sidecar.tcp.get("/consumers")).to_owned();
    let space = '\u{202f}';
    for part in [
        format!("<th scope=\"row\">ranker</th><td>2{space}000 a second, 4{space}000 at once</td><td>no limit</td>\
                 <td>no limit</td><td>no limit</td><td>16</td><td>2.0ms</td>"),
        format!("<em>any other</em></th><td>no limit</td><td>1{space}000{space}000 a second"),
        "<th scope=\"row\">ranker</th><td>latest</td><td><a href=\"/views/stats\">stats</a></td><td>2</td><td>0.50</td>\
         <td>2</td><td></td>"
            .to_owned(),
        "<th scope=\"row\">ranker</th><td>history</td><td></td><td>1</td><td>0.25</td><td>0</td><td>1 invalid</td>"
            .to_owned(),
        "data-from=\"/consumers/usage\"".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    let usage = page(&sidecar.tcp.get("/consumers/usage")).to_owned();
    let read = "<th scope=\"row\">ranker</th><td><a href=\"/views/stats\">stats</a> <small>view</small></td>\
                <td>2</td><td>2</td><td>0</td><td>0</td>";
    assert!(usage.contains(read), "{usage}");
}

#[test]
fn the_page_of_answers_has_shares_by_status_and_period() {
    let sidecar = Sidecar::start();
    sidecar.write_stats(1, hours_ago(1), 7);
    sidecar.write_stats(2, hours_ago(30), 7);
    for user in [1, 1, 2, 3] {
        read(&sidecar, user);
    }
    let text = page(&sidecar.tcp.get("/answers?view=stats")).to_owned();
    let clicks = "stats:clicks</a></th><td>ranker</td><td>4</td><td>50.0 %</td><td>0.0 %</td><td>25.0 %</td>\
                  <td>25.0 %</td><td>0.0 %</td>";
    assert!(text.contains(clicks), "{text}");
    let rate = "stats:rate</a></th><td>ranker</td><td>4</td><td>50.0 %</td><td>0.0 %</td><td>25.0 %</td>\
                <td>25.0 %</td><td>50.0 %</td>";
    assert!(text.contains(rate), "{text}");
    assert!(text.contains("<rect class=\"expired\" x=\"120\" y=\"0\" width=\"40\" height=\"12\">"), "{text}");
    let none = page(&sidecar.tcp.get("/answers?view=purchases&over=1d")).to_owned();
    assert!(none.contains("Nobody has read anything in this period."), "{none}");
    assert!(none.contains("<a href=\"/answers?over=1d&amp;view=purchases\" aria-current=\"true\">1d</a>"), "{none}");
    assert_eq!(sidecar.tcp.get("/answers?over=2h").status, 422);
    assert_eq!(sidecar.tcp.get("/answers?view=nothing").status, 404);
}

#[test]
fn the_board_of_feeds_shows_what_fails_and_its_last_runs() {
    let sidecar = Sidecar::start();
    assert!(page(&sidecar.tcp.get("/feeds")).contains("No view says where it is fed from"));
    sidecar.feed_clicks();
    let board = || page(&sidecar.tcp.get("/feeds")).to_owned();
    let text = board();
    let row = "<tr id=\"clicks_by_shop\"><th scope=\"row\"><a href=\"/views/clicks_by_shop\">clicks_by_shop</a></th>\
               <td><span class=\"badge never_ran\">never ran</span></td><td><code>clicks.csv</code></td>\
               <td>when somebody asks</td><td></td><td></td></tr>";
    assert!(text.contains(row), "{text}");
    sidecar.unix.send("POST", "/v1/materialize", &[], &[]).ok();
    let text = board();
    assert!(text.contains("<span class=\"badge ok\">ok</span>") && text.contains("<td>0s ago</td><td></td>"), "{text}");
    assert!(text.contains("clicks_by_shop: 1 run<"), "{text}");
    std::fs::write(sidecar.source(), "user_id,shop,at,known,clicks\n5,a,2024-01-01T00:00:00Z,,<b>\n").unwrap();
    sidecar.unix.send("POST", "/v1/materialize", &[], &[]).ok();
    let text = board();
    assert!(text.contains("<span class=\"badge failing\">failing</span>"), "{text}");
    assert!(text.contains("&lt;b&gt;") && !text.contains("<b>"), "an error is text: {text}");
}
