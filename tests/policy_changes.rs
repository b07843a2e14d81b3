//! Changes of the policy: made known, approved by others, and made by operators alone.

use asofdb::{Actor, ErrorKind, Proposals, Session, Store, parse_definitions, policy_hash, policy_plan_hash};

use crate::common::{NOW, in_memory};

const TWO: &str = "approvals_min = 1\n[[team]]\nname = \"growth\"\nmembers = [\"uid:1\", \"uid:2\"]\n";
const NONE: &str = "approvals_min = 0\n[[team]]\nname = \"growth\"\nmembers = [\"uid:1\"]\n";

fn store() -> Store {
    let store = in_memory(&parse_definitions("", "d.toml").unwrap());
    store.apply_policy(TWO, "").unwrap();
    store
}

fn member(name: &str) -> Actor {
    Actor { name: name.to_owned(), is_operator: false }
}

fn operator(name: &str) -> Actor {
    Actor { name: name.to_owned(), is_operator: true }
}

#[test]
fn a_change_of_the_policy_is_made_known_line_by_line_with_its_hash() {
    let store = store();
    let hash = store.propose_policy_by(&member("uid:1"), NONE, "One is enough").unwrap();
    assert_eq!(hash, policy_plan_hash(&store.catalog(), NONE).unwrap());
    let [proposal] = &store.proposals().unwrap().waiting[..] else { panic!("one waits") };
    let told = (proposal.plan.as_str(), proposal.who.as_str(), proposal.at, proposal.message.as_str());
    assert_eq!(told, (hash.as_str(), "uid:1", NOW, "One is enough"));
    let lines: Vec<_> = proposal.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            &format!("~ policy policy: sha256 {}", policy_hash(NONE)),
            "- policy line 1 (approvals_min = 1)",
            "+ policy line 1 (approvals_min = 0)",
            "- policy line 4 (members = [\"uid:1\", \"uid:2\"])",
            "+ policy line 4 (members = [\"uid:1\"])",
        ]
    );
    assert_eq!(store.catalog().policy().map(|policy| &**policy), Some(TWO), "nothing is changed");
}

#[test]
fn a_policy_that_was_proposed_is_made_by_an_operator_once_others_have_approved_it() {
    let store = store();
    let (ann, bob, root) = (member("uid:1"), member("uid:2"), operator("root"));
    let hash = store.propose_policy_by(&ann, NONE, "").unwrap();
    let refused = store.apply_policy_by(&root, NONE, "", None).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("it has 0"), "{refused}");
    store.approve_by(&bob, &hash).unwrap();
    for member in [&ann, &bob] {
        let denied = store.apply_policy_by(member, NONE, "", None).unwrap_err();
        assert_eq!(denied.kind(), ErrorKind::Denied, "members propose and approve; operators apply");
    }
    store.apply_policy_by(&root, NONE, "One is enough", None).unwrap();
    let made = &store.catalog_log(Some("policy"), 1).unwrap()[0].cause;
    assert_eq!((made.who.as_str(), made.approved_by[0].who.as_str()), ("root", "uid:2"));
    assert_eq!(store.proposals().unwrap().waiting, [], "it ends with the change");
}

#[test]
fn what_is_approved_is_the_text_that_was_proposed_and_no_other() {
    let store = store();
    let hash = store.propose_policy_by(&member("uid:1"), NONE, "").unwrap();
    store.approve_by(&member("uid:2"), &hash).unwrap();
    let more = format!("{NONE}\n[[team]]\nname = \"more\"\nmembers = [\"uid:9\"]\n");
    assert_eq!(store.apply_policy_by(&operator("root"), &more, "", None).unwrap_err().kind(), ErrorKind::Conflict);
    store.propose_policy_by(&member("uid:1"), &more, "").unwrap();
    assert_eq!(store.proposals().unwrap().waiting.len(), 2);
}

#[test]
fn who_may_change_nothing_proposes_no_policy_and_what_is_none_is_refused() {
    let store = store();
    let refused = |who: &Actor, policy: &str, message: &str| {
        let error = store.propose_policy_by(who, policy, message).unwrap_err();
        (error.kind(), error.message().to_owned())
    };
    assert_eq!(refused(&member("uid:3"), NONE, "").0, ErrorKind::Denied);
    let (kind, message) = refused(&member("uid:1"), "approvals = 2\n", "");
    assert_eq!((kind, message.starts_with("policy:1:1: ")), (ErrorKind::Invalid, true), "{message}");
    let same = "there is nothing to propose: it is the policy already".to_owned();
    assert_eq!(refused(&member("uid:1"), TWO, ""), (ErrorKind::Invalid, same));
    let long = refused(&member("uid:1"), NONE, &"x".repeat(4_097));
    assert_eq!(long, (ErrorKind::Invalid, "the reason of a change has at most 4096 bytes: 4097".to_owned()));
    assert_eq!(store.proposals().unwrap().waiting, []);
}

#[test]
fn of_a_long_policy_the_first_lines_are_kept_and_the_others_counted() {
    let store = store();
    let comments: String = (0..300).map(|line| format!("# {line}\n")).collect();
    store.propose_policy_by(&member("uid:1"), &format!("{TWO}{comments}"), "").unwrap();
    let proposal = &store.proposals().unwrap().waiting[0];
    assert_eq!((proposal.changes.len(), proposal.left_out), (Proposals::LINES_MAX, 301 - Proposals::LINES_MAX as u64));
    let long = format!("{TWO}# {}\n", "x".repeat(5_000));
    store.propose_policy_by(&member("uid:2"), &long, "").unwrap();
    let detail = &store.proposals().unwrap().waiting[1].changes[1].details[0];
    assert!(detail.len() < 600 && detail.ends_with('…'), "{detail}");
}
