//! Pages in a real browser: headless Chromium, where there is one.

use std::path::PathBuf;

use asofdb::{Span, parse_definitions};
use asofdb_sidecar::{HttpOptions, HttpToken};
use serde_json::json;

use super::client::{Target, wait_until};
use super::sidecar::{DEFINITIONS, Sidecar, stats_row};
use super::venv::{browser_python, run_with};
use crate::common::{NOW, hours_ago};

const TOKEN: &str = "c2VjcmV0;c2VjcmV0+c2V=%41";

const HOSTILE: &str = "</script><script>document.title='hacked'</script><img src=x onerror=alert(2)>";

/// Chromium, or the reason why there is none.
fn chromium() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("ASOF_TEST_CHROMIUM") {
        return Ok(path.into());
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<_> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let mut paths = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = paths.find(|path| path.is_file());
    found.ok_or_else(|| format!("none of {} is there; ASOF_TEST_CHROMIUM names another", names.join(", ")))
}

/// A sidecar with a token, a stale view with statistics, a hostile description and hostile values, and one that is there twice.
fn prepared() -> Sidecar {
    let token = Some(HttpToken::new(TOKEN).unwrap());
    let sidecar = Sidecar::logging_with(HttpOptions { token, ..HttpOptions::default() });
    let definitions = DEFINITIONS.replace("From 0 to 1", HOSTILE).replace(
        "name = \"stats\"\n",
        &format!("name = \"stats\"\ndescription = \"{HOSTILE}\"\nfreshness = {{ stale = \"1h\" }}\n"),
    );
    sidecar.store.apply(&parse_definitions(&definitions, "test.toml").unwrap(), false).unwrap();
    let mut old = stats_row(1, hours_ago(20), &json!(5));
    old["name"] = json!(HOSTILE);
    let mut other = stats_row(2, hours_ago(3), &json!(9));
    other["name"] = json!(HOSTILE);
    let rows = json!([old, stats_row(1, hours_ago(2), &json!(7)), other]);
    sidecar.unix.post("/v1/write/stats", &rows).ok();
    sidecar.unix.send("POST", "/v1/profile?view=stats", &[], &[]).ok();
    let asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 1}]}).to_string();
    sidecar.unix.send("POST", "/v1/latest", &[("X-Asof-Consumer", "ranker")], asked.as_bytes()).ok();
    let longer = definitions.replace("ttl = \"1d\"", "ttl = \"2d\"");
    sidecar.unix.post("/v1/propose", &json!({"definitions": longer, "message": HOSTILE})).ok();
    let mut late = stats_row(2, hours_ago(1), &json!(8));
    late["name"] = json!(HOSTILE);
    sidecar.unix.post("/v1/write/stats", &json!([stats_row(2, hours_ago(2), &json!(7))])).ok();
    sidecar.unix.post("/v1/latest", &json!({"features": ["stats:name"], "entities": [{"user_id": 2}]})).ok();
    sidecar.unix.post("/v1/write/stats", &json!([late])).ok();
    let began = sidecar.unix.post("/v1/audit", &json!({})).ok();
    wait_until(|| sidecar.unix.get(&format!("/v1/audits/{}", began["audit"])).ok()["state"] == json!("done"));
    for minute in 0..=10 {
        sidecar.clock.clock.set(NOW.plus(Span::from_secs(60 * minute)));
        sidecar.service.look_at_freshness().unwrap();
    }
    sidecar.clock.clock.set(NOW);
    sidecar
}

#[test]
fn pages_work_in_a_browser_and_hostile_texts_do_nothing_there() {
    let (chromium, python) = match (chromium(), browser_python()) {
        (Ok(chromium), Ok(python)) => (chromium, python),
        (Err(reason), _) => return eprintln!("skipped: no Chromium: {reason}"),
        (_, Err(reason)) => return eprintln!("skipped: no Python that drives a browser: {reason}"),
    };
    let sidecar = prepared();
    let Target::Tcp(address) = sidecar.tcp else { unreachable!("it is over TCP") };
    let [then, now] = [hours_ago(10), hours_ago(0)].map(|time| time.to_string());
    let address = format!("http://{address}");
    run_with(python, "browser.py", &[&chromium.to_string_lossy(), &address, TOKEN, &then, &now]);
}
