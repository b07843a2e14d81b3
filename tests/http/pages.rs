//! Pages for people: what they show, who may see them, and that what stands in definitions does nothing there.

use asofdb::{UsagePeriod, parse_definitions};
use asofdb_sidecar::{HttpOptions, HttpToken};
use serde_json::json;

use super::client::Reply;
use super::sidecar::{DEFINITIONS, Sidecar};
use crate::common::hours_ago;

const TOKEN: &str = "c2VjcmV0;c2VjcmV0+c2V=\\%41";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HOSTILE: &str =
    "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\\\" onfocus=alert(3) x=\\\"";

/// The text of a page that must be good, and as strict as pages are.
#[track_caller]
pub fn page(reply: &Reply) -> &str {
    assert_eq!(reply.status, 200, "{}", reply.text());
    strict(reply)
}

#[track_caller]
fn strict(reply: &Reply) -> &str {
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.header("content-security-policy"), Some(POLICY));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let text = reply.text();
    assert_eq!(text.matches("<script").count(), 1, "{text}");
    assert!(text.contains("<script src=\"/pages.js\" defer></script>"), "{text}");
    for forbidden in ["<style", "style=\"", "<img", "javascript:", "https://", "<iframe"] {
        assert!(!text.contains(forbidden), "{forbidden}: {text}");
    }
    text
}

fn with_token() -> Sidecar {
    let token = Some(HttpToken::new(TOKEN).unwrap());
    Sidecar::with("", HttpOptions { token, ..HttpOptions::default() })
}

fn form(token: &str, to: &str) -> Vec<u8> {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    format!("token={}&to={}", encoded(token), encoded(to)).into_bytes()
}

fn host(sidecar: &Sidecar) -> String {
    match &sidecar.tcp {
        super::client::Target::Tcp(address) => address.to_string(),
        super::client::Target::Unix(_) => unreachable!("it is over TCP"),
    }
}

#[test]
fn the_catalog_page_lists_all_that_is_defined_and_narrows_a_search_by_facets() {
    let sidecar = Sidecar::start();
    let reply = sidecar.tcp.get("/");
    let all = page(&reply);
    for link in ["/views/stats", "/views/purchases", "/views/offer", "/services/ranker_v1", "/entities/user"] {
        assert!(all.contains(&format!("<a href=\"{link}\">")), "{link}: {all}");
    }
    let reply = sidecar.tcp.get("/?q=clicks");
    let found = page(&reply);
    assert!(found.contains("<a href=\"/views/stats#clicks\">stats:clicks</a>"), "{found}");
    assert!(found.contains("<a href=\"/?q=clicks+type%3Aint64\">int64</a>"), "{found}");
    assert!(found.contains("value=\"clicks\""), "{found}");
    let reply = sidecar.tcp.get("/?q=clicks+type%3Aint64+view%3Astats");
    let narrowed = page(&reply);
    assert!(narrowed.contains("1 hit") && !narrowed.contains("clicks_by_shop:clicks"), "{narrowed}");
    let chosen = "<a href=\"/?q=clicks+view%3Astats\" aria-current=\"true\">int64</a>";
    assert!(narrowed.contains(chosen), "{narrowed}");
    assert!(
        narrowed.contains("<a href=\"/?q=clicks+type%3Aint64+view%3Astats+status%3Astale\">stale</a>"),
        "{narrowed}"
    );
    let reply = sidecar.tcp.get("/?q=taem%3Ax");
    assert!(page(&reply).contains("there is no filter &quot;taem&quot;"), "{}", reply.text());
    assert!(page(&sidecar.unix.get("/")).contains("/views/stats"));
}

