//! The entity explorer: what is known of one entity now, then and side by side, and its versions.

use asofdb::{Span, Timestamp, UsagePeriod};
use serde_json::json;

use super::pages::page;
use super::sidecar::{Sidecar, stats_row};
use crate::common::NOW;

/// The present of these tests, to which the clock goes from [`NOW`] on.
const END: Timestamp = NOW.plus(Span::from_secs(29 * 3_600));

fn ago(hours: i64) -> Timestamp {
    END.minus(Span::from_secs(hours * 3_600))
}

/// A sidecar in which user 1 had 5 clicks thirty hours ago and 7 two hours ago; each was known an hour later.
fn with_versions() -> Sidecar {
    let sidecar = Sidecar::start();
    sidecar.write_stats(1, ago(30), 5);
    sidecar.clock.clock.set(ago(1));
    sidecar.write_stats(1, ago(2), 7);
    sidecar.clock.clock.set(END);
    sidecar
}

fn explore(sidecar: &Sidecar, rest: &str) -> String {
    page(&sidecar.tcp.get(&format!("/explore?by=user_id&key.user_id=1{rest}"))).to_owned()
}

/// The cells of a feature's row in the table of values, without markup, between bars.
#[track_caller]
fn row(text: &str, feature: &str) -> String {
    let (_, rest) = text.split_once(&format!("#{feature}\">")).unwrap_or_else(|| panic!("{feature}: {text}"));
    let (row, _) = rest.split_once("</tr>").unwrap();
    let mut cells = String::new();
    let mut is_markup = false;
    for letter in row.replace("</td>", "|").replace("</th>", "|").chars() {
        match letter {
            '<' => is_markup = true,
            '>' => is_markup = false,
            letter if !is_markup => cells.push(letter),
            _ => {}
        }
    }
    cells
}

#[test]
fn the_explorer_shows_latest_values_with_statuses_and_ages() {
    let sidecar = with_versions();
    let text = explore(&sidecar, "");
    assert_eq!(row(&text, "clicks"), format!("stats:clicks|7|present|{} 2h old|", ago(2)));
    assert_eq!(row(&text, "name"), format!("stats:name|Zoë &quot;Z&quot;|present|{} 2h old|", ago(2)));
    assert_eq!(row(&text, "embedding").split('|').nth(1), Some("[0.1,&quot;NaN&quot;,&quot;-Infinity&quot;]"));
    assert_eq!(row(&text, "n_1h"), "spending:n_1h|no value|missing||");
    assert!(text.contains("<a href=\"/views/offer\">offer</a>: takes values of a request: amount"), "{text}");
    let missing = page(&sidecar.tcp.get("/explore?by=user_id&key.user_id=2&view=stats")).to_owned();
    assert_eq!(row(&missing, "clicks"), "stats:clicks|no value|missing||");
    assert_eq!(row(&missing, "rate"), "stats:rate|0.5 the default|missing||");
    assert!(missing.contains("No view has a row or an event of this entity."), "{missing}");
}

#[test]
fn the_explorer_answers_as_of_a_time_and_with_what_was_known_by_then() {
    let sidecar = with_versions();
    let text = explore(&sidecar, &format!("&view=stats&at={}", ago(25)));
    assert_eq!(row(&text, "clicks"), format!("stats:clicks|5|present|{} 5h old|", ago(30)));
    let text = explore(&sidecar, &format!("&view=stats&known_at={}", ago(2)));
    assert_eq!(row(&text, "clicks"), format!("stats:clicks|no value|expired|{} 1d 6h old|", ago(30)));
    let text = explore(&sidecar, "&at=yesterday");
    assert!(text.contains("<p class=\"refusal\" role=\"alert\">as of: "), "{text}");
    assert!(text.contains("value=\"yesterday\""), "what was typed stays: {text}");
}

#[test]
fn two_moments_stand_side_by_side_and_what_differs_says_so() {
    let sidecar = with_versions();
    let text = explore(&sidecar, &format!("&view=stats&at=now&then={}", ago(25)));
    let expected = format!("stats:clicks|differ|7|present|{} 2h old|5|present|{} 5h old|", ago(2), ago(30));
    assert_eq!(row(&text, "clicks"), expected);
    assert!(row(&text, "level").starts_with("stats:level|same|-7|"), "{text}");
    assert!(text.contains(">A</text>") && text.contains(">B</text>"), "{text}");
}

