//! Admission: requests that are let in or refused.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use asofdb_sidecar::{Access, HttpListeners, HttpOptions, HttpServer, HttpToken, Limits, Service};
use serde_json::json;

use super::client::Target;
use super::sidecar::{Sidecar, stats_row};
use crate::common::{hours_ago, in_memory, users};

const TOKEN: &str = "c2VjcmV0IHNlY3JldCBzZWNyZXQ";

fn with_token() -> Sidecar {
    let token = Some(HttpToken::new(TOKEN).unwrap());
    Sidecar::with("", HttpOptions { token, ..HttpOptions::default() })
}

#[test]
fn over_tcp_the_token_is_asked_for_and_over_the_unix_socket_the_user_counts() {
    let sidecar = with_token();
    let bare = sidecar.tcp.get("/v1/views");
    assert_eq!(bare.error(401, "invalid"), "the token is missing or wrong; send it as `Authorization: Bearer TOKEN`");
    assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
    for wrong in ["Bearer wrong", "Basic c2VjcmV0", &format!("Bearer {TOKEN}x"), TOKEN, "Bearer "] {
        let reply = sidecar.tcp.send("GET", "/v1/views", &[("Authorization", wrong)], b"");
        assert_eq!(reply.status, 401, "{wrong}");
    }
    let right = format!("bearer {TOKEN}");
    assert_eq!(sidecar.tcp.send("GET", "/v1/views", &[("Authorization", &right)], b"").status, 200);
    let elsewhere = [("Authorization", right.as_str()), ("Host", "features.example.org")];
    assert_eq!(sidecar.tcp.send("GET", "/v1/views", &elsewhere, b"").status, 200);
    assert_eq!(sidecar.unix.get("/v1/views").status, 200);
    for open in ["/healthz", "/readyz", "/health"] {
        assert_eq!(sidecar.tcp.get(open).status, 200, "{open}");
    }
    assert_eq!(sidecar.tcp.get("/metrics").status, 401);
    let feast = sidecar.tcp.post("/get-online-features", &json!({}));
    feast.feast_error(401, "FeastError");
}

#[test]
fn without_a_token_only_loopback_is_served() {
    let service = Arc::new(Service::new(in_memory(&users()), Limits::default()));
    let everywhere = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let start = |options| {
        let listeners = HttpListeners { tcp: vec![everywhere()], unix: vec![] };
        HttpServer::start(service.clone(), listeners, options)
    };
    let error = start(HttpOptions::default()).unwrap_err();
    assert!(error.message().starts_with("without a token HTTP is served on loopback addresses only"), "{error}");
    let token = Some(HttpToken::new(TOKEN).unwrap());
    assert!(start(HttpOptions { token, ..HttpOptions::default() }).unwrap().drain(std::time::Duration::from_secs(5)));
}

#[test]
fn web_pages_are_not_served() {
    let sidecar = Sidecar::start();
    let get = |headers: &[(&str, &str)]| sidecar.tcp.send("GET", "/v1/views", headers, b"");
    let message = get(&[("Origin", "http://evil.example")]).error(403, "denied");
    assert_eq!(message, "requests of web pages are not served: the header Origin is set");
    for site in ["cross-site", "same-site", "anything"] {
        let message = get(&[("Sec-Fetch-Site", site)]).error(403, "denied");
        assert_eq!(
            message,
            "requests of other sites' pages are not served: the header Sec-Fetch-Site says that it is one"
        );
    }
    assert_eq!(get(&[("Sec-Fetch-Site", "none")]).status, 200, "typed into a browser");
    let message = get(&[("Host", "evil.example:80")]).error(403, "denied");
    assert_eq!(message, "the header Host names another host than this one: \"evil.example\"");
    for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:6566", "[::1]:6566", "[::1]"] {
        assert_eq!(get(&[("Host", host)]).status, 200, "{host}");
    }
}

const MAY_NOT_WRITE: &str = "writing needs the role writer; this caller has the role reader";

