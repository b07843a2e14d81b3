//! Policies, the log and approvals through a sidecar: it is the user who counts, as the kernel tells it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use asofdb::{Actor, ApplyOptions, ErrorKind, Policy, Session, Span};
use asofdb_client::{Client, ConnectOptions};

use super::harness::Sidecar;
use crate::common::users;

#[test]
fn a_policy_and_the_log_are_those_of_the_store_behind_the_sidecar() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    client.apply_policy("[view]\ndescription_min = 3\n", "Clear").unwrap();
    assert_eq!(Policy::of(&client.catalog().unwrap()).unwrap().unwrap().approvals_min(), 0);
    let mut longer = users();
    longer.views[0].ttl = Some(Span::from_secs(60));
    let options = ApplyOptions { message: "Shorter".to_owned(), ..ApplyOptions::default() };
    client.apply_with(&longer, &options).unwrap();
    let mut more = longer.clone();
    more.views.push(crate::common::view("more", &["user"], &[("x", "int64")]));
    for refused in [client.plan(&more), client.apply_with(&more, &options)] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("feature_view more: description has 0 characters"), "{error}");
    }
    assert_eq!(client.apply_policy("[vew]", "").unwrap_err().kind(), ErrorKind::Invalid);
    let log = client.catalog_log(None, 10).unwrap();
    let me = Actor::of_process().name;
    let told: Vec<_> = log.iter().map(|change| (change.revision, &*change.cause.message)).collect();
    assert_eq!(told, [(3, "Shorter"), (2, "Clear"), (1, "")]);
    assert!(log.iter().all(|change| change.cause.who == me));
    let before = client.catalog_at(log[2].at).unwrap();
    assert_eq!(before.view("profile").unwrap().ttl, Some(Span::from_secs(86_400)));
    assert_eq!(client.catalog_at(client.now().unwrap()).unwrap().revision(), 3);
    let page = client.catalog_changes(3, 1).unwrap();
    assert_eq!((page.len(), page[0].revision, page[0].before.len()), (1, 2, 2));
}