#[test]
fn the_page_of_a_view_has_schema_freshness_lineage_snippets_and_stage() {
    let sidecar = Sidecar::start();
    let staged = DEFINITIONS.replace(
        "ttl = \"1d\"\n",
        "ttl = \"1d\"\nstatus = \"deprecated\"\nreplaced_by = \"clicks_by_shop\"\ndrop_after = \"2031-01-31\"\n",
    );
    sidecar.store.apply(&parse_definitions(&staged, "test.toml").unwrap(), false).unwrap();
    sidecar.write_stats(1, hours_ago(2), 7);
    let reply = sidecar.tcp.get("/views/stats");
    let stats = page(&reply);
    for part in [
        "this view is deprecated; use &quot;clicks_by_shop&quot;; it may be dropped from 2031-01-31 on",
        "<dt>stage</dt><dd>deprecated</dd>",
        "<dt>replaced by</dt><dd><a href=\"/views/clicks_by_shop\">clicks_by_shop</a></dd>",
        "<tr id=\"score\"><td>score</td><td>float32</td><td></td><td>stored</td><td>From 0 to 1</td></tr>",
        "<span class=\"badge fresh\">fresh</span>",
        "<dt>newest event</dt><dd>2h ago</dd>",
        "<a href=\"/services/ranker_v1\">",
        "data-from=\"/views/stats/usage\"",
        "data-from=\"/views/stats/duplicates\"",
        "asof get stats --entity user_id=1001",
        "feature_store.get_online_features(features=[&quot;stats:clicks&quot;",
    ] {
        assert!(stats.contains(part), "{part}: {stats}");
    }
    let reply = sidecar.tcp.get("/?q=status%3Adeprecated");
    assert!(page(&reply).contains("<span class=\"badge deprecated\">deprecated</span>"), "{}", reply.text());
    let reply = sidecar.tcp.get("/views/offer");
    let offer = page(&reply);
    assert!(offer.contains("offer:times_mean: float64, amount / spending:mean_24h"), "{offer}");
    assert!(!offer.contains("newest event"), "it has no events: {offer}");
    assert!(page(&sidecar.tcp.get("/services/ranker_v1")).contains("<a href=\"/views/stats\">"));
    assert!(page(&sidecar.tcp.get("/entities/user")).contains("user_id int64"));
}

#[test]
fn the_page_of_a_view_has_statistics_with_histograms_versions_and_changes() {
    let sidecar = Sidecar::start();
    let version = |number: u8, ty: &str| {
        format!(
            "[[feature_view]]\nname = \"age_v{number}\"\nentities = [\"user\"]\n\
             feature = [{{ name = \"age\", type = \"{ty}\" }}]\n"
        )
    };
    let both = format!("{}{}{DEFINITIONS}", version(1, "int32"), version(2, "float64"));
    sidecar.store.apply(&parse_definitions(&both, "test.toml").unwrap(), false).unwrap();
    assert!(page(&sidecar.tcp.get("/views/stats")).contains("<code>asof profile stats</code> takes them."));
    (1..=40).for_each(|user| sidecar.write_stats(user, hours_ago(2), user * user));
    sidecar.unix.send("POST", "/v1/profile?view=stats&all=true", &[], &[]).ok();
    let reply = sidecar.tcp.get("/views/stats");
    let stats = page(&reply);
    for part in [
        "Of the newest value of all 40 entities, as of <time",
        "<th scope=\"row\"><a href=\"#values-clicks\">clicks</a></th><td>40</td><td>0.0 %</td>",
        "<svg class=\"histogram\" viewBox=\"0 0 640 142\" role=\"img\" aria-labelledby=\"histogram-clicks-title\"",
        "<title id=\"histogram-clicks-title\">Histogram of the values of clicks</title>",
        "half of the numbers are at most 400",
        "<h2 id=\"the-changes\">Changes of its definition</h2>",
        "+ feature_view stats",
    ] {
        assert!(stats.contains(part), "{part}: {stats}");
    }
    assert!(!stats.contains("the-versions"), "there is one");
    let reply = sidecar.tcp.get("/views/age_v1");
    for part in [
        "<th scope=\"col\">age_v1</th><th scope=\"col\"><a href=\"/views/age_v2\">age_v2</a></th>",
        "<tr class=\"changed\"><th scope=\"row\">age</th><td>int32</td><td>float64</td></tr>",
    ] {
        assert!(page(&reply).contains(part), "{part}: {}", reply.text());
    }
    assert!(page(&sidecar.tcp.get("/views/purchases")).contains("<code>asof profile purchases</code> takes them."));
    sidecar.unix.send("POST", "/v1/profile?view=purchases", &[], &[]).ok();
    let reply = sidecar.tcp.get("/views/purchases");
    let purchases = page(&reply);
    assert!(purchases.contains("Of 0 events of all 0 entities, at most the newest 100 of each, as of "), "{purchases}");
}

