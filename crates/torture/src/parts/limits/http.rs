//! Our own limits, over HTTP.

use asofdb::Session;

use super::tables::{KEYED, definitions, key_text_max, row_overhead};
use crate::check::{Checked, check, equal};
use crate::host::{Conditions, Host};
use crate::ledger::EVENT;
use crate::place::in_memory;
use crate::{Report, Setting};

/// Bytes of a body.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Values of an answer.
const ANSWER_VALUES_MAX: usize = 250_000;

const KIND: &str = "limits reached and passed";

pub(super) fn run(setting: &Setting, report: &mut Report) {
    if let Err(wrong) = all(setting, report) {
        report.fault(format!("limits over HTTP: {wrong}"));
    }
}

fn all(setting: &Setting, report: &mut Report) -> Checked {
    let directory = in_memory()?;
    let path = directory.path().join("store");
    let conditions = Conditions::default();
    let host = Host::start(setting, directory.path(), &path, &conditions).map_err(|ended| ended.log)?;
    host.client()?.apply(&definitions(), false)?;
    report.check(KIND, "HTTP: bytes of a key", || key(&host));
    report.check(KIND, "HTTP: bytes of a row", || row(&host));
    report.check(KIND, "HTTP: bytes of a body", || body(&host));
    report.check(KIND, "HTTP: values of an answer", || values(&host));
    let ended = host.terminate();
    check(ended.is_some_and(|status| status.success()), || format!("the sidecar ended with {ended:?}"))
}

/// Posts what is beyond a limit, and then what is at it.
fn reach(host: &Host, view: &str, good: &str, bad: &str, status: u16, rule: &str) -> Checked {
    let (path, client) = (format!("/v1/write/{view}"), host.client()?);
    let before = client.freshness(view)?.entities;
    refused(host.post(&path, bad)?, status, rule)?;
    equal("entities after a refusal", &client.freshness(view)?.entities, &before)?;
    let (status, answer) = host.post(&path, good)?;
    check(status == 200, || format!("what is at the limit gets {status}: {answer}"))?;
    equal("entities at the limit", &client.freshness(view)?.entities, &(before + 1))
}

fn refused((status, answer): (u16, String), expected: u16, rule: &str) -> Checked {
    let is_named = status == expected && answer.contains(rule);
    check(is_named, || format!("what is beyond the limit gets {status}, and not the rule ({rule}): {answer}"))
}

fn key(host: &Host) -> Checked {
    let thing = |bytes| format!(r#"[{{"thing": "{}", "event_timestamp": "{EVENT}", "number": 1}}]"#, "k".repeat(bytes));
    let most = key_text_max()?;
    reach(host, KEYED, &thing(most), &thing(most + 1), 422, "an entity key has at most 1024 bytes")
}

/// One user as a list of rows, with a text of so many bytes.
fn user(user: u64, text_bytes: usize) -> String {
    let text = "t".repeat(text_bytes);
    format!(r#"[{{"user_id": {user}, "event_timestamp": "{EVENT}", "number": 1, "text": "{text}"}}]"#)
}

fn row(host: &Host) -> Checked {
    let most = (1 << 20) - row_overhead()?;
    reach(host, "texts", &user(1, most), &user(1, most + 1), 422, "a row has at most 1048576 bytes")
}

fn body(host: &Host) -> Checked {
    // The room that is left is filled with spaces, which mean nothing.
    let padded = |bytes: usize| {
        let row = user(2, 10);
        let room = " ".repeat(bytes - row.len());
        row + &room
    };
    reach(host, "texts", &padded(BODY_BYTES_MAX), &padded(BODY_BYTES_MAX + 1), 413, "a body has at most 16777216 bytes")
}

fn values(host: &Host) -> Checked {
    let ask = |entities: usize| {
        let entity = |user| format!(r#"{{"user_id": {user}}}"#);
        let entities: Vec<String> = (0..entities).map(entity).collect();
        format!(r#"{{"features": ["many:number"], "entities": [{}]}}"#, entities.join(", "))
    };
    refused(host.post("/v1/latest", &ask(ANSWER_VALUES_MAX + 1))?, 422, "an answer has at most 250000 values")?;
    let (status, answer) = host.post("/v1/latest", &ask(ANSWER_VALUES_MAX))?;
    let shown: String = answer.chars().take(200).collect();
    check(status == 200, || format!("what is at the limit gets {status}: {shown}"))
}