#[test]
fn a_read_only_door_refuses_writes_by_everybody() {
    let access = Access { read_only: true, ..Access::default() };
    let sidecar = Sidecar::with("", HttpOptions { access, ..HttpOptions::default() });
    for target in [&sidecar.tcp, &sidecar.unix] {
        let row = stats_row(1, hours_ago(1), &json!(1));
        assert_eq!(target.post("/v1/write/stats", &json!([row])).error(403, "denied"), MAY_NOT_WRITE);
        assert_eq!(target.post("/v1/delete", &json!({"entity": {"user_id": 1}})).status, 403);
        assert_eq!(target.post("/v1/delete_events/purchases", &json!([])).status, 403);
        let push = target.post("/push", &json!({"push_source_name": "stats", "df": {}}));
        assert_eq!(push.feast_error(403, "FeastError"), MAY_NOT_WRITE);
        assert_eq!(target.get("/v1/views").status, 200);
    }
}

/// Asks as another user of this host; needs to be root.
fn as_user(uid: u32, sidecar: &Sidecar, request: &str) -> String {
    const SCRIPT: &str = "import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode())
print(s.makefile('rb').read().decode())";
    let Target::Unix(path) = &sidecar.unix else { unreachable!("it is a Unix socket") };
    for (path, mode) in [(path.parent().unwrap(), 0o755), (path, 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let output = Command::new("python3").args(["-c", SCRIPT]).arg(path).arg(request).uid(uid).gid(uid).output();
    String::from_utf8(output.expect("Python runs").stdout).unwrap()
}

#[test]
fn another_user_of_the_host_is_refused_unless_the_sidecar_lets_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can act as another user");
        return;
    }
    let sidecar = Sidecar::start();
    let refused = as_user(65_533, &sidecar, "GET /v1/views");
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    assert!(refused.contains("this user may not use this sidecar: 65533"), "{refused}");
    assert!(sidecar.unix.get("/metrics").text().contains("reason=\"access\"} 1\n"));
    let access = Access { allow_uids: vec![65_533], allow_gids: vec![65_532], ..Access::default() };
    let sidecar = Sidecar::with("", HttpOptions { access, ..HttpOptions::default() });
    for uid in [65_533, 65_532] {
        assert!(as_user(uid, &sidecar, "GET /v1/views").starts_with("HTTP/1.1 200 "), "{uid}");
        assert!(as_user(uid, &sidecar, "POST /v1/erase").starts_with("HTTP/1.1 403 "), "{uid}");
    }
    assert!(as_user(65_531, &sidecar, "GET /v1/views").starts_with("HTTP/1.1 403 "));
}

#[test]
fn only_the_user_of_the_sidecar_may_erase() {
    let sidecar = Sidecar::start();
    let asked = json!({"entity": {"user_id": 1}});
    let message = sidecar.tcp.post("/v1/erase", &asked).error(403, "denied");
    assert_eq!(
        message,
        "erasing needs the role operator, which the user who runs the sidecar has on its Unix sockets; this caller has the role writer"
    );
    assert_eq!(sidecar.unix.post("/v1/erase", &asked).status, 200);
}

#[test]
fn consumers_name_themselves_and_cannot_take_the_name_of_another() {
    let sidecar = Sidecar::with("[[consumer]]\nname = \"ranker\"\nuids = [4000000]", HttpOptions::default());
    let get = |name: &str| sidecar.unix.send("GET", "/v1/views", &[("X-Asof-Consumer", name)], b"");
    assert_eq!(get("trainer").status, 200);
    assert_eq!(
        get("ranker").error(422, "invalid"),
        "the consumer name is reserved to other users; choose another: \"ranker\""
    );
    assert!(get("a b").error(422, "invalid").starts_with("a consumer's name has 1 to 64 of"));
    sidecar.unix.get("/v1/views");
    sidecar.tcp.get("/v1/views");
    let uid = format!("uid:{}", rustix::process::getuid().as_raw());
    let mut names: Vec<_> = sidecar.service.report().into_iter().map(|one| one.consumer).collect();
    names.sort();
    let mut expected = vec!["http".to_owned(), "trainer".to_owned(), uid];
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn unknown_routes_and_methods_are_told_from_each_other() {
    let sidecar = Sidecar::start();
    assert_eq!(
        sidecar.tcp.get("/v2/latest").error(404, "not_found"),
        "there is no route GET /v2/latest; GET /openapi.json has all"
    );
    let other = sidecar.tcp.send("DELETE", "/v1/views", &[], b"");
    assert_eq!(other.error(405, "invalid"), "the route does not take the method DELETE; GET /openapi.json has all");
    assert_eq!(other.header("allow"), Some("GET,HEAD"));
}
