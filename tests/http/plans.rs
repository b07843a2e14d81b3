//! Plans, approvals and changes of definitions over HTTP, and the page of plans.

use std::os::unix::process::CommandExt;
use std::process::Command;

use asofdb::{Actor, Session, parse_definitions, policy_plan_hash};
use asofdb_sidecar::{Access, HttpOptions};
use serde_json::{Value as Json, json};

use super::client::Target;
use super::pages::page;
use super::sidecar::{DEFINITIONS, Sidecar};

/// The definitions with a ttl of two days, and without the service.
fn changed() -> String {
    let (text, _) = DEFINITIONS.split_once("[[feature_service]]").unwrap();
    text.replace("ttl = \"1d\"", "ttl = \"2d\"")
}

fn other() -> Actor {
    Actor { name: "uid:77".to_owned(), is_operator: true }
}

#[test]
fn a_plan_over_http_says_what_would_change_and_who_reads_it() {
    let sidecar = Sidecar::start();
    let asked = json!({"features": ["ranker_v1"], "entities": [{"user_id": 1, "shop": "a"}]}).to_string();
    sidecar.tcp.send("POST", "/v1/latest", &[("X-Asof-Consumer", "ranker")], asked.as_bytes()).ok();
    let planned = sidecar.tcp.post("/v1/plan", &json!({"definitions": changed()})).ok();
    assert_eq!((&planned["applied"], &planned["revision"]), (&json!(false), &json!(1)));
    assert_eq!(
        planned["changes"],
        json!([
            {"change": "change", "what": "feature_view", "name": "stats", "details": ["ttl 1d -> 2d"]},
            {"change": "drop", "what": "feature_service", "name": "ranker_v1", "details": []},
        ])
    );
    assert_eq!(planned["used"][0]["readers"][0]["consumer"], json!("ranker"));
    assert_eq!(planned["approval"], Json::Null, "the policy wants none");
    assert_eq!(sidecar.store.catalog().revision(), 1);
    let bad = sidecar.tcp.post("/v1/plan", &json!({"definitions": "[[entity]]\nnaem = 1"})).error(422, "invalid");
    assert!(bad.contains("definitions:2:1"), "{bad}");
    let nothing = sidecar.tcp.post("/v1/plan", &json!({"definitions": DEFINITIONS})).ok();
    assert_eq!(nothing["changes"], json!([]));
    assert_eq!(sidecar.tcp.post("/v1/plan", &json!({"definition": ""})).status, 400);
}

#[test]
fn definitions_are_applied_over_http_with_permissions_by_name_and_a_reason() {
    let sidecar = Sidecar::start();
    let asked = json!({"features": ["ranker_v1"], "entities": [{"user_id": 1, "shop": "a"}]}).to_string();
    sidecar.tcp.send("POST", "/v1/latest", &[("X-Asof-Consumer", "ranker")], asked.as_bytes()).ok();
    let apply = |more: Json| {
        let mut asked = json!({"definitions": changed()});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sidecar.unix.post("/v1/apply", &asked)
    };
    assert!(apply(json!({})).error(409, "conflict").contains("ranker_v1"));
    let used = apply(json!({"allow_drop": true})).error(409, "conflict");
    assert!(used.contains("feature_service ranker_v1 by ranker (1 calls"), "{used}");
    assert_eq!(apply(json!({"allow_drop": ["ranker_v1"], "revision": 7})).status, 409);
    let done = apply(json!({"allow_drop": ["ranker_v1"], "message": "Two days"})).ok();
    assert_eq!(
        (&done["applied"], &done["revision"], done["changes"].as_array().unwrap().len()),
        (&json!(true), &json!(2), 2)
    );
    let newest = &sidecar.store.catalog_log(None, 1).unwrap()[0].cause;
    assert_eq!((newest.who.as_str(), newest.message.as_str()), (Actor::of_process().name.as_str(), "Two days"));
    assert!(sidecar.store.catalog().service("ranker_v1").is_none());
    assert_eq!(apply(json!({"allow_drop": "ranker_v1"})).status, 400, "a permission is true, false, or names");
}

