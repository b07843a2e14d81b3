//! The catalog as pages: what they say, that their links lead somewhere, and that hostile definitions do nothing.

use std::collections::BTreeMap;
use std::fs;

use asofdb::{ErrorKind, parse_definitions};
use asofdb_platform::{DocFile, doc_files, write_docs};

use crate::common::in_memory;

const HOSTILE: &str =
    "</script><script>alert(1)</script> | <img src=x onerror=alert(2)> [a](javascript:alert(3)) `b` & \\\"c\\\"";

fn definitions() -> String {
    format!(
        r#"
[[entity]]
name = "user"
join_keys = [{{ name = "user_id", type = "int64" }}]
description = "A customer"
[[feature_view]]
name = "profile"
entities = ["user"]
ttl = "2h"
owner = "growth@example.org"
status = "deprecated"
replaced_by = "orders"
drop_after = "2031-01-31"
tags = {{ pii = "true" }}
description = "{HOSTILE}"
feature = [{{ name = "limit", type = "float64", default = 50.0, description = "{HOSTILE}" }}]
[[event_view]]
name = "orders"
entities = ["user"]
event_id = ["order_id"]
columns = [{{ name = "order_id", type = "int64" }}, {{ name = "paid", type = "float64" }}]
[[window_view]]
name = "spending"
from = "orders"
windows = ["24h"]
feature = [{{ name = "last", aggregate = "last_k", of = "paid", k = 2 }}, {{ name = "sum", aggregate = "sum", of = "paid" }}]
[[derived_view]]
name = "ratios"
request = [{{ name = "amount", type = "float64" }}]
feature = [{{ name = "of_limit", type = "float64", expression = "(amount + spending:sum_24h) / profile:limit" }}]
[[feature_service]]
name = "ranker_v1"
owner = "models@example.org"
features = ["ratios:of_limit", "profile:*"]
"#
    )
}

/// The pages by their path.
fn pages() -> BTreeMap<String, String> {
    let store = in_memory(&parse_definitions(&definitions(), "docs.toml").unwrap());
    doc_files(&store.catalog()).unwrap().into_iter().map(|DocFile { path, text }| (path, text)).collect()
}

/// The values of an attribute, or what stands between two marks.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Vec<&'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(value, _)| value).collect()
}

/// The path of a link of a page.
fn target(page: &str, link: &str) -> String {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    match (link.strip_prefix("../"), folder) {
        (Some(link), _) => link.to_owned(),
        (None, "") => link.to_owned(),
        (None, folder) => format!("{folder}/{link}"),
    }
}

#[test]
fn there_is_a_page_a_view_a_service_and_an_entity_in_both_forms() {
    let pages = pages();
    let names = [
        "entities/user",
        "index",
        "services/ranker_v1",
        "views/orders",
        "views/profile",
        "views/ratios",
        "views/spending",
    ];
    let mut expected: Vec<_> = names.iter().flat_map(|name| [format!("{name}.html"), format!("{name}.md")]).collect();
    expected.extend(["catalog.js", "search.js", "style.css"].map(String::from));
    expected.sort();
    assert_eq!(pages.keys().cloned().collect::<Vec<_>>(), expected);
    let profile = &pages["views/profile.md"];
    for part in [
        "# profile\n\nfeature view\n",
        "- stage: deprecated\n- replaced by: [orders](../views/orders.md)\n- may be dropped from: 2031-01-31 on\n",
        "- owner: growth\\@example.org\n",
        "- entities: [user](../entities/user.md)\n",
        "- ttl: 2h\n",
        "- tags: pii=true\n",
        "- services: [ranker\\_v1](../services/ranker_v1.md)\n",
        "- read by: [ratios](../views/ratios.md)\n",
        "| limit | float64 | 50.0 | stored | &lt;/script&gt;",
        "```sh\nasof get profile --entity user_id=1001\n```",
    ] {
        assert!(profile.contains(part), "{part}: {profile}");
    }
    let spending = &pages["views/spending.html"];
    assert!(spending.contains("last_k(k=2, distinct=false) of paid in orders over 24h"), "{spending}");
    assert!(pages["index.md"].contains("| 1 | deprecated | growth"), "{}", pages["index.md"]);
    assert!(pages["views/ratios.html"].contains("ratios:of_limit: float64, (amount"), "what it is computed from");
    assert!(!pages["views/ratios.md"].contains("How to read it"), "it takes a value of the request");
}