#[test]
fn the_page_of_a_view_names_who_reads_it_and_a_look_at_pages_is_no_read() {
    let sidecar = Sidecar::start();
    sidecar.write_stats(1, hours_ago(2), 7);
    let body = json!({"features": ["stats:clicks"], "entities": [{"user_id": 1}]}).to_string();
    sidecar.tcp.send("POST", "/v1/latest", &[("X-Asof-Consumer", "ranker")], body.as_bytes()).ok();
    page(&sidecar.tcp.get("/views/stats"));
    let reply = sidecar.tcp.get("/views/stats/usage");
    let readers = page(&reply);
    assert!(readers.contains("<td>ranker</td><td>1</td><td>1</td><td>0</td><td>0</td>"), "{readers}");
    assert!(page(&sidecar.tcp.get("/services/ranker_v1/usage")).contains("Nobody in the last 30 days."));
    let period = UsagePeriod { last_days: 1, by_day: false };
    let consumers: Vec<_> = sidecar.store.usage(period).unwrap().into_iter().map(|row| row.key.consumer).collect();
    assert_eq!(consumers, ["ranker"]);
}

#[test]
fn the_page_of_likely_duplicates_links_to_both_features() {
    let sidecar = Sidecar::start();
    sidecar.write_copies();
    let reply = sidecar.tcp.get("/views/copied/duplicates");
    let found = page(&reply);
    let pair = "<a href=\"/views/copied#click_count\">copied:click_count</a> and \
                <a href=\"/views/stats#clicks\">stats:clicks</a></td><td>scaled</td>";
    assert!(found.contains(pair), "{found}");
}