#[test]
fn the_time_line_has_each_version_by_its_event_and_created_time() {
    let sidecar = with_versions();
    let text = explore(&sidecar, "&view=stats");
    let label = format!("aria-label=\"Time line of 2 versions from {} to {END}\"", ago(30));
    assert!(text.contains(&label), "{text}");
    let title = format!("<title>event {}, created {}</title>", ago(2), ago(1));
    assert!(text.contains(&title), "{text}");
    // Thirty hours are 876 units wide, from 12 on: the event is at 28 hours of them, its creation at 29.
    assert!(text.contains("<line x1=\"829.6\" y1=\"64\" x2=\"858.8\" y2=\"90\"></line>"), "{text}");
    assert_eq!(text.matches("class=\"seen\"").count(), 1, "what A sees: {text}");
    let as_of = format!("/explore?by=user_id&amp;key.user_id=1&amp;view=stats&amp;at={}", ago(2));
    assert!(text.contains(&as_of.replace(':', "%3A")), "a version leads to its time: {text}");
    sidecar.tcp.post("/v1/delete", &json!({"entity": {"user_id": 1}, "view": "stats", "at": ago(0).to_string()})).ok();
    let text = explore(&sidecar, "&view=stats");
    assert!(text.contains("<g class=\"version deleted\">") && text.contains(", deleted</title>"), "{text}");
}

#[test]
fn the_explorer_asks_for_every_join_key_and_reads_hostile_values_as_text() {
    let sidecar = Sidecar::start();
    let choice = page(&sidecar.tcp.get("/explore")).to_owned();
    assert!(choice.contains("<a href=\"/explore?by=user_id%2Cshop\">user_id,shop</a>"), "{choice}");
    let form = page(&sidecar.tcp.get("/explore?by=user_id%2Cshop")).to_owned();
    assert!(form.contains("name=\"key.user_id\"") && form.contains("name=\"key.shop\""), "{form}");
    let hostile = "%3Cscript%3Ealert(1)%3C/script%3E\"onfocus=alert(2)".replace('"', "%22");
    let text = page(&sidecar.tcp.get(&format!("/explore?by=user_id&key.user_id={hostile}"))).to_owned();
    assert!(text.contains("join key &quot;user_id&quot;"), "{text}");
    assert!(!text.contains("\"onfocus"), "{text}");
    let mut row = stats_row(1, NOW, &json!(1));
    row["name"] = json!("<img src=x onerror=alert(1)>");
    sidecar.tcp.post("/v1/write/stats", &json!([row])).ok();
    let text = explore(&sidecar, "");
    assert!(text.contains("&lt;img src=x onerror=alert(1)&gt;"), "{text}");
    let text = page(&sidecar.tcp.get("/explore?by=nothing&key.nothing=1")).to_owned();
    assert!(text.contains("no view is read by &quot;nothing&quot;; there are user_id,shop and user_id"), "{text}");
}

#[test]
fn what_the_explorer_shows_is_no_read_of_a_consumer_and_keeps_limits() {
    let sidecar = with_versions();
    explore(&sidecar, "");
    let period = UsagePeriod { last_days: 30, by_day: false };
    assert_eq!(sidecar.store.usage(period).unwrap(), []);
    assert_eq!(sidecar.store.answers(), []);
    let limits = "[[view]]\nname = \"stats\"\nrows_per_second = 1\nrows_burst = 150\n";
    let limited = Sidecar::with(limits, asofdb_sidecar::HttpOptions::default());
    explore(&limited, "&view=stats");
    let reply = limited.tcp.get("/explore?by=user_id&key.user_id=1&view=stats");
    explore_is_limited(&reply);
}

#[track_caller]
fn explore_is_limited(reply: &super::client::Reply) {
    // The first look has taken one row and a hundred versions of a hundred and fifty, and one comes back a second.
    assert_eq!(reply.status, 429);
    assert!(reply.text().contains("view &quot;stats&quot; has used up its 1 rows a second"), "{}", reply.text());
}