#[test]
fn a_consumer_may_not_prepare_join_or_scan_what_the_policy_restricts() {
    let mut definitions = users();
    definitions.views[0].tags.insert("pii".to_owned(), "true".to_owned());
    let sidecar = Sidecar::start(&definitions, &[]);
    let connect = |name: &str| {
        let options = ConnectOptions { consumer: Some(name.to_owned()), ..ConnectOptions::default() };
        Client::connect_with(sidecar.socket(), options).unwrap()
    };
    let (ranker, fraud) = (connect("ranker"), connect("fraud"));
    let before = ranker.prepare(&["profile:score"]).unwrap();
    let mut rows = before.entity_rows();
    rows.push(&[crate::common::int(1)]).unwrap();
    ranker.latest(&before, &rows).unwrap();
    ranker.apply_policy("[[restricted]]\ntags = { pii = \"true\" }\nconsumers = \"fraud\"\n", "").unwrap();
    let read = |client: &Client| {
        let request = client.prepare(&["profile:score"])?;
        let mut rows = request.entity_rows();
        rows.push(&[crate::common::int(1)])?;
        client.latest(&request, &rows).map(drop)
    };
    assert_eq!(read(&ranker).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(ranker.latest(&before, &rows).unwrap_err().kind(), ErrorKind::Denied, "it was prepared before");
    read(&fraud).unwrap();
    let entity = [("user_id", asofdb::Value::Int64(1))];
    assert_eq!(ranker.history("profile", &entity, 1).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(fraud.history("profile", &entity, 1).unwrap().len(), 0);
}

#[test]
fn a_plan_is_made_known_through_the_sidecar_until_the_next_change() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let mut longer = users();
    longer.views[0].ttl = Some(Span::from_secs(60));
    let hash = client.propose(&longer, "Shorter").unwrap();
    assert_eq!(hash, asofdb::plan_hash(&client.catalog().unwrap(), &longer).unwrap());
    assert_eq!(client.propose(&longer, "Again").unwrap(), hash);
    let waiting = client.proposals().unwrap().waiting;
    let told: Vec<_> = waiting.iter().map(|one| (&*one.plan, &*one.message, &*one.who)).collect();
    assert_eq!(told, [(hash.as_str(), "Shorter", Actor::of_process().name.as_str())]);
    assert_eq!(waiting[0].changes[0].details, ["ttl 1d -> 1m"]);
    let same = client.propose(&users(), "").unwrap_err();
    assert_eq!(same.message(), "there is nothing to propose: everything is as defined already");
    let policy = client.propose_policy("approvals_min = 2\n", "Four eyes").unwrap();
    assert_eq!(policy, asofdb::policy_plan_hash(&client.catalog().unwrap(), "approvals_min = 2\n").unwrap());
    let waiting = client.proposals().unwrap().waiting;
    assert_eq!(waiting[1].changes[1].to_string(), "+ policy line 1 (approvals_min = 2)");
    assert_eq!(client.propose_policy("approvals = 2\n", "").unwrap_err().kind(), ErrorKind::Invalid);
    client.apply_with(&longer, &ApplyOptions::default()).unwrap();
    assert_eq!(client.proposals().unwrap().waiting, []);
}

/// Needs to be root, as it is in most containers, to become somebody else.
#[test]
fn users_of_a_team_apply_what_is_theirs_once_another_user_has_approved_it() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root can be another user");
    }
    let arguments = ["--mode", "0666", "--allow-uid", "65531", "--allow-uid", "65532", "--allow-uid", "65533"];
    let mut definitions = users();
    definitions.views[0].team = "growth".to_owned();
    let sidecar = Sidecar::start(&definitions, &arguments);
    let policy = "approvals_min = 1\n[[team]]\nname = \"growth\"\nmembers = [\"uid:65531\", \"uid:65532\"]\n";
    sidecar.client().apply_policy(policy, "").unwrap();
    let write = |name: &str, ttl: &str, team: &str| {
        let text = format!(
            "[[entity]]\nname = \"user\"\njoin_keys = [{{ name = \"user_id\", type = \"int64\" }}]\n\
             [[feature_view]]\nname = \"profile\"\nentities = [\"user\"]\nttl = \"{ttl}\"\nteam = \"{team}\"\n\
             created_timestamp = \"created\"\nfeature = [{{ name = \"score\", type = \"float32\" }}, \
             {{ name = \"visits\", type = \"int64\" }}, {{ name = \"name\", type = \"string\" }}]\n"
        );
        std::fs::write(sidecar.directory.path().join(name), text).expect("a file");
    };
    write("mine.toml", "2h", "growth");
    write("stolen.toml", "2h", "sales");
    // Others may not look into the directory where it was built.
    let asof = sidecar.directory.path().join("asof");
    std::fs::copy(env!("CARGO_BIN_EXE_asof"), &asof).expect("a copy");
    let run = |uid: u32, arguments: &[&str]| {
        let mut command = Command::new(&asof);
        command.current_dir(sidecar.directory.path()).arg("--connect").arg(sidecar.socket());
        let output = command.args(arguments).uid(uid).gid(uid).output().expect("asof runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (_, planned, _) = run(65531, &["plan", "mine.toml", "--format", "json"]);
    let planned: serde_json::Value = serde_json::from_str(&planned).expect("JSON");
    let hash = planned["approval"]["plan"].as_str().expect("a hash").to_owned();
    let fails = |uid: u32, arguments: &[&str], part: &str| {
        let (code, _, message) = run(uid, arguments);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(part), "{message}");
    };
    fails(65531, &["apply", "mine.toml"], "the policy wants approvals by 1 others than uid:65531; it has 0");
    fails(65533, &["apply", "mine.toml"], "needs the role operator");
    fails(65533, &["approve", &hash], "uid:65533 has neither");
    fails(65531, &["apply", "stolen.toml"], "uid:65531 may change what is of the team growth alone");
    assert_eq!(run(65532, &["approve", &hash]).0, Some(0));
    assert_eq!(run(65531, &["apply", "mine.toml", "--message", "Mine"]).0, Some(0));
    let newest = &sidecar.client().catalog_log(None, 1).unwrap()[0].cause;
    assert_eq!((newest.who.as_str(), newest.message.as_str()), ("uid:65531", "Mine"));
    assert_eq!(newest.approved_by.iter().map(|one| one.who.as_str()).collect::<Vec<_>>(), ["uid:65532"]);
    let alone = sidecar.directory.path().join("alone.toml");
    std::fs::write(&alone, policy.replace("approvals_min = 1", "approvals_min = 0")).expect("a file");
    fails(65533, &["policy", "propose", "alone.toml"], "uid:65533 has neither");
    assert_eq!(run(65531, &["policy", "propose", "alone.toml", "--message", "Alone"]).0, Some(0));
    fails(65531, &["policy", "apply", "alone.toml"], "needs the role operator");
}
