//! Changes of what is defined and alerts, as pages and over HTTP: who, when, what and why.

use asofdb::{ApplyOptions, Session, Span, parse_definitions};
use serde_json::json;
use tempfile::TempDir;

use super::alerts::alerts;
use super::client::wait_until;
use super::pages::page;
use super::sidecar::{DEFINITIONS, Sidecar};
use crate::common::NOW;
use crate::sidecar::receiver::{Manner, Receiver};

const HOSTILE: &str = "Two days & <script>alert(1)</script>";

/// A sidecar in which an hour later the ttl of `stats` was made two days.
fn changed() -> Sidecar {
    let sidecar = Sidecar::start();
    sidecar.clock.clock.set(NOW.plus(Span::from_secs(3_600)));
    let longer = DEFINITIONS.replace("ttl = \"1d\"", "ttl = \"2d\"");
    let options = ApplyOptions { message: HOSTILE.to_owned(), ..ApplyOptions::default() };
    sidecar.store.apply_with(&parse_definitions(&longer, "test.toml").unwrap(), &options).unwrap();
    sidecar
}

#[test]
fn the_page_of_changes_says_who_changed_what_when_and_why() {
    let sidecar = changed();
    let text = page(&sidecar.tcp.get("/changes")).to_owned();
    let (newest, first) = text.split_once("<li id=\"r1\">").unwrap();
    for part in [
        "<li id=\"r2\"><p class=\"kind\"><time datetime=\"2024-06-01T01:00:00Z\">",
        "</time> by <strong>uid:",
        "<p class=\"message\">Two days &amp; &lt;script&gt;alert(1)&lt;/script&gt;</p>",
        "<span class=\"badge change\">change</span></td><td>feature view</td><th scope=\"row\">\
         <a href=\"/views/stats\">stats</a></th><td>ttl <del>1d</del> → <ins>2d</ins></td>",
    ] {
        assert!(newest.contains(part), "{part}: {newest}");
    }
    assert!(first.contains("<span class=\"badge create\">create</span>"), "{first}");
    let of = |name: &str| page(&sidecar.tcp.get(&format!("/changes?name={name}"))).matches("<li id=").count();
    assert_eq!([of("stats"), of("purchases"), of("nothing")], [2, 1, 0]);
    assert!(page(&sidecar.tcp.get("/views/stats")).contains("data-from=\"/changes?name=stats\""));
    assert_eq!(sidecar.tcp.get("/changes?before=x").status, 400);
}

#[test]
fn changes_are_shown_twenty_at_a_time() {
    let sidecar = changed();
    for days in 3..=24 {
        let text = DEFINITIONS.replace("ttl = \"1d\"", &format!("ttl = \"{days}d\""));
        sidecar.store.apply(&parse_definitions(&text, "test.toml").unwrap(), false).unwrap();
    }
    let text = page(&sidecar.tcp.get("/changes?name=stats")).to_owned();
    assert_eq!((text.matches("<li id=").count(), text.contains("<li id=\"r5\">")), (20, true));
    assert!(text.contains("<a href=\"/changes?name=stats&amp;before=5\">Older changes</a>"), "{text}");
    let older = page(&sidecar.tcp.get("/changes?name=stats&before=5")).to_owned();
    assert_eq!((older.matches("<li id=").count(), older.contains("Older changes")), (4, false));
    let log = sidecar.tcp.get("/v1/log?before=3&limit=1").ok();
    assert_eq!((&log[0]["revision"], &log[0]["message"]), (&json!(2), &json!(HOSTILE)));
}

#[test]
fn two_moments_are_compared_over_http_and_on_the_page() {
    let sidecar = changed();
    let diff = |from: &str, to: &str| sidecar.tcp.get(&format!("/v1/diff?from={from}{to}"));
    let change = json!([{"change": "change", "what": "feature_view", "name": "stats", "details": ["ttl 1d -> 2d"]}]);
    let then = NOW.to_string();
    assert_eq!(diff(&then, "").ok(), change);
    assert_eq!(diff(&then, "&to=2024-06-01T00:30:00Z").ok(), json!([]));
    assert!(diff("x", "").error(422, "invalid").starts_with("\"from\": "));
    assert_eq!(sidecar.tcp.get("/v1/diff").status, 422);
    let compared = page(&sidecar.tcp.get(&format!("/changes?from={then}&to=now"))).to_owned();
    let (section, _) = compared.split_once("</section>").unwrap();
    assert!(section.contains("ttl <del>1d</del> → <ins>2d</ins>"), "{section}");
    let same = page(&sidecar.tcp.get(&format!("/changes?from={then}&to={then}"))).to_owned();
    assert!(same.contains("Nothing differs."), "{same}");
    let refused = page(&sidecar.tcp.get("/changes?from=%3Cb%3E")).to_owned();
    assert!(refused.contains("<p class=\"refusal\" role=\"alert\">from: ") && !refused.contains("<b>"), "{refused}");
}

#[test]
fn the_page_of_alerts_has_what_is_wrong_and_how_delivery_goes() {
    let (sidecar, receiver, state) = (Sidecar::start(), Receiver::start(Manner::Take), TempDir::new().unwrap());
    let board = || page(&sidecar.tcp.get("/alerts")).to_owned();
    sidecar.write_stats(1, NOW, 1);
    assert!(board().contains("This sidecar tells nobody what is wrong"), "{}", board());
    let _alerts = alerts(&sidecar, &receiver, &state);
    assert!(board().contains("Nothing is wrong."), "{}", board());
    sidecar.clock.clock.step(NOW.minus(Span::from_secs(7_200)));
    receiver.expect(&[("opened", "behind")]);
    wait_until(|| board().contains("<th scope=\"row\">hook</th><td>json</td><td>0</td><td>1</td><td>0</td>"));
    let text = board();
    for part in [
        "<td><span class=\"badge critical\">critical</span></td><th scope=\"row\">the store</th><td>clock</td>\
         <td><span class=\"badge behind\">behind</span></td><td>the clock is 2h behind the time",
        "<td>0s</td><td><time datetime=\"2024-05-31T22:00:00Z\">",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