#[test]
fn every_link_leads_to_a_page_or_a_place_in_one() {
    let pages = pages();
    let mut count = 0;
    for (page, text) in pages.iter().filter(|(page, _)| !page.ends_with(".js")) {
        let links = match page.ends_with(".html") {
            true => [between(text, "href=\"", "\""), between(text, "src=\"", "\"")].concat(),
            false => between(text, "](", ")").into_iter().filter(|link| !link.starts_with("javascript:")).collect(),
        };
        for link in links {
            let target = target(page, link);
            assert!(pages.contains_key(&target), "{page}: {link}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
    for page in between(&pages["catalog.js"], "\"page\":\"", "\"") {
        let (page, place) = page.split_once('#').unwrap_or((page, ""));
        assert!(place.is_empty() || pages[page].contains(&format!("id=\"{place}\"")), "{page}#{place}");
    }
}

#[test]
fn hostile_definitions_are_text_and_pages_ask_nobody_for_anything() {
    let pages = pages();
    for (page, text) in &pages {
        assert!(!text.contains("http://") || page.ends_with(".md") || text.contains("http://127.0.0.1:6566"), "{page}");
        if !page.ends_with(".html") {
            continue;
        }
        let policy = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'";
        assert!(text.contains(&format!("content=\"{policy}\"")), "{page}");
        for script in between(text, "<script", ">") {
            assert!([" src=\"catalog.js\"", " src=\"search.js\""].contains(&script), "{page}: {script}");
        }
        for forbidden in ["<img", "onerror=alert(2)>", "<style", "style=\"", "href=\"javascript"] {
            assert!(!text.contains(forbidden), "{page}: {forbidden}");
        }
    }
    let profile = &pages["views/profile.html"];
    assert!(
        profile.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt; | &lt;img src=x onerror=alert(2)&gt;")
    );
    let markdown = &pages["views/profile.md"];
    assert!(
        markdown.contains("\\| &lt;img src=x onerror=alert(2)&gt; \\[a\\](javascript:alert(3)) \\`b\\` &amp;"),
        "{markdown}"
    );
}

#[test]
fn the_search_has_all_that_is_defined_by_its_words() {
    let pages = pages();
    let script =
        pages["catalog.js"].strip_prefix("\"use strict\";\nconst CATALOG = ").unwrap().strip_suffix(";\n").unwrap();
    let entries: Vec<serde_json::Value> = serde_json::from_str(script).unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry["entry"]["name"].as_str().unwrap()).collect();
    for name in ["user", "profile:limit", "orders:paid", "spending:sum_24h", "ratios", "ranker_v1"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let sum = entries.iter().find(|entry| entry["entry"]["name"] == "spending:sum_24h").unwrap();
    assert_eq!(sum["page"], "views/spending.html#sum_24h");
    assert_eq!(sum["entry"]["texts"][0], serde_json::json!([5.0, "sum 24 h"]));
}

#[test]
fn the_directory_appears_whole_and_never_over_another() {
    let store = in_memory(&parse_definitions(&definitions(), "docs.toml").unwrap());
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("catalog");
    assert_eq!(write_docs(&store.catalog(), &out).unwrap(), 17);
    assert_eq!(fs::read_to_string(out.join("views/profile.md")).unwrap(), pages()["views/profile.md"]);
    assert_eq!(write_docs(&store.catalog(), &out).unwrap_err().kind(), ErrorKind::Conflict);
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["catalog"], "nothing is left beside it");
}