#[test]
fn hostile_descriptions_are_text_on_every_page() {
    let sidecar = Sidecar::start();
    let hostile = DEFINITIONS.replace("From 0 to 1", HOSTILE).replace(
        "ttl = \"1d\"\n",
        &format!("ttl = \"1d\"\ndescription = \"{HOSTILE}\"\nowner = \"{HOSTILE}\"\nteam = \"a <b> 'c'\"\n"),
    );
    sidecar.store.apply(&parse_definitions(&hostile, "test.toml").unwrap(), false).unwrap();
    for address in ["/", "/?q=onerror", "/?q=%3Cscript%3Ealert(1)", "/views/stats", "/services/ranker_v1"] {
        let reply = sidecar.tcp.get(address);
        let text = page(&reply);
        assert!(text.contains("&lt;script&gt;alert(1)") || address.starts_with("/services"), "{address}: {text}");
    }
    let reply = sidecar.tcp.get("/views/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert_eq!(reply.status, 404);
    assert!(strict(&reply).contains("&lt;script&gt;alert(1)"), "{}", reply.text());
}

#[test]
fn pages_ask_for_the_token_and_a_log_in_keeps_it_for_pages_alone() {
    let sidecar = with_token();
    let host = host(&sidecar);
    let reply = sidecar.tcp.get("/views/stats?x=1");
    assert_eq!(reply.status, 401);
    assert!(strict(&reply).contains("<input type=\"hidden\" name=\"to\" value=\"/views/stats?x=1\">"));
    let origin = format!("http://{host}");
    let own = [("Host", host.as_str()), ("Origin", origin.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let wrong = sidecar.tcp.send("POST", "/login", &own, &form("wrong", "/views/stats"));
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    assert!(strict(&wrong).contains("This is not the token."));
    let right = sidecar.tcp.send("POST", "/login", &own, &form(TOKEN, "/views/stats"));
    assert_eq!((right.status, right.header("location")), (303, Some("/views/stats")));
    let set = right.header("set-cookie").unwrap();
    assert!(set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{set}");
    let cookie = set.split(';').next().unwrap();
    let with_cookie = |method, path, body: &[u8]| sidecar.tcp.send(method, path, &[("Cookie", cookie)], body);
    let reply = with_cookie("GET", "/views/stats", b"");
    assert!(page(&reply).contains("Log out"));
    for (method, path) in
        [("GET", "/v1/views"), ("POST", "/v1/latest"), ("POST", "/v1/write/stats"), ("GET", "/metrics")]
    {
        assert_eq!(with_cookie(method, path, b"[]").status, 401, "{path}");
    }
    assert_eq!(sidecar.tcp.send("GET", "/", &[("Cookie", "asof_token=x")], b"").status, 401);
    let out = sidecar.tcp.send("POST", "/logout", &own, b"");
    assert!(out.header("set-cookie").unwrap().starts_with("asof_token=; Path=/; Max-Age=0;"), "{out:?}");
    let bearer = format!("Bearer {TOKEN}");
    assert!(!page(&sidecar.tcp.send("GET", "/", &[("Authorization", &bearer)], b"")).contains("Log out"));
    let elsewhere = sidecar.tcp.send("POST", "/login", &own, &form(TOKEN, "//evil.example/"));
    assert_eq!(elsewhere.header("location"), Some("/"));
}

#[test]
fn other_sites_open_no_page_and_log_nobody_in() {
    let sidecar = with_token();
    let own = host(&sidecar);
    let evil = [("Host", own.as_str()), ("Origin", "http://evil.example")];
    assert_eq!(sidecar.tcp.send("POST", "/login", &evil, &form(TOKEN, "/")).status, 403);
    let null = [("Host", own.as_str()), ("Origin", "null")];
    assert_eq!(sidecar.tcp.send("POST", "/login", &null, &form(TOKEN, "/")).status, 403);
    let sidecar = Sidecar::start();
    let origin = format!("http://{}", host(&sidecar));
    let writes = [("Host", own.as_str()), ("Origin", origin.as_str())];
    assert_eq!(sidecar.tcp.send("POST", "/v1/write/stats", &writes, b"[]").status, 403, "no page of ours writes");
    let reply = sidecar.tcp.send("GET", "/views/stats", &[("Sec-Fetch-Site", "cross-site")], b"");
    assert_eq!(reply.status, 403);
    assert!(strict(&reply).contains("<a href=\"/views/stats\">Open the page from here</a>"), "{}", reply.text());
    let reply = sidecar.tcp.send("GET", "/", &[("Host", "evil.example")], b"");
    assert_eq!(reply.status, 403, "a name of another's that leads here");
    assert_eq!(sidecar.tcp.get("/login").header("location"), Some("/"), "without a token nobody logs in");
}

#[test]
fn what_pages_load_is_open_and_pages_take_no_other_method() {
    let sidecar = with_token();
    for (path, ty) in [("/style.css", "text/css"), ("/pages.js", "text/javascript"), ("/icon.svg", "image/svg+xml")] {
        let reply = sidecar.tcp.get(path);
        assert_eq!((reply.status, reply.header("content-type").unwrap().starts_with(ty)), (200, true), "{path}");
    }
    let sidecar = Sidecar::start();
    assert_eq!(sidecar.tcp.post("/views/stats", &json!({})).status, 405);
    assert_eq!(
        sidecar.tcp.get("/nothing").error(404, "not_found"),
        "there is no route GET /nothing; GET /openapi.json has all"
    );
}

#[test]
fn pages_keep_the_limits_of_their_consumer() {
    let limits = "[[consumer]]\nname = \"http\"\nrequests_per_second = 1\n";
    let sidecar = Sidecar::with(limits, HttpOptions::default());
    page(&sidecar.tcp.get("/"));
    let reply = sidecar.tcp.get("/");
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
    assert!(strict(&reply).contains("consumer &quot;http&quot; has used up its 1 requests a second"));
}