#[test]
fn over_tcp_nobody_is_known_and_nothing_is_applied_proposed_or_approved() {
    let sidecar = Sidecar::start();
    for (path, body) in [
        ("/v1/apply", json!({"definitions": changed(), "allow_drop": true})),
        ("/v1/propose", json!({"definitions": changed()})),
        ("/v1/approve", json!({"plan": "0".repeat(64)})),
    ] {
        let message = sidecar.tcp.post(path, &body).error(403, "denied");
        assert!(message.ends_with("unknown has neither"), "{message}");
    }
    let access = Access { read_only: true, ..Access::default() };
    let readers = Sidecar::with("", HttpOptions { access, ..HttpOptions::default() });
    let denied = readers.unix.post("/v1/apply", &json!({"definitions": changed()})).error(403, "denied");
    assert!(denied.contains("needs the role writer"), "{denied}");
    readers.unix.post("/v1/plan", &json!({"definitions": changed()})).ok();
    assert_eq!(sidecar.store.catalog().revision(), 1);
}

#[test]
fn a_plan_is_proposed_shown_approved_by_somebody_else_and_applied() {
    let sidecar = Sidecar::start();
    sidecar.store.apply_policy("approvals_min = 1\n", "").unwrap();
    assert!(page(&sidecar.tcp.get("/plans")).contains("No plan waits."));
    let hostile = "For <script>alert(1)</script>";
    let wanted = json!({"definitions": changed(), "message": hostile});
    let hash = sidecar.unix.post("/v1/propose", &wanted).ok()["plan"].as_str().unwrap().to_owned();
    let planned = sidecar.tcp.post("/v1/plan", &json!({"definitions": changed()})).ok();
    assert_eq!(planned["approval"], json!({"plan": hash, "needed": 1, "given": []}));
    assert_eq!(sidecar.unix.post("/v1/approve", &json!({"plan": hash})).ok()["plan"], json!(hash));
    let apply = || sidecar.unix.post("/v1/apply", &json!({"definitions": changed(), "allow_drop": true}));
    assert!(apply().error(409, "conflict").contains("it has 0"), "one's own approval does not count");
    let text = page(&sidecar.tcp.get("/plans")).to_owned();
    for part in [
        format!("<li id=\"p{hash}\">"),
        "<p class=\"message\">For &lt;script&gt;alert(1)&lt;/script&gt;</p>".to_owned(),
        "ttl <del>1d</del> → <ins>2d</ins>".to_owned(),
        format!("0 of 1 approval by others; approved by {} at ", Actor::of_process().name),
        format!("<code>asof approve {hash}</code>"),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    sidecar.store.approve_by(&other(), &hash).unwrap();
    sidecar.store.approve_by(&other(), &"1".repeat(64)).unwrap();
    let plans = sidecar.tcp.get("/v1/plans").ok();
    assert_eq!((&plans["revision"], &plans["approvals_needed"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&plans["plans"][0]["plan"], &plans["plans"][0]["approved_by"][1]["who"]),
        (&json!(hash), &json!("uid:77"))
    );
    assert_eq!(plans["other_approvals"][0]["plan"], json!("1".repeat(64)));
    assert!(page(&sidecar.tcp.get("/plans")).contains("Approvals of other plans"));
    apply().ok();
    let after = sidecar.tcp.get("/v1/plans").ok();
    assert_eq!((&after["plans"], &after["other_approvals"]), (&json!([]), &json!([])), "they end with the change");
}

#[test]
fn a_policy_is_planned_proposed_shown_approved_and_applied_over_http() {
    let sidecar = Sidecar::start();
    sidecar.store.apply_policy("approvals_min = 1\n", "").unwrap();
    let policy = "approvals_min = 0 # <script>alert(1)</script>\n[view]\ndescription_min = 5\n";
    let hash = policy_plan_hash(&sidecar.store.catalog(), policy).unwrap();
    let planned = sidecar.tcp.post("/v1/plan", &json!({"policy": policy})).ok();
    assert_eq!((&planned["applied"], &planned["revision"]), (&json!(false), &json!(2)));
    assert_eq!(planned["approval"], json!({"plan": hash, "needed": 1, "given": []}));
    assert_eq!(planned["changes"].as_array().map(Vec::len), Some(5));
    assert_eq!(planned["breaches"][0]["rule"], json!("view.description_min"));
    let proposed = sidecar.unix.post("/v1/propose", &json!({"policy": policy, "message": "Alone"})).ok();
    assert_eq!(proposed, json!({"plan": hash}));
    let text = page(&sidecar.tcp.get("/plans")).to_owned();
    for part in ["line 1", "approvals_min = 0 # &lt;script&gt;alert(1)&lt;/script&gt;", "description_min = 5"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let apply = |asked: Json| sidecar.unix.post("/v1/apply", &asked);
    assert!(apply(json!({"policy": policy})).error(409, "conflict").contains("it has 0"));
    sidecar.store.approve_by(&other(), &hash).unwrap();
    assert_eq!(apply(json!({"policy": policy, "revision": 7})).status, 409);
    let done = apply(json!({"policy": policy, "message": "Alone"})).ok();
    assert_eq!((&done["applied"], &done["revision"]), (&json!(true), &json!(3)));
    assert_eq!((&done["sha256"], &done["changes"]), (&planned["sha256"], &planned["changes"]));
    assert_eq!(sidecar.tcp.get("/v1/policy").ok()["policy"], json!(policy));
}

#[test]
fn a_policy_over_http_is_not_for_everybody_and_not_both_a_policy_and_definitions() {
    let sidecar = Sidecar::start();
    for (path, rule) in [("/v1/apply", "changing the policy needs the role operator"), ("/v1/propose", "has neither")] {
        let denied = sidecar.tcp.post(path, &json!({"policy": "approvals_min = 1\n"})).error(403, "denied");
        assert!(denied.contains(rule), "{denied}");
    }
    for asked in [json!({"policy": "", "definitions": ""}), json!({})] {
        let malformed = sidecar.unix.post("/v1/propose", &asked).error(400, "invalid");
        assert_eq!(malformed, "the body has `definitions` or a `policy`, one of the two");
    }
    let both = sidecar.unix.post("/v1/apply", &json!({"policy": "", "allow_drop": true})).error(400, "invalid");
    assert!(both.contains("a policy drops and redefines nothing"), "{both}");
    let wrong = sidecar.tcp.post("/v1/plan", &json!({"policy": "approvals = 1\n"})).error(422, "invalid");
    assert!(wrong.starts_with("policy:1:1: "), "{wrong}");
    assert_eq!(sidecar.store.catalog().policy(), None);
}

#[test]
fn what_cannot_be_proposed_is_refused() {
    let sidecar = Sidecar::start();
    let refused = |body: Json| sidecar.unix.post("/v1/propose", &body);
    let same = refused(json!({"definitions": DEFINITIONS})).error(422, "invalid");
    assert_eq!(same, "there is nothing to propose: everything is as defined already");
    let long = refused(json!({"definitions": changed(), "message": "x".repeat(4_097)})).error(422, "invalid");
    assert_eq!(long, "the reason of a change has at most 4096 bytes: 4097");
    sidecar.store.apply_policy("[view]\ndescription_min = 5\n", "").unwrap();
    let more = format!(
        "{DEFINITIONS}\n[[feature_view]]\nname = \"more\"\nentities = [\"user\"]\n\
                        feature = [{{ name = \"x\", type = \"int64\" }}]\n"
    );
    assert!(refused(json!({"definitions": more})).error(422, "invalid").contains("this breaks the policy"));
    assert_eq!(sidecar.store.proposals().unwrap().waiting, []);
}

/// Needs to be root, as it is in most containers, to become somebody else.
#[test]
fn users_of_a_team_apply_over_http_what_is_theirs() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root can be another user");
    }
    let access = Access { allow_uids: vec![65531], ..Access::default() };
    let sidecar = Sidecar::with("", HttpOptions { access, ..HttpOptions::default() });
    let of_team =
        |team: &str| DEFINITIONS.replace("name = \"stats\"\n", &format!("name = \"stats\"\nteam = \"{team}\"\n"));
    sidecar.store.apply(&parse_definitions(&of_team("growth"), "d.toml").unwrap(), false).unwrap();
    sidecar.store.apply_policy("[[team]]\nname = \"growth\"\nmembers = [\"uid:65531\"]\n", "").unwrap();
    let Target::Unix(socket) = &sidecar.unix else { unreachable!("it is a Unix socket") };
    for path in [socket.as_path(), socket.parent().unwrap()] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    let as_member = |body: Json| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--unix-socket"]).arg(socket).args(["http://localhost/v1/apply", "--data-binary"]);
        let output = curl.arg(body.to_string()).uid(65531).gid(65531).output();
        output.ok().map(|output| serde_json::from_slice::<Json>(&output.stdout).expect("JSON"))
    };
    let mine = of_team("growth").replace("ttl = \"1d\"", "ttl = \"2d\"");
    let Some(done) = as_member(json!({"definitions": mine})) else { return eprintln!("skipped: no curl") };
    assert_eq!(done["applied"], json!(true), "{done}");
    let newest = sidecar.store.catalog_log(None, 1).unwrap();
    assert_eq!(newest[0].cause.who, "uid:65531");
    let stolen = as_member(json!({"definitions": of_team("sales")})).unwrap();
    assert_eq!(stolen["error"]["kind"], json!("denied"), "{stolen}");
}
